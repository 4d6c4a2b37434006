"""Answers to the exercises of notebook 08."""

import numpy as np
import torch
from scipy.special import expit


def at(differences, temperature):
    return -np.log(expit(differences / temperature))


RIGHT = {
    "accuracy_of_differences": [
        0.625, np.float32(0.625), lambda d: np.mean(np.where(d == 0, 0.5, d > 0)),
        lambda d: sum((x > 0) + 0.5 * (x == 0) for x in d) / len(d), lambda d: ((torch.sign(d) + 1) / 2).mean(),
    ],
    "loss_at_temperature": [
        lambda d, t: at(d, t).mean(), lambda x, temperature: np.logaddexp(0, -x / temperature).mean(),
        lambda d, t: -torch.nn.functional.logsigmoid(d / t).mean(),
    ],
}  # fmt: skip


WRONG = {
    "accuracy_of_differences": [
        (0.5, "tie is lost"), (0.75, "counts as won"), (0.667, "dropped"), (0.375, "Swapped"), (2.5, "number of pairs"),
        (lambda d: expit(d).mean(), "mean of the probabilities"), (lambda d: np.sign(d).mean(), "from -1 to 1"),
        (lambda d: np.mean(d > 0), "tie is lost"), (lambda d: d.mean(), "mean difference"),
        (lambda d: at(d, 1).mean(), "mean loss"), (0.9, "counts 1"),
        (62.5, "per cent"), (lambda d: 100 * np.mean((np.sign(d) + 1) / 2), "per cent"), (0.333, "counts 1"),
        (lambda d: d > 0, "in place of one number"),
    ],
    "loss_at_temperature": [
        (lambda d, t: at(d, 1 / t).mean(), "Upside down"), (lambda d, t: at(d, 1).mean() / t, "too late"),
        (lambda d, t: at(d, 1).mean(), "does nothing"), (lambda d, t: at(d, t).sum(), "sum"),
        (lambda d, t: at(d, t), "Their mean is asked for"), (lambda d, t: at(d.mean(), t), "mean difference"),
        (lambda d, t: at(-d, t).mean(), "Swapped"), (lambda d, t: expit(d / t).mean(), "mean probability"),
        (lambda d, t: at(d - t, 1).mean(), "subtracts"), (lambda d, t: d.mean() / t + 40, "Divide the differences"),
        (lambda d, t: at(d, 1).mean() * t, "does not multiply the losses"),
        (lambda d, t: at(abs(d), t).mean(), "signs are lost"),
        (lambda d, t: -at(d, t).mean(), "minus is missing"), (lambda d, t: -np.log10(expit(d / t)).mean(), "base 10"),
        (lambda d, t: (1 - expit(d / t)).mean(), "mean of 1 - P"), (lambda d, t: np.median(at(d, t)), "too low"),
    ],
}  # fmt: skip
