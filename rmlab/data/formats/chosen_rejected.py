"""A preferred response and another, with the prompt beside them or at the beginning of both.

These are TRL's formats and those of LLaMA-Factory, OpenAI, Argilla and others, which differ in names and in how the
prompt is given. In conversations that mark their turns (messages, or Anthropic's HH text) the prompt may be inside both
sides: it consists of the turns that they share. In plain text nothing marks where a prompt ends, so a column must hold
it. If both responses are rated, equal ratings are a tie.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Set
from functools import lru_cache
from typing import Any

from rmlab.data.formats.base import Format, Record, get, optional_number
from rmlab.data.formats.column_names import CHOSEN_REJECTED, RATING_PAIRS
from rmlab.data.formats.family import Family, Names
from rmlab.data.formats.hh import awaits_reply, opens_dialogue, read_dialogue
from rmlab.data.formats.messages import begins_with, reply, role_of, same_turn, split_turns
from rmlab.data.formats.prompts import CONVERSATIONS, Prompt
from rmlab.data.rows import Sides, is_missing, listed, named

__all__ = ["CHOSEN_AND_REJECTED"]

Joined = tuple[Any, Any, Any]

_BOTH_RATINGS = ("rating", "ratings", "scores")  # distilabel's, one list for both
_OF_SIDES = ("rating", "ratings", "score", "scores")  # an object with the names of the two responses
_ALL_RATINGS = tuple(dict.fromkeys(name for names in RATING_PAIRS for name in names))
_LONG_ENOUGH = 12  # characters; a reply may well repeat "Hi"


def _make(prompt: Prompt | None, chosen: tuple[Names, ...], found: Set[str], record: Record) -> Format | None:
    ((first, second),) = chosen
    sides = record.get(first), record.get(second)
    turns = all(map(opens_dialogue, sides))
    if prompt is None and not turns and any(isinstance(side, str) for side in sides):
        others = found - {first, second}
        raise ValueError(
            f"{first} and {second} are plain text, and no column holds the prompt (found beside them: "
            f"{listed(others)}); name that column prompt"
        )
    # Ratings may come in later records only. A column that is here without ratings is reported as not used.
    later = [name for name in (*_ALL_RATINGS, *_BOTH_RATINGS) if name not in found]
    both = [name for name in _BOTH_RATINGS if isinstance(record.get(name), list)]
    both += [name for name in _OF_SIDES if isinstance(record.get(name), dict)]
    ratings = _rating_pair(frozenset(found)) or (*later, *both)
    notes = {prompt.note} if prompt is not None and prompt.note else set()
    alone = prompt.columns[0] if prompt is not None and len(prompt.columns) == 1 and not turns else None
    awaits = alone is not None and awaits_reply(record.get(alone))
    if awaits:
        notes.add("the prompt is a dialogue of Human and Assistant, read as turns")
    repeated = _RepeatedPrompt((first, second), notes)

    def convert(record: Record) -> list[Sides]:
        values = [_response(name, get(record, name)) for name in (first, second)]
        if turns:
            values = [read_dialogue(name, value) for name, value in zip((first, second), values, strict=True)]
        if prompt is None:
            asked, *both = _without_prompt(record, (first, second), values)
        else:
            asked = prompt.read(record)
            if (turns and opens_dialogue(asked)) or awaits:
                asked = read_dialogue(prompt.column, asked, prompt=True)
            if awaits:
                values = [value.strip() if isinstance(value, str) else value for value in values]
            if prompt.column in CONVERSATIONS:
                asked = _before_reply(prompt.column, asked, reply(asked, values[0]))
            if not turns and isinstance(asked, str) and all(isinstance(value, str) for value in values):
                values = repeated.take_off(prompt.column, asked, values)
            asked, *both = _join((prompt.column, first, second), asked, values)
        difference = _difference(record, (first, second))
        if difference is not None and difference < 0:
            notes.add(f"some ratings of {second} are higher than those of {first}; the columns decide")
        return [Sides(asked, *both, tied=difference == 0, strength=difference)]

    columns = prompt.columns if prompt is not None else ()
    return Format(
        _name(prompt, turns, isinstance(sides[0], list), record), (*columns, first, second), convert,
        optional=ratings, strengths=True, notes=notes,
    )  # fmt: skip


def _response(name: str, value: Any) -> Any:
    if isinstance(value, list) and value and all(isinstance(text, str) for text in value):
        raise ValueError(
            f"{name} must be one response, got a list of {len(value):,} texts; write a record for each pair"
        )
    return value


def _name(prompt: Prompt | None, turns: bool, messages: bool, record: Record) -> str:
    if prompt is None:
        return "Anthropic HH" if turns else "implicit prompt"
    in_both = messages and isinstance(record.get(prompt.column), str)
    return "prompt and dialogues" if in_both or turns else "explicit prompt"


# --- The prompt inside both sides -----------------------------------------------------------------------------------


def _without_prompt(record: Record, names: Names, sides: list[Any]) -> Joined:
    if not is_missing(record.get("prompt")):
        raise ValueError("has a prompt, and the first record had none; give every record a prompt, or none")
    for name, side in zip(names, sides, strict=True):
        if not isinstance(side, list | tuple) or not side:
            raise ValueError(f"{name} must be a list of messages that begins with the prompt, got {named(side)}")
    if all(role_of(side[0]) == "assistant" for side in sides):
        raise ValueError(
            f"{' and '.join(names)} begin with the assistant, and no column holds the prompt; found the columns "
            f"{listed(record)}"
        )
    return _share_turns(("the turns that both begin with", *names), sides)


def _join(names: Names, asked: Any, sides: list[Any]) -> Joined:
    """Return a prompt and its two responses, without the prompt if they repeat it."""
    lists = [isinstance(side, list | tuple) for side in sides]
    if isinstance(asked, str) and any(lists):
        for name, side, known in zip(names[1:], sides, lists, strict=True):
            if not known or not side:
                raise ValueError(f"{name} must be a list of messages, like the other side, got {named(side)}")
        return _join_text_and_turns(names, asked, sides)
    if isinstance(asked, str):
        return asked, sides[0], sides[1]
    return _join_turns(names, list(asked), [reply(asked, side) for side in sides])


def _join_text_and_turns(names: Names, asked: str, sides: list[Any]) -> Joined:
    question = {"role": "user", "content": asked}
    if all(role_of(side[0]) == "assistant" for side in sides):
        return [question], sides[0], sides[1]
    if asked.strip() and not all(any(same_turn(message, question) for message in side) for side in sides):
        column, chosen, rejected = names
        raise ValueError(
            f"{chosen} and {rejected} must begin with the {column} as a user's message, or be the reply alone"
        )
    return _share_turns(names, sides)


def _share_turns(names: Names, sides: list[Any]) -> Joined:
    """Return as the prompt the turns that both sides begin with, and what follows; a repetition of them is dropped.

    A system prompt that only one side has belongs to the prompt.
    """
    systems, bare = zip(*map(_split_system, sides), strict=True)
    known = [system for system in systems if system]
    if len(known) == 1 and all(bare):
        sides = [[*known[0], *side] for side in bare]
    asked, chosen, rejected = split_turns(*sides)
    return _join_turns(names, asked, [chosen, rejected]) if asked else (asked, chosen, rejected)


def _join_turns(names: Names, asked: list[Any], sides: list[Any]) -> Joined:
    lists = all(isinstance(side, list | tuple) and side for side in sides)
    if not lists or role_of(asked[-1] if asked else None) == "assistant" or not any(map(_opens, sides)):
        return asked, sides[0], sides[1]
    if not asked:
        return split_turns(*sides)
    systems, (bare, *rest) = zip(*map(_split_system, (asked, *sides)), strict=True)
    repeats = [begins_with(side, bare) for side in rest]
    if not any(repeats) and not split_turns(*sides)[0]:
        return asked, sides[0], sides[1]  # nothing is repeated: each side continues the prompt in its own way
    known = [system for system in systems if system]
    if not all(repeated or not _opens(side) for side, repeated in zip(sides, repeats, strict=True)) or not all(
        same_turn(system[0], known[0][0]) for system in known
    ):
        raise ValueError(f"{names[1]} and {names[2]} begin with turns that are not those of {names[0]}")
    replies = (side[len(bare) :] if repeated else side for side, repeated in zip(rest, repeats, strict=True))
    shared, chosen, rejected = split_turns(*replies)
    return [*(known[0] if known else ()), *bare, *shared], chosen, rejected


def _opens(side: list[Any]) -> bool:
    """Return whether a conversation begins where a prompt would."""
    return role_of(side[0]) in ("user", "system")


def _split_system(turns: list[Any]) -> tuple[list[Any], list[Any]]:
    n = 1 if turns and role_of(turns[0]) == "system" else 0
    return turns[:n], turns[n:]


def _before_reply(column: str, asked: Any, chosen: Any) -> Any:
    """Return the turns before the reply: a column of conversations may end with the chosen response."""
    if not isinstance(asked, list) or not asked or role_of(asked[-1]) != "assistant":
        return asked
    if isinstance(chosen, list) and chosen and same_turn(asked[-1], chosen[-1]):
        return asked[:-1]
    raise ValueError(
        f"{column} must hold the prompt, and ends with a turn of the assistant that is not the chosen response"
    )


# --- The prompt at the beginning of text ----------------------------------------------------------------------------


class _RepeatedPrompt:
    """Whether both responses of a file repeat the prompt; the first prompt that is long enough decides."""

    def __init__(self, names: Names, notes: set[str]):
        self._names, self._notes = names, notes
        self._whole: bool | None = None
        self._kept = False  # whether two responses that begin with their prompt were taken as they are

    def take_off(self, column: str, asked: str, sides: list[Any]) -> list[str]:
        """Return the two responses, without the prompt if this file repeats it. Raises ValueError if one lacks it."""
        if not asked.strip():
            return sides
        rests = [_rest(side, asked) for side in sides]
        both = all(rest is not None for rest in rests)
        first, second = self._names
        if self._whole is None and (len(asked.strip()) >= _LONG_ENOUGH or not both):
            self._whole = both
            if both and self._kept:
                raise ValueError(
                    f"{first} and {second} begin with the {column}, and earlier ones were too short to tell whether it "
                    "is repeated on purpose; remove it everywhere, or put this record first"
                )
        if self._whole:
            for name, rest in zip(self._names, rests, strict=True):
                if rest is None:
                    raise ValueError(
                        f"{name} does not begin with the {column}, as both sides of the first record do; remove it "
                        "there, or begin every side with it"
                    )
            self._notes.add(f"{first} and {second} begin with the prompt, which was taken off")
            return [rest for rest in rests if rest is not None]
        if both:
            self._kept = True
            self._notes.add(
                f"in some records {first} and {second} both begin with the prompt, and were left as they are"
            )
        return sides


def _rest(side: str, asked: str) -> str | None:
    """Return what follows the prompt in a text; None if the text does not begin with it, or holds nothing else.

    White space and Unicode's form may differ. The prompt must not end inside a word of the text.
    """
    if not (side.isascii() and asked.isascii()):
        side, asked = (unicodedata.normalize("NFC", text) for text in (side, asked))
    text, words = side.lstrip(), asked.split()
    if not words or not text.startswith(words[0]):
        return None
    rest = text
    for word in words:
        rest = rest.lstrip()
        if not rest.startswith(word):
            return None
        rest = rest[len(word) :]
    whole_word = not (words[-1][-1].isalnum() and rest[:1].isalnum())
    return rest if rest.strip() and whole_word else None


# --- Ratings --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _rating_pair(columns: frozenset[str]) -> Names | None:
    """Return the two columns in which the chosen and the rejected response are rated."""
    return next((names for names in RATING_PAIRS if columns >= set(names)), None)


def _difference(record: Record, sides: Names) -> float | None:
    """Return by how much the chosen response is rated above the other; None if one of them is not rated."""
    names = _rating_pair(frozenset(record))
    of_sides = next((name for name in _OF_SIDES if isinstance(record.get(name), dict)), None)
    if names is not None:
        values = [record[name] for name in names]
    elif of_sides is not None:
        values, names = [record[of_sides].get(side) for side in sides], tuple(f"{of_sides}.{side}" for side in sides)
    else:
        both = next((name for name in _BOTH_RATINGS if isinstance(record.get(name), list)), None)
        if both is None:
            return None
        values = record[both]
        if len(values) != 2:
            raise ValueError(f"{both} must be a list of two ratings, got {named(values)}")
        names = (f"{both}[0]", f"{both}[1]")
    first, second = (optional_number(name, value) for name, value in zip(names, values, strict=True))
    if first is None or second is None:
        return None
    # a list is in the order of the generations, so the sign is unknown
    return abs(first - second) if names[0].endswith("]") else first - second


CHOSEN_AND_REJECTED = Family(
    "explicit prompt",
    (CHOSEN_REJECTED,),
    _make,
    "The prompt (text or messages, under any of its names) and two responses. Without a prompt column, messages and HH "
    "text: the turns that both share are the prompt. Equal ratings of the two are a tie.",
    optional=tuple(dict.fromkeys((*_ALL_RATINGS, *_BOTH_RATINGS, *_OF_SIDES))),
    also=("implicit prompt", "prompt and dialogues", "Anthropic HH"),
)
