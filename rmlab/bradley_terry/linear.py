"""A reward that is linear in features, fitted to preferences: logistic regression on differences, under a prior."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from rmlab.preference import preference_loss, preference_probability

__all__ = ["LinearReward", "fit_linear_reward"]

GRADIENT_TOLERANCE = 1e-6
"""As a share of the largest gradient at the start."""


@dataclass(frozen=True)
class LinearReward:
    """A reward that is linear in features, fitted to preferences."""

    weights: np.ndarray
    """Nats for a unit of each feature; float64, shape ``(width,)``."""
    log_loss: float
    """Mean over the pairs that it was fitted to, in nats, without the prior's term."""
    prior_variance: float
    n_pairs: int
    information: np.ndarray = field(repr=False)
    """Fisher information of the pairs at the maximum, without the prior's term; shape ``(width, width)``."""

    def score_differences(self, feature_differences: np.ndarray) -> np.ndarray:
        """Return ``w . (phi_chosen - phi_rejected)``, in nats, shape ``(n_pairs,)``."""
        return np.asarray(feature_differences, dtype=np.float64) @ self.weights

    def covariance_after(self, factor: float) -> np.ndarray:
        """Return the covariance that the weights would have with `factor` times as many such pairs."""
        precision = np.eye(len(self.weights)) / self.prior_variance
        return np.linalg.inv(factor * self.information + precision)

    @cached_property
    def covariance(self) -> np.ndarray:
        """Covariance of the weights' posterior, by Laplace's approximation; shape ``(width, width)``."""
        return self.covariance_after(1.0)

    @property
    def standard_errors(self) -> np.ndarray:
        """Standard deviations of the weights' posterior, shape ``(width,)``."""
        return np.sqrt(np.diag(self.covariance))


def fit_linear_reward(
    feature_differences: np.ndarray,
    *,
    prior_variance: float = 1.0,
    margins: np.ndarray | None = None,
    multiplicities: np.ndarray | None = None,
) -> LinearReward:
    """Fit ``RM(x, y) = w . phi(x, y)`` to preferences.

    The weights have the largest posterior under a Gaussian prior of mean 0: they minimise
    ``sum(-log sigmoid(w . d - margin)) + |w|^2 / (2 prior_variance)``, which has one minimum. No constant is fitted,
    since it cancels in a difference.

    Parameters
    ----------
    feature_differences
        ``phi(chosen) - phi(rejected)``, shape ``(n_pairs, width)``.
    prior_variance
        Prior variance of each weight, above 0.
    margins
        Margin of each pair in nats, shape ``(n_pairs,)``; by default 0.
    multiplicities
        How often each pair counts, shape ``(n_pairs,)``; by default once. A tie is half a win each way.

    Raises
    ------
    ValueError
        If the differences, margins or multiplicities have another shape or are out of range, the variance is out of
        range, or the fit does not converge.
    """
    from scipy.optimize import minimize

    d = np.asarray(feature_differences, dtype=np.float64)
    if d.ndim != 2 or not d.size or not np.isfinite(d).all():
        raise ValueError(f"feature_differences must be finite, of shape (n_pairs, width), got shape {d.shape}")
    if not 0 < prior_variance < np.inf:
        raise ValueError(f"prior_variance must be a finite number above 0, got {prior_variance!r}")
    margin = np.zeros(len(d)) if margins is None else np.asarray(margins, dtype=np.float64)
    if margin.shape != (len(d),) or not np.isfinite(margin).all():
        raise ValueError(f"margins must be finite, of shape ({len(d)},), got shape {margin.shape}")
    times = np.ones(len(d)) if multiplicities is None else np.asarray(multiplicities, dtype=np.float64)
    if times.shape != (len(d),) or not (np.isfinite(times).all() and (times >= 0).all() and times.any()):
        raise ValueError(f"multiplicities must be at least 0, not all 0, and of shape ({len(d)},)")

    def objective(w: np.ndarray) -> tuple[float, np.ndarray]:
        gap = d @ w - margin
        # the derivative of the loss by the difference is -(1 - P); sigmoid(-gap) keeps 1 - P exact
        slope = -(times * preference_probability(-gap)) @ d
        return float(times @ preference_loss(gap) + w @ w / (2 * prior_variance)), slope + w / prior_variance

    def information(w: np.ndarray) -> np.ndarray:
        gap = d @ w - margin
        weight = times * preference_probability(gap) * preference_probability(-gap)
        return (d.T * weight) @ d

    def curvature(w: np.ndarray) -> np.ndarray:
        return information(w) + np.eye(len(w)) / prior_variance

    start = np.zeros(d.shape[1])
    scale = float(np.abs(objective(start)[1]).max()) or 1.0
    found = minimize(objective, start, jac=True, hess=curvature, method="trust-exact", options={"gtol": 1e-9 * scale})
    # it also reports failure where only rounding stops it, so the gradient decides
    if not np.abs(found.jac).max() <= GRADIENT_TOLERANCE * scale:
        raise ValueError(f"the fit did not converge: {found.message}; scale the features, or lower prior_variance")
    log_loss = float(times @ preference_loss(d @ found.x - margin) / times.sum())
    return LinearReward(found.x, log_loss, prior_variance, len(d), information(found.x))
