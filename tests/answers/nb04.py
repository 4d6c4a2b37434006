"""Answers to the exercises of notebook 04."""

import math

import numpy as np
import torch
from scipy.special import expit

from rmlab import fit_bradley_terry
from rmlab.datasets import load_baseball

SEASON = load_baseball()


FIT = fit_bradley_terry(SEASON.winners, SEASON.losers)


ERROR = FIT.relative_to("Detroit").standard_errors[FIT.items.index("Milwaukee")]


COVARIANCE = FIT.covariance_of(["Milwaukee", "Detroit"])


VARIANCES = np.diag(COVARIANCE)


RIGHT = {
    "standard_error_of_difference": [
        ERROR,
        round(ERROR, 2),
        torch.tensor(ERROR),
        lambda c: math.sqrt(c[0, 0] + c[1, 1] - 2 * c[1, 0]),
        lambda cov: (np.array([1, -1]) @ cov @ np.array([1, -1])) ** 0.5,
        lambda c: torch.sqrt(torch.trace(c) - 2 * c[0, 1]),
    ],
    "win_probability": [0.829, 0.83, expit(1.58136), lambda a, b: 1 / (1 + math.exp(b - a)),
                        lambda a, b: np.exp(a) / (np.exp(a) + np.exp(b)), lambda a, b: torch.sigmoid(a - b)],
}  # fmt: skip


WRONG = {
    "standard_error_of_difference": [
        (math.sqrt(VARIANCES.sum()), "left out"),
        (math.sqrt(COVARIANCE.sum()), "sign of the covariance"),
        (math.sqrt(VARIANCES.sum() - COVARIANCE[0, 1]), "counts twice"),
        (ERROR**2, "No root yet: this"),
        (VARIANCES.sum(), "No root yet, and the covariance"),
        (1.96 * ERROR, "1.96 standard errors"),
        (0.145, "difference of the scores"),
        (np.sqrt(VARIANCES).sum(), "adds the two standard errors"),
        (math.sqrt(VARIANCES[0]), "one score alone"),
        (math.sqrt(abs(VARIANCES[0] - VARIANCES[1])), "Variances add up"),
        (lambda c: np.sqrt(np.trace(c)), "left out"),
        (lambda c: np.sqrt(c.sum()), "sign of the covariance"),
        (lambda c: c[0, 0] + c[1, 1] - 2 * c[0, 1], "No root yet"),
        (lambda c: np.sqrt(c[1, 1]), "one score alone, the second"),
        (5.0, "Not yet"),
    ],
    "win_probability": [
        (0.846, "raw share, 11 wins of 13"), (0.171, "Swapped"), (1.0, "No exp"), (1.581, "No sigmoid yet"),
        (4.86, "odds"), (0.187, "loss"), (0.943, "Thurstone"), (0.872, "Milwaukee's home"),
        (0.835, "with a home effect"), (0.629, "average team"), (82.9, "per cent"),
        (50 / 78, "share of all its games"), (0.53, "score of Milwaukee alone"),
        (lambda a, b: a / (a + b), "No exp"), (lambda a, b: expit(a + b), "sum"), (0.3, "Take the score of Milwaukee"),
    ],
}  # fmt: skip
