"""Gathering rated responses into sets, wherever their rows are; meanwhile their text is in a temporary file."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Generator
from contextlib import closing

from rmlab.data.formats import Format, NoPairError, Record
from rmlab.data.rows import DataError
from rmlab.data.spill import MEMORY_LIMIT

__all__ = ["gather"]

Records = Generator[tuple[str, Record], None, None]


def gather(
    records: Records,
    layout: Format,
    refuse: Callable[[DataError], None],
    leave_out: Callable[[NoPairError], None],
) -> Records:
    """Yield for each set the place of its first row and its responses, in the order in which the sets begin.

    A row that cannot be read is passed to `refuse`, one without a rating to `leave_out`. About a hundred bytes per row
    stay in memory: its set, and the position of its text.
    """
    assert layout.rate is not None
    with closing(records), tempfile.SpooledTemporaryFile(MEMORY_LIMIT, prefix="rmlab-rated-") as file:
        rows_of: dict[bytes, list[int]] = {}
        for place, record in records:
            try:
                row = layout.rate(record)
            except NoPairError as reason:
                leave_out(reason)
                continue
            except (ValueError, RecursionError) as error:
                refuse(DataError(f"{place}: {error}"))
                continue
            digest = hashlib.blake2b(row.key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
            rows_of.setdefault(digest, []).append(file.tell())
            file.write(json.dumps([place, *row[1:]], default=str).encode() + b"\n")
        for starts in rows_of.values():
            rows = []
            for start in starts:
                file.seek(start)
                rows.append(json.loads(file.readline()))
            place, prompt, *_, carried = rows[0]
            yield place, {"prompt": prompt, "rated": [(r[2], r[3], r[0]) for r in rows], **carried}
