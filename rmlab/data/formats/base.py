"""The parts of every format: `Format`, the error that leaves a record out, and functions that read a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from rmlab.data.rows import OPTIONAL, Sides, is_missing, listed, named, read_number

__all__ = [
    "OPTIONAL_COLUMNS",
    "PAIRS_LIMIT",
    "Format",
    "NoPairError",
    "Rated",
    "Record",
    "as_records",
    "get",
    "get_judgement",
    "optional_number",
    "optional_text",
    "plain_label",
    "read_label",
    "text_of",
]

Record = Mapping[str, Any]
"""Column names and values, as JSON, CSV or Parquet gave them."""

OPTIONAL_COLUMNS = tuple(column for columns in OPTIONAL.values() for column in columns)
"""Columns that any format may carry; ``kind`` is read as the group if there is no ``group``."""
PAIRS_LIMIT = 100_000
"""The most comparisons of one record."""


class NoPairError(ValueError):
    """A sound record without a comparison, such as one response alone; it is counted under this reason."""


class Rated(NamedTuple):
    """One rated response, from a row of its own; rows of one `key` are compared with each other."""

    key: str
    prompt: Any
    response: Any
    rating: float
    carried: dict[str, Any]


@dataclass(frozen=True)
class Format:
    """A recognised layout of records.

    Parameters
    ----------
    name
        The name in the report and in errors.
    columns
        The columns that a file of this format must have.
    convert
        A function that returns the comparisons of a record, and a NoPairError for each part that is left out. It raises
        ValueError without file and line for a faulty record, and NoPairError for a sound one without a comparison.
    becomes
        What becomes of a record, for the table of formats in the documentation.
    optional
        Further columns that are read if they are there.
    carries
        The columns of `OPTIONAL_COLUMNS` that this format reads.
    fits
        A condition on the first record, if other formats have the same columns.
    uses
        A function that returns further columns to read, from the first record.
    rate
        A function that reads a record of one rated response, if that is what the records are. `convert` then gets the
        records of a set together, as ``{"prompt", "rated"}``.
    sets
        Whether the pairs of one record are judged together, and so get an ``item`` in common.
    strengths
        Whether the comparisons have a strength, from which `read_pairs` can make a margin.
    rated
        Whether a rating decides the comparison, so that another can be named.
    media
        Whether published records hold images among the text: such records are left out and counted, not refused.
    notes
        What was read differently from the file, for the report; it grows while the records of a file are converted.
    """

    name: str
    columns: tuple[str, ...]
    convert: Callable[[Record], Iterable[Sides | NoPairError]]
    becomes: str = ""
    optional: tuple[str, ...] = ()
    carries: tuple[str, ...] = OPTIONAL_COLUMNS
    fits: Callable[[Record], bool] | None = None
    uses: Callable[[Record], Iterable[str]] | None = None
    rate: Callable[[Record], Rated] | None = None
    sets: bool = False
    strengths: bool = False
    rated: bool = False
    media: bool = False
    notes: set[str] = field(default_factory=set, compare=False)

    @property
    def known(self) -> frozenset[str]:
        """Every column that is read."""
        return frozenset(self.columns + self.optional + self.carries)

    def match(self, found: Set[str], record: Record) -> Format | None:
        """Return the format if a file with these columns and this first record has it."""
        if not found >= set(self.columns) or not (self.fits is None or self.fits(record)):
            return None
        used = () if self.uses is None else self.uses(record)
        return replace(self, optional=(*self.optional, *used), notes=set(self.notes))

    def nearest(self, found: Set[str]) -> tuple[str, ...]:
        """Return the columns of the format, for an error about a file that lacks some of them."""
        del found
        return self.columns


def get(record: Record, name: str) -> Any:
    """Return a value that must be there. Raises ValueError if it is missing."""
    if name not in record:
        raise ValueError(f"has no {name}; found the columns {listed(record)}")
    value = record[name]
    if is_missing(value):
        raise ValueError(f"{name} is {'null' if value is None else 'NaN, a missing value; leave the record out'}")
    return value


def get_judgement(record: Record, name: str) -> Any:
    """Return a judgement. Raises NoPairError if the column is there but nobody gave one."""
    value = record.get(name, 0)
    if is_missing(value) or (isinstance(value, str) and not value.strip()):
        raise NoPairError("without a preference")
    return get(record, name)


def plain_label(text: str) -> str:
    """Return a label in the form in which labels are compared: "[[A]]" and "A is better" are ``a``."""
    return _WINS.sub("", re.sub(r"[\s-]+", "_", text.strip("[] \t\r\n").lower()))


_WINS = re.compile(r"_(wins|won|is_better|better)$")


def read_label(name: str, value: Any, labels: Mapping[str, int], expected: str) -> int:
    """Return the meaning of a label, looked up by its plain form; whole numbers may be floats or text."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a column of whole numbers and gaps is read as floats
    text = plain_label(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if text not in labels:
        raise ValueError(f"{name} must be {expected}, got {named(value)}")
    return labels[text]


def text_of(name: str, value: Any) -> str:
    """Return a value that must be text."""
    if not isinstance(value, str):
        raise ValueError(f"{name} must be text, got {named(value)}")
    return value


def optional_text(record: Record, name: str) -> str | None:
    """Return a value that must be text if it is there."""
    value = record.get(name)
    return None if is_missing(value) else text_of(name, value)


def optional_number(name: str, value: Any) -> float | None:
    """Return a rating, or None where there is none: null, NaN, or a word for it such as N/A."""
    if is_missing(value) or (isinstance(value, str) and value.strip().lower() in _NO_RATING):
        return None
    return read_number(name, value)


_NO_RATING = ("", "n/a", "na", "nan", "none", "null")


def as_records(name: str, value: Any) -> list[dict[str, Any]]:
    """Return a list of objects, which the hub may hold as one object of lists."""
    if isinstance(value, dict) and value and all(isinstance(column, list) for column in value.values()):
        lengths = {len(column) for column in value.values()}
        if len(lengths) > 1:
            raise ValueError(
                f"{name} must hold lists of the same length, got lengths {', '.join(map(str, sorted(lengths)))}"
            )
        value = [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list, got {named(value)}")
    for i, entry in enumerate(value):
        if not isinstance(entry, dict):
            raise ValueError(f"{name}[{i}] must be an object, got {named(entry)}")
    return value
