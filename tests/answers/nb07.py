"""Answers to the exercises of notebook 07."""

import numpy as np
import torch
from scipy.special import expit

from rmlab.preference import preference_loss, preference_probability


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


def loop(score, optimizer, batches):
    losses = []
    for chosen, rejected in batches:
        optimizer.zero_grad()
        loss = preference_loss(score(chosen) - score(rejected)).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def clears_at_the_end(score, optimizer, batches):
    losses = torch.zeros(len(batches))
    for i, (chosen, rejected) in enumerate(batches):
        loss = preference_loss(score(chosen) - score(rejected)).sum() / len(chosen)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        losses[i] = loss.detach()
    return losses


def with_its_own_formula(score, optimizer, batches):
    def step(chosen, rejected):
        loss = -torch.nn.functional.logsigmoid(torch.sub(score(chosen), score(rejected))).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss  # a tensor

    return [step(*batch) for batch in batches]


def of_loss(loss_of):
    """The loop with another loss, a function of the scores of both sides."""

    def run(score, optimizer, batches):
        losses = []
        for chosen, rejected in batches:
            optimizer.zero_grad()
            loss = loss_of(score(chosen), score(rejected))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    return run


def in_order(*wanted):
    """The loop with its three calls in another order, or without some."""

    def run(score, optimizer, batches):
        losses = []
        for chosen, rejected in batches:
            loss = preference_loss(score(chosen) - score(rejected)).mean()
            calls = {"zero_grad": optimizer.zero_grad, "backward": loss.backward, "step": optimizer.step}
            for name in wanted:
                calls[name]()
            losses.append(loss.item())
        return losses

    return run


def returns_too_early(score, optimizer, batches):
    for chosen, rejected in batches:
        loss = preference_loss(score(chosen) - score(rejected)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return [loss.item()]
    return []


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
    "training_loop": [loop, clears_at_the_end, with_its_own_formula],
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
    "training_loop": [
        (of_loss(lambda c, r: preference_loss(r - c).mean()), "rejected minus chosen"),
        (in_order("backward", "step"), "zero_grad is missing"),
        (of_loss(lambda c, r: preference_loss(c - r).sum()), "Take the mean"),
        (in_order("zero_grad", "step", "backward"), "no gradients when step is called"),
        (in_order("step", "zero_grad", "backward"), "step comes before backward"),
        (in_order("backward", "zero_grad", "step"), "no gradients when step is called"),
        (in_order("zero_grad", "backward"), "step is missing"),
        (in_order("zero_grad", "step"), "backward is missing"),
        (returns_too_early, "Is return inside the loop"),
        (lambda *given: returns_too_early(*given)[0], "Is return inside the loop"),
        (lambda *given: loop(*given)[-1], "only the last loss"),
        (lambda *given: [loop(*given), None][1], "returns nothing"),
        (of_loss(lambda c, r: preference_loss((c - r).mean())), "mean difference"),
        (of_loss(lambda c, r: preference_probability(c - r).mean()), "Use the loss"),
        (of_loss(lambda c, r: preference_loss(c).mean()), "rejected responses are left out"),
        (of_loss(lambda c, r: -(c - r).mean()), "For each batch"),
        (of_loss(lambda c, r: preference_loss(c - r)), "stopped with RuntimeError"),  # a loss for each pair
        (lambda score, optimizer: [], "stopped with TypeError"),
    ],
}  # fmt: skip
