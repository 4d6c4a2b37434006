"""`fit_rewarded`: which attributes of a response raters reward, and how many more labels would halve the intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rmlab.bradley_terry import LinearReward, fit_linear_reward
from rmlab.evaluation.intervals import Z95
from rmlab.labels.asked_pairs import Questions
from rmlab.labels.camps import Camps
from rmlab.labels.judgements import Judgement, standing
from rmlab.preference import preference_probability

__all__ = ["LEFT", "Rewarded", "Weight", "fit_camps", "fit_rewarded"]

LEFT = "on the left"
"""The name of the attribute that says on which side a response was shown; its weight is the rater's side bias."""
PRIOR_VARIANCE = 4.0
"""Prior variance of each weight, in nats squared per unit of the attribute: two nats are a strong preference."""


@dataclass(frozen=True, slots=True)
class Weight:
    """What one unit of an attribute adds to the reward, in nats, with its 95% interval."""

    attribute: str
    value: float
    lower: float
    upper: float
    n_pairs: int
    """Judgements of two responses that differ in this attribute. With none, only the prior is known."""

    @property
    def clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.lower > 0 or self.upper < 0


@dataclass(frozen=True)
class Rewarded:
    """A linear reward fitted to labels; see `fit_rewarded`. Printed, it is a table of weights."""

    attributes: tuple[str, ...]
    """The attributes of the responses, and last `LEFT`."""
    fit: LinearReward
    n_labels: int
    n_ties: int
    n_differing: np.ndarray
    """The number of labels whose responses differ in each attribute; shape ``(n_attributes,)``."""

    @cached_property
    def weights(self) -> tuple[Weight, ...]:
        """The weight of every attribute, in the order of `attributes`."""
        half = Z95 * self.fit.standard_errors
        rows = zip(self.attributes, self.fit.weights, half, self.n_differing, strict=True)
        return tuple(Weight(name, float(w), float(w - h), float(w + h), int(n)) for name, w, h, n in rows)

    @cached_property
    def more_for_half(self) -> int | None:
        """Number of further labels of such pairs that would halve the intervals, on average over the attributes.

        Attributes in which no pair differs are left out. Without a prior it is three times the present number. The
        prior narrows intervals that few labels would leave wide, so halving them takes more. None if more than a
        million times the present number would be needed, or no pair differs in anything.
        """
        known = self.n_differing > 0
        if not known.any():
            return None
        now = self.fit.standard_errors[known]

        def excess(factor: float) -> float:
            return float(np.mean(np.sqrt(np.diag(self.fit.covariance_after(factor)))[known] / now)) - 0.5

        from scipy.optimize import brentq

        highest = 4.0
        while excess(highest) > 0:
            highest *= 2
            if highest > 1e6:
                return None
        factor: Any = brentq(excess, 1.0, highest)
        return math.ceil((factor - 1) * self.n_labels)

    def probability_left(self, first_less_second: np.ndarray, swapped: bool) -> float:
        """Return the probability that the response on the left is preferred.

        Parameters
        ----------
        first_less_second
            Attribute differences of the question, without `LEFT`; shape ``(n_attributes - 1,)``.
        swapped
            Whether the second response is on the left.
        """
        sign = -1.0 if swapped else 1.0
        return preference_probability(float(np.append(sign * first_less_second, 1.0) @ self.fit.weights))

    def __str__(self) -> str:
        width = max(len(name) for name in self.attributes)
        lines = [f"{'attribute':<{width}}  nats    95% interval       pairs"]
        for one in sorted(self.weights, key=lambda weight: -abs(weight.value)):
            if one.n_pairs:
                ends = f"{one.lower:6.2f} to {one.upper:5.2f}"
                mark = "" if one.clear else "   (the interval contains 0)"
                lines.append(f"{one.attribute:<{width}}  {one.value:5.2f}  {ends}   {one.n_pairs:5d}{mark}")
        labels = f"{self.n_labels:,} labels" + (f", {self.n_ties:,} of them ties" if self.n_ties else "")
        more = self.more_for_half
        lines.append(labels if more is None else f"{labels}; {more:,} more would halve the intervals")
        return "\n".join(lines)


def fit_rewarded(
    entries: Iterable[Judgement],
    questions: Questions,
    differences: np.ndarray,
    attributes: Sequence[str],
    *,
    prior_variance: float = PRIOR_VARIANCE,
) -> Rewarded:
    """Fit a reward that is linear in attributes, and a side bias, to the judgements that stand.

    Each weight has a Gaussian prior around 0, so that forty labels give an answer; the intervals are those of the
    posterior (Laplace's approximation). A tie is half a win each way. Skips, and pairs that are not among the
    questions, are left out.

    Parameters
    ----------
    entries
        Judgements of one rater or of many.
    questions
        What was judged.
    differences
        Attributes of the file's chosen response less those of the rejected one; ``(n_questions, n_attributes)``.
    attributes
        The names of the attributes.
    prior_variance
        Prior variance of each weight, in nats squared.

    Raises
    ------
    ValueError
        If shapes differ, or no judgement is left.
    """
    x = np.asarray(differences, dtype=np.float64)
    if x.shape != (len(questions), len(attributes)):
        expected = (len(questions), len(attributes))
        raise ValueError(f"differences must have shape (n_questions, n_attributes) = {expected}, got {x.shape}")
    x = x * questions.signs()[:, None]
    judged = [e for e in standing(entries) if e.preferred is not None and e.pair in questions.places]
    if not judged:
        raise ValueError("no judgement of these pairs stands, so nothing can be said of what is rewarded")
    left = np.array([-1.0 if entry.swapped else 1.0 for entry in judged])  # of the first response
    rows = np.column_stack([x[[questions.places[entry.pair] for entry in judged]], left])
    sign = np.array([entry.preferred for entry in judged], dtype=np.float64)
    won, times = _wins(rows, sign)
    return Rewarded(
        attributes=(*attributes, LEFT),
        fit=fit_linear_reward(won, prior_variance=prior_variance, multiplicities=times),
        n_labels=len(judged),
        n_ties=int((sign == 0).sum()),
        n_differing=(rows != 0).sum(axis=0),
    )


def _wins(rows: np.ndarray, sign: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows turned to the side that won, and how often each counts: a tie is half a win each way."""
    tied = sign == 0
    won = np.concatenate([rows * np.where(tied, 1.0, sign)[:, None], -rows[tied]])
    return won, np.concatenate([np.where(tied, 0.5, 1.0), np.full(tied.sum(), 0.5)])


def fit_camps(
    entries: Iterable[Judgement],
    camps: Camps,
    questions: Questions,
    differences: np.ndarray,
    attributes: Sequence[str],
    *,
    prior_variance: float = PRIOR_VARIANCE,
) -> tuple[Rewarded, Rewarded]:
    """Fit what each of two camps rewards, in the order of its members; see `fit_rewarded` for the parameters.

    One fit to both would be the reward of nobody: where the camps disagree, its weights are near 0.
    """
    entries = list(entries)
    one, other = (
        fit_rewarded(
            [entry for entry in entries if entry.rater in members],
            questions,
            differences,
            attributes,
            prior_variance=prior_variance,
        )
        for members in camps.members
    )
    return one, other
