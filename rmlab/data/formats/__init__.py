"""The formats of preference data that rmlab recognises, and how a record of each becomes the sides of comparisons.

`recognise` looks at the columns and the first record of a file and names its format, whose ``convert`` then serves
every record. A format of single rated responses also has a ``rate``; `rmlab.data.gather` brings those together first.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import cache

from rmlab.data.formats.ab import AB, HELPSTEER_PREFERENCES, SHP
from rmlab.data.formats.arena import ARENA, ARENA_COLUMNS
from rmlab.data.formats.base import OPTIONAL_COLUMNS, Format, NoPairError, Rated, Record
from rmlab.data.formats.hh import HH
from rmlab.data.formats.rated import rated_formats
from rmlab.data.formats.rewardbench import REWARDBENCH, REWARDBENCH_2
from rmlab.data.formats.trl import EXPLICIT, IMPLICIT, PROMPT_AND_DIALOGUES
from rmlab.data.rows import DataError, listed

__all__ = ["Format", "NoPairError", "Rated", "Record", "known_columns", "recognise"]


@cache
def _formats(rating: str | None) -> tuple[Format, ...]:
    """Every format, one with more columns before one that makes do with some of them."""
    pairs = (REWARDBENCH_2, REWARDBENCH, PROMPT_AND_DIALOGUES, EXPLICIT, HH, IMPLICIT)
    choices = (ARENA_COLUMNS, *AB, ARENA, SHP, *HELPSTEER_PREFERENCES)
    return (*pairs, *choices, *rated_formats(rating))


@cache
def known_columns(rating: str | None) -> frozenset[str]:
    """Columns that some format reads."""
    return frozenset().union(OPTIONAL_COLUMNS, *(layout.known for layout in _formats(rating)))


def recognise(columns: Iterable[str], record: Record, where: str, *, rating: str | None = None) -> Format:
    """Name the format of a file from its columns and its first record.

    Raises
    ------
    DataError
        If no format fits; the text shows the columns found and the nearest format. Or if a rating was named, and the
        file holds none.
    """
    found = set(columns)
    candidates = [layout for layout in _formats(rating) if layout.rated or rating is None]
    for layout in candidates:
        if found.issuperset(layout.columns) and (layout.fits is None or layout.fits(record)):
            return layout
    general = [layout for layout in candidates if layout.fits is None]
    nearest = max(general, key=lambda layout: _likeness(layout.columns, found))
    missing = [name for name in nearest.columns if name not in found]
    known = "no known format has" if rating is None else f"no known format of responses with the rating {rating!r} has"
    raise DataError(
        f"{where}: found the columns {listed(found)}, which {known}. The nearest is {nearest.name} "
        f"({', '.join(nearest.columns)}), without {', '.join(missing)}. Rename the columns, or write the file as JSONL "
        "with prompt, chosen and rejected"
    )


def _likeness(wanted: tuple[str, ...], found: set[str]) -> float:
    def best(name: str) -> float:
        return max((SequenceMatcher(None, name.lower(), column.lower()).ratio() for column in found), default=0.0)

    return sum(map(best, wanted)) / len(wanted)
