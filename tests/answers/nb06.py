"""Answers to the exercises of notebook 06."""

import numpy as np
import torch
from scipy.special import expit

RIGHT = {
    "linear_score_difference": [
        lambda w, c, r: w @ (c - r), lambda weights, a, b: weights @ a - weights @ b, lambda w, c, r: np.dot(c - r, w),
        lambda w, c, r: sum(x * (y - z) for x, y, z in zip(w, c, r, strict=True)),
        lambda w, c, r: torch.dot(w, c - r), lambda w, c, r: np.concatenate([w, -w]) @ np.concatenate([c, r]),
    ],
    "reported_loss": [
        lambda training, held_out, test: test[held_out.argmin()], lambda a, b, c: c[list(b).index(min(b))],
        lambda a, b, c: min(zip(b, c, strict=True))[1], lambda a, b, c: c[torch.argmin(b)],
    ],
}  # fmt: skip


WRONG = {
    "linear_score_difference": [
        (lambda w, c, r: w @ (r - c), "Reversed"), (lambda w, c, r: w @ c + w @ r, "Concatenated"),
        (lambda w, c, r: (w @ c) * (w @ r), "product of the two scores"), (lambda w, c, r: w @ c, "chosen response al"),
        (lambda w, c, r: w @ r, "rejected response alone"), (lambda w, c, r: w * (c - r), "Not added up yet"),
        (lambda w, c, r: sum(c) - sum(r), "weights are left out"), (lambda w, c, r: w @ abs(c - r), "Only sizes"),
        (lambda w, c, r: w @ (c * r), "product of the two vectors"), (lambda w, c, r: expit(w @ (c - r)), "it is P"),
        (lambda w, c, r: -np.log(expit(w @ (c - r))), "two steps too far"),
        (lambda w, c, r: np.mean(w * (c - r)), "mean over the features"), (lambda w, c, r: 0.1, "add up"),
        (lambda w, c, r: w @ c / (w @ r), "quotient"), (lambda w, c, r: abs(w @ c - w @ r), "sign is lost"),
        (lambda w, c, r: w @ (c + r) / 2, "too high"), (lambda w, c, r: np.linalg.norm(c - r), "too high"),
    ],
    "reported_loss": [
        (lambda a, b, c: min(c), "smallest test loss"), (lambda a, b, c: c[a.argmin()], "by the training loss"),
        (lambda a, b, c: min(b), "smallest held-out loss"), (lambda a, b, c: min(a), "smallest training loss"),
        (lambda a, b, c: b.argmin(), "chosen row"), (lambda a, b, c: a[b.argmin()], "training loss of the setting"),
        (lambda a, b, c: b[c.argmin()], "changed places"), (lambda a, b, c: c.mean(), "mean test loss"),
        (lambda a, b, c: c[b.argmax()], "highest held-out loss"), (lambda a, b, c: c[-1], "last setting"),
        (lambda a, b, c: 5.0, "lowest held-out loss"), (lambda a, b, c: max(c), "highest test loss"),
        (lambda a, b, c: c.argmin(), "row with the lowest test"), (lambda a, b, c: c, "in place of one number"),
        (lambda a, b, c: np.median(c), "lowest held-out loss"),
    ],
}  # fmt: skip
