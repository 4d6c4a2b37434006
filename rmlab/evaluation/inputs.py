"""Checks of the arguments of this package; an error says what was expected, what came and what to do."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
from array_api_compat import is_torch_array

__all__ = ["check_bootstrap", "checked_differences", "codes_of", "names_of", "numbers", "ordered"]


def checked_differences(score_differences: Any, *, name: str = "score_differences") -> np.ndarray:
    """Return score differences as float64 of shape ``(n_pairs,)``, or raise an error that says what is wrong."""
    d = numbers(name, score_differences, None, "(n_pairs,)")
    if len(d) == 0:
        raise ValueError(f"{name} is empty: there is no pair to evaluate; check how the pairs were filtered")
    return d


def numbers(
    name: str,
    values: Any,
    shape: tuple[int, ...] | None,
    shape_in_words: str,
    *,
    beside: str = "score_differences",
) -> np.ndarray:
    """Return `values` as finite float64 of this shape (None: any one axis), or raise an error saying what is wrong."""
    if is_torch_array(values):
        values = values.detach().cpu().double().numpy()  # NumPy has no bfloat16, and accepts no gradient
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "iufO":
            raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
        array = array.astype(float)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name} must be numbers of shape {shape_in_words}: {error}") from None
    if (array.ndim != 1) if shape is None else (array.shape != shape):
        pairs = "" if shape is None else f" with n_pairs = {shape[0]}, as many as {beside}"
        raise ValueError(f"{name} must have shape {shape_in_words}{pairs}, got {array.shape}")
    bad = np.unique(np.nonzero(~np.isfinite(array))[0])
    if len(bad):
        where = ", ".join(map(str, bad[:5])) + (f" and {len(bad) - 5} more" if len(bad) > 5 else "")
        raise ValueError(
            f"{name} must be finite, got {array[bad[0]]} at index {where}; look at those pairs and at what made the "
            "number, or leave them out and report how many"
        )
    return array


def names_of(
    option: str, names: Iterable[Hashable], n: int, *, beside: str = "pairs in score_differences"
) -> list[Hashable]:
    """Return one hashable name for each of `n` things, a NaN counting as None, or raise an error."""
    one = beside.split()[0].removesuffix("s")
    if isinstance(names, str | bytes):
        raise TypeError(f"{option} must hold one name for each {one}, got the single name {names!r}")
    given = names.tolist() if hasattr(names, "tolist") else list(names)  # type: ignore[attr-defined]
    if len(given) != n:
        raise ValueError(f"{option} must hold one name for each of the {n} {beside}, got {len(given)}")
    given = [None if isinstance(name, float) and math.isnan(name) else name for name in given]
    unhashable = next((name for name in given if not isinstance(name, Hashable)), None)
    if unhashable is not None:
        raise TypeError(
            f"{option} must hold hashable names, such as strings, got {type(unhashable).__name__}: {unhashable!r}"
        )
    return given


def codes_of(names: Iterable[Hashable]) -> tuple[np.ndarray, list[Hashable]]:
    """Return a number for each name, from 0 as first seen, int64 ``(n,)``, and the distinct names in that order."""
    codes: dict[Hashable, int] = {}
    code_of_each = np.fromiter((codes.setdefault(name, len(codes)) for name in names), dtype=np.int64)
    return code_of_each, list(codes)


def ordered(names: Sequence[Hashable]) -> list[Hashable]:
    """Return names sorted if they can be; names of several kinds stay in the order in which they were first seen."""
    try:
        return sorted(names)  # type: ignore[type-var]
    except TypeError:
        return list(names)


def check_bootstrap(n_bootstrap: int, *, may_be_none: bool = False) -> None:
    """Refuse a number of draws too small for a 2.5% quantile; 0 means no draws, and is accepted if `may_be_none`."""
    if n_bootstrap < 100 and not (may_be_none and n_bootstrap == 0):
        raise ValueError(f"n_bootstrap must be at least 100, such as 2000, got {n_bootstrap!r}")
