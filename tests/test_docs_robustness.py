"""docs/robustness.md: its tables are those of the changes."""

from __future__ import annotations

from pathlib import Path

from rmlab.audit import TRANSFORMS
from rmlab.audit.transforms.changes_table import fill_changes

PAGE = Path(__file__).parents[1] / "docs" / "robustness.md"


def test_the_tables_are_those_of_the_changes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert fill_changes(page) == page, "run python -m rmlab.audit.transforms.changes_table docs/robustness.md"
    assert fill_changes(page.replace("| flattery |", "| flatery |", 1)) == page
    assert all(f"| {each.name} | {each.expected} | {each.reason} | {each.source} |" in page for each in TRANSFORMS)
