"""Near-equal texts: exact groups of very many texts, and labels of near-equal responses among a few.

Two texts are equal if they agree once case, white space, punctuation and Unicode's composed forms are normalised. They
are near-equal if then at least 0.8 of the runs of five bytes found in either are found in both (Jaccard similarity).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator

import numpy as np

__all__ = ["SIMILARITY", "group_near_equal", "label_near_equal"]

SIMILARITY = 0.8
"""The share of common runs of five bytes at which two texts count as near-equal."""

_WORD = re.compile(r"[^\W_]+")
_RUN = 5
_BITS = 11
"""A text's bitmap has 2 to this power bits."""
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SKIPPED = 20
_CROWD = 64


def group_near_equal(texts: Iterable[str], *, links: Iterable[tuple[int, int]] = ()) -> np.ndarray:
    """Return for each text the number of its group of near-equal ones: int64, shape (n_texts,), numbered from 0.

    A text that is near to two others joins them. Two texts of similarity 0.8 or more are always in one group:
    candidates are texts that share one of the rarest runs of each (prefix filtering; Chaudhuri, Ganti and Kaushik 2006;
    Bayardo, Ma and Srikant 2007), and each candidate is checked exactly. `links` are couples of positions of texts that
    belong together for another reason.
    """
    number: dict[str, int] = {}
    index = np.fromiter((number.setdefault(_normalise(text), len(number)) for text in texts), np.int64)
    distinct = list(number)
    groups = _Groups(len(distinct))
    for first, second in links:
        groups.join(int(index[first]), int(index[second]))
    for first, second in _near_pairs(distinct, groups):
        groups.join(first, second)
    roots = np.fromiter(map(groups.find, range(len(distinct))), np.int64, count=len(distinct))[index]
    _, appeared, group = np.unique(roots, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(appeared))[group]


class _Groups:
    """Disjoint sets of the numbers below `n`."""

    def __init__(self, n: int):
        self._parent = list(range(n))

    def find(self, i: int) -> int:
        parent = self._parent
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    def join(self, i: int, j: int) -> None:
        self._parent[self.find(j)] = self.find(i)


def _near_pairs(texts: list[str], groups: _Groups) -> Iterator[tuple[int, int]]:
    """Yield pairs of near-equal texts, except those that `groups`, which the caller updates, has joined."""
    sizes, rarity = _sizes_and_rarity(texts)
    bitmaps = np.empty((len(texts), 2**_BITS // 64), np.uint64)
    postings: dict[int, _Posting] = {}
    for i in np.argsort(sizes, kind="stable").tolist():
        runs = _distinct(_runs(texts[i]))
        bitmaps[i] = _bitmap(runs)
        size, by_rarity = len(runs), runs[np.lexsort((runs, rarity[_bucket(runs, rarity)]))]
        # Near-equal texts share 4 / 5 of their union, or 4 / 9 of the sum of their sizes. That is at least 4 / 5 of
        # this size if the other is smaller, and 8 / 9 if it is larger. Both order their runs alike, so one of the first
        # `size - shared + 1` runs is shared.
        smallest = -(-4 * size // 5)
        probed = by_rarity[: size - smallest + 1].tolist()
        shared = [postings[run] for run in probed if run in postings]
        # Of many texts try the latest first: once text `i` is in its group, it need not be compared with the others.
        latest = {posting.latest for posting in shared if len(posting) > _CROWD}
        yield from ((j, i) for j in _near_ones(i, latest, texts, bitmaps, sizes, groups))
        candidates = {j for posting in shared for j in posting.others(i, smallest, groups)} - latest
        yield from ((j, i) for j in _near_ones(i, candidates, texts, bitmaps, sizes, groups))
        for run in probed[: size - -(-8 * size // 9) + 1]:
            postings.setdefault(run, _Posting()).add(i, size)


def _near_ones(
    i: int, candidates: set[int], texts: list[str], bitmaps: np.ndarray, sizes: np.ndarray, groups: _Groups
) -> Iterator[int]:
    if not candidates:
        return
    others = np.fromiter(candidates, np.int64, count=len(candidates))
    others.sort()
    apart = np.bitwise_count(bitmaps[others] ^ bitmaps[i]).sum(axis=1, dtype=np.int64)
    # a bit of only one bitmap is a run of only one text; near-equal texts have at most 1 / 9 of both sizes of these
    likely = 9 * apart <= sizes[others] + sizes[i]
    for j in others[likely].tolist():
        if groups.find(j) != groups.find(i) and _similar(texts[j], texts[i]):
            yield j


class _Posting:
    """The texts that share one of their rarest runs, small ones first; a long list is kept by group."""

    def __init__(self) -> None:
        self._length, self.latest = 0, -1
        self._sizes: dict[int, list[int]] = {-1: []}
        self._texts: dict[int, list[int]] = {-1: []}

    def __len__(self) -> int:
        return self._length

    def add(self, i: int, size: int) -> None:
        self._length, self.latest = self._length + 1, i
        self._sizes[-1].append(size)
        self._texts[-1].append(i)

    def others(self, i: int, smallest: int, groups: _Groups) -> Iterator[int]:
        """Yield the texts of at least this size, except those that are kept under the group of text `i`."""
        if len(self._texts[-1]) > _CROWD:
            self._settle(groups)
        own = groups.find(i)
        for root, texts in self._texts.items():
            if root == -1 or groups.find(root) != own:
                yield from texts[bisect_left(self._sizes[root], smallest) :]

    def _settle(self, groups: _Groups) -> None:
        """Move the recent texts into the lists of their groups, and merge the lists of groups that have been joined."""
        moved = [-1, *(root for root in self._texts if root != -1 and groups.find(root) != root)]
        held = [pair for root in moved for pair in zip(self._sizes.pop(root), self._texts.pop(root), strict=True)]
        self._sizes[-1], self._texts[-1] = [], []
        changed = {groups.find(i) for _, i in held}
        for size, i in sorted(held):
            self._sizes.setdefault(groups.find(i), []).append(size)
            self._texts.setdefault(groups.find(i), []).append(i)
        for root in changed if len(moved) > 1 else ():  # the recent texts are larger than all before them
            both = sorted(zip(self._sizes[root], self._texts[root], strict=True))
            self._sizes[root], self._texts[root] = map(list, zip(*both, strict=True))


def _sizes_and_rarity(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of distinct runs of each text, and how often the runs of each bucket occur."""
    rarity = np.zeros(2 ** min(22, max(8, len(texts).bit_length() + 8)), np.int64)
    sizes = np.empty(len(texts), np.int64)
    for i, text in enumerate(texts):
        runs = _distinct(_runs(text))
        sizes[i] = len(runs)
        np.add.at(rarity, _bucket(runs, rarity), 1)
    return sizes, rarity


def _bucket(runs: np.ndarray, table: np.ndarray) -> np.ndarray:
    return ((runs * _MIX) >> np.uint64(65 - len(table).bit_length())).astype(np.int64)


def label_near_equal(texts: Iterable[str]) -> list[int]:
    """Return a label for each text, from 0, the same for near-equal ones. It is meant for the responses to one prompt.

    Each text is compared with the latest twenty that were not near-equal to an earlier one.
    """
    known: dict[str, int] = {}
    told_apart: list[tuple[str, np.ndarray, int]] = []
    labels = []
    for text in map(_normalise, texts):
        if text not in known:
            bitmap = _bitmap(_runs(text))
            near = (
                label
                for other, bits, label in reversed(told_apart[-_SKIPPED:])
                if _may_be_similar(text, bitmap, other, bits) and _similar(text, other)
            )
            known[text] = next(near, len(told_apart))
            if known[text] == len(told_apart):
                told_apart.append((text, bitmap, known[text]))
        labels.append(known[text])
    return labels


def _normalise(text: str) -> str:
    folded = text.casefold()
    if not folded.isascii():
        folded = unicodedata.normalize("NFC", folded)
    return " ".join(_WORD.findall(folded)) or text.strip()  # a text of punctuation alone stays as it is


def _runs(text: str) -> np.ndarray:
    """Return the runs of five bytes of a text as numbers, in order: uint64."""
    data = f" {text} ".encode().ljust(_RUN)
    n_runs = len(data) - _RUN + 1
    return np.ndarray((n_runs,), "<u8", data + b"\0\0\0", strides=(1,)) & np.uint64(2**40 - 1)


def _distinct(runs: np.ndarray) -> np.ndarray:
    runs.sort()
    return runs[np.r_[True, runs[1:] != runs[:-1]]]


def _bitmap(runs: np.ndarray) -> np.ndarray:
    """Return a bitmap with one bit set for each run; several runs share a bit: uint64."""
    bits = np.zeros(2**_BITS, bool)
    bits[((runs * _MIX) >> np.uint64(64 - _BITS)).astype(np.int64)] = True
    return np.packbits(bits).view(np.uint64)


def _may_be_similar(first: str, first_bits: np.ndarray, second: str, second_bits: np.ndarray) -> bool:
    """Return False only if the texts are not near-equal, because their bitmaps show that one lacks too many runs."""
    apart = int(np.bitwise_count(first_bits ^ second_bits).sum())
    n_bytes = len(first.encode().ljust(_RUN)) + len(second.encode().ljust(_RUN))
    return 9 * apart <= n_bytes  # a text has at most as many distinct runs as bytes


def _similar(first: str, second: str) -> bool:
    a, b = _distinct(_runs(first)), _distinct(_runs(second))
    common = len(np.intersect1d(a, b, assume_unique=True))
    return common >= SIMILARITY * (len(a) + len(b) - common)
