"""Starting a run: step by step with `training_steps`, or to its end with `train`.

`training_steps` yields one record per step, so that your own live plot or stopping rule needs no callback. `loop` takes
the steps, and `checkpoint` lets another process continue a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm.auto import tqdm

from rmlab.data import PreferencePair, pair_ids
from rmlab.evaluation import Evaluation
from rmlab.model import RewardModel
from rmlab.training.adapters import require_peft
from rmlab.training.checkpoint import Checkpoints
from rmlab.training.config import TrainingConfig
from rmlab.training.errors import Interrupted
from rmlab.training.group import is_sharded, join_group
from rmlab.training.interruption import on_signals
from rmlab.training.logs import StepLog
from rmlab.training.loop import run_steps
from rmlab.training.records import History, TrainingStep
from rmlab.training.run_state import Progress
from rmlab.training.training_data import TrainingData, TrainingError, prepare

__all__ = ["TrainingRun", "train", "training_steps"]


class TrainingRun(Iterator[TrainingStep]):
    """A run under way: an iterator of step records that keeps what it has yielded in `history`."""

    def __init__(
        self,
        model: RewardModel,
        data: TrainingData,
        held_out: TrainingData | None,
        config: TrainingConfig,
        checkpoints: Checkpoints | None,
    ):
        self.data = data
        self.config = config
        self._model = model
        self._progress = Progress()
        known = None if held_out is None else held_out.pairs
        self._held_out_ids = () if known is None else tuple(pair_ids(known))
        self._steps = run_steps(model, data, held_out, config, self.n_steps, checkpoints, self._progress)

    @property
    def n_steps(self) -> int:
        """The number of optimiser steps that the run will take, unless it stops early."""
        return self.config.n_steps(len(self.data))

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches in one pass over the pairs; the last may be smaller."""
        return -(-len(self.data) // self.config.batch_size)

    @property
    def finished(self) -> bool:
        """Whether the run has ended, at its last step or out of patience."""
        return self._progress.finished

    @property
    def checkpoint(self) -> Path | None:
        """The newest checkpoint that this run has written."""
        return self._progress.checkpoint

    @property
    def history(self) -> History:
        """The records so far, including those from before the run was resumed."""
        data, progress = self.data, self._progress
        return History(
            tuple(progress.records),
            self.config,
            len(data),
            data.left_out,
            data.truncation,
            self._model.layout(self.config.packing),  # as on the device where it was trained
            progress.best_step,
            tuple(progress.resumed_at),
            self._held_out_ids,
        )

    def __next__(self) -> TrainingStep:
        return next(self._steps)

    def stop(self) -> None:
        """End the run after the step under way, in all its processes, with a checkpoint if there is a folder for it."""
        self._progress.stop_asked = True

    def close(self) -> None:
        """End the run here. Adapters are merged and the model is ready to score, as at the end of a whole run."""
        self._steps.close()


def training_steps(
    model: RewardModel,
    pairs: Sequence[PreferencePair] | TrainingData,
    *,
    held_out: Sequence[PreferencePair] | TrainingData | None = None,
    config: TrainingConfig | None = None,
    checkpoints: str | Path | None = None,
    resume: bool = False,
) -> TrainingRun:
    """Return an iterator that trains `model` in place, with one optimiser step for each record.

    Parameters
    ----------
    model
        The model, trained in place.
    pairs
        The pairs to train on, or the result of `prepare` for them. The loss of a step is the mean over its pairs, each
        counted as often as its weight says: ``sum(weight * loss) / sum(weight)``. So only the ratios of weights in a
        batch matter.
    held_out
        Pairs evaluated as `TrainingConfig.evaluate_every` says, never trained on. Accuracy, log loss and patience count
        each of them once, whatever its weight.
    config
        By default ``TrainingConfig()``.
    checkpoints
        Folder for checkpoints, written when `config` says. One run at a time holds it.
    resume
        Go on from the newest whole checkpoint in that folder, or from the beginning if the run was killed before its
        first. Pairs, settings and model (as it was before training) must be those with which the run began. `patience`
        and the times of checkpoints may differ, and a finished run may get more `epochs` or `max_steps`. On a CPU, in
        float32, the weights at the end are bit for bit those of an uninterrupted run.

    Returns
    -------
    An iterator of `TrainingStep`; its `history` holds the records so far. A resumed run yields the remaining steps, but
    its history also holds the earlier ones.

    Raises
    ------
    TrainingError
        If nothing is left to train on, or settings do not go together: patience without held-out pairs, checkpoints
        without a folder, lora without peft, or bf16 weights with fp32 precision or FSDP. At the first step, if the
        model does not suit the settings, or the folder of checkpoints is in use, holds another run, or cannot be
        resumed. At any step, if a loss or gradient is not finite; the message names the step and the pairs.

    Warns
    -----
    UserWarning
        If a checkpoint cannot be written, as on a full disk; the older one stays, and the run goes on. Also if the
        newest is damaged, and the run is resumed from the one before.
    """
    config = config or TrainingConfig()
    if checkpoints is None and (resume or config.checkpoint_every or config.checkpoint_minutes):
        raise TrainingError("checkpoint_every, checkpoint_minutes and resume need a folder; give checkpoints")
    if config.patience is not None and held_out is None:
        raise TrainingError("patience stops on the held-out log loss; give held_out pairs, or leave patience out")

    if config.lora:
        require_peft()
    if model.holds_bf16 and (config.precision == "fp32" or is_sharded()):
        what = (
            "precision='fp32' computes in float32" if config.precision == "fp32" else "FSDP needs weights of one format"
        )
        raise TrainingError(f"the weights are held in bf16, and {what}. Load the model with weights='fp32'.")

    def ready(part: Sequence[PreferencePair] | TrainingData) -> TrainingData:
        return part if isinstance(part, TrainingData) else prepare(model, part, max_length=config.max_length)

    data, held_out = ready(pairs), None if held_out is None else ready(held_out)
    longest = max(int(side.lengths.max()) for side in (data.encoded.chosen, data.encoded.rejected))
    if config.max_length is not None and longest > config.max_length:
        raise TrainingError(
            f"max_length is {config.max_length}, and the prepared pairs have up to {longest} tokens; give it to prepare"
        )
    if data.weights is not None and config.batch_size == 1:
        raise TrainingError("weights count within a batch, and batch_size is 1; give a larger one, or no weights")
    kept = None
    if checkpoints is not None:
        kept = Checkpoints(checkpoints, resume=resume, model=model, data=data, held_out=held_out, config=config)
    return TrainingRun(model, data, held_out, config, kept)


def train(
    model: RewardModel,
    pairs: Sequence[PreferencePair] | TrainingData,
    *,
    held_out: Sequence[PreferencePair] | TrainingData | None = None,
    config: TrainingConfig | None = None,
    checkpoints: str | Path | None = None,
    resume: bool = False,
    log: str | Path | None = None,
    logdir: str | Path | None = None,
    progress: bool = True,
) -> History:
    """Train `model` in place to the end of the run, with a progress bar, and return its `History`.

    The other parameters and errors are those of `training_steps`. With a folder for checkpoints, Ctrl-C or SIGTERM ends
    the run after the step under way.

    Parameters
    ----------
    log
        A file to which each step is written as a line of JSON when it is done.
    logdir
        A folder for event files of TensorBoard.

    Raises
    ------
    Interrupted
        If Ctrl-C or SIGTERM ended the run; it is a KeyboardInterrupt, and says where the checkpoint is.
    TrainingError
        Also if the file of the log exists and the run is not resumed, or TensorBoard is needed and not installed.
    """
    run = training_steps(model, pairs, held_out=held_out, config=config, checkpoints=checkpoints, resume=resume)
    is_main = join_group().is_main_process
    shown_here = progress and is_main
    with (
        StepLog(
            lambda: run.history.steps, log if is_main else None, logdir if is_main else None, resume=resume
        ) as written,
        on_signals(run.stop if checkpoints else None) as received,
        tqdm(total=run.n_steps, desc="training", unit="step", disable=not shown_here) as bar,
    ):
        for step in run:
            written.add(step)
            shown = {"loss": f"{step.loss:.3f}", "accuracy": f"{step.accuracy:.2f}"}
            for evaluation in step.evaluations if shown_here else ():
                bar.write(f"step {evaluation.step}: held-out {_in_words(evaluation.evaluation)}")
            bar.set_postfix(shown)
            bar.update(step.step - bar.n)  # more than one if the run was resumed
    if received and not run.finished:
        raise Interrupted(received[0], run.history.steps[-1].step, run.n_steps, run.checkpoint)
    return run.history


def _in_words(evaluation: Evaluation) -> str:
    low, high = evaluation.accuracy_interval
    return f"accuracy {evaluation.accuracy:.3f} (95%: {low:.3f} to {high:.3f}), log loss {evaluation.log_loss:.3f}"
