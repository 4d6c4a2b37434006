"""Records of preference data, the messages in them, and the files that they are read from."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rmlab.data import PreferencePairs, read_pairs

Record = dict[str, Any]


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def write(path: Path, *records: Record) -> Path:
    """Write records to a file of the kind that its name says: Parquet, CSV or JSONL."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(records)), path)
    elif path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(records[0]))
            writer.writeheader()
            writer.writerows(records)
    else:
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def read_as(kind: str, records: list[Record], folder: Path, monkeypatch: pytest.MonkeyPatch) -> PreferencePairs:
    """Read records from a file of this kind in a folder, or, as "hub", from a data set with an id."""
    if kind != "hub":
        return read_pairs(write(folder / f"a.{kind}", *records))
    datasets = pytest.importorskip("datasets", reason="the extra hub is not installed")
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: datasets.Dataset.from_list(records))
    return read_pairs("someone/something", split="train")
