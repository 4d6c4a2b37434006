"""Colours, type sizes and the few marks that the pictures share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rmlab._theme import PALETTE, TEXT_POINTS, TITLE_POINTS
from rmlab.plots.display import bundle, describe

CHOSEN, REJECTED = PALETTE["chosen"].light, PALETTE["rejected"].light
FIRST, HELD_OUT, THIRD = PALETTE["first"].light, PALETTE["focus"].light, PALETTE["third"].light  # lines, in this order
NEUTRAL, INK, ERROR = PALETTE["quiet"].light, PALETTE["ink"].light, PALETTE["error"].light
PAGE = PALETTE["page"].light
PROMPT, PADDING, SURROUND = PALETTE["prompt"].light, PALETTE["padding"].light, PALETTE["surround"].light
TEXT, TITLE = TEXT_POINTS, TITLE_POINTS


def make_axes(ax: Axes | None, width: float, height: float) -> Axes:
    """Return `ax`, or the Axes of a new figure of this size in inches, which a notebook shows at the end of a cell."""
    if ax is None:
        ax = Figure(figsize=(width, height), layout="constrained", facecolor=PAGE).subplots()
        setattr(ax, "_repr_html_", partial(_repr_html, ax))  # noqa: B010
    return ax


def _repr_html(ax: Axes) -> str:
    return bundle(ax, describe(ax))["text/html"]


def make_panels(ax: Axes, n: int) -> list[Axes]:
    """Return `n` panels side by side within `ax`, whose own frame is removed."""
    ax.set_axis_off()
    gap = 0.24 / n
    width = (1 - gap * (n - 1)) / n
    return [ax.inset_axes((i * (width + gap), 0, width, 1)) for i in range(n)]


def label(ax: Axes, title: str, x: str, y: str) -> None:
    """Set the title and the names of the axes."""
    ax.set_title(title, fontsize=TITLE, color=INK, loc="left")
    ax.set_xlabel(x, fontsize=TEXT, color=INK)
    ax.set_ylabel(y or ax.get_ylabel(), fontsize=TEXT, color=INK)
    ax.tick_params(labelsize=TEXT - 1, colors=INK)
    ax.spines[["top", "right"]].set_visible(False)


def leave_only(ax: Axes, artists: Sequence[Artist]) -> None:
    """Make the rest of the figure invisible; it keeps its room, so that layers fit on each other."""
    left = {part for artist in artists for part in artist.findobj()}
    for artist in ax.get_figure(root=True).findobj():  # type: ignore[union-attr]
        if artist not in left:
            artist.set_alpha(0)
    ax.tick_params(colors="none")  # ticks are made when they are drawn


def mark(ax: Axes, x: float, y: float, text: str, right: float, up: float, align: str) -> list[Artist]:
    """Draw a point at (x, y), and words at an offset in points to the right of it and above it."""
    point = ax.plot([x], [y], "o", color=INK, markersize=9, zorder=3)
    words = ax.annotate(
        text, (x, y), (right, up), textcoords="offset points", ha=align, fontsize=TEXT, color=INK, weight="bold",
        parse_math=False,
        bbox={"facecolor": PAGE, "edgecolor": "none", "alpha": 0.8, "pad": 1},
    )  # fmt: skip
    return [*point, words]


def draw_rows(
    ax: Axes,
    names: Sequence[str],
    values: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    text: Sequence[str],
    *,
    markers: Sequence[str] | None = None,
) -> None:
    """Draw a point and an interval for each name, the first on top, with text at the right."""
    y = np.arange(len(names))
    ax.errorbar(values, y, xerr=[values - lower, upper - values], fmt="none", ecolor=FIRST, elinewidth=2, capsize=4)
    for i, marker in enumerate(markers or "o" * len(names)):
        ax.plot(values[i], y[i], marker, color=FIRST if marker != "D" else NEUTRAL, markersize=9)
    ax.set_ylim(len(names) - 0.4, -0.6)
    if len(names) > 40:  # with more the names would overlap
        ax.set_yticks([])
        ax.set_ylabel(f"{len(names)} names, the first on top")
        return
    ax.set_yticks(y, names, parse_math=False)  # a name may contain dollar signs
    for i, words in enumerate(text):
        ax.annotate(words, (1.02, y[i]), xycoords=("axes fraction", "data"), va="center", color=INK, fontsize=TEXT - 1)


def signed(score: float) -> str:
    """Write a score with its sign, and with a minus as wide as the plus."""
    return f"{score:+.2f}".replace("-", "−")


def listed(phrases: Sequence[str]) -> str:
    """Join phrases; of more than 14, only the first six and the last six."""
    if len(phrases) > 14:
        phrases = [*phrases[:6], f"{len(phrases) - 12} more", *phrases[-6:]]
    return "; ".join(phrases)
