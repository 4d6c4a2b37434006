"""Starting the processes that `accelerate launch` leaves to MPI on a CPU.

accelerate starts the command once and sets MASTER_PORT, as if other processes would follow. This module starts them
with PyTorch's own launcher.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
from accelerate import PartialState
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import parse_args
from torch.distributed.run import run as launch

from rmlab._compat.accelerate_internals import processes_asked_for

__all__ = ["is_left_alone", "number_asked_for", "start_again"]


def is_left_alone(group: PartialState) -> bool:
    """Return whether `accelerate launch` was asked for several processes on a CPU, and started only this one."""
    alone = group.num_processes == 1 and str(group.device) == "cpu"
    # a launcher that starts every process sets WORLD_SIZE in each
    return alone and "MASTER_PORT" in os.environ and "WORLD_SIZE" not in os.environ


def number_asked_for() -> int | None:
    """Return how many processes accelerate's command line or configuration asks for on this machine.

    None if that is unknown: the parent process is not accelerate, or there are several machines.
    """
    try:
        words = psutil.Process().parent().cmdline()  # pyright: ignore[reportOptionalMemberAccess]
        start = next(i for i, word in enumerate(words, start=1) if "launch" in Path(word).name)
        return processes_asked_for(words[start:])
    except (AttributeError, StopIteration, OSError, ValueError, psutil.Error):
        return None


def start_again(n: int) -> int:
    """Start this command as one group of `n` processes; return the exit code of the first that fails, or 0."""
    one_machine = ["--standalone", "--nproc-per-node", str(n), "--no-python"]
    try:
        launch(parse_args([*one_machine, sys.executable, *sys.orig_argv[1:]]))
    except ChildFailedError as error:  # each process has printed why it ended
        return error.get_first_failure()[1].exitcode
    return 0
