"""What a training run tells: a record for each step, evaluations on the held-out pairs, and its history."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from rmlab.evaluation import Evaluation
from rmlab.training.config import TrainingConfig

__all__ = ["HeldOutEvaluation", "History", "TrainingStep"]


@dataclass(frozen=True)
class HeldOutEvaluation:
    """The held-out pairs after `step` steps: the `Evaluation` and the differences that it was made from, in nats."""

    step: int
    evaluation: Evaluation
    score_differences: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class TrainingStep:
    """What one optimiser step did. Loss, accuracy and score difference are of its batch, before the weights moved."""

    step: int
    """Counted from 1."""
    epoch: float
    """Passes over the pairs so far."""
    pairs_seen: int
    loss: float
    """Mean over the pairs, in nats, with margin, smoothing and centring if they are on."""
    accuracy: float
    """Share of pairs whose chosen response scored higher, ties as half."""
    score_difference: float
    """Mean over the pairs, in nats."""
    gradient_norm: float
    """Before clipping."""
    learning_rate: float
    tokens: int
    """In the batch, padding not counted."""
    seconds: float
    """Since the first step began, evaluations not counted."""
    evaluations: tuple[HeldOutEvaluation, ...] = field(default=(), repr=False)
    """Made since the record before; the first record carries the one made before any training (step 0)."""


@dataclass(frozen=True)
class History:
    """A run: its records, its settings, and what was left out or cut."""

    steps: tuple[TrainingStep, ...] = field(repr=False)
    config: TrainingConfig
    n_pairs: int
    left_out: dict[str, int]
    truncation: dict[str, int]
    layout: str
    """How the texts were laid out in rows: packed or padded, and, where packing would not do, why."""
    best_step: int | None
    """The step whose weights the model has been given back, where `TrainingConfig.patience` asks for the best."""
    resumed_at: tuple[int, ...] = ()
    """The steps after which the run was resumed from a checkpoint."""

    @property
    def evaluations(self) -> tuple[HeldOutEvaluation, ...]:
        """The evaluations of the held-out pairs, in order."""
        return tuple(evaluation for step in self.steps for evaluation in step.evaluations)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the held-out differences, ready for JSON."""
        rest = {k: v for k, v in vars(self).items() if k not in ("steps", "config")}
        steps = [{k: v for k, v in vars(step).items() if k != "evaluations"} for step in self.steps]
        evaluations = [{"step": e.step, **e.evaluation.to_dict()} for e in self.evaluations]
        return {"config": asdict(self.config), **rest, "steps": steps, "evaluations": evaluations}
