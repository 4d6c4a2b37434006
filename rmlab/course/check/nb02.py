"""Exercises of notebook 02: from a score difference to a probability, and back."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np

from rmlab.course.check.verdict import Verdict, judge
from rmlab.preference import (
    elo_points,
    preference_loss,
    preference_odds,
    preference_probability,
    score_difference_from_probability,
    thurstone_probability,
)

__all__ = ["difference_to_probability", "gap_for_probability"]

DIFFERENCES = (-3.0, -1.0, -0.4, 0.0, 0.7, 1.5, 4.0)


def difference_to_probability(answer: Any) -> Verdict:
    """Judge a function from a score difference to P(chosen is preferred), or its value at 1 (notebook 02)."""
    return judge(
        "difference_to_probability",
        answer,
        cases=[(1.0,), *((d,) for d in DIFFERENCES)],
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
