"""`Family`: formats that differ only in what their columns are called, with a prompt under any name."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass

from rmlab.data.formats.base import OPTIONAL_COLUMNS, Format, Record
from rmlab.data.formats.prompts import PROMPT_COLUMNS, Prompt, find_prompt

__all__ = ["Family"]

Names = tuple[str, ...]


@dataclass(frozen=True)
class Family:
    """Formats of one kind.

    Parameters
    ----------
    name
        The name in errors.
    parts
        The parts of a record beside the prompt: for each, the names that its columns may have, the usual ones first.
    make
        A function that returns the format of a file from its prompt, the columns found for every part, all columns and
        the first record; None if the record is of another kind.
    becomes
        What becomes of a record, for the table of formats in the documentation.
    optional
        Further columns that some of the formats read.
    also
        Other names of the formats, as the report gives them.
    rated
        Whether a rating decides the comparison, so that another can be named.
    """

    name: str
    parts: tuple[tuple[Names, ...], ...]
    make: Callable[[Prompt | None, tuple[Names, ...], Set[str], Record], Format | None]
    becomes: str
    optional: Names = ()
    also: Names = ()
    rated: bool = False

    @property
    def known(self) -> frozenset[str]:
        """Every column that one of the formats reads."""
        names = {name for part in self.parts for columns in part for name in columns}
        return frozenset(names.union(PROMPT_COLUMNS, self.optional, OPTIONAL_COLUMNS))

    def match(self, found: Set[str], record: Record) -> Format | None:
        """Return the format of a file with these columns and this first record, or None if it is of another kind.

        Raises ValueError if the file is of this kind, but it is unclear which column is the prompt.
        """
        chosen = tuple(next((names for names in part if found >= set(names)), ()) for part in self.parts)
        if not all(chosen):
            return None
        taken = {name for names in chosen for name in names}
        return self.make(find_prompt(found - taken, record), chosen, found, record)

    def nearest(self, found: Set[str]) -> Names:
        """Return the columns of the format of this kind that shares the most with those found."""
        low = {name.lower() for name in found}
        prompt = next((name for name in PROMPT_COLUMNS if name in low), "prompt")
        parts = (max(part, key=lambda names: len(low.intersection(map(str.lower, names)))) for part in self.parts)
        return (prompt, *(name for names in parts for name in names))
