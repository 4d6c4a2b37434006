"""One model in several processes: a copy in each (DDP), or one model sharded across them (FSDP).

accelerate decides which of the two: by `accelerate launch --use_fsdp --fsdp_version 2 ...`, or by the file that
`accelerate config` writes. With FSDP each process holds a part of every weight, of its gradient and of its optimiser
state. The weights of a layer are gathered while that layer computes (Zhao et al. 2023,
https://arxiv.org/abs/2304.11277).
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState
from accelerate.utils import GradientAccumulationPlugin
from torch.distributed.fsdp import FSDPModule

from rmlab._compat.accelerate_internals import shard
from rmlab._compat.transformers_internals import layers_kept_whole
from rmlab.model import RewardModel
from rmlab.training.config import TrainingConfig
from rmlab.training.errors import TrainingError
from rmlab.training.group import is_sharded
from rmlab.training.run_state import learned, whole

__all__ = ["Parallel", "parallel"]


@dataclass(frozen=True)
class Parallel:
    """A model prepared for training by this process and the others."""

    accelerator: Accelerator
    model: RewardModel
    """The model for the optimiser and the held-out pairs: with DDP the model itself, with FSDP a sharded copy."""
    forward: Callable[..., torch.Tensor]
    """What to call in training."""
    no_sync: Callable[[], AbstractContextManager[None]]
    """A context for all backward passes of a batch except the last: gradients need not be exchanged yet."""
    catch_up: Callable[[], torch.Tensor | float] = lambda: 0.0
    """Call the model until this process has made as many calls as every other, and return zero to add to the loss. With
    FSDP the processes compute each call together, but each packs its own pairs into as many calls as they need. Without
    gradients, it also shards the weights again. With DDP it does nothing."""


@contextlib.contextmanager
def parallel(model: RewardModel, config: TrainingConfig) -> Iterator[Parallel]:
    """Spread a model over the processes for the duration of a run; afterwards each has the whole trained model.

    With FSDP, if a run ends in an error, the model is as it was before the run.
    """
    accelerator = _accelerator()
    model.to(accelerator.device)
    if is_sharded():
        with _sharded(model, accelerator, config) as sharded:
            yield sharded
    else:
        forward: Any = accelerator.prepare(model)
        yield Parallel(accelerator, model, forward, lambda: accelerator.no_sync(forward))


def _accelerator() -> Accelerator:
    """Return an accelerator that leaves number format, accumulation and compilation to `TrainingConfig`.

    Each is given here, since accelerate would otherwise take it from its launcher. It might compute in bf16 although
    `precision` is fp32, and divide the loss by a number of steps that rmlab does not accumulate.
    """
    try:
        return Accelerator(
            mixed_precision="no",
            dynamo_backend="no",
            gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=1),
            # Buffers never change. Exchanging them would hang where one process makes more calls than another.
            kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
        )
    except ValueError as error:  # another Accelerator of this process has set it
        raise TrainingError(
            f"this process has an Accelerator with mixed_precision={AcceleratorState().mixed_precision!r}, and rmlab "
            "sets the number format by TrainingConfig.precision. Train in another process, or make that one without it."
        ) from error


@contextlib.contextmanager
def _sharded(model: RewardModel, accelerator: Accelerator, config: TrainingConfig) -> Iterator[Parallel]:
    model.layout(config.packing)  # packed rows are tried while the model is whole
    parts = copy.deepcopy(model.to("cpu"))
    # in full precision, whatever accelerate was told: TrainingConfig.precision sets the number format
    shard(accelerator, parts, whole=layers_kept_whole(parts.network))
    calls = _Calls(parts, accelerator)
    trained = False
    try:
        yield Parallel(accelerator, parts, parts, nullcontext, calls.catch_up)
        trained = True
    except GeneratorExit:  # the run was closed before its end
        trained = True
        raise
    finally:
        if trained:
            targets = learned(model)
            with torch.no_grad():
                for name, part in learned(parts).items():
                    targets[name].copy_(whole(part))
        model.to(accelerator.device)


class _Calls:
    """Keeps the calls of a sharded model in step: before each, the processes count how many of them still have one."""

    def __init__(self, model: RewardModel, accelerator: Accelerator):
        self.model, self.accelerator = model, accelerator
        self.caught_up = False
        self.token = torch.tensor([[model.pad_id]], device=accelerator.device)
        with torch.no_grad():  # FSDP keeps tensors of its first call; in inference mode they could not be trained
            self._call()
        self._part()
        model.register_forward_pre_hook(self._announce, prepend=True)  # before FSDP gathers weights
        # FSDP needs an output that is not a view of another tensor
        model.register_forward_hook(lambda *call: call[-1].clone(), prepend=True)

    def _announce(self, *_: object) -> None:
        if not self.caught_up:
            self._number_calling(1)

    def _number_calling(self, mine: int) -> int:
        calling = self.accelerator.reduce(torch.tensor(mine, device=self.accelerator.device), "sum")
        return int(torch.as_tensor(calling))

    def catch_up(self) -> torch.Tensor | float:
        """Catch up with the other processes; see `Parallel.catch_up`."""
        nothing = 0.0
        while self._number_calling(0):
            self.caught_up = True
            nothing = nothing + 0.0 * self._call()
            self.caught_up = False
        if not torch.is_grad_enabled():
            self._part()
        return nothing

    def _part(self) -> None:
        """Release the weights of other processes, as FSDP itself does after a backward pass."""
        for module in self.model.modules():
            if isinstance(module, FSDPModule):
                module.reshard()

    def _call(self) -> torch.Tensor:
        return self.model(input_ids=self.token, attention_mask=torch.ones_like(self.token)).sum()
