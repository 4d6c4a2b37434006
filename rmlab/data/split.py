"""`split_by_prompt`: parts of the data that share no prompt, nor nearly one; and how near-equal prompts are found."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

import numpy as np

from rmlab.data.pairs import PreferencePairs
from rmlab.data.rows import NEXT_MESSAGE

__all__ = ["group_near_equal", "split_by_prompt"]

SIMILARITY = 0.8
"""Share of runs of five bytes in common from which two texts count as near-equal."""

_NEXT = re.compile(re.escape(NEXT_MESSAGE))
_SHINGLE = 5
_N_HASHES, _BAND = 120, 6
_CROWD = 20


def split_by_prompt(
    pairs: PreferencePairs, *, fractions: Sequence[float] = (0.7, 0.15, 0.15), seed: int = 0
) -> tuple[PreferencePairs, ...]:
    """Split pairs so that no prompt, nor a near-equal one, is in two parts.

    Pairs whose prompts are near-equal (see `group_near_equal`) stay together; so do a dialogue and its continuation.
    The groups are put in an order that the seed and their text decide, whatever the order of the pairs, and the line is
    cut where the fractions fall.

    Parameters
    ----------
    pairs
        From `read_pairs` or `PreferencePairs.from_list`.
    fractions
        Share of the pairs in each part, each above 0, together 1. As groups stay whole, the shares are met only nearly.
    seed
        Another seed, another split.

    Returns
    -------
    One `PreferencePairs` for each fraction, in the order of `pairs`, sharing its memory.

    Raises
    ------
    ValueError
        If the fractions are not such, or a part would be empty.
    """
    shares = np.asarray(fractions, dtype=np.float64)
    if shares.ndim != 1 or not np.all(shares > 0) or abs(shares.sum() - 1) > 1e-9:
        raise ValueError(f"fractions must each be above 0 and together 1, got {tuple(fractions)}")
    prompts = list(pairs.texts("prompt"))
    groups = group_near_equal(prompts, links=_continuations(pairs))
    n_groups = int(groups.max()) + 1 if len(groups) else 0
    first = [""] * n_groups  # of each group the first prompt in the order of the alphabet
    for group, prompt in zip(groups.tolist(), prompts, strict=True):
        if not first[group] or prompt < first[group]:
            first[group] = prompt
    drawn = [hashlib.blake2b(f"{seed}\n{text}".encode(), digest_size=8).digest() for text in first]
    order = np.array(sorted(range(n_groups), key=drawn.__getitem__), dtype=np.int64)
    sizes = np.bincount(groups, minlength=n_groups)[order]
    middles = np.cumsum(sizes) - sizes / 2
    part_of_group = np.empty(n_groups, dtype=np.int64)
    part_of_group[order] = np.searchsorted(np.cumsum(shares)[:-1] * len(pairs), middles)
    parts = part_of_group[groups]
    counts = np.bincount(parts, minlength=len(shares))
    if not counts.all():
        raise ValueError(
            f"{len(pairs):,} pairs on {n_groups:,} distinct prompts (the largest group of near-equal ones has "
            f"{sizes.max(initial=0):,} pairs) split as {tuple(fractions)} would leave part "
            f"{int(np.argmin(counts)) + 1} empty; give more prompts, or fewer or more equal fractions"
        )
    return tuple(pairs.take(np.flatnonzero(parts == part)) for part in range(len(shares)))


def _continuations(pairs: PreferencePairs) -> list[tuple[int, int]]:
    """Positions of a prompt and of another that goes on from it, message by message."""
    if not pairs.messages:
        return []
    stored = [prompt for column in pairs.columns("prompt") for prompt in column.to_pylist()]
    first = {prompt: i for i, prompt in reversed(list(enumerate(stored)))}
    cuts = ((i, prompt[: cut.start()] + '"}]') for i, prompt in enumerate(stored) for cut in _NEXT.finditer(prompt))
    return [(first[beginning], i) for i, beginning in cuts if beginning in first]


def group_near_equal(texts: Iterable[str], *, links: Iterable[tuple[int, int]] = ()) -> np.ndarray:
    """Give each text the number of its group of near-equal ones: int64, shape (n_texts,), from 0 as they appear.

    Two texts are equal if they agree once case, white space and punctuation are evened out. They are near-equal if then
    at least 0.8 of the runs of five bytes that are found in either are found in both (Jaccard similarity). A text that
    is near to two others joins them. Candidates are proposed by MinHash with banding (120 hashes in 20 bands of 6;
    Broder 1997; Leskovec, Rajaraman and Ullman 2014, chapter 3), which finds two texts of similarity 0.8 with
    probability 0.99 and of 0.85 with 0.999, and each candidate is checked exactly. The outcome is the same in every
    run. `links` are positions of texts that belong together for another reason.
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
    signatures = _minhash(distinct)  # (n_distinct, n_hashes)
    compared: set[tuple[int, int]] = set()
    for band in range(0, signatures.shape[1], _BAND):
        for bucket in _buckets(signatures[:, band : band + _BAND]):
            # In a crowded bucket each is compared with the next few only, which keeps the work linear.
            for step in range(1, min(len(bucket), _CROWD + 1)):
                a, b = bucket[:-step], bucket[step:]
                likely = (signatures[a] == signatures[b]).mean(axis=1) >= SIMILARITY - 0.1  # 2.7 standard errors
                for i, j in zip(a[likely].tolist(), b[likely].tolist(), strict=True):
                    if (i, j) not in compared and find(i) != find(j):
                        compared.add((i, j))
                        if _similarity(distinct[i], distinct[j]) >= SIMILARITY:
                            root[find(j)] = find(i)
    roots = np.fromiter(map(find, range(len(distinct))), np.int64, count=len(distinct))[index]
    _, appeared, group = np.unique(roots, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(appeared))[group]


def _even_out(text: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", text.casefold()).split()) or text.strip()  # signs alone stay themselves


def _shingles(text: str) -> np.ndarray:
    """Give the runs of five bytes of a text in order, as integers below 2**40."""
    data = np.frombuffer(f" {text} ".encode().ljust(_SHINGLE), np.uint8).astype(np.uint64)
    n = len(data) - _SHINGLE + 1
    return sum((data[i : i + n] << np.uint64(8 * i) for i in range(_SHINGLE)), np.zeros(n, np.uint64))


def _similarity(first: str, second: str) -> float:
    a, b = np.unique(_shingles(first)), np.unique(_shingles(second))
    both = len(np.intersect1d(a, b, assume_unique=True))
    return both / (len(a) + len(b) - both)


def _minhash(texts: Sequence[str]) -> np.ndarray:
    """For each text and hash function the last 16 bits of its shingles' least hash; shape (n_texts, n_hashes).

    That two least hashes differ and yet end alike is one chance in 65,536 (Li and König 2010, b-bit minwise hashing).
    """
    multipliers = np.random.default_rng(20).integers(2**31, size=(_N_HASHES, 1), dtype=np.uint32) * 2 + 1
    signatures = np.empty((len(texts), _N_HASHES), np.uint16)
    for i, text in enumerate(texts):
        x = _shingles(text)
        # Spread over 64 bits (Fibonacci hashing), of which the upper half is random enough for odd multiples of it to
        # be as good as independent hashes.
        x = (((x ^ (x >> np.uint64(21))) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)).astype(np.uint32)
        least = (multipliers * x).min(axis=1)  # (n_hashes, n_shingles) to (n_hashes,)
        signatures[i] = least & 0xFFFF
    return signatures


def _buckets(band: np.ndarray) -> Iterable[np.ndarray]:
    """Give the numbers of rows that are equal throughout a band."""
    keys = np.ascontiguousarray(band).view(np.dtype((np.void, band.dtype.itemsize * band.shape[1])))[:, 0]
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.r_[True, keys[order][1:] != keys[order][:-1]]) if len(keys) else []
    return (bucket for bucket in np.split(order, starts[1:]) if len(bucket) > 1)
