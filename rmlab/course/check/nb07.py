"""Exercises of notebook 07: the last real token, the head that reads a score there, and the training loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from rmlab.course.check.verdict import Verdict, judge
from rmlab.preference import preference_loss, preference_probability

if TYPE_CHECKING:
    import torch

__all__ = ["last_real_position", "scores_from_hidden", "training_loop"]

Loop: TypeAlias = Callable[..., Any]
"""A function (score, optimizer, batches) that trains and returns the loss of each step."""


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

    Negative positions count from the end, as in Python. One number is taken as the position in all rows.
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


def training_loop(answer: Any) -> Verdict:
    """Judge a training loop: a function (score, optimizer, batches) that returns the loss of each step (notebook 07).

    ``score`` turns inputs into a tensor of scores, and each batch is a pair of inputs, chosen and rejected. The loop is
    run on a linear score with plain gradient descent. Its losses, the final weights, and how often gradients were
    computed and used are compared.
    """
    rng = np.random.default_rng(0)
    weights, texts = (4,), (3, 5, 4)  # three batches of five pairs, a text being four numbers
    cases = [tuple(rng.normal(size=shape) for shape in (weights, texts, texts)) for _ in range(2)]
    return judge(
        "training_loop",
        _training(answer) if callable(answer) else answer,
        cases=cases,
        right=_training(_loop()),
        praise="Right: clear the gradients, compute the loss and its gradients, move the weights, batch by batch.",
        mistakes={
            "Swapped: this is the loss of rejected minus chosen, so the model learns to prefer the rejected response.":
                _training(_loop(loss=lambda c, r: preference_loss(r - c).mean())),
            "zero_grad is missing. PyTorch adds new gradients to the old ones, so each step also follows the batches "
            "before.":
                _training(_loop("backward step")),
            "This steps on the sum of the losses. Take the mean, or a step grows with the size of the batch.":
                _training(_loop(loss=lambda c, r: preference_loss(c - r).sum())),
            "step comes before backward: each step uses the gradients of the batch before, and the first has none.":
                _training(_loop("step clear backward")),
            "The weights never move, since there are no gradients when step is called. The order is zero_grad, "
            "backward, step.":
                _training(_loop("backward clear step")),
            "step is missing: backward computes the gradients, and optimizer.step() uses them.":
                _training(_loop("clear backward")),
            "backward is missing: without it there are no gradients for step to use.": _training(_loop("clear step")),
            "The loop ends after its first batch. Is return inside the loop?": _training(_only_the_first_batch),
            "This returns only the last loss. Collect the loss of each step in a list.":
                _training(lambda *given: _loop()(*given)[-1:]),
            "It trains, and returns nothing. Collect the loss of each step in a list, and return it.":
                _training(lambda *given: [np.nan for _ in _loop()(*given)]),
            "This is the loss of the mean difference. First the loss of each pair, then the mean.":
                _training(_loop(loss=lambda c, r: preference_loss((c - r).mean()))),
            "This lowers the probability that the chosen response is preferred. Use the loss.":
                _training(_loop(loss=lambda c, r: preference_probability(c - r).mean())),
            "The rejected responses are left out. The loss is that of a score difference.":
                _training(_loop(loss=lambda c, r: preference_loss(c).mean())),
        },
        hint="For each batch: zero_grad, the scores of both sides, the mean loss of their differences, backward, step.",
        shows_case=False,
    )  # fmt: skip


def _loop(order: str = "clear backward step", loss: Loop = lambda c, r: preference_loss(c - r).mean()) -> Loop:
    """Return a training loop that does these things in this order, with a loss of chosen and rejected scores."""

    def run(score: Any, optimizer: torch.optim.Optimizer, batches: Any) -> list[float]:
        losses = []
        for chosen, rejected in batches:
            mean_loss = loss(score(chosen), score(rejected))
            actions = {"clear": optimizer.zero_grad, "backward": mean_loss.backward, "step": optimizer.step}
            for action in order.split():
                actions[action]()
            losses.append(mean_loss.item())
        return losses

    return run


def _only_the_first_batch(score: Any, optimizer: Any, batches: Any) -> list[float]:
    return _loop()(score, optimizer, batches[:1])


def _training(loop: Loop) -> Loop:
    """Return a function that trains a linear score with a loop, and returns all that is compared as one array."""

    def results(weights: Any, chosen: Any, rejected: Any) -> Any:
        import torch

        w, *sides = (torch.tensor(np.asarray(given), dtype=torch.float64) for given in (weights, chosen, rejected))
        w.requires_grad_(True)
        optimizer = torch.optim.SGD([w], lr=0.5)
        times = {"backward": 0, "step": 0}

        def count(what: str) -> None:
            times[what] += 1

        w.register_hook(lambda _: count("backward"))
        optimizer.register_step_pre_hook(lambda *_: count("step"))
        losses = loop(lambda inputs: inputs @ w, optimizer, list(zip(*sides, strict=True)))
        if losses is None or losses is ...:
            if not any(times.values()):
                return None  # not attempted
            losses = [np.nan] * len(sides[0])
        each = losses if isinstance(losses, list | tuple) else [losses]
        each = [one.detach() if isinstance(one, torch.Tensor) else one for one in each]
        return np.hstack([w.detach(), *each, *times.values()])

    return results
