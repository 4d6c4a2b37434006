"""Stopping a run before a number that is not finite reaches its weights, and finding the pairs that caused it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

import torch

from rmlab.training.errors import TrainingError
from rmlab.training.training_data import TrainingData

__all__ = ["all_finite", "refuse_fault"]


def all_finite(value: torch.Tensor) -> bool:
    """Return whether no element is NaN or infinite."""
    return bool(torch.isfinite(value.detach()).all())


def refuse_fault(
    what: str,
    step: int,
    data: TrainingData,
    indices: Sequence[int],
    alone: Callable[[int], torch.Tensor] | None,
    parameters: Sequence[torch.Tensor],
) -> NoReturn:
    """Raise TrainingError for a loss or gradient that is not finite, and name the pairs at fault.

    Texts in one packed row share a matrix product, in which NaN times zero is NaN, so one pair spoils its neighbours.
    Therefore each pair is tried alone.

    Parameters
    ----------
    what, step
        Which number is not finite, and in which step.
    data, indices
        The pairs that had a part in it.
    alone
        A function that computes the loss of one pair alone. If it is None, all pairs are named.
    parameters
        The tensors that are trained.
    """
    at_fault = list(indices) if alone is None else [i for i in indices if not _is_sound(alone(i), parameters)]
    together = "" if at_fault else " (each of them is finite alone)"
    places = [data.places[i] for i in at_fault or indices]
    shown = ", ".join(places[:5]) + (f" and {len(places) - 5} more" if len(places) > 5 else "")
    raise TrainingError(
        f"the {what} of step {step} is not finite; the weights are as they were before that step. "
        f"Pairs at fault: {shown}{together}. Look at these pairs, or lower learning_rate, or use precision='fp32'."
    )


def _is_sound(loss: torch.Tensor, parameters: Sequence[torch.Tensor]) -> bool:
    if not all_finite(loss):
        return False
    gradients = torch.autograd.grad(loss.sum(), list(parameters), allow_unused=True)
    # the gradient of an embedding is sparse during a run
    return all(all_finite(g.coalesce().values() if g.is_sparse else g) for g in gradients if g is not None)
