"""Several heads on one pass of the backbone: where they disagree, the model is unsure.

The network keeps one head, which is the mean of all. The heads are kept as departures from that mean, in a file of
their own. So a score, and what transformers reads from a saved folder, are the same as without them.

They share the backbone and its faults, so their spread is only what the pairs leave open about the head. It is far
below the error of a score, and larger where the difference is larger (``benchmarks/uncertainty.py``). Use it to compare
pairs, not as the error of a score.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from rmlab.model.backbones import ModelError

__all__ = [
    "HEADS",
    "HeadDepartures",
    "inputs_of",
    "load_departures",
    "make_departures",
    "mean_and_spread",
    "save_departures",
]

HEADS = "rmlab_heads.safetensors"
"""The file beside a saved network that holds the departures; transformers does not read it."""


class HeadDepartures(nn.Module):
    """What each of K heads adds to the score of their mean.

    Parameters
    ----------
    weight
        Shape ``(n_heads, width)``; their mean is subtracted wherever they are used.
    """

    def __init__(self, weight: torch.Tensor):
        super().__init__()
        self.weight = nn.Parameter(weight.float())

    @property
    def n_heads(self) -> int:
        """The number of heads, K."""
        return len(self.weight)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return each head's score minus that of their mean, float32 ``(n, n_heads)``, for features ``(n, width)``."""
        with torch.autocast(features.device.type, enabled=False):  # as the head itself: see Float32Linear
            return nn.functional.linear(features.float(), self.weight - self.weight.mean(dim=0))


def make_departures(head: nn.Linear, n_heads: int, *, seed: int) -> HeadDepartures:
    """Return random departures, with the standard deviation of the weights of the head.

    Heads that begin alike would differ only by the pairs that each sees. From random beginnings, they also disagree
    about what no pair determines (Osband et al. 2018, Randomized prior functions).
    """
    if n_heads < 2:
        raise ModelError(f"n_heads must be at least 2, or left out for a single head, got {n_heads}")
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(n_heads, head.in_features, generator=generator)
    return HeadDepartures(drawn.to(head.weight.device) * head.weight.detach().float().std())


def save_departures(departures: HeadDepartures | None, folder: Path) -> None:
    """Write departures beside a network, if there are any."""
    if departures is not None:
        save_file({"departures": departures.weight.detach().cpu().contiguous()}, folder / HEADS)


def load_departures(folder: Path, head: nn.Linear) -> HeadDepartures | None:
    """Read the departures of a saved model; None if it has a single head.

    Raises
    ------
    ModelError
        If the file is damaged, or belongs to another network.
    """
    path = folder / HEADS
    if not path.is_file():
        return None
    try:
        weight = load_file(path)["departures"]
    except (OSError, SafetensorError, KeyError) as error:
        raise ModelError(f"{path} cannot be read ({error}); copy or train the model again") from error
    if weight.ndim != 2 or weight.shape[1] != head.in_features or len(weight) < 2:
        raise ModelError(
            f"{path} holds heads of shape {tuple(weight.shape)}, and this network needs (n_heads, {head.in_features}); "
            "they do not belong together. Copy or train the model again."
        )
    return HeadDepartures(weight)


def mean_and_spread(heads: np.ndarray) -> np.ndarray:
    """Return the mean and the standard deviation, ``(2, n)``, over the heads of their scores, ``(n, n_heads)``.

    Raises
    ------
    ValueError
        If there is only one head, which has no standard deviation.
    """
    if heads.shape[1] < 2:
        raise ValueError(
            "uncertainty is the disagreement of several heads, and this model has one; make it with "
            "RewardModel.from_pretrained(..., n_heads=8) and train it"
        )
    return np.stack([heads.mean(axis=1), heads.std(axis=1, ddof=1)])


@contextlib.contextmanager
def inputs_of(module: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Yield a list that collects the first argument of each call of a module while the context is open."""
    read: list[torch.Tensor] = []
    hook = module.register_forward_pre_hook(lambda _, arguments: read.append(arguments[0]))
    try:
        yield read
    finally:
        hook.remove()
