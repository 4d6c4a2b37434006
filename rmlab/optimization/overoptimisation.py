"""Proxy and true reward against distance, over several questions; and remedies: ensembles and a KL budget.

References
----------
Gao, Schulman and Hilton (2022), Scaling laws for reward model overoptimization. Coste et al. (2024), Reward model
ensembles help mitigate overoptimization (worst case, and mean minus variance).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from rmlab.optimization.arguments import finite, reply_probabilities
from rmlab.optimization.reweighting import ReweightedReplies, best_of_n, optimal_policy

__all__ = [
    "COMBINATIONS",
    "OptimisationCurve",
    "ensemble_rewards",
    "optimisation_curve",
    "reward_with_error",
    "within_budget",
]

COMBINATIONS: Final = ("mean", "worst", "mean less variance")
"""Ways to combine the rewards of an ensemble into one."""


@dataclass(frozen=True, eq=False)
class OptimisationCurve:
    """What optimising a proxy does, averaged over questions; arrays of shape ``(k,)``, one entry for each strength."""

    method: str
    """"best_of_n" or "optimal"."""
    strength: np.ndarray
    """n, or beta."""
    kl: np.ndarray
    """KL from the reference, in nats."""
    proxy: np.ndarray
    """Mean of the reward that is optimised."""
    true: np.ndarray
    """Mean of the true reward."""

    @property
    def distance(self) -> np.ndarray:
        """``d = sqrt(KL)``."""
        return np.sqrt(self.kl)

    @property
    def peak(self) -> int:
        """Index of the highest true reward; the first of several."""
        return int(np.argmax(self.true))

    def strength_at(self, distance: float) -> float:
        """Return the n or beta at which the policy is this far from the reference, interpolated between measurements.

        It is NaN if the distance is outside the measurements.
        """
        order = np.argsort(self.distance)
        return float(np.interp(distance, self.distance[order], self.strength[order], left=np.nan, right=np.nan))


def optimisation_curve(
    probabilities: Sequence[np.ndarray],
    proxy: Sequence[np.ndarray],
    true: Sequence[np.ndarray],
    *,
    n: Sequence[int] | np.ndarray | None = None,
    beta: Sequence[float] | np.ndarray | None = None,
) -> OptimisationCurve:
    """Return proxy and true reward while the proxy is optimised, by best of n or at the prices beta.

    Parameters
    ----------
    probabilities, proxy, true
        For each question one array, ``(n_replies,)``: the probabilities of the replies before optimisation, the reward
        that is optimised, and the true reward.
    n, beta
        How strongly to optimise; give one of the two.
    """
    if (n is None) == (beta is None):
        raise ValueError("give either n (best of n) or beta (the optimum at that price for KL)")
    if not len(probabilities) == len(proxy) == len(true) or not len(probabilities):
        raise ValueError(
            "probabilities, proxy and true must have one array for each question, "
            f"got {len(probabilities)}, {len(proxy)} and {len(true)}"
        )

    def optimise(p: np.ndarray, r: np.ndarray) -> ReweightedReplies:
        return best_of_n(p, r, n=n) if n is not None else optimal_policy(p, r, beta=beta)  # type: ignore[arg-type]

    totals = []
    for p, r, wanted in zip(probabilities, proxy, true, strict=True):
        found = optimise(p, r)
        totals.append([found.kl, found.expectation(r), found.expectation(wanted)])
    kl, reward, gold = np.mean(totals, axis=0)
    strength = np.atleast_1d(np.asarray(n if n is not None else beta))
    return OptimisationCurve("best_of_n" if n is not None else "optimal", strength, kl, reward, gold)


def ensemble_rewards(
    scores: np.ndarray, *, probabilities: np.ndarray, how: str = "mean", variance_weight: float = 1.0
) -> np.ndarray:
    """Combine the scores that the members of an ensemble give the replies to one question.

    A member's scores are known only up to a constant for each question, so each member's mean under the policy is
    subtracted first. Otherwise the worst case would be the member with the lowest constant.

    Parameters
    ----------
    scores
        Shape ``(n_members, n_replies)``, of at least two members.
    probabilities
        Probabilities of the replies before optimisation; shape ``(n_replies,)``.
    how
        One of `COMBINATIONS`: the mean of the members, the lowest of them for each reply, or the mean minus
        `variance_weight` times the variance.

    Returns
    -------
    float64, shape ``(n_replies,)``.

    Raises
    ------
    ValueError
        If there is one member, a score is not finite, or `how` is unknown.
    """
    if how not in COMBINATIONS:
        raise ValueError(f"how must be one of {', '.join(COMBINATIONS)}, got {how!r}")
    p = reply_probabilities(probabilities)
    members = np.asarray(scores, dtype=np.float64)
    if members.ndim != 2 or len(members) < 2:
        raise ValueError(
            f"an ensemble needs at least two members, scores of shape (n_members, n_replies), got {members.shape}; "
            "one member alone has no spread"
        )
    members = finite("scores", members, (len(members), len(p)))
    members = members - (members @ p)[:, None]
    if how == "worst":
        return members.min(axis=0)
    mean = members.mean(axis=0)
    return mean if how == "mean" else mean - variance_weight * members.var(axis=0)


def within_budget(kl: np.ndarray, *, budget: float) -> int:
    """Return the index of the largest KL that is within a budget, in nats: where to stop.

    Raises
    ------
    ValueError
        If no KL is within the budget.
    """
    values = finite("kl", kl)
    allowed = np.flatnonzero(values <= budget)
    if not len(allowed):
        raise ValueError(f"no KL is within the budget of {budget:g} nats; the smallest is {values.min():.3g}")
    return int(allowed[np.argmax(values[allowed])])


def reward_with_error(*, degrees_of_freedom: float | None = None, n_steps: int = 300) -> tuple[np.ndarray, ...]:
    """Return a normal true reward and a proxy that is the true reward plus an independent error, on a fine grid.

    With a normal error the true reward under best of n only rises. With Student's t errors, whose tails are heavy, the
    highest proxy in the end has the largest error, and the true reward returns to its mean (Gao et al. 2022).

    Parameters
    ----------
    degrees_of_freedom
        Of Student's t; None for a normal error. The true reward and a normal error have a standard deviation of 1.
    n_steps
        Steps of the true reward, and of the error. The grid is finest in the tails, and suits an n of up to a million.

    Returns
    -------
    Probabilities, proxy and true reward of each cell; float64, shape ``(n_steps**2,)``.
    """
    from scipy.special import ndtr, ndtri, stdtrit

    if degrees_of_freedom is not None and not degrees_of_freedom > 0:
        raise ValueError(f"degrees_of_freedom must be above 0, got {degrees_of_freedom!r}")
    edges = np.append(np.append(0.0, ndtr(np.linspace(-6.5, 6.5, n_steps - 1))), 1.0)
    p, middle = np.diff(edges), (edges[1:] + edges[:-1]) / 2
    true = ndtri(middle)
    error = true if degrees_of_freedom is None else stdtrit(degrees_of_freedom, middle)
    proxy = np.add.outer(true, error).ravel()
    return np.outer(p, p).ravel(), proxy, np.repeat(true, n_steps)
