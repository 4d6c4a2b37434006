"""Token ids in an Arrow column that is mapped from disk; the ids of a text become a list only when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["MappedIds"]


class MappedIds(Sequence[list[int]]):
    """Lists of token ids in a column of lists; a selection shares its memory.

    Parameters
    ----------
    column
        A column with a list of integers for each text.
    rows
        The rows to use, in this order; all by default.
    """

    def __init__(self, column: pa.ChunkedArray, rows: np.ndarray | None = None):
        self._column = column
        self._chunks = [(chunk.offsets.to_numpy(), chunk.values.to_numpy()) for chunk in column.chunks]
        self._starts = np.cumsum([0, *map(len, column.chunks)])
        self._rows = np.arange(len(column)) if rows is None else rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        row = self._rows[index]
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        offsets, values = self._chunks[number]
        place = row - self._starts[number]
        return values[offsets[place] : offsets[place + 1]].tolist()

    @property
    def lengths(self) -> np.ndarray:
        """The number of ids in each list, shape ``(n,)``."""
        return np.concatenate([np.empty(0, np.int64), *(np.diff(offsets) for offsets, _ in self._chunks)])[self._rows]

    def take(self, indices: Sequence[int] | np.ndarray) -> MappedIds:
        """Return the lists at these places, in this order."""
        return MappedIds(self._column, self._rows[np.asarray(indices, dtype=np.int64)])
