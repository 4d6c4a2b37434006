"""Two camps of raters: found on one half of the pairs and measured on the other, so that luck does not count.

A division that was chosen because raters agreed on some pairs looks better on those pairs than it is. So the pairs are
split. One half divides the raters and decides whether there are two camps at all; the other half measures the gap. The
halves are independent. Hence the interval of the gap covers the true gap *of the camps that are reported* at its level,
whether this gap is large or small, and also if only clear camps are counted. Some raters may be reported on the wrong
side. The true gap of the reported camps, which the interval covers, is then smaller than that of the real camps.

References
----------
Cox (1975), A note on data-splitting for the evaluation of significance levels. Newman (2006), Finding community
structure in networks using the eigenvectors of matrices. Phipson and Smyth (2010), Permutation P-values should never be
zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rmlab.evaluation import mean_interval

__all__ = ["CATEGORIES", "Camps", "find_camps", "one_hot", "share_agreeing", "share_agreeing_across"]

CATEGORIES = (1, 0, -1)
"""The judgements: the first response, about the same, the second."""
FEWEST_PAIRS = 15
"""The fewest pairs, with judgements of both camps, on which the gap is measured."""
LEVEL = 0.05
"""The level of the test that decides whether there are camps."""
N_DRAWS = 199
"""Permutations of that test."""
_AT_ONCE = 2**20
"""The most judgements that are permuted together, so that memory is bounded."""


@dataclass(frozen=True)
class Camps:
    """Two parts of the raters, each of which agrees more with itself than with the other."""

    members: tuple[tuple[str, ...], tuple[str, ...]]
    """The larger part first."""
    gap: tuple[float, float, float]
    """Agreement within the smaller part, less the agreement across: mean and 95% interval, on pairs that did not
    divide the raters."""
    n_pairs: int
    """Pairs on which the gap was measured."""
    p_value: float
    """How often raters without camps would look as divided, on the pairs that divided them."""

    @property
    def clear(self) -> bool:
        """Whether the test finds camps, on the pairs that divided the raters.

        The gap has no part in this, so its interval keeps its level for clear camps too. The interval may contain 0.
        """
        return self.p_value <= LEVEL


def one_hot(values: np.ndarray, categories: Iterable[float] = CATEGORIES) -> np.ndarray:
    """Return which category each rater gave each pair: float64 ``(n_categories, n_raters, n_pairs)``, 0 where none.

    The axes of `values` before the last two come first in the result too.
    """
    return np.stack([values == category for category in categories], axis=-3).astype(float)


def share_agreeing(votes: np.ndarray) -> np.ndarray:
    """Return, for each pair, how often two different raters say the same: ``(n_pairs,)``, NaN below two judgements."""
    counts = votes.sum(axis=-2)  # (..., n_categories, n_pairs)
    m = counts.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(m >= 2, (counts * (counts - 1)).sum(axis=-2) / (m * (m - 1)), np.nan)


def share_agreeing_across(votes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return, for each pair, how often a rater and one of the others agree: ``(n_pairs,)``, NaN if a side is empty."""
    ours, theirs = votes.sum(axis=-2), others.sum(axis=-2)  # (..., n_categories, n_pairs)
    n = ours.sum(axis=-2) * theirs.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(n > 0, (ours * theirs).sum(axis=-2) / n, np.nan)


def find_camps(preferred: np.ndarray, raters: Sequence[str], *, seed: int = 0) -> Camps | None:
    """Return two camps of raters, divided by the leading eigenvector of their agreement less its mean, or None.

    Every second pair divides the raters, and the pairs between them measure the gap. The test for camps permutes the
    judgements of each pair among the raters who judged it. If there are no camps and all raters are alike, this changes
    nothing. A gap is the agreement within a part less the agreement across. The statistic is the smaller of the two
    parts' gaps, each over its standard error. So raters who are only less consistent than the others form no camp.

    The result is None if a part has fewer than two raters, or fewer than 15 pairs measure the gap. A single rater who
    disagrees with all others is no camp.

    Parameters
    ----------
    preferred
        +1 first, -1 second, 0 about the same, NaN not judged; shape ``(n_raters, n_pairs)``. The order of the pairs
        must not depend on the judgements.
    raters
        Their names.
    seed
        Seed of the permutations.
    """
    divides = np.arange(preferred.shape[1]) % 2 == 0
    smaller, two_parts = _divide(one_hot(preferred[:, divides]))
    if not two_parts:
        return None
    votes = one_hot(preferred[:, ~divides])
    gaps = share_agreeing(votes[:, smaller]) - share_agreeing_across(votes[:, smaller], votes[:, ~smaller])
    gaps = gaps[~np.isnan(gaps)]
    if len(gaps) < FEWEST_PAIRS:
        return None
    one, other = (
        tuple(name for name, is_in in zip(raters, part, strict=True) if is_in) for part in (~smaller, smaller)
    )
    return Camps((one, other), mean_interval(gaps), len(gaps), _p_value(preferred[:, divides], seed))


def _divide(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which raters are in the smaller part, bool ``(..., n_raters)``, and whether both have two or more.

    `votes` has shape ``(..., n_categories, n_raters, n_pairs)``.
    """
    judged = votes.sum(axis=-3)
    together = judged @ judged.swapaxes(-1, -2)  # (..., n_raters, n_raters)
    agree = (votes @ votes.swapaxes(-1, -2)).sum(axis=-3)
    n_raters = together.shape[-1]
    different = ~np.eye(n_raters, dtype=bool) & (together > 0)
    share = np.divide(agree, together, out=np.zeros_like(agree), where=different)
    mean = share.sum(axis=(-1, -2)) / np.maximum(different.sum(axis=(-1, -2)), 1)
    excess = np.where(different, share - mean[..., None, None], 0.0)
    is_one = np.linalg.eigh(excess)[1][..., -1] > 0  # (..., n_raters)
    size = is_one.sum(axis=-1)
    is_smaller = 2 * size < n_raters + is_one[..., -1]  # if both have the same size, that of the last rater
    return is_one == is_smaller[..., None], np.minimum(size, n_raters - size) >= 2


def _p_value(preferred: np.ndarray, seed: int) -> float:
    """Return how often judgements that are permuted within each pair divide the raters as clearly as the real ones."""
    found = _clarity(preferred)
    rng = np.random.default_rng(seed)
    chunk = max(1, _AT_ONCE // preferred.size)
    as_clear = 0
    for start in range(0, N_DRAWS, chunk):
        drawn = _permuted(preferred, min(chunk, N_DRAWS - start), rng)
        as_clear += int((_clarity(drawn) >= found - 1e-12).sum())
    return (1 + as_clear) / (1 + N_DRAWS)


def _clarity(preferred: np.ndarray) -> np.ndarray:
    """Return the smaller of the gaps of both parts, each over its standard error, on the pairs that divide the raters.

    It is -inf if there are no two parts. The gap of two raters varies more than that of six, hence the standard errors.
    """
    votes = one_hot(preferred)  # (..., n_categories, n_raters, n_pairs)
    smaller, two_parts = _divide(votes)
    of_smaller = smaller[..., None, :, None]
    one, other = votes * of_smaller, votes * ~of_smaller
    across = share_agreeing_across(one, other)
    gaps = np.stack([share_agreeing(part) - across for part in (one, other)])  # (2, ..., n_pairs)
    known = ~np.isnan(gaps)
    n = np.maximum(known.sum(axis=-1), 1)
    mean = np.where(known, gaps, 0.0).sum(axis=-1) / n
    spread = np.where(known, (gaps - mean[..., None]) ** 2, 0.0).sum(axis=-1) / n
    with np.errstate(invalid="ignore", divide="ignore"):
        in_errors = mean / np.sqrt(spread / n)
    return np.where(two_parts & ~np.isnan(in_errors).any(axis=0), in_errors.min(axis=0), -np.inf)


def _permuted(preferred: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return the judgements of each pair, permuted among its raters: ``(n, n_raters, n_pairs)``."""
    missing = np.isnan(preferred)
    keys = np.where(missing, 2.0, rng.random((n, *preferred.shape)))
    shuffled = np.take_along_axis(preferred[None], keys.argsort(axis=-2), axis=-2)  # judgements first, in random order
    places = missing.argsort(axis=-2, kind="stable")[None]  # those who judged first
    drawn = np.empty_like(shuffled)
    np.put_along_axis(drawn, np.broadcast_to(places, shuffled.shape), shuffled, axis=-2)
    return drawn
