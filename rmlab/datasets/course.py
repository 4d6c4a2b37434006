"""The course's own reward models: a linear head of 384 numbers on frozen minilm, the same on every machine."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rmlab.model import RewardModel

HEADS = resources.files("rmlab.datasets") / "data" / "course_heads.json"


def course_model(trained_on: Literal["everyday", "everyday_biased"] = "everyday") -> RewardModel:
    """Load the course's reward model, which notebooks use where the reader has not trained one.

    Its head was fitted by `rmlab.training.fit_head` to all pairs of `everyday`, or of its length-biased twin, so
    that its accuracy on them says nothing; `dataset_card("course_model")` gives that on pairs it was not fitted to.
    ``python -m rmlab.datasets heads`` makes it again. Scores agree between machines to 1e-5.

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
