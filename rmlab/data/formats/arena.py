"""Battles of the chatbot arena (Chiang et al. 2024), with ties, in the two published layouts.

The prompt is what both conversations begin with, usually the first question. A battle is read up to the turn that
``turn`` names; MT-bench uses it to judge the first turn of longer conversations. The group is the language.
"""

from __future__ import annotations

import json
from typing import Any

from rmlab.data.formats.ab import TIES
from rmlab.data.formats.base import Format, NoPairError, Record, get, get_judgement, optional_text, read_label
from rmlab.data.formats.messages import split_turns
from rmlab.data.rows import Sides, named, read_number

__all__ = ["ARENA", "ARENA_COLUMNS"]

_LABELS = dict.fromkeys(TIES, 0) | {"model_a": 1, "model_b": 2}


def _from_battle(record: Record) -> list[Sides]:
    winner = read_label(
        "winner", get_judgement(record, "winner"), _LABELS, "one of model_a, model_b, tie or tie (bothbad)"
    )
    turn = record.get("turn")
    a, b = (_cut(_conversation(name, get(record, name)), turn) for name in ("conversation_a", "conversation_b"))
    return [_sides(a, b, winner, record)]


def _sides(a: list[Any], b: list[Any], winner: int, record: Record) -> Sides:
    prompt, chosen, rejected = split_turns(*((b, a) if winner == 2 else (a, b)))
    return Sides(
        prompt, chosen, rejected, tied=winner == 0, chosen_first=winner != 2, group=optional_text(record, "language")
    )  # fmt: skip


def _conversation(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{name} must be a list of at least one message, got {named(value)}")
    return value


def _cut(messages: list[Any], turn: Any) -> list[Any]:
    if turn is None or turn == "":
        return messages
    number = read_number("turn", turn)
    if not (number.is_integer() and number >= 1):
        raise ValueError(f"turn must be a whole number from 1, got {named(turn)}")
    replies = [i for i, m in enumerate(messages, start=1) if isinstance(m, dict) and m.get("role") == "assistant"]
    return messages[: replies[int(number) - 1]] if number <= len(replies) else messages


ARENA = Format(
    "chatbot arena", ("conversation_a", "conversation_b", "winner"), _from_battle,
    "The turns that both conversations begin with, and the rest of each, up to `turn`. The group is the language.",
    optional=("turn", "language"), media=True,
)  # fmt: skip

# --- As LMSYS gave it to a competition: a JSON list of turns per cell, the winner in three columns of 0 and 1 ---------

_WINNERS = {"winner_model_a": 1, "winner_model_b": 2, "winner_tie": 0}


def _from_columns(record: Record) -> list[Sides]:
    values = [get(record, name) for name in _WINNERS]
    marks = [read_label(name, value, {"0": 0, "1": 1}, "0 or 1") for name, value in zip(_WINNERS, values, strict=True)]
    if sum(marks) != 1:
        raise ValueError(f"{', '.join(_WINNERS)} must hold one 1 and two 0, got {', '.join(map(str, marks))}")
    asked, a, b = (_turns(name, get(record, name)) for name in ("prompt", "response_a", "response_b"))
    if not len(asked) == len(a) == len(b):
        raise ValueError(
            "prompt, response_a and response_b must have the same number of turns, "
            f"got {len(asked)}, {len(a)}, {len(b)}"
        )
    try:
        "".join((*asked, *a, *b)).encode()
    except UnicodeEncodeError:  # the competition's file holds such rows
        raise NoPairError("with half of a surrogate pair, which is not Unicode text") from None
    return [_sides(_dialogue(asked, a), _dialogue(asked, b), list(_WINNERS.values())[marks.index(1)], record)]


def _turns(name: str, value: Any) -> list[str]:
    if isinstance(value, str):
        try:
            turns = json.loads(value)
        except (ValueError, RecursionError):
            turns = None
        value = turns if isinstance(turns, list) else [value]  # plain text is one turn
    if not isinstance(value, list) or not value or not all(turn is None or isinstance(turn, str) for turn in value):
        raise ValueError(f"{name} must be a list of texts, one per turn, got {named(value)}")
    return [turn or "" for turn in value]  # an answer that failed is null; it counts as empty


def _dialogue(asked: list[str], answered: list[str]) -> list[dict[str, str]]:
    return [
        {"role": role, "content": content}
        for turn in zip(asked, answered, strict=True)
        for role, content in zip(("user", "assistant"), turn, strict=True)
    ]


ARENA_COLUMNS = Format(
    "chatbot arena, winner in columns",
    ("prompt", "response_a", "response_b", *_WINNERS),
    _from_columns,
    "Lists of turns, as text; the winner is the column that holds 1. The group is the language.",
    optional=("language",),
)
