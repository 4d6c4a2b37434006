"""The errors of training."""

from __future__ import annotations

import signal
from pathlib import Path

__all__ = ["Interrupted", "OtherProcessError", "TrainingError"]


class TrainingError(ValueError):
    """A run that cannot start or go on; the message says why and what to do."""


class OtherProcessError(TrainingError):
    """Another process of this run stopped, and so this one stopped too; the message includes that of the other."""


class Interrupted(KeyboardInterrupt):
    """A run that a signal ended after a step; the message names its checkpoint and says how to go on."""

    def __init__(self, number: int, step: int, n_steps: int, checkpoint: Path | None):
        self.number, self.step, self.checkpoint = number, step, checkpoint
        said = f"{signal.Signals(number).name} stopped the run after step {step:,} of {n_steps:,}. "
        if checkpoint is None:
            said += "No checkpoint could be written, so the run must start again from the beginning."
        else:
            said += f"Its checkpoint is {checkpoint}. To go on, repeat the call with resume=True (--resume)."
        super().__init__(said)
