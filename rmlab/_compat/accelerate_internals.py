"""Parts of accelerate that it does not promise to keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accelerate import Accelerator
from accelerate.utils import FullyShardedDataParallelPlugin
from accelerate.utils.fsdp_utils import fsdp2_prepare_model
from torch import nn

__all__ = ["processes_asked_for", "shard"]


def shard(accelerator: Accelerator, model: nn.Module, *, whole: Any) -> None:
    """Share a model out among the processes, in place, in full precision; the layers of classes `whole` one by one.

    The public ``Accelerator.prepare`` does so only together with an optimiser, and on CPUs does not read what
    accelerate was told of FSDP.
    """
    accelerator.state.fsdp_plugin = FullyShardedDataParallelPlugin(mixed_precision_policy=None)
    model._no_split_modules = whole  # pyright: ignore[reportAttributeAccessIssue] # where accelerate looks for them
    fsdp2_prepare_model(accelerator, model)


def processes_asked_for(words: Sequence[str]) -> int | None:
    """Return the processes that ``accelerate launch WORDS`` is to start here; None where there are several machines.

    accelerate tells its children on a CPU how many there should be by no other way.
    """
    from accelerate.commands.config import load_config_from_file  # only where it is asked: it loads much
    from accelerate.commands.launch import launch_command_parser

    asked = launch_command_parser().parse_args(list(words))
    said = asked if asked.num_processes is not None else load_config_from_file(asked.config_file)
    n_machines = asked.num_machines or getattr(said, "num_machines", None) or 1
    return getattr(said, "num_processes", None) if n_machines == 1 else None
