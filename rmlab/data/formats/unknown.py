"""The error for a file of no known format: the columns found, and the nearest format if one is near."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

from rmlab.data.formats.base import Format, Record
from rmlab.data.formats.family import Family
from rmlab.data.rows import listed

__all__ = ["unknown"]

_ALIKE = 0.85
"""The share of equal letters from which a column counts as misspelt; prompt and prompt_id share fewer."""

_WHOLE = ("data", "dataset", "rows", "records", "examples", "items", "instances", "samples", "pairs", "train", "test")
"""Names for a list of records inside one object."""


def unknown(found: frozenset[str], record: Record, candidates: Iterable[Format | Family], rating: str | None) -> str:
    """Return what is wrong with a file whose columns and first record fit no format, and what to do."""
    known = "no known format has" if rating is None else f"no known format of responses with the rating {rating!r} has"
    general = [layout for layout in candidates if not (isinstance(layout, Format) and layout.fits)]
    nearest = max(general, key=lambda layout: _likeness(layout.nearest(found), found))
    wanted = nearest.nearest(found)
    near = ""
    if _likeness(wanted, found) > 0.5:
        missing = [name for name in wanted if name not in found]
        without = f", without {', '.join(missing)}" if missing else ", whose values are of another kind"
        near = f" The nearest is {nearest.name} ({', '.join(wanted)}){without}."
    remedy = "Rename the columns, or write prompt, chosen and rejected"
    if near and {name.lower() for name in found} >= set(wanted):
        remedy = "Write the names of the columns in lower case"
    inner = [name for name, value in record.items() if name.lower() in _WHOLE and isinstance(value, list)]
    if inner and not near:
        remedy = f"Is {inner[0]} the list of records? Write each of them on a line of its own"
    return f"found the columns {listed(found)}, which {known}.{near} {remedy}"


def _likeness(wanted: tuple[str, ...], found: frozenset[str]) -> float:
    """Return the share of the wanted columns that are found; a misspelt column counts in part, and only once."""
    left = set(found)
    total = 0.0
    for name in sorted(wanted, key=lambda name: name not in found):  # the right names first
        ratios = {column: SequenceMatcher(None, name.lower(), column.lower()).ratio() for column in left}
        best = max(left, key=lambda column: ratios[column], default=None)
        if best is not None and ratios[best] >= _ALIKE:
            total += ratios[best]
            left.discard(best)
    return total / len(wanted)
