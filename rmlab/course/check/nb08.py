"""Exercises of notebook 08: accuracy, and the loss at a temperature."""

from __future__ import annotations

from typing import Any

import numpy as np

from rmlab.course.check.verdict import Verdict, judge
from rmlab.preference import outcomes, preference_loss, preference_probability

__all__ = ["accuracy_of_differences", "loss_at_temperature"]


def accuracy_of_differences(answer: Any) -> Verdict:
    """Judge the accuracy of the differences 2, 1, 0, -1, or a function from differences to accuracy (notebook 08)."""
    cases = [[2.0, 1.0, 0.0, -1.0], [0.5, -0.5, -2.0], [0.0, 0.0, 3.0], [-1.0, 0.0, 4.0, 0.1, -3.0]]
    return judge(
        "accuracy_of_differences",
        answer,
        cases=[(np.array(d),) for d in cases],
        right=lambda d: np.mean(outcomes(d)),
        praise="Right: two of four are right, and the tie counts as one half.",
        mistakes={
            "The tie is lost: it counts as one half, as a coin would get it right half of the time.":
                lambda d: np.mean(d > 0),
            "The tie counts as won. It counts as one half: the model did not tell the two apart.":
                lambda d: np.mean(d >= 0),
            "The tie was dropped, and the rest counted. It counts as one half, among all pairs.":
                lambda d: np.sum(d > 0) / max(1, np.sum(d != 0)),
            "Swapped: this is the share of pairs that are wrong, a tie as one half.":
                lambda d: np.mean((1 - np.sign(d)) / 2),
            "This is the mean of the probabilities. Accuracy counts the pairs that are the right way round.":
                lambda d: np.mean(preference_probability(d)),
            "This is the number of pairs that are right. Divide by the number of all pairs.":
                lambda d: np.sum((np.sign(d) + 1) / 2),
            "This is the mean difference. Accuracy looks only at the signs.": lambda d: np.mean(d),
            "This is the mean of the signs, from -1 to 1. Accuracy runs from 0 to 1.": lambda d: np.mean(np.sign(d)),
            "This is in per cent. Divide by 100.": lambda d: 50 * np.mean(np.sign(d) + 1),
            "This is the mean loss. Accuracy counts the pairs that are the right way round.":
                lambda d: np.mean(preference_loss(d)),
        },
        hint="A positive difference is right and counts 1, a negative one 0, and a tie one half; then take the mean.",
    )  # fmt: skip


def loss_at_temperature(answer: Any) -> Verdict:
    """Judge a function (differences, temperature) -> mean loss of the differences at that temperature (notebook 08)."""
    d, other = np.array([3.0, -2.0, 0.5, 6.0]), np.array([-1.0, 0.2, 4.0])
    return judge(
        "loss_at_temperature",
        answer,
        cases=[(d, 2.0), (other, 2.0), (d, 0.5), (other, 5.0), (d, 1.0)],
        right=lambda x, t: np.mean(preference_loss(x / t)),
        praise="Right: differences divided by the temperature, then the loss, then the mean.",
        mistakes={
            "Upside down: this multiplies by the temperature. A high one should make the model less sure.":
                lambda x, t: np.mean(preference_loss(x * t)),
            "The temperature comes too late: it divides the differences, not the losses.":
                lambda x, t: np.mean(preference_loss(x)) / t,
            "The temperature does nothing here: this is the loss of the differences as they are.":
                lambda x, t: np.mean(preference_loss(x)),
            "This is the sum. Take the mean over the pairs.": lambda x, t: np.sum(preference_loss(x / t)),
            "These are the losses of the pairs. Their mean is asked for.": lambda x, t: preference_loss(x / t),
            "This is the loss of the mean difference. First the loss of each pair, then the mean.":
                lambda x, t: preference_loss(np.mean(x) / t),
            "Swapped: the sign of the differences is turned.": lambda x, t: np.mean(preference_loss(-x / t)),
            "This is the mean probability. The loss is minus its logarithm, pair by pair.":
                lambda x, t: np.mean(preference_probability(x / t)),
            "The temperature comes too late: it divides the differences, and does not multiply the losses.":
                lambda x, t: np.mean(preference_loss(x)) * t,
            "The signs are lost: a negative difference is a pair that the model has the wrong way round.":
                lambda x, t: np.mean(preference_loss(np.abs(x) / t)),
            "The minus is missing: a loss is minus a logarithm, and positive.":
                lambda x, t: -np.mean(preference_loss(x / t)),
            "This is the mean loss with a logarithm to base 10. The loss takes the natural one.":
                lambda x, t: np.mean(preference_loss(x / t)) / np.log(10),
            "This is the mean of 1 - P. The loss is minus the logarithm of P.":
                lambda x, t: np.mean(preference_probability(-x / t)),
            "This subtracts the temperature. It divides.": lambda x, t: np.mean(preference_loss(x - t)),
        },
        hint="Divide the differences by the temperature, and give them to rmlab.preference_loss; then take the mean.",
    )  # fmt: skip
