"""Which pair to judge next: at random, where two models disagree most, or where a label would teach a fit most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from rmlab.bradley_terry import fit_linear_reward
from rmlab.preference import preference_probability

__all__ = ["ByDisagreement", "ByInformation", "ByRandom", "Rule"]


class Rule(Protocol):
    """Draws the next question; `name` is kept with the label."""

    name: str

    def draw(self, open_places: np.ndarray, judged: Sequence[tuple[int, int]], rng: np.random.Generator) -> int:
        """Return one of `open_places`, which are not judged yet; `judged` has (place, preferred) of the others."""
        ...


class ByRandom:
    """All questions have the same probability."""

    name = "random"

    def draw(self, open_places: np.ndarray, judged: Sequence[tuple[int, int]], rng: np.random.Generator) -> int:
        """Return an open place at random."""
        return int(rng.choice(open_places))


class ByDisagreement:
    """The questions about which two models disagree most come first, by the difference of their probabilities.

    Parameters
    ----------
    one, other
        Score differences of two models, in the same orientation; shape ``(n_questions,)``.
    """

    name = "disagreement"

    def __init__(self, one: np.ndarray, other: np.ndarray):
        one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
        self._gap = np.abs(preference_probability(one) - preference_probability(other))

    def draw(self, open_places: np.ndarray, judged: Sequence[tuple[int, int]], rng: np.random.Generator) -> int:
        """Return the place with the largest difference; of equal ones any."""
        return _largest(self._gap[open_places], open_places, rng)


class ByInformation:
    """The questions whose label would narrow a linear reward most come first.

    A label of a question with attribute differences x adds ``p (1 - p) x x'`` to the information, and so raises the
    logarithm of its determinant by ``log(1 + p (1 - p) x' C x)``, where C is the covariance of the weights and p the
    probability that the fit so far gives (the D-optimal choice; Chaloner and Verdinelli 1995).

    Parameters
    ----------
    feature_differences
        Features of the first response less those of the second; shape ``(n_questions, n_features)``.
    prior_variance
        Prior variance of each weight.
    """

    name = "information"

    def __init__(self, feature_differences: np.ndarray, *, prior_variance: float = 1.0):
        self._x = np.asarray(feature_differences, dtype=float)
        self._prior_variance = prior_variance

    def draw(self, open_places: np.ndarray, judged: Sequence[tuple[int, int]], rng: np.random.Generator) -> int:
        """Return the place whose label adds most; of equal ones any."""
        decided = [(place, sign) for place, sign in judged if sign]
        weights, covariance = np.zeros(self._x.shape[1]), self._prior_variance * np.eye(self._x.shape[1])
        if decided:
            won = np.array([sign * self._x[place] for place, sign in decided])
            fit = fit_linear_reward(won, prior_variance=self._prior_variance)
            weights, covariance = fit.weights, fit.covariance
        x = self._x[open_places]
        p = preference_probability(x @ weights)
        gain = p * (1 - p) * np.einsum("nk,kl,nl->n", x, covariance, x)
        return _largest(gain, open_places, rng)


def _largest(values: np.ndarray, places: np.ndarray, rng: np.random.Generator) -> int:
    return int(rng.choice(places[values >= values.max() - 1e-12]))
