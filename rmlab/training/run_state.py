"""The state of a run: all that another run needs to go on from there as if nothing had happened.

The order of the pairs and the learning rate are not stored, since both follow from the settings and the step. Tensors
are stored whole: if each process holds a part of the model (see `parallel`), the parts are gathered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.distributed.tensor import DTensor, distribute_tensor

from rmlab.evaluation import evaluate
from rmlab.model import RewardModel
from rmlab.training.records import HeldOutEvaluation, TrainingStep

__all__ = ["Best", "Progress", "RunState", "learned", "put_weights", "whole"]


class Best:
    """The weights with the lowest held-out log loss, copied if `keep`, and put back if `patience` asks for them."""

    def __init__(self, model: RewardModel, *, patience: int | None, keep: bool):
        self.model, self.patience, self.keep = model, patience, keep
        self.log_loss, self.step, self.misses = math.inf, None, 0
        self.weights: dict[str, torch.Tensor] = {}

    def see(self, evaluation: HeldOutEvaluation, *, copy: bool = True) -> None:
        """Record an evaluation. With `copy`, the model must hold the weights that were evaluated."""
        if evaluation.evaluation.log_loss < self.log_loss:
            self.log_loss, self.step, self.misses = evaluation.evaluation.log_loss, evaluation.step, 0
            if copy and self.keep:
                self.weights = {name: whole(t).detach().to("cpu", copy=True) for name, t in learned(self.model).items()}
        else:
            self.misses += 1

    @property
    def out_of_patience(self) -> bool:
        """Whether the run should stop."""
        return self.patience is not None and self.misses >= self.patience

    def restore(self) -> int | None:
        """Put the best weights back and return their step; None if there was nothing to put back."""
        if self.patience is None or self.step is None:
            return None
        put_weights(self.model, self.weights)
        return self.step


@dataclass
class Progress:
    """The results of a run so far."""

    records: list[TrainingStep] = field(default_factory=list)
    resumed_at: list[int] = field(default_factory=list)
    best_step: int | None = None
    checkpoint: Path | None = None
    """The newest checkpoint that was written."""
    stop_asked: bool = False
    finished: bool = False


@dataclass
class RunState:
    """The model, optimiser, best weights and progress of a run under way."""

    model: RewardModel
    optimizer: torch.optim.Optimizer
    best: Best
    progress: Progress = field(default_factory=Progress)

    @property
    def step(self) -> int:
        """The number of steps taken so far."""
        return self.progress.records[-1].step if self.progress.records else 0

    def tensors(self, *, keep: bool = True) -> dict[str, torch.Tensor]:
        """Return the tensors of the state, without random states; an empty dictionary if not `keep`.

        All processes must call this together, since each may hold a part of every tensor.
        """
        parts = _prefixed("model", learned(self.model))
        for number, values in self.optimizer.state_dict()["state"].items():
            parts |= _prefixed(f"optimizer.{number}", values)
        tensors = {}
        for name, part in parts.items():
            tensor = whole(part)
            if keep:
                tensors[name] = tensor if tensor is part else tensor.cpu()
        if not keep:
            return {}
        tensors |= _prefixed("best", self.best.weights)
        evaluations = [evaluation for record in self.progress.records for evaluation in record.evaluations]
        return tensors | {f"held_out.{e.step}": torch.from_numpy(e.score_differences) for e in evaluations}

    def document(self) -> dict[str, Any]:
        """Return the rest, ready for JSON."""
        steps = [{**vars(r), "evaluations": [e.step for e in r.evaluations]} for r in self.progress.records]
        return {"step": self.step, "resumed_at": self.progress.resumed_at, "misses": self.best.misses, "steps": steps}

    def restore(self, tensors: Mapping[str, torch.Tensor], document: Mapping[str, Any]) -> None:
        """Restore the state from which `tensors` and `document` were taken."""
        put_weights(self.model, _under("model", tensors))
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in _under("optimizer", tensors).items():
            number, key = name.split(".", 1)
            tensor = tensor.clone()  # so that PyTorch aligns its memory
            like = parameters[int(number)]
            moments.setdefault(int(number), {})[key] = _part(tensor, like) if tensor.shape == like.shape else tensor
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        for record in document["steps"]:
            evaluations = []
            for step in record["evaluations"]:
                d = tensors[f"held_out.{step}"].numpy().copy()
                evaluations.append(HeldOutEvaluation(step, evaluate(d), d))
                self.best.see(evaluations[-1], copy=False)
            self.progress.records.append(TrainingStep(**{**record, "evaluations": tuple(evaluations)}))
        self.best.misses = document.get("misses", self.best.misses)  # older versions did not write it
        self.best.weights = {name: tensor.clone() for name, tensor in _under("best", tensors).items()}
        self.progress.resumed_at += [*document["resumed_at"], self.step]


def learned(model: RewardModel) -> dict[str, torch.Tensor]:
    """Return what training changes: the parameters that require a gradient, and the buffers that are saved."""
    saved = model.state_dict().keys()
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
    return {**parameters, **{name: b for name, b in model.named_buffers() if name in saved}}


def put_weights(model: RewardModel, weights: Mapping[str, torch.Tensor]) -> None:
    """Copy weights into a model. Raises ValueError if they are not exactly those that it trains."""
    targets = learned(model)
    if targets.keys() != weights.keys():
        raise ValueError(f"expected the weights of {sorted(targets)[:3]} ..., got {sorted(weights)[:3]} ...")
    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(_part(weights[name], target))


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """Return a sharded tensor whole, in every process; any other tensor as it is."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _part(tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Return this process's part of a whole tensor if `like` is sharded, else the tensor."""
    if not isinstance(like, DTensor):
        return tensor
    return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements, src_data_rank=None)


def _prefixed(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"{prefix}.{name}": tensor.detach() for name, tensor in tensors.items()}


def _under(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name[len(prefix) + 1 :]: t for name, t in tensors.items() if name.startswith(f"{prefix}.")}
