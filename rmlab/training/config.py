"""The settings of a training run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

import numpy as np

from rmlab.model import Packing, Precision
from rmlab.training.schedule import Schedule

__all__ = ["TrainingConfig"]

WHOLE = (
    "max_steps", "batch_size", "gradient_accumulation", "lora", "evaluate_every", "patience", "checkpoint_every",
    "seed",
)  # fmt: skip
"""The settings that are whole numbers."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How to train. Every value is checked when the configuration is made.

    Parameters
    ----------
    epochs, max_steps
        Passes over the pairs; `max_steps`, if given, decides instead.
    batch_size
        Pairs in one optimiser step, in all processes together.
    keep_together
        Shuffle prompts, not pairs: consecutive pairs with the same prompt stay together. If every two ranked responses
        make a pair, each response is then scored once per batch (Ouyang et al. 2022, section 3.5). To leave prompts
        whole, a batch may have from half to one and a half times `batch_size` pairs.
    gradient_accumulation
        Parts into which a batch is cut to save memory; the result does not depend on it.
    learning_rate, warmup_fraction, weight_decay, max_grad_norm
        AdamW with linear warm-up over that fraction of the steps; the gradient is clipped to `max_grad_norm`. Weight
        decay leaves biases and normalisations alone.
    schedule
        The learning rate after the warm-up: one of `Schedule`.
    max_length
        Longest sequence in tokens; by default the model's own limit.
    precision
        ``"bf16"``, ``"fp32"``, or ``"auto"``: bf16 if the machine is faster with it. Weights are trained in float32.
    gradient_checkpointing
        Compute activations again in the backward pass, to save memory.
    dropout
        Whether to use the backbone's dropout; off by default, so that the two texts of a pair are judged by one model.
    label_smoothing
        Share of labels taken to be wrong, see `rmlab.preference_loss`. Margins and weights come from the pairs.
    centering
        Weight of ``mean((score(chosen) + score(rejected))**2)``, which keeps scores near zero (Eisenstein et al. 2023).
    freeze
        Patterns of the names of parameters that are not trained, such as ``"*.embeddings.*"`` or
        ``"*.layers.[0-3].*"`` (see `fnmatch`). Each pattern must match something.
    lora
        Rank of low-rank adapters (Hu et al. 2021) on linear layers of the backbone, merged at the end. 0 trains every
        weight that is not frozen.
    lora_alpha, lora_dropout
        The change of a layer is that of its adapter times ``lora_alpha / lora``, by default 2. `lora_dropout` is the
        probability of dropout on the input of an adapter; `dropout` does not affect it.
    lora_targets
        Names of the layers that get an adapter, or the ends of these names, such as ``("q_proj", "v_proj")``; by
        default every linear layer that is not frozen.
    packing
        ``"auto"``: packed rows, in which a prompt's tokens are computed once for both of its responses, if the model
        supports them; ``"off"``: padded rows. The loss is the same up to rounding.
    compile
        Compile the layers of the backbone (`torch.compile`) for the training steps. It takes half a minute or more.
        Whether the steps are then faster depends on model and machine: on a CPU it helped a decoder, but not MiniLM
        (``benchmarks/compile_pays.py``). On a CPU it needs a C++ compiler.
    evaluate_every
        Steps between evaluations on the held-out pairs; 0 evaluates only before the first and after the last step.
    patience
        Evaluations in a row without a better held-out log loss before the run stops. If it is given, the best
        weights are put back at the end, whether or not patience ended the run.
    checkpoint_every, checkpoint_minutes
        Steps, and minutes, between checkpoints; one more is written after the last step. With 0 and None, one is
        written only if the run is stopped by Ctrl-C, SIGTERM or `TrainingRun.stop`.
    seed
        Seed of the order of the pairs, the adapters, dropout, and the pairs drawn for each of several heads.
    """

    epochs: float = 1.0
    max_steps: int | None = None
    batch_size: int = 16
    keep_together: bool = False
    gradient_accumulation: int = 1
    learning_rate: float = 1e-4
    warmup_fraction: float = 0.1
    schedule: Schedule = "cosine"
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    max_length: int | None = None
    precision: Precision = "auto"
    gradient_checkpointing: bool = False
    dropout: bool = False
    label_smoothing: float = 0.0
    centering: float = 0.0
    freeze: tuple[str, ...] = ()
    lora: int = 0
    lora_alpha: float | None = None
    lora_dropout: float = 0.0
    lora_targets: tuple[str, ...] = ()
    packing: Packing = "auto"
    compile: bool = False
    evaluate_every: int = 0
    patience: int | None = None
    checkpoint_every: int = 0
    checkpoint_minutes: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("freeze", "lora_targets"):
            value: str | Iterable[str] = getattr(self, name)  # lists, if they were read from JSON
            object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))
        for_lora = (self.lora_alpha is None, self.lora_dropout == 0, not self.lora_targets)
        rules: dict[str, tuple[bool, str]] = {
            "epochs": (0 < self.epochs < math.inf, "above 0"),
            "max_steps": (self.max_steps is None or self.max_steps >= 1, "at least 1, or None"),
            "batch_size": (self.batch_size >= 1, "at least 1"),
            "gradient_accumulation": (1 <= self.gradient_accumulation <= self.batch_size, "from 1 to batch_size"),
            "learning_rate": (0 < self.learning_rate < math.inf, "above 0"),
            "warmup_fraction": (0 <= self.warmup_fraction <= 1, "from 0 to 1"),
            "weight_decay": (0 <= self.weight_decay < math.inf, "at least 0"),
            "max_grad_norm": (self.max_grad_norm > 0, "above 0 (infinity: no clipping)"),
            "schedule": (self.schedule in get_args(Schedule), f"one of {', '.join(get_args(Schedule))}"),
            "seed": (0 <= self.seed < 2**63, "at least 0 and below 2**63"),
            "precision": (self.precision in ("auto", "fp32", "bf16"), "'auto', 'fp32' or 'bf16'"),
            "label_smoothing": (0 <= self.label_smoothing <= 0.5, "from 0 to 0.5"),
            "centering": (0 <= self.centering < math.inf, "at least 0"),
            "lora": (
                self.lora >= 0 and (self.lora > 0 or all(for_lora)),
                "a rank, or 0 for none, without lora_alpha, lora_dropout and lora_targets",
            ),
            "lora_alpha": (
                self.lora_alpha is None or 0 < self.lora_alpha < math.inf,
                "above 0, or None",
            ),
            "lora_dropout": (0 <= self.lora_dropout < 1, "from 0 to below 1"),
            "packing": (self.packing in ("auto", "off"), "'auto' or 'off'"),
            "evaluate_every": (self.evaluate_every >= 0, "at least 0"),
            "patience": (self.patience is None or self.patience >= 1, "at least 1, or None"),
            "checkpoint_every": (self.checkpoint_every >= 0, "at least 0"),
            "checkpoint_minutes": (
                self.checkpoint_minutes is None or 0 < self.checkpoint_minutes < math.inf,
                "above 0, or None",
            ),
        }
        for name in WHOLE:
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | np.integer)):
                raise ValueError(f"{name} must be a whole number, got {value!r}")
        for name, (holds, expected) in rules.items():
            if not holds:
                raise ValueError(f"{name} must be {expected}, got {getattr(self, name)!r}")

    def n_steps(self, n_pairs: int) -> int:
        """Return the number of steps of a run on `n_pairs` pairs, unless it stops early."""
        return self.max_steps or math.ceil(self.epochs * math.ceil(n_pairs / self.batch_size))
