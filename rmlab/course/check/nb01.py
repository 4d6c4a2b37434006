"""Exercises of notebook 01: ratings centred by rater, and Kendall's tau."""

from __future__ import annotations

from typing import Any

import numpy as np

from rmlab.course.check.verdict import Verdict, judge

__all__ = ["TAU_RATINGS", "TAU_REWARDS", "centred_ratings", "kendall_tau"]

TAU_REWARDS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
"""The default true rewards of `kendall_tau`, for six items."""


TAU_RATINGS = ((32.0, 23.0, 50.0, 41.0, 59.0, 66.0), (74.0, 70.0, 61.0, 64.0, 76.0, 81.0))
"""The default ratings of these items by two raters, in a row each; the second rater is more lenient."""


def kendall_tau(answer: Any, *, rewards: Any = TAU_REWARDS, ratings: Any = TAU_RATINGS) -> Verdict:
    """Judge how well ratings keep the true order, by Kendall's tau (notebook 01).

    Parameters
    ----------
    answer
        As a number: tau between `rewards` and each rater's ratings, averaged over the raters. As a function: tau of
        two sequences of equal length, without ties.
    rewards
        Shape ``(n_items,)``.
    ratings
        Shape ``(n_items,)``, or ``(n_raters, n_items)``.
    """
    truth, rows = np.asarray(rewards, dtype=float), np.atleast_2d(np.asarray(ratings, dtype=float))
    first = "The pairs in the right order, minus those in the wrong order, divided by all pairs."
    if callable(answer):
        rng = np.random.default_rng(0)
        cases = [(truth, rows[0]), *((rng.permutation(7).astype(float), rng.gamma(1.0, 1.0, 7)) for _ in range(4))]
        mistakes = {message: formula for message, (formula, _) in _TAU_MISTAKES.items() if formula}
        return judge("kendall_tau", answer, cases=cases, right=_tau, mistakes=mistakes, praise=_TAU_RIGHT, hint=first)
    return judge(
        "kendall_tau",
        answer,
        cases=[(truth, rows)],
        right=lambda x, y: np.mean([_tau(x, row) for row in y]),
        mistakes={
            message: on_table or (lambda x, y, formula=formula: np.mean([formula(x, row) for row in y]))
            for message, (formula, on_table) in _TAU_MISTAKES.items()
        },
        praise=_TAU_RIGHT,
        hint=f"{first} Then the mean over the raters.",
    )


def _signs(x: Any, y: Any) -> np.ndarray:
    """Return +1 for each pair of items in the same order in x and y, -1 for the others, 0 for ties; (n_pairs,)."""
    i, j = np.triu_indices(len(x), 1)
    x, y = np.asarray(x), np.asarray(y)
    return np.sign(x[i] - x[j]) * np.sign(y[i] - y[j])


def _tau(x: Any, y: Any) -> Any:
    return _signs(x, y).mean()


def _tau_b(x: Any, y: Any) -> Any:
    from scipy.stats import kendalltau  # pairs tied in x or y do not count, as in most libraries

    tau, _ = kendalltau(x, y)
    return tau


def _ranks(x: Any) -> np.ndarray:
    return np.argsort(np.argsort(x)).astype(float)


_TAU_RIGHT = "Right: the pairs in the right order, minus those in the wrong order, divided by all pairs."


# For each message the formula for two sequences and, if it differs, the one for a table with a row for each rater.
_TAU_MISTAKES: dict[str, tuple[Any, Any]] = {
    "The sign: this is the negative. Tau is +1 where all pairs are in the right order.": (
        lambda x, y: -_tau(x, y), None),
    "This is the concordant fraction, from 0 to 1. Tau subtracts the fraction of pairs in the wrong order, and runs "
    "from -1 to 1.": (lambda x, y: (_signs(x, y) > 0).mean(), None),
    "This is the discordant fraction. Subtract it from the concordant one.": (
        lambda x, y: (_signs(x, y) < 0).mean(), None),
    "Raw scales pooled: you ranked the ratings of all raters together, as if they shared a scale. Take tau within each "
    "rater, and then the mean.": (None, lambda x, y: _tau_b(np.tile(x, len(y)), y.ravel())),
    "Raw scales pooled, and two ratings of one item counted among the pairs. Take tau within each rater, and then the "
    "mean.": (None, lambda x, y: _tau(np.tile(x, len(y)), y.ravel())),
    "Raw scales pooled: you took tau of the mean ratings, in which the rater with the widest scale counts most. Take "
    "tau within each rater, and then the mean.": (None, lambda x, y: _tau(x, y.mean(axis=0))),
    "This is tau of the first rater alone. Take the mean over the raters.": (None, lambda x, y: _tau(x, y[0])),
    "This is tau of the last rater alone. Take the mean over the raters.": (None, lambda x, y: _tau(x, y[-1])),
    "This is the sum over the raters. Take their mean.": (None, lambda x, y: sum(_tau(x, row) for row in y)),
    "This is the number of pairs in the right order. Subtract those in the wrong order, and divide by all pairs.": (
        lambda x, y: (_signs(x, y) > 0).sum(), None),
    "Each pair is counted twice in the divisor: n items make n (n - 1) / 2 pairs.": (lambda x, y: _tau(x, y) / 2, None),
    "This is Pearson's correlation, which looks at the size of the ratings. Tau looks only at their order.": (
        lambda x, y: np.corrcoef(x, y)[0, 1], None),
    "This is Spearman's correlation of ranks. Tau counts pairs.": (
        lambda x, y: np.corrcoef(_ranks(x), _ranks(y))[0, 1], None),
    "Not divided yet: this is the number of pairs in the right order minus that in the wrong order.": (
        lambda x, y: _signs(x, y).sum(), None),
    "Divided by n^2 pairs: n items make n (n - 1) / 2 pairs, each counted once.": (
        lambda x, y: 2 * _signs(x, y).sum() / len(x) ** 2, None),
}  # fmt: skip


_RATINGS, _RATERS = (7.0, 8.0, 9.0, 2.0, 3.0, 1.0), (0, 0, 0, 1, 1, 1)


def _by_rater(ratings: Any, raters: Any, what: Any) -> np.ndarray:
    """Return for each rating the result of `what` for all ratings of the same rater."""
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
