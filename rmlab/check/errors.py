"""Exercises on standard errors (notebook 04)."""

from __future__ import annotations

from typing import Any

import numpy as np

from rmlab.bradley_terry import fit_bradley_terry
from rmlab.check.judge import Verdict, judge
from rmlab.datasets import load_baseball

__all__ = ["standard_error_of_difference"]


def standard_error_of_difference(answer: Any) -> Verdict:
    """Judge the standard error of Milwaukee - Detroit, or a function from a covariance (2, 2) to it (notebook 04).

    The covariance is that of scores which sum to zero.
    """
    season = load_baseball()
    fit = fit_bradley_terry(season.winners, season.losers)
    covariance = fit.covariance_of(["Milwaukee", "Detroit"])
    milwaukee, detroit = (float(fit.scores[fit.items.index(team)]) for team in ("Milwaukee", "Detroit"))
    others = ([[4.0, 1.0], [1.0, 9.0]], [[2.0, -0.5], [-0.5, 1.0]], [[1.0, 0.9], [0.9, 1.5]])
    return judge(
        "standard_error_of_difference",
        answer,
        cases=[(covariance,), *((np.array(other),) for other in others)],
        right=lambda c: np.sqrt(c[0, 0] + c[1, 1] - 2 * c[0, 1]),
        praise="Right: the root of the sum of both variances minus twice the covariance.",
        mistakes={
            "The covariance is left out: this would be right if the two scores had nothing to do with each other.":
                lambda c: np.sqrt(c[0, 0] + c[1, 1]),
            "The sign of the covariance: it is added for a sum of two scores, and subtracted for a difference.":
                lambda c: np.sqrt(c[0, 0] + c[1, 1] + 2 * c[0, 1]),
            "The covariance counts twice: var(a - b) = var(a) + var(b) - 2 cov(a, b).":
                lambda c: np.sqrt(c[0, 0] + c[1, 1] - c[0, 1]),
            "No root yet, and the covariance is left out: this is the sum of the variances.":
                lambda c: c[0, 0] + c[1, 1],
            "This is 1.96 standard errors, half of the 95% interval.":
                lambda c: 1.96 * np.sqrt(c[0, 0] + c[1, 1] - 2 * c[0, 1]),
            "This is the difference of the scores. Its standard error is asked for.": milwaukee - detroit,
            "No root yet: this is the variance of the difference.": lambda c: c[0, 0] + c[1, 1] - 2 * c[0, 1],
            "This adds the two standard errors. Add variances, subtract twice the covariance, and take the root.":
                lambda c: np.sqrt(c[0, 0]) + np.sqrt(c[1, 1]),
            "Variances add up, for a difference too: the chance in one score does not cancel that in the other.":
                lambda c: np.sqrt(abs(c[0, 0] - c[1, 1])),
            "This is the standard error of one score alone.": lambda c: np.sqrt(c[0, 0]),
            "This is the standard error of one score alone, the second.": lambda c: np.sqrt(c[1, 1]),
        },
        hint="var(a - b) = var(a) + var(b) - 2 cov(a, b), and the standard error is its root.",
    )  # fmt: skip
