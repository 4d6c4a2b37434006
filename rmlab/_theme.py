"""The palette and the type scale of plots, explorer and reports: written here and nowhere else.

Blue stands for the chosen response (A in the explorer), orange for the rejected one (B), and neither for anything else:
the lines of a picture are `first`, `focus` and `third`, in this order.
Text and marks stand out from `page` and `card` by at least 4.5 to 1 in both themes, and blue from orange in every
common kind of colour blindness.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["PALETTE", "TEXT_PIXELS", "TEXT_POINTS", "TITLE_POINTS", "TITLE_RATIO", "Colour", "css_variables"]


class Colour(NamedTuple):
    """One colour in the light and in the dark theme, as ``#rrggbb``; plots are light alone."""

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
"""By what a colour stands for. `focus` is also what is held out; `prompt` and `padding` fill areas, and `surround` lies
around the grey patches, in both themes alike."""

TEXT_POINTS, TITLE_POINTS = 13, 15
"""In plots, on a figure about 7 inches wide: legible from the back row when it fills a slide."""
TEXT_PIXELS: Mapping[str, int] = MappingProxyType({"screen": 15, "projector": 23})
"""In the explorer."""
TITLE_RATIO = 1.25
"""How much larger than text a title of the explorer is."""


def css_variables(prefix: str = "") -> str:
    """Return the palette and the type scale as declarations of CSS variables, such as ``--ink: light-dark(...);``."""
    colours = [f"--{prefix}{name}: light-dark({light}, {dark});" for name, (light, dark) in PALETTE.items()]
    sizes = [f"--{prefix}{name}-text: {pixels}px;" for name, pixels in TEXT_PIXELS.items()]
    return " ".join([*colours, *sizes, f"--{prefix}title-ratio: {TITLE_RATIO};"])
