"""The tables of docs/formats.md, made from the formats: ``python -m rmlab.data.formats.table docs/formats.md``.

A test fails if the file and the formats differ.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

from rmlab.data.formats import all_formats
from rmlab.data.formats.base import OPTIONAL_COLUMNS, Format
from rmlab.data.formats.column_names import (
    OUTCOMES,
    OUTCOMES_OF_RESPONSES,
    PREFERENCES,
    RATINGS,
    RESPONSE,
    RESPONSES,
    SCORES,
)
from rmlab.data.formats.family import Family
from rmlab.data.formats.prompts import PROMPT_COLUMNS

__all__ = ["fill", "fill_places"]

_PLACE = re.compile(r"(?P<start><!-- (?P<name>\w+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)


def fill(document: str) -> str:
    """Return a document with the tables between ``<!-- NAME -->`` and ``<!-- end -->`` made again."""
    return fill_places(document, {"formats": _formats(), "names": _names()})


def fill_places(document: str, made: Mapping[str, str]) -> str:
    """Return a document with what is between ``<!-- NAME -->`` and ``<!-- end -->`` replaced by ``made[NAME]``."""
    return _PLACE.sub(lambda match: f"{match['start']}{made[match['name']]}{match['end']}", document)


def _formats() -> str:
    rows = []
    for (name, becomes), alike in groupby(all_formats(), key=lambda layout: (_called(layout), layout.becomes)):
        columns = " or ".join(dict.fromkeys(_columns(layout) for layout in alike))
        rows.append(f"| {name} | {columns} | {becomes} |\n")
    return "".join(("| format | columns | what becomes of a record |\n| --- | --- | --- |\n", *rows))


def _called(layout: Format | Family) -> str:
    return ", ".join((layout.name, *layout.also)) if isinstance(layout, Family) else layout.name


def _columns(layout: Format | Family) -> str:
    if isinstance(layout, Family):
        return "the prompt, " + ", ".join(_code(part[0]) for part in layout.parts)
    return _code(layout.columns) or "any names"


def _names() -> str:
    rows = {
        "the prompt, or a part of it": _code(PROMPT_COLUMNS),
        "the chosen and the rejected response": _pairs(OUTCOMES),
        "the same with the word for a response before or after": f"{_pairs(OUTCOMES_OF_RESPONSES)}, with "
        f"{_code(RESPONSES)}: `chosen_response`, `answer-rejected`",
        "their ratings": f"the same with {_code(RATINGS)}: `chosen_rating`, `score_rejected`",
        "two responses as shown": f"{_code(RESPONSES)} with `a` and `b`, `A` and `B`, `1` and `2` or `0` and `1`, "
        "after `_`, `-` or nothing; `left` and `right`",
        "the one preferred": _code(PREFERENCES),
        "one rated response": _code(RESPONSE),
        "its rating": _code(SCORES),
        "read in every format but Argilla's; in rated sets only `group`, `kind` and `item`": _code(OPTIONAL_COLUMNS),
    }
    return "".join(("| what | names |\n| --- | --- |\n", *(f"| {what} | {names} |\n" for what, names in rows.items())))


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"`{one}` and `{other}`" for one, other in pairs)


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(fill(path.read_text(encoding="utf-8")), encoding="utf-8")
