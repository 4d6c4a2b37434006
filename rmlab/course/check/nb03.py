"""Exercises of notebook 03: the loss, its gradient, and its mean over a batch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rmlab.course.check.nb02 import DIFFERENCES
from rmlab.course.check.verdict import Verdict, judge
from rmlab.preference import (
    preference_loss,
    preference_odds,
    preference_probability,
)

__all__ = ["batch_loss", "loss", "loss_gradient"]


def loss(answer: Any) -> Verdict:
    """Judge the loss of a pair at a difference of 2, or a function from a difference to the loss (notebook 03)."""
    return judge(
        "loss",
        answer,
        cases=[(2.0,), *((d,) for d in DIFFERENCES)],
        right=preference_loss,
        praise="Right. At a difference of 2, P is 0.881, and minus its logarithm is 0.127.",
        mistakes={
            "Swapped: this is the loss if the other response is preferred. Look at the sign of the difference.":
                lambda d: preference_loss(-d),
            "No logarithm yet: this is 1 - P. The loss is -log P.": lambda d: preference_probability(-d),
            "The base: this is the logarithm to base 10. The loss is in natural logarithms: in Python, np.log.":
                lambda d: preference_loss(d) / math.log(10),
            "The base: this is the logarithm to base 2, a loss in bits. In nats: np.log.":
                lambda d: preference_loss(d) / math.log(2),
            "This is P. Take its logarithm, and the minus.": preference_probability,
            "The minus is missing: this is log P, and a loss is never negative.": lambda d: -preference_loss(d),
            "No sigmoid: this is minus the logarithm of the difference. P comes in between.": lambda d: -np.log(d),
            "This is e to the power of minus the difference: the odds against. P comes first, then its logarithm.":
                lambda d: preference_odds(-d),
            "Both terms are in. Of binary cross-entropy only the term for the preferred response remains: -log P.":
                lambda d: preference_loss(d) + preference_loss(-d),
            "This is the gradient on the chosen score, -(1 - P), and not the loss.":
                lambda d: -preference_probability(-d),
            "This is the squared error of P. The loss is minus its logarithm.":
                lambda d: preference_probability(-d) ** 2,
            "This is the hinge, max(0, 1 - difference). It is not a likelihood: take -log P.":
                lambda d: np.maximum(0.0, 1 - d),
        },
        hint="First P, the sigmoid of the difference; then minus its natural logarithm.",
    )  # fmt: skip


def loss_gradient(answer: Any) -> Verdict:
    """Judge a function from a difference to the gradient on the chosen score, or its value at -3 (notebook 03)."""
    p = preference_probability
    return judge(
        "loss_gradient",
        answer,
        cases=[(-3.0,), *((d,) for d in DIFFERENCES)],
        right=lambda d: -p(-d),
        praise="Right: -(1 - P). It is large where the model was wrong, and almost 0 where it was sure and right.",
        mistakes={
            "The sign: the loss falls as the chosen score rises, so its gradient there is negative. (This is the "
            "gradient on the rejected score.)": lambda d: p(-d),
            "This is -P: it pushes hardest where the model is already right. The push is the surprise, 1 - P.":
                lambda d: -p(d),
            "This is P. The push is the surprise, 1 - P, with a minus.": p,
            "This is the loss itself. Its slope is asked for.": preference_loss,
            "This is log P. The slope of -log P is asked for.": lambda d: -preference_loss(d),
            "This is the slope of the sigmoid, P (1 - P). The logarithm has a slope too: divide by P, with a minus.":
                lambda d: p(d) * p(-d),
            "The chain rule is not finished: minus the slope of the sigmoid, still to be divided by P.":
                lambda d: -p(d) * p(-d),
            "This is -1 / P, the slope of -log P by P. Multiply by the slope of the sigmoid, P (1 - P).":
                lambda d: -1 / p(d),
        },
        hint="The slope of -log P by P is -1 / P, and that of the sigmoid is P (1 - P). Multiply them.",
    )  # fmt: skip


def batch_loss(answer: Any) -> Verdict:
    """Judge a function (chosen scores, rejected scores) -> mean loss of the batch (notebooks 03 and 07)."""
    chosen, rejected = np.array([1.2, 0.3, -0.5]), np.array([-0.3, 0.4, 0.5])
    return judge(
        "batch_loss",
        answer,
        cases=[(chosen, rejected), (np.array([2.0, 0.0]), np.array([0.0, 1.0])), (rejected - 1, chosen)],
        right=lambda c, r: preference_loss(c - r).mean(),
        praise="Right: differences, then losses, then their mean.",
        mistakes={
            "The sides are swapped: the difference is chosen minus rejected.":
                lambda c, r: preference_loss(r - c).mean(),
            "This is the sum. Take the mean, so that batches of any size compare.":
                lambda c, r: preference_loss(c - r).sum(),
            "These are the losses of the pairs. The loss of the batch is their mean, one number.":
                lambda c, r: preference_loss(c - r),
            "This is the loss of the mean difference. The loss of each pair comes first, the mean last.":
                lambda c, r: preference_loss((c - r).mean()),
            "This is the mean probability: no logarithm was taken.": lambda c, r: preference_probability(c - r).mean(),
            "This is the mean of 1 - P: no logarithm was taken.": lambda c, r: preference_probability(r - c).mean(),
            "This is minus the logarithm of the mean probability. The logarithm of each pair comes first, the mean "
            "last.":
                lambda c, r: -np.log(preference_probability(c - r).mean()),
            "This is the mean difference, not yet turned into a loss.": lambda c, r: (c - r).mean(),
            "This is the loss of the chosen scores alone. Only differences count.":
                lambda c, r: preference_loss(c).mean(),
            "This is the loss of the rejected scores alone. Only differences count.":
                lambda c, r: preference_loss(r).mean(),
            "This is the difference of two losses. The difference of the scores comes first, then one loss of that.":
                lambda c, r: (preference_loss(c) - preference_loss(r)).mean(),
            "This is the largest loss of the batch. Take the mean.": lambda c, r: preference_loss(c - r).max(),
            "The base: this is the logarithm to base 10. The loss is in natural logarithms.":
                lambda c, r: preference_loss(c - r).mean() / math.log(10),
            "The minus is missing: this is the mean of log P, and a loss is never negative.":
                lambda c, r: -preference_loss(c - r).mean(),
        },
        hint="Take differences, chosen minus rejected; then losses; then their mean.",
    )  # fmt: skip
