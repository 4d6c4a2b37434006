"""Optimise a softmax policy step by step: exactly, or by REINFORCE, PPO or GRPO from replies that it draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from rmlab.optimization.arguments import betas, finite
from rmlab.optimization.policies import (
    SoftmaxPolicy,
    clipped_gradient,
    group_advantages,
    penalised_rewards,
    policy_gradient,
)
from rmlab.optimization.reply_space import ReplySpace
from rmlab.simulate.raters import count, generator

__all__ = ["POLICY_METHODS", "PolicyStep", "policy_steps"]

POLICY_METHODS: Final = ("exact", "reinforce", "ppo", "grpo")
"""Ways to compute the gradient: the sum over all replies, or one of three estimates from replies that are drawn."""

_MOMENTUM, _SCALE = 0.9, 0.99  # of Adam's running means
_CRITIC_RATE = 0.2


@dataclass(frozen=True, eq=False)
class PolicyStep:
    """The policy after a step (step 0 is the reference), with its exact mean reward and KL."""

    step: int
    policy: SoftmaxPolicy
    reward: float
    """Mean of the reward that is optimised, without the penalty."""
    kl: float


def policy_steps(
    space: ReplySpace,
    rewards: np.ndarray,
    *,
    method: str = "ppo",
    beta: float,
    n_steps: int = 200,
    batch_size: int = 512,
    group_size: int = 8,
    epochs: int = 4,
    clip: float = 0.2,
    learning_rate: float = 0.1,
    kl_budget: float | None = None,
    seed: int | np.random.Generator = 0,
) -> Iterator[PolicyStep]:
    """Yield a record for each step while a policy climbs ``E[r] - beta KL``, beginning with the reference.

    Every step follows Adam with a learning rate that falls to zero. "exact" sums over all replies; the other methods
    draw replies and give each an advantage. The baseline of "reinforce" and "ppo" is a critic, a running mean of R for
    each question; that of "grpo" is the group's own mean. "reinforce" uses its replies once; "ppo" and "grpo" use them
    `epochs` times, with clipping.

    Parameters
    ----------
    rewards
        What is optimised: a score of each reply, ``(n_replies,)``.
    method
        One of `POLICY_METHODS`.
    beta
        What a nat of KL costs, above 0.
    batch_size
        Replies drawn in a step; for "grpo" a multiple of `group_size`.
    kl_budget
        Stop before the first step whose KL, in nats, would be larger; by default no early stop.
    """
    if method not in POLICY_METHODS:
        raise ValueError(f"method must be one of {', '.join(POLICY_METHODS)}, got {method!r}")
    if not 0 < clip < 1 or not learning_rate > 0:
        raise ValueError(f"clip must be between 0 and 1, and learning_rate above 0, got {clip!r} and {learning_rate!r}")
    if kl_budget is not None and not kl_budget > 0:
        raise ValueError(f"kl_budget must be above 0 nats, got {kl_budget!r}")
    if method == "grpo" and (count("group_size", group_size) < 2 or batch_size % group_size):
        raise ValueError(f"group_size must be at least 2 and divide batch_size, got {group_size} and {batch_size}")
    betas(beta)
    rng, optimum = generator(seed), finite("rewards", rewards, space.reference.shape)
    group = group_size if method == "grpo" else 1
    policy, critic = SoftmaxPolicy.reference(space), _Critic(space, optimum)
    yield PolicyStep(0, policy, policy.expectation(optimum), policy.kl)
    climb = _Adam(len(policy.parameters))
    for step in range(count("n_steps", n_steps)):
        rate = learning_rate * (1 - step / n_steps)
        if method == "exact":
            policy = climb(policy, policy_gradient(policy, optimum, beta=beta), rate)
        else:
            before, drawn = policy, policy.draw(count("batch_size", batch_size) // group, group, seed=rng)
            penalised = penalised_rewards(policy, optimum, beta=beta)[drawn]
            advantages = group_advantages(penalised) if method == "grpo" else critic(drawn, penalised)
            for _ in range(1 if method == "reinforce" else count("epochs", epochs)):
                gradient = clipped_gradient(policy, drawn, advantages, drawn_from=before, clip=clip)
                policy = climb(policy, gradient, rate)
        if kl_budget is not None and policy.kl > kl_budget:
            return
        yield PolicyStep(step + 1, policy, policy.expectation(optimum), policy.kl)


class _Critic:
    """A running mean of R for each question, subtracted before it is updated, so that it does not contain the reply."""

    def __init__(self, space: ReplySpace, rewards: np.ndarray):
        self.questions = space.question_indices
        self.values = space.question_means(space.reference, rewards)

    def __call__(self, drawn: np.ndarray, penalised: np.ndarray) -> np.ndarray:
        asked = self.questions[drawn]
        advantages = penalised - self.values[asked]
        n = np.bincount(asked.ravel(), minlength=len(self.values))
        mean = np.bincount(asked.ravel(), advantages.ravel(), len(self.values)) / np.maximum(n, 1)
        self.values = self.values + _CRITIC_RATE * mean
        return advantages


class _Adam:
    """Adam (Kingma and Ba 2015), for ascent."""

    def __init__(self, n_parameters: int):
        self.mean, self.square, self.step = np.zeros(n_parameters), np.zeros(n_parameters), 0

    def __call__(self, policy: SoftmaxPolicy, gradient: np.ndarray, rate: float) -> SoftmaxPolicy:
        self.step += 1
        self.mean = _MOMENTUM * self.mean + (1 - _MOMENTUM) * gradient
        self.square = _SCALE * self.square + (1 - _SCALE) * gradient**2
        mean = self.mean / (1 - _MOMENTUM**self.step)
        square = self.square / (1 - _SCALE**self.step)
        return SoftmaxPolicy(policy.space, policy.parameters + rate * mean / (np.sqrt(square) + 1e-8))
