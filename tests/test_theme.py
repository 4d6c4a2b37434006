"""The palette and the type scale: legible, written once, and what explorer, reports and plots are drawn with."""

from __future__ import annotations

import math
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import rmlab
from rmlab import plots
from rmlab._theme import PALETTE, TEXT_PIXELS, TEXT_POINTS, TITLE_POINTS, css_variables
from rmlab.explorer.bundle import style
from rmlab.plots.bands import plot_bands
from rmlab.plots.curves import plot_lines
from rmlab.plots.style import PADDING, PROMPT, TEXT, TITLE

PACKAGE = Path(rmlab.__file__).parent
LAB = ("#ffffff", "#111111")  # what JupyterLab puts in place of the page
COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")


def luminance(colour: str) -> float:  # WCAG 2.2
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_luminance_of_white_and_black() -> None:
    assert math.isclose(luminance("#ffffff"), 1.0)
    assert luminance("#000000") == 0.0


@pytest.mark.parametrize("name", ["ink", "quiet", "chosen", "rejected", "first", "focus", "third", "error"])
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_colour_of_text_stands_out(name: str, theme: int) -> None:
    for ground in (PALETTE["page"][theme], PALETTE["card"][theme], LAB[theme]):
        light, dark = sorted((luminance(PALETTE[name][theme]), luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, ground


# What a colour becomes without one kind of cones, in linear RGB (Machado, Oliveira and Fernandes 2009, severity 1).
SEEN = {
    "by all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def lab(colour: str, seen: str) -> np.ndarray:
    """Return a colour as it is seen, in CIELAB under D65."""
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz @ np.clip(np.array(SEEN[seen]) @ linear, 1e-3, 1) / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_lines_of_one_picture_and_the_two_sides_are_told_apart(seen: str, theme: int) -> None:
    for one, other in (("first", "focus"), ("first", "third"), ("focus", "third"), ("chosen", "rejected")):
        apart = np.linalg.norm(lab(PALETTE[one][theme], seen) - lab(PALETTE[other][theme], seen))
        assert apart >= 15, (one, other)  # 2 is just noticed side by side


def test_lines_have_neither_the_blue_of_chosen_nor_the_orange_of_rejected() -> None:
    lines = plot_lines([0, 1], {str(k): [0, k + 1] for k in range(6)}, title="", x_label="", y_label="")
    bands = plot_bands([0, 1], {str(k): [[0, 0, 1], [k, k, 5]] for k in range(4)}, title="", x_label="", y_label="")
    drawn = {line.get_color() for ax in (lines, bands) for line in ax.lines}
    assert plots.FIRST in drawn
    assert not drawn & {plots.CHOSEN, plots.REJECTED}


def test_blue_is_chosen_and_orange_rejected() -> None:
    for name, theme in product(("chosen", "rejected"), (0, 1)):
        red, blue = (int(PALETTE[name][theme][i : i + 2], 16) for i in (1, 5))
        assert (blue > red) == (name == "chosen")


def test_a_colour_is_written_in_the_palette_alone() -> None:
    suffixes = {".py", ".js", ".css"}
    found = {
        path.relative_to(PACKAGE).as_posix(): colours
        for path in sorted(PACKAGE.rglob("*"))
        if "dist" not in path.parts  # bundles of the scripts
        if path.suffix in suffixes and (colours := COLOUR.findall(path.read_text(encoding="utf-8")))
    }
    assert set(found) == {"_theme.py"}


def test_plots_take_the_palette() -> None:
    taken = (
        plots.CHOSEN,
        plots.REJECTED,
        plots.FIRST,
        plots.HELD_OUT,
        plots.THIRD,
        plots.ERROR,
        plots.NEUTRAL,
        plots.INK,
    )
    names = ("chosen", "rejected", "first", "focus", "third", "error", "quiet", "ink", "prompt", "padding")
    assert (*taken, PROMPT, PADDING) == tuple(PALETTE[name].light for name in names)
    assert (TEXT, TITLE) == (TEXT_POINTS, TITLE_POINTS)


def test_the_explorer_takes_the_palette_and_defines_what_it_uses() -> None:
    variables, rules = style().split("\n", 1)
    assert css_variables("rx-") in variables
    assert f"--rx-projector-text: {TEXT_PIXELS['projector']}px" in variables
    scripts = "".join(path.read_text(encoding="utf-8") for path in (PACKAGE / "explorer/web").rglob("*.js"))
    defined = set(re.findall(r"(--rx-[\w-]+)\s*:", style())) | set(re.findall(r'"(--rx-[\w-]+)"', scripts))
    assert set(re.findall(r"var\((--rx-[\w-]+)", rules + scripts)) <= defined


def test_every_sheet_of_the_explorer_is_in_its_style() -> None:
    sheets = sorted((PACKAGE / "explorer/web").rglob("*.css"))
    assert len(sheets) > 5
    assert [sheet.name for sheet in sheets if sheet.read_text(encoding="utf-8") not in style()] == []
    assert all(sheet.read_text(encoding="utf-8").count("\n") < 200 for sheet in sheets)
