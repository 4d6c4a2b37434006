"""Exercises of notebook 00: from two scores to a probability, and from that to a number of judges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rmlab.course.check.verdict import Verdict, judge
from rmlab.preference import (
    preference_loss,
    preference_odds,
    preference_probability,
    thurstone_probability,
)

__all__ = ["judges_for_rejected", "scores_to_probability"]


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
