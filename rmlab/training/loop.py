"""The training loop.

The loss of a pair is `rmlab.preference_loss` of its score difference, averaged over the batch. `training_steps` yields
one record a step, so a live plot or a stop of your own needs no callback; `train` runs it to the end.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from tqdm.auto import tqdm
from transformers import get_cosine_schedule_with_warmup

from rmlab.data import PreferencePair
from rmlab.evaluation import Evaluation, evaluate
from rmlab.model import RewardModel, autocast, use_bf16
from rmlab.preference import preference_loss
from rmlab.training.config import TrainingConfig
from rmlab.training.mode import training_mode
from rmlab.training.pairs import TrainingData, TrainingError, prepare
from rmlab.training.records import HeldOutEvaluation, History, TrainingStep

__all__ = ["TrainingRun", "train", "training_steps"]


class TrainingRun(Iterator[TrainingStep]):
    """A run under way: an iterator of step records that keeps what it has yielded in `history`."""

    def __init__(self, model: RewardModel, data: TrainingData, held_out: TrainingData | None, config: TrainingConfig):
        self.data = data
        self.config = config
        self.best_step: int | None = None
        self.layout = model.layout(config.packing)
        self._records: list[TrainingStep] = []
        self._steps = _steps(model, data, held_out, config, self.n_steps)

    @property
    def n_steps(self) -> int:
        """Optimiser steps that the run will take, unless it stops early."""
        return self.config.max_steps or math.ceil(self.config.epochs * self.steps_per_epoch)

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one pass over the pairs; the last may be smaller."""
        return math.ceil(len(self.data) / self.config.batch_size)

    @property
    def history(self) -> History:
        """The records so far."""
        data = self.data
        return History(
            tuple(self._records), self.config, len(data), data.left_out, data.truncation, self.layout, self.best_step
        )

    def __next__(self) -> TrainingStep:
        try:
            self._records.append(next(self._steps))
        except StopIteration as end:
            self.best_step = end.value
            raise
        return self._records[-1]

    def close(self) -> None:
        """End the run here; adapters are merged and the model is ready to score, as at the end of a whole run."""
        self._steps.close()


def training_steps(
    model: RewardModel,
    pairs: Sequence[PreferencePair] | TrainingData,
    *,
    held_out: Sequence[PreferencePair] | TrainingData | None = None,
    config: TrainingConfig | None = None,
) -> TrainingRun:
    """Train `model` in place, one optimiser step for each record that is asked for.

    Parameters
    ----------
    model
        Trained in place.
    pairs
        To train on, or what `prepare` made of them.
    held_out
        Evaluated as `TrainingConfig.evaluate_every` says; never trained on.
    config
        By default ``TrainingConfig()``.

    Returns
    -------
    An iterator of `TrainingStep`; its `history` holds the records so far.

    Raises
    ------
    TrainingError
        If nothing is left to train on, if patience is asked for without held-out pairs, or, at its step, if a loss
        or gradient is not finite: with the step and the pairs at fault.
    """
    config = config or TrainingConfig()
    if config.patience is not None and held_out is None:
        raise TrainingError("patience stops on the held-out log loss; give held_out pairs, or leave patience out")

    def ready(part: Sequence[PreferencePair] | TrainingData) -> TrainingData:
        return part if isinstance(part, TrainingData) else prepare(model, part, max_length=config.max_length)

    return TrainingRun(model, ready(pairs), None if held_out is None else ready(held_out), config)


def train(
    model: RewardModel,
    pairs: Sequence[PreferencePair] | TrainingData,
    *,
    held_out: Sequence[PreferencePair] | TrainingData | None = None,
    config: TrainingConfig | None = None,
    progress: bool = True,
) -> History:
    """Train `model` in place to the end of the run, with a progress bar, and give its `History`.

    The parameters and errors are those of `training_steps`.
    """
    run = training_steps(model, pairs, held_out=held_out, config=config)
    with tqdm(total=run.n_steps, desc="training", unit="step", disable=not progress) as bar:
        for step in run:
            shown = {"loss": f"{step.loss:.3f}", "accuracy": f"{step.accuracy:.2f}"}
            for evaluation in step.evaluations:
                bar.write(f"step {evaluation.step}: held-out {_in_words(evaluation.evaluation)}")
            bar.set_postfix(shown)
            bar.update()
    return run.history


def _steps(
    model: RewardModel, data: TrainingData, held_out: TrainingData | None, config: TrainingConfig, n_steps: int
) -> Generator[TrainingStep, None, int | None]:
    """Take the steps of a run; at its end give the step whose weights were put back, if any."""
    accelerator = Accelerator()
    rank, world = accelerator.process_index, accelerator.num_processes
    bf16 = use_bf16(config.precision, accelerator.device)
    model.to(accelerator.device)
    torch.manual_seed(config.seed)  # dropout and adapters; the order of the pairs has a generator of its own
    with training_mode(model, config):
        optimizer = torch.optim.AdamW(_parameter_groups(model, config), lr=config.learning_rate, fused=True)
        warmup = round(config.warmup_fraction * n_steps)
        schedule = get_cosine_schedule_with_warmup(optimizer, warmup, n_steps)
        forward, optimizer = accelerator.prepare(model, optimizer)
        best = _Best(model, config.patience)

        def evaluate_held_out(step: int) -> tuple[HeldOutEvaluation, ...]:
            if held_out is None:
                return ()
            d = model.score_differences(held_out.encoded, precision="bf16" if bf16 else "fp32")
            evaluation = HeldOutEvaluation(step, evaluate(d), d)
            best.see(evaluation)
            return (evaluation,)

        evaluations = evaluate_held_out(0)
        pairs_seen, seconds = 0, 0.0
        for step, batch in enumerate(_batches(len(data), config, n_steps), start=1):
            started = time.perf_counter()
            totals = np.zeros(3)  # loss, pairs won, score difference, summed over the batch
            for part in np.array_split(batch, min(config.gradient_accumulation, len(batch))):
                idle = rank >= len(part)  # every process takes part in every backward pass, if with nothing
                mine = part[:1] if idle else part[rank::world]
                scores, losses = _losses(model, forward, data, mine, config, bf16)
                _require_finite(losses, "loss", step, [data.places[i] for i in mine])
                accelerator.backward(losses.sum() * (0.0 if idle else world / len(batch)))
                if not idle:
                    difference = (scores[0] - scores[1]).detach().float().cpu().numpy()
                    won = np.sum(difference > 0) + 0.5 * np.sum(difference == 0)
                    totals += [losses.detach().sum().item(), won, difference.sum()]
            totals = torch.as_tensor(accelerator.reduce(torch.tensor(totals, device=accelerator.device), "sum"))
            norm = torch.as_tensor(accelerator.clip_grad_norm_(model.parameters(), config.max_grad_norm))
            _require_finite(norm, "gradient", step, [data.places[i] for i in batch])
            learning_rate = float(schedule.get_last_lr()[0])
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            pairs_seen += len(batch)
            seconds += time.perf_counter() - started
            due = step == n_steps or (config.evaluate_every and step % config.evaluate_every == 0)
            if due:
                evaluations += evaluate_held_out(step)
            loss, accuracy, score_difference = (totals / len(batch)).tolist()
            yield TrainingStep(
                step=step,
                epoch=pairs_seen / len(data),
                pairs_seen=pairs_seen,
                loss=loss,
                accuracy=accuracy,
                score_difference=score_difference,
                gradient_norm=float(norm),
                learning_rate=learning_rate,
                tokens=sum(len(data.encoded.chosen[i]) + len(data.encoded.rejected[i]) for i in batch),
                seconds=seconds,
                evaluations=evaluations,
            )
            evaluations = ()
            if best.out_of_patience:
                break
        return best.restore()


def _losses(
    model: RewardModel, forward: Any, data: TrainingData, indices: np.ndarray, config: TrainingConfig, bf16: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Score pairs and give scores, ``(2, n)`` with the chosen first, and the loss of each pair, ``(n,)``."""
    ids = [side[i] for side in (data.encoded.chosen, data.encoded.rejected) for i in indices]
    keys = [*indices, *indices]  # the two texts of a pair begin alike
    with autocast(model.device, bf16):
        scores = model.score_ids(ids, keys=keys, packing=config.packing, forward=forward).reshape(2, -1)
    margin = torch.as_tensor(data.margins[indices], dtype=scores.dtype, device=scores.device)
    losses = preference_loss(scores[0] - scores[1], margin=margin, label_smoothing=config.label_smoothing)
    if config.centering:
        losses = losses + config.centering * scores.sum(0) ** 2
    return scores, losses


def _batches(n_pairs: int, config: TrainingConfig, n_steps: int) -> Iterator[np.ndarray]:
    """Yield the pairs of each step: every pair once an epoch, in an order that only the seed decides."""
    generator = np.random.default_rng(config.seed)
    taken = 0
    while True:
        order = generator.permutation(n_pairs)
        for start in range(0, n_pairs, config.batch_size):
            if taken == n_steps:
                return
            yield order[start : start + config.batch_size]
            taken += 1


def _parameter_groups(model: RewardModel, config: TrainingConfig) -> list[dict[str, Any]]:
    """Decay matrices; leave biases and normalisations, which are vectors, alone."""
    trained = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]


def _require_finite(value: torch.Tensor, what: str, step: int, places: list[str]) -> None:
    """Stop the run where a loss or gradient is NaN or infinite, before it reaches the weights."""
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


class _Best:
    """The weights of the lowest held-out log loss, kept where `patience` asks for them."""

    def __init__(self, model: RewardModel, patience: int | None):
        self.model, self.patience = model, patience
        self.log_loss, self.step, self.misses = math.inf, None, 0
        self.weights: dict[str, torch.Tensor] = {}

    def see(self, evaluation: HeldOutEvaluation) -> None:
        if self.patience is None:
            return
        if evaluation.evaluation.log_loss < self.log_loss:
            self.log_loss, self.step, self.misses = evaluation.evaluation.log_loss, evaluation.step, 0
            trained = ((name, p) for name, p in self.model.named_parameters() if p.requires_grad)
            self.weights = {name: p.detach().to("cpu", copy=True) for name, p in trained}
        else:
            self.misses += 1

    @property
    def out_of_patience(self) -> bool:
        return self.patience is not None and self.misses >= self.patience

    def restore(self) -> int | None:
        """Put the best weights back and give their step; None where nothing was kept."""
        if self.step is not None:
            self.model.load_state_dict(self.weights, strict=False)
        return self.step
