"""Direct preference optimisation: the preference loss, on log ratios in place of scores.

In ``P(chosen is preferred) = sigmoid(r(chosen) - r(rejected))``, insert the reward for which a policy is optimal,
``r = beta log(pi / p0) + a constant of the prompt``. The constant cancels. The policy is then fitted to the pairs by
`rmlab.preference_loss` of beta times a difference of log ratios, without a reward model.

References
----------
Rafailov et al. (2023), Direct preference optimization: your language model is secretly a reward model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rmlab.optimization.arguments import betas, finite
from rmlab.optimization.policies import SoftmaxPolicy
from rmlab.optimization.reply_space import ReplySpace
from rmlab.preference import Scores, preference_loss, preference_probability

__all__ = ["DPOFit", "dpo_loss", "fit_dpo"]

_GRADIENT_TOLERANCE = 1e-6
"""As a share of the largest gradient at the start."""


def dpo_loss(log_ratio_differences: Scores, *, beta: float) -> Scores:
    """Return ``preference_loss(beta * difference)``, in nats, one for each pair.

    Parameters
    ----------
    log_ratio_differences
        ``log(pi / p0)`` of the chosen response minus that of the rejected one; a float, an array or a tensor.
    beta
        Above 0.
    """
    return preference_loss(float(betas(beta)[0]) * log_ratio_differences)


@dataclass(frozen=True, eq=False)
class DPOFit:
    """A policy fitted to preferences by `fit_dpo`."""

    policy: SoftmaxPolicy
    log_loss: float
    """Mean over the pairs, in nats, without the prior's term."""
    beta: float
    prior_variance: float
    n_pairs: int


def fit_dpo(
    space: ReplySpace,
    chosen: np.ndarray,
    rejected: np.ndarray,
    *,
    beta: float,
    weights: np.ndarray | None = None,
    prior_variance: float = 10.0,
) -> DPOFit:
    """Fit a softmax policy to pairs of replies by DPO.

    For a softmax policy the difference of log ratios is ``theta . (phi_chosen - phi_rejected)``, so this is the linear
    reward of notebook 06 with weights ``w = beta theta``. It has one minimum. If the reward is linear in the features,
    the policy is that reward's ``p0 exp(r / beta) / Z``.

    Parameters
    ----------
    chosen, rejected
        Rows of `space`, shape ``(n_pairs,)``; the two of a pair answer one question.
    beta
        Above 0.
    weights
        How often each pair was seen, at least 0; once each by default.
    prior_variance
        Prior variance of each weight ``beta theta``, around 0. It keeps weights finite that the pairs do not determine.

    Raises
    ------
    ValueError
        If a pair has replies to two questions, an option is out of range, or the fit does not converge.
    """
    from scipy.optimize import minimize

    (price,) = betas(beta)
    first, second = np.asarray(chosen, dtype=int), np.asarray(rejected, dtype=int)
    if first.shape != second.shape or first.ndim != 1 or not first.size:
        raise ValueError(f"chosen and rejected must have one shape (n_pairs,), got {first.shape} and {second.shape}")
    mixed = np.flatnonzero(space.question_indices[first] != space.question_indices[second])
    if len(mixed):
        raise ValueError(f"pair {mixed[0]} has replies to two questions; a preference is between replies to one")
    if not 0 < prior_variance < np.inf:
        raise ValueError(f"prior_variance must be a finite number above 0, got {prior_variance!r}")
    seen = np.ones(len(first)) if weights is None else finite("weights", weights, first.shape)
    if (seen < 0).any() or not seen.any():
        raise ValueError("weights must be at least 0, and at least one above 0")
    differences = space.features[first] - space.features[second]  # (n_pairs, n_features)
    scale = price**2 / prior_variance

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        apart = differences @ theta
        slope = -price * (seen * preference_probability(-price * apart)) @ differences
        return float(seen @ dpo_loss(apart, beta=price) + scale * theta @ theta / 2), slope + scale * theta

    def curvature(theta: np.ndarray) -> np.ndarray:
        apart = price * (differences @ theta)
        weight = price**2 * seen * preference_probability(apart) * preference_probability(-apart)
        return (differences.T * weight) @ differences + scale * np.eye(len(theta))

    start = np.zeros(differences.shape[1])
    steepest = float(np.abs(objective(start)[1]).max()) or 1.0
    found = minimize(
        objective, start, jac=True, hess=curvature, method="trust-exact", options={"gtol": 1e-9 * steepest}
    )
    # it also reports failure where only rounding stops it, so the gradient decides
    if not np.abs(found.jac).max() <= _GRADIENT_TOLERANCE * steepest:
        raise ValueError(f"the fit did not converge: {found.message}; lower prior_variance")
    loss = float(seen @ dpo_loss(differences @ found.x, beta=price) / seen.sum())
    return DPOFit(SoftmaxPolicy(space, found.x), loss, float(price), prior_variance, len(first))
