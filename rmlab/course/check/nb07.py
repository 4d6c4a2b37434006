"""Exercises of notebook 07: the last real token, and the head that reads a score there."""

from __future__ import annotations

from typing import Any

import numpy as np

from rmlab.course.check.verdict import Verdict, judge
from rmlab.preference import (
    preference_probability,
)

__all__ = ["last_real_position", "scores_from_hidden"]


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


def last_real_position(answer: Any) -> Verdict:
    """Judge a function from a mask (batch, length) to the position of each row's last 1, counted from 0 (notebook 07).

    -1 and other negative positions count from the end, as in Python; one position for all rows may be one number.
    """
    masks = [
        [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]],
        [[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]],
        [[0, 1, 1, 1, 0], [1, 1, 1, 1, 1]],
        [[1, 1, 1, 1, 1], [1, 1, 1, 1, 1]],
    ]
    return judge(
        "last_real_position",
        _from_the_start(answer) if callable(answer) else answer,
        cases=[(np.array(mask),) for mask in masks],
        right=_last,
        praise="Right: the last real token, wherever the padding is.",
        mistakes={
            "This is the last column. With padding on the right, it holds padding.":
                lambda mask: np.full(len(mask), mask.shape[1] - 1),
            "Off by one: n real tokens from position 0 end at n - 1. And with padding on the left, counting the real "
            "tokens does not work.":
                lambda mask: mask.sum(axis=1) % mask.shape[1],
            "Counting the real tokens works only with padding on the right.": lambda mask: mask.sum(axis=1) - 1,
            "The first pad minus 1 is no guide: the first pad may be on the left, or there may be none.":
                lambda mask: (mask.argmin(axis=1) - 1) % mask.shape[1],
            "Off by one: this is one position too far. Positions count from 0.":
                lambda mask: (_last(mask) + 1) % mask.shape[1],
            "This is the token before the last real one, and the score is read at EOS.": lambda mask: _last(mask) - 1,
            "This counts from the end of the row. Positions count from 0 on the left.":
                lambda mask: mask[:, ::-1].argmax(axis=1),
            "This is the first pad, or 0 where there is none.": lambda mask: mask.argmin(axis=1),
            "This is the first real token. In a decoder it has seen nothing of the text.":
                lambda mask: mask.argmax(axis=1),
        },
        hint="Look for the last 1 in each row.",
    )  # fmt: skip


def _from_the_start(answer: Any) -> Any:
    def positions(mask: Any) -> Any:
        found = answer(mask)
        if found is None or found is ...:
            return found
        if callable(getattr(found, "detach", None)):
            found = found.detach().cpu().numpy()
        found = np.asarray(found) % mask.shape[1]
        return np.full(len(mask), found) if found.ndim == 0 else found

    return positions
