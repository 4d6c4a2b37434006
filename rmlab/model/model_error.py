"""The error of a model that cannot be used."""

from __future__ import annotations

__all__ = ["ModelError", "first_line"]


class ModelError(ValueError):
    """A model that cannot be found, read or used as a reward model; the message says what to do."""


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or its type."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
