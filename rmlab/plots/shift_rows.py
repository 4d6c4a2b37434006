"""By how much changes move scores: a row for each change, its mean shift and the interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from matplotlib.axes import Axes

from rmlab.plots.display import set_description
from rmlab.plots.style import NEUTRAL, draw_rows, label, listed, make_axes, signed
from rmlab.printing import printable

if TYPE_CHECKING:
    from rmlab.audit import Robustness

__all__ = ["plot_shifts"]

TITLES = {"surface": "Changes that keep the meaning", "content": "Changes that should not pay, against a control"}


def plot_shifts(found: Robustness, kind: Literal["surface", "content"] = "surface", *, ax: Axes | None = None) -> Axes:
    """Draw the mean shift of each change with its interval, the largest on top.

    A round point is a shift that was found and should not be there, a square one that was found and is no fault, a grey
    diamond one that was not found.

    Raises
    ------
    ValueError
        If no change of this kind was tested.
    """
    shifts = [shift for shift in found.shifts if shift.kind == kind and shift.mean is not None]
    if not shifts:
        raise ValueError(f"no change of kind {kind!r} was tested")
    shifts.sort(key=lambda shift: -abs(shift.mean or 0.0))
    ax = make_axes(ax, 8.2, 1.6 + 0.36 * len(shifts))
    values = np.array([shift.mean for shift in shifts], dtype=float)
    lower, upper = np.array([shift.interval for shift in shifts], dtype=float).T
    names = [printable(shift.name) for shift in shifts]
    ax.axvline(0, color=NEUTRAL, linewidth=1.5)
    draw_rows(
        ax, names, values, lower, upper, [f"{signed(shift.mean or 0.0)}" for shift in shifts],
        markers=["o" if shift.is_fault else "s" if shift.found else "D" for shift in shifts],
    )  # fmt: skip
    label(ax, TITLES[kind], "shift of the score (nats), 95% interval", " ")
    said = [
        f"{name} {signed(value)} ({signed(low)} to {signed(high)}){', found' if shift.found else ''}"
        for name, value, low, high, shift in zip(names, values, lower, upper, shifts, strict=True)
    ]
    return set_description(ax, f"{TITLES[kind]}, mean shift of the score in nats with 95% interval: {listed(said)}.")
