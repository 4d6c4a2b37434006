"""The formats of preference data that rmlab recognises, and how a record of each becomes the sides of comparisons.

`recognise` looks at the columns and the first record of a file and returns its format, whose ``convert`` then reads
every record. A format of single rated responses also has a ``rate``; `rmlab.data.gather` brings those together first.
Before either sees a record, cells that hold lists as text are parsed and messages are brought into one form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache, partial
from typing import Any, TypeVar

from rmlab.data.formats.ab import AB, ALPACA_EVAL, pku
from rmlab.data.formats.annotation import ARGILLA, LABEL_STUDIO, LABEL_STUDIO_ANSWERS, QUESTION_ENDINGS
from rmlab.data.formats.arena import ARENA, ARENA_COLUMNS
from rmlab.data.formats.base import OPTIONAL_COLUMNS, Format, NoPairError, Rated, Record
from rmlab.data.formats.cells import structured, unpack
from rmlab.data.formats.chosen_rejected import CHOSEN_AND_REJECTED
from rmlab.data.formats.family import Family
from rmlab.data.formats.helpsteer import HELPSTEER_PREFERENCES
from rmlab.data.formats.messages import NotTextError, plain
from rmlab.data.formats.oasst import OASST_TREES
from rmlab.data.formats.openai import SUMMARIES, WEBGPT
from rmlab.data.formats.rated import rated_formats
from rmlab.data.formats.rewardbench_files import REWARDBENCH, REWARDBENCH_2, RM_BENCH
from rmlab.data.formats.shp import SHP
from rmlab.data.formats.trainers import LLAMA_FACTORY_OUTPUTS, MS_SWIFT
from rmlab.data.formats.unknown import unknown
from rmlab.data.rows import DataError, Sides

__all__ = [
    "Format",
    "NoPairError",
    "Rated",
    "Record",
    "all_formats",
    "columns_to_read",
    "message_sides",
    "recognise",
    "unpack_sides",
]

Result = TypeVar("Result")


@cache
def all_formats(rating: str | None = None) -> tuple[Format | Family, ...]:
    """Return every format, those with more columns before those that need only some of them."""
    pairs = (REWARDBENCH_2, REWARDBENCH, RM_BENCH, *MS_SWIFT, CHOSEN_AND_REJECTED, LLAMA_FACTORY_OUTPUTS)
    choices = (ARENA_COLUMNS, ALPACA_EVAL, pku(rating), WEBGPT, SUMMARIES, SHP, *HELPSTEER_PREFERENCES, AB, ARENA)
    exports = (LABEL_STUDIO, LABEL_STUDIO_ANSWERS, *ARGILLA)
    return (*pairs, *exports, *choices, OASST_TREES, *rated_formats(rating))


@cache
def _known_columns(rating: str | None) -> frozenset[str]:
    return frozenset().union(OPTIONAL_COLUMNS, *(layout.known for layout in all_formats(rating)))


def columns_to_read(found: list[str], rating: str | None) -> list[str]:
    """Return the columns of a table that some format reads, or all of them in an export with columns of any name.

    `recognise` gets the names of the other columns too.
    """
    if any(name.endswith(QUESTION_ENDINGS) for name in found):
        return list(found)
    known = _known_columns(rating)
    return [name for name in found if name in known]


def recognise(columns: Iterable[str], record: Record, where: str, *, rating: str | None = None) -> Format:
    """Return the format of a file from its columns and its first record.

    Raises
    ------
    DataError
        If no format fits, or it is unclear which column is the prompt; the text shows the columns found, and the
        nearest format if one is near. Also if a rating is named and the file does not hold it.
    """
    found = frozenset(columns)
    cells = structured(record)
    candidates = [layout for layout in all_formats(rating) if layout.rated or rating is None]
    faults: list[ValueError] = []
    first = _prepare(record, found, cells, set(), faults)
    try:
        matches = (layout.match(found, first) for layout in candidates)
        layout = next((match for match in matches if match is not None), None)
    except ValueError as error:
        raise DataError(f"{where}: {(faults or [error])[0]}") from None
    if layout is None:
        raise DataError(f"{where}: {faults[0] if faults else unknown(found, first, candidates, rating)}")
    prepare = partial(_converted, names=layout.known, media=layout.media, cells=cells, notes=layout.notes)
    rate = None if layout.rate is None else partial(prepare, layout.rate)
    return replace(layout, convert=partial(prepare, layout.convert), rate=rate)


def _converted(
    convert: Callable[[Record], Result],
    record: Record,
    *,
    names: frozenset[str],
    media: bool,
    cells: frozenset[str],
    notes: set[str],
) -> Result:
    try:
        return convert(_prepare(record, names, cells, notes))
    except NotTextError:
        if media:
            raise NoPairError("with something other than text, such as an image") from None
        raise


def _prepare(
    record: Record,
    names: frozenset[str],
    cells: frozenset[str],
    notes: set[str],
    faults: list[ValueError] | None = None,
) -> Record:
    """Return a record whose cells in these columns are parsed and whose messages are in one form.

    If `faults` is given, faults are added to it and not raised: the first record is recognised before it is converted.
    """
    prepared: dict[str, Any] = dict(record)
    for name, value in record.items():
        if name not in names:
            continue
        try:
            if name in cells and isinstance(value, str):
                value = unpack(name, value)
            prepared[name] = plain(name, value, notes)
        except ValueError as fault:
            if faults is None:
                raise
            faults.append(fault)
    return prepared


def message_sides(sides: Sides) -> frozenset[str]:
    """Return which of prompt, chosen and rejected hold messages as text, as the inner fields of an export do."""
    return structured({name: getattr(sides, name) for name in ("prompt", "chosen", "rejected")})


def unpack_sides(sides: Sides, names: frozenset[str], notes: set[str]) -> Sides:
    """Return the sides, those in `names` parsed from text into messages. Raises ValueError without file and line."""
    late = message_sides(sides) - names
    if "prompt" in late or late >= {"chosen", "rejected"}:
        raise ValueError(f"{', '.join(sorted(late))} must be plain text, as in the first record, got messages as text")
    texts = {name: text for name in names if isinstance(text := getattr(sides, name), str)}
    return sides._replace(**{name: plain(name, unpack(name, text), notes) for name, text in texts.items()})
