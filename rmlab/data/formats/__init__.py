"""The formats of preference data that rmlab recognises, and how a record of each becomes the sides of comparisons.

`recognise` looks at the columns and the first record of a file and returns its format, whose ``convert`` then reads
every record. A format of single rated responses also has a ``rate``; `rmlab.data.gather` brings those together first.
Before either sees a record, cells that hold lists as text are parsed and messages are brought into one form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from difflib import SequenceMatcher
from functools import cache, partial
from typing import Any, TypeVar

from rmlab.data.formats.ab import AB, ALPACA_EVAL, pku
from rmlab.data.formats.annotation import ARGILLA, LABEL_STUDIO
from rmlab.data.formats.arena import ARENA, ARENA_COLUMNS
from rmlab.data.formats.base import OPTIONAL_COLUMNS, Format, NoPairError, Rated, Record
from rmlab.data.formats.cells import structured, unpack
from rmlab.data.formats.chosen_rejected import CHOSEN_AND_REJECTED
from rmlab.data.formats.family import Family
from rmlab.data.formats.helpsteer import HELPSTEER_PREFERENCES
from rmlab.data.formats.messages import NotTextError, plain
from rmlab.data.formats.openai import SUMMARIES, WEBGPT
from rmlab.data.formats.rated import rated_formats
from rmlab.data.formats.rewardbench_files import REWARDBENCH, REWARDBENCH_2
from rmlab.data.formats.shp import SHP
from rmlab.data.formats.trainers import LLAMA_FACTORY_OUTPUTS, MS_SWIFT
from rmlab.data.rows import DataError, Sides, listed

__all__ = [
    "Format",
    "NoPairError",
    "Rated",
    "Record",
    "all_formats",
    "known_columns",
    "message_sides",
    "recognise",
    "unpack_sides",
]

Result = TypeVar("Result")


@cache
def all_formats(rating: str | None = None) -> tuple[Format | Family, ...]:
    """Return every format, those with more columns before those that need only some of them."""
    pairs = (REWARDBENCH_2, REWARDBENCH, *MS_SWIFT, CHOSEN_AND_REJECTED, LLAMA_FACTORY_OUTPUTS)
    choices = (ARENA_COLUMNS, ALPACA_EVAL, pku(rating), WEBGPT, SUMMARIES, SHP, *HELPSTEER_PREFERENCES, AB, ARENA)
    return (*pairs, LABEL_STUDIO, *ARGILLA, *choices, *rated_formats(rating))


@cache
def known_columns(rating: str | None) -> frozenset[str]:
    """Return the columns that some format reads."""
    return frozenset().union(OPTIONAL_COLUMNS, *(layout.known for layout in all_formats(rating)))


def recognise(columns: Iterable[str], record: Record, where: str, *, rating: str | None = None) -> Format:
    """Return the format of a file from its columns and its first record.

    Raises
    ------
    DataError
        If no format fits, or it is unclear which column is the prompt; the text shows the columns found, and the
        nearest format if one is near. Also if a rating was named, and the file holds none.
    """
    found = frozenset(columns)
    cells = structured(record)
    candidates = [layout for layout in all_formats(rating) if layout.rated or rating is None]
    try:
        first = _prepare(record, found, cells, set(), lenient=True)
        matches = (layout.match(found, first) for layout in candidates)
        layout = next((match for match in matches if match is not None), None)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None
    if layout is None:
        raise DataError(f"{where}: {_unknown(found, candidates, rating)}")
    notes = set(layout.notes)
    prepare = partial(_converted, names=layout.known, media=layout.media, cells=cells, notes=notes)
    rate = None if layout.rate is None else partial(prepare, layout.rate)
    return replace(layout, convert=partial(prepare, layout.convert), rate=rate, notes=notes)


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
    record: Record, names: frozenset[str], cells: frozenset[str], notes: set[str], *, lenient: bool = False
) -> Record:
    """Return a record whose cells in these columns are parsed and whose messages are in one form.

    The first record is read leniently to learn its format: its faults are reported when it is converted.
    """
    prepared: dict[str, Any] = dict(record)
    for name, value in record.items():
        if name not in names:
            continue
        try:
            if name in cells and isinstance(value, str):
                value = unpack(name, value)
            prepared[name] = plain(name, value, notes)
        except ValueError:
            if not lenient:
                raise
    return prepared


def message_sides(sides: Sides) -> frozenset[str]:
    """Return which of prompt, chosen and rejected hold messages as text, such as the inner fields of an export do."""
    return structured({name: getattr(sides, name) for name in ("prompt", "chosen", "rejected")})


def unpack_sides(sides: Sides, names: frozenset[str], notes: set[str]) -> Sides:
    """Return the sides with the messages that these of them hold as text. Raises ValueError, without a place."""
    texts = {name: text for name in names if isinstance(text := getattr(sides, name), str)}
    return sides._replace(**{name: plain(name, unpack(name, text), notes) for name, text in texts.items()})


# --- The error for a file of no known format -------------------------------------------------------------------------


def _unknown(found: frozenset[str], candidates: list[Format | Family], rating: str | None) -> str:
    known = "no known format has" if rating is None else f"no known format of responses with the rating {rating!r} has"
    general = [layout for layout in candidates if not (isinstance(layout, Format) and layout.fits)]
    nearest = max(general, key=lambda layout: _likeness(layout.nearest(found), found))
    wanted = nearest.nearest(found)
    near = ""
    if _likeness(wanted, found) > 0.5:
        missing = [name for name in wanted if name not in found]
        near = f" The nearest is {nearest.name} ({', '.join(wanted)}), without {', '.join(missing)}."
    remedy = "Rename the columns, or write prompt, chosen and rejected"
    return f"found the columns {listed(found)}, which {known}.{near} {remedy}"


def _likeness(wanted: tuple[str, ...], found: frozenset[str]) -> float:
    """Return the share of the wanted columns that are found; a misspelt one counts in part."""

    def best(name: str) -> float:
        ratios = [SequenceMatcher(None, name.lower(), column.lower()).ratio() for column in found]
        return max((ratio for ratio in ratios if ratio >= 0.8), default=0.0)

    return sum(map(best, wanted)) / len(wanted)
