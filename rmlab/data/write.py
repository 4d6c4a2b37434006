"""`write_pairs` writes preference pairs to a file that `read_pairs` reads back unchanged."""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from rmlab.data.csv_files import write_csv
from rmlab.data.pairs import PreferencePair, PreferencePairs
from rmlab.data.rows import OPTIONAL

__all__ = ["write_pairs"]

_COLUMNS: tuple[str, ...] = ("prompt", "chosen", "rejected", *OPTIONAL)


def write_pairs(pairs: PreferencePairs | Sequence[PreferencePair], path: str | os.PathLike[str]) -> None:
    """Write pairs in TRL's format with an explicit prompt, completely or not at all.

    Everything is kept except ``source``, which `read_pairs` sets again. A weight of 1 is left empty, since `read_pairs`
    reads an empty weight as 1. The file is written under another name and then renamed, so that an older one stays
    complete until then, even on a full disk.

    Parameters
    ----------
    pairs
        `PreferencePairs`, or a list of `PreferencePair`.
    path
        Ends in .jsonl or .csv (text only), either with or without .gz, or in .parquet.

    Raises
    ------
    ValueError
        If the ending is another, there are no pairs, or the pairs are messages and the file is CSV.
    """
    path = Path(path).resolve()  # a symbolic link stays one
    pairs = pairs if isinstance(pairs, PreferencePairs) else PreferencePairs.from_list(pairs)
    kind = path.name.removesuffix(".gz").rpartition(".")[2]
    if kind not in ("jsonl", "csv", "parquet") or path.name.endswith(".parquet.gz"):
        raise ValueError(f"{path}: the ending must be .jsonl, .jsonl.gz, .csv, .csv.gz or .parquet")
    if not len(pairs):
        raise ValueError(f"{path}: there are no pairs to write")
    if kind == "csv" and pairs.messages:
        raise ValueError(f"{path}: CSV holds text, and these pairs are messages; write .jsonl or .parquet")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            if kind == "parquet":
                _write_parquet(pairs, file)
            elif path.suffix == ".gz":
                with gzip.GzipFile(
                    "", "wb", fileobj=file, mtime=0
                ) as packed:  # no name or time: equal pairs, equal bytes
                    _write_text(pairs, kind, packed)
            else:
                _write_text(pairs, kind, file)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            partial.chmod(path.stat().st_mode & 0o777)
        partial.replace(path)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()


def _record(pair: PreferencePair) -> dict[str, Any]:
    record = {name: getattr(pair, name) for name in _COLUMNS}
    return {**record, "weight": None} if pair.weight == 1 else record


def _write_text(pairs: PreferencePairs, kind: str, file: Any) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    try:
        if kind == "csv":
            # without a guard: `read_pairs`, and any other reader of data, must find the texts unchanged
            write_csv(text, chain([_COLUMNS], (list(_record(pair).values()) for pair in pairs)), guard=False)
        else:
            for pair in pairs:
                kept = {name: value for name, value in _record(pair).items() if value is not None}
                text.write(json.dumps(kept, ensure_ascii=False) + "\n")
    finally:
        text.detach()  # the caller closes the file


def _write_parquet(pairs: PreferencePairs, file: IO[bytes]) -> None:
    side = pa.large_string()
    if pairs.messages:
        side = pa.list_(pa.struct({"role": pa.string(), "content": pa.large_string()}))
    kinds = (side, side, side, pa.float64(), pa.float64(), pa.string(), pa.string(), pa.bool_(), pa.bool_())
    schema = pa.schema(list(zip(_COLUMNS, kinds, strict=True)))
    with pq.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True) as writer:
        rows = iter(pairs)
        while batch := list(islice(rows, 4096)):
            writer.write_batch(
                pa.RecordBatch.from_pylist([_record(pair) for pair in batch], schema=schema), row_group_size=4096
            )
