"""docs/formats.md: its tables are those of the formats, and it names each of them."""

from __future__ import annotations

import re
from pathlib import Path

from test_data_formats import PUBLISHED
from test_data_readers import READ

from rmlab.data.formats import all_formats
from rmlab.data.formats.table import fill

PAGE = Path(__file__).parents[1] / "docs" / "formats.md"


def test_the_tables_are_those_of_the_formats() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert fill(page) == page, "run python -m rmlab.data.formats.table docs/formats.md"
    assert fill(page.replace("Nectar", "Nektar", 1)) == page, "a table that was changed by hand is made again"


def test_every_format_says_what_becomes_of_a_record_and_where_it_comes_from() -> None:
    names = {name for layout in all_formats() for name in (layout.name, *getattr(layout, "also", ()))}
    assert all(layout.becomes for layout in all_formats())
    origins = PAGE.read_text(encoding="utf-8").partition("## Where they come from")[2]
    rows = re.findall(r"^\| (?!-|data set)[^|]+\| ([^|]+) \|$", origins, re.MULTILINE)
    assert set(rows) == names
    assert names >= {layout for layout, *_ in (*PUBLISHED.values(), *READ.values())}
