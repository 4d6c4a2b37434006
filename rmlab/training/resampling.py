"""Pairs drawn again for each head of a model (the bootstrap), so that the heads differ by chance."""

from __future__ import annotations

import numpy as np

__all__ = ["draw_again"]


def draw_again(n_pairs: int, n_heads: int, *, seed: int) -> np.ndarray:
    """Return how often each head counts each pair, ``(n_pairs, n_heads)``.

    For each head, `n_pairs` pairs are drawn with replacement, once for the whole run. A single head counts every pair
    once.

    References
    ----------
    Osband et al. (2016), Deep exploration via bootstrapped DQN: many heads on one network, each on data drawn again.
    """
    if n_heads == 1:
        return np.ones((n_pairs, 1), dtype=np.int64)
    rng = np.random.default_rng([seed, n_heads])  # not the numbers that decide the order of the pairs
    counts = [np.bincount(rng.integers(n_pairs, size=n_pairs), minlength=n_pairs) for _ in range(n_heads)]
    return np.stack(counts, axis=1)
