"""Near-equal texts: groups among very many, proposed by MinHash and checked exactly; and near-equal responses.

Two texts are equal if they agree once case, white space and punctuation are evened out. They are near-equal if then at
least 0.8 of the runs of five bytes that are found in either are found in both (Jaccard similarity).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence

import numpy as np

__all__ = ["SIMILARITY", "group_near_equal", "label_near_equal"]

SIMILARITY = 0.8
"""Share of runs of five bytes in common from which two texts count as near-equal."""

_WORD = re.compile(r"[^\W_]+")
_RUN = 5
_N_HASHES, _BAND = 120, 6
_CROWD = 20


def group_near_equal(texts: Iterable[str], *, links: Iterable[tuple[int, int]] = ()) -> np.ndarray:
    """Give each text the number of its group of near-equal ones: int64, shape (n_texts,), from 0 as they appear.

    A text that is near to two others joins them. Candidates are proposed by MinHash with banding (120 hashes in 20
    bands of 6; Broder 1997; Leskovec, Rajaraman and Ullman 2014, chapter 3), which finds two texts of similarity 0.8
    with probability 0.99 and of 0.85 with 0.999, and each candidate is checked exactly. The outcome is the same in
    every run. `links` are positions of texts that belong together for another reason.
    """
    number: dict[str, int] = {}
    index = np.fromiter((number.setdefault(_even_out(text), len(number)) for text in texts), np.int64)
    distinct = list(number)
    root = list(range(len(distinct)))

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = i = root[root[i]]
        return i

    for first, second in links:
        root[find(int(index[first]))] = find(int(index[second]))
    signatures = _signatures(distinct)  # (n_distinct, n_hashes)
    compared: set[tuple[int, int]] = set()
    for band in range(0, _N_HASHES, _BAND):
        for bucket in _buckets(signatures[:, band : band + _BAND]):
            # In a crowded bucket each is compared with the next few only, which keeps the work linear.
            for step in range(1, min(len(bucket), _CROWD + 1)):
                a, b = bucket[:-step], bucket[step:]
                likely = (signatures[a] == signatures[b]).mean(axis=1) >= SIMILARITY - 0.1  # 2.7 standard errors
                for i, j in zip(a[likely].tolist(), b[likely].tolist(), strict=True):
                    if (i, j) not in compared and find(i) != find(j):
                        compared.add((i, j))
                        if _similar(distinct[i], distinct[j]):
                            root[find(j)] = find(i)
    roots = np.fromiter(map(find, range(len(distinct))), np.int64, count=len(distinct))[index]
    _, appeared, group = np.unique(roots, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(appeared))[group]


def label_near_equal(texts: Iterable[str]) -> list[int]:
    """Give each text a label, counted from 0 as they appear, near-equal ones the same: for the few of one prompt.

    Each is compared with the latest twenty that were not near-equal to one before them.
    """
    known: dict[str, int] = {}
    told_apart: list[tuple[str, int]] = []
    labels = []
    for text in map(_even_out, texts):
        if text not in known:
            near = (label for other, label in reversed(told_apart[-_CROWD:]) if _similar(text, other))
            known[text] = next(near, len(told_apart))
            if known[text] == len(told_apart):
                told_apart.append((text, known[text]))
        labels.append(known[text])
    return labels


def _even_out(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold())) or text.strip()  # signs alone stay themselves


def _runs(text: str) -> list[bytes]:
    """Give the runs of five bytes of a text."""
    data = f" {text} ".encode().ljust(_RUN)
    return [data[i : i + _RUN] for i in range(len(data) - _RUN + 1)]


def _similar(first: str, second: str) -> bool:
    if not _may_be_similar(first, second):
        return False
    a, b = set(_runs(first)), set(_runs(second))
    return len(a & b) >= SIMILARITY * len(a | b)


def _may_be_similar(first: str, second: str) -> bool:
    """Rule out most texts by sixteen runs of the shorter one, of which eight must be in the longer one.

    At a similarity of 0.8 a run of one is in the other with a probability of 0.8 at least, and nine of sixteen are
    missing with one of 0.0015 at most.
    """
    short, long = sorted((first, second), key=len)
    if len(short) < 4 * _RUN:
        return True
    found, missing = f" {long} ", 0
    for i in range(16):
        start = i * (len(short) - _RUN) // 15
        missing += short[start : start + _RUN] not in found
        if missing > 8:
            return False
    return True


def _signatures(texts: Sequence[str]) -> np.ndarray:
    """For each text and hash function the last 16 bits of its runs' least hash; shape (n_texts, n_hashes).

    That two least hashes differ and yet end alike is one chance in 65,536 (Li and König 2010, b-bit minwise hashing).
    The index of datasketch would take some 6.6 kB a text in place of these 240 bytes, and bounds no crowded bucket.
    """
    from datasketch import MinHash

    sketches = MinHash.generator(map(_runs, texts), num_perm=_N_HASHES, seed=20, hashfunc=zlib.crc32)
    signatures = np.empty((len(texts), _N_HASHES), np.uint16)
    for i, sketch in enumerate(sketches):
        signatures[i] = sketch.hashvalues & 0xFFFF
    return signatures


def _buckets(band: np.ndarray) -> Iterable[np.ndarray]:
    """Give the numbers of rows that are equal throughout a band."""
    keys = np.ascontiguousarray(band).view(np.dtype((np.void, band.dtype.itemsize * band.shape[1])))[:, 0]
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.r_[True, keys[order][1:] != keys[order][:-1]]) if len(keys) else []
    return (bucket for bucket in np.split(order, starts[1:]) if len(bucket) > 1)
