"""The palette and the type scale: legible, written once, and what explorer, reports and plots are drawn with."""

from __future__ import annotations

import math
import re
from itertools import product
from pathlib import Path

import pytest

import rmlab
from rmlab import plots
from rmlab._theme import PALETTE, TEXT_PIXELS, TEXT_POINTS, TITLE_POINTS, css_variables
from rmlab.explorer.bundle import style
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


@pytest.mark.parametrize("name", ["ink", "quiet", "chosen", "rejected", "focus", "error"])
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_colour_of_text_stands_out(name: str, theme: int) -> None:
    for ground in (PALETTE["page"][theme], PALETTE["card"][theme], LAB[theme]):
        light, dark = sorted((luminance(PALETTE[name][theme]), luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, ground


def test_blue_is_chosen_and_orange_rejected() -> None:
    for name, theme in product(("chosen", "rejected"), (0, 1)):
        red, blue = (int(PALETTE[name][theme][i : i + 2], 16) for i in (1, 5))
        assert (blue > red) == (name == "chosen")


def test_a_colour_is_written_in_the_palette_alone() -> None:
    suffixes = {".py", ".js", ".css"}
    found = {
        path.relative_to(PACKAGE).as_posix(): colours
        for path in sorted(PACKAGE.rglob("*"))
        if path.suffix in suffixes and (colours := COLOUR.findall(path.read_text(encoding="utf-8")))
    }
    assert set(found) == {"_theme.py"}


def test_plots_take_the_palette() -> None:
    taken = (plots.CHOSEN, plots.REJECTED, plots.HELD_OUT, plots.NEUTRAL, plots.INK, PROMPT, PADDING)
    names = ("chosen", "rejected", "focus", "quiet", "ink", "prompt", "padding")
    assert taken == tuple(PALETTE[name].light for name in names)
    assert (TEXT, TITLE) == (TEXT_POINTS, TITLE_POINTS)


def test_the_explorer_takes_the_palette_and_defines_what_it_uses() -> None:
    variables, rules = style().split("\n", 1)
    assert css_variables("rx-") in variables
    assert f"--rx-projector-text: {TEXT_PIXELS['projector']}px" in variables
    scripts = "".join(path.read_text(encoding="utf-8") for path in (PACKAGE / "explorer/web").rglob("*.js"))
    defined = set(re.findall(r"(--rx-[\w-]+)\s*:", style())) | set(re.findall(r'"(--rx-[\w-]+)"', scripts))
    assert set(re.findall(r"var\((--rx-[\w-]+)", rules + scripts)) <= defined
