"""The optimiser of a run and its learning rate."""

from __future__ import annotations

from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler
from transformers import (
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_linear_schedule_with_warmup,
)

from rmlab.model import RewardModel
from rmlab.training.config import TrainingConfig

__all__ = ["make_optimizer", "make_schedule"]


def make_optimizer(model: RewardModel, config: TrainingConfig) -> torch.optim.Optimizer:
    """Return AdamW on what the model trains: matrices with weight decay; biases and normalisations without."""
    trained = [p for p in model.parameters() if p.requires_grad]
    rate = config.learning_rate  # a resumed schedule looks for it under the name that it gives it
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": config.weight_decay, "initial_lr": rate},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0, "initial_lr": rate},
    ]
    return torch.optim.AdamW(groups, lr=rate, fused=True)


def make_schedule(optimizer: torch.optim.Optimizer, config: TrainingConfig, *, n_steps: int, taken: int) -> LRScheduler:
    """Return the learning rate of a run of `n_steps`, of which some are `taken`."""
    warmup, last = round(config.warmup_fraction * n_steps), taken - 1
    if config.schedule == "constant":
        return get_constant_schedule_with_warmup(optimizer, warmup, last_epoch=last)
    falling = {"cosine": get_cosine_schedule_with_warmup, "linear": get_linear_schedule_with_warmup}
    return falling[config.schedule](optimizer, warmup, n_steps, last_epoch=last)
