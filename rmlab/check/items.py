"""Exercises on items and positions (notebooks 01, 04 and 07)."""

from __future__ import annotations

from typing import Any

import numpy as np

from rmlab.bradley_terry import fit_bradley_terry
from rmlab.check.judge import Verdict, judge
from rmlab.datasets import load_baseball
from rmlab.preference import (
    preference_loss,
    preference_odds,
    preference_probability,
    thurstone_probability,
)

__all__ = ["TAU_RATINGS", "TAU_REWARDS", "kendall_tau", "last_real_position", "win_probability"]

TAU_REWARDS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
"""The true rewards of the six items of `kendall_tau`, unless its caller has others."""
TAU_RATINGS = ((32.0, 23.0, 50.0, 41.0, 59.0, 66.0), (74.0, 70.0, 61.0, 64.0, 76.0, 81.0))
"""The ratings that two raters give them: a row for each rater, the second more lenient than the first."""


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


def win_probability(answer: Any) -> Verdict:
    """Judge P(Milwaukee beats Baltimore) in the fit to the 1987 season, or a function of both scores (notebook 04).

    The number is 0.829, also by the scores that Agresti (Categorical Data Analysis) gives.
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
            f"This is the raw share, {wins} wins of {wins + losses}. The model weighs in all the other games: take the "
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


def last_real_position(answer: Any) -> Verdict:
    """Judge a function from a mask (batch, length) to the position of each row's last 1, counted from 0 (notebook 07).

    -1 and other negative positions count from the end, as in Python; one position for all rows may be one number.
    """
    masks = [
        [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]],
        [[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]],
        [[0, 1, 1, 1, 0], [1, 1, 1, 1, 1]],
        [[1, 1, 1, 1, 1], [1, 1, 1, 1, 1]],
    ]
    return judge(
        "last_real_position",
        _from_the_start(answer) if callable(answer) else answer,
        cases=[(np.array(mask),) for mask in masks],
        right=_last,
        praise="Right: the last real token, wherever the padding is.",
        mistakes={
            "This is the last column. With padding on the right, it holds padding.":
                lambda mask: np.full(len(mask), mask.shape[1] - 1),
            "Off by one: n real tokens from position 0 end at n - 1. And with padding on the left, counting the real "
            "tokens does not work.":
                lambda mask: mask.sum(axis=1) % mask.shape[1],
            "Counting the real tokens works only with padding on the right.": lambda mask: mask.sum(axis=1) - 1,
            "The first pad minus 1 is no guide: the first pad may be on the left, or there may be none.":
                lambda mask: (mask.argmin(axis=1) - 1) % mask.shape[1],
            "Off by one: this is one position too far. Positions count from 0.":
                lambda mask: (_last(mask) + 1) % mask.shape[1],
            "This is the token before the last real one, and the score is read at EOS.": lambda mask: _last(mask) - 1,
            "This counts from the end of the row. Positions count from 0 on the left.":
                lambda mask: mask[:, ::-1].argmax(axis=1),
            "This is the first pad, or 0 where there is none.": lambda mask: mask.argmin(axis=1),
            "This is the first real token. In a decoder it has seen nothing of the text.":
                lambda mask: mask.argmax(axis=1),
        },
        hint="Look for the last 1 in each row.",
    )  # fmt: skip


def _last(mask: np.ndarray) -> np.ndarray:
    return mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)


def _from_the_start(answer: Any) -> Any:
    def positions(mask: Any) -> Any:
        found = answer(mask)
        if found is None or found is ...:
            return found
        if callable(getattr(found, "detach", None)):
            found = found.detach().cpu().numpy()
        found = np.asarray(found) % mask.shape[1]
        return np.full(len(mask), found) if found.ndim == 0 else found

    return positions
