"""Lines with an interval around each point, and pairs of measurements on the same people."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike

from rmlab.plots.display import set_description
from rmlab.plots.style import FIRST, HELD_OUT, INK, NEUTRAL, TEXT, THIRD, label, listed, make_axes, signed
from rmlab.printing import printable

__all__ = ["plot_bands", "plot_paired"]

_LOOKS = ((FIRST, "-", "o"), (HELD_OUT, "--", "s"), (THIRD, "-.", "D"), (NEUTRAL, ":", "^"))


def plot_bands(
    x: ArrayLike,
    bands: Mapping[str, ArrayLike],
    *,
    title: str,
    x_label: str,
    y_label: str,
    level: tuple[str, float] | None = None,
    up_to: float | None = None,
    log_x: bool = False,
    percent: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw lines over one x, each with a band around it.

    Parameters
    ----------
    x
        Rising, shape ``(n,)``.
    bands
        For the name of each line, shape ``(n, 3)``: height, and lower and upper end of the band; at most four lines.
    level
        Name and height of a dashed line across, such as a ceiling.
    up_to
        Draw the lines only up to this x, on axes that hold all of them; the legend then gives the heights there.
    log_x
        Whether the x axis is logarithmic.
    percent
        Whether heights are shares, shown in per cent.
    """
    at = np.asarray(x, dtype=float)
    if not 1 <= len(bands) <= len(_LOOKS):
        raise ValueError(f"bands must be 1 to {len(_LOOKS)}, so that each has its own look, got {len(bands)}")
    tables = {name: np.asarray(band, dtype=float) for name, band in bands.items()}
    for name, table in tables.items():
        if table.shape != (len(at), 3):
            raise ValueError(f"band {name!r} must have shape ({len(at)}, 3): height, low, high; got {table.shape}")
    shown = at <= (at[-1] if up_to is None else up_to)
    if not shown.any():
        raise ValueError(f"up_to must be at least {at[0]:g}, where the lines begin, got {up_to!r}")
    ax = make_axes(ax, 7.6, 4.6)

    def number(value: float) -> str:
        return f"{value:.1%}" if percent else f"{value:.2f}".replace("-", "−")

    for (name, table), (colour, dashes, marker) in zip(tables.items(), _LOOKS, strict=False):
        words = printable(name) if up_to is None else f"{printable(name)} {number(table[shown][-1, 0])}"
        if shown.sum() == 1:  # a band over one x has no width
            ax.vlines(at[shown], table[shown, 1], table[shown, 2], color=colour, linewidth=6, alpha=0.3)
        ax.fill_between(at[shown], table[shown, 1], table[shown, 2], color=colour, alpha=0.18, linewidth=0)
        ax.plot(at[shown], table[shown, 0], marker, color=colour, linestyle=dashes, linewidth=2.5, markersize=7,
                label=words)  # fmt: skip
    if level is not None:
        ax.axhline(level[1], color=INK, linewidth=1.5, linestyle=(0, (6, 4)), label=f"{level[0]} {number(level[1])}")
    heights = np.concatenate([*(table.ravel() for table in tables.values()), [level[1]] if level else []])
    room = 0.06 * np.ptp(heights)
    ax.set_ylim(heights.min() - room, heights.max() + room)
    if log_x:
        ax.set_xscale("log")
        ax.set_xticks(at, [f"{one:,g}" for one in at])
        ax.minorticks_off()
    margin = (at[-1] / at[0]) ** 0.04 if log_x else 0.04 * np.ptp(at)
    ax.set_xlim(*((at[0] / margin, at[-1] * margin) if log_x else (at[0] - margin, at[-1] + margin)))
    if percent:
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        ax.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))  # no tick at 72.5%, which would be written as 72%
    ax.grid(axis="y", color=NEUTRAL, alpha=0.2)
    ax.legend(fontsize=TEXT - 1, frameon=False, handlelength=3, loc="upper center", bbox_to_anchor=(0.5, -0.16),
              ncols=2)  # fmt: skip
    label(ax, title, x_label, y_label)
    found = []
    for name, table in tables.items():
        points = [
            f"{number(height)} ({number(low)} to {number(high)}) at {place:,g}"
            for place, (height, low, high) in zip(at[shown], table[shown], strict=True)
        ]
        found.append(f"{printable(name)} {', '.join(points if len(points) < 4 else [points[0], points[-1]])}")
    across = "" if level is None else f" Dashed across: {level[0]} {number(level[1])}."
    return set_description(ax, f"{title}. Lines with bands against {x_label}: {'; '.join(found)}.{across}")


def plot_paired(
    left: ArrayLike,
    right: ArrayLike,
    *,
    names: tuple[str, str],
    title: str,
    y_label: str,
    highlight: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw two measurements on each person as a line from one to the other, and the two means.

    Parameters
    ----------
    left, right
        Shape ``(n_people,)`` each.
    names
        The names of the two measurements.
    highlight
        The person whose line is highlighted as "you".
    """
    ends = np.stack([np.asarray(left, dtype=float), np.asarray(right, dtype=float)])
    if ends.ndim != 2 or not ends.size:
        raise ValueError(f"left and right must have one shape (n_people,), got {ends.shape[1:]}")
    ax = make_axes(ax, 5.6, 4.6)
    names = (printable(names[0]), printable(names[1]))
    for person, (a, b) in enumerate(ends.T):
        if person != highlight:
            ax.plot([0, 1], [a, b], "o-", color=NEUTRAL, linewidth=1, markersize=5, alpha=0.6)
    means = ends.mean(axis=1)
    ax.plot([0, 1], means, "D-", color=FIRST, linewidth=3, markersize=11, label=f"mean of {ends.shape[1]}")
    if highlight is not None:
        ax.plot([0, 1], ends[:, highlight], "s--", color=HELD_OUT, linewidth=3, markersize=10, label="you")
    for place, mean, side in ((0, means[0], "right"), (1, means[1], "left")):
        ax.annotate(f"{mean:.2f}", (place, mean), (-14 if side == "right" else 14, 0), textcoords="offset points",
                    ha=side, va="center", fontsize=TEXT, color=FIRST, weight="bold")  # fmt: skip
    ax.set_xlim(-0.35, 1.35)
    ax.set_xticks([0, 1], names)
    ax.legend(fontsize=TEXT - 1, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=2)
    label(ax, title, "", y_label)
    yours = "" if highlight is None else " You: {:.2f} and {:.2f}.".format(*ends[:, highlight])
    higher = int((ends[1] > ends[0]).sum())
    people = listed([f"{a:.2f} to {b:.2f}" for a, b in ends.T])
    return set_description(
        ax,
        f"{title}. A line for each of {ends.shape[1]} people, from {names[0]} to {names[1]}: {people}. Means "
        f"{means[0]:.2f} and {means[1]:.2f}, difference {signed(means[1] - means[0])}; {higher} lines rise.{yours}",
    )
