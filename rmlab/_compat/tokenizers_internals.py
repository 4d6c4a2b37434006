"""Failures of the native code of tokenizers, which are not documented."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from typing import TypeVar

__all__ = ["without_panic"]

Result = TypeVar("Result")


def without_panic(call: Callable[[], Result]) -> Result:
    """Return the result of a call; raise ValueError if the native code in it panics.

    A panic of Rust code reaches Python as a BaseException whose class cannot be imported, after a report was written to
    file descriptor 2. After a panic, all that the call wrote is dropped. Otherwise all of it goes to file descriptor 2,
    even what was written to 1, such as "Ignored unknown kwarg", which would mix with a command's output.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept_out, kept = os.dup(1), os.dup(2)
    panicked = False
    try:
        with tempfile.TemporaryFile() as story:
            os.dup2(story.fileno(), 1)
            os.dup2(story.fileno(), 2)
            try:
                return call()
            except BaseException as error:
                panicked = type(error).__name__ == "PanicException"
                if not panicked:
                    raise
                raise ValueError(f"its native code failed: {error}") from None
            finally:
                os.dup2(kept_out, 1)
                os.dup2(kept, 2)
                if not panicked:
                    story.seek(0)
                    os.write(2, story.read())
    finally:
        os.close(kept_out)
        os.close(kept)
