"""TRL's formats: an explicit prompt, or one that both sides begin with; and a prompt beside whole dialogues.

Where ``score_chosen`` and ``score_rejected`` are there (UltraFeedback, binarised), equal ones are a tie.
"""

from __future__ import annotations

from typing import Any

from rmlab.data.formats.base import Format, Record, get
from rmlab.data.rows import Sides, named, read_number

__all__ = ["EXPLICIT", "IMPLICIT", "PROMPT_AND_DIALOGUES", "split_turns", "without_prompt_column"]

_SCORES = ("score_chosen", "score_rejected")


def _from_explicit(record: Record) -> list[Sides]:
    return [_judged(record, get(record, "prompt"), get(record, "chosen"), get(record, "rejected"))]


def _from_implicit(record: Record) -> list[Sides]:
    chosen, rejected = without_prompt_column(record)
    if isinstance(chosen, str) and isinstance(rejected, str):
        return [_judged(record, *_split_text(chosen, rejected))]
    if isinstance(chosen, list | tuple) and isinstance(rejected, list | tuple) and chosen and rejected:
        return [_judged(record, *split_turns(chosen, rejected))]
    return [Sides([] if isinstance(chosen, list | tuple) else "", chosen, rejected)]  # encode_sides names its fault


def _from_dialogues(record: Record) -> list[Sides]:
    prompt, chosen, rejected = (get(record, name) for name in ("prompt", "chosen", "rejected"))
    if not isinstance(prompt, str):
        raise ValueError(f"prompt must be text beside dialogues, like the first record, got {named(prompt)}")
    for name, side in (("chosen", chosen), ("rejected", rejected)):
        if not isinstance(side, list | tuple) or not side:
            raise ValueError(f"{name} must be a list of messages, like the first record, got {named(side)}")
    asked = {"role": "user", "content": prompt}
    if all(len(side) == 1 and _role(side[0]) == "assistant" for side in (chosen, rejected)):
        return [_judged(record, [asked], chosen, rejected)]
    if not all(any(_holds(message, asked) for message in side) for side in (chosen, rejected)):
        raise ValueError("chosen and rejected must begin with the prompt as a user's message, or be the reply alone")
    return [_judged(record, *split_turns(chosen, rejected))]


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, dict) else None


def _holds(message: Any, asked: dict[str, str]) -> bool:
    return isinstance(message, dict) and all(message.get(key) == value for key, value in asked.items())


def _judged(record: Record, prompt: Any, chosen: Any, rejected: Any) -> Sides:
    values = [record.get(name) for name in _SCORES]
    if None in values or "" in values:
        return Sides(prompt, chosen, rejected)
    difference = read_number(_SCORES[0], values[0]) - read_number(_SCORES[1], values[1])
    return Sides(prompt, chosen, rejected, tied=difference == 0, strength=difference)


def without_prompt_column(record: Record) -> tuple[Any, Any]:
    """Give the two sides of a record that must have no prompt of its own."""
    if record.get("prompt") is not None:
        raise ValueError("has a prompt, and the first record had none; give every record a prompt, or none")
    return get(record, "chosen"), get(record, "rejected")


def split_turns(chosen: Any, rejected: Any) -> tuple[Any, Any, Any]:
    """Take as the prompt the longest run of turns that both sides begin with, leaving each at least one."""
    longest = min(len(chosen), len(rejected)) - 1
    n = next((i for i in range(longest) if chosen[i] != rejected[i]), longest)
    return chosen[:n], chosen[n:], rejected[n:]


def _split_text(chosen: str, rejected: str) -> tuple[str, str, str]:
    """Take as the prompt the longest common prefix that ends with a word and leaves both sides some text.

    ``prompt + response`` is the text as it was. A space where they part goes with the response, as in TRL and as
    tokenizers like it; a line break stays with the prompt.
    """
    limit = min(len(chosen.rstrip()), len(rejected.rstrip()))
    n = next((i for i, (a, b) in enumerate(zip(chosen[:limit], rejected[:limit], strict=False)) if a != b), limit)
    if n == limit or not (chosen[n].isspace() and rejected[n].isspace()):
        while n and not chosen[n - 1].isspace():
            n -= 1  # back to the start of a word
    while n and chosen[n - 1] in " \t":
        n -= 1
    return chosen[:n], chosen[n:], rejected[n:]


EXPLICIT = Format("explicit prompt", ("prompt", "chosen", "rejected"), _from_explicit, optional=_SCORES, strengths=True)
IMPLICIT = Format("implicit prompt", ("chosen", "rejected"), _from_implicit, optional=_SCORES, strengths=True)
PROMPT_AND_DIALOGUES = Format(
    "prompt and dialogues",
    ("prompt", "chosen", "rejected"),
    _from_dialogues,
    optional=_SCORES,
    fits=lambda record: isinstance(record.get("prompt"), str) and isinstance(record.get("chosen"), list),
    strengths=True,
)
