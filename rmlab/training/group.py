"""Several processes as one run: the work is split across them, and if one fails, all stop.

A process that meets an error leaves a note with the group before it ends. The next exchange of the others with it
fails; they find the note and stop with its message. A killed process leaves no note, and then their message says so.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from accelerate import PartialState
from accelerate.utils import gather_object, parse_flag_from_env

from rmlab.training.errors import OtherProcessError, TrainingError

__all__ = ["gathered", "is_sharded", "join_group", "one_for_all", "own_places"]

NOTE = "rmlab: why a process ended"


def join_group() -> PartialState:
    """Join the processes that a launcher started, if any, and return the group; on CPUs it uses gloo."""
    told = os.environ.get("ACCELERATE_USE_CPU", "false").lower() in ("1", "true", "yes")
    return PartialState(cpu=told or not torch.accelerator.is_available())


def is_sharded() -> bool:
    """Return whether accelerate was told to shard one model across several processes (FSDP)."""
    return PartialState().num_processes > 1 and parse_flag_from_env("ACCELERATE_USE_FSDP")


def own_places(n: int) -> np.ndarray:
    """Return those of n places on which this process works; they are split across the processes."""
    return np.arange(n)[PartialState().process_index :: PartialState().num_processes]


def gathered(values: np.ndarray) -> np.ndarray:
    """Return the values of all places, in every process, from the values that each has for its `own_places`."""
    parts: list[np.ndarray] = gather_object([values])
    whole = np.empty(sum(map(len, parts)), dtype=values.dtype)
    for rank, part in enumerate(parts):
        whole[rank :: len(parts)] = part
    return whole


@contextlib.contextmanager
def one_for_all() -> Iterator[None]:
    """Stop every process when one fails, so that none hangs. The context may be nested.

    Raises
    ------
    OtherProcessError
        In the processes that were not at fault, with the error of the one that was. If several have errors of their
        own, the first is at fault.
    TrainingError
        In the remaining processes, if one was killed; and at once, if accelerate has settings that rmlab cannot follow.
    """
    if PartialState().num_processes == 1:
        _check_settings()
        yield
        return
    rank = PartialState().process_index
    # The store where the processes met. Under a launcher it belongs to the launcher, and outlives them.
    address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = dist.TCPStore(*address, is_master=False, wait_for_workers=False)  # pyright: ignore[reportPrivateImportUsage]
    try:
        _check_settings()
        yield
    except OtherProcessError:
        raise
    except Exception as error:
        lost = isinstance(error, dist.DistError) or "gloo" in str(error)
        mine = f"{type(error).__name__} in process {rank}: {error}"
        note = _read(store) if lost else _leave(store, mine)
        if note == mine:
            if dist.is_initialized():
                dist.destroy_process_group()  # so that the exchange of the others fails and they look for the note
            raise
        if note is not None:
            raise OtherProcessError(f"another process of this run stopped: {note}") from error
        raise TrainingError(
            "another process of this run ended without a message: it was killed, or had no memory left. Process "
            f"{rank} stops too. Resume from the last checkpoint, or start again."
        ) from error


def _check_settings() -> None:
    """Raise TrainingError for settings of accelerate that rmlab cannot follow."""
    for kind in ("DEEPSPEED", "MEGATRON_LM"):
        if parse_flag_from_env(f"ACCELERATE_USE_{kind}"):
            raise TrainingError(
                f"accelerate was told to use {kind}, and rmlab trains with a copy of the model in each process (DDP), "
                "or with one sharded across them (FSDP). Launch without it: torchrun --nproc-per-node N "
                "-m rmlab train ...; or, for FSDP: accelerate launch --use_fsdp --fsdp_version 2 --num_processes N "
                "-m rmlab train ..."
            )
    version = os.environ.get("FSDP_VERSION", "1")
    if is_sharded() and version != "2":
        raise TrainingError(
            f"rmlab shards a model with version 2 of FSDP, but accelerate was told to use version {version}. Give "
            "accelerate launch --fsdp_version 2, or set fsdp_version: 2 in its configuration."
        )
    if is_sharded() and parse_flag_from_env("FSDP_ACTIVATION_CHECKPOINTING"):
        raise TrainingError(
            "accelerate was told to checkpoint activations (fsdp_activation_checkpointing). Leave that out there, and "
            "give --gradient-checkpointing to rmlab train (gradient_checkpointing=True in TrainingConfig)."
        )


def _read(store: Any) -> str | None:
    try:
        return store.get(NOTE).decode() if store.check([NOTE]) else None
    except RuntimeError:  # the process that held the store has ended too
        return None


def _leave(store: Any, note: str) -> str:
    """Leave a note if there is none, and return the one that is then there."""
    try:
        return store.compare_set(NOTE, "", note).decode()
    except RuntimeError:
        return note
