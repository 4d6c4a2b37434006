"""Answers to the exercises on items and positions."""

import math

import numpy as np
import torch
from scipy.special import expit
from scipy.stats import kendalltau, spearmanr

from rmlab import check

X, RATERS = check.TAU_REWARDS, np.array(check.TAU_RATINGS)
TAUS = [kendalltau(X, row).statistic for row in RATERS]


def differences(x):
    return np.subtract.outer(x, x)


def backwards(mask):
    return mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)


def by_loop(mask):
    return [max(i for i, real in enumerate(row) if real) for row in mask.tolist()]


RIGHT = {
    "kendall_tau": [np.mean(TAUS), round(np.mean(TAUS), 2), lambda x, y: kendalltau(x, y).statistic,
                    lambda a, b: sum(np.sign((a[i] - a[j]) * (b[i] - b[j])) for i in range(len(a)) for j in range(i))
                    / (len(a) * (len(a) - 1) / 2)],
    "win_probability": [0.829, 0.83, expit(1.58136), lambda a, b: 1 / (1 + math.exp(b - a)),
                        lambda a, b: np.exp(a) / (np.exp(a) + np.exp(b)), lambda a, b: torch.sigmoid(a - b)],
    "last_real_position": [
        backwards, by_loop, lambda m: (m * np.arange(1, 6)).argmax(axis=1), lambda m: backwards(m) - 5,
        lambda m: m.shape[1] - 1 - m.flip(1).argmax(dim=1),
    ],
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
    "win_probability": [
        (0.846, "raw share, 11 wins of 13"), (0.171, "Swapped"), (1.0, "No exp"), (1.581, "No sigmoid yet"),
        (4.86, "odds"), (0.187, "loss"), (0.943, "Thurstone"), (0.872, "Milwaukee's home"),
        (0.835, "with a home effect"), (0.629, "average team"), (82.9, "per cent"),
        (50 / 78, "share of all its games"), (0.53, "score of Milwaukee alone"),
        (lambda a, b: a / (a + b), "No exp"), (lambda a, b: expit(a + b), "sum"), (0.3, "Take the score of Milwaukee"),
    ],
    "last_real_position": [
        (lambda m: np.full(len(m), -1), "last column"), (lambda m: -1, "last column"),
        (lambda m: m.sum(axis=1) - 1, "Counting the real tokens"), (lambda m: m.sum(axis=1), "n real tokens"),
        (lambda m: m.argmin(axis=1) - 1, "first pad minus 1"), (lambda m: backwards(m) + 1, "one position too far"),
        (lambda m: backwards(m) - 1, "before the last real one"), (lambda m: m.argmax(axis=1), "first real token"),
        (lambda m: m[:, ::-1].argmax(axis=1), "from the end of the row"),
        (lambda m: m.argmin(axis=1), "first pad, or 0"),
        (lambda m: np.flatnonzero(m), "in place of 2 numbers"),
        (lambda m: m.sum(), "last 1 in each row"),
    ],
}  # fmt: skip
