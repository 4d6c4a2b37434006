"""Policies over the replies to one question: the exact best of n, and the optimum at a price for KL.

Both choose among the same finite replies, so the policy, its KL from the reference and every expectation are sums.

References
----------
Nakano et al. (2021), WebGPT (best of n, and its unbiased estimator). Gao, Schulman and Hilton (2022), Scaling laws for
reward model overoptimization (the same estimator, in the appendix; d = sqrt(KL)). Beirami et al. (2024), Theoretical
guarantees on the best-of-n alignment policy (log n - (n - 1) / n is an upper bound). Rafailov et al. (2023), Direct
preference optimization (the optimum p0 exp(r / beta) / Z).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rmlab.optimization.arguments import betas, counts, finite, reply_probabilities

__all__ = [
    "BestOfN",
    "OptimalPolicy",
    "ReweightedReplies",
    "best_of_n",
    "best_of_n_kl_bound",
    "estimate_best_of_n",
    "n_at_kl",
    "optimal_policy",
    "tilted",
]


@dataclass(frozen=True, eq=False)
class ReweightedReplies:
    """Policies over the replies to one question, one a row."""

    reference: np.ndarray
    """Probability of each reply before optimisation; float64, shape ``(n_replies,)``."""
    rewards: np.ndarray
    """The reward that was optimised; float64, shape ``(n_replies,)``."""
    probabilities: np.ndarray
    """Probability of each reply after optimisation; float64, shape ``(k, n_replies)``."""
    kl: np.ndarray
    """KL of each policy q from the reference p, ``sum(q log(q / p))``, in nats; float64, shape ``(k,)``."""

    @property
    def distance(self) -> np.ndarray:
        """``d = sqrt(KL)``, shape ``(k,)``."""
        return np.sqrt(self.kl)

    def expectation(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of some value of each reply, ``(n_replies,)``, under each policy; shape ``(k,)``."""
        return self.probabilities @ finite("values", values, self.reference.shape)

    @property
    def middle_replies(self) -> np.ndarray:
        """The reply of median reward under each policy, the most probable of those that tie; int, shape ``(k,)``.

        At least half of the policy's replies score at least as much. The median only rises with stronger optimisation,
        so this one reply can represent the policy.
        """
        order = np.lexsort((-self.reference, self.rewards))
        ends = np.cumsum(self.probabilities[:, order], axis=1)
        median = self.rewards[order[(ends < 0.5).sum(axis=1).clip(max=len(order) - 1)]]
        tied = np.where(self.rewards == median[:, None], self.reference, 0.0)  # (k, n_replies)
        return tied.argmax(axis=1)


@dataclass(frozen=True, eq=False)
class BestOfN(ReweightedReplies):
    """The result of `best_of_n`."""

    n: np.ndarray
    """int, shape ``(k,)``."""

    @property
    def kl_bound(self) -> np.ndarray:
        """``log n - (n - 1) / n``, which the KL does not exceed; shape ``(k,)``."""
        return best_of_n_kl_bound(self.n)


@dataclass(frozen=True, eq=False)
class OptimalPolicy(ReweightedReplies):
    """The result of `optimal_policy`."""

    beta: np.ndarray
    """float64, shape ``(k,)``."""


def best_of_n(probabilities: np.ndarray, rewards: np.ndarray, *, n: int | Sequence[int] | np.ndarray) -> BestOfN:
    """Return the exact distribution of the best of n replies, the one with the highest reward.

    F(r) is the probability of a reward of at most r, and F(r-) that of a lower one. A reward of r is then kept with
    probability ``F(r)^n - F(r-)^n``. Replies of equal reward share it in proportion to their probabilities, as if a tie
    among the n were broken at random.

    Parameters
    ----------
    probabilities
        Probability of each reply, above 0 and summing to one; shape ``(n_replies,)``.
    rewards
        The reward by which the best is chosen; shape ``(n_replies,)``.
    n
        One number or several, each at least 1.

    Raises
    ------
    ValueError
        If an n is below 1, a reply has no probability, or a reward is not finite.

    Examples
    --------
    Two equally likely replies: the KL is below the bound.

    >>> found = best_of_n([0.5, 0.5], [0.0, 1.0], n=8)
    >>> [round(float(value[0]), 4) for value in (found.kl, found.kl_bound)]
    [0.6676, 1.2044]
    """
    p, sizes = reply_probabilities(probabilities), counts(n)
    r = finite("rewards", rewards, p.shape)
    _, group = np.unique(r, return_inverse=True)  # of equal reward, from the lowest
    mass = np.bincount(group, p)
    at_most = np.cumsum(mass)
    above = np.append(np.cumsum(mass[:0:-1])[::-1], 0.0)  # summed from the top: exact where at_most rounds to one
    high = above < 0.5
    log_at_most = np.where(high, np.log1p(-np.minimum(above, 0.5)), np.log(at_most))
    share = np.minimum(mass / np.where(high, 1 - above, at_most), 1.0)  # of those with at most this reward
    share[0] = 1.0
    with np.errstate(divide="ignore"):
        log_below = np.log1p(-share)  # of F(r-) / F(r)
    # F(r)^n - F(r-)^n = F(r)^n (1 - (F(r-) / F(r))^n), without a difference of two numbers near one
    kept = np.exp(sizes[:, None] * log_at_most) * -np.expm1(sizes[:, None] * log_below)  # (k, n_groups)
    kept /= kept.sum(axis=1, keepdims=True)
    ratio = kept / mass
    with np.errstate(divide="ignore", invalid="ignore"):
        kl = np.where(kept > 0, kept * np.log(ratio), 0.0).sum(axis=1)
    return BestOfN(p, r, ratio[:, group] * p, np.maximum(kl, 0.0), sizes)


def best_of_n_kl_bound(n: int | Sequence[int] | np.ndarray) -> np.ndarray:
    """Return ``log n - (n - 1) / n``, the most that best-of-n can move a policy, in nats; shape ``(k,)``.

    The KL comes close to it if no two replies have the same reward and none is probable (Beirami et al. 2024).

    Examples
    --------
    >>> best_of_n_kl_bound([2, 16, 1000]).round(4).tolist()
    [0.1931, 1.8351, 5.9088]
    """
    sizes = counts(n)
    return np.log(sizes) - (sizes - 1) / sizes


def n_at_kl(kl: float) -> float:
    """Return the n, not rounded, at which the bound is this KL: the inverse of `best_of_n_kl_bound`."""
    from scipy.optimize import root_scalar

    if not 0 <= kl < 700:
        raise ValueError(f"kl must be from 0 to 700 nats, got {kl!r}")
    # with t = log n: t - 1 + exp(-t), which rises from 0 at t = 0
    found = root_scalar(lambda t: t - 1 + np.exp(-t) - kl, bracket=(0.0, kl + 1.0), xtol=1e-14)
    return float(np.exp(found.root))


def estimate_best_of_n(rewards: np.ndarray, values: np.ndarray, *, n: int | Sequence[int] | np.ndarray) -> np.ndarray:
    """Estimate the mean value of the best of n from N samples, without bias (Nakano et al. 2021).

    It averages over all subsets of n samples. With samples sorted by reward, the i-th is the best of
    ``C(i - 1, n - 1)`` of the ``C(N, n)`` subsets, so the estimate is ``sum_i C(i-1, n-1) / C(N, n) values_(i)``.
    Samples of equal reward each take the mean of their values. Drawing n of the samples with replacement could draw one
    twice, and is biased.

    Parameters
    ----------
    rewards
        The reward by which the best is chosen; shape ``(n_samples,)``.
    values
        The values to average: another reward of the same samples, or `rewards` again; shape ``(n_samples,)``.
    n
        One number or several, each at most the number of samples.

    Returns
    -------
    float64, shape ``(k,)``.
    """
    sizes = counts(n)
    r = finite("rewards", rewards)
    v = finite("values", values, r.shape)
    if sizes.max() > len(r):
        raise ValueError(f"n must be at most the number of samples, {len(r)}, got {sizes.max()}; draw more samples")
    _, group, tied = np.unique(r, return_inverse=True, return_counts=True)
    mean_value = np.bincount(group, v) / tied
    # C(i, n) / C(N, n), the share of subsets within the lowest i, is the product of (j - n) / j over j from i + 1 to N
    j = np.arange(1, len(r) + 1)
    with np.errstate(divide="ignore"):
        logs = np.log1p(-np.minimum(sizes[:, None] / j, 1.0))  # (k, n_samples)
    within = np.exp(np.append(np.cumsum(logs[:, ::-1], axis=1)[:, ::-1], np.zeros((len(sizes), 1)), axis=1))
    ends = np.append(0, np.cumsum(tied))
    return np.diff(within[:, ends], axis=1) @ mean_value


def optimal_policy(
    probabilities: np.ndarray, rewards: np.ndarray, *, beta: float | Sequence[float] | np.ndarray
) -> OptimalPolicy:
    """Return the policy that maximises ``E[reward] - beta KL``: ``p0 exp(r / beta) / Z``.

    Parameters
    ----------
    probabilities
        p0, above 0 and summing to one; shape ``(n_replies,)``.
    rewards
        Shape ``(n_replies,)``.
    beta
        What a nat of KL costs, above 0; one number or several.

    Raises
    ------
    ValueError
        If a beta is not above 0, a reply has no probability, or a reward is not finite.
    """
    p, prices = reply_probabilities(probabilities), betas(beta)
    r = finite("rewards", rewards, p.shape)
    q, log_ratios = tilted(p, r / prices[:, None])
    return OptimalPolicy(p, r, q, np.maximum((q * log_ratios).sum(axis=1), 0.0), prices)


def tilted(
    probabilities: np.ndarray, exponents: np.ndarray, starts: Sequence[int] | np.ndarray = (0,)
) -> tuple[np.ndarray, np.ndarray]:
    """Return ``p exp(t) / Z`` and its logarithm minus that of p, normalised within the replies to each question.

    Parameters
    ----------
    probabilities
        Shape ``(n_replies,)``.
    exponents
        t, shape ``(..., n_replies)``.
    starts
        Where the replies to each question begin; shape ``(n_questions,)``.
    """
    sizes = np.diff(np.append(starts, len(probabilities)))
    highest = np.repeat(np.maximum.reduceat(exponents, starts, axis=-1), sizes, axis=-1)
    weights = probabilities * np.exp(exponents - highest)  # the largest exponent is 0: nothing overflows
    total = np.repeat(np.add.reduceat(weights, starts, axis=-1), sizes, axis=-1)
    return weights / total, exponents - highest - np.log(total)
