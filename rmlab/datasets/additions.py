"""Filler: sentences that say nothing, to put in front of a response, or behind it."""

from __future__ import annotations

import json
from importlib import resources

__all__ = ["load_filler"]


def load_filler() -> dict[str, list[str]]:
    """Give the sentences that say nothing, to put in front of any response ("front") or behind it ("back")."""
    path = resources.files("rmlab.datasets") / "data" / "filler.json"
    return json.loads(path.read_text(encoding="utf-8"))
