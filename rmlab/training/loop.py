"""The training loop.

The loss of a pair is `rmlab.preference_loss` of its score difference, averaged over the batch. `training_steps` yields
one record a step, so a live plot or a stop of your own needs no callback; `train` runs it to the end. What changes from
step to step is in `run_state`; how it outlives a process is in `checkpoint`.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Generator, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm
from transformers import get_cosine_schedule_with_warmup

from rmlab._compat.torch_internals import divide_gradients
from rmlab.data import PreferencePair, pair_ids
from rmlab.evaluation import Evaluation, evaluate
from rmlab.model import RewardModel, autocast, use_bf16
from rmlab.preference import preference_loss
from rmlab.training.checkpoint import Checkpoints
from rmlab.training.config import TrainingConfig
from rmlab.training.group import dealt, join_group, one_for_all, shared
from rmlab.training.mode import compiled_layers, standing_gradient, training_mode
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
        return self.config.max_steps or math.ceil(self.config.epochs * self.steps_per_epoch)

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches in one pass over the pairs; the last may be smaller."""
        return math.ceil(len(self.data) / self.config.batch_size)

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
    progress: bool = True,
) -> History:
    """Train `model` in place to the end of the run, with a progress bar, and return its `History`.

    The parameters and errors are those of `training_steps`.
    """
    run = training_steps(model, pairs, held_out=held_out, config=config, checkpoints=checkpoints, resume=resume)
    shown_here = progress and join_group().is_main_process
    with tqdm(total=run.n_steps, desc="training", unit="step", disable=not shown_here) as bar:
        for step in run:
            shown = {"loss": f"{step.loss:.3f}", "accuracy": f"{step.accuracy:.2f}"}
            for evaluation in step.evaluations if shown_here else ():
                bar.write(f"step {evaluation.step}: held-out {_in_words(evaluation.evaluation)}")
            bar.set_postfix(shown)
            bar.update(step.step - bar.n)  # more than one where the run was resumed
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
        bf16 = use_bf16(config.precision, accelerator.device)
        optimizer = torch.optim.AdamW(_parameter_groups(model, config), lr=config.learning_rate, fused=True)
        best = Best(model, patience=config.patience, keep=bool(config.patience or checkpoints))
        state = RunState(model, optimizer, best, progress)
        if checkpoints:
            checkpoints.restore(state)
        times_drawn = draw_again(len(data), model.n_heads, seed=config.seed)
        warmup = round(config.warmup_fraction * n_steps)
        schedule = get_cosine_schedule_with_warmup(optimizer, warmup, n_steps, last_epoch=state.step - 1)
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

        evaluations = evaluate_held_out(0) if state.step == 0 else ()
        batches = enumerate(_batches(data, config, n_steps), start=1)
        for step, batch in islice(batches, state.step, None):
            if best.out_of_patience:
                break
            started = time.perf_counter()
            totals = np.zeros(3)  # loss, pairs won, score difference, summed over the batch
            parts = np.array_split(batch, min(config.gradient_accumulation, len(batch)))
            for number, part in enumerate(parts, start=1):
                idle = rank >= len(part)  # every process takes part in the last backward pass, even if it has no pairs
                mine = part[:1] if idle else part[rank::world]
                with contextlib.nullcontext() if number == len(parts) else spread.no_sync():
                    scores, losses = _losses(model, spread.forward, data, mine, config, times_drawn, bf16)
                    _require_finite(losses, "loss", step, [data.places[i] for i in mine])
                    weight = 0.0 if idle else world / len(batch)
                    accelerator.backward(losses.sum() * weight + spread.catch_up())
                if not idle:
                    difference = (scores[0] - scores[1]).detach().float().cpu().numpy()
                    won = np.sum(difference > 0) + 0.5 * np.sum(difference == 0)
                    totals += [losses.detach().sum().item(), won, difference.sum()]
            totals = torch.as_tensor(accelerator.reduce(torch.tensor(totals, device=accelerator.device), "sum"))
            gradients = [p.grad for p in model.parameters() if p.grad is not None]
            norm = whole(torch.nn.utils.get_total_norm(gradients))
            _require_finite(norm, "gradient", step, [data.places[i] for i in batch])
            learning_rate = float(schedule.get_last_lr()[0])
            clipping = (norm / config.max_grad_norm).clamp(min=1)
            divide_gradients(optimizer, clipping)
            optimizer.step()
            schedule.step()
            clear_gradients()
            seconds = time.perf_counter() - started
            if step == n_steps or (config.evaluate_every and step % config.evaluate_every == 0):
                evaluations += evaluate_held_out(step)
            loss, accuracy, score_difference = (totals / len(batch)).tolist()
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
                checkpoints.after_step(state, last=step == n_steps or best.out_of_patience)
            yield record
        progress.best_step = best.restore()


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
    margin = torch.as_tensor(data.margins[indices, None], dtype=scores.dtype, device=scores.device)
    losses = preference_loss(scores[0] - scores[1], margin=margin, label_smoothing=config.label_smoothing)
    if config.centering:
        losses = losses + config.centering * scores.sum(0) ** 2
    drawn = torch.as_tensor(times_drawn[indices], dtype=losses.dtype, device=losses.device)  # (n, n_heads)
    return scores.mean(2), (losses * drawn).mean(1)


def _different_texts(ids: list[list[int]]) -> tuple[list[int], np.ndarray]:
    """Return where each different text is first, and for each text which of those it is; shape ``(n,)``.

    A response that is in several pairs of a batch, as ranked responses are, is scored once.
    """
    first: dict[tuple[int, ...], int] = {}
    places = np.array([first.setdefault(tuple(text), len(first)) for text in ids])
    return np.unique(places, return_index=True)[1].tolist(), places


def _batches(data: TrainingData, config: TrainingConfig, n_steps: int) -> Iterator[np.ndarray]:
    """Yield the pairs of each step: every pair once an epoch, in an order that only the seed decides."""
    generator = np.random.default_rng(config.seed)
    runs = _runs_of_a_prompt(data) if config.keep_together else None
    taken = 0
    while True:
        if runs is None:
            order = generator.permutation(len(data))
        else:
            order = np.concatenate([runs[i] for i in generator.permutation(len(runs))])
        for start in range(0, len(data), config.batch_size):
            if taken == n_steps:
                return
            yield order[start : start + config.batch_size]
            taken += 1


def _runs_of_a_prompt(data: TrainingData) -> list[np.ndarray]:
    """Return the pairs that follow one another with the same prompt, run by run."""
    chosen = data.encoded.chosen
    prompts = [chosen[i][: chosen.prompt_lengths[i]] for i in range(len(data))]
    starts = [i for i in range(1, len(data)) if prompts[i] != prompts[i - 1]]
    return np.split(np.arange(len(data)), starts)


def _parameter_groups(model: RewardModel, config: TrainingConfig) -> list[dict[str, Any]]:
    """Return parameter groups: matrices with weight decay; biases and normalisations, which are vectors, without."""
    trained = [p for p in model.parameters() if p.requires_grad]
    rate = config.learning_rate  # a resumed schedule looks for it under the name that it gives it
    return [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": config.weight_decay, "initial_lr": rate},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0, "initial_lr": rate},
    ]


def _require_finite(value: torch.Tensor, what: str, step: int, places: list[str]) -> None:
    """Stop the run if a loss or gradient is NaN or infinite, before it reaches the weights."""
    finite = torch.isfinite(value.detach()).cpu()
    if bool(finite.all()):
        return
    at_fault = [place for place, good in zip(places, finite, strict=True) if not good] if finite.ndim else places
    shown = ", ".join(at_fault[:5]) + (f" and {len(at_fault) - 5} more" if len(at_fault) > 5 else "")
    raise TrainingError(
        f"the {what} of step {step} is not finite; the weights are as they were before that step. "
        f"Pairs at fault: {shown}. Look at these pairs, or lower learning_rate, or use precision='fp32'."
    )


def _in_words(evaluation: Evaluation) -> str:
    low, high = evaluation.accuracy_interval
    return f"accuracy {evaluation.accuracy:.3f} (95%: {low:.3f} to {high:.3f}), log loss {evaluation.log_loss:.3f}"
