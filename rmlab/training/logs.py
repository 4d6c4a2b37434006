"""Records of a run while it goes on: a line of JSON for each step, and event files of TensorBoard."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rmlab.training.errors import TrainingError
from rmlab.training.records import TrainingStep

__all__ = ["StepLog"]

OF_A_STEP = ("loss", "accuracy", "score_difference", "gradient_norm", "learning_rate", "epoch")
OF_AN_EVALUATION = ("log_loss", "accuracy", "brier", "calibration_error")


class StepLog:
    """The log in which `train` writes each step: a context, to which records are added.

    A resumed run writes the lines again up to the step from which it goes on. A disk error ends the log with a warning,
    but not the run.

    Parameters
    ----------
    so_far
        A function that returns the steps taken so far, including those before the run was resumed.
    file
        Where the lines of JSON go.
    folder
        Where the event files go.
    resume
        Whether the file may exist.
    """

    def __init__(
        self,
        so_far: Callable[[], Sequence[TrainingStep]],
        file: str | Path | None,
        folder: str | Path | None,
        *,
        resume: bool,
    ):
        self.so_far, self.folder = so_far, folder
        self.file = None if file is None else Path(file)
        if self.file is not None and not resume and self.file.exists():
            raise TrainingError(f"{self.file} exists; remove it, or choose another file for the log of the run")
        if folder is not None and importlib.util.find_spec("tensorboard") is None:
            raise TrainingError(
                "logdir needs tensorboard; install it with: pip install 'reward-model-lab[tensorboard]'"
            )
        self._standing = contextlib.ExitStack()
        self._lines: Any = None
        self._events: Any = None

    def __enter__(self) -> StepLog:
        try:
            if self.file is not None:
                self._lines = self._standing.enter_context(self.file.open("a", encoding="utf-8"))
            if self.folder is not None:
                Path(self.folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(f"the log of the run cannot be written: {error}. Choose another place.") from error
        self._begun = False
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._standing.close()

    def add(self, step: TrainingStep) -> None:
        """Write a record; before the first one, write those of the steps that a resumed run had taken."""
        records = [step]
        try:
            if not self._begun:
                self._begun = True
                records = list(self.so_far())
                if self._lines is not None:
                    self._lines.truncate(0)
                if self.folder is not None:
                    from torch.utils.tensorboard import SummaryWriter

                    # from this step on, TensorBoard hides what the run had written before it was killed
                    purge = step.step if len(records) > 1 else None
                    self._events = SummaryWriter(str(self.folder), purge_step=purge)
                    self._standing.callback(self._events.close)
            for record in records:
                self._write_line(record)
            self._write_events(step)
        except OSError as error:
            warnings.warn(f"the log of the run ends here: {error}. The run goes on.", stacklevel=3)
            self._lines = self._events = None

    def _write_line(self, step: TrainingStep) -> None:
        if self._lines is None:
            return
        evaluations = [{"step": e.step, **e.evaluation.to_dict()} for e in step.evaluations]
        self._lines.write(json.dumps({**vars(step), "evaluations": evaluations}) + "\n")
        self._lines.flush()

    def _write_events(self, step: TrainingStep) -> None:
        if self._events is None:
            return
        for name in OF_A_STEP:
            self._events.add_scalar(f"training/{name}", getattr(step, name), step.step)
        for held_out in step.evaluations:
            for name in OF_AN_EVALUATION:
                value = getattr(held_out.evaluation, name)
                if value is not None:
                    self._events.add_scalar(f"held-out/{name}", value, held_out.step)
        self._events.flush()
