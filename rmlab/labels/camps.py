"""Two camps of raters: found on four fifths of the pairs, measured on the last fifth, so that luck does not count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rmlab.evaluation import mean_interval

__all__ = ["CATEGORIES", "Camps", "find_camps", "one_hot", "share_agreeing", "share_agreeing_across"]

CATEGORIES = (1, 0, -1)
"""The first response, about the same, the second."""
FEWEST_PAIRS = 20
"""With judgements of both camps."""
N_FOLDS = 5


@dataclass(frozen=True)
class Camps:
    """Raters in two parts, of which each agrees more with itself than with the other."""

    members: tuple[tuple[str, ...], tuple[str, ...]]
    """The larger part first."""
    gap: tuple[float, float, float]
    """Agreement within the smaller part, less the agreement across: mean and 95% interval."""
    n_pairs: int
    """On which the gap was measured."""

    @property
    def clear(self) -> bool:
        """Whether the interval of the gap is above 0. Otherwise there are no two camps to speak of."""
        return self.gap[1] > 0


def one_hot(values: np.ndarray, categories: Iterable[float] = CATEGORIES) -> np.ndarray:
    """Return which category each rater gave each pair: float64 ``(n_categories, n_raters, n_pairs)``, 0 where none."""
    return np.array([values == category for category in categories], dtype=float)


def share_agreeing(votes: np.ndarray) -> np.ndarray:
    """Return, for each pair, how often two different raters say the same: ``(n_pairs,)``, NaN below two judgements."""
    counts = votes.sum(axis=1)  # (n_categories, n_pairs)
    m = counts.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(m >= 2, (counts * (counts - 1)).sum(axis=0) / (m * (m - 1)), np.nan)


def share_agreeing_across(votes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return, for each pair, how often one rater and one of the others say the same: ``(n_pairs,)``, NaN if neither."""
    ours, theirs = votes.sum(axis=1), others.sum(axis=1)
    n = ours.sum(axis=0) * theirs.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(n > 0, (ours * theirs).sum(axis=0) / n, np.nan)


def find_camps(preferred: np.ndarray, raters: Sequence[str]) -> Camps | None:
    """Divide raters by the leading eigenvector of their agreement, less its mean, and measure what divides them.

    None where that leaves a part of one rater, or too few pairs to measure it on. A single rater who stands apart is
    no camp.

    Parameters
    ----------
    preferred
        +1 first, -1 second, 0 about the same, NaN not judged; shape ``(n_raters, n_pairs)``.
    raters
        Their names.
    """
    votes = one_hot(preferred)
    parts = _divide(votes)
    if parts is None:
        return None
    of_pair = np.full(votes.shape[2], np.nan)
    for fold in range(N_FOLDS):
        held_out = np.arange(votes.shape[2]) % N_FOLDS == fold
        found = _divide(votes[:, :, ~held_out])
        if found is not None:
            smaller, larger = (votes[:, part][:, :, held_out] for part in found)
            of_pair[held_out] = share_agreeing(smaller) - share_agreeing_across(smaller, larger)
    of_pair = of_pair[~np.isnan(of_pair)]
    if len(of_pair) < FEWEST_PAIRS:
        return None
    smaller, larger = (tuple(name for name, is_in in zip(raters, part, strict=True) if is_in) for part in parts)
    return Camps((larger, smaller), mean_interval(of_pair), len(of_pair))


def _divide(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return which raters are in each part, the smaller one first; bool ``(n_raters,)`` each."""
    judged = votes.sum(axis=0)
    together = judged @ judged.T
    agree = np.einsum("crp,csp->rs", votes, votes)
    different = ~np.eye(len(together), dtype=bool) & (together > 0)
    if not different.any():
        return None
    share = np.divide(agree, together, out=np.zeros_like(agree), where=different)
    excess = np.where(different, share - share[different].mean(), 0.0)
    is_one = np.linalg.eigh(excess)[1][:, -1] > 0
    if min(is_one.sum(), (~is_one).sum()) < 2:
        return None
    return (is_one, ~is_one) if 2 * is_one.sum() < len(is_one) + is_one[-1] else (~is_one, is_one)
