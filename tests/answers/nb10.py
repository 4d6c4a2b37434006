"""Answers to the exercises of notebook 10."""

import math

import numpy as np
import torch
from scipy.special import expit, softmax

import rmlab


def _gap(c, c0, r, r0):
    return c - c0 - r + r0


RIGHT = {
    "kl_bound": [
        1.835, np.log(16) - 15 / 16, lambda n: np.log(n) - (n - 1) / n, lambda n: math.log(n) - 1 + 1 / n,
        torch.tensor(1.8351),
    ],
    "optimal_probabilities": [
        lambda p, r, b: p * np.exp(r / b) / (p * np.exp(r / b)).sum(), lambda p, r, b: softmax(np.log(p) + r / b),
        lambda p, r, b: torch.softmax(torch.log(p) + r / b, dim=0),
        lambda p, r, b: rmlab.optimization.optimal_policy(p, r, beta=b).probabilities[0],
    ],
    "loss_of_log_ratios": [
        lambda c, c0, r, r0, b: rmlab.preference_loss(b * ((c - c0) - (r - r0))),
        lambda c, c0, r, r0, b: -np.log(expit(b * _gap(c, c0, r, r0))),
        lambda c, c0, r, r0, b: rmlab.optimization.dpo_loss(_gap(c, c0, r, r0), beta=b),
    ],
}  # fmt: skip


WRONG = {
    "kl_bound": [
        (2.77, "log n alone"), (lambda n: np.log(n), "log n alone"), (3.71, "sign is the other"), (0.267, "base 10"),
        (3.0625, "base 2"), (0.9375, "alone. It is subtracted"), (np.log(16) - 1 / 16, "subtracts 1 / n"),
        (np.log(16) - 16 / 15, "upside down"), (1.3547, "square root"), (-1.835, "Negative"),
        (7.0, "natural logarithm"),
    ],
    "optimal_probabilities": [
        (lambda p, r, b: p * np.exp(r / b), "Not normalised"), (lambda p, r, b: softmax(r / b), "p0 is left out"),
        (lambda p, r, b: softmax(np.log(p) + r * b), "multiplies by beta"),
        (lambda p, r, b: softmax(np.log(p) + r), "beta is left out"),
        (lambda p, r, b: softmax(np.log(p) - r / b), "sign is the other"),
        (lambda p, r, b: p * r / b / (p * r / b).sum(), "exponential is missing"),
        (lambda p, r, b: np.eye(len(p))[r.argmax()], "All on the best"),
        (lambda p, r, b: p * softmax(r / b), "Multiply first"), (lambda p, r, b: softmax(p + r / b), "exponent"),
        (lambda p, r, b: np.log(softmax(np.log(p) + r / b)), "logarithm of the answer"),
        (lambda p, r, b: (p * np.exp(r / b)).sum(), "Z alone"), (lambda p, r, b: p, "reply by reply"),
    ],
    "loss_of_log_ratios": [
        (lambda c, c0, r, r0, b: rmlab.preference_loss(b * (c - r)), "reference is left out"),
        (lambda c, c0, r, r0, b: rmlab.preference_loss(_gap(c, c0, r, r0)), "beta is left out"),
        (lambda c, c0, r, r0, b: rmlab.preference_loss(_gap(c, c0, r, r0) / b), "divides by beta"),
        (lambda c, c0, r, r0, b: rmlab.preference_loss(-b * _gap(c, c0, r, r0)), "Swapped"),
        (lambda c, c0, r, r0, b: expit(b * _gap(c, c0, r, r0)), "probability of the choice"),
        (lambda c, c0, r, r0, b: b * _gap(c, c0, r, r0), "Put it through the loss"),
        (lambda c, c0, r, r0, b: rmlab.preference_loss(b * (c - c0)), "Only the chosen"),
        (lambda c, c0, r, r0, b: rmlab.preference_loss(b * (c - c0 + r - r0)), "are added"),
        (lambda c, c0, r, r0, b: np.log(expit(b * _gap(c, c0, r, r0))), "minus the logarithm"),
        (lambda c, c0, r, r0, b: c, "take the loss"),
    ],
}  # fmt: skip
