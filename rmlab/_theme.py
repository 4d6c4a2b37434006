"""The palette and the type scale of plots, explorer and reports: defined here and nowhere else.

Blue means the chosen response (A in the explorer) and orange the rejected one (B); neither means anything else. The
lines of a plot are `first`, `focus` and `third`, in this order.
All colours but `line`, `edge` and those of areas have a contrast of at least 4.5 to 1 with `page` and `card`, in both
themes. Blue and orange can be told apart in every common kind of colour blindness.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["PALETTE", "TEXT_PIXELS", "TEXT_POINTS", "TITLE_POINTS", "TITLE_RATIO", "Colour", "css_variables"]


class Colour(NamedTuple):
    """One colour in the light and in the dark theme, as ``#rrggbb``; plots use only the light one."""

    light: str
    dark: str


PALETTE: Mapping[str, Colour] = MappingProxyType(
    {
        "page": Colour("#ffffff", "#16181b"),
        "card": Colour("#f7f8fa", "#1f2226"),
        "ink": Colour("#1f1f1f", "#ececec"),
        "quiet": Colour("#595959", "#b0b0b0"),
        "line": Colour("#d5d8dc", "#3d4147"),
        "edge": Colour("#767b82", "#8d939b"),
        "chosen": Colour("#0063b2", "#7ab8f0"),
        "rejected": Colour("#b84e00", "#ffa763"),
        "first": Colour("#00756b", "#5fcfc0"),
        "focus": Colour("#6b3fa0", "#cdb0f5"),
        "third": Colour("#6b6b00", "#cccb55"),
        "error": Colour("#a3001b", "#ff9ba5"),
        "prompt": Colour("#e0b94b", "#e0b94b"),
        "padding": Colour("#c4c4c4", "#c4c4c4"),
        "surround": Colour("#303030", "#303030"),
    }
)
"""Colours by meaning. `focus` also marks what is held out. `prompt` and `padding` fill areas, and `surround` lies
around the grey patches; these three are the same in both themes."""

TEXT_POINTS, TITLE_POINTS = 13, 15
"""Of plots about 7 inches wide: legible from the back row when a plot fills a slide."""
TEXT_PIXELS: Mapping[str, int] = MappingProxyType({"screen": 15, "projector": 23})
"""Of the explorer."""
TITLE_RATIO = 1.25
"""The size of a title in the explorer, as a multiple of the size of its text."""


def css_variables(prefix: str = "") -> str:
    """Return the palette and the type scale as declarations of CSS variables, such as ``--ink: light-dark(...);``."""
    colours = [f"--{prefix}{name}: light-dark({light}, {dark});" for name, (light, dark) in PALETTE.items()]
    sizes = [f"--{prefix}{name}-text: {pixels}px;" for name, pixels in TEXT_PIXELS.items()]
    return " ".join([*colours, *sizes, f"--{prefix}title-ratio: {TITLE_RATIO};"])
