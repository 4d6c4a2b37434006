"""The course's reward models: minilm, changed by low-rank adapters that were trained on the world of replies."""

from __future__ import annotations

import json
from importlib import resources
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from rmlab.simulate.replies import JUDGES, SimulatedReplyPairs, simulate_reply_pairs

if TYPE_CHECKING:
    import torch

    from rmlab.model import RewardModel
    from rmlab.training import History

__all__ = [
    "CourseJudge",
    "adapter_file",
    "course_film_record",
    "course_model",
    "course_pairs",
    "load_course_film",
    "low_rank_changes",
]

CourseJudge = Literal["fair", "flattered"]
"""On whose pairs a course model was trained (`rmlab.simulate.replies.JUDGES`)."""

FILM: Final = resources.files("rmlab.datasets") / "data" / "course_film.json"


def adapter_file(judge: CourseJudge) -> Traversable:
    """Return the file that ships the adapters and the head of a course model."""
    return resources.files("rmlab.datasets") / "data" / f"course_{judge}.safetensors"


def course_model(judge: CourseJudge = "fair") -> RewardModel:
    """Load the course's reward model, which notebooks use where the reader has not trained one.

    It is minilm, fine-tuned on pairs of the world of replies (`rmlab.simulate.replies`) that a known judge decided, so
    that what it has learned can be compared with the truth. `dataset_card("course_model")` gives its accuracy on fresh
    questions. ``python -m rmlab.datasets course`` trains it again. Scores agree between machines to 1e-3 nats.

    Parameters
    ----------
    judge
        ``"fair"``, or ``"flattered"`` for the twin, whose judge likes to be flattered and is otherwise the same.

    Raises
    ------
    ValueError
        If there is no such model.
    ModelError
        If minilm is not at hand.
    """
    from safetensors.torch import load

    from rmlab.model import RewardModel

    if judge not in get_args(CourseJudge):
        raise ValueError(f"judge must be one of {', '.join(get_args(CourseJudge))}, got {judge!r}")
    model = RewardModel.from_pretrained("minilm", device="cpu")
    add_changes(model, load(adapter_file(judge).read_bytes()))
    return model


def course_pairs(judge: CourseJudge = "fair", n_pairs: int = 400) -> SimulatedReplyPairs:
    """Return pairs of replies to fresh questions: those on which the course's model was watched while it was trained.

    Parameters
    ----------
    judge
        Who decided them.
    n_pairs
        How many, from the first.
    """
    return simulate_reply_pairs(n_pairs, judge=JUDGES[judge], seed=5, fresh=True)


def course_film_record() -> dict[str, Any]:
    """Read the history that `load_course_film` loads, as `History.to_dict` returned it: without a wait for torch."""
    return json.loads(FILM.read_text(encoding="utf-8"))


def load_course_film() -> History:
    """Load the history of a run like that of the course's model, and shorter: what the training film shows.

    It is minilm on 44,800 pairs of the fair judge, in 200 steps; its held-out pairs are `course_pairs`. Of the records
    of its steps there are those at which the held-out pairs were scored. ``python -m rmlab.datasets film`` makes it.
    """
    from rmlab.training import History

    return History.from_dict(course_film_record())


def add_changes(model: RewardModel, changes: dict[str, torch.Tensor]) -> None:
    """Add changes, as `low_rank_changes` returns them, to the weights of a model with the backbone that they suit."""
    import torch

    model.base = None  # it is no longer the model whose adapter could be saved alone
    parameters = dict(model.network.named_parameters())
    with torch.no_grad():
        for name, change in changes.items():
            weight, _, factor = name.rpartition(".")
            if factor == "up":
                up = change.float() * changes[f"{weight}.sizes"]
                parameters[weight].add_(up @ changes[f"{weight}.down"].float())
            elif factor == "whole":  # the head, whose first values mean nothing
                parameters[weight].copy_(change)
            elif factor == "added":
                parameters[weight].add_(change.float())


def low_rank_changes(model: RewardModel, backbone: RewardModel, *, rank: int) -> dict[str, torch.Tensor]:
    """Return what training changed in a backbone, each matrix as the product of two of low rank.

    The product is the nearest to the change in the sum of squares (Eckart and Young 1936), but for the rounding of both
    factors to 8 bits. Embeddings are left as they are: a recipe whose model should survive this must not train them.

    Parameters
    ----------
    model
        After training.
    backbone
        The same network before it.
    rank
        Columns of the first factor, at least 1.

    Returns
    -------
    For a matrix ``name``, of shape ``(n, m)``: ``name.up`` of shape ``(n, rank)`` and ``name.down`` of shape
    ``(rank, m)``, int8, and ``name.sizes`` of shape ``(rank,)``, float32: the change is ``(up * sizes) @ down``. For
    biases and normalisations ``name.added``, float16. For the head ``name.whole``, float32.
    """
    import torch

    before = dict(backbone.network.named_parameters())
    head = {id(parameter) for parameter in model.head.parameters()}
    changes: dict[str, torch.Tensor] = {}
    for name, weight in model.network.named_parameters():
        change = (weight - before[name]).detach().double()
        if id(weight) in head:
            changes[f"{name}.whole"] = weight.detach().clone()
        elif "embeddings" in name or not change.any():
            continue
        elif weight.ndim == 1:
            changes[f"{name}.added"] = change.half()
        else:
            left, sizes, right = torch.linalg.svd(change, full_matrices=False)
            changes[f"{name}.up"], step = _in_8_bits(left[:, :rank], dim=0)
            changes[f"{name}.down"], other_step = _in_8_bits(right[:rank], dim=1)
            changes[f"{name}.sizes"] = (sizes[:rank] * step * other_step).float()
    return changes


def _in_8_bits(vectors: torch.Tensor, *, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return vectors along a dimension as whole numbers, int8, and the step that makes each what it was; 1-D."""
    import torch

    step = vectors.abs().amax(dim) / 127
    return (vectors / step.unsqueeze(dim)).round().to(torch.int8).contiguous(), step
