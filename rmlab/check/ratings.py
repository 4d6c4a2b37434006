"""Exercises on ratings (notebook 01)."""

from __future__ import annotations

from typing import Any

import numpy as np

from rmlab.check.judge import Verdict, judge

__all__ = ["centred_ratings"]

_RATINGS, _RATERS = (7.0, 8.0, 9.0, 2.0, 3.0, 1.0), (0, 0, 0, 1, 1, 1)


def _by_rater(ratings: Any, raters: Any, what: Any) -> np.ndarray:
    """Return for each rating what `what` gives for all the ratings of the same rater."""
    ratings, raters = np.asarray(ratings, dtype=float), np.asarray(raters)
    return np.array([what(ratings[raters == one]) for one in raters])


def centred_ratings(answer: Any) -> Verdict:
    """Judge a function (ratings, raters) -> ratings minus the mean of the rater who gave them (notebook 01).

    Ratings and result have shape ``(n_ratings,)``; `raters` says who gave each rating.
    """
    cases = [
        (_RATINGS, _RATERS),
        ((5.0, 1.0, 2.0, 6.0, 8.0), (1, 0, 0, 1, 0)),
        ((4.0, 4.0, 9.0, 1.0, 3.0, 3.5, 7.0), (2, 0, 1, 1, 2, 2, 0)),
    ]
    return judge(
        "centred_ratings",
        answer,
        cases=[(np.array(ratings), np.array(raters)) for ratings, raters in cases],
        right=lambda y, who: y - _by_rater(y, who, np.mean),
        praise="Right: each rating minus the mean of the rater who gave it.",
        mistakes={
            "This subtracts the mean of all ratings, the same number for everybody. Subtract each rater's own mean.":
                lambda y, who: y - y.mean(),
            "The sign: this is the mean minus the rating, and reverses the order.":
                lambda y, who: _by_rater(y, who, np.mean) - y,
            "These are the raters' means. Subtract them from the ratings.":
                lambda y, who: _by_rater(y, who, np.mean),
            "This adds the rater's mean. Subtract it.": lambda y, who: y + _by_rater(y, who, np.mean),
            "This divides by the rater's mean. A lenient rater's offset is added to each rating, so subtract it.":
                lambda y, who: y / _by_rater(y, who, np.mean),
            "You also divided by each rater's standard deviation. That corrects the scale too; here only the offset is "
            "asked for.": lambda y, who: (y - _by_rater(y, who, np.mean)) / _by_rater(y, who, np.std),
            "This divides by each rater's standard deviation and leaves the offset in.":
                lambda y, who: y / _by_rater(y, who, np.std),
            "This subtracts the rater's lowest rating. Subtract the mean.":
                lambda y, who: y - _by_rater(y, who, np.min),
            "This subtracts the rater's highest rating. Subtract the mean.":
                lambda y, who: y - _by_rater(y, who, np.max),
            "This subtracts the sum of the rater's ratings. Subtract the mean.":
                lambda y, who: y - _by_rater(y, who, np.sum),
            "The mean of all ratings is added again. Leave it out: each rater's mean should be 0.":
                lambda y, who: y - _by_rater(y, who, np.mean) + y.mean(),
            "The right numbers in another order, rater by rater. Give them in the order of the ratings.":
                lambda y, who: np.concatenate([y[who == one] - y[who == one].mean() for one in np.unique(who)]),
            "This subtracts the rater's first rating. Subtract the mean.":
                lambda y, who: y - _by_rater(y, who, lambda own: own[0]),
            "This subtracts the rater's median. Subtract the mean.":
                lambda y, who: y - _by_rater(y, who, np.median),
            "These are the ratings as they were.": lambda y, who: y,
            "This is the mean of each rater once. One number for each rating is asked for.":
                lambda y, who: np.array([y[who == one].mean() for one in np.unique(who)]),
        },
        hint="For each rater, find the mean of that rater's own ratings, and subtract it from them.",
    )  # fmt: skip
