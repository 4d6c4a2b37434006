"""A checked row: what a pair must be before it is stored, and the form in which its sides are stored.

Sides are stored as strings: text as it is, messages as JSON in one fixed form, so that equal dialogues are equal
strings.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sized
from decimal import Decimal
from typing import Any, NamedTuple

__all__ = [
    "NEXT_MESSAGE",
    "OPTIONAL",
    "DataError",
    "Row",
    "Sides",
    "encode_sides",
    "is_missing",
    "listed",
    "named",
    "read_number",
    "read_optional",
    "read_weight",
]

NEXT_MESSAGE = '"}, {"role": "'
"""The separator of two messages in the stored JSON; inside a content its quotes would be escaped."""

OPTIONAL = {
    "margin": ("margin",),
    "weight": ("weight",),
    "group": ("group", "kind"),
    "item": ("item",),
    "tied": ("tied", "tie", "is_tie"),
    "chosen_first": ("chosen_first",),
}
"""The optional fields of a pair, in the order of `Row`, each with the columns that it is read from."""


class DataError(ValueError):
    """Preference data that cannot be read; the text names the file and the line."""


class Sides(NamedTuple):
    """The prompt and responses of a comparison as they are in the file, before they are checked.

    `strength` is the strength of the preference in the judge's points. `group` and `item` are those that the format
    provides. `source` is set if it is not the place of the record.
    """

    prompt: Any
    chosen: Any
    rejected: Any
    tied: bool = False
    chosen_first: bool | None = None
    strength: float | None = None
    group: Any = None
    item: Any = None
    source: str | None = None


class Row(NamedTuple):
    """One checked pair as it is stored; the order of its fields is that of the columns of the Arrow table."""

    prompt: str
    chosen: str
    rejected: str
    margin: float | None
    weight: float
    group: str | None
    item: str | None
    tied: bool
    chosen_first: bool | None
    source: str | None


def encode_sides(sides: Sides, messages: bool | None, ignored: set[str]) -> tuple[tuple[str, str, str], bool]:
    """Check a prompt and its two responses, and return the strings to store.

    `messages` is whether earlier rows held messages, or None for the first row. The second value returned is whether
    this row does. Names of message fields that rmlab does not use are added to `ignored`. Raises ValueError without
    file and line.
    """
    like = "" if messages is None else ", like the records before"
    if messages is None:
        messages = any(isinstance(side, list | tuple) for side in sides[:3])
    kind = list | tuple if messages else str
    for name, value in zip(("prompt", "chosen", "rejected"), sides, strict=False):
        if not isinstance(value, kind):
            expected = "a list of messages" if messages else "text"
            other = "; text and messages are mixed" if isinstance(value, str | list | tuple) else ""
            raise ValueError(f"{name} must be {expected}{like}, got {named(value)}{other}")
    prompt, chosen, rejected = sides[:3]
    if not messages:
        return (prompt, chosen, rejected), False
    if not (chosen and rejected):
        raise ValueError("chosen and rejected must each hold at least one message, got an empty list")
    return (
        _encode_messages("prompt", prompt, ignored),
        _encode_messages("chosen", chosen, ignored),
        _encode_messages("rejected", rejected, ignored),
    ), True


def read_optional(
    record: Mapping[str, Any], sides: Sides, margin_per_point: float | None = None
) -> tuple[float | None, float, str | None, str | None, bool, bool | None]:
    """Return margin, weight, group, item, tied and chosen_first of a pair. Raises ValueError without file and line.

    The record's own values come before those of the format. A strength becomes a margin only if
    `margin_per_point` is given.
    """
    margin = record.get("margin")
    margin = None if margin is None or margin == "" else read_number("margin", margin)
    tied = sides.tied or any(_read_flag(name, record.get(name)) for name in OPTIONAL["tied"])
    if margin is None and margin_per_point is not None and sides.strength is not None and not tied:
        margin = margin_per_point * sides.strength
    weight = record.get("weight")
    weight = 1.0 if weight is None or weight == "" else read_weight("weight", weight)
    first = _read_flag("chosen_first", record.get("chosen_first"))
    group = _read_name("group", *map(record.get, OPTIONAL["group"]), sides.group)
    item = _read_name("item", record.get("item"), sides.item)
    return margin, weight, group, item, tied, sides.chosen_first if first is None else first


def _read_name(name: str, *values: Any) -> str | None:
    value = next((value for value in values if not is_missing(value)), None)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)  # a column of whole numbers and gaps is read as floats
    if value is not None and (isinstance(value, bool) or not isinstance(value, str | int | float)):
        raise ValueError(f"{name} must be text, got {named(value)}")
    return None if value is None or value == "" else str(value)


def read_number(name: str, value: Any) -> float:
    """Return a value as a finite number; in CSV it is text. Raises ValueError without file and line."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
            raise ValueError
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{name} must be a number, got {named(value)}") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {number}; give a number, or leave the record out")
    return number


def read_weight(name: str, value: Any) -> float:
    """Return a finite number above 0: how often a pair counts in training. Raises ValueError without file and line."""
    weight = read_number(name, value)
    if not weight > 0:
        raise ValueError(f"{name} must be above 0, got {named(value)}; leave out what should not count")
    return weight


def _read_flag(name: str, value: Any) -> bool | None:
    if is_missing(value):
        return None
    if value is True or value is False:
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    known = {"": None, "true": True, "false": False, "1": True, "0": False}
    if not isinstance(value, str | int) or str(value).strip().lower() not in known:
        raise ValueError(f"{name} must be true or false, got {named(value)}")
    return known[str(value).strip().lower()]


def _encode_messages(side: str, messages: Iterable[Any], ignored: set[str]) -> str:
    encoded = []
    for i, message in enumerate(messages):
        if not isinstance(message, Mapping):
            raise ValueError(f"{side}[{i}] must be a message with role and content, got {named(message)}")
        for key in ("role", "content"):
            if not isinstance(message.get(key), str):
                got = named(message[key]) if key in message else f"a message with {listed(message)}"
                raise ValueError(f"{side}[{i}] must have a {key} that is text, got {got}")
        if not message["role"]:
            raise ValueError(f"{side}[{i}] has an empty role; expected user, assistant or system")
        if len(message) > 2:  # Parquet gives every message every field, as null
            extra = message.keys() - {"role", "content"}
            ignored.update(f"{side}[].{key}" for key in extra if message[key] is not None)
        encoded.append({"role": message["role"], "content": message["content"]})
    return json.dumps(encoded, ensure_ascii=False)


def is_missing(value: Any) -> bool:
    """Return whether a value is absent: null, or NaN, which replaces null in tables of floats."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def listed(names: Iterable[str]) -> str:
    """Return the first twelve names in alphabetical order, as text, and the number of the others."""
    names = sorted(map(str, names))
    shown = ", ".join(name if len(name) <= 40 else name[:37] + "..." for name in names[:12])
    return (shown or "none") + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def named(value: Any) -> str:
    """Return a value as an error shows it: a short one as it is, a long one by type and length."""
    if is_missing(value):
        return "null" if value is None else "NaN, a missing value (leave the record out, or give the value)"
    if isinstance(value, str | int | float) and len(repr(value)) <= 40:
        return repr(value)
    return f"{type(value).__name__} of length {len(value):,}" if isinstance(value, Sized) else type(value).__name__
