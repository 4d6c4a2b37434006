"""Pictures for two toy scores and a few pairs: guesses, a number line, pushes on scores, and plain lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from rmlab.plots.display import set_description
from rmlab.plots.style import (
    CHOSEN,
    FIRST,
    HELD_OUT,
    INK,
    NEUTRAL,
    REJECTED,
    TEXT,
    THIRD,
    TITLE,
    label,
    leave_only,
    listed,
    make_axes,
    make_panels,
    mark,
)
from rmlab.preference import preference_loss, preference_probability
from rmlab.printing import printable

__all__ = ["plot_guesses", "plot_lines", "plot_pushes", "plot_two_scores"]

_LINES = ((FIRST, "-"), (HELD_OUT, "--"), (THIRD, "-."), (NEUTRAL, ":"), (INK, (0, (8, 2))), (FIRST, (0, (1, 1))))
_PLACES = ((8, 5, "left"), (6, -22, "left"), (6, -18, "left"), (0, -24, "center"), (0, 12, "center"))
"""Offsets of words beside a point, and their alignment; the best first."""


def plot_lines(
    x: ArrayLike,
    lines: Mapping[str, ArrayLike],
    *,
    title: str,
    x_label: str,
    y_label: str,
    points: Sequence[tuple[float, float, str]] = (),
    ax: Axes | None = None,
) -> Axes:
    """Draw lines over one x, each with a colour and a dash of its own, and points with words beside them.

    Parameters
    ----------
    x
        Shape ``(n,)``.
    lines
        The name of each line, and its y, shape ``(n,)``; at most six.
    points
        (x, y, words).
    """
    if not 1 <= len(lines) <= len(_LINES):
        raise ValueError(f"lines must be 1 to {len(_LINES)}, so that each has its own look, got {len(lines)}")
    at = np.asarray(x, dtype=float)
    ax = make_axes(ax, 7.6, 4.2)
    shown = []
    for (name, y), (colour, dashes) in zip(lines.items(), _LINES, strict=False):
        height = np.asarray(y, dtype=float)
        if height.shape != at.shape:
            raise ValueError(f"line {name!r} must have shape {at.shape}, as x has, got {height.shape}")
        ax.plot(at, height, color=colour, linestyle=dashes, linewidth=2.5, label=printable(name))
        ends = [f"{_brief(height[i], height)} at {_brief(at[i], at)}" for i in (0, len(at) // 2, -1)]
        shown.append(f"{printable(name)}, {', '.join(ends)}")
    if points:
        ax.margins(y=0.2)  # room for the words, which may be below the lowest point
    if len(lines) > 1:
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.19), "ncols": 2 if len(lines) == 4 else 3}
        ax.legend(fontsize=TEXT - 1, frameon=False, handlelength=3, **below)
    if (at == np.round(at)).all():  # steps and counts: no ticks between them
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    label(ax, title, x_label, y_label)
    marked = f" Marked: {listed([words for *_, words in points])}." if points else ""
    plural = "s" if len(lines) > 1 else ""
    set_description(ax, f"{title}. Line{plural} against {x_label}: {'; '.join(shown)}.{marked}")
    for x_point, y_point, words in points:  # last, since their places depend on the room that the rest leaves
        mark(ax, x_point, y_point, words, *_free_place(ax, x_point, y_point, words))
    return ax


def plot_guesses(
    guesses: Mapping[float, float], *, revealed: bool, ground: bool = True, ax: Axes | None = None
) -> Axes:
    """Draw guesses of P at some score differences; and, when `revealed`, the sigmoid, P and how far off each guess is.

    Parameters
    ----------
    guesses
        A probability for each difference, in log-odds (nats), from 0 to 5.
    ground
        Whether to draw what is behind the guesses too. Without it the picture is a layer to put on one without guesses.
    """
    ax = make_axes(ax, 7.6, 4.2)
    kept: list[Artist] = []
    for gap, guess in guesses.items():
        kept += ax.plot([gap], [guess], "D", color=HELD_OUT, markersize=11, zorder=4)
    words = [f"{guess:.2f} at a difference of {gap:g}" for gap, guess in guesses.items()]
    text = f"Guesses of P: {listed(words) if words else 'none'}."
    legend: list[Artist] = [Line2D([], [], marker="D", color=HELD_OUT, markersize=11, linestyle="", label="guess")]
    if revealed:
        x = np.linspace(0, 5, 201)
        legend += ax.plot(x, preference_probability(x), color=INK, linewidth=2.5, label="P = σ(difference)")
        for gap, guess in guesses.items():
            p = preference_probability(float(gap))
            kept += ax.plot([gap, gap], [guess, p], color=NEUTRAL, linewidth=1.5, linestyle=":")
            kept += mark(ax, gap, p, f"{p:.3f}", -8, 6, "right")
        exact = listed([f"{preference_probability(float(gap)):.3f} at {gap:g}" for gap in guesses])
        text += f" Beside them the curve of P, which is one half at 0{': ' * bool(guesses)}{exact}."
    else:
        ax.text(2.5, 0.2, "P is hidden. Guess first.", ha="center", fontsize=TITLE, color=NEUTRAL)
        text += " P itself is hidden."
    ax.axhline(0.5, color=NEUTRAL, linewidth=1, linestyle=":")
    ax.set_xlim(-0.15, 5.15)
    ax.set_ylim(-0.03, 1.12)
    ax.legend(handles=legend, fontsize=TEXT, loc="lower right", frameon=False)
    label(ax, "How probable is it that the first is preferred?", "difference of the two scores", "P")
    if not ground:
        leave_only(ax, kept)
    return set_description(ax, text)


def plot_two_scores(chosen: float, rejected: float, *, ax: Axes | None = None) -> Axes:
    """Draw two scores on a number line six wide, and beside it their difference on the sigmoid."""
    difference = chosen - rejected
    p = preference_probability(float(difference))
    ax = make_axes(ax, 9.0, 3.6)
    line, curve = make_panels(ax, 2)
    centre = round((chosen + rejected) / 2)
    reach = max(3.0, 0.75 * abs(difference))
    line.axhline(0, color=INK, linewidth=1.5)
    for score, name, colour, marker, up in (
        (chosen, "first", CHOSEN, "o", 16),
        (rejected, "second", REJECTED, "s", -30),
    ):
        line.plot([score], [0], marker, color=colour, markersize=13, zorder=3)
        words = f"{name} {score:g}".replace("-", "−")
        line.annotate(words, (score, 0), (0, up), textcoords="offset points", ha="center", color=colour,
                      fontsize=TEXT + 1, weight="bold")  # fmt: skip
    line.annotate("", (chosen, 0.45), (rejected, 0.45), arrowprops={"arrowstyle": "<->", "color": INK, "lw": 2})
    line.text((chosen + rejected) / 2, 0.52, f"difference {difference:g}".replace("-", "−"), ha="center",
              fontsize=TEXT, color=INK)  # fmt: skip
    line.set_xlim(centre - reach, centre + reach)
    line.set_ylim(-0.8, 0.9)
    line.ticklabel_format(useOffset=False)
    line.set_yticks([])
    line.spines["left"].set_visible(False)
    limit = max(6.0, 1.2 * abs(difference))
    x = np.linspace(-limit, limit, 301)
    curve.plot(x, preference_probability(x), color=INK, linewidth=2.5)
    mark(curve, difference, p, f"P = {p:.3f}", *((-12, 2, "right") if difference >= 0 else (12, -10, "left")))
    curve.set_ylim(-0.05, 1.12)
    label(line, "Two scores", "score", "")
    label(curve, "Their difference", "first − second", "P(first is preferred)")
    return set_description(
        ax,
        f"Left, a number line from {centre - reach:g} to {centre + reach:g} with the first score at {chosen:g} and the "
        f"second at {rejected:g}. Right, their difference of {difference:g} on the sigmoid: P is {p:.3f}.",
    )


def plot_pushes(
    chosen: ArrayLike, rejected: ArrayLike, *, title: str = "Which way, and how far", ax: Axes | None = None
) -> Axes:
    """Draw the scores of some pairs with minus the gradient of each pair's loss: 1 - P up, and 1 - P down.

    Parameters
    ----------
    chosen, rejected
        Scores in log-odds (nats), each of shape ``(n_pairs,)``. The arrows are as long as a step at learning rate 1.
    """
    up, down = np.asarray(chosen, dtype=float), np.asarray(rejected, dtype=float)
    if up.shape != down.shape or up.ndim != 1:
        raise ValueError(f"chosen and rejected must have one shape (n_pairs,), got {up.shape} and {down.shape}")
    surprise = preference_probability(down - up)  # 1 - P, to the last digit
    ax = make_axes(ax, 8.6, 4.8)
    for i, (high, low, push) in enumerate(zip(up, down, surprise, strict=True)):
        for score, name, colour, marker, side, way in (
            (high, "chosen", CHOSEN, "o", -1, push),
            (low, "rejected", REJECTED, "s", 1, -push),
        ):
            x, beside = i + 0.12 * side, i + 0.22 * side  # even a short arrow is seen beside its marker
            ax.plot([x], [score], marker, color=colour, markersize=12, zorder=3, label=None if i else name)
            # no outline, and a head that is part of the length: a short arrow is flat, and still points
            ax.arrow(beside, score, 0, way, width=0.007 * len(up), head_width=0.022 * len(up),
                     head_length=min(push, 0.2), length_includes_head=True, color=colour, linewidth=0)  # fmt: skip
    words = [f"difference {d:.2f}\n1 − P = {p:.2f}".replace("-", "−") for d, p in zip(up - down, surprise, strict=True)]
    ax.set_xticks(range(len(up)), words)
    ax.set_xlim(-0.5, len(up) - 0.5)
    low, high = min(up.min(), down.min()), max(up.max(), down.max())
    ax.set_ylim(min(low - 1.2, -3), max(high + 1.2, 3))
    ax.axhline(0, color=NEUTRAL, linewidth=1, linestyle=":")
    ax.legend(fontsize=TEXT, loc="upper left", ncols=2, frameon=False)
    mean = float(preference_loss(up - down).mean())
    label(ax, f"{title}: mean loss {mean:.3f}", "", "score")
    shown = [
        f"chosen {a:.2f}, rejected {b:.2f}, arrows of {push:.2f}" for a, b, push in zip(up, down, surprise, strict=True)
    ]
    return set_description(
        ax,
        f"{len(up)} pairs. On each the chosen score has an arrow up and the rejected one an arrow down, as long as 1 − "
        f"P: {listed(shown)}. The mean loss is {mean:.3f}.",
    )


def _free_place(ax: Axes, x: float, y: float, words: str) -> tuple[float, float, str]:
    """Return where words beside a point cover no line: points to its right, points above it, and their alignment."""
    ax.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]  # it gives the axes their size
    to_points = ax.transData + ax.get_figure(root=True).dpi_scale_trans.inverted()  # type: ignore[union-attr]
    at = 72 * to_points.transform((x, y))
    lines = [72 * to_points.transform(line.get_xydata()) - at for line in ax.get_lines()]
    length = 0.7 * TEXT * len(words)
    for right, up, align in _PLACES:
        start = right - length / 2 if align == "center" else right
        along = np.linspace(start, start + length, 50)
        heights = [np.interp(along, *line.T, left=np.inf, right=np.inf) - up for line in lines if len(line) > 1]
        if not any(((height > -6) & (height < TEXT + 2)).any() for height in heights):
            return right, up, align
    return _PLACES[0]


def _brief(value: float, among: np.ndarray) -> str:
    """Write a number to three digits of the largest of its kind, so that a 0 with a rounding error is written as 0."""
    largest = np.abs(among).max()
    return f"{np.round(value, 2 - math.floor(math.log10(largest))) + 0.0:g}" if 0 < largest < math.inf else f"{value:g}"
