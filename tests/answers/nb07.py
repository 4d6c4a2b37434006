"""Answers to the exercises of notebook 07."""

import numpy as np
import torch
from scipy.special import expit


def last(mask):
    return (np.asarray(mask) * np.arange(1, mask.shape[1] + 1)).argmax(axis=1)


def by_loop(hidden, mask, w):
    return [sum(hidden[i][max(np.flatnonzero(row))] * w) for i, row in enumerate(mask)]


def by_one_hot(hidden, mask, w):
    one_hot = np.arange(mask.shape[1]) == last(mask)[:, None]
    return np.einsum("bl,blw,w->b", one_hot, hidden, w)


def backwards(mask):
    return mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)


def by_loop_over_rows(mask):
    return [max(i for i, real in enumerate(row) if real) for row in mask.tolist()]


RIGHT = {
    "scores_from_hidden": [
        lambda h, m, w: h[np.arange(len(h)), last(m)] @ w,
        lambda h, m, w: (h @ w)[np.arange(len(h)), last(m)],
        lambda h, m, w: torch.stack([h[i, j] @ w for i, j in enumerate(last(m))]),
        lambda hidden, attention_mask, head: np.take_along_axis(hidden @ head, last(attention_mask)[:, None], 1)[:, 0],
        by_loop,
        by_one_hot,
    ],
    "last_real_position": [
        backwards, by_loop_over_rows, lambda m: (m * np.arange(1, 6)).argmax(axis=1), lambda m: backwards(m) - 5,
        lambda m: m.shape[1] - 1 - m.flip(1).argmax(dim=1),
    ],
}  # fmt: skip


WRONG = {
    "scores_from_hidden": [
        (lambda h, m, w: h[:, -1] @ w, "last column"),
        (lambda h, m, w: h[:, 0] @ w, "first column"),
        (lambda h, m, w: h[np.arange(len(h)), m.argmax(axis=1)] @ w, "first real token"),
        (lambda h, m, w: -(h[np.arange(len(h)), last(m)] @ w), "an array of shape (2, 5, 3)"),
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
    ],
    "last_real_position": [
        (lambda m: np.full(len(m), -1), "last column"), (lambda m: -1, "last column"),
        (lambda m: m.sum(axis=1) - 1, "Counting the real tokens"), (lambda m: m.sum(axis=1), "n real tokens"),
        (lambda m: m.argmin(axis=1) - 1, "first pad minus 1"), (lambda m: backwards(m) + 1, "one position too far"),
        (lambda m: backwards(m) - 1, "before the last real one"), (lambda m: m.argmax(axis=1), "first real token"),
        (lambda m: m[:, ::-1].argmax(axis=1), "from the end of the row"),
        (lambda m: m.argmin(axis=1), "first pad, or 0"),
        (lambda m: np.flatnonzero(m), "in place of 2 numbers"),
        (lambda m: m.sum(), "last 1 in each row"),
    ],
}  # fmt: skip
