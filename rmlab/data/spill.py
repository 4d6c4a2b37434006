"""A store for the record batches of a file that is too large for memory: a temporary file, mapped into memory."""

from __future__ import annotations

import mmap
import tempfile
from typing import IO, Self

import pyarrow as pa

__all__ = ["MEMORY_LIMIT", "BatchStore"]

MEMORY_LIMIT = 256 * 2**20
"""The most bytes of pairs held in memory; beyond that they go to a file in the folder that TMPDIR names."""


class BatchStore:
    """Record batches of one schema, in memory up to `limit` bytes and then in an unnamed temporary file."""

    def __init__(self, limit: int):
        self._limit, self._bytes = limit, 0
        self._batches: list[pa.RecordBatch] = []
        self._file: IO[bytes] | None = None
        self._writer: pa.RecordBatchFileWriter | None = None

    def append(self, batch: pa.RecordBatch) -> None:
        """Keep one more batch."""
        self._bytes += batch.nbytes
        self._batches.append(batch)
        if self._bytes > self._limit:
            if self._writer is None:
                self._file = tempfile.TemporaryFile(prefix="rmlab-pairs-")  # noqa: SIM115 - closed on leaving
                self._writer = pa.ipc.new_file(self._file, batch.schema)
            assert self._writer is not None
            for held in self._batches:
                self._writer.write_batch(held)
            self._batches.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()  # what is mapped can still be read

    def batches(self) -> list[pa.RecordBatch]:
        """Return all batches, those on disk as views of the mapped file; the file is removed with the last of them."""
        if self._file is None or self._writer is None:
            return self._batches
        self._writer.close()
        self._file.flush()
        mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        reader = pa.ipc.open_file(pa.BufferReader(pa.py_buffer(mapped)))
        return [reader.get_batch(i) for i in range(reader.num_record_batches)]
