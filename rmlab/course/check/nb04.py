"""Exercises of notebook 04: a probability from fitted scores, and the standard error of a difference."""

from __future__ import annotations

from typing import Any

import numpy as np

from rmlab.bradley_terry import fit_bradley_terry
from rmlab.course.check.verdict import Verdict, judge
from rmlab.datasets import load_baseball
from rmlab.preference import (
    preference_loss,
    preference_odds,
    preference_probability,
    thurstone_probability,
)

__all__ = ["standard_error_of_difference", "win_probability"]


def standard_error_of_difference(answer: Any) -> Verdict:
    """Judge the standard error of Milwaukee - Detroit, or a function from a covariance (2, 2) to it (notebook 04).

    The covariance is that of scores that sum to zero.
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


def win_probability(answer: Any) -> Verdict:
    """Judge P(Milwaukee beats Baltimore) in the fit to the 1987 season, or a function of both scores (notebook 04).

    The number is 0.829, the same as from the scores in Agresti (Categorical Data Analysis).
    """
    season = load_baseball()
    fit = fit_bradley_terry(season.winners, season.losers).relative_to("Baltimore")
    at_home = fit_bradley_terry(season.winners, season.losers, first=season.first)
    score = dict(zip(fit.items, fit.scores.tolist(), strict=True))
    games = list(zip(season.winners, season.losers, strict=True))
    wins, losses = games.count(("Milwaukee", "Baltimore")), games.count(("Baltimore", "Milwaukee"))
    neutral = at_home.relative_to("Baltimore").scores[at_home.items.index("Milwaukee")]
    home = preference_probability(float(neutral + at_home.order_effect))
    pairs = (("Milwaukee", "Baltimore"), ("Boston", "Detroit"), ("Cleveland", "Toronto"), ("Detroit", "New York"))
    return judge(
        "win_probability",
        answer,
        cases=[(score[a], score[b]) for a, b in pairs],
        right=lambda a, b: preference_probability(a - b),
        praise="Right. The scores differ by 1.581, and the sigmoid of that is 0.829.",
        mistakes={
            f"This is the raw share, {wins} wins of {wins + losses}. The model also uses all the other games: take the "
            "sigmoid of the difference of the two scores.": wins / (wins + losses),
            "This is the share of all its games that Milwaukee won. Take the two scores, and the sigmoid of their "
            "difference.": season.winners.count("Milwaukee")
                / (season.winners.count("Milwaukee") + season.losers.count("Milwaukee")),
            "This is the score of Milwaukee alone, as it is. Take the difference of the two scores, and its sigmoid.":
                score["Milwaukee"] - float(np.mean(fit.scores)),
            "Swapped: this is P(Baltimore beats Milwaukee).": lambda a, b: preference_probability(b - a),
            "No exp: scores are logarithms of strengths. Either exp(a) / (exp(a) + exp(b)), or the sigmoid of a - b.":
                lambda a, b: np.divide(a, a + b),
            "No sigmoid yet: this is the difference of the scores.": lambda a, b: a - b,
            "These are the odds. The probability is odds / (1 + odds).": lambda a, b: preference_odds(a - b),
            "This is the loss, -log P. The probability itself is asked for.": lambda a, b: preference_loss(a - b),
            "This is the sigmoid of the sum of the scores. It is their difference that counts.":
                lambda a, b: preference_probability(a + b),
            "This is Thurstone's curve, the normal distribution function. The scores were fitted with the sigmoid.":
                lambda a, b: thurstone_probability(a - b),
            "This is P at Milwaukee's home, by the fit with a home effect. On neutral ground the effect cancels.":
                home,
            "This is P by the fit with a home effect. Use the fit without it.":
                preference_probability(float(neutral)),
            "This is P against an average team. Baltimore is the other team: take the difference of their two scores.":
                preference_probability(score["Milwaukee"] - float(np.mean(fit.scores))),
            "Right, but in per cent. A probability lies between 0 and 1.":
                lambda a, b: 100 * preference_probability(a - b),
        },
        hint="Take the score of Milwaukee minus that of Baltimore, and then the sigmoid of that.",
    )  # fmt: skip
