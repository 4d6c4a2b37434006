"""`split_by_prompt`: parts of the data that share no prompt, nor nearly one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from rmlab.data.near import group_near_equal
from rmlab.data.pairs import PreferencePairs
from rmlab.data.rows import NEXT_MESSAGE

__all__ = ["split_by_prompt"]

_NEXT = re.compile(re.escape(NEXT_MESSAGE))


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
