"""Records of JSONL, CSV and Parquet files and of the hub. A fault of syntax is a `DataError` with file and line."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from rmlab.data.rows import DataError

__all__ = ["Records", "open_hub", "open_records", "reader_of"]


Rows = Generator[tuple[str, Mapping[str, Any]], None, None]


class Records(NamedTuple):
    """The records of one file: its name in errors, the names of columns left unread, and place and record by turns."""

    name: str
    unread: tuple[str, ...]
    rows: Rows


def reader_of(path: Path) -> Callable[[Path, frozenset[str]], Records] | None:
    """Give what opens a file with such a name, or None."""
    suffixes = path.suffixes[-2:]
    if len(suffixes) == 2 and suffixes[1] == ".gz":
        return _READERS.get(suffixes[0]) if suffixes[0] != ".parquet" else None
    return _READERS.get(path.suffix)


def open_records(path: Path, wanted: frozenset[str]) -> Records:
    """Open a file by the ending of its name. Of Parquet only the wanted columns are read."""
    reader = reader_of(path)
    if reader is None:
        known = ", ".join(_READERS)
        raise DataError(f"{path}: the name must end in one of {known} (all but .parquet also with .gz)")
    return reader(path, wanted)


# --- How each kind of file is read ----------------------------------------------------------------------------------


def _text_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a UTF-8 file, unpacked where it is gzipped."""
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        packed = "; it looks gzipped, so let it end in .gz" if number == 1 and error.object[:2] == b"\x1f\x8b" else ""
        raise DataError(f"{path}:{number}: is not UTF-8 text ({error.reason} at byte {error.start}){packed}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}:{number + 1}: the gzip data are damaged or cut short here ({error})") from None


def _read_jsonl(path: Path, _: frozenset[str]) -> Records:
    def rows() -> Rows:
        for number, line in enumerate(_text_lines(path), start=1):
            if line.isspace():
                continue
            place = f"{path}:{number}"
            if number == 1 and line.lstrip().startswith("["):
                raise DataError(f"{place}: expected one JSON object a line (JSONL), got the start of a JSON array")
            try:
                record = json.loads(line.rstrip(), object_pairs_hook=_without_repeats)
            except json.JSONDecodeError as error:
                raise DataError(f"{place}: is not JSON ({error.msg}, at character {error.colno})") from None
            except (ValueError, RecursionError) as error:
                raise DataError(f"{place}: is not JSON that can be read ({error})") from None
            if not isinstance(record, dict):
                raise DataError(f"{place}: expected one JSON object a line, got {type(record).__name__}")
            yield place, record

    return Records(str(path), (), rows())


def _without_repeats(items: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(items)
    if len(record) < len(items):  # json would keep the last and lose the others
        names = [name for name, _ in items]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands twice in one object")
    return record


def _read_csv(path: Path, _: frozenset[str]) -> Records:
    def rows() -> Rows:
        reader = csv.reader(_text_lines(path), strict=True)
        header: list[str] | None = None
        place = f"{path}:1"
        limit = csv.field_size_limit(2**31 - 1)  # a response may be longer than the 131,072 that csv allows
        try:
            for cells in reader:
                number, place = place, f"{path}:{reader.line_num + 1}"  # a row may run over several lines
                if not cells:
                    continue
                if header is None:
                    header = [name.strip() for name in cells]
                    if len(set(header)) < len(header):
                        raise DataError(f"{number}: the header names a column twice: {', '.join(header)}")
                elif len(cells) != len(header):
                    raise DataError(f"{number}: expected {len(header)} cells, as in the header, got {len(cells)}")
                else:
                    yield number, dict(zip(header, cells, strict=True))
        except csv.Error as error:
            raise DataError(
                f"{place}: is not CSV that can be read ({error}); is a quotation mark not closed?"
            ) from None
        finally:
            csv.field_size_limit(limit)

    return Records(str(path), (), rows())


def _read_parquet(path: Path, wanted: frozenset[str]) -> Records:
    def rows() -> Rows:
        number = 0
        try:
            with file:
                for batch in file.iter_batches(batch_size=1024, columns=read):
                    for record in batch.to_pylist():
                        number += 1
                        yield f"{path} row {number}", record
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"{path} row {number + 1}: the Parquet data are damaged after row {number} ({error})"
            ) from None

    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
        names = file.schema_arrow.names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: is no Parquet file, or a damaged one ({error})") from None
    read = [name for name in names if name in wanted]
    return Records(str(path), tuple(name for name in names if name not in wanted), rows())


_READERS = {
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".json": _read_jsonl,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}


# --- The hub --------------------------------------------------------------------------------------------------------


def open_hub(
    hub_id: str, wanted: frozenset[str], *, split: str | None, subset: str | None, revision: str | None
) -> Records:
    """Open a data set of the hub, through the package datasets."""
    try:
        from datasets import DatasetDict, load_dataset
    except ImportError:
        raise ImportError(
            f"no file {hub_id!r} is here, and to look for it on the hub rmlab needs the package datasets: "
            "install the extra reward-model-lab[hub]"
        ) from None
    try:
        data = load_dataset(hub_id, subset, split=split, revision=revision)
    except Exception as error:  # whatever the hub, the network and the loader raise
        raise DataError(
            f"{hub_id}: no such file is here, and the hub gave none ({type(error).__name__}: {error})"
        ) from error
    if isinstance(data, DatasetDict):
        if len(data) != 1:
            raise DataError(
                f"{hub_id}: has the splits {', '.join(map(str, data))}; name one, as in split={next(iter(data))!r}"
            )
        name, data = next(iter(data.items()))
        split = str(name)
    name = f"{hub_id}[{split}]"

    def rows() -> Rows:
        number = 0
        table: Any
        for table in data.select_columns(read).with_format("arrow").iter(1024):
            for record in table.to_pylist():
                number += 1
                yield f"{name} row {number}", record

    read = [column for column in data.column_names if column in wanted]
    return Records(name, tuple(column for column in data.column_names if column not in wanted), rows())
