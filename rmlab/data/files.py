"""Reading the records of JSON, CSV, Parquet and Arrow files, of saved `datasets` folders and of the hub.

A fault of syntax is a `DataError` with file and line. It is yielded in place of a record if the next record can still
be read, and raised if not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rmlab.data.csv_files import read_csv
from rmlab.data.rows import DataError, listed
from rmlab.data.text_files import Records, Rows, Wanted, check_header, read_json

__all__ = ["Records", "open_hub", "open_records", "reader_of"]


def reader_of(path: Path) -> Callable[[Path, Wanted], Records] | None:
    """Return the opener for this file name, or None."""
    *_, kind, last = ("", "", *(suffix.lower() for suffix in path.suffixes))
    if last == ".gz":
        return _READERS.get(kind) if kind not in _TABLES else None
    return _READERS.get(last)


def open_records(path: Path, wanted: Wanted) -> Records:
    """Open a file by the ending of its name, or a folder that `datasets` saved; from tables only the wanted columns."""
    if path.is_dir():
        return _open_folder(path, wanted)
    reader = reader_of(path)
    if reader is None:
        text = ", ".join(kind for kind in _READERS if kind not in _TABLES)
        raise DataError(
            f"{path}: the name must end in one of {text} (each also with .gz), {', '.join(_TABLES)}; unpack an archive"
        )
    return reader(path, wanted)


# --- Tables of Arrow ------------------------------------------------------------------------------------------------


def _read_parquet(path: Path, wanted: Wanted) -> Records:
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
        names = file.schema_arrow.names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: is not a Parquet file, or is damaged ({_first_line(error)})") from None
    check_header(str(path), names)
    read = wanted(names)

    def batches() -> Iterator[pa.RecordBatch]:
        with file:
            yield from file.iter_batches(batch_size=1024, columns=read)

    return _table_records(str(path), names, read, batches())


def _read_arrow(path: Path, wanted: Wanted) -> Records:
    """Open an Arrow file in either form: a stream, as `datasets` writes it, or a file with an index."""
    try:
        return _open_streams(str(path), [path], wanted)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: is not an Arrow file, or is damaged ({_first_line(error)})") from None


def _open_streams(name: str, files: list[Path], wanted: Wanted) -> Records:
    names = _open_arrow(files[0])[0].names
    check_header(name, names)
    read = wanted(names)
    batches = (batch.select(read) for file in files for batch in _open_arrow(file)[1])
    return _table_records(name, names, read, batches)


def _open_arrow(path: Path) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    file = pa.OSFile(str(path))
    if file.read(6) != b"ARROW1":
        file.seek(0)
        stream = pa.ipc.open_stream(file)
        return stream.schema, iter(stream)
    indexed = pa.ipc.open_file(file)
    return indexed.schema, map(indexed.get_batch, range(indexed.num_record_batches))


def _open_folder(path: Path, wanted: Wanted) -> Records:
    """Open what ``Dataset.save_to_disk`` wrote."""
    if (path / "dataset_dict.json").is_file():
        splits = sorted(folder.name for folder in path.iterdir() if (folder / "state.json").is_file())
        example = f", as in {str(path / splits[0])!r}" if splits else ""
        raise DataError(f"{path}: holds the splits {listed(splits)}; name the folder of one{example}")
    state = path / "state.json"
    if not state.is_file():
        found = next((one for one in islice(path.rglob("*"), 10_000) if one.is_file() and reader_of(one)), None)
        pattern = path / "*.jsonl" if found is None else found.parent / f"*{''.join(found.suffixes[-2:])}"
        raise DataError(f"{path}: is a folder; name its files, as in {str(pattern)!r}")
    try:
        files = [path / Path(one["filename"]).name for one in json.loads(state.read_bytes())["_data_files"]]
        if not files:
            raise ValueError("it names no data files")
        return _open_streams(str(path), files, wanted)
    except DataError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError, pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: was not saved by datasets, or is damaged ({_first_line(error)})") from None


def _table_records(name: str, names: list[str], read: list[str], batches: Iterator[pa.RecordBatch]) -> Records:
    def rows() -> Rows:
        number = 0
        try:
            for batch in batches:
                for record in batch.to_pylist():
                    number += 1
                    yield f"{name} row {number}", record
        except (pa.ArrowException, OSError, UnicodeDecodeError, KeyError) as error:
            raise DataError(
                f"{name} row {number + 1}: the data are damaged after row {number} ({_first_line(error)})"
            ) from None

    return Records(name, tuple(column for column in names if column not in read), rows())


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


_READERS = {
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".json": read_json,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".parquet": _read_parquet,
    ".arrow": _read_arrow,
    ".feather": _read_arrow,
}
_TABLES = (".parquet", ".arrow", ".feather")


# --- The hub --------------------------------------------------------------------------------------------------------


def open_hub(hub_id: str, wanted: Wanted, *, split: str | None, subset: str | None, revision: str | None) -> Records:
    """Open a data set on the hub with the package ``datasets``."""
    try:
        from datasets import DatasetDict, load_dataset
    except ImportError:
        raise ImportError(
            f"there is no file {hub_id!r}, and rmlab needs the package datasets to look for it on the hub: "
            "install the extra reward-model-lab[hub]"
        ) from None
    try:
        data = load_dataset(hub_id, subset, split=split, revision=revision)
    except Exception as error:  # whatever the hub, the network or the loader raises
        raise DataError(
            f"{hub_id}: there is no such file, and it cannot be read from the hub ({type(error).__name__}: {error})"
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

    read = wanted(data.column_names)
    return Records(name, tuple(column for column in data.column_names if column not in read), rows())
