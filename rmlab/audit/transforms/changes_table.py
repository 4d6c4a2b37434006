"""The tables of docs/robustness.md, made from the changes.

``python -m rmlab.audit.transforms.changes_table docs/robustness.md`` makes them again; a test fails if they differ.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from rmlab.audit.transforms import CODE, CONTENT, SURFACE, Transform
from rmlab.data.formats.table import fill_places

__all__ = ["fill_changes"]


def fill_changes(document: str) -> str:
    """Return a document with its tables of changes made again."""
    return fill_places(document, {"surface": _rows((*SURFACE, *CODE)), "content": _rows(CONTENT)})


def _rows(transforms: Iterable[Transform]) -> str:
    rows = (f"| {each.name} | {each.expected} | {each.reason} | {each.source} |\n" for each in transforms)
    return "".join(("| change | a sound model shows | reason | source |\n| --- | --- | --- | --- |\n", *rows))


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(fill_changes(path.read_text(encoding="utf-8")), encoding="utf-8")
