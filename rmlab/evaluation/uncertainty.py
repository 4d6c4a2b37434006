"""The worth of an uncertainty: whether the model is wrong where it is unsure, and by how much.

An uncertainty is a number for each pair, such as the spread of several heads
(``RewardModel.score_differences(pairs, uncertainty=True)``). It has two uses. It orders pairs, so that people
can judge the least certain ones (`rejection_curve`). And it shows how large an error to expect (`calibrate_spread`).

References
----------
Geifman and El-Yaniv (2017), Selective classification for deep neural networks (accuracy against the share that is
answered). Levi et al. (2022), Evaluating and calibrating uncertainty prediction in regression tasks (the error in bins
of the spread).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rmlab.evaluation.inputs import checked_differences, numbers
from rmlab.evaluation.intervals import wilson_interval
from rmlab.preference import outcomes, preference_probability

__all__ = ["RejectionCurve", "SpreadBin", "calibrate_spread", "rejection_curve"]


@dataclass(frozen=True, eq=False)
class RejectionCurve:
    """Accuracy on the pairs that are kept, as more of the least certain are left out; arrays of shape ``(k,)``."""

    share_kept: np.ndarray
    """Shares of the pairs, from 1 down."""
    accuracy: np.ndarray
    """On the pairs that are kept, a tie as one half."""
    lower: np.ndarray
    """Lower end of Wilson's 95% interval for each `accuracy`; the points of one curve share pairs."""
    upper: np.ndarray
    area: float
    """Mean accuracy over all shares kept. A random order gives the accuracy on all pairs; an order that knows the
    errors gives `best_area`."""
    best_area: float

    @property
    def gain(self) -> float:
        """What the order is worth, from 0 (no better than chance) to 1 (it knows each error); below 0 it misleads.

        NaN if there is no error, or nothing but errors.
        """
        possible = self.best_area - float(self.accuracy[0])
        return (self.area - float(self.accuracy[0])) / possible if possible > 0 else float("nan")


def rejection_curve(score_differences: Any, uncertainties: Any, *, n_points: int = 21) -> RejectionCurve:
    """Return the accuracy on what is kept when the pairs of highest uncertainty are left out.

    For comparison take ``-abs(score_differences)`` as the uncertainty: a difference near zero is unsure by itself.

    Parameters
    ----------
    score_differences
        score(chosen) - score(rejected), in nats; shape ``(n_pairs,)``.
    uncertainties
        One for each pair, shape ``(n_pairs,)``. Only their order matters; pairs of equal uncertainty count with their
        mean accuracy.
    n_points
        Number of shares kept, from 1 down to ``1 / n_points``.
    """
    d = checked_differences(score_differences)
    unsure = numbers("uncertainties", uncertainties, d.shape, "(n_pairs,)")
    if n_points < 2:
        raise ValueError(f"n_points must be at least 2, got {n_points}")
    right = outcomes(d)
    _, group = np.unique(unsure, return_inverse=True)
    by_group = np.bincount(group, right) / np.bincount(group)  # pairs of one uncertainty share what they get right
    kept = np.cumsum(by_group[np.sort(group)]) / np.arange(1, len(d) + 1)  # of the surest 1, 2, ... pairs
    best = np.cumsum(np.sort(right)[::-1]) / np.arange(1, len(d) + 1)
    share = np.linspace(1, 1 / n_points, n_points)
    n_kept = np.maximum(np.round(share * len(d)).astype(int), 1)
    accuracy = kept[n_kept - 1]
    lower, upper = wilson_interval(accuracy * n_kept, n_kept)
    return RejectionCurve(n_kept / len(d), accuracy, lower, upper, float(kept.mean()), float(best.mean()))


@dataclass(frozen=True)
class SpreadBin:
    """Pairs of similar spread."""

    lower: float
    upper: float
    """Smallest and largest spread in it."""
    count: int
    mean_spread: float
    """Root mean square, in nats."""
    accuracy: float
    accuracy_interval: tuple[float, float]
    """Wilson's, 95%."""
    mean_probability: float
    """Mean of sigmoid(|score_difference|): what the accuracy should be if the scores are calibrated."""
    error: float | None
    """Root mean square of the score difference minus the true one, in nats; a calibrated spread predicts it. None if
    the truth is not known."""


def calibrate_spread(
    score_differences: Any, spreads: Any, *, true_differences: Any = None, n_bins: int = 5
) -> tuple[SpreadBin, ...]:
    """Return the accuracy and the error of pairs in bins of increasing spread, with equally many pairs in each.

    Parameters
    ----------
    score_differences
        score(chosen) - score(rejected), in nats; shape ``(n_pairs,)``.
    spreads
        Standard deviation of each over heads or models, at least 0; shape ``(n_pairs,)``.
    true_differences
        The true differences, known for simulated pairs, in nats; shape ``(n_pairs,)``.
    n_bins
        At least 1, and at most the number of pairs.
    """
    d = checked_differences(score_differences)
    spread = numbers("spreads", spreads, d.shape, "(n_pairs,)")
    truth = None if true_differences is None else numbers("true_differences", true_differences, d.shape, "(n_pairs,)")
    if (spread < 0).any():
        raise ValueError(f"spreads must be at least 0, got {spread.min():g}; give standard deviations")
    if not 1 <= n_bins <= len(d):
        raise ValueError(f"n_bins must be between 1 and the {len(d)} pairs, got {n_bins}")
    bins = []
    for rows in np.array_split(np.argsort(spread, kind="stable"), n_bins):
        right = float(outcomes(d[rows]).mean())
        bins.append(
            SpreadBin(
                lower=float(spread[rows].min()),
                upper=float(spread[rows].max()),
                count=len(rows),
                mean_spread=float(np.sqrt(np.mean(spread[rows] ** 2))),
                accuracy=right,
                accuracy_interval=wilson_interval(right * len(rows), len(rows)),
                mean_probability=float(np.mean(preference_probability(np.abs(d[rows])))),
                error=None if truth is None else float(np.sqrt(np.mean((d[rows] - truth[rows]) ** 2))),
            )
        )
    return tuple(bins)
