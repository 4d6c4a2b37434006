"""Parts of accelerate that may change without notice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accelerate import Accelerator
from accelerate.utils import FullyShardedDataParallelPlugin
from accelerate.utils.fsdp_utils import fsdp2_prepare_model
from torch import nn

__all__ = ["processes_asked_for", "shard"]


def shard(accelerator: Accelerator, model: nn.Module, *, whole: Any) -> None:
    """Shard a model across processes, in place and in full precision, with each layer of the classes `whole` as a unit.

    The public ``Accelerator.prepare`` shards only together with an optimiser, and on CPUs ignores accelerate's settings
    of FSDP.
    """
    accelerator.state.fsdp_plugin = FullyShardedDataParallelPlugin(mixed_precision_policy=None)
    model._no_split_modules = whole  # pyright: ignore[reportAttributeAccessIssue] # where accelerate looks for them
    fsdp2_prepare_model(accelerator, model)


def processes_asked_for(words: Sequence[str]) -> int | None:
    """Return how many processes ``accelerate launch WORDS`` should start here; None if there are several machines.

    On a CPU accelerate does not tell its child processes this number in any other way.
    """
    from accelerate.commands.config import load_config_from_file  # imported here, since it is slow to load
    from accelerate.commands.launch import launch_command_parser

    asked = launch_command_parser().parse_args(list(words))
    said = asked if asked.num_processes is not None else load_config_from_file(asked.config_file)
    n_machines = asked.num_machines or getattr(said, "num_machines", None) or 1
    return getattr(said, "num_processes", None) if n_machines == 1 else None
