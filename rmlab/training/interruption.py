"""Ctrl-C and SIGTERM, which ask a run to end after the step under way."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

__all__ = ["on_signals"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SAID = b"\nstopping after this step, with a checkpoint; once more to stop at once\n"


@contextlib.contextmanager
def on_signals(stop: Callable[[], None] | None) -> Iterator[list[int]]:
    """Call `stop` at the first Ctrl-C or SIGTERM; a second one raises KeyboardInterrupt. Yield what was received.

    Outside the main thread, which alone may handle signals, and where `stop` is None, nothing changes.
    """
    received: list[int] = []
    if stop is None or threading.current_thread() is not threading.main_thread():
        yield received
        return

    def handle(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) > 1:
            raise KeyboardInterrupt
        os.write(2, SAID)  # a second signal could interrupt print half-way
        stop()

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
