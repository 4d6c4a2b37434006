"""Answers to the exercises on scores, probabilities and losses."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import torch
from scipy.special import expit, logit, ndtr


def only_masks(d):
    """Serves arrays alone, since it indexes."""
    p = np.empty_like(d)
    p[d < 0] = np.exp(d[d < 0]) / (1 + np.exp(d[d < 0]))
    p[d >= 0] = 1 / (1 + np.exp(-d[d >= 0]))
    return p


def loss_by_loop(winners, losers):
    return sum(math.log(1 + math.exp(b - a)) for a, b in zip(winners, losers, strict=True)) / len(winners)


RIGHT = {
    "judges_for_rejected": [100, 500 * (1 - 0.8), torch.tensor(100), lambda p, n: n - n * p, lambda p, n: (1 - p) * n],
    "scores_to_probability": [
        0.818, 0.82, 0.8175744761936437, np.float32(0.8176), np.array([0.8176]), Fraction(818, 1000),
        Decimal("0.818"), torch.tensor(0.8176, requires_grad=True), torch.tensor([0.8176], dtype=torch.bfloat16),
        lambda chosen, rejected: 1 / (1 + math.exp(rejected - chosen)),
        lambda a, b: np.exp(a) / (np.exp(a) + np.exp(b)),
        lambda a, b: torch.sigmoid(a - b),
    ],
    "difference_to_probability": [
        0.731, lambda gap: 1 / (1 + math.exp(-gap)), lambda x: math.exp(x) / (1 + math.exp(x)), expit, torch.sigmoid,
        torch.nn.Sigmoid(), only_masks, np.vectorize(lambda x: 1 / (1 + math.exp(-x))),
        lambda x, base=math.e: 1 / (1 + base**-x), lambda x: np.float32(expit(x)), lambda x: (1 + np.tanh(x / 2)) / 2,
    ],
    "gap_for_probability": [2.197, 2.2, math.log(9), np.log(0.9 / 0.1), lambda p: math.log(p / (1 - p)), logit,
                            lambda q: -np.log(1 / q - 1),
                            lambda p: np.log(np.float32(p) / (1 - np.float32(p))),
                            lambda p: torch.log(p) - torch.log1p(-p)],
    "loss": [0.127, 0.13, -math.log(expit(2)), lambda gap: math.log(1 + math.exp(-gap)), lambda d: np.logaddexp(0, -d),
             lambda d: -torch.nn.functional.logsigmoid(d), lambda d: -np.log(1 / (1 + np.exp(-d)))],
    "loss_gradient": [-0.953, -0.95, lambda d: -1 / (1 + math.exp(d)), lambda d: expit(d) - 1,
                      lambda d: -torch.sigmoid(-d)],
    "batch_loss": [0.753, lambda c, r: np.mean(np.log(1 + np.exp(r - c))), loss_by_loop,
                   lambda c, r: -torch.nn.functional.logsigmoid(c - r).mean(),
                   lambda c, r: np.logaddexp(0, r - c).mean(keepdims=True)],
}  # fmt: skip

WRONG = {
    "judges_for_rejected": [
        (400, "prefer the chosen"), (0.2, "a share"), (20, "per cent"), (250, "Half"), (500, "All"), (0, "None"),
        (625, "This divides. "), (2500, "divides by 1 - P"), (125, "odds"), (lambda p, n: p * n, "prefer the chosen"),
        (lambda p, n: 1 - p, "a share"), (80, "What is the rest of 1"),
    ],
    "scores_to_probability": [
        (0.182, "Swapped"), (0.769, "chosen score alone"), (0.426, "rejected score alone"), (0.711, "sum"),
        (1.5, "No sigmoid yet"), (4.48, "odds"), (0.201, "loss"), (0.933, "Thurstone"), (81.8, "per cent"),
        (lambda c, r: expit(r - c), "Swapped"), (lambda c, r: c - r, "No sigmoid yet"),
        (lambda c, r: c / (c + r), "share of the sum"), (0.343, "two sigmoids"),
        (lambda c, r: expit(c) - expit(r), "two sigmoids"), (lambda c, r: 1 / 1 + math.exp(r - c), "Brackets"),
        (0.969, "10 in place of e"), (0.8, "Rounded too far"), (0.1, "difference, chosen minus rejected"),
    ],
    "difference_to_probability": [
        (lambda d: 1 / (1 + math.exp(d)), "Swapped"), (lambda d: d, "No sigmoid yet"), (math.exp, "odds, e"),
        (lambda d: math.exp(-d), "odds against"), (lambda d: 1 / 1 + math.exp(-d), "upside down"),
        (lambda d: 1 / (1 - np.exp(-d)), "A minus in the fraction"), (lambda d: (1 + np.tanh(d)) / 2, "twice the"),
        (lambda d: math.log(1 + math.exp(-d)), "loss"), (lambda d: -math.log(1 + math.exp(-d)), "log P"),
        (lambda d: 1 / (1 + 10**-d), "10 in place of e"), (lambda d: 1 / (1 + 2**-d), "2 in place of e"),
        (math.tanh, "tanh"), (ndtr, "Thurstone"), (lambda d: expit(abs(d)), "loses its sign"),
        (lambda d: 0.5 + d / 4, "straight line"), (0.269, "Swapped"), (lambda d: 0.3, "too low"),
    ],
    "gap_for_probability": [
        (-2.197, "Swapped"), (0.954, "base 10"), (0.9, "P itself"), (0.711, "sigmoid of P"), (9, "odds"),
        (-0.105, "log P."), (0.105, "loss"), (2.303, "-log(1 - P)"), (3.17, "base 2"), (381.7, "Elo"),
        (lambda p: math.log10(p / (1 - p)), "base 10"), (lambda p: math.log((1 - p) / p), "Swapped"),
        (1.2816, "Thurstone"),
                (5.0, "Turn P into odds"),
    ],
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
