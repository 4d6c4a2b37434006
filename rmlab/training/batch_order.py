"""Which pairs each step takes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from rmlab.training.config import TrainingConfig
from rmlab.training.training_data import TrainingData

__all__ = ["batches"]


def batches(data: TrainingData, config: TrainingConfig, n_steps: int) -> Iterator[np.ndarray]:
    """Yield the positions of each step's pairs: every pair once an epoch, in an order that the seed decides."""
    generator = np.random.default_rng(config.seed)
    runs = _runs_of_a_prompt(data) if config.keep_together else None
    even = cuts = np.arange(config.batch_size, len(data), config.batch_size)
    taken = 0
    while True:
        if runs is None:
            order = generator.permutation(len(data))
        else:
            drawn = [runs[i] for i in generator.permutation(len(runs))]
            order, ends = np.concatenate(drawn), np.cumsum([len(run) for run in drawn])
            cuts = _between_prompts(even, ends, config.batch_size)
        for batch in np.split(order, cuts):
            if taken == n_steps:
                return
            yield batch
            taken += 1


def _runs_of_a_prompt(data: TrainingData) -> list[np.ndarray]:
    """Return the positions of consecutive pairs with the same prompt, one array for each run of them."""
    keys = data.encoded.chosen.prompt_keys
    same = keys[1:] == keys[:-1]
    if data.pairs is not None:  # those keys differ where prompts are cut, and agree where a template hides the prompt
        prompts = [prompt for column in data.pairs.columns("prompt") for prompt in column.to_pylist()]
        same = np.array([one == next_ and one not in ("", "[]") for one, next_ in pairwise(prompts)], dtype=bool)
    return np.split(np.arange(len(data)), np.flatnonzero(~same) + 1)


def _between_prompts(cuts: np.ndarray, ends: np.ndarray, batch_size: int) -> np.ndarray:
    """Return the cuts, each moved to where a prompt ends if that is at most a quarter of a batch away.

    If a prompt is cut, its responses are scored in two batches.
    """
    places = np.searchsorted(ends, cuts)
    after = np.append(ends[:-1], ends[-1] + batch_size)[places]  # the end of all is no cut: a batch would be empty
    before = np.concatenate([[0], ends])[places]
    nearest = np.where(cuts - before < after - cuts, before, after)
    return np.where(abs(nearest - cuts) <= batch_size / 4, nearest, cuts)
