"""Exercises of notebook 10: the bound on the KL of best of n, the optimal policy, and the loss of DPO."""

from __future__ import annotations

from typing import Any

import numpy as np

from rmlab.course.check.verdict import Verdict, judge
from rmlab.preference import preference_loss, preference_probability

__all__ = ["kl_bound", "loss_of_log_ratios", "optimal_probabilities"]


def kl_bound(answer: Any) -> Verdict:
    """Judge the bound on the KL of best of 16, in nats, or a function of n (notebook 10)."""
    return judge(
        "kl_bound",
        answer,
        cases=[(16.0,), (2.0,), (100.0,)],
        right=lambda n: np.log(n) - (n - 1) / n,
        praise="Right: log 16 - 15/16 = 1.835 nats. Sixteen draws move a policy no further than that.",
        mistakes={
            "This is log n alone, the bound before (n - 1) / n is subtracted.": lambda n: np.log(n),
            "The sign is the other one: (n - 1) / n is subtracted.": lambda n: np.log(n) + (n - 1) / n,
            "This takes the logarithm to base 10. A nat is a unit of the natural logarithm.":
                lambda n: np.log10(n) - (n - 1) / n,
            "This takes the logarithm to base 2, which counts bits. A nat is a unit of the natural logarithm.":
                lambda n: np.log2(n) - (n - 1) / n,
            "This is (n - 1) / n alone. It is subtracted from log n.": lambda n: (n - 1) / n,
            "This subtracts 1 / n. Subtract (n - 1) / n.": lambda n: np.log(n) - 1 / n,
            "The fraction is upside down: it is (n - 1) / n, below one.": lambda n: np.log(n) - n / (n - 1),
            "This is d, the square root of the bound. The bound itself is asked for.":
                lambda n: np.sqrt(np.log(n) - (n - 1) / n),
            "Negative: a KL is never below zero. It is log n less the fraction.": lambda n: (n - 1) / n - np.log(n),
        },
        hint="Take the natural logarithm of n, and subtract (n - 1) / n.",
    )  # fmt: skip


def optimal_probabilities(answer: Any) -> Verdict:
    """Judge a function (p0, rewards, beta), the first two ``(n_replies,)``, -> p0 exp(r / beta) / Z (notebook 10)."""

    def normalised(weights: np.ndarray) -> np.ndarray:
        return weights / weights.sum()

    cases = [
        ([0.7, 0.2, 0.1], [0.0, 1.0, 2.0], 0.5),
        ([0.4, 0.5, 0.05, 0.05], [1.0, -0.5, 3.0, 0.2], 2.0),
    ]
    return judge(
        "optimal_probabilities",
        answer,
        cases=[(np.array(p0), np.array(rewards), beta) for p0, rewards, beta in cases],
        right=lambda p, r, beta: normalised(p * np.exp(r / beta)),
        praise="Right: p0 exp(r / beta), divided by its sum. A small beta moves far, a large one stays at p0.",
        mistakes={
            "Not normalised: divide by the sum, which is Z, so that the probabilities sum to one.":
                lambda p, r, beta: p * np.exp(r / beta),
            "p0 is left out: this is where a policy goes that began with all replies equally likely.":
                lambda p, r, beta: normalised(np.exp(r / beta)),
            "This multiplies by beta. Beta is a price: the higher it is, the less the reward counts, so divide by it.":
                lambda p, r, beta: normalised(p * np.exp(r * beta)),
            "beta is left out: this is the optimum at a price of one.": lambda p, r, beta: normalised(p * np.exp(r)),
            "The sign is the other one: this makes the worst replies more likely.":
                lambda p, r, beta: normalised(p * np.exp(-r / beta)),
            "The exponential is missing: p0 is multiplied by exp(r / beta), not by r / beta.":
                lambda p, r, beta: normalised(p * r / beta),
            "All on the best reply: that is the limit as beta goes to zero.":
                lambda p, r, beta: (r == r.max()).astype(float),
            "exp(r / beta) was normalised before it was multiplied by p0. Multiply first, then divide by the sum.":
                lambda p, r, beta: p * normalised(np.exp(r / beta)),
            "p0 is in the exponent. It multiplies: p0 exp(r / beta) is exp(log p0 + r / beta).":
                lambda p, r, beta: normalised(np.exp(p + r / beta)),
            "This is the logarithm of the answer.": lambda p, r, beta: np.log(normalised(p * np.exp(r / beta))),
            "This is Z alone, the sum.": lambda p, r, beta: (p * np.exp(r / beta)).sum(),
        },
        hint="Multiply p0 by exp(rewards / beta), reply by reply, and divide by the sum.",
    )  # fmt: skip


def loss_of_log_ratios(answer: Any) -> Verdict:
    """Judge the loss of DPO on one pair (notebook 10).

    The answer is a function of log pi and log p0 of the chosen reply, log pi and log p0 of the rejected one, and beta.
    """

    def gap(c: Any, c0: Any, r: Any, r0: Any) -> Any:
        return (c - c0) - (r - r0)

    return judge(
        "loss_of_log_ratios",
        answer,
        cases=[(-2.0, -3.5, -4.0, -3.0, 0.5), (-6.0, -5.0, -2.0, -2.5, 0.1), (-1.0, -1.2, -3.0, -3.3, 2.0)],
        right=lambda c, c0, r, r0, beta: preference_loss(beta * gap(c, c0, r, r0)),
        praise="Right: the loss of notebook 3, of beta times the difference of log ratios.",
        mistakes={
            "The reference is left out: the policy's own log probabilities are compared. Subtract log p0 from each.":
                lambda c, c0, r, r0, beta: preference_loss(beta * (c - r)),
            "beta is left out.": lambda c, c0, r, r0, beta: preference_loss(gap(c, c0, r, r0)),
            "This divides by beta. The reward of a policy is beta times its log ratio.":
                lambda c, c0, r, r0, beta: preference_loss(gap(c, c0, r, r0) / beta),
            "Swapped: this is the loss if the rejected reply had been chosen.":
                lambda c, c0, r, r0, beta: preference_loss(-beta * gap(c, c0, r, r0)),
            "This is the probability of the choice. The loss is minus its logarithm.":
                lambda c, c0, r, r0, beta: preference_probability(beta * gap(c, c0, r, r0)),
            "This is beta times the difference of log ratios. Put it through the loss.":
                lambda c, c0, r, r0, beta: beta * gap(c, c0, r, r0),
            "Only the chosen reply is used. The loss compares it with the rejected one.":
                lambda c, c0, r, r0, beta: preference_loss(beta * (c - c0)),
            "The log ratios are added. Take that of the chosen reply less that of the rejected one.":
                lambda c, c0, r, r0, beta: preference_loss(beta * ((c - c0) + (r - r0))),
            "The sign is the other one: a loss is minus the logarithm, and positive.":
                lambda c, c0, r, r0, beta: -preference_loss(beta * gap(c, c0, r, r0)),
        },
        hint="Subtract log p0 from log pi for each reply, take chosen less rejected, multiply by beta, and take the "
        "loss.",
    )  # fmt: skip
