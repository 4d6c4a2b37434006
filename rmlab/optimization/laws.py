"""Laws of over-optimisation: the true reward against the distance d = sqrt(KL) from the reference.

    best of n                R(d) = d (alpha - beta d)
    reinforcement learning   R(d) = d (alpha - beta log d)

R is the true reward minus that of the reference, so R(0) = 0. Alpha measures what a little optimisation gains, and beta
how fast the gain is lost.

References
----------
Gao, Schulman and Hilton (2022), Scaling laws for reward model overoptimization.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from rmlab.optimization.arguments import finite
from rmlab.optimization.reweighting import n_at_kl

__all__ = ["LAWS", "OveroptimisationLaw", "fit_law", "fit_law_until_peak"]

LAWS: Final = {"best_of_n": "d (alpha - beta d)", "rl": "d (alpha - beta log d)"}
"""The laws by name."""


@dataclass(frozen=True, eq=False)
class OveroptimisationLaw:
    """A law, with the covariance of its two parameters."""

    law: str
    alpha: float
    beta: float
    covariance: np.ndarray
    """Of alpha and beta; float64, shape ``(2, 2)``."""
    degrees_of_freedom: int
    n_curves: int

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """The 95% intervals of alpha and beta by Student's t."""
        estimates = {"alpha": self.alpha, "beta": self.beta}
        return {name: self._interval(value, np.eye(2)[i]) for i, (name, value) in enumerate(estimates.items())}

    def predict(self, distance: np.ndarray | float) -> np.ndarray:
        """Return R at each distance, in the unit of the reward and the shape of `distance`."""
        d = np.asarray(distance, dtype=np.float64)
        return self.alpha * d - self.beta * _cost(self.law, d)

    @property
    def peak_distance(self) -> float:
        """The d at which R is highest: ``alpha / (2 beta)``, or ``exp(alpha / beta - 1)``; infinite without a peak.

        It is 0 if the law of best of n falls from the beginning.
        """
        if self.beta <= 0:
            return math.inf
        if self.law == "best_of_n":
            return max(self.alpha, 0.0) / (2 * self.beta)
        exponent = self.alpha / self.beta - 1
        return math.exp(exponent) if exponent < 700 else math.inf

    @property
    def peak_reward(self) -> float:
        """R at the peak: ``alpha^2 / (4 beta)``, or ``beta d``."""
        d = self.peak_distance
        return float(self.predict(d)) if math.isfinite(d) else math.inf

    @property
    def peak_interval(self) -> tuple[float, float]:
        """The 95% interval of `peak_distance`, by the delta method on its logarithm; (0, inf) without a peak."""
        d = self.peak_distance
        if not 0 < d < math.inf:
            return (0.0, math.inf)
        slope = np.array([1 / self.alpha, -1 / self.beta])
        if self.law == "rl":
            slope = np.array([1 / self.beta, -self.alpha / self.beta**2])
        low, high = self._interval(math.log(d), slope)
        return (math.exp(low) if low > -700 else 0.0, math.exp(high) if high < 700 else math.inf)

    @property
    def peak_n(self) -> float:
        """The n of best of n at the peak, by the bound ``d^2 = log n - (n - 1) / n``; infinite if there is none.

        Use it for a law that was fitted to distances from the bound. For distances from the exact KL, which is smaller,
        use `OptimisationCurve.strength_at`.
        """
        d = self.peak_distance
        return n_at_kl(d**2) if d**2 < 700 else math.inf

    def _interval(self, centre: float, direction: np.ndarray) -> tuple[float, float]:
        from scipy.special import stdtrit

        half = float(stdtrit(self.degrees_of_freedom, 0.975) * np.sqrt(direction @ self.covariance @ direction))
        return centre - half, centre + half


def fit_law(distance: np.ndarray, reward: np.ndarray, *, law: str = "best_of_n") -> OveroptimisationLaw:
    """Fit one of `LAWS` by least squares.

    Parameters
    ----------
    distance
        d = sqrt(KL), at least 0, with three or more different values above 0; shape ``(k,)``.
    reward
        True reward minus that at d = 0: shape ``(k,)``, or ``(n_curves, k)`` for curves of independent repeats, such as
        seeds. Errors along one curve are correlated, so the interval from a single curve is too narrow: it shows only
        how well the law follows that curve. With several, each is fitted, and the interval is that of their mean.
    law
        "best_of_n" or "rl".

    Raises
    ------
    ValueError
        If the law is unknown, or there are too few distances for its two parameters and an interval.
    """
    if law not in LAWS:
        raise ValueError(f"law must be one of {', '.join(LAWS)}, got {law!r}")
    d = finite("distance", distance)
    gained = np.atleast_2d(np.asarray(reward, dtype=np.float64))
    finite("reward", gained, (len(gained), len(d)))
    if (d < 0).any() or len(np.unique(d[d > 0])) < 3:
        raise ValueError("distance must be at least 0, with three or more different values above 0")
    design = np.stack([d, -_cost(law, d)], axis=1)  # (k, 2)
    solve: Callable[[np.ndarray], np.ndarray] = np.linalg.pinv(design).__matmul__
    estimates = solve(gained.T)  # (2, n_curves)
    n_curves = len(gained)
    if n_curves > 1:
        degrees, covariance = n_curves - 1, np.cov(estimates) / n_curves
    else:
        degrees = int((d > 0).sum()) - 2
        residuals = gained[0] - design @ estimates[:, 0]
        covariance = np.linalg.inv(design.T @ design) * (residuals @ residuals) / degrees
    alpha, beta = estimates.mean(axis=1).tolist()
    return OveroptimisationLaw(law, alpha, beta, covariance, degrees, n_curves)


def fit_law_until_peak(
    distance: np.ndarray, reward: np.ndarray, *, law: str = "best_of_n"
) -> tuple[OveroptimisationLaw, int]:
    """Fit a law to more and more of one curve, from its beginning, until the predicted peak has been passed.

    A law fitted to the beginning alone predicts the peak too late if the proxy errs about rare replies, which a few
    draws do not contain. A peak within the measurements is no extrapolation. The rule uses no later measurement, so it
    can be fixed before anything is measured.

    Parameters
    ----------
    distance
        d of each measurement, rising from 0; shape ``(k,)``.
    reward
        True reward minus that at d = 0; shape ``(k,)``.
    law
        One of `LAWS`.

    Returns
    -------
    The law, and the number of measurements to which it was fitted.

    Raises
    ------
    ValueError
        If there are too few measurements, or the peak that they predict is beyond them.
    """
    d, gained = finite("distance", distance), finite("reward", reward)
    fitted = None
    for used in range(3, len(d) + 1):
        if len(np.unique(d[:used][d[:used] > 0])) >= 3:
            fitted = fit_law(d[:used], gained[:used], law=law)
            if fitted.peak_distance <= d[used - 1]:
                return fitted, used
    beyond = "" if fitted is None else f", and the predicted peak is at d = {fitted.peak_distance:.3g}"
    raise ValueError(f"the measurements end at d = {d.max(initial=0.0):.3g}{beyond}; measure further out")


def _cost(law: str, distance: np.ndarray) -> np.ndarray:
    """Return ``d^2``, or ``d log d`` with 0 at d = 0: the factor of beta."""
    if law == "best_of_n":
        return distance**2
    return distance * np.log(np.where(distance > 0, distance, 1.0))
