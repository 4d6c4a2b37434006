"""Exercises of notebook 06: a linear reward, and the parts of the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from rmlab.course.check.verdict import Verdict, judge
from rmlab.preference import preference_loss, preference_probability

__all__ = ["linear_score_difference", "reported_loss"]


def linear_score_difference(answer: Any) -> Verdict:
    """Judge a function (weights, phi_chosen, phi_rejected), each ``(n_features,)``, -> difference (notebook 06)."""
    cases = [
        ([0.4, 0.8], [3.0, -1.0], [1.0, 2.0]),
        ([1.0, -2.0, 0.5], [0.0, 1.0, 2.0], [1.0, 0.0, 0.0]),
        ([0.3, 0.3, -0.7, 1.1], [1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0]),
    ]
    return judge(
        "linear_score_difference",
        answer,
        cases=[tuple(np.array(vector) for vector in case) for case in cases],
        right=lambda w, c, r: w @ (c - r),
        praise="Right: w . (phi_chosen - phi_rejected), the same as the difference of the two scores.",
        mistakes={
            "Reversed: this is rejected minus chosen.": lambda w, c, r: w @ (r - c),
            "Concatenated: with both vectors side by side under the weights, the scores add up. Take their difference.":
                lambda w, c, r: np.concatenate([w, w]) @ np.concatenate([c, r]),
            "This is the product of the two scores. Take their difference.": lambda w, c, r: (w @ c) * (w @ r),
            "This is the score of the chosen response alone.": lambda w, c, r: w @ c,
            "This is the score of the rejected response alone.": lambda w, c, r: w @ r,
            "Not added up yet: this is what each feature adds to the difference.":
                lambda w, c, r: w * (c - r),
            "The weights are left out: this adds up the differences of the features.": lambda w, c, r: (c - r).sum(),
            "Only sizes are left: the difference of a feature may be negative, and must stay so.":
                lambda w, c, r: w @ np.abs(c - r),
            "This weighs the product of the two vectors. It is their difference that counts.":
                lambda w, c, r: w @ (c * r),
            "This goes one step too far: it is P, the sigmoid of the difference.":
                lambda w, c, r: preference_probability(w @ (c - r)),
            "This goes two steps too far: it is the loss of the difference.":
                lambda w, c, r: preference_loss(w @ (c - r)),
            "This is the mean over the features. Add them up.": lambda w, c, r: (w * (c - r)).mean(),
            "This is the quotient of the two scores. Take their difference.": lambda w, c, r: (w @ c) / (w @ r),
            "The sign is lost: a negative difference says that the model prefers the rejected response.":
                lambda w, c, r: abs(w @ (c - r)),
        },
        hint="Subtract the feature vectors, chosen minus rejected; multiply by the weights; add up.",
    )  # fmt: skip


def reported_loss(answer: Any) -> Verdict:
    """Judge a function (training, held-out, test losses), each ``(n_settings,)``, -> the loss to report (notebook 06).

    It is the test loss of the setting with the lowest held-out loss.
    """
    cases = [
        ([0.60, 0.45, 0.30, 0.20], [0.66, 0.58, 0.62, 0.90], [0.65, 0.60, 0.57, 0.95]),
        ([0.30, 0.50, 0.40], [0.81, 0.64, 0.61], [0.78, 0.59, 0.63]),
        ([0.69, 0.10, 0.40, 0.55, 0.63], [1.30, 1.20, 0.72, 0.52, 0.56], [1.05, 1.15, 1.25, 0.55, 0.50]),
    ]
    return judge(
        "reported_loss",
        answer,
        cases=[tuple(np.array(column) for column in case) for case in cases],
        right=lambda training, held_out, test: test[held_out.argmin()],
        praise="Right: chosen on the held-out pairs, reported on the test pairs.",
        mistakes={
            "This is the smallest test loss: the setting was chosen on the test pairs, and a part on which something "
            "was chosen looks too good. Choose on the held-out pairs.": lambda training, held_out, test: test.min(),
            "You chose by the training loss, which keeps falling as a model memorises. Choose on the held-out "
            "pairs.": lambda training, held_out, test: test[training.argmin()],
            "This is the smallest held-out loss. The setting was chosen on these pairs, so they flatter it: report its "
            "loss on the test pairs.": lambda training, held_out, test: held_out.min(),
            "This is the smallest training loss. The weights were fitted to these pairs: it says nothing about new "
            "ones.": lambda training, held_out, test: training.min(),
            "This is the number of the chosen row. The loss on the test pairs in that row is asked for.":
                lambda training, held_out, test: held_out.argmin(),
            "This is the training loss of the setting that was chosen. Report the test loss.":
                lambda training, held_out, test: training[held_out.argmin()],
            "This is the held-out loss where the test loss is lowest: the two parts have changed places.":
                lambda training, held_out, test: held_out[test.argmin()],
            "This is the mean test loss of all settings. One of them was chosen: report that one.":
                lambda training, held_out, test: test.mean(),
            "This takes the highest held-out loss. A loss is better the lower it is.":
                lambda training, held_out, test: test[held_out.argmax()],
            "This is the highest test loss. A loss is better the lower it is, and the held-out pairs choose.":
                lambda training, held_out, test: test.max(),
            "This is the row with the lowest test loss. Choose the row on the held-out pairs, and give its test loss.":
                lambda training, held_out, test: test.argmin(),
            "This takes the last setting, whatever the held-out pairs say.":
                lambda training, held_out, test: test[-1],
        },
        hint="Find the row with the lowest held-out loss, and give the test loss of that row.",
    )  # fmt: skip
