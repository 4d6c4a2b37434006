"""Softmax policies over replies, and the exact gradient and its estimates with which they are optimised.

The objective is ``J = E[r] - beta KL(pi || p0)``. With ``R = r - beta log(pi / p0)`` its gradient is
``E[R grad log pi]``: an exact sum over replies, or an estimate from replies that are drawn.

References
----------
Williams (1992), Simple statistical gradient-following algorithms (REINFORCE). Schulman et al. (2017), Proximal policy
optimization algorithms. Ouyang et al. (2022), Training language models to follow instructions with human feedback (the
KL penalty as a part of the reward). Shao et al. (2024), DeepSeekMath (GRPO). Ahmadian et al. (2024), Back to basics
(the leave-one-out baseline). Liu et al. (2025), Understanding R1-Zero-like training (what the division by the group's
standard deviation does).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rmlab.optimization.arguments import betas, finite
from rmlab.optimization.reply_space import ReplySpace
from rmlab.optimization.reweighting import tilted
from rmlab.simulate.raters import count, generator

__all__ = [
    "SoftmaxPolicy",
    "clipped_gradient",
    "clipped_surrogate",
    "group_advantages",
    "penalised_rewards",
    "policy_gradient",
    "reinforce_gradient",
]


@dataclass(frozen=True, eq=False)
class SoftmaxPolicy:
    """``pi(y | x) = p0(y | x) exp(theta . phi(x, y)) / Z(x)``, which at ``theta = 0`` is p0.

    With `REPLY_FEATURES` this includes every policy that weighs cores and parts by the kind of question. If the reward
    is linear in the features, ``r = w . phi``, theta = w / beta gives the optimum ``p0 exp(r / beta) / Z``.
    """

    space: ReplySpace
    parameters: np.ndarray
    """theta, float64, shape ``(n_features,)``."""

    def __post_init__(self) -> None:
        finite("parameters", self.parameters, self.space.features.shape[1:])

    @classmethod
    def reference(cls, space: ReplySpace) -> SoftmaxPolicy:
        """Return the policy p0."""
        return cls(space, np.zeros(space.features.shape[1]))

    @cached_property
    def _tilted(self) -> tuple[np.ndarray, np.ndarray]:
        return tilted(self.space.reference, self.space.features @ self.parameters, self.space.starts)

    @property
    def probabilities(self) -> np.ndarray:
        """pi(y | x); float64, shape ``(n_replies,)``."""
        return self._tilted[0]

    @property
    def log_ratios(self) -> np.ndarray:
        """``log(pi / p0)`` of each reply; float64, shape ``(n_replies,)``."""
        return self._tilted[1]

    @property
    def kl(self) -> float:
        """Mean over questions of KL(pi || p0), in nats."""
        return max(self.space.expectation(self.probabilities, self.log_ratios), 0.0)

    def expectation(self, values: np.ndarray) -> float:
        """Return the mean of some value of each reply, ``(n_replies,)``."""
        return self.space.expectation(self.probabilities, values)

    @cached_property
    def mean_features(self) -> np.ndarray:
        """Mean features for each question; shape ``(n_questions, n_features)``."""
        return self.space.question_means(self.probabilities, self.space.features)

    def log_gradients(self, replies: np.ndarray) -> np.ndarray:
        """Return ``grad log pi = phi - E[phi]`` of replies ``(n,)``; shape ``(n, n_features)``."""
        return self.space.features[replies] - self.mean_features[self.space.question_indices[replies]]

    def draw(self, n_groups: int, group_size: int = 1, *, seed: int | np.random.Generator) -> np.ndarray:
        """Draw a question for each group, and its replies; int array of rows, shape ``(n_groups, group_size)``."""
        rng = generator(seed)
        asked = rng.integers(self.space.n_questions, size=(count("n_groups", n_groups), 1))
        ends = np.cumsum(self.probabilities)  # rises by 1 over the replies to each question
        ends *= self.space.n_questions / ends[-1]
        rows = np.searchsorted(ends, asked + rng.random((n_groups, count("group_size", group_size))), side="right")
        last = np.append(self.space.starts[1:], len(ends)) - 1
        return np.clip(rows, self.space.starts[asked], last[asked])  # rounding at the edge of a question


def penalised_rewards(policy: SoftmaxPolicy, rewards: np.ndarray, *, beta: float) -> np.ndarray:
    """Return ``R = r - beta log(pi / p0)`` of each reply; shape ``(n_replies,)``."""
    return finite("rewards", rewards, policy.probabilities.shape) - betas(beta)[0] * policy.log_ratios


def policy_gradient(policy: SoftmaxPolicy, rewards: np.ndarray, *, beta: float) -> np.ndarray:
    """Return the exact gradient of ``E[r] - beta KL`` with respect to the parameters; shape ``(n_features,)``.

    It is the covariance of R and the features within each question, averaged over questions.
    """
    penalised = penalised_rewards(policy, rewards, beta=beta)
    weighted = policy.probabilities * penalised
    means = policy.space.question_means(policy.probabilities, penalised)
    return (weighted @ policy.space.features - means @ policy.mean_features) / policy.space.n_questions


def reinforce_gradient(
    policy: SoftmaxPolicy, rewards: np.ndarray, drawn: np.ndarray, *, beta: float, baseline: np.ndarray | None = None
) -> np.ndarray:
    """Estimate the gradient from replies drawn from the policy: the mean of ``(R - baseline) grad log pi``.

    Any baseline that does not depend on the reply leaves the estimate unbiased. The mean of R for each question makes
    it far less noisy.

    Parameters
    ----------
    drawn
        Rows, as `SoftmaxPolicy.draw` returns them.
    baseline
        For each question, shape ``(n_questions,)``; 0 by default.
    """
    rows = np.ravel(drawn)
    advantages = penalised_rewards(policy, rewards, beta=beta)[rows]
    if baseline is not None:
        known = finite("baseline", baseline, (policy.space.n_questions,))
        advantages = advantages - known[policy.space.question_indices[rows]]
    return advantages @ policy.log_gradients(rows) / len(rows)


def group_advantages(penalised: np.ndarray, *, standardise: bool = True) -> np.ndarray:
    """Return the advantages of several replies to one question over each other: GRPO's baseline.

    Parameters
    ----------
    penalised
        R of each reply, shape ``(n_groups, group_size)``, with at least two in a group.
    standardise
        True divides R minus the group's mean by the group's standard deviation, as in GRPO. A question whose replies
        hardly differ then counts as much as one whose replies do, so the gradient is that of another objective. False
        subtracts the mean of the *other* replies and does not divide, which leaves the gradient unbiased.
    """
    if np.ndim(penalised) != 2 or np.shape(penalised)[1] < 2:
        raise ValueError(f"a group needs at least two replies, got shape {np.shape(penalised)}; raise group_size")
    centred = penalised - penalised.mean(axis=1, keepdims=True)
    size = penalised.shape[1]
    if not standardise:
        return centred * size / (size - 1)
    deviation = centred.std(axis=1, keepdims=True)
    return centred / np.where(deviation > 1e-12, deviation, 1.0)  # equal rewards teach nothing


def clipped_surrogate(ratios: np.ndarray, advantages: np.ndarray, *, clip: float = 0.2) -> np.ndarray:
    """Return PPO's ``min(ratio A, clip(ratio, 1 - clip, 1 + clip) A)``, in the shape of `ratios`.

    A ratio is the probability under pi divided by that under the policy from which the reply was drawn.
    """
    return np.minimum(ratios * advantages, np.clip(ratios, 1 - clip, 1 + clip) * advantages)


def clipped_gradient(
    policy: SoftmaxPolicy,
    drawn: np.ndarray,
    advantages: np.ndarray,
    *,
    drawn_from: SoftmaxPolicy,
    clip: float = 0.2,
) -> np.ndarray:
    """Return the gradient of the mean of `clipped_surrogate`; shape ``(n_features,)``.

    A reply whose ratio has left the clipping range in the direction of its advantage adds nothing. While the policy is
    still the one drawn from, all ratios are 1, and this is the policy gradient.

    Parameters
    ----------
    drawn, advantages
        Rows, and the advantage of each, in one shape.
    drawn_from
        The policy that drew them.
    """
    rows, gains = np.ravel(drawn), np.ravel(advantages)
    ratios = np.exp(policy.log_ratios[rows] - drawn_from.log_ratios[rows])
    pulls = np.where(gains > 0, ratios < 1 + clip, ratios > 1 - clip)
    return (pulls * ratios * gains) @ policy.log_gradients(rows) / len(rows)
