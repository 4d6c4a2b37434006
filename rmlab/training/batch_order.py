"""Which pairs each step takes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rmlab.training.config import TrainingConfig
from rmlab.training.training_data import TrainingData

__all__ = ["batches"]


def batches(data: TrainingData, config: TrainingConfig, n_steps: int) -> Iterator[np.ndarray]:
    """Yield the pairs of each step: every pair once an epoch, in an order that only the seed decides."""
    generator = np.random.default_rng(config.seed)
    runs = _runs_of_a_prompt(data) if config.keep_together else None
    taken = 0
    while True:
        if runs is None:
            order = generator.permutation(len(data))
        else:
            order = np.concatenate([runs[i] for i in generator.permutation(len(runs))])
        for start in range(0, len(data), config.batch_size):
            if taken == n_steps:
                return
            yield order[start : start + config.batch_size]
            taken += 1


def _runs_of_a_prompt(data: TrainingData) -> list[np.ndarray]:
    """Return the pairs that follow one another with the same prompt, run by run."""
    keys = data.encoded.chosen.prompt_keys
    return np.split(np.arange(len(data)), np.flatnonzero(keys[1:] != keys[:-1]) + 1)
