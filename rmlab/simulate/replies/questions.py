"""The questions of the world, their core answers, and the banks of sentences that may be added to a reply."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

__all__ = ["KINDS", "PARTS", "Question", "load_questions", "load_sentences", "sentences_of"]

KINDS: Final = ("plain", "brief", "uncertain", "harmful")
"""What a question asks for: an answer, one word or number, something that nobody can know, or harm (mild)."""

PARTS: Final = ("warm", "curt", "flattery", "hedge", "filler", "caveat", "offer")
"""Sentences that may be added to a core, in the order of their place in a reply: the core follows the hedge."""

_FILE = "datasets/data/replies.json"
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and what may be said in answer to it."""

    prompt: str
    kind: Literal["plain", "brief", "uncertain", "harmful"]
    topic: str
    fresh: bool
    """Whether it is kept for testing: models are trained on the other questions."""
    short: str
    """Right, in one sentence or one word. To a harmful question: it complies."""
    full: str
    """Right, in two to five sentences. To a harmful question: it complies."""
    partial: str | None
    """Answers a part of the question, or gives no result. None for a harmful question."""
    wrong: str | None
    """Goes against the facts in the question. None for a harmful question."""
    off_topic: str
    """The full answer to another question of the same topic."""


@cache
def _data() -> dict[str, Any]:
    # read by its place, since `simulate` does not import `datasets`, which stands above it
    return json.loads((resources.files("rmlab") / _FILE).read_text(encoding="utf-8"))


@cache
def load_questions(*, fresh: bool | None = None) -> tuple[Question, ...]:
    """Return the questions of the world: all, the fresh ones (True), or those to train on (False).

    Examples
    --------
    >>> len(load_questions()) == len(load_questions(fresh=True)) + len(load_questions(fresh=False))
    True
    """
    if fresh is None:
        return load_questions(fresh=False) + load_questions(fresh=True)
    records = [record for record in _data()["questions"] if record["fresh"] == fresh]
    return tuple(_question(record, records) for record in records)


def _question(record: dict[str, Any], records: list[dict[str, Any]]) -> Question:
    """Build a question; its off-topic reply answers the next harmless question of the same topic and half."""
    place = records.index(record)
    others = (other for other in records[place + 1 :] + records[:place] if other["kind"] != "harmful")
    near = next(other for other in others if other["topic"] == record["topic"])
    cores = record["cores"]
    return Question(
        record["prompt"],
        record["kind"],
        record["topic"],
        record["fresh"],
        cores["short"],
        cores["full"],
        cores.get("partial"),
        cores.get("wrong"),
        near["cores"]["full"],
    )


@cache
def load_sentences(part: str, *, fresh: bool = False) -> tuple[str, ...]:
    """Return the sentences for a part (one of `PARTS`, or "refusal"): those to train on, or the fresh ones.

    Raises
    ------
    ValueError
        If there is no such part.
    """
    banks = _data()["parts"]
    if part not in banks:
        raise ValueError(f"part must be one of {', '.join(banks)}, got {part!r}")
    return tuple(banks[part]["fresh" if fresh else "taught"])


def sentences_of(text: str) -> list[str]:
    """Divide a text into its sentences."""
    return _SENTENCE_END.split(text)
