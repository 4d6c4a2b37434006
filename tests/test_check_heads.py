"""The check of notebook 07 on the head: right answers in any form pass, each usual mistake is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit

from rmlab import check
from rmlab.check import heads


def last(mask):
    return (np.asarray(mask) * np.arange(1, mask.shape[1] + 1)).argmax(axis=1)


def by_loop(hidden, mask, w):
    return [sum(hidden[i][max(np.flatnonzero(row))] * w) for i, row in enumerate(mask)]


def by_one_hot(hidden, mask, w):
    one_hot = np.arange(mask.shape[1]) == last(mask)[:, None]
    return np.einsum("bl,blw,w->b", one_hot, hidden, w)


RIGHT = [
    lambda h, m, w: h[np.arange(len(h)), last(m)] @ w,
    lambda h, m, w: (h @ w)[np.arange(len(h)), last(m)],
    lambda h, m, w: torch.stack([h[i, j] @ w for i, j in enumerate(last(m))]),
    lambda hidden, attention_mask, head: np.take_along_axis(hidden @ head, last(attention_mask)[:, None], 1)[:, 0],
    by_loop,
    by_one_hot,
]
WRONG: list[tuple[Any, str]] = [
    (lambda h, m, w: h[:, -1] @ w, "last column"),
    (lambda h, m, w: h[:, 0] @ w, "first column"),
    (lambda h, m, w: h[np.arange(len(h)), m.sum(axis=1) - 1] @ w, "Counting the real tokens"),
    (lambda h, m, w: h[np.arange(len(h)), last(m) - 1] @ w, "Off by one"),
    (lambda h, m, w: [(x[k == 1] @ w).mean() for x, k in zip(h, m, strict=True)], "mean over the real tokens"),
    (lambda h, m, w: h.mean(axis=1) @ w, "mean over all columns"),
    (lambda h, m, w: [x[k == 1].sum(axis=0) @ w for x, k in zip(h, m, strict=True)], "adds up all real tokens"),
    (lambda h, m, w: h @ w, "a number for each token"),
    (lambda h, m, w: h[np.arange(len(h)), last(m)], "No head yet"),
    (lambda h, m, w: h[np.arange(len(h)), last(m)] * w, "Not added up yet"),
    (lambda h, m, w: h[np.arange(len(h)), last(m)].sum(-1), "weights are left out"),
    (lambda h, m, w: expit(h[np.arange(len(h)), last(m)] @ w), "one step too far"),
    (lambda h, m, w: [(x[k == 1] @ w).max() for x, k in zip(h, m, strict=True)], "highest score"),
    (lambda h, m, w: np.zeros(len(h)), "Pick the hidden vector"),
    (lambda h, m, w: h[:, last(m)] @ w, "yours gives"),  # every text at every position
]


@pytest.mark.parametrize("answer", RIGHT)
def test_a_right_answer_passes(answer):
    verdict = check.scores_from_hidden(answer)
    assert verdict.passed, verdict.message


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_answer_is_told_which_mistake_it_looks_like(case):
    verdict = check.scores_from_hidden(case[0])
    assert not verdict.passed
    assert verdict.attempted
    assert case[1] in verdict.message


def test_what_was_not_attempted_is_said_so():
    verdict = check.scores_from_hidden(lambda hidden, mask, w: None)
    assert not verdict.attempted


def test_all_mistakes_differ_from_the_right_answer_and_from_one_another(monkeypatch):
    found: dict[str, Any] = {}
    monkeypatch.setattr(heads, "judge", lambda *_, **given: found.update(given))
    check.scores_from_hidden(None)
    made = [
        np.concatenate([np.asarray(formula(*case), dtype=float).ravel() for case in found["cases"]]).round(6)
        for formula in (found["right"], *found["mistakes"].values())
    ]
    assert len({one.tobytes() for one in made}) == len(made)
