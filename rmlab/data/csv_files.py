"""CSV files: reading rows as spreadsheets and people write them, and writing rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from rmlab.data.formats import NoPairError
from rmlab.data.rows import DataError
from rmlab.data.text_files import RECORD_LIMIT, Records, Rows, Wanted, check_header, decode, rows_of

__all__ = ["read_csv", "without_guard", "write_csv"]

_FORMULA = r"[\s\ufeff]*[=+\-@＝＋－＠|%]|[\t\r\n]"  # as in explorer/web/core/csv.js
_GUARDED = re.compile(rf"'*(?:{_FORMULA})")


def read_csv(path: Path, _: Wanted) -> Records:
    """Open the rows under a header.

    The separator is the comma, semicolon, tab or bar that splits the header into the most cells, unless a line ``sep=``
    before the header names it.
    """

    def rows(raw: Iterator[bytes]) -> Rows:
        lines = (decode(line, f"{path}:{number}") for number, line in enumerate(raw, start=1))
        told, skipped = None, 0
        header_line = next(lines, "").lstrip("\ufeff")
        while found := re.fullmatch(r"\s+|sep=(.)\r?\n", header_line):  # blank, or as Excel writes it
            told, skipped = told or found[1], skipped + 1
            header_line = next(lines, "")
        separator = told or max(",;\t|", key=lambda one: len(_cells(header_line, one)))
        spaced = any(name.startswith(" ") for name in _cells(header_line, separator)[1:])
        reader = csv.reader(_chain(header_line, lines), strict=True, delimiter=separator, skipinitialspace=spaced)
        header: list[str] | None = None
        beginning: list[str] = []
        place = f"{path}:{1 + skipped}"
        limit = csv.field_size_limit(RECORD_LIMIT)  # a response may be longer than the 131,072 that csv allows
        try:
            for cells in reader:
                # a row may span several lines
                number, place = place, f"{path}:{reader.line_num + 1 + skipped}"
                if not cells:
                    continue
                if header is None:
                    header, beginning = _names(cells), [cells[0].lstrip("\ufeff"), *cells[1:]]
                    check_header(number, header)
                elif not any(cell.strip() for cell in cells):
                    yield number, NoPairError("blank rows")
                elif len(cells) != len(header):
                    yield (
                        number,
                        DataError(f"{number}: expected {len(header)} cells, as in the header, got {len(cells)}"),
                    )
                elif cells[1:] == beginning[1:] and cells[0].lstrip("\ufeff") == beginning[0]:  # joined files
                    yield number, NoPairError("rows that repeat the header")
                else:
                    yield number, dict(zip(header, cells, strict=True))
        except csv.Error as error:
            raise DataError(f"{place}: {_csv_fault(error)}") from None
        finally:
            csv.field_size_limit(limit)

    return Records(str(path), (), rows_of(path, rows))


def write_csv(file: IO[str], rows: Iterable[Sequence[object]], *, guard: bool) -> None:
    """Write rows of CSV, the header first, to a file that was opened with ``newline=""``.

    Parameters
    ----------
    guard
        Whether text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, CSV injection);
        numbers stay numbers. `without_guard` removes it again.
    """
    writer = csv.writer(file, lineterminator="\r\n")  # so that a lone \r in a cell is quoted
    writer.writerows([_guarded(cell) if guard else cell for cell in row] for row in rows)


def _guarded(cell: object) -> object:
    # text that has apostrophes before its formula gets another one, so that one can always be removed
    return f"'{cell}" if isinstance(cell, str) and _GUARDED.match(cell) else cell


def without_guard(cell: str) -> str:
    """Return a cell as it was before `write_csv` guarded it."""
    return cell[1:] if cell.startswith("'") and _GUARDED.match(cell) else cell


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def _names(cells: list[str]) -> list[str]:
    """Return the column names of a header; an empty one becomes ``column`` with its number."""
    return [cell.lstrip("\ufeff").strip() or f"column {number}" for number, cell in enumerate(cells, start=1)]


def _csv_fault(error: csv.Error) -> str:
    if "field limit" in str(error):
        return (
            f"a cell is longer than {RECORD_LIMIT // 2**20} MiB, the most that is read. Is a quotation mark not closed?"
        )
    if "new-line character" in str(error):
        return "holds a carriage return outside quotation marks; end every line with a line feed"
    return f"is not valid CSV ({error}). Is a quotation mark not closed, or one inside a cell not doubled?"
