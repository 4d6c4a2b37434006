"""Filler: sentences without content, to put before or after a response."""

from __future__ import annotations

import json
from importlib import resources

__all__ = ["load_filler"]


def load_filler() -> dict[str, list[str]]:
    """Return sentences without content, to put before any response ("front") or after it ("back")."""
    path = resources.files("rmlab.datasets") / "data" / "filler.json"
    return json.loads(path.read_text(encoding="utf-8"))
