"""A simulation that shows whether ratings or comparisons recover the order of items better for the same effort.

`draw_raters` makes a crowd whose scales differ as much as you like, `standardise_ratings` removes the scales again,
and `study_effort` lets many such crowds judge both ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rmlab.bradley_terry import fit_bradley_terry
from rmlab.evaluation import mean_interval
from rmlab.simulate import Rater, SimulatedComparisons, simulate_comparisons, simulate_ratings
from rmlab.simulate.raters import count, generator

__all__ = ["METHODS", "EffortStudy", "draw_raters", "standardise_ratings", "study_effort"]

METHODS = ("comparisons", "ratings as they are", "ratings, centred", "ratings, standardised")
"""The ways to order the items: scores fitted to comparisons, or mean ratings of three kinds."""


def draw_raters(spread: float, n_raters: int = 20, *, seed: int | np.random.Generator) -> tuple[Rater, ...]:
    """Draw raters with an offset, a scale and a drift of their own; at a spread of 0 they are all alike.

    The offset is ``2 spread z``, the logarithm of the scale ``spread z / 2`` and the drift ``spread z``, with a
    normal z for each; the noise is 1.
    """
    rng = generator(seed)
    return tuple(
        Rater(
            offset=2.0 * spread * rng.normal(),
            scale=float(np.exp(0.5 * spread * rng.normal())),
            drift=spread * rng.normal(),
        )
        for _ in range(count("n_raters", n_raters))
    )


def standardise_ratings(ratings: np.ndarray, raters: np.ndarray, *, divide: bool = True) -> np.ndarray:
    """Subtract each rater's mean from the ratings, and divide them by the rater's standard deviation.

    Parameters
    ----------
    ratings, raters
        The ratings, and the rater of each; shape ``(n_ratings,)``.
    divide
        False subtracts only the mean: the ratings are then centred.
    """
    out = np.array(ratings, dtype=float)
    raters = np.asarray(raters)
    if raters.shape != out.shape or out.ndim != 1:
        raise ValueError(f"ratings and raters must have one shape (n_ratings,), got {out.shape} and {raters.shape}")
    for one in np.unique(raters):
        own = raters == one
        out[own] -= out[own].mean()
        if divide and (deviation := out[own].std()) > 0:  # equal ratings have no spread, and become 0
            out[own] /= deviation
    return out


@dataclass(frozen=True, eq=False)
class EffortStudy:
    """The results and settings of a study: ``taus`` holds Kendall's tau in each repeat for each of `METHODS`.

    In each repeat all methods had the same items and raters.
    """

    taus: Mapping[str, np.ndarray]
    spread: float
    n_repeats: int
    n_items: int
    n_raters: int
    per_rater: int
    comparisons_per_rating: float

    def mean(self, method: str) -> tuple[float, float, float]:
        """Return the mean tau of a method, and the ends of its 95% interval (`mean_interval`)."""
        return mean_interval(self.taus[method])

    def lead(self, method: str, over: str) -> tuple[float, float, float]:
        """Return the mean of one method's tau minus another's in the same repeat, and the ends of its 95% interval."""
        return mean_interval(self.taus[method] - self.taus[over])


def study_effort(
    *,
    spread: float,
    n_repeats: int = 200,
    n_items: int = 20,
    n_raters: int = 20,
    per_rater: int = 5,
    comparisons_per_rating: float = 1.0,
) -> EffortStudy:
    """Let simulated raters judge items both ways, and measure how close each method comes to the true order.

    A repeat draws rewards (normal) and raters. Every rater gives `per_rater` ratings, and the raters compare pairs of
    items drawn at random. Each method is then measured by Kendall's tau between the rewards and the order that it
    finds. Repeat i is seeded with i, so studies with other settings begin with the same rewards.

    Parameters
    ----------
    spread
        How much the raters differ: see `draw_raters`.
    n_repeats
        At least 2.
    per_rater
        Ratings of each rater.
    comparisons_per_rating
        How many comparisons are made for each rating.
    """
    from scipy.stats import kendalltau

    if count("n_repeats", n_repeats) < 2:
        raise ValueError("n_repeats must be at least 2, so that the repeats have a spread, got 1")
    if not comparisons_per_rating > 0:
        raise ValueError(f"comparisons_per_rating must be above 0, got {comparisons_per_rating!r}")
    found: dict[str, list[float]] = {method: [] for method in METHODS}
    for repeat in range(n_repeats):
        rng = np.random.default_rng(repeat)
        rewards = rng.normal(size=n_items)
        raters = draw_raters(spread, n_raters, seed=rng)
        rated = simulate_ratings(rewards, raters, n_ratings=per_rater, seed=rng)
        n_comparisons = max(1, round(comparisons_per_rating * len(rated.values)))
        compared = simulate_comparisons(rewards, raters=raters, n_comparisons=n_comparisons, seed=rng)
        kinds = [
            rated.values,
            *(standardise_ratings(rated.values, rated.rater_indices, divide=d) for d in (False, True)),
        ]
        orders = [_fitted_scores(compared), *(_mean_ratings(values, rated.item_indices, n_items) for values in kinds)]
        for method, order in zip(METHODS, orders, strict=True):
            found[method].append(float(kendalltau(rewards, order).statistic))  # type: ignore[union-attr]
    taus = {method: np.array(values) for method, values in found.items()}
    return EffortStudy(taus, spread, n_repeats, n_items, n_raters, per_rater, comparisons_per_rating)


def _mean_ratings(values: np.ndarray, items: np.ndarray, n_items: int) -> np.ndarray:
    """Return the mean rating of each item; of an item without ratings, the mean of all."""
    n = np.bincount(items, minlength=n_items)
    return np.where(n > 0, np.bincount(items, values, minlength=n_items) / np.maximum(n, 1), values.mean())


def _fitted_scores(compared: SimulatedComparisons) -> np.ndarray:
    """Return Bradley-Terry scores; an item that was never compared gets 0. The prior keeps scores finite."""
    fit = fit_bradley_terry(compared.winners, compared.losers, prior_variance=1.0)
    scores = np.zeros(len(compared.items))
    scores[np.array(fit.items, dtype=int)] = fit.scores
    return scores
