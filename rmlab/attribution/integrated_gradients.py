"""Integrated gradients: the slope of the score along a line from baseline tokens to the given ones.

The baseline token is the mean of the vocabulary's embeddings.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any

import numpy as np
import torch

from rmlab.attribution.attribution_results import tolerance
from rmlab.model import ModelError, RewardModel
from rmlab.model.devices import on_device, to_numpy

__all__ = ["integrate"]

STEPS = (24, 48, 96, 192, 384)
"""Points on the line, tried in turn until the values add up."""


def integrate(
    model: RewardModel, ids: list[int], columns: list[int], batch_tokens: int | None
) -> tuple[np.ndarray, float, float]:
    """Return the integral of the slope for each token, the score, and the score of the baseline tokens.

    The slope is taken at Gauss-Legendre points, and the two scores at the ends of the line, 0 and 1.
    """
    values, ends = np.zeros(len(columns)), np.zeros(2)
    for n_steps in STEPS:
        points, weights = np.polynomial.legendre.leggauss(n_steps)  # on (-1, 1)
        slopes, scores = _slopes(model, ids, columns, np.concatenate([(points + 1) / 2, [0.0, 1.0]]), batch_tokens)
        values, ends = weights / 2 @ slopes[:-2], scores[-2:]
        if abs(ends[1] - ends[0] - values.sum()) <= tolerance(values):
            break
    return values, float(ends[1]), float(ends[0])


def _slopes(
    model: RewardModel, ids: list[int], columns: list[int], share: np.ndarray, batch_tokens: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the slope for each token at each share of the way, ``(n_points, n_tokens)``, and the score there."""
    n_rows = max(1, (batch_tokens or 4096) // len(ids))
    row = torch.tensor(ids, device=model.device)
    moved = torch.zeros(len(ids) + 1, 1, device=model.device)  # one more, for a token moved beyond the end
    moved[columns] = 1.0
    slopes, scores = [], []
    with model.evaluating(), model.computing(bf16=False), torch.enable_grad(), contextlib.ExitStack() as hooks:
        lines = _Lines(row, moved)
        for module in _embeddings(model):
            hook = partial(lines.replace, mean=_mean_embedding(module))
            hooks.callback(module.register_forward_hook(hook).remove)
        for part in on_device(share, like=moved).split(n_rows):
            lines.begin(part)
            score = model(
                row.expand(len(part), -1), torch.ones(len(part), len(ids), dtype=torch.long, device=row.device)
            )
            slopes.append(to_numpy(lines.slopes(score))[:, columns])
            scores.append(to_numpy(score))
    return np.concatenate(slopes), np.concatenate(scores)


class _Lines:
    """The straight lines along which a forward pass moves the embeddings, in each module that reads the tokens.

    Parameters
    ----------
    row
        The token ids of the text, ``(length,)``.
    moved
        1 for the tokens that move, ``(length + 1, 1)``, 0 at the end.
    """

    def __init__(self, row: torch.Tensor, moved: torch.Tensor):
        self.row, self.moved = row, moved
        self.part = moved[:0, 0]
        self.points: list[tuple[torch.Tensor, torch.Tensor, int]] = []

    def begin(self, part: torch.Tensor) -> None:
        """Set the shares of the way, ``(points,)``, at which the next forward pass computes."""
        self.part, self.points = part, []

    def replace(
        self, _module: Any, inputs: tuple[torch.Tensor, ...], words: torch.Tensor, *, mean: torch.Tensor
    ) -> torch.Tensor:
        """Return the embeddings on the way from the mean embedding; those of a decoder may be one place later."""
        words = words.detach()  # (points, length, width)
        later = 0 if torch.equal(inputs[0][0], self.row) else 1
        if later and not torch.equal(inputs[0][0, 1:], self.row[:-1]):
            raise ModelError(
                "integrated gradients need a network that reads the tokens in their order, or one place later; this "
                "one changes them. Use method='leave-one-out'."
            )
        way = (words - mean) * self.moved.roll(later, 0)[:-1]
        points = (words - (1 - self.part[:, None, None]) * way).requires_grad_()
        self.points.append((points, way, later))
        return points

    def slopes(self, score: torch.Tensor) -> torch.Tensor:
        """Return the slope for each token, ``(points, length)``: the sum over the modules that read it."""
        gradients = torch.autograd.grad(score.sum(), [points for points, _, _ in self.points])
        total = torch.zeros(len(score), len(self.moved), device=score.device)
        for gradient, (_, way, later) in zip(gradients, self.points, strict=True):
            slope = (gradient * way).sum(-1)  # (points, length)
            total[:, : len(self.row) - later] += slope[:, later:]
        return total


def _embeddings(model: RewardModel) -> list[torch.nn.Module]:
    """Return the modules that embed tokens with the weights of the vocabulary; with encoder and decoder, two."""
    weight = model.network.get_input_embeddings().weight
    return [m for m in model.network.modules() if isinstance(m, torch.nn.Embedding) and m.weight is weight]


def _mean_embedding(module: Any) -> torch.Tensor:
    """Return the mean of a module's outputs for all tokens of the vocabulary, ``(width,)``: some scale the weights."""
    if type(module) is torch.nn.Embedding:
        return module.weight.detach().mean(0)
    tokens = torch.arange(module.num_embeddings, device=module.weight.device)
    with torch.no_grad():
        sums = [module(part[None])[0].sum(0) for part in tokens.split(8192)]  # each (width,)
    return torch.stack(sums).sum(0) / len(tokens)
