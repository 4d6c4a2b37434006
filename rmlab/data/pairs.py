"""`PreferencePair`, a comparison with the winner first, and `PreferencePairs`, a million of them in an Arrow table."""

from __future__ import annotations

import bisect
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, overload

import numpy as np
import pyarrow as pa

from rmlab.data.quality.flags import find
from rmlab.data.rows import OPTIONAL, DataError, Row, Sides, encode_sides, read_optional

__all__ = ["Message", "PreferencePair", "PreferencePairs", "ReadReport", "Side", "rows_to_batch"]

Message = dict[str, str]
"""``{"role": ..., "content": ...}``."""

Side = str | tuple[Message, ...]
"""A prompt or a response: text, or messages."""

SCHEMA = pa.schema(
    {
        "prompt": pa.large_string(),
        "chosen": pa.large_string(),
        "rejected": pa.large_string(),
        "margin": pa.float64(),
        "weight": pa.float64(),
        "group": pa.large_string(),
        "item": pa.large_string(),
        "tied": pa.bool_(),
        "chosen_first": pa.bool_(),
        "source": pa.large_string(),
    }
)


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """Two responses to one prompt, the preferred one first.

    Parameters
    ----------
    prompt, chosen, rejected
        All three text, or all three tuples of ``{"role", "content"}`` messages (a list becomes a tuple).
    margin
        How much better the chosen response was judged to be, in log-odds (nats), if the data say so.
    weight
        How often the pair counts in training, above 0: with weight 2 it counts like two copies of itself. A
        rater's weight is given to each of their pairs. Evaluation, splits and checks count every pair once.
    group
        The group of the pair, such as a kind of quality; None if unknown. An empty group counts as None.
    item
        The benchmark item or set of responses that the pair belongs to. Its pairs are judged together, as in best of
        four.
    tied
        Whether neither was preferred; the order of the two then has no meaning.
    chosen_first
        Whether the chosen response was shown first, if that is known.
    source
        The file and line that the pair was read from; two pairs that differ only here are equal.
    """

    prompt: Side
    chosen: Side
    rejected: Side
    margin: float | None = field(default=None, kw_only=True)
    weight: float = field(default=1.0, kw_only=True)
    group: str | None = field(default=None, kw_only=True)
    item: str | None = field(default=None, kw_only=True)
    tied: bool = field(default=False, kw_only=True)
    chosen_first: bool | None = field(default=None, kw_only=True)
    source: str | None = field(default=None, kw_only=True, compare=False)

    def __post_init__(self) -> None:
        for name in ("prompt", "chosen", "rejected"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))


@dataclass(frozen=True)
class ReadReport:
    """What was recognised and read, and how many pairs have each fault of meaning. Printed, it is a short table.

    The counts are those of the pairs whose report is asked for, so a part of a split reports on itself. A duplicate is
    a pair that occurred before. A contradiction is a pair that also occurs with its responses swapped. A pair is a
    repeated judgement if another pair has the same prompt and responses, whichever won. ``without_pairs`` counts, for
    the whole reading, the sound records and responses that gave no comparison, by reason. ``notes`` list what was read
    differently from the files, such as a role under another name or a prompt in another column. ``n_bad`` counts the
    records left out under ``skip_bad``, and ``bad`` shows what was wrong with the first five.
    """

    format: str
    messages: bool
    files: tuple[str, ...]
    ignored_columns: tuple[str, ...]
    n_pairs: int
    n_ties: int
    n_empty: int
    n_equal: int
    n_empty_prompt: int
    n_prompts_differ: int
    n_duplicates: int
    n_contradictions: int
    n_repeated: int
    without_pairs: Mapping[str, int]
    notes: tuple[str, ...] = ()
    n_bad: int = 0
    bad: tuple[str, ...] = ()

    def __str__(self) -> str:
        files = " from " + self.files[0] if len(self.files) == 1 else f" from {len(self.files):,} files"
        kind = "messages" if self.messages else "text"
        lines = [f"{self.n_pairs:,} pairs of {kind}{files if self.files else ''} ({self.format})"]
        lines += [f"  {note}" for note in self.notes]
        if self.ignored_columns:
            lines.append(f"  columns not used: {', '.join(self.ignored_columns)}")
        counts = {
            "tied": self.n_ties,
            "with an empty response": self.n_empty,
            "with equal responses": self.n_equal,
            "with an empty prompt": self.n_empty_prompt,
            "whose sides differ before the last turn": self.n_prompts_differ,
            "repeat an earlier pair": self.n_duplicates,
            "contradicted by another pair": self.n_contradictions,
            "judged more than once": self.n_repeated,
        }
        lines += [f"  {n:>7,} {name}" for name, n in counts.items() if n]
        lines += [f"  gave no pair: {n:,} {reason}" for reason, n in self.without_pairs.items()]
        if self.n_bad:
            lines += [
                f"  left out as bad: {self.n_bad:,} records, of which the first:",
                *(f"    {one}" for one in self.bad),
            ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Origin:
    """Where pairs came from; shared by every selection of them."""

    format: str
    messages: bool
    files: tuple[str, ...] = ()
    ignored_columns: tuple[str, ...] = ()
    without_pairs: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    n_bad: int = 0
    bad: tuple[str, ...] = ()


class PreferencePairs(Sequence[PreferencePair]):
    """Preference pairs in an Arrow table: a sequence whose slices and selections share its memory.

    ``pairs[3]`` is a `PreferencePair`; ``pairs[2:9]``, ``pairs[[4, 1]]`` and ``pairs[mask]`` (an array of bool) are
    `PreferencePairs` again. `read_pairs` and `PreferencePairs.from_list` make them.
    """

    def __init__(self, batches: Sequence[pa.RecordBatch], origin: Origin, rows: range | np.ndarray | None = None):
        self._chunks = [dict(zip(SCHEMA.names, batch.columns, strict=True)) for batch in batches if batch.num_rows]
        self._starts = [0, *np.cumsum([len(chunk["prompt"]) for chunk in self._chunks]).tolist()]
        self._rows = range(self._starts[-1]) if rows is None else rows
        self._origin = origin

    @classmethod
    def from_list(cls, pairs: Iterable[PreferencePair]) -> PreferencePairs:
        """Return pairs as a table. Raises DataError, naming the pair (from 0), if one is not well formed."""
        rows: list[Row] = []
        messages: bool | None = None
        ignored: set[str] = set()
        for i, pair in enumerate(pairs):
            if not isinstance(pair, PreferencePair):
                raise DataError(f"pair {i}: expected a PreferencePair, got {type(pair).__name__}")
            try:
                sides = Sides(pair.prompt, pair.chosen, pair.rejected)
                texts, messages = encode_sides(sides, messages, ignored)
                record = {name: getattr(pair, name) for name in OPTIONAL}
                rows.append(Row(*texts, *read_optional(record, sides), pair.source))
            except ValueError as error:
                raise DataError(f"pair {i}: {error}") from None
        return cls([rows_to_batch(rows)], Origin("a list", bool(messages), (), tuple(sorted(ignored))))

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[PreferencePair]:
        return (self._pair(int(row)) for row in self._rows)  # Sequence's own would take an IndexError for the end

    @overload
    def __getitem__(self, index: int) -> PreferencePair: ...

    @overload
    def __getitem__(self, index: slice | Sequence[int] | np.ndarray) -> PreferencePairs: ...

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._with_rows(self._rows[index])
        if isinstance(index, int | np.integer):
            try:
                row = int(self._rows[index])
            except IndexError:
                raise IndexError(f"pair {index} of {len(self):,}") from None
            return self._pair(row)
        return self.take(index)

    def take(self, indices: Sequence[int] | np.ndarray) -> PreferencePairs:
        """Return the pairs at these positions, in this order, or those at which an array of bool is true."""
        index = np.asarray(indices)
        if index.size == 0:
            index = index.astype(np.int64)
        whole = index.dtype == bool or np.issubdtype(index.dtype, np.integer)
        if index.ndim != 1 or not whole or (index.dtype == bool and len(index) != len(self)):
            raise TypeError(
                f"expected a list or array of positions, or of {len(self):,} bools, got dtype {index.dtype} "
                f"and shape {index.shape}"
            )
        return self._with_rows(np.asarray(self._rows, dtype=np.int64)[index])

    def _with_rows(self, rows: range | np.ndarray) -> PreferencePairs:
        part = object.__new__(PreferencePairs)
        part._chunks, part._starts, part._origin, part._rows = self._chunks, self._starts, self._origin, rows
        return part

    def _pair(self, row: int) -> PreferencePair:
        number = bisect.bisect_right(self._starts, row) - 1
        i = row - self._starts[number]
        values = (column[i].as_py() for column in self._chunks[number].values())
        prompt, chosen, rejected, margin, weight, group, item, tied, first, source = values
        if self._origin.messages:
            prompt, chosen, rejected = (tuple(json.loads(side)) for side in (prompt, chosen, rejected))
        return PreferencePair(
            prompt, chosen, rejected,
            margin=margin, weight=weight, group=group, item=item, tied=tied, chosen_first=first, source=source,
        )  # fmt: skip

    @property
    def messages(self) -> bool:
        """Whether prompts and responses are messages (else text)."""
        return self._origin.messages

    @cached_property
    def report(self) -> ReadReport:
        """What was recognised, read and flagged; a `ReadReport`. The counts are of these pairs."""
        found = find(self)
        return ReadReport(
            format=self._origin.format,
            messages=self.messages,
            files=self._origin.files,
            ignored_columns=self._origin.ignored_columns,
            without_pairs=self._origin.without_pairs,
            notes=self._origin.notes,
            n_bad=self._origin.n_bad,
            bad=self._origin.bad,
            n_pairs=len(self),
            **{f"n_{name}": int(mask.sum()) for name, mask in found._asdict().items()},
        )

    @property
    def tied(self) -> np.ndarray:
        """Whether each pair is a tie; bool, shape (n_pairs,)."""
        return self._numbers("tied", bool)

    @property
    def decided(self) -> np.ndarray:
        """Whether one response of each pair was preferred; bool, shape (n_pairs,). Accuracy is counted on these."""
        return ~self.tied

    @property
    def margins(self) -> np.ndarray:
        """The margin of each pair in log-odds (nats), NaN if there is none; shape (n_pairs,)."""
        return self._numbers("margin", np.float64)

    @property
    def weights(self) -> np.ndarray:
        """How often each pair counts in training, 1 unless the data say otherwise; float64, shape (n_pairs,)."""
        return self._numbers("weight", np.float64)

    @property
    def groups(self) -> list[str | None]:
        """The group of each pair, None if there is none."""
        return [group for column in self.columns("group") for group in column.to_pylist()]

    @property
    def items(self) -> list[str | None]:
        """The item of each pair, None if there is none."""
        return [item for column in self.columns("item") for item in column.to_pylist()]

    def texts(self, side: str) -> Iterator[str]:
        """Yield the text of each "prompt", "chosen" or "rejected"; contents of messages are joined by line breaks."""
        for column in self.columns(side):
            for text in column.to_pylist():
                yield "\n".join(message["content"] for message in json.loads(text)) if self.messages else text

    def lengths(self, side: str) -> np.ndarray:
        """Return the length in characters of each text that `texts` gives; int64, shape (n_pairs,)."""
        return np.fromiter(map(len, self.texts(side)), np.int64, count=len(self))

    def columns(self, name: str) -> Iterator[pa.Array]:
        """Yield a column of the table, in pieces, as it is stored; messages are stored as JSON."""
        if name not in SCHEMA.names:
            raise ValueError(f"a column must be one of {', '.join(SCHEMA.names)}, got {name!r}")
        if isinstance(self._rows, range) and self._rows.step == 1:
            for start, chunk in zip(self._starts, self._chunks, strict=False):
                low, high = max(self._rows.start - start, 0), min(self._rows.stop - start, len(chunk[name]))
                if low < high:
                    yield chunk[name].slice(low, high - low)
            return
        whole = pa.chunked_array([chunk[name] for chunk in self._chunks], SCHEMA.field(name).type)
        rows = np.asarray(self._rows, dtype=np.int64)
        for start in range(0, len(rows), 8192):  # taking makes copies, so do it in pieces
            yield whole.take(pa.array(rows[start : start + 8192])).combine_chunks()

    def _numbers(self, name: str, dtype: type) -> np.ndarray:
        pieces = [column.to_numpy(zero_copy_only=False) for column in self.columns(name)]
        return np.concatenate(pieces).astype(dtype) if pieces else np.empty(0, dtype)

    def __repr__(self) -> str:
        kind = "messages" if self.messages else "text"
        return f"PreferencePairs({len(self):,} pairs of {kind}, {self._origin.format})"


def rows_to_batch(rows: Sequence[Row]) -> pa.RecordBatch:
    """Return checked rows as a record batch. Raises DataError, naming the row, for text that is not Unicode."""
    try:
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(SCHEMA)
        arrays = [pa.array(column, kind.type) for column, kind in zip(columns, SCHEMA, strict=True)]
    except UnicodeEncodeError:
        for i, row in enumerate(rows):
            try:
                "".join(value for value in row if isinstance(value, str)).encode()
            except UnicodeEncodeError as error:
                half = ascii(error.object[error.start])
                raise DataError(
                    f"{row.source or f'pair {i}'}: holds half of a surrogate pair ({half}), which is not Unicode text"
                ) from None
        raise
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
