"""Exercises on the head of a reward model (notebook 07)."""

from __future__ import annotations

from typing import Any

import numpy as np

from rmlab.check.judge import Verdict, judge
from rmlab.preference import preference_probability

__all__ = ["scores_from_hidden"]


def scores_from_hidden(answer: Any) -> Verdict:
    """Judge a function from hidden vectors, mask and head to the score of each text of a decoder (notebook 07).

    Hidden vectors have shape ``(batch, length, width)``, the mask ``(batch, length)``, the head ``(width,)``; the
    scores, ``(batch,)``, are read at the last real token, wherever the padding is.
    """
    rng = np.random.default_rng(0)
    masks = [
        [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]],
        [[0, 0, 1, 1, 1], [1, 1, 1, 1, 1], [0, 1, 1, 1, 1]],
        [[0, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1]],
    ]
    cases = [(rng.normal(size=(*np.shape(mask), 3)), np.array(mask), rng.normal(size=3)) for mask in masks]
    return judge(
        "scores_from_hidden",
        answer,
        cases=cases,
        right=lambda h, mask, w: _at(h, _last(mask)) @ w,
        praise="Right: the hidden vector of the last real token of each text, times the row of the head.",
        mistakes={
            "This reads the last column. With padding on the right, it holds padding.":
                lambda h, mask, w: h[:, -1] @ w,
            "This reads the first column. In a decoder it has seen nothing of the text.":
                lambda h, mask, w: h[:, 0] @ w,
            "This reads the first real token. In a decoder it has seen nothing of the text.":
                lambda h, mask, w: _at(h, mask.argmax(axis=1)) @ w,
            "Counting the real tokens finds the last one only where the padding is on the right.":
                lambda h, mask, w: _at(h, mask.sum(axis=1) - 1) @ w,
            "Off by one: this reads the token before the last real one.":
                lambda h, mask, w: _at(h, _last(mask) - 1) @ w,
            "This is the mean over the real tokens. Only the last of them has seen the whole text.":
                lambda h, mask, w: ((h @ w) * mask).sum(axis=1) / mask.sum(axis=1),
            "This is the mean over all columns, padding included. Read only the last real token.":
                lambda h, mask, w: (h @ w).mean(axis=1),
            "This adds up all real tokens, so a long text scores high because of its length. Read only the last one.":
                lambda h, mask, w: ((h @ w) * mask).sum(axis=1),
            "This gives a number for each token. Pick that of the last real token of each text.":
                lambda h, mask, w: h @ w,
            "No head yet: these are the hidden vectors of the last real tokens. Multiply each by w, and add up.":
                lambda h, mask, w: _at(h, _last(mask)),
            "Not added up yet: these are the products with w, one for each number of the hidden vector.":
                lambda h, mask, w: _at(h, _last(mask)) * w,
            "The weights are left out: this adds up the hidden vector itself.":
                lambda h, mask, w: _at(h, _last(mask)).sum(axis=1),
            "This goes one step too far: a score is not a probability, and takes no sigmoid.":
                lambda h, mask, w: preference_probability(_at(h, _last(mask)) @ w),
            "This takes the token with the highest score. Read the last real one, whatever its score.":
                lambda h, mask, w: np.where(mask == 1, h @ w, -np.inf).max(axis=1),
        },
        hint="Pick the hidden vector of the last real token of each text, and take its product with w.",
    )  # fmt: skip


def _last(mask: np.ndarray) -> np.ndarray:
    return mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)


def _at(hidden: np.ndarray, positions: np.ndarray) -> np.ndarray:
    return hidden[np.arange(len(hidden)), positions]  # (batch, width)
