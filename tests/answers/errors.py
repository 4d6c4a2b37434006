"""Answers to the exercise on the standard error of a difference."""

import math

import numpy as np
import torch

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
    ]
}

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
    ]
}
