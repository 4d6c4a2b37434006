"""The training loop.

The loss of a pair is `rmlab.preference_loss` of its score difference, averaged over the batch; where pairs have
weights, the mean is weighted. What changes from step to step is in `run_state`. `start_run` has the functions that
begin a run.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, NoReturn

import numpy as np
import torch

from rmlab._compat.torch_internals import divide_gradients
from rmlab.evaluation import evaluate
from rmlab.model import RewardModel, autocast, use_bf16
from rmlab.model.devices import on_device, to_numpy, widest_float
from rmlab.preference import outcomes, preference_loss
from rmlab.training.batch_order import batches
from rmlab.training.checkpoint import Checkpoints
from rmlab.training.config import TrainingConfig
from rmlab.training.faults import all_finite, refuse_fault
from rmlab.training.group import gathered, is_sharded, join_group, one_for_all, own_places
from rmlab.training.mode import compiled_layers, standing_gradient, training_mode
from rmlab.training.optimizer import make_optimizer
from rmlab.training.parallel import parallel
from rmlab.training.records import HeldOutEvaluation, TrainingStep
from rmlab.training.resampling import draw_again
from rmlab.training.run_state import Best, Progress, RunState, whole
from rmlab.training.schedule import make_schedule
from rmlab.training.training_data import TrainingData

__all__ = ["run_steps"]


def run_steps(
    model: RewardModel,
    data: TrainingData,
    held_out: TrainingData | None,
    config: TrainingConfig,
    n_steps: int,
    checkpoints: Checkpoints | None,
    progress: Progress,
) -> Generator[TrainingStep, None, None]:
    """Yield the steps of a run. It holds no reference to the `TrainingRun`, so it ends when that is no longer used."""
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
        schedule = make_schedule(
            optimizer, config.schedule, warmup_fraction=config.warmup_fraction, n_steps=n_steps, taken=state.step
        )
        times_drawn = draw_again(len(data), model.n_heads, seed=config.seed)
        clear_gradients = standing.enter_context(standing_gradient(model))
        if config.compile:
            standing.enter_context(compiled_layers(model))

        def evaluate_held_out(step: int) -> tuple[HeldOutEvaluation, ...]:
            if held_out is None:
                return ()
            mine = held_out.encoded.take(own_places(len(held_out)))
            as_written = torch.compiler.set_stance("force_eager") if config.compile else contextlib.nullcontext()
            with torch.no_grad(), as_written:
                d = model.score_differences(mine, precision="bf16" if bf16 else "fp32")
                spread.catch_up()
            d = gathered(d)
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
            # summed over the batch: weighted loss, pairs won, score difference; and processes told to stop
            totals = np.zeros(4)
            parts = np.array_split(batch, min(config.gradient_accumulation, len(batch)))
            counts = np.array_split(_relative_weights(data, batch), len(parts))  # of the same pairs as in `parts`
            for number, (part, count) in enumerate(zip(parts, counts, strict=True), start=1):
                idle = rank >= len(part)  # every process takes part in the last backward pass, even if it has no pairs
                own = slice(1) if idle else slice(rank, None, world)
                mine = part[own]
                with contextlib.nullcontext() if number == len(parts) else spread.no_sync():
                    scores, losses = _losses(model, spread.forward, data, mine, config, times_drawn, bf16)
                    if not all_finite(losses):
                        refuse("loss", step, mine)
                    if data.weights is not None:
                        losses = losses * on_device(count[own], like=losses)
                    share = 0.0 if idle else world / len(batch)  # accelerate takes the mean over processes
                    accelerator.backward(losses.sum() * share + spread.catch_up())
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


def _relative_weights(data: TrainingData, batch: np.ndarray) -> np.ndarray:
    """Return how often each pair of a batch counts, shape ``(n,)``: its weight, divided by the mean weight.

    So the mean of these numbers times the losses is ``sum(weight * loss) / sum(weight)`` over the batch.
    """
    if data.weights is None:
        return np.ones(len(batch))
    weights = data.weights[batch] / data.weights[batch].max()  # so that no sum overflows
    return weights / weights.mean()


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

    With several heads both are means over the heads. In the loss, each head counts a pair as often as it drew the pair.
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
    """Return where each distinct text is first, and for each text the number of its distinct text, ``(n,)``.

    So a response in several pairs of a batch, as among ranked responses, is scored once.
    """
    first: dict[tuple[int, ...], int] = {}
    places = np.array([first.setdefault(tuple(text), len(first)) for text in ids])
    return np.unique(places, return_index=True)[1].tolist(), places
