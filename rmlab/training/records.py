"""The records of a training run: one for each step, evaluations on the held-out pairs, and its history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from rmlab.evaluation import Evaluation
from rmlab.training.config import TrainingConfig

__all__ = ["HeldOutEvaluation", "History", "TrainingStep"]

KEPT = 1000
"""The most held-out pairs whose differences a file keeps; of more, a sample. About 11 bytes each per evaluation."""


@dataclass(frozen=True)
class HeldOutEvaluation:
    """The held-out pairs after `step` steps: the `Evaluation` and the score differences behind it, in nats."""

    step: int
    evaluation: Evaluation
    score_differences: np.ndarray = field(repr=False)
    """Of the pairs in `History.held_out_ids`; empty if they were read from a file without them."""


@dataclass(frozen=True)
class TrainingStep:
    """The result of one optimiser step. Loss, accuracy and difference are those of its batch before the update."""

    step: int
    """Counted from 1."""
    epoch: float
    """Passes over the pairs so far."""
    pairs_seen: int
    loss: float
    """Mean over the pairs, in nats, with margin, smoothing and centring if they are on. If pairs have weights, it is
    their weighted mean, ``sum(weight * loss) / sum(weight)``."""
    accuracy: float
    """Share of pairs whose chosen response scored higher; a tie counts one half. Weights play no part in it."""
    score_difference: float
    """Mean over the pairs, in nats, without weights."""
    gradient_norm: float
    """The norm before clipping."""
    learning_rate: float
    tokens: int
    """In the batch, without padding."""
    seconds: float
    """Total time of the steps so far, without evaluations and checkpoints."""
    evaluations: tuple[HeldOutEvaluation, ...] = field(default=(), repr=False)
    """Those made since the previous record; the first record holds the one made before any training (step 0)."""


@dataclass(frozen=True)
class History:
    """A run: its records, its settings, and what was left out or cut."""

    steps: tuple[TrainingStep, ...] = field(repr=False)
    config: TrainingConfig
    n_pairs: int
    left_out: dict[str, int]
    truncation: dict[str, int]
    layout: str
    """How the texts were laid out in rows: packed or padded, and, if packing is impossible, why."""
    best_step: int | None
    """The step whose weights were put back into the model, if `TrainingConfig.patience` asks for the best."""
    resumed_at: tuple[int, ...] = ()
    """The steps after which the run was resumed from a checkpoint."""

    held_out_ids: tuple[str, ...] = field(default=(), repr=False)
    """Names of the held-out pairs, by `rmlab.data.pair_ids`, in the order of the differences; of the sample only, if
    they were read from a file that holds one. Empty if they are not known."""

    @property
    def evaluations(self) -> tuple[HeldOutEvaluation, ...]:
        """The evaluations of the held-out pairs, in order."""
        return tuple(evaluation for step in self.steps for evaluation in step.evaluations)

    def to_dict(self, *, keep: int = KEPT) -> dict[str, Any]:
        """Return everything, ready for JSON; of more held-out pairs than `keep`, the differences of a random sample."""
        rest = {k: v for k, v in vars(self).items() if k not in ("steps", "config", "held_out_ids")}
        steps = [{k: v for k, v in vars(step).items() if k != "evaluations"} for step in self.steps]
        n = max((len(e.score_differences) for e in self.evaluations), default=0)
        kept = np.arange(n) if n <= keep else np.sort(np.random.default_rng(0).choice(n, keep, replace=False))
        ids = [self.held_out_ids[i] for i in kept] if self.held_out_ids else []
        evaluations = [
            {"step": e.step, **e.evaluation.to_dict(), "score_differences": _short(e.score_differences[kept])}
            for e in self.evaluations
        ]
        return {"config": asdict(self.config), **rest, "held_out_ids": ids, "steps": steps, "evaluations": evaluations}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> History:
        """Read what `to_dict` returned, or the ``training.json`` of `rmlab train`, whose other entries are ignored.

        With more held-out pairs than a file keeps, the differences and their names are those of the sample; each
        `Evaluation` is of all.

        Raises
        ------
        ValueError
            If it is not a history, or is from a version with other settings or figures.
        """
        try:
            evaluations = [_held_out_evaluation(one) for one in record["evaluations"]]
            return cls(
                tuple(
                    # the evaluation before any training is with the first record
                    TrainingStep(**step, evaluations=tuple(e for e in evaluations if max(e.step, 1) == step["step"]))
                    for step in record["steps"]
                ),
                TrainingConfig(**record["config"]),
                **{name: record[name] for name in ("n_pairs", "left_out", "truncation", "layout", "best_step")},
                resumed_at=tuple(record.get("resumed_at", ())),
                held_out_ids=tuple(record.get("held_out_ids", ())),
            )
        except (LookupError, TypeError, AttributeError, ValueError, OverflowError) as error:
            what = f"{type(error).__name__}: {error}"
            raise ValueError(f"a history must be what History.to_dict gives: {what}") from error


def _held_out_evaluation(record: Mapping[str, Any]) -> HeldOutEvaluation:
    figures = {k: v for k, v in record.items() if k not in ("step", "score_differences")}
    differences = np.array(record.get("score_differences", []), dtype=np.float32)
    return HeldOutEvaluation(record["step"], Evaluation.from_dict(figures), differences)


def _short(differences: np.ndarray) -> list[float]:
    """Return float32 numbers in as few digits as identify them exactly."""
    return [float(text) for text in differences.astype(np.float32).astype(str)]
