"""Fitting the head alone, on the features of a frozen backbone: logistic regression, with one best answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from rmlab.data import PreferencePair
from rmlab.model import Encoded, RewardModel
from rmlab.preference import preference_loss, preference_probability
from rmlab.training.training_data import TrainingData, TrainingError, prepare

__all__ = ["LinearReward", "fit_head", "fit_linear_reward"]

GRADIENT_TOLERANCE = 1e-6
"""As a share of the largest gradient at the start."""


@dataclass(frozen=True)
class LinearReward:
    """A reward that is linear in features, fitted to preferences."""

    weights: np.ndarray
    """Nats for a unit of each feature; float64, shape ``(width,)``."""
    log_loss: float
    """Mean over the pairs to which it was fitted, in nats, without the prior's part."""
    prior_variance: float
    n_pairs: int

    def score_differences(self, feature_differences: np.ndarray) -> np.ndarray:
        """Return ``w . (phi_chosen - phi_rejected)``, in nats, shape ``(n_pairs,)``."""
        return np.asarray(feature_differences, dtype=np.float64) @ self.weights


def fit_linear_reward(
    feature_differences: np.ndarray, *, prior_variance: float = 1.0, margins: np.ndarray | None = None
) -> LinearReward:
    """Fit ``RM(x, y) = w . phi(x, y)`` to preferences.

    The weights maximise the posterior under a Gaussian prior of mean 0: they minimise
    ``sum(-log sigmoid(w . d - margin)) + |w|^2 / (2 prior_variance)``, which has one minimum. No constant is fitted,
    since it would cancel in a difference.

    Parameters
    ----------
    feature_differences
        ``phi(chosen) - phi(rejected)``, shape ``(n_pairs, width)``.
    prior_variance
        Variance of the prior of each weight, above 0.
    margins
        Margins in nats, shape ``(n_pairs,)``; by default 0.

    Raises
    ------
    ValueError
        If the differences have another shape or are not finite, or the variance is out of range.
    """
    from scipy.optimize import minimize

    d = np.asarray(feature_differences, dtype=np.float64)
    if d.ndim != 2 or not d.size or not np.isfinite(d).all():
        raise ValueError(f"feature_differences must be finite, of shape (n_pairs, width), got shape {d.shape}")
    if not 0 < prior_variance < np.inf:
        raise ValueError(f"prior_variance must be a finite number above 0, got {prior_variance!r}")
    margin = np.zeros(len(d)) if margins is None else np.asarray(margins, dtype=np.float64)

    def objective(w: np.ndarray) -> tuple[float, np.ndarray]:
        gap = d @ w - margin
        # the derivative of the loss by the difference is -(1 - P); sigmoid(-gap) keeps 1 - P exact
        slope = -preference_probability(-gap) @ d
        return float(preference_loss(gap).sum() + w @ w / (2 * prior_variance)), slope + w / prior_variance

    def curvature(w: np.ndarray) -> np.ndarray:
        gap = d @ w - margin
        weight = preference_probability(gap) * preference_probability(-gap)
        return (d.T * weight) @ d + np.eye(len(w)) / prior_variance

    start = np.zeros(d.shape[1])
    scale = float(np.abs(objective(start)[1]).max()) or 1.0
    found = minimize(objective, start, jac=True, hess=curvature, method="trust-exact", options={"gtol": 1e-9 * scale})
    # it also stops, and reports a failure, if rounding leaves nothing to gain
    if not np.abs(found.jac).max() <= GRADIENT_TOLERANCE * scale:
        raise ValueError(f"the fit did not converge: {found.message}; scale the features, or lower prior_variance")
    return LinearReward(found.x, float(preference_loss(d @ found.x - margin).mean()), prior_variance, len(d))


def fit_head(
    model: RewardModel,
    pairs: Sequence[PreferencePair] | TrainingData,
    *,
    prior_variance: float = 1.0,
    progress: bool = False,
) -> LinearReward:
    """Fit the head of `model` to pairs in place, with a frozen backbone; it takes seconds where training takes minutes.

    Parameters
    ----------
    model
        The model whose head is overwritten; a bias is set to 0.
    pairs
        The pairs to fit to, or the result of `prepare` for them.
    prior_variance
        As in `fit_linear_reward`.
    progress
        Show a bar while the backbone reads the texts.

    Raises
    ------
    TrainingError
        If there is nothing left to fit to.
    """
    data = pairs if isinstance(pairs, TrainingData) else prepare(model, pairs)
    both: Encoded = data.encoded.chosen.join(data.encoded.rejected)
    features = model.features(both, progress=progress).astype(np.float64).reshape(2, len(data), -1)
    if not np.isfinite(features).all():
        raise TrainingError("the backbone gives features that are not finite; its weights are damaged or too large")
    fitted = fit_linear_reward(features[0] - features[1], prior_variance=prior_variance, margins=data.margins)
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(fitted.weights)[None])
        if model.head.bias is not None:
            model.head.bias.zero_()
    return fitted
