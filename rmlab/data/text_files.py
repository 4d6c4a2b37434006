"""Reading the lines of text files, gzipped or not, in any Unicode encoding and within fixed limits; records of JSON."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import IO, Any, NamedTuple

from rmlab.data.rows import DataError, listed

__all__ = [
    "COLUMN_LIMIT", "RECORD_LIMIT", "Records", "Rows", "Wanted", "bare_line", "check_header", "decode", "read_json",
    "read_json_line", "rows_of",
]  # fmt: skip

RECORD_LIMIT = 16 * 2**20
"""The most bytes of a line, or characters of a cell of CSV or of a record in a JSON array, after unpacking."""
COLUMN_LIMIT = 1000
"""The most columns of a file."""

Rows = Generator[tuple[str, Mapping[str, Any] | ValueError], None, None]
"""The place, and the record or its fault: a DataError, or a NoPairError for a blank row or a repeated header."""
Wanted = Callable[[list[str]], list[str]]
"""A function that returns which columns of a table to read; text files are read whole."""

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",  # before UTF-16, whose mark is its beginning
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_OTHER_FILES = {
    b"\x1f\x8b": "gzip data: rename it to end in .gz",
    b"PK\x03\x04": "a zip or Excel file: unpack it, or save the sheet as CSV",
    b"PAR1": "a Parquet file: rename it to end in .parquet",
    b"\x28\xb5\x2f\xfd": "Zstandard data: unpack it",
    b"BZh": "bzip2 data: unpack it",
    b"\xfd7zXZ": "xz data: unpack it",
    b"version https://git-lfs": "a Git LFS pointer in place of the data: run git lfs pull",
    b"<!DOCTYPE": "a web page in place of the data: download the raw file",
    b"<html": "a web page in place of the data: download the raw file",
}


class Records(NamedTuple):
    """The records of one file: its name in errors, the names of the columns not read, and its rows."""

    name: str
    unread: tuple[str, ...]
    rows: Rows


def check_header(place: str, names: list[str]) -> None:
    """Raise DataError if a header has too many columns or names one twice."""
    if len(names) > COLUMN_LIMIT:
        raise DataError(f"{place}: has {len(names):,} columns; at most {COLUMN_LIMIT:,} are read")
    if len(set(names)) < len(names):
        seen: set[str] = set()
        twice = listed({name for name in names if name in seen or seen.add(name)})
        raise DataError(f"{place}: two columns have the same name: {twice}. Rename or remove one of them")


# --- Lines ----------------------------------------------------------------------------------------------------------


def _lines_of(path: Path) -> Generator[bytes, None, None]:
    """Yield the lines of a file as UTF-8, unpacked if it is gzipped. Raises DataError if that cannot be done."""
    number = 0
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as opened:
            file = _as_utf8(path, opened)
            while line := file.readline(RECORD_LIMIT + 1):
                number += 1
                if len(line) > RECORD_LIMIT:
                    raise DataError(
                        f"{path}:{number}: the line is longer than {RECORD_LIMIT // 2**20} MiB, the most that is read. "
                        "Write one record per line, or leave the record out"
                    )
                yield line
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}:{number + 1}: is not valid {error.encoding.upper()} text, which its byte-order mark announces "
            f"({error.reason}). Save the file as UTF-8"
        ) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}:{number + 1}: the gzip data are damaged or cut short here ({error})") from None


def rows_of(path: Path, read: Callable[[Iterator[bytes]], Rows]) -> Rows:
    """Yield the rows that are read from the lines of a file; it is closed at once if an error ends the reading."""
    with closing(_lines_of(path)) as lines:
        yield from read(lines)


def _as_utf8(path: Path, file: Any) -> Any:
    start = file.read(24)
    for magic, what in _OTHER_FILES.items():
        if start.startswith(magic):
            raise DataError(f"{path}:1: is {what}")
    mark = next((mark for mark in _MARKS if start.startswith(mark)), b"")
    file.seek(len(mark))
    encoding = _MARKS.get(mark, "utf-8")
    if encoding != "utf-8":
        return _Recoded(io.TextIOWrapper(file, encoding, newline="\n"))
    if b"\0" in start[:2]:
        width = 32 if b"\0\0" in start[:4] else 16
        raise DataError(f"{path}:1: looks like UTF-{width} text without a byte-order mark. Save the file as UTF-8")
    return file


class _Recoded:
    """The lines of text in another encoding, as UTF-8."""

    def __init__(self, text: IO[str]):
        self._text = text

    def readline(self, limit: int) -> bytes:
        return self._text.readline(limit).encode("utf-8", "surrogatepass")


def decode(line: bytes, place: str) -> str:
    """Return a line as text. Raises DataError, with its place."""
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{place}: is not UTF-8 text ({error.reason} at byte {error.start}). Save the file as UTF-8; it may be in "
            "an older encoding, such as Windows-1252, Latin-1, GB 18030 or Shift JIS"
        ) from None


# --- JSON -----------------------------------------------------------------------------------------------------------


def read_json(path: Path, _: Wanted) -> Records:
    """Open one JSON object per line (JSONL), or one array of objects."""

    def rows(lines: Iterator[bytes]) -> Rows:
        numbered = enumerate(lines, start=1)
        first = True
        for number, line in numbered:
            bare = bare_line(line)
            if not bare:
                continue
            if first and bare.startswith(b"["):
                yield from _array(path, number, line, (more for _, more in numbered))
                return
            first = False
            place = f"{path}:{number}"
            try:
                record = read_json_line(bare, place)
            except DataError as fault:
                yield place, fault
            else:
                yield place, record

    return Records(str(path), (), rows_of(path, rows))


def bare_line(line: bytes) -> bytes:
    """Return a line without white space around it and without a byte-order mark, which joined files have inside."""
    return line.removeprefix(codecs.BOM_UTF8).strip()


def read_json_line(bare: bytes, place: str) -> Mapping[str, Any]:
    """Return the object on a line of JSONL that `bare_line` returned. Raises DataError, with its place."""
    text = decode(bare, place)
    try:
        return _object(json.loads(text, object_pairs_hook=_without_repeats), place)
    except DataError:
        raise
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text)
        remedy = "The record must end on its line" if cut else "Write each record on a line of its own"
        why = f". {remedy}" if cut or error.msg == "Extra data" else ""
        raise DataError(f"{place}: is not JSON ({error.msg}, at character {error.colno}){why}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{place}: is not JSON that can be read ({_cause(error)})") from None


def _cause(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _array(path: Path, first: int, line: bytes, more: Iterator[bytes]) -> Rows:
    """Yield the objects of an array, each with the line on which it begins, with about one record in memory."""
    decoder = json.JSONDecoder(object_pairs_hook=_without_repeats)
    number, text = first, decode(line, f"{path}:{first}").lstrip("\ufeff").lstrip()[1:]
    read = number  # lines read so far
    wanted = 2**16

    def fill(size: int) -> bool:
        """Read lines until the text has this length; return whether there was another line."""
        nonlocal text, read
        pieces = []
        while size > 0 and (line := next(more, None)) is not None:
            read += 1
            pieces.append(decode(line, f"{path}:{read}"))
            size -= len(line)
        text += "".join(pieces)
        return bool(pieces)

    def take(end: int) -> None:
        """Drop the text before this position, and count its lines."""
        nonlocal number, text
        number, text = number + text[:end].count("\n"), text[end:]

    def upcoming() -> str:
        """Skip white space and return the next character, or an empty string at the end of the file."""
        while True:
            take(len(text) - len(text.lstrip(" \t\r\n")))
            if text or not fill(wanted):
                return text[:1]

    mark = upcoming()
    while mark != "]":
        place = f"{path}:{number}"
        try:
            value, end = decoder.raw_decode(text)
            record: Mapping[str, Any] | ValueError = _object(value, place)
        except json.JSONDecodeError as error:
            if len(text) <= RECORD_LIMIT and fill(max(wanted, len(text))):
                continue
            if len(text) > RECORD_LIMIT:
                raise DataError(
                    f"{place}: no record ends within {RECORD_LIMIT // 2**20} MiB, the most that is read"
                ) from None
            if not text:
                raise DataError(f"{place}: the JSON array ends without its closing bracket") from None
            raise DataError(f"{path}:{number + error.lineno - 1}: is not JSON ({error.msg})") from None
        except DataError as fault:
            record, end = fault, decoder.raw_decode(text)[1]
        except (ValueError, RecursionError) as error:
            raise DataError(f"{place}: is not JSON that can be read ({_cause(error)})") from None
        yield place, record
        take(end)
        mark = upcoming()
        if mark == ",":
            take(1)
            upcoming()
        elif mark != "]":
            why = (
                "a comma is missing between two records" if mark else "the JSON array ends without its closing bracket"
            )
            raise DataError(f"{path}:{number}: {why}")
    take(1)
    if upcoming():
        raise DataError(f"{path}:{number}: goes on after the end of the array; write one array, or one record per line")


def _object(record: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(record, dict):
        raise DataError(f"{place}: expected one JSON object for each record, got {type(record).__name__}")
    if len(record) > COLUMN_LIMIT:
        raise DataError(f"{place}: has {len(record):,} columns; at most {COLUMN_LIMIT:,} are read")
    values = list(record.values())
    indexed = all(isinstance(value, dict) and value and all(map(str.isdigit, value)) for value in values)
    split = record.keys() >= {"columns", "data"} or record.keys() == {"schema", "data"}
    by_index = all(name.isdigit() and isinstance(value, dict) for name, value in record.items())
    if record and (indexed or split or by_index):
        raise DataError(
            f"{place}: is a whole table in one object ({listed(record)}), as pandas writes it by default; expected "
            "one record per line. Write it with to_json(path, orient='records', lines=True)"
        )
    return record


def _without_repeats(items: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(items)
    if len(record) < len(items):  # json would keep the last and lose the others
        seen: set[str] = set()
        raise ValueError(
            f"{next(name for name, _ in items if name in seen or seen.add(name))!r} occurs twice in one object"
        )
    return record
