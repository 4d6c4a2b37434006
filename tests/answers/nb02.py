"""Answers to the exercises of notebook 02."""

import math

import numpy as np
import torch
from scipy.special import expit, logit, ndtr


def only_masks(d):
    """Serves arrays alone, since it indexes."""
    p = np.empty_like(d)
    p[d < 0] = np.exp(d[d < 0]) / (1 + np.exp(d[d < 0]))
    p[d >= 0] = 1 / (1 + np.exp(-d[d >= 0]))
    return p


RIGHT = {
    "difference_to_probability": [
        0.731, lambda gap: 1 / (1 + math.exp(-gap)), lambda x: math.exp(x) / (1 + math.exp(x)), expit, torch.sigmoid,
        torch.nn.Sigmoid(), only_masks, np.vectorize(lambda x: 1 / (1 + math.exp(-x))),
        lambda x, base=math.e: 1 / (1 + base**-x), lambda x: np.float32(expit(x)), lambda x: (1 + np.tanh(x / 2)) / 2,
    ],
    "gap_for_probability": [2.197, 2.2, math.log(9), np.log(0.9 / 0.1), lambda p: math.log(p / (1 - p)), logit,
                            lambda q: -np.log(1 / q - 1),
                            lambda p: np.log(np.float32(p) / (1 - np.float32(p))),
                            lambda p: torch.log(p) - torch.log1p(-p)],
}  # fmt: skip


WRONG = {
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
}  # fmt: skip
