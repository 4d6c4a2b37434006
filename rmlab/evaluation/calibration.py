"""Calibration: bins that compare what the model said with what happened, and a temperature that corrects it.

References
----------
Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks (temperature, expected calibration
error).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from rmlab.evaluation.accuracy import accuracy_of
from rmlab.evaluation.inputs import checked_differences
from rmlab.preference import preference_loss, preference_probability

__all__ = ["CalibrationBin", "calibrate", "fit_temperature"]


@dataclass(frozen=True)
class CalibrationBin:
    """The pairs to which the model gave similar probabilities, and how often it was right on them."""

    lower: float
    upper: float
    """The bin holds probabilities from `lower` up to `upper`, which belongs to the next bin (1 to the last)."""
    count: int
    mean_probability: float
    """Mean of sigmoid(|score_difference|): how sure the model was about the response that it scores higher."""
    observed_share: float
    """Share of these pairs in which the response that it scores higher was the chosen one."""
    interval: tuple[float, float]
    """Wilson's, 95%, for `observed_share`."""


def calibrate(
    d: np.ndarray, weights: np.ndarray, clusters: np.ndarray | None, n_bins: int
) -> tuple[tuple[CalibrationBin, ...], float | None, float | None]:
    """Return the bins that hold a pair, the expected calibration error, and the error to expect by chance alone.

    A perfectly calibrated model that is this sure would show the last. In each bin it is the mean absolute deviation of
    a share from its probability, by the normal approximation ``sqrt(2 p (1 - p) / (pi n))``.
    """
    untied = d != 0
    d, weights = d[untied], weights[untied]
    clusters = None if clusters is None else clusters[untied]
    sure = preference_probability(np.abs(d))
    bin_of_pair = np.minimum(((sure - 0.5) * 2 * n_bins).astype(int), n_bins - 1)
    bins: list[CalibrationBin] = []
    error = by_chance = 0.0
    for i in np.unique(bin_of_pair).tolist():
        inside = bin_of_pair == i
        w = weights[inside]
        one = accuracy_of(d[inside], w, None if clusters is None else clusters[inside])
        p = float(np.average(sure[inside], weights=w))
        held = float(w.sum() / weights.sum())
        error += held * abs(one.accuracy - p)
        by_chance += held * math.sqrt(2 * p * (1 - p) / (math.pi * one.effective_sample_size))
        edges = (0.5 + 0.5 * i / n_bins, 0.5 + 0.5 * (i + 1) / n_bins)
        bins.append(CalibrationBin(*edges, one.n_pairs, p, one.accuracy, one.accuracy_interval))
    return tuple(bins), (error if bins else None), (by_chance if bins else None)


def fit_temperature(score_differences: Any) -> float:
    """Return the temperature T for which differences divided by T have the lowest log loss.

    A T above 1 means that the model is over-confident. Fit T on held-out pairs and report the log loss of test pairs
    (``evaluate(test_differences, temperature=T)``). On the pairs to which T was fitted the log loss can only have
    fallen, so it shows nothing about others. Pairs used for early stopping can also be used for T, but not for the
    report.

    Parameters
    ----------
    score_differences
        score(chosen) - score(rejected) of held-out pairs, in log-odds (nats), ``(n_pairs,)``.

    Raises
    ------
    ValueError
        If the best T is not positive and finite: no pair is wrong (T = 0), or the mean difference is not positive
        (no T beats a coin).
    """
    from scipy.optimize import minimize_scalar

    d = checked_differences(score_differences)
    if d.mean() <= 0:
        raise ValueError(
            f"no positive temperature beats a coin: the mean score difference is {d.mean():.4g}, not above 0; the "
            "model has learned nothing, or its chosen and rejected columns are swapped"
        )
    if d.min() >= 0:
        raise ValueError(
            f"the best temperature is 0: none of the {len(d)} pairs is scored the wrong way round, so log loss only "
            "falls as the differences grow; use more held-out pairs"
        )
    # The loss is convex in 1/T, so it has one minimum in log T. The unit is the mean absolute difference; the bounds
    # are wide enough for a mean that is zero up to rounding on one side and for errors that small on the other.
    unit = np.abs(d).mean()
    found = minimize_scalar(
        lambda log_t: float(preference_loss(d / (unit * math.exp(log_t))).mean()),
        bounds=(-36.0, 36.0), method="bounded", options={"xatol": 1e-9},
    )  # fmt: skip
    return float(unit * math.exp(found.x))
