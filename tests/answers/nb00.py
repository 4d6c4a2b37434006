"""Answers to the exercises of notebook 00."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import torch
from scipy.special import expit

RIGHT = {
    "judges_for_rejected": [100, 500 * (1 - 0.8), torch.tensor(100), lambda p, n: n - n * p, lambda p, n: (1 - p) * n],
    "scores_to_probability": [
        0.818, 0.82, 0.8175744761936437, np.float32(0.8176), np.array([0.8176]), Fraction(818, 1000),
        Decimal("0.818"), torch.tensor(0.8176, requires_grad=True), torch.tensor([0.8176], dtype=torch.bfloat16),
        lambda chosen, rejected: 1 / (1 + math.exp(rejected - chosen)),
        lambda a, b: np.exp(a) / (np.exp(a) + np.exp(b)),
        lambda a, b: torch.sigmoid(a - b),
    ],
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
}  # fmt: skip
