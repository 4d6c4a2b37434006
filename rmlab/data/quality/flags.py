"""Faults of meaning, found in the stored pairs as one mask for each fault. Such pairs are kept and counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rmlab.data.rows import NEXT_MESSAGE

__all__ = ["Flags", "find", "find_unusable"]

# Characters that show nothing: white space, controls, and those that Unicode calls ignorable, such as joiners of no
# width. In the JSON of messages some are escaped. A side is blank when all its contents are.
_UNSEEN = (
    r"\s\v\p{Z}\p{Cc}\p{Cf}\x{34F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2800}\x{3164}\x{FE00}-\x{FE0F}"
    r"\x{FFA0}\x{E0000}-\x{E0FFF}"
)
_BLANK_TEXT = rf"^[{_UNSEEN}]*$"
_BLANK_MESSAGES = (
    r'^\[(\{"role": "(?:[^"\\]|\\.)*", "content": "(?:[' + _UNSEEN + r']|\\[bnrtf]|\\u00[01][0-9a-f])*"\}(, )?)*\]$'
)


class Stored(Protocol):
    """The part of `PreferencePairs` that this module needs; `PreferencePairs` calls the module for its report."""

    @property
    def messages(self) -> bool: ...

    @property
    def tied(self) -> np.ndarray: ...

    def columns(self, name: str) -> Iterator[pa.Array]: ...

    def __len__(self) -> int: ...


class Flags(NamedTuple):
    """Masks over the pairs, bool, shape (n_pairs,) each."""

    ties: np.ndarray
    empty: np.ndarray
    equal: np.ndarray
    empty_prompt: np.ndarray
    prompts_differ: np.ndarray
    duplicates: np.ndarray
    contradictions: np.ndarray
    repeated: np.ndarray


def find(pairs: Stored) -> Flags:
    """Return the mask of every fault of meaning."""
    tied, empty, equal = find_unusable(pairs)
    prompt, chosen, rejected = (_hashes(pairs, side) for side in ("prompt", "chosen", "rejected"))
    # Odd multipliers give a pair and its swapped twin different hashes.
    p, c, r = (np.uint64(k) for k in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))
    with np.errstate(over="ignore"):
        key = prompt * p + chosen * c + rejected * r + tied
        swapped = prompt * p + rejected * c + chosen * r
        either_way = prompt * p + (chosen + rejected) * c
    first = np.unique(key, return_index=True)[1]
    duplicated = np.ones(len(key), dtype=bool)
    duplicated[first] = False
    decided = ~tied & ~equal
    contradicted = decided & np.isin(swapped, key[decided])
    _, which, times = np.unique(either_way, return_inverse=True, return_counts=True)
    return Flags(
        tied, empty, equal, _blank(pairs, "prompt"), _prompts_differ(pairs), duplicated, contradicted, times[which] > 1
    )


def find_unusable(pairs: Stored) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return masks of ties, of pairs with an empty response, and of pairs whose responses are equal."""
    sides = zip(_composed(pairs, "chosen"), _composed(pairs, "rejected"), strict=True)
    equal = [pc.equal(chosen, rejected) for chosen, rejected in sides]  # pyright: ignore[reportAttributeAccessIssue]
    return pairs.tied, _blank(pairs, "chosen") | _blank(pairs, "rejected"), _mask(equal)


def _blank(pairs: Stored, side: str) -> np.ndarray:
    pattern = _BLANK_MESSAGES if pairs.messages else _BLANK_TEXT
    return _mask([pc.match_substring_regex(column, pattern) for column in pairs.columns(side)])  # pyright: ignore[reportAttributeAccessIssue]


def _composed(pairs: Stored, side: str) -> Iterator[pa.Array]:
    """Yield a column in Unicode's composed form (NFC), since texts that differ only in that look the same."""
    for column in pairs.columns(side):
        ascii_only = pc.all(pc.string_is_ascii(column)).as_py()  # pyright: ignore[reportAttributeAccessIssue]
        yield column if ascii_only else pc.utf8_normalize(column, form="NFC")  # pyright: ignore[reportAttributeAccessIssue]


def _prompts_differ(pairs: Stored) -> np.ndarray:
    """Return where the two sides differ before their last turn: where one of them holds more than one message."""
    if not pairs.messages:
        return np.zeros(len(pairs), dtype=bool)
    chosen, rejected = (
        _mask([pc.match_substring(column, NEXT_MESSAGE) for column in pairs.columns(side)])  # pyright: ignore[reportAttributeAccessIssue]
        for side in ("chosen", "rejected")
    )
    return chosen | rejected


def _hashes(pairs: Stored, side: str) -> np.ndarray:
    # Python's own 64-bit hash: equal texts have equal hashes within one process, which is enough. Of a million distinct
    # texts, two share one with a probability of 3e-8.
    pieces = [np.fromiter(map(hash, c.to_pylist()), np.int64, count=len(c)) for c in _composed(pairs, side)]
    return np.concatenate(pieces).view(np.uint64) if pieces else np.empty(0, np.uint64)


def _mask(pieces: list[pa.Array]) -> np.ndarray:
    return np.concatenate([piece.to_numpy(zero_copy_only=False) for piece in pieces]) if pieces else np.empty(0, bool)
