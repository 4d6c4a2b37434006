"""Preference pairs that were written for this project, and their authors' notes on each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from rmlab.data import PreferencePairs, read_pairs

_FILE = resources.files("rmlab.datasets") / "data" / "everyday.jsonl"


@dataclass(frozen=True, slots=True)
class EverydayNote:
    """The note of the authors of `everyday` on one pair."""

    id: str
    kind: str
    """The quality in which the two responses differ; also the ``group`` of the pair."""
    difficulty: Literal["easy", "medium", "hard"]
    """How much a careful reader must know or check before the label is plain."""
    why: str
    """One sentence on what makes the chosen response the better one."""


def load_everyday() -> PreferencePairs:
    """Load the preference pairs that were written for this project; the ``group`` of a pair is its kind.

    `everyday_notes` gives the difficulty of each pair, and why its chosen response is the better one.

    Examples
    --------
    >>> pair = load_everyday()[0]
    >>> pair.chosen != pair.rejected
    True
    """
    with resources.as_file(_FILE) as path:
        return read_pairs(path)


def everyday_notes() -> tuple[EverydayNote, ...]:
    """Return the note on each pair of `load_everyday`, in the same order."""
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    fields = EverydayNote.__slots__
    return tuple(EverydayNote(*(record[name] for name in fields)) for record in map(json.loads, lines))
