"""The training loop.

The loss of a pair is `rmlab.preference_loss` of its score difference, averaged over the batch. `training_steps` yields
one record a step, so a live plot or a stop of your own needs no callback; `train` runs it to the end. What changes from
step to step is in `run_state`; how it outlives a process is in `checkpoint`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from tqdm.auto import tqdm

from rmlab._compat.torch_internals import divide_gradients
from rmlab.data import PreferencePair, pair_ids
from rmlab.evaluation import Evaluation, evaluate
from rmlab.model import RewardModel, autocast, use_bf16
from rmlab.model.devices import on_device, to_numpy, widest_float
from rmlab.preference import outcomes, preference_loss
from rmlab.training.adapters import require_peft
from rmlab.training.batch_order import batches
from rmlab.training.checkpoint import Checkpoints
from rmlab.training.config import TrainingConfig
from rmlab.training.errors import Interrupted
from rmlab.training.faults import all_finite, refuse_fault
from rmlab.training.group import dealt, is_sharded, join_group, one_for_all, shared
from rmlab.training.interruption import on_signals
from rmlab.training.logs import StepLog
from rmlab.training.mode import compiled_layers, standing_gradient, training_mode
from rmlab.training.optimizer import make_optimizer, make_schedule
from rmlab.training.parallel import parallel
from rmlab.training.records import HeldOutEvaluation, History, TrainingStep
from rmlab.training.resampling import draw_again
from rmlab.training.run_state import Best, Progress, RunState, whole
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
        self._steps = _steps(model, data, held_out, config, self.n_steps, checkpoints, self._progress)

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
        """Whether the run has come to its end, by its last step or out of patience."""
        return self._progress.finished

    @property
    def checkpoint(self) -> Path | None:
        """The newest checkpoint that this run has written."""
        return self._progress.checkpoint

    @property
    def history(self) -> History:
        """The records so far, those from before it was resumed included."""
        data, progress = self.data, self._progress
        return History(
            tuple(progress.records),
            self.config,
            len(data),
            data.left_out,
            data.truncation,
            self._model.layout(self.config.packing),  # on the device where it was trained
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
    """Train `model` in place, one optimiser step for each record that is asked for.

    Parameters
    ----------
    model
        The model, trained in place.
    pairs
        The pairs to train on, or the result of `prepare` for them.
    held_out
        Pairs evaluated as `TrainingConfig.evaluate_every` says; never trained on.
    config
        By default ``TrainingConfig()``.
    checkpoints
        Folder for checkpoints, written as often as `config` says and after the last step. One run at a time holds it.
    resume
        Go on from the newest whole checkpoint in that folder; from the beginning if there is none. Model, pairs and
        settings must be those with which the run began, the model as it was before. On a CPU, in float32, the weights
        at the end are bit for bit those of an uninterrupted run.

    Returns
    -------
    An iterator of `TrainingStep`; its `history` holds the records so far. A resumed run yields the remaining steps;
    its history holds those before, too.

    Raises
    ------
    TrainingError
        If nothing is left to train on, if patience is given without held-out pairs, or if checkpoints have no folder to
        go to. At the first step, if the folder of checkpoints is in use, holds another run, or no whole checkpoint; at
        its step, if a loss or gradient is not finite: with the step and the pairs at fault.

    Warns
    -----
    UserWarning
        If a checkpoint could not be written, as on a full disk; the older one stays, and the run goes on. Also if the
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
        A file to which each step is written when it is done, as a line of JSON.
    logdir
        A folder for event files of TensorBoard.

    Raises
    ------
    Interrupted
        If Ctrl-C or SIGTERM ended the run; it is a KeyboardInterrupt, and says where the checkpoint is.
    TrainingError
        Also if the file of the log is there and the run is not resumed, or TensorBoard is not installed.
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
            bar.update(step.step - bar.n)  # more than one where the run was resumed
    if received and not run.finished:
        raise Interrupted(received[0], run.history.steps[-1].step, run.n_steps, run.checkpoint)
    return run.history


def _steps(
    model: RewardModel,
    data: TrainingData,
    held_out: TrainingData | None,
    config: TrainingConfig,
    n_steps: int,
    checkpoints: Checkpoints | None,
    progress: Progress,
) -> Generator[TrainingStep, None, None]:
    """Yield the steps of a run. It holds no reference to the run, so it ends when nobody holds the run any longer."""
    group = join_group()
    rank, world = group.process_index, group.num_processes
    torch.manual_seed(config.seed)  # dropout and adapters; the order of the pairs has a generator of its own
    with (
        one_for_all(),
        checkpoints or contextlib.nullcontext(),
        training_mode(model, config),
        parallel(model, config) as spread,
        contextlib.ExitStack() as standing,
    ):
        model, accelerator = spread.model, spread.accelerator
        bf16 = model.holds_bf16 or use_bf16(config.precision, accelerator.device)
        optimizer = make_optimizer(model, config)
        best = Best(model, patience=config.patience, keep=bool(config.patience or checkpoints))
        state = RunState(model, optimizer, best, progress)
        if checkpoints:
            checkpoints.restore(state)
        schedule = make_schedule(optimizer, config, n_steps=n_steps, taken=state.step)
        times_drawn = draw_again(len(data), model.n_heads, seed=config.seed)
        clear_gradients = standing.enter_context(standing_gradient(model))
        if config.compile:
            standing.enter_context(compiled_layers(model))

        def evaluate_held_out(step: int) -> tuple[HeldOutEvaluation, ...]:
            if held_out is None:
                return ()
            mine = held_out.encoded.take(dealt(len(held_out)))
            as_written = torch.compiler.set_stance("force_eager") if config.compile else contextlib.nullcontext()
            with torch.no_grad(), as_written:
                d = model.score_differences(mine, precision="bf16" if bf16 else "fp32")
                spread.catch_up()
            d = shared(d)
            evaluation = HeldOutEvaluation(step, evaluate(d), d)
            best.see(evaluation)
            return (evaluation,)

        def refuse(what: str, step: int, indices: np.ndarray) -> NoReturn:
            padded = replace(config, packing="off")
            trained = [p for p in model.parameters() if p.requires_grad]

            def alone(i: int) -> torch.Tensor:
                return _losses(model, model, data, np.array([i]), padded, times_drawn, bf16)[1]

            # a sharded model computes only in all processes at once
            refuse_fault(what, step, data, indices.tolist(), None if is_sharded() else alone, trained)

        evaluations = evaluate_held_out(0) if state.step == 0 else ()
        numbered = enumerate(batches(data, config, n_steps), start=1)
        for step, batch in islice(numbered, state.step, None):
            if best.out_of_patience:
                break
            started = time.perf_counter()
            totals = np.zeros(4)  # loss, pairs won, score difference, summed over the batch; processes told to stop
            parts = np.array_split(batch, min(config.gradient_accumulation, len(batch)))
            for number, part in enumerate(parts, start=1):
                idle = rank >= len(part)  # every process takes part in the last backward pass, even if it has no pairs
                mine = part[:1] if idle else part[rank::world]
                with contextlib.nullcontext() if number == len(parts) else spread.no_sync():
                    scores, losses = _losses(model, spread.forward, data, mine, config, times_drawn, bf16)
                    if not all_finite(losses):
                        refuse("loss", step, mine)
                    weight = 0.0 if idle else world / len(batch)
                    accelerator.backward(losses.sum() * weight + spread.catch_up())
                if not idle:
                    difference = (scores[0] - scores[1]).detach().float().cpu().numpy()
                    won = outcomes(difference).sum()
                    totals[:3] += [losses.detach().sum().item(), won, difference.sum()]
            totals[3] = progress.stop_asked
            sums = torch.tensor(totals.tolist(), dtype=widest_float(accelerator.device), device=accelerator.device)
            totals = to_numpy(torch.as_tensor(accelerator.reduce(sums, "sum")))
            gradients = [p.grad for p in model.parameters() if p.grad is not None]
            norm = whole(torch.nn.utils.get_total_norm(gradients))
            if not all_finite(norm):
                refuse("gradient", step, batch)
            learning_rate = float(schedule.get_last_lr()[0])
            clipping = (norm / config.max_grad_norm).clamp(min=1)
            divide_gradients(optimizer, clipping)
            optimizer.step()
            schedule.step()
            clear_gradients()
            seconds = time.perf_counter() - started
            if step == n_steps or (config.evaluate_every and step % config.evaluate_every == 0):
                evaluations += evaluate_held_out(step)
            loss, accuracy, score_difference = (totals[:3] / len(batch)).tolist()
            stopping = bool(totals[3] > 0)  # all processes stop together
            before = progress.records[-1] if progress.records else None
            pairs_seen = len(batch) + (before.pairs_seen if before else 0)
            record = TrainingStep(
                step=step,
                epoch=pairs_seen / len(data),
                pairs_seen=pairs_seen,
                loss=loss,
                accuracy=accuracy,
                score_difference=score_difference,
                gradient_norm=float(norm),
                learning_rate=learning_rate,
                tokens=sum(len(data.encoded.chosen[i]) + len(data.encoded.rejected[i]) for i in batch),
                seconds=seconds + (before.seconds if before else 0.0),
                evaluations=evaluations,
            )
            progress.records.append(record)
            evaluations = ()
            if checkpoints:
                checkpoints.after_step(state, finished=step == n_steps or best.out_of_patience, stopped=stopping)
            yield record
            if stopping:
                return
        progress.best_step = best.restore()
        progress.finished = True


def _losses(
    model: RewardModel,
    forward: Any,
    data: TrainingData,
    indices: np.ndarray,
    config: TrainingConfig,
    times_drawn: np.ndarray,
    bf16: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the scores of pairs, ``(2, n)`` with the chosen first, and the loss of each pair, ``(n,)``.

    With several heads these are their means, where each head counts a pair as often as it was drawn for it.
    """
    ids = [side[i] for side in (data.encoded.chosen, data.encoded.rejected) for i in indices]
    keys = [*indices, *indices]  # the two texts of a pair begin alike
    different, places = _different_texts(ids)
    with autocast(model.device, bf16):
        scores = model.score_ids(
            [ids[i] for i in different],
            keys=[keys[i] for i in different],
            packing=config.packing,
            forward=partial(forward, each_head=True),
        )
    scores = scores[torch.from_numpy(places).to(scores.device)].unflatten(0, (2, -1))  # (2, n, n_heads)
    margin = on_device(data.margins[indices, None], like=scores)
    losses = preference_loss(scores[0] - scores[1], margin=margin, label_smoothing=config.label_smoothing)
    if config.centering:
        losses = losses + config.centering * scores.sum(0) ** 2
    drawn = on_device(times_drawn[indices], like=losses)  # (n, n_heads)
    return scores.mean(2), (losses * drawn).mean(1)


def _different_texts(ids: list[list[int]]) -> tuple[list[int], np.ndarray]:
    """Return where each different text is first, and for each text which of those it is; shape ``(n,)``.

    A response that is in several pairs of a batch, as ranked responses are, is scored once.
    """
    first: dict[tuple[int, ...], int] = {}
    places = np.array([first.setdefault(tuple(text), len(first)) for text in ids])
    return np.unique(places, return_index=True)[1].tolist(), places


def _in_words(evaluation: Evaluation) -> str:
    low, high = evaluation.accuracy_interval
    return f"accuracy {evaluation.accuracy:.3f} (95%: {low:.3f} to {high:.3f}), log loss {evaluation.log_loss:.3f}"
