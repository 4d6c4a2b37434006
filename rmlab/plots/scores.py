"""Pictures of fitted scores: on their way to the maximum, as bars on an axis of fixed width, and their intervals."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from rmlab.plots.display import set_description
from rmlab.plots.style import ERROR, FIRST, INK, NEUTRAL, PAGE, TEXT, label, listed, make_axes, signed
from rmlab.printing import printable

__all__ = ["plot_intervals", "plot_score_bars", "plot_score_steps"]


def plot_score_steps(items: Sequence[Hashable], history: ArrayLike, *, ax: Axes | None = None) -> Axes:
    """Draw how the score of each item moves from step to step of a fit.

    Parameters
    ----------
    items
        Their names, ``(n_items,)``.
    history
        Scores before the first step and after each, in log-odds (nats), shape ``(n_steps + 1, n_items)``.
    """
    scores = _table("history", history, len(items))
    names = [printable(item) for item in items]
    ax = make_axes(ax, 7.6, 4.4)
    ax.plot(scores, "o-", color=FIRST, linewidth=1.5, markersize=4)
    ax.axhline(0, color=NEUTRAL, linewidth=1, linestyle=":")
    n_steps = len(scores) - 1
    for k, height in zip(np.argsort(scores[-1]), _spread(np.sort(scores[-1]), np.ptp(scores) / 16), strict=True):
        words = f"{names[k]} {signed(scores[-1, k])}"
        ax.annotate(words, (1.03 * n_steps, height), va="center", fontsize=TEXT, color=INK, annotation_clip=False)
    ax.set_xlim(-0.02 * n_steps, 1.02 * n_steps)
    label(ax, f"Scores in {n_steps} steps", "steps", "score in log-odds (nats)")
    last = [f"{names[k]} {signed(scores[-1, k])}" for k in np.argsort(-scores[-1], kind="stable")]
    return set_description(ax, f"Scores of {len(items)} items, a line each, after 0 to {n_steps} steps. At the end: " +
                           f"{listed(last)}.")  # fmt: skip


def plot_score_bars(
    items: Sequence[Hashable],
    scores: ArrayLike,
    *,
    reach: float,
    highlight: Hashable | None = None,
    title: str = "Scores",
    ax: Axes | None = None,
) -> Axes:
    """Draw scores as bars on a screen that ends at `reach` both ways; a longer bar is cut off at the edge and marked.

    Parameters
    ----------
    items, scores
        Names, and scores in log-odds (nats), ``(n_items,)`` each; drawn in this order, the first on top.
    highlight
        The item whose bar has a colour; the others are grey.
    """
    values = _table("scores", np.asarray(scores, float)[None], len(items))[0]
    if not reach > 0:
        raise ValueError(f"reach must be above 0, in log-odds (nats), got {reach!r}")
    ax = make_axes(ax, 7.6, min(1.5 + 0.42 * len(items), 14.0))
    for row, (item, value) in enumerate(zip(items, values, strict=True)):
        colour = FIRST if highlight is not None and item == highlight else NEUTRAL
        end = float(np.clip(value, -reach, reach))
        ax.barh(row, end, 0.7, color=colour)
        if end == value:
            align, side = ("left", 4) if value >= 0 else ("right", -4)
            ax.annotate(signed(value), (end, row), (side, 0), textcoords="offset points", ha=align, va="center",
                        fontsize=TEXT - 1, color=INK)  # fmt: skip
        else:  # inside the bar, which fills its half of the screen
            words, align, side = (f"{signed(value)} ▶", "right", -4) if value > 0 else (f"◀ {signed(value)}", "left", 4)
            ax.annotate(words, (end, row), (side, 0), textcoords="offset points", ha=align, va="center",
                        fontsize=TEXT, color=PAGE, weight="bold")  # fmt: skip
    ax.axvline(0, color=INK, linewidth=1)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(len(items) - 0.4, -0.6)
    ax.set_yticks(range(len(items)), [printable(item) for item in items], parse_math=False)
    label(ax, title, "score in log-odds (nats)", "")
    shown = [
        f"{printable(item)} {signed(value)}{' (off the screen)' if abs(value) > reach else ''}"
        for item, value in zip(items, values, strict=True)
    ]
    return set_description(
        ax, f"{title}, as bars on a screen from {signed(-reach)} to {signed(reach)}: {listed(shown)}."
    )


def plot_intervals(intervals: ArrayLike, truth: float, *, name: str = "score", ax: Axes | None = None) -> Axes:
    """Draw the interval that each of many repetitions gives for one number, and which of them miss it.

    Parameters
    ----------
    intervals
        Lower and upper ends, shape ``(n_repetitions, 2)``.
    truth
        The number that they should contain.
    """
    ends = _table("intervals", intervals, 2)
    miss = (truth < ends[:, 0]) | (truth > ends[:, 1])
    ax = make_axes(ax, 7.6, 3.8)
    rows = np.arange(1, len(ends) + 1)
    for chosen, colour, line, marker, words in (
        (~miss, FIRST, "solid", "o", f"holds the truth: {(~miss).sum()}"),
        (miss, ERROR, "dashed", "X", f"misses it: {miss.sum()}"),
    ):
        ax.vlines(rows[chosen], ends[chosen, 0], ends[chosen, 1], color=colour, linewidth=2, linestyle=line)
        ax.plot(rows[chosen], ends[chosen].mean(axis=1), marker, color=colour, markersize=7, label=words)
    ax.axhline(truth, color=INK, linewidth=1.5, label=f"truth {signed(truth)}")
    ax.margins(y=0.25)
    ax.legend(fontsize=TEXT - 1, ncols=3, loc="upper left", framealpha=0.9)
    label(ax, f"{name}: 95% intervals from {len(ends)} repetitions", "repetition", "score in log-odds (nats)")
    return set_description(
        ax,
        f"Intervals for {name} from {len(ends)} repetitions, beside the true value {signed(truth)}: "
        f"{(~miss).sum()} hold it, {miss.sum()} miss it (red, dashed, with a cross).",
    )


def _table(name: str, values: ArrayLike, width: int) -> np.ndarray:
    table = np.asarray(values, float)
    if table.ndim != 2 or table.shape[1] != width or not len(table):
        raise ValueError(f"{name} must have {width} numbers in each row, and at least one row, got shape {table.shape}")
    if not np.isfinite(table).all():
        raise ValueError(f"{name} must be finite; clip values that diverged before drawing them")
    return table


def _spread(heights: np.ndarray, gap: float) -> np.ndarray:
    """Move sorted heights apart, so that words beside them do not overlap, with little more movement than needed."""
    placed = heights.copy()
    for k in range(1, len(placed)):
        placed[k] = max(placed[k], placed[k - 1] + gap)
    return placed - (placed - heights).mean()
