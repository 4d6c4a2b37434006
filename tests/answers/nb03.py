"""Answers to the exercises of notebook 03."""

import math

import numpy as np
import torch
from scipy.special import expit


def loss_by_loop(winners, losers):
    return sum(math.log(1 + math.exp(b - a)) for a, b in zip(winners, losers, strict=True)) / len(winners)


RIGHT = {
    "loss": [0.127, 0.13, -math.log(expit(2)), lambda gap: math.log(1 + math.exp(-gap)), lambda d: np.logaddexp(0, -d),
             lambda d: -torch.nn.functional.logsigmoid(d), lambda d: -np.log(1 / (1 + np.exp(-d)))],
    "loss_gradient": [-0.953, -0.95, lambda d: -1 / (1 + math.exp(d)), lambda d: expit(d) - 1,
                      lambda d: -torch.sigmoid(-d)],
    "batch_loss": [0.753, lambda c, r: np.mean(np.log(1 + np.exp(r - c))), loss_by_loop,
                   lambda c, r: -torch.nn.functional.logsigmoid(c - r).mean(),
                   lambda c, r: np.logaddexp(0, r - c).mean(keepdims=True)],
}  # fmt: skip


WRONG = {
    "loss": [
        (2.127, "Swapped"), (0.119, "No logarithm yet"), (0.12, "No logarithm yet"), (0.055, "base 10"),
        (0.183, "base 2"), (0.881, "This is P."), (-0.127, "minus is missing"), (-0.119, "gradient"),
        (-0.693, "No sigmoid"),
        (0.135, "odds against"), (2.254, "Both terms"), (0.1, "Rounded too far"),
        (0.0142, "squared error"), (lambda d: math.log(1 + math.exp(d)), "Swapped"),
        (lambda d: 1 - expit(d), "No logarithm yet"), (lambda d: np.log10(1 + np.exp(-d)), "base 10"),
        (lambda d: -np.log(d), "No sigmoid"), (lambda d: max(0, 1 - d), "hinge"),
    ],
    "loss_gradient": [
        (0.953, "The sign"), (lambda d: 1 - expit(d), "The sign"), (lambda d: -expit(d), "This is -P"),
        (expit, "This is P."), (3.049, "loss itself"), (-3.049, "log P"),
        (lambda d: expit(d) * expit(-d), "slope of the sigmoid"), (lambda d: -expit(d) * expit(-d), "not finished"),
        (lambda d: -1 / expit(d), "-1 / P"), (lambda d: -0.5, "Multiply them"),
    ],
    "batch_loss": [
        (0.886, "swapped"), (2.259, "sum"), (0.629, "loss of the mean difference"), (0.521, "mean probability"),
        (0.133, "mean difference"), (0.597, "chosen scores alone"), (0.327, "base 10"), (-0.753, "minus is missing"),
        (lambda c, r: np.logaddexp(0, r - c).sum(), "sum"),
        (lambda c, r: np.logaddexp(0, r - c), "losses of the pairs"),
        (lambda c, r: np.logaddexp(0, c - r).mean(), "swapped"), (lambda c, r: expit(r - c).mean(), "mean of 1 - P"),
        (lambda c, r: -np.log(expit(c - r).mean()), "logarithm of the mean probability"),
        (lambda c, r: np.logaddexp(0, -r).mean(), "rejected scores alone"),
        (lambda c, r: (np.logaddexp(0, -c) - np.logaddexp(0, -r)).mean(), "two losses"),
        (lambda c, r: np.logaddexp(0, r - c).max(), "largest loss"),
        (lambda c, r: [1.0, 2.0], "2 numbers in place of one number"),
    ],
}  # fmt: skip
