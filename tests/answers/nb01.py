"""Answers to the exercises of notebook 01."""

import numpy as np
import pandas
from scipy.stats import kendalltau, spearmanr

from rmlab.course import check

X, RATERS = check.TAU_REWARDS, np.array(check.TAU_RATINGS)


TAUS = [kendalltau(X, row).statistic for row in RATERS]


def differences(x):
    return np.subtract.outer(x, x)


def grouped(ratings, raters, how):
    return pandas.Series(ratings).groupby(raters).transform(how).to_numpy()


def by_loop(ratings, raters):
    out = ratings.copy()
    for one in set(raters.tolist()):
        out[raters == one] -= ratings[raters == one].mean()
    return out


def by_counts(ratings, raters):
    return ratings - (np.bincount(raters, ratings) / np.bincount(raters))[raters]


def by_list(ratings, raters):
    own = {k: [r for r, who in zip(ratings, raters, strict=True) if who == k] for k in raters.tolist()}
    return [float(r) - float(np.mean(own[int(who)])) for r, who in zip(ratings, raters, strict=True)]


def by_matrix(ratings, raters):
    same = raters[:, None] == raters
    return ratings - (same @ ratings) / same.sum(axis=1)


RIGHT = {
    "kendall_tau": [np.mean(TAUS), round(np.mean(TAUS), 2), lambda x, y: kendalltau(x, y).statistic,
                    lambda a, b: sum(np.sign((a[i] - a[j]) * (b[i] - b[j])) for i in range(len(a)) for j in range(i))
                    / (len(a) * (len(a) - 1) / 2)],
    "centred_ratings": [by_loop, by_counts, by_list, by_matrix, lambda y, who: y - grouped(y, who, "mean")],
}  # fmt: skip


WRONG = {
    "kendall_tau": [
        (-np.mean(TAUS), "The sign"), ((1 + np.mean(TAUS)) / 2, "concordant fraction"),
        ((1 - np.mean(TAUS)) / 2, "discordant fraction"),
        (kendalltau(np.tile(X, 2), RATERS.ravel()).statistic, "ranked the ratings of all raters together"),
        (np.sum(np.sign(differences(np.tile(X, 2)) * differences(RATERS.ravel()))) / (12 * 11), "two ratings of one"),
        (kendalltau(X, RATERS.mean(axis=0)).statistic, "tau of the mean ratings"),
        (np.mean([np.corrcoef(X, row)[0, 1] for row in RATERS]), "Pearson"),
        (lambda x, y: -kendalltau(x, y).statistic, "The sign"), (lambda x, y: np.corrcoef(x, y)[0, 1], "Pearson"),
        (lambda x, y: (1 + kendalltau(x, y).statistic) / 2, "concordant fraction"),
        (lambda x, y: spearmanr(x, y).statistic, "Spearman"),
        (lambda x, y: kendalltau(x, y).statistic * len(x) * (len(x) - 1) / 2, "Not divided yet"),
        (lambda x, y: kendalltau(x, y).statistic * (len(x) - 1) / len(x), "n^2"),
        (TAUS[0], "the first rater alone"), (TAUS[1], "the last rater alone"), (sum(TAUS), "the sum over the raters"),
        (lambda x, y: np.sum(np.triu(differences(x) * differences(y)) > 0), "number of pairs in the right order. "),
        (lambda x, y: kendalltau(x, y).statistic / 2, "counted twice in the divisor"), (0.03, "mean over the raters"),
    ],
    "centred_ratings": [
        (lambda y, who: y - y.mean(), "mean of all ratings"),
        (lambda y, who: grouped(y, who, "mean") - y, "The sign"),
        (lambda y, who: grouped(y, who, "mean"), "These are the raters' means"),
        (lambda y, who: y + grouped(y, who, "mean"), "This adds"),
        (lambda y, who: y / grouped(y, who, "mean"), "divides by the rater's mean"),
        (lambda y, who: by_matrix(y, who) / np.array([y[who == k].std() for k in who]), "also divided"),
        (lambda y, who: y / np.array([y[who == k].std() for k in who]), "leaves the offset in"),
        (lambda y, who: y - grouped(y, who, "min"), "lowest rating"),
        (lambda y, who: y - grouped(y, who, "max"), "highest rating"),
        (lambda y, who: y - grouped(y, who, "sum"), "the sum of the rater's"),
        (lambda y, who: y - grouped(y, who, "mean") + y.mean(), "added again"),
        (lambda y, who: np.concatenate([y[who == k] - y[who == k].mean() for k in set(who)]), "in another order"),
        (lambda y, who: y - grouped(y, who, "first"), "first rating"),
        (3.0, "Expected 6 numbers, or a function that gives them, and got 1."),
        (lambda y, who: y - grouped(y, who, "median"), "median"),
        (lambda y, who: y, "as they were"),
        (lambda y, who: [y[who == k].mean() for k in np.unique(who)], "each rater once"),
        (lambda y, who: y * 0, "find the mean of that rater's own ratings"),
    ],
}  # fmt: skip
