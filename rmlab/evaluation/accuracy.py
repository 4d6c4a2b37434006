"""The share of pairs on which scores or lengths agree with the label: of all, of each group, and by length.

References
----------
Dunn (1961), Multiple comparisons among means (Bonferroni's simultaneous intervals).
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from rmlab.evaluation.inputs import codes_of, ordered
from rmlab.evaluation.intervals import clustered_sample_size, effective_sample_size, wilson_interval
from rmlab.preference import outcomes

__all__ = [
    "Accuracy",
    "GroupAccuracy",
    "LengthBin",
    "accuracy_by_group",
    "accuracy_by_length",
    "accuracy_of",
    "longer_by",
]

LENGTH_RATIOS = (1 / 1.5, 1 / 1.1, 1.1, 1.5)
"""The boundaries of the length bins: the chosen response's length over the rejected one's."""
_LENGTH_NAMES = ("chosen much shorter", "chosen shorter", "about equal", "chosen longer", "chosen much longer")


@dataclass(frozen=True)
class Accuracy:
    """The share of pairs on which something agrees with the label; `preference.outcomes` counts a tie as one half."""

    n_pairs: int
    n_ties: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    """Wilson's, 95%, with `effective_sample_size`. A tie counts as one half, which makes it a little wide."""
    effective_sample_size: float
    """How many independent pairs would be as informative: `n_pairs`; with weights, Kish's ``sum(w)^2 / sum(w^2)``; with
    clusters, the result of `clustered_sample_size`."""


@dataclass(frozen=True)
class GroupAccuracy(Accuracy):
    """The accuracy on the pairs of one group of several."""

    simultaneous_interval: tuple[float, float]
    """Wilson's at the confidence ``1 - 0.05 / k``, with k groups (Bonferroni): with 95% all k hold at once, whatever
    groups have in common. Use it to pick one group out of many, and `accuracy_interval` for one named beforehand."""
    length_baseline: Accuracy | None
    """How often the longer response was the chosen one in this group."""


@dataclass(frozen=True)
class LengthBin:
    """The pairs whose chosen response is longer or shorter than the rejected one by factors in one range."""

    name: str
    lower: float
    upper: float
    """Above a ratio of 1 the bin holds ratios above `lower` and up to `upper`; below 1 it is mirrored, so that a pair
    and its swapped twin are in opposite bins. Infinite for the last bin."""
    model: Accuracy
    longer_wins: Accuracy
    """The accuracy of "the longer response is better" on these pairs."""


def accuracy_of(d: np.ndarray, weights: np.ndarray, clusters: np.ndarray | None = None) -> Accuracy:
    """Return the accuracy of the sign of differences, chosen minus rejected, ``(n_pairs,)``; `clusters` holds codes."""
    outcome = outcomes(d)
    share = float(np.average(outcome, weights=weights))
    size = effective_sample_size(weights) if clusters is None else clustered_sample_size(outcome, weights, clusters)
    return Accuracy(
        n_pairs=len(d),
        n_ties=int((d == 0).sum()),
        accuracy=share,
        accuracy_interval=wilson_interval(share * size, size),
        effective_sample_size=size,
    )


def _of_rows(rows: np.ndarray, d: np.ndarray, weights: np.ndarray, clusters: np.ndarray | None) -> Accuracy:
    return accuracy_of(d[rows], weights[rows], None if clusters is None else clusters[rows])


def accuracy_by_group(
    names: list[Hashable],
    d: np.ndarray,
    weights: np.ndarray,
    clusters: np.ndarray | None,
    lengths: np.ndarray | None = None,
) -> dict[Hashable, GroupAccuracy]:
    """Return the accuracy of each group, in the order of their names if they have one."""
    codes, distinct = codes_of(names)
    rows = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    by_name = dict(zip(distinct, rows, strict=True))
    baseline = None if lengths is None else longer_by(lengths)
    confidence = 1 - 0.05 / len(distinct)
    found: dict[Hashable, GroupAccuracy] = {}
    for name in ordered(distinct):
        inside = by_name[name]
        one = _of_rows(inside, d, weights, clusters)
        size = one.effective_sample_size
        if clusters is not None:
            size = clustered_sample_size(outcomes(d[inside]), weights[inside], clusters[inside], confidence=confidence)
        found[name] = GroupAccuracy(
            **vars(one),
            simultaneous_interval=wilson_interval(one.accuracy * size, size, confidence=confidence),
            length_baseline=None if baseline is None else _of_rows(inside, baseline, weights, clusters),
        )
    return found


def longer_by(lengths: np.ndarray) -> np.ndarray:
    """Return the differences of "the longer response is better", ``(n_pairs,)``, from lengths ``(n_pairs, 2)``."""
    return lengths[:, 0] - lengths[:, 1]


def accuracy_by_length(
    lengths: np.ndarray, d: np.ndarray, weights: np.ndarray, clusters: np.ndarray | None
) -> tuple[LengthBin, ...]:
    """Return the accuracy in bins of chosen length over rejected length, for the bins that hold a pair."""
    shorter, longer = lengths.min(axis=1), lengths.max(axis=1)
    apart = np.where(longer == shorter, 1.0, longer / np.where(shorter > 0, shorter, np.nan))
    apart = np.nan_to_num(apart, nan=math.inf)  # an empty response beside one that is not
    steps = np.searchsorted(LENGTH_RATIOS[2:], apart, side="left")  # 0 about equal, 1, 2; the same for a swapped pair
    bin_of_pair = 2 + np.where(lengths[:, 0] >= lengths[:, 1], steps, -steps)
    edges = (0.0, *LENGTH_RATIOS, math.inf)
    baseline = longer_by(lengths)
    bins = []
    for i in np.unique(bin_of_pair).tolist():
        rows = np.flatnonzero(bin_of_pair == i)
        of_model, of_length = (_of_rows(rows, what, weights, clusters) for what in (d, baseline))
        bins.append(LengthBin(_LENGTH_NAMES[i], edges[i], edges[i + 1], of_model, of_length))
    return tuple(bins)
