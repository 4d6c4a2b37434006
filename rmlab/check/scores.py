"""Exercises on scores, probabilities and losses (notebooks 00, 02, 03 and 07)."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np

from rmlab.check.judge import Verdict, judge
from rmlab.preference import (
    elo_points,
    preference_loss,
    preference_odds,
    preference_probability,
    score_difference_from_probability,
    thurstone_probability,
)

__all__ = [
    "batch_loss",
    "difference_to_probability",
    "gap_for_probability",
    "judges_for_rejected",
    "loss",
    "loss_gradient",
    "scores_to_probability",
]

_DIFFERENCES = (-3.0, -1.0, -0.4, 0.0, 0.7, 1.5, 4.0)


def scores_to_probability(answer: Any) -> Verdict:
    """Judge P(chosen is preferred) for scores of 1.2 and -0.3, or a function (chosen, rejected) -> P (notebook 00)."""
    return judge(
        "scores_to_probability",
        answer,
        cases=[(1.2, -0.3), (-0.3, 1.2), (2.0, 0.5), (0.0, 0.0), (-1.0, -3.5), (0.4, 0.1)],
        right=lambda c, r: preference_probability(c - r),
        praise="Right. The difference is 1.5, and its sigmoid is 0.818.",
        mistakes={
            "Swapped: this is the probability of the rejected response. Subtract its score from the chosen one's.":
                lambda c, r: preference_probability(r - c),
            "This is the sigmoid of the chosen score alone. Both scores count: take their difference first.":
                lambda c, r: preference_probability(c),
            "This is the sigmoid of the rejected score alone. Both scores count: take their difference first.":
                lambda c, r: preference_probability(r),
            "This is the sigmoid of the sum of the scores. It is their difference that counts; mind the two minus "
            "signs.":
                lambda c, r: preference_probability(c + r),
            "This is the difference of two sigmoids. First the difference of the scores, then one sigmoid of that.":
                lambda c, r: preference_probability(c) - preference_probability(r),
            "No sigmoid yet: this is the difference of the scores. Now turn it into a probability.":
                lambda c, r: c - r,
            "Brackets: 1 / 1 + x is 1 + x. Divide 1 by all of (1 + e^-difference).":
                lambda c, r: 1 + preference_odds(r - c),
            "This takes 10 in place of e = 2.718 as the base.":
                lambda c, r: preference_probability((c - r) * math.log(10)),
            "These are the odds, e to the power of the difference. The probability is odds / (1 + odds).":
                lambda c, r: preference_odds(c - r),
            "This is the loss, -log P. The probability itself is asked for.":
                lambda c, r: preference_loss(c - r),
            "This is Thurstone's curve, the normal distribution function. Here the sigmoid is asked for.":
                lambda c, r: thurstone_probability(c - r),
            "This is the chosen score's share of the sum. Scores may be negative, so shares make no sense: take the "
            "sigmoid of the difference.":
                lambda c, r: np.divide(c, c + r),
            "Right, but in per cent. A probability lies between 0 and 1.":
                lambda c, r: 100 * preference_probability(c - r),
        },
        hint="Take the difference, chosen minus rejected, and then the sigmoid of that.",
    )  # fmt: skip


def judges_for_rejected(answer: Any) -> Verdict:
    """Judge how many of 500 judges prefer the rejected response at P = 0.8, or a function (P, n) (notebook 00)."""
    return judge(
        "judges_for_rejected",
        answer,
        cases=[(0.8, 500.0), (0.95, 40.0), (0.3, 10.0), (0.5, 7.0)],
        right=lambda p, n: n * (1 - p),
        praise="Right: one judge in five. That judges disagree with the model need not mean that it is wrong.",
        mistakes={
            "These prefer the chosen response. The others are asked for.": lambda p, n: n * p,
            "This is 1 - P, a share. Multiply by the number of judges.": lambda p, n: 1 - p,
            "This is 1 - P in per cent. Multiply the share by the number of judges.": lambda p, n: 100 * (1 - p),
            "Half of the judges: that would be right at P = 0.5, a difference of 0.": lambda p, n: n / 2,
            "All of the judges. P says how many of them prefer the chosen response.": lambda p, n: n,
            "None: that would be right at P = 1. P = 0.8 is a share of judges, and not a verdict.": lambda p, n: 0 * n,
            "This divides. Multiply the number of judges by the share.": lambda p, n: n / p,
            "This divides by 1 - P. Multiply by it.": lambda p, n: n / (1 - p),
            "These are the odds for the rejected response times the judges. Its share is 1 - P.":
                lambda p, n: n * (1 - p) / p,
        },
        hint="P is the share that prefers the chosen response. What is the rest of 1, times the number of judges?",
    )  # fmt: skip


def difference_to_probability(answer: Any) -> Verdict:
    """Judge a function from a score difference to P(chosen is preferred), or its value at 1 (notebook 02)."""
    return judge(
        "difference_to_probability",
        answer,
        cases=[(1.0,), *((d,) for d in _DIFFERENCES)],
        right=preference_probability,
        praise="Right: one half at 0, and the rest of 1 on the other side.",
        mistakes={
            "Swapped: this falls as the difference grows. Look at the sign in the exponent.":
                lambda d: preference_probability(-d),
            "No sigmoid yet: this is the difference itself.": lambda d: d,
            "These are the odds, e to the power of the difference. Divide them by 1 + odds.": preference_odds,
            "These are the odds against. The probability is 1 / (1 + odds against).": lambda d: preference_odds(-d),
            "This is 1 / P: the fraction is upside down, or the brackets are missing in 1 / (1 + ...).":
                lambda d: 1 / preference_probability(d),
            "A minus in the fraction: it is 1 plus e to the power of minus the difference.":
                lambda d: np.divide(1, 1 - preference_odds(-d)),
            "This is the sigmoid of twice the difference.": lambda d: preference_probability(2 * d),
            "This is log P. The probability itself is asked for.": lambda d: -preference_loss(d),
            "This is the loss, -log P. The probability itself is asked for.": preference_loss,
            "This takes 10 in place of e = 2.718 as the base.": lambda d: preference_probability(d * math.log(10)),
            "This takes 2 in place of e = 2.718 as the base.": lambda d: preference_probability(d * math.log(2)),
            "This is tanh, an S that runs from -1 to 1. A probability runs from 0 to 1.": np.tanh,
            "This is Thurstone's curve, the normal distribution function: similar, but not the sigmoid.":
                thurstone_probability,
            "This takes the size of the difference and loses its sign. A negative difference gives less than one half.":
                lambda d: preference_probability(abs(d)),
            "This is the straight line with the sigmoid's slope at 0. It leaves the range from 0 to 1.":
                lambda d: 0.5 + d / 4,
        },
        hint="The sigmoid is 1 divided by 1 plus e to the power of minus the difference.",
    )  # fmt: skip


def gap_for_probability(answer: Any) -> Verdict:
    """Judge the score difference for P = 0.9, or a function from P to the difference (notebook 02)."""
    gap = score_difference_from_probability
    return judge(
        "gap_for_probability",
        answer,
        cases=[(0.9,), (0.1,), (0.5,), (0.75,), (0.6,), (0.99,)],
        right=gap,
        praise="Right. P = 0.9 means odds of 9 to 1, and the natural logarithm of 9 is 2.197.",
        mistakes={
            "Swapped: at this difference P is 0.1. The odds are P / (1 - P), not the other way up.": lambda p: -gap(p),
            "The base: this is the logarithm to base 10. Scores are in natural logarithms: in Python, np.log.":
                lambda p: gap(p) / math.log(10),
            "The base: this is the logarithm to base 2. Scores are in natural logarithms: in Python, np.log.":
                lambda p: gap(p) / math.log(2),
            "This is P itself. Which difference has it as its sigmoid?": lambda p: p,
            "This is the sigmoid of P. Go the other way: from the probability to the difference.":
                preference_probability,
            "These are the odds. Take their natural logarithm.": lambda p: p / (1 - p),
            "This is log P. Take the logarithm of the odds, P / (1 - P).": np.log,
            "This is the loss, -log P. Take the logarithm of the odds, P / (1 - P).": lambda p: -np.log(p),
            "This is -log(1 - P). Take the logarithm of the odds, P / (1 - P).": lambda p: -np.log(1 - p),
            "This is the inverse of Thurstone's curve. That of the sigmoid is the logarithm of the odds.":
                lambda p: NormalDist().inv_cdf(p),
            "Right, but in Elo points. In nats it is smaller by a factor of 173.7.": lambda p: elo_points(gap(p)),
        },
        hint="Turn P into odds, P / (1 - P), and take their natural logarithm.",
    )  # fmt: skip


def loss(answer: Any) -> Verdict:
    """Judge the loss of a pair at a difference of 2, or a function from a difference to the loss (notebook 03)."""
    return judge(
        "loss",
        answer,
        cases=[(2.0,), *((d,) for d in _DIFFERENCES)],
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
        cases=[(-3.0,), *((d,) for d in _DIFFERENCES)],
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
