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
_FURTHER_FILE = "datasets/data/further_replies.json"
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
def _data(file: str) -> dict[str, Any]:
    # read by its path, since `simulate` is below `datasets` and must not import it
    return json.loads((resources.files("rmlab") / file).read_text(encoding="utf-8"))


@cache
def load_questions(*, fresh: bool | None = None, further: bool = False) -> tuple[Question, ...]:
    """Return the questions of the world: all, the fresh ones (True), or those to train on (False).

    Parameters
    ----------
    fresh
        True for the fresh questions, False for the others; None takes both.
    further
        Whether to add about 1,100 further questions, for a longer training than a notebook has time for. They are only
        trained on: none of them is fresh.

    Examples
    --------
    >>> len(load_questions()) == len(load_questions(fresh=True)) + len(load_questions(fresh=False))
    True
    >>> len(load_questions(further=True)) > 1000
    True
    """
    if fresh is None:
        return load_questions(fresh=False, further=further) + load_questions(fresh=True)
    questions = _questions(_FILE, fresh)
    return questions + _questions(_FURTHER_FILE, fresh) if further else questions


@cache
def _questions(file: str, fresh: bool) -> tuple[Question, ...]:
    records = [record for record in _data(file)["questions"] if record["fresh"] == fresh]
    return tuple(_question(place, records) for place in range(len(records)))


def _question(place: int, records: list[dict[str, Any]]) -> Question:
    """Build a question; its off-topic reply answers the next harmless question of these with the same topic."""
    record, following = records[place], (records[(place + i) % len(records)] for i in range(1, len(records)))
    near = next(one for one in following if one["topic"] == record["topic"] and one["kind"] != "harmful")
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
def load_sentences(part: str, *, fresh: bool = False, further: bool = False) -> tuple[str, ...]:
    """Return the sentences for a part (one of `PARTS`, or "refusal"): those to train on, or the fresh ones.

    With `further` the further sentences are added. They are only trained on: none is fresh.

    Raises
    ------
    ValueError
        If there is no such part.
    """
    banks = _data(_FILE)["parts"]
    if part not in banks:
        raise ValueError(f"part must be one of {', '.join(banks)}, got {part!r}")
    half = "fresh" if fresh else "taught"
    sentences = tuple(banks[part][half])
    return sentences + tuple(_data(_FURTHER_FILE)["parts"][part][half]) if further else sentences


def sentences_of(text: str) -> list[str]:
    """Divide a text into its sentences."""
    return _SENTENCE_END.split(text)
