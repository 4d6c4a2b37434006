"""Estimates with their intervals, in a row each, for one or two series; and a square of shares."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from rmlab.plots.display import set_description
from rmlab.plots.style import FIRST, HELD_OUT, INK, NEUTRAL, PAGE, TEXT, label, listed, make_axes, signed
from rmlab.printing import printable

__all__ = ["plot_estimates", "plot_shares"]

Ends = tuple[float, float, float]

SHADES = LinearSegmentedColormap.from_list("shares", [PAGE, FIRST])
DARKEST = 0.6  # of the way to full colour, so that ink can be read on every field


def plot_estimates(
    series: Mapping[str, Mapping[str, Ends]],
    *,
    title: str,
    x_label: str,
    at: float = 0.0,
    percent: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw a point and an interval for each row of one series or two.

    Parameters
    ----------
    series
        The rows of each series by their names, from the top: value, lower and upper end. Two series have the same rows.
    title, x_label
        The title, and the name of the x axis.
    at
        Where to draw the dashed line: the value without any effect.
    percent
        Whether values are shares.
    ax
        Where to draw; by default a figure of its own.

    Raises
    ------
    ValueError
        If there are not one or two series, or their rows differ.
    """
    names = [list(rows) for rows in series.values()]
    if not 1 <= len(names) <= 2 or not names[0] or names[-1] != names[0]:
        raise ValueError(f"expected one series or two with the same rows, got {[len(rows) for rows in names]} rows")
    ax = make_axes(ax, 8.4, 1.6 + (0.36 + 0.18 * (len(series) - 1)) * len(names[0]))
    ax.axvline(at, color=NEUTRAL, linewidth=1.5, linestyle="--")
    said = []
    styles = zip((FIRST, HELD_OUT), ("o", "s"), (-0.17, 0.17) if len(series) == 2 else (0.0,), strict=False)
    for (name, rows), (colour, marker, up) in zip(series.items(), styles, strict=True):
        v, low, high = np.array(list(rows.values()), dtype=float).T
        y = np.arange(len(v)) + up
        ax.errorbar(v, y, xerr=[v - low, high - v], fmt="none", ecolor=colour, elinewidth=2, capsize=3)
        ax.plot(v, y, marker, color=colour, markersize=8, linestyle="", label=printable(name))
        number = (lambda x: f"{x:.0%}") if percent else signed
        each = [f"{printable(row)} {number(a)} ({number(b)} to {number(c)})" for row, (a, b, c) in rows.items()]
        said.append(f"{printable(name)}: {listed(each)}")
    ax.set_ylim(len(names[0]) - 0.4, -0.6)
    ax.set_yticks(range(len(names[0])), list(map(printable, names[0])), parse_math=False)
    if percent:
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    label(ax, title, x_label, "")
    if len(series) == 2:
        ax.legend(fontsize=TEXT - 1, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return set_description(ax, f"{title}, with 95% intervals. {'. '.join(said)}.")


def plot_shares(
    shares: ArrayLike, names: Sequence[str], *, title: str, parts: Sequence[int] = (), ax: Axes | None = None
) -> Axes:
    """Draw a square of shares, from light at the lowest to dark at the highest, with the number in each field.

    Parameters
    ----------
    shares
        The share for each two names, NaN where there is none; shape ``(n, n)``.
    names
        Names of the rows, and of the columns.
    title
        The title.
    parts
        Rows before which a line is drawn.
    ax
        Where to draw; by default a figure of its own.
    """
    table = np.asarray(shares, dtype=float)
    if table.shape != (len(names), len(names)):
        raise ValueError(f"shares must have shape ({len(names)}, {len(names)}), got {table.shape}")
    ax = make_axes(ax, 1.6 + 0.5 * len(names), 1.2 + 0.42 * len(names))
    low, high = np.nanmin(table), np.nanmax(table)
    lightest = low - 0.1
    ax.imshow(table, cmap=SHADES, vmin=lightest, vmax=lightest + (high - lightest) / DARKEST, aspect="auto")
    for i, j in zip(*np.nonzero(~np.isnan(table)), strict=True):
        ax.text(j, i, f"{100 * table[i, j]:.0f}", ha="center", va="center", color=INK, fontsize=10)
    ticks = range(len(names))
    ax.set_yticks(ticks, list(map(printable, names)), parse_math=False)
    ax.set_xticks(ticks, list(map(printable, names)), parse_math=False, rotation=60, ha="right", rotation_mode="anchor")
    for part in parts:
        ax.axhline(part - 0.5, color=INK, linewidth=2)
        ax.axvline(part - 0.5, color=INK, linewidth=2)
    label(ax, title, "", "")
    return set_description(ax, f"{title}, a square of {len(names)} rows: {_blocks(table, names, parts)}.")


def _blocks(table: np.ndarray, names: Sequence[str], parts: Sequence[int]) -> str:
    """Return the mean share within each part and across, in words."""
    ends = [0, *parts, len(names)]
    places = [list(range(a, b)) for a, b in itertools.pairwise(ends)]
    said = []
    for i, one in enumerate(places):
        if len(one) > 1:
            among = ", ".join(printable(names[k]) for k in one)
            said.append(f"among {among} {np.nanmean(table[np.ix_(one, one)]):.0%}")
        for other in places[i + 1 :]:
            fields = table[np.ix_(one, other)]
            whose = f"{printable(names[one[0]])} and {printable(names[other[0]])}"
            said.append(f"between the parts of {whose} {np.nanmean(fields):.0%}")
    return "; ".join(said)
