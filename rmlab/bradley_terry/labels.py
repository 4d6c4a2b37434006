"""Turning labels of any hashable kind into positions 0, 1, 2, ...: the slow part of a fit to a million comparisons."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rmlab.printing import is_blank

__all__ = ["index_labels", "label_key"]

_BOOL = object()


def index_labels(
    winners: Iterable[Hashable], losers: Iterable[Hashable]
) -> tuple[tuple[Hashable, ...], NDArray[np.intp], NDArray[np.intp]]:
    """Return the distinct labels and, for every comparison, the positions of its winner and its loser among them.

    Labels that are equal in Python are one item (1 and 1.0 are, 1 and "1" are not), but a bool is never a number.
    Items are sorted if they can be; otherwise they are in the order in which they appear, winners before losers.

    Parameters
    ----------
    winners, losers
        Lists, tuples, NumPy arrays, or columns of pandas, polars or pyarrow; shape ``(n_comparisons,)``.

    Raises
    ------
    TypeError
        If a column is not a sequence of labels, or a label is not hashable.
    ValueError
        If the columns differ in length, are empty, have more than one axis, or a label is missing (None, NaN, or text
        that shows nothing).
    """
    won, lost = _column("winners", winners), _column("losers", losers)
    if len(won) != len(lost):
        raise ValueError(
            "winners and losers must have one label for each comparison, "
            f"got {len(won):,} winners and {len(lost):,} losers"
        )
    if len(won) == 0:
        raise ValueError("winners and losers are empty; a fit needs at least one comparison")
    if isinstance(won, np.ndarray) and isinstance(lost, np.ndarray):
        items, codes = _index_integers(won, lost)
    elif isinstance(won, pa.Array) and isinstance(lost, pa.Array):
        items, codes = _index_strings(won, lost)
    else:
        items, codes = _index_objects(won, lost)
    for blank in (code for code, item in enumerate(items) if is_blank(item)):
        name, column = ("winners", codes[0]) if blank in codes[0] else ("losers", codes[1])
        row = int((column == blank).argmax())
        raise ValueError(f"{name}[{row}] is {items[blank]!r}: a label is missing; leave that comparison out")
    try:
        order = sorted(range(len(items)), key=items.__getitem__)  # type: ignore[arg-type]
    except TypeError:  # labels of kinds that cannot be ordered together
        return tuple(items), codes[0], codes[1]
    position = np.empty(len(items), np.intp)
    position[order] = np.arange(len(items))
    return tuple(items[k] for k in order), position[codes[0]], position[codes[1]]


def label_key(label: Any) -> Hashable:
    """Return a label's key in a dict: the label itself, except that True and 1 get different keys."""
    return (_BOOL, bool(label)) if isinstance(label, bool | np.bool_) else label


def _column(name: str, labels: Any) -> list[Any] | NDArray[np.int64] | pa.Array:
    """Return the labels as an int64 array, as Arrow strings, or else as a list."""
    if isinstance(labels, str | bytes) or not isinstance(labels, Iterable):
        raise TypeError(
            f"{name} must be a list, an array or a column of labels, one for each comparison, got {labels!r:.60}"
        )
    if hasattr(labels, "__array__"):  # NumPy, pandas, polars, pyarrow
        array = np.asarray(labels)
        if array.ndim != 1:
            raise ValueError(f"{name} must have shape (n_comparisons,), got {array.shape}")
        if array.dtype.kind in "iu" and array.dtype != np.uint64:
            return array.astype(np.int64, copy=False)
        if array.dtype.kind == "U":
            return pa.array(array)
        # dates stay NumPy scalars: `tolist` makes plain integers of nanoseconds
        labels = list(array) if array.dtype.kind in "mM" else array.tolist()
    elif not isinstance(labels, list):
        labels = list(labels)
    try:
        arrow = pa.array(labels)
    except (ValueError, TypeError, OverflowError, pa.ArrowException):  # several kinds, or one that Arrow lacks
        return labels
    # Arrow also accepts what is not the same label (bytes as text, int as float, None as null): those stay lists.
    if isinstance(arrow, pa.Array) and arrow.null_count == 0:
        if pa.types.is_string(arrow.type):
            return arrow
        if pa.types.is_int64(arrow.type):
            return arrow.to_numpy()
    return labels


def _index_integers(won: NDArray[np.int64], lost: NDArray[np.int64]) -> tuple[list[Any], list[NDArray[np.intp]]]:
    low, high = min(won.min(), lost.min()).item(), max(won.max(), lost.max()).item()
    if high - low > 4 * len(won) + 1000:  # too sparse for a table
        values, codes = np.unique(np.concatenate([won, lost]), return_inverse=True)
        return values.tolist(), [codes[: len(won)], codes[len(won) :]]
    won, lost = won - low, lost - low
    present = np.zeros(high - low + 1, bool)
    present[won] = present[lost] = True
    code_of = np.cumsum(present) - 1
    return (np.flatnonzero(present) + low).tolist(), [code_of[won], code_of[lost]]


def _index_strings(won: pa.Array, lost: pa.Array) -> tuple[list[Any], list[NDArray[np.intp]]]:
    encoded = pa.chunked_array([won, lost]).dictionary_encode().unify_dictionaries()
    return encoded.chunk(0).dictionary.to_pylist(), [chunk.indices.to_numpy() for chunk in encoded.chunks]


def _index_objects(won: Any, lost: Any) -> tuple[list[Any], list[NDArray[np.intp]]]:
    items: list[Any] = []
    code_of: dict[Hashable, int] = {}
    columns = []
    for name, column in (("winners", won), ("losers", lost)):
        labels = column if isinstance(column, list) else column.tolist()
        codes = np.empty(len(labels), np.intp)
        for row, label in enumerate(labels):
            try:
                code = code_of.get(key := label_key(label))
            except TypeError:
                raise TypeError(
                    f"a label must be hashable (text, a number, a tuple, ...), got {name}[{row}] = {label!r:.60}"
                ) from None
            if code is None:
                if _is_missing(label):
                    raise ValueError(f"{name}[{row}] is {label!r}: a label is missing; leave that comparison out")
                code = code_of[key] = len(items)
                items.append(label)
            codes[row] = code
        columns.append(codes)
    return items, columns


def _is_missing(label: Any) -> bool:
    try:
        return label is None or bool(label != label)  # NaN and NaT differ from themselves
    except TypeError:  # pandas.NA has no truth value
        return True
