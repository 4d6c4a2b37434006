"""Learning rate schedules: how the learning rate changes from step to step. A new one needs changes only here."""

from __future__ import annotations

from typing import Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from transformers import (
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_linear_schedule_with_warmup,
)

__all__ = ["Schedule", "make_schedule"]

Schedule = Literal["cosine", "linear", "constant"]
"""Names of the schedules; `TrainingConfig` and the command line take them from here.

After the warm-up, ``"cosine"`` and ``"linear"`` fall to zero by the end of the run; ``"constant"`` stays."""


def make_schedule(
    optimizer: Optimizer, name: Schedule, *, warmup_fraction: float, n_steps: int, taken: int
) -> LRScheduler:
    """Return the schedule of a run of `n_steps` steps, of which `taken` are done.

    The learning rate rises in a straight line over the first `warmup_fraction` of the steps.
    """
    warmup, last = round(warmup_fraction * n_steps), taken - 1
    if name == "constant":
        return get_constant_schedule_with_warmup(optimizer, warmup, last_epoch=last)
    falling = {"cosine": get_cosine_schedule_with_warmup, "linear": get_linear_schedule_with_warmup}
    return falling[name](optimizer, warmup, n_steps, last_epoch=last)
