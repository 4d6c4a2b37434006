"""How the native code of tokenizers fails, which it does not document."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from typing import TypeVar

__all__ = ["without_panic"]

Result = TypeVar("Result")


def without_panic(call: Callable[[], Result]) -> Result:
    """Return what the call returns, and raise a ValueError where the native code under it panics.

    A panic of Rust code reaches Python as a BaseException of a class that cannot be imported, after its story was
    written to file descriptor 2. That story is left out. Anything else that was written there is passed on, and so is
    what was written to file descriptor 1, such as "Ignored unknown kwarg": it would stand among a command's output.
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
