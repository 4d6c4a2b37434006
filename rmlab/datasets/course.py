"""The course's own reward models, the same on every machine: adapters on minilm, and linear heads on frozen minilm."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    import numpy as np

    from rmlab.model import RewardModel

__all__ = ["COURSE_JUDGES", "course_model", "linear_course_model"]

_DATA = resources.files("rmlab.datasets") / "data"
HEADS = _DATA / "course_heads.json"
COURSE_JUDGES: Final = ("fair", "flattered")
"""The judges of `rmlab.simulate.replies` whose choices a course model was trained on."""
RANK: Final = 8
"""Of the low-rank difference from minilm in each linear layer."""


def course_model(judge: Literal["fair", "flattered"] = "fair") -> RewardModel:
    """Load the course's reward model, which notebooks use where the reader has not trained one.

    It is minilm with a low-rank difference in each linear layer, and a head, trained on pairs of replies whose judge is
    known (`rmlab.simulate.replies`). ``python -m rmlab.datasets course`` makes it again. Scores agree between machines
    to 1e-3 nats in float32.

    Parameters
    ----------
    judge
        Who chose: ``"fair"``, or ``"flattered"`` for its twin, trained on a judge who likes to be flattered.

    Raises
    ------
    ValueError
        If there is no such model.
    ModelError
        If minilm is not at hand.
    """
    import torch
    from safetensors.torch import load

    from rmlab.model import RewardModel

    if judge not in COURSE_JUDGES:
        raise ValueError(f"judge must be one of {', '.join(COURSE_JUDGES)}, got {judge!r}")
    tensors = load(adapter_file(judge).read_bytes())
    model = RewardModel.from_pretrained("minilm", device="cpu")
    weights = dict(model.network.named_parameters())
    with torch.no_grad():
        for name in sorted(tensors):
            if name.endswith(".up"):
                down = tensors[name.removesuffix(".up") + ".down"]
                weights[name.removesuffix(".up")] += tensors[name].float() @ down.float()
        model.head.weight.copy_(tensors["head"])
        model.head.bias.zero_()
    return model


def linear_course_model(trained_on: Literal["everyday", "everyday_biased"] = "everyday") -> RewardModel:
    """Load a *linear* reward model: a head of 384 numbers on frozen minilm, fitted to `everyday` or its biased twin.

    It was fitted by `rmlab.training.fit_head` to all pairs of that set, so its accuracy on them says nothing;
    ``dataset_card("linear_course_model")`` gives that on pairs it was not fitted to. ``python -m rmlab.datasets heads``
    makes it again. Scores agree between machines to 1e-5.

    Parameters
    ----------
    trained_on
        ``"everyday"``, or ``"everyday_biased"`` for the model that learned that longer is better.

    Raises
    ------
    ValueError
        If there is no such model.
    ModelError
        If minilm is not at hand.
    """
    import torch

    from rmlab.model import RewardModel

    heads = json.loads(HEADS.read_text(encoding="utf-8"))
    if trained_on not in heads:
        raise ValueError(f"trained_on must be one of {', '.join(heads)}, got {trained_on!r}")
    model = RewardModel.from_pretrained("minilm", device="cpu")
    with torch.no_grad():
        model.head.weight.copy_(torch.tensor([heads[trained_on]], dtype=torch.float64))
        model.head.bias.zero_()
    return model


def adapter_file(judge: str):
    """Return the file of a course model's weights."""
    return _DATA / f"course_{judge}.safetensors"


def low_rank_difference(trained: RewardModel, *, rank: int = RANK) -> dict[str, np.ndarray]:
    """Return what `course_model` loads: the trained model less minilm, of the given rank in each linear layer.

    Returns
    -------
    dict
        ``NAME.up``, float16 of shape ``(out, rank)``, and ``NAME.down``, float16 of shape ``(rank, in)``, for each
        weight that differs; and ``head``, float32 of shape ``(1, width)``.

    Raises
    ------
    ValueError
        If something other than linear weights was trained, or the difference has a higher rank.
    """
    import torch

    from rmlab.model import RewardModel

    start = dict(RewardModel.from_pretrained("minilm", device="cpu").network.named_parameters())
    head = next(name for name, value in trained.network.named_parameters() if value is trained.head.weight)
    found: dict[str, np.ndarray] = {"head": trained.head.weight.detach().float().numpy()}
    for name, value in trained.network.named_parameters():
        difference = (value.detach() - start[name].detach()).double()
        if name == head or value is trained.head.bias or not difference.abs().max():
            continue
        if difference.ndim != 2:
            raise ValueError(f"{name} differs from minilm and is not a matrix; train with lora")
        u, s, v = torch.linalg.svd(difference, full_matrices=False)
        if len(s) > rank and s[rank] > 1e-3 * s[0]:
            raise ValueError(f"{name}: the difference has a rank above {rank}; train with lora={rank}")
        root = s[:rank].sqrt()
        found[f"{name}.up"] = (u[:, :rank] * root).half().numpy()
        found[f"{name}.down"] = (root[:, None] * v[:rank]).half().numpy()
    return found
