"""`split_by_prompt` splits the data into parts that share no prompt and no near-equal prompts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from rmlab.data.pairs import PreferencePairs
from rmlab.data.quality.near_duplicates import group_near_equal
from rmlab.data.rows import NEXT_MESSAGE

__all__ = ["parts_by_prompt", "split_by_prompt"]

_NEXT = re.compile(re.escape(NEXT_MESSAGE))


def split_by_prompt(
    pairs: PreferencePairs, *, fractions: Sequence[float] = (0.7, 0.15, 0.15), seed: int = 0
) -> tuple[PreferencePairs, ...]:
    """Split pairs so that no two parts share a prompt or near-equal prompts.

    Pairs whose prompts are near-equal (see `group_near_equal`) stay together; so do a dialogue and its continuation.
    The groups are put in an order that depends on the seed and their text, not on the order of the pairs. That order is
    cut at the fractions. If that would leave a part empty, the groups are assigned instead, the largest first, each to
    the part that lacks the most pairs.

    Parameters
    ----------
    pairs
        From `read_pairs` or `PreferencePairs.from_list`.
    fractions
        Share of the pairs in each part, each above 0, together 1. Groups stay whole, so the shares are approximate.
    seed
        Seed of the split.

    Returns
    -------
    One `PreferencePairs` for each fraction, in the order of `pairs`, sharing its memory.

    Raises
    ------
    ValueError
        If the fractions are not valid, or there are fewer groups of near-equal prompts than parts.
    """
    parts = parts_by_prompt(pairs, fractions=fractions, seed=seed)
    return tuple(pairs.take(np.flatnonzero(parts == part)) for part in range(len(fractions)))


def parts_by_prompt(pairs: PreferencePairs, *, fractions: Sequence[float], seed: int) -> np.ndarray:
    """Return the number of the part, from 0, to which `split_by_prompt` assigns each pair: int64, ``(n_pairs,)``."""
    shares = np.asarray(fractions, dtype=np.float64)
    if shares.ndim != 1 or not np.all(shares > 0) or abs(shares.sum() - 1) > 1e-9:
        raise ValueError(f"fractions must each be above 0 and together 1, got {tuple(fractions)}")
    prompts = list(pairs.texts("prompt"))
    groups = group_near_equal(prompts, links=_continuations(pairs))
    n_groups = int(groups.max()) + 1 if len(groups) else 0
    first = [""] * n_groups  # the first prompt of each group in alphabetical order
    for group, prompt in zip(groups.tolist(), prompts, strict=True):
        if not first[group] or prompt < first[group]:
            first[group] = prompt
    drawn = [hashlib.blake2b(f"{seed}\n{text}".encode(), digest_size=8).digest() for text in first]
    order = np.array(sorted(range(n_groups), key=drawn.__getitem__), dtype=np.int64)
    sizes = np.bincount(groups, minlength=n_groups)[order]
    middles = np.cumsum(sizes) - sizes / 2
    part_in_order = np.searchsorted(np.cumsum(shares)[:-1] * len(pairs), middles)
    if n_groups < len(shares):
        raise ValueError(
            f"{len(pairs):,} pairs on {n_groups:,} distinct prompts (near-equal ones counted once) cannot fill "
            f"{len(shares)} parts that share no prompt; give more prompts, or fewer fractions"
        )
    if len(np.unique(part_in_order)) < len(shares):
        part_in_order = _fill_every_part(sizes, shares)
    part_of_group = np.empty(n_groups, dtype=np.int64)
    part_of_group[order] = part_in_order
    return part_of_group[groups]


def _fill_every_part(sizes: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the part of each group so that none is empty: int64, ``(n_groups,)``.

    The largest group comes first, and each goes to the part that lacks the most pairs. This serves the few data sets in
    which one group is so large that cutting the order would leave a part empty.
    """
    lacking = shares * sizes.sum()
    part = np.empty(len(sizes), dtype=np.int64)
    empty = set(range(len(shares)))
    for place, group in enumerate(np.argsort(-sizes, kind="stable").tolist()):
        open_to = sorted(empty) if len(sizes) - place == len(empty) else range(len(shares))
        part[group] = max(open_to, key=lacking.__getitem__)
        lacking[part[group]] -= sizes[group]
        empty.discard(int(part[group]))
    return part


def _continuations(pairs: PreferencePairs) -> list[tuple[int, int]]:
    """Return couples of positions: a prompt, and another that continues it message by message."""
    if not pairs.messages:
        return []
    stored = [prompt for column in pairs.columns("prompt") for prompt in column.to_pylist()]
    first = {prompt: i for i, prompt in reversed(list(enumerate(stored)))}
    cuts = ((i, prompt[: cut.start()] + '"}]') for i, prompt in enumerate(stored) for cut in _NEXT.finditer(prompt))
    return [(first[beginning], i) for i, beginning in cuts if beginning in first]
