"""The optimiser of a run."""

from __future__ import annotations

from typing import Any

import torch

from rmlab.model import RewardModel
from rmlab.training.config import TrainingConfig

__all__ = ["make_optimizer"]


def make_optimizer(model: RewardModel, config: TrainingConfig) -> torch.optim.Optimizer:
    """Return AdamW on what the model trains: matrices with weight decay; biases and normalisations without."""
    trained = [p for p in model.parameters() if p.requires_grad]
    rate = config.learning_rate  # a resumed schedule looks for it as initial_lr
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": config.weight_decay, "initial_lr": rate},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0, "initial_lr": rate},
    ]
    return torch.optim.AdamW(groups, lr=rate, fused=True)
