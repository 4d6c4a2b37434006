"""The picture of rejection curves, which show whether an uncertainty finds the errors."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes

from rmlab.evaluation import RejectionCurve
from rmlab.plots.curves import plot_lines

__all__ = ["plot_rejection"]


def plot_rejection(curves: Mapping[str, RejectionCurve], *, ax: Axes | None = None) -> Axes:
    """Draw the accuracy on what is kept against the share that is left out, the first curve with its interval.

    Parameters
    ----------
    curves
        Curves of the same pairs, by the name of the uncertainty that ordered them; at most six.
    """
    if not curves:
        raise ValueError("curves is empty; give at least one")
    left_out = 1 - next(iter(curves.values())).share_kept
    if any(len(one.share_kept) != len(left_out) or (1 - one.share_kept != left_out).any() for one in curves.values()):
        raise ValueError("the curves must have the same shares kept: make all from the same pairs, with one n_points")
    ax = plot_lines(
        left_out,
        {name: one.accuracy for name, one in curves.items()},
        title="Accuracy where the model is sure",
        x_label="share of pairs left out, the least certain first",
        y_label="accuracy on the others",
        ax=ax,
    )
    first = next(iter(curves.values()))
    ax.fill_between(left_out, first.lower, first.upper, color=ax.lines[0].get_color(), alpha=0.15, linewidth=0)
    return ax
