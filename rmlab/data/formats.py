"""The formats of preference data that rmlab recognises, and how a record of each becomes the sides of a comparison.

A record is a mapping of column names to values, as JSON, CSV or Parquet gave it. `recognise` looks at the first record
of a file and names its format, whose ``convert`` then serves every record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from rmlab.data.rows import DataError, Sides, listed, named

__all__ = ["KNOWN_COLUMNS", "OPTIONAL_COLUMNS", "Format", "recognise"]

OPTIONAL_COLUMNS = ("margin", "group", "kind", "tied", "chosen_first")
"""Columns that any format may carry; ``kind`` is read as the group where there is no ``group``."""


class Format(NamedTuple):
    """A recognised layout of records."""

    name: str
    columns: tuple[str, ...]
    convert: Callable[[Mapping[str, Any]], Sides]


def recognise(columns: Iterable[str], record: Mapping[str, Any], where: str) -> Format:
    """Name the format of a file from its columns and its first record.

    Raises
    ------
    DataError
        If no format fits; the text shows the columns found and the nearest format.
    """
    found = set(columns)
    if found.issuperset(_EXPLICIT.columns):
        return _EXPLICIT
    if found.issuperset(_IMPLICIT.columns):
        texts = (record.get("chosen"), record.get("rejected"))
        return _HH if all(isinstance(text, str) and _HH_OPENING.match(text) for text in texts) else _IMPLICIT
    for layout in _AB:
        if found.issuperset(layout.columns):
            return layout
    nearest = max((_EXPLICIT, *_AB, _IMPLICIT), key=lambda layout: _likeness(layout.columns, found))
    missing = [name for name in nearest.columns if name not in found]
    raise DataError(
        f"{where}: found the columns {listed(found)}, which no known format has. The nearest is {nearest.name} "
        f"({', '.join(nearest.columns)}), without {', '.join(missing)}. Rename the columns, or write the file as JSONL "
        "with prompt, chosen and rejected"
    )


# --- TRL's formats: an explicit prompt, or one that both sides begin with -------------------------------------------


def _from_explicit(record: Mapping[str, Any]) -> Sides:
    return Sides(_get(record, "prompt"), _get(record, "chosen"), _get(record, "rejected"))


def _from_implicit(record: Mapping[str, Any]) -> Sides:
    chosen, rejected = _without_prompt_column(record)
    if isinstance(chosen, str) and isinstance(rejected, str):
        return Sides(*_split_text(chosen, rejected))
    if isinstance(chosen, list | tuple) and isinstance(rejected, list | tuple) and chosen and rejected:
        return Sides(*_split_turns(chosen, rejected))
    return Sides([] if isinstance(chosen, list | tuple) else "", chosen, rejected)  # its fault is named by encode_sides


def _without_prompt_column(record: Mapping[str, Any]) -> tuple[Any, Any]:
    if record.get("prompt") is not None:
        raise ValueError("has a prompt, and the first record had none; give every record a prompt, or none")
    return _get(record, "chosen"), _get(record, "rejected")


def _split_turns(chosen: Any, rejected: Any) -> tuple[Any, Any, Any]:
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


# --- Anthropic HH: dialogues written out as text --------------------------------------------------------------------

_HH_OPENING = re.compile(r"\s*Human:")
_HH_TURN = re.compile(r"(?:^\s*|\n\n)(Human|Assistant):")
_HH_ROLES = {"Human": "user", "Assistant": "assistant"}


def _from_hh(record: Mapping[str, Any]) -> Sides:
    chosen, rejected = _without_prompt_column(record)
    return Sides(*_split_turns(_read_hh("chosen", chosen), _read_hh("rejected", rejected)))


def _read_hh(side: str, text: Any) -> list[dict[str, str]]:
    if not isinstance(text, str):
        raise ValueError(f"{side} must be text, got {named(text)}")
    parts = _HH_TURN.split(text)  # text before the first turn, then role and content by turns
    if parts[0] or len(parts) == 1:
        raise ValueError(
            f'{side} must be a dialogue that begins with "\\n\\nHuman:", like the first record, got other text'
        )
    turns = zip(parts[1::2], parts[2::2], strict=True)
    return [{"role": _HH_ROLES[speaker], "content": content.strip()} for speaker, content in turns]


# --- A prompt, two responses and which was preferred ----------------------------------------------------------------

_TIES = ("tie", "tied", "equal", "same", "draw", "no preference", "tie (bothbad)")


def _ab(prompt: str, first: str, second: str, preference: str) -> Format:
    suffixes = [name.rsplit("_", 1)[-1].lower() for name in (first, second)]
    labels: dict[str, int] = {tie: 0 for tie in _TIES}  # noqa: C420 - typed as str, not as these literals
    for number, (suffix, name) in enumerate(zip(suffixes, (first, second), strict=True), start=1):
        labels |= {suffix: number, name.lower(): number, f"model_{suffix}": number}
    expected = f"{', '.join(dict.fromkeys((*suffixes, first, second)))} or tie"

    def convert(record: Mapping[str, Any]) -> Sides:
        a, b, label = (_get(record, name) for name in (first, second, preference))
        winner = labels.get(_label_text(label))
        if winner is None:
            raise ValueError(f"{preference} must be one of {expected}, got {named(label)}")
        chosen, rejected = (b, a) if winner == 2 else (a, b)
        return Sides(_get(record, prompt), chosen, rejected, tied=winner == 0, chosen_first=winner != 2)

    return Format("A/B", (prompt, first, second, preference), convert)


def _label_text(label: Any) -> str:
    if isinstance(label, float) and label.is_integer():
        label = int(label)  # a column of whole numbers and gaps comes as floats
    return str(label).strip().lower() if isinstance(label, str | int) and not isinstance(label, bool) else ""


_EXPLICIT = Format("explicit prompt", ("prompt", "chosen", "rejected"), _from_explicit)
_IMPLICIT = Format("implicit prompt", ("chosen", "rejected"), _from_implicit)
_HH = Format("Anthropic HH", ("chosen", "rejected"), _from_hh)
_RESPONSES = [
    (f"{stem}_{first}", f"{stem}_{second}")
    for stem in ("response", "answer", "completion", "output")
    for first, second in ("ab", "AB", "12", "01")
]
_AB = tuple(
    _ab(prompt, first, second, preference)
    for prompt in ("prompt", "question", "instruction")
    for first, second in (*_RESPONSES, ("left", "right"))
    for preference in ("preference", "preferred", "winner", "label", "choice")
)
KNOWN_COLUMNS = frozenset(OPTIONAL_COLUMNS).union(*(layout.columns for layout in (_EXPLICIT, *_AB)))


def _get(record: Mapping[str, Any], name: str) -> Any:
    if name not in record:
        raise ValueError(f"has no {name}; found the columns {listed(record)}")
    value = record[name]
    if value is None:
        raise ValueError(f"{name} is null")
    return value


def _likeness(wanted: tuple[str, ...], found: set[str]) -> float:
    def best(name: str) -> float:
        return max((SequenceMatcher(None, name, column.lower()).ratio() for column in found), default=0.0)

    return sum(map(best, wanted)) / len(wanted)
