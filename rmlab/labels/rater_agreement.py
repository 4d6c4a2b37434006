"""`agreement`: what judgements show about their raters. Intervals are at 95%, with a pair's judgements as one cluster.

- For one rater: how often the left was preferred, and how often a pair that came back swapped was judged as before.
- For several: the agreement of two, raw and as Krippendorff's alpha; the ceiling that it sets for any model; raters who
  agree with the others less than these do among themselves; and two camps.

Between raters, the first judgement of each rater on a pair counts. Skips do not count; "about the same" does.

References
----------
Krippendorff (2011), Computing Krippendorff's alpha-reliability.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rmlab.evaluation import NoiseCeiling, mean_interval, noise_ceiling, wilson_interval
from rmlab.evaluation.intervals import bootstrap_sums, clustered_sample_size, expanded_percentiles
from rmlab.labels.camps import Camps, find_camps, one_hot, share_agreeing, share_agreeing_across
from rmlab.labels.judgements import Judgement, standing

__all__ = ["Agreement", "Estimate", "RaterRecord", "agreement", "krippendorff_alpha", "side_share"]

FEW = 10
"""The fewest judgements (or pairs) for an estimate of a rater's side, or of how a rater compares with the others."""
N_BOOTSTRAP = 2000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95% interval and the number of pairs behind it."""

    value: float
    lower: float
    upper: float
    n_pairs: int

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.lower:.2f} to {self.upper:.2f})"


@dataclass(frozen=True, slots=True)
class RaterRecord:
    """What the judgements of one rater show; None where there are too few."""

    rater: str
    n_judgements: int
    n_ties: int
    n_skips: int
    median_seconds: float
    left: Estimate | None
    """Share of the judgements, ties left out, that preferred the left response."""
    consistency: Estimate | None
    """Share of the pairs seen twice that were judged the same both times."""
    with_others: Estimate | None
    """How often another rater, drawn at random, says the same of a pair."""
    extra_agreement: Estimate | None
    """`with_others` less the agreement of the others among themselves on the same pairs."""
    side: str | None
    """"left" or "right", where that bias is clear after allowing for the number of raters (Bonferroni)."""
    stands_apart: bool
    """Whether `extra_agreement` is clearly below 0, with the same allowance."""


@dataclass(frozen=True)
class Agreement:
    """What judgements show about their raters; see `agreement`."""

    n_raters: int
    n_pairs: int
    n_judgements: int
    n_skips: int
    n_taken_back: int
    """Entries that were changed or undone."""
    raters: tuple[RaterRecord, ...]
    raw: Estimate | None
    """The probability that two raters say the same of a pair."""
    alpha: Estimate | None
    """Krippendorff's alpha, nominal: 1 for full agreement, 0 for what chance would give."""
    consistency: Estimate | None
    """The consistency of all raters, as in `RaterRecord`."""
    ceiling: NoiseCeiling | None
    """The ceiling on the accuracy of any model against one judgement."""
    camps: Camps | None
    seed: int


def agreement(entries: Iterable[Judgement], *, seed: int = 0) -> Agreement:
    """Return what the entries of a store show about their raters.

    Parameters
    ----------
    entries
        All entries; those that were changed or undone are only counted.
    seed
        Seed of the bootstrap for Krippendorff's alpha and the ceiling, and of the test for camps.

    Raises
    ------
    ValueError
        If nothing was judged.
    """
    entries = list(entries)
    stands = sorted(standing(entries), key=lambda entry: entry.time)
    if not any(entry.preferred is not None for entry in stands):
        raise ValueError(f"nothing was judged: of {len(entries):,} entries none stands, or all are skips")
    names = sorted({entry.rater for entry in stands})
    pairs = {name: column for column, name in enumerate(sorted({entry.pair for entry in stands}))}
    first = np.full((len(names), len(pairs)), np.nan)
    again: list[tuple[int, int, float]] = []  # rater, pair, whether the second judgement is as the first
    seen_twice: set[tuple[int, int]] = set()
    rows = {name: row for row, name in enumerate(names)}
    for entry in stands:
        if entry.preferred is None:
            continue
        cell = rows[entry.rater], pairs[entry.pair]
        if np.isnan(first[cell]):
            first[cell] = entry.preferred
        elif cell not in seen_twice:
            seen_twice.add(cell)
            again.append((*cell, float(first[cell] == entry.preferred)))
    votes = one_hot(first)
    extra_agreements = _extra_agreements(votes)
    raters = tuple(
        _record(name, [entry for entry in stands if entry.rater == name], pairs, again, votes, row, extra_agreements)
        for name, row in rows.items()
    )
    of_two = share_agreeing(votes)
    known = ~np.isnan(of_two)
    several = len(names) > 1 and known.sum() >= 2
    return Agreement(
        n_raters=len(names),
        n_pairs=len({entry.pair for entry in stands if entry.preferred is not None}),
        n_judgements=sum(entry.preferred is not None for entry in stands),
        n_skips=sum(entry.preferred is None for entry in stands),
        n_taken_back=sum(entry.verdict != "undo" for entry in entries) - len(stands),
        raters=raters,
        raw=_mean(of_two[known]) if several else None,
        alpha=krippendorff_alpha(first, seed=seed) if several else None,
        consistency=_share([same for *_, same in again], [pair for _, pair, _ in again]),
        ceiling=_ceiling(first, seed) if several else None,
        camps=_camps(first, names, seed) if several else None,
        seed=seed,
    )


def side_share(left: Sequence[float] | np.ndarray, pairs: Sequence[int] | np.ndarray) -> Estimate | None:
    """Return how often the left is preferred, from 1 for left and 0 for right; None below ten judgements.

    If sides are drawn at random, a rater without a side bias prefers the left half of the time, whatever the pairs.
    """
    return _share(left, pairs) if len(left) >= FEW else None


def krippendorff_alpha(values: np.ndarray, *, seed: int = 0, n_bootstrap: int = N_BOOTSTRAP) -> Estimate | None:
    """Return Krippendorff's alpha for nominal data, with a bootstrap interval from drawing pairs.

    ``alpha = 1 - observed disagreement / expected disagreement``, over pairs with two judgements or more. None if it
    is not defined: with fewer than two such pairs, or if all judgements are alike.

    Parameters
    ----------
    values
        A number for each category, NaN where not judged; shape ``(n_raters, n_pairs)``.
    seed, n_bootstrap
        Seed and number of the draws.
    """
    counts = one_hot(values, np.unique(values[~np.isnan(values)])).sum(axis=1).T  # (n_pairs, n_categories)
    counts = counts[counts.sum(axis=1) >= 2]
    if len(counts) < 2:
        return None
    m = counts.sum(axis=1)
    apart = (m**2 - (counts**2).sum(axis=1)) / (m - 1)  # ordered couples of one pair that differ, each pair weighing m
    terms = np.column_stack([apart, m, counts])
    sums, n_units = bootstrap_sums(terms, n_bootstrap=n_bootstrap, seed=seed)
    value = _alpha(terms.sum(axis=0)[None])[0]
    if np.isnan(value):
        return None
    draws = _alpha(sums)
    draws[np.isnan(draws)] = 1.0  # a draw in which all judgements are alike: nobody disagrees
    ends = expanded_percentiles(draws, n_units)
    assert ends is not None  # there are two pairs
    return Estimate(float(value), *ends, len(counts))


def _alpha(sums: np.ndarray) -> np.ndarray:
    apart, n, counts = sums[:, 0], sums[:, 1], sums[:, 2:]
    expected = (n**2 - (counts**2).sum(axis=1)) / (n - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected > 0, 1 - apart / expected, np.nan)


def _record(
    name: str,
    stands: list[Judgement],
    pairs: dict[str, int],
    again: list[tuple[int, int, float]],
    votes: np.ndarray,
    row: int,
    extra_agreements: np.ndarray,
) -> RaterRecord:
    sides = [entry for entry in stands if entry.verdict in ("left", "right")]
    left, where = [float(e.verdict == "left") for e in sides], [pairs[e.pair] for e in sides]
    share = side_share(left, where)
    others = np.arange(votes.shape[1]) != row
    agree = share_agreeing_across(votes[:, [row]], votes[:, others])
    agree, extra_agreement = agree[~np.isnan(agree)], extra_agreements[row][~np.isnan(extra_agreements[row])]
    n_raters = votes.shape[1]
    mine = [(pair, same) for rater, pair, same in again if rater == row]
    return RaterRecord(
        rater=name,
        n_judgements=sum(entry.preferred is not None for entry in stands),
        n_ties=sum(entry.verdict == "tie" for entry in stands),
        n_skips=sum(entry.verdict == "skip" for entry in stands),
        median_seconds=float(np.median([entry.seconds for entry in stands])),
        left=share,
        consistency=_share([same for _, same in mine], [pair for pair, _ in mine]),
        with_others=_mean(agree) if len(agree) >= FEW else None,
        extra_agreement=_mean(extra_agreement) if len(extra_agreement) >= FEW else None,
        side=None if share is None else _clear_side(left, where, n_raters),
        stands_apart=len(extra_agreement) >= FEW and _clearly_below_zero(extra_agreement, n_raters),
    )


def _extra_agreements(votes: np.ndarray) -> np.ndarray:
    """Return, for each rater and pair, the agreement with the others less that among them; ``(n_raters, n_pairs)``."""
    n_raters = votes.shape[1]
    rows = []
    for row in range(n_raters):
        others = votes[:, np.arange(n_raters) != row]
        rows.append(share_agreeing_across(votes[:, [row]], others) - share_agreeing(others))
    return np.array(rows)


def _share(outcome: Sequence[float] | np.ndarray, clusters: Sequence[int] | np.ndarray) -> Estimate | None:
    """Return the estimate of a share, with Wilson's interval for clusters; None without outcomes."""
    if not len(outcome):
        return None
    return Estimate(float(np.mean(outcome)), *_wilson(outcome, clusters, 0.95), len(np.unique(clusters)))


def _wilson(outcome: Any, clusters: Any, confidence: float) -> tuple[float, float]:
    y = np.asarray(outcome, dtype=float)
    n = clustered_sample_size(y, np.ones(len(y)), np.unique(clusters, return_inverse=True)[1], confidence=confidence)
    return wilson_interval(y.mean() * n, n, confidence=confidence)


def _clear_side(left: list[float], clusters: list[int], n_raters: int) -> str | None:
    lower, upper = _wilson(left, clusters, 1 - 0.05 / n_raters)
    return "left" if lower > 0.5 else "right" if upper < 0.5 else None


def _clearly_below_zero(values: np.ndarray, n_raters: int) -> bool:
    from scipy.special import stdtr

    error = values.std(ddof=1) / np.sqrt(len(values))
    if error == 0:
        return bool(values.mean() < 0)
    return bool(stdtr(len(values) - 1, values.mean() / error) < 0.025 / n_raters)


def _mean(values: np.ndarray) -> Estimate | None:
    return Estimate(*mean_interval(values), len(values)) if len(values) >= 2 else None


def _camps(first: np.ndarray, names: Sequence[str], seed: int) -> Camps | None:
    """Find camps among the raters who judged a pair that another judged too; nothing places the others."""
    judged = ~np.isnan(first)
    placed = (judged & (judged.sum(axis=0) >= 2)).any(axis=1)
    return find_camps(first[placed], [name for name, is_in in zip(names, placed, strict=True) if is_in], seed=seed)


def _ceiling(first: np.ndarray, seed: int) -> NoiseCeiling | None:
    votes = np.stack([(first == 1).sum(axis=0), (first == -1).sum(axis=0)], axis=1)
    return noise_ceiling(votes, seed=seed) if (votes.sum(axis=1) >= 2).any() else None
