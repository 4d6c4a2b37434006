"""How far the scores of an exported graph are from torch's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rmlab.model.tokenization import EncodedPairs

__all__ = ["OnnxAgreement", "agreement", "both_sides"]


@dataclass(frozen=True)
class OnnxAgreement:
    """How far scores are from those of torch in float32, on the two texts of each of some pairs, in nats."""

    largest_error: float
    mean_error: float
    n_texts: int
    largest_difference_error: float
    """The largest error of a score difference within a pair."""
    mean_difference_error: float
    n_pairs: int
    n_flipped: int
    """Pairs whose score difference has a different sign from torch's."""


def both_sides(pairs: EncodedPairs) -> Sequence[list[int]]:
    """Return the ids of the chosen texts, followed by those of the rejected ones."""
    return [*pairs.chosen, *pairs.rejected]


def agreement(found: np.ndarray, expected: np.ndarray) -> OnnxAgreement:
    """Return how far scores are from torch's, both of the texts that `both_sides` returns, shape ``(2 * n_pairs,)``."""
    errors = np.abs(found - expected)
    differences = np.subtract(*found.reshape(2, -1)), np.subtract(*expected.reshape(2, -1))
    of_differences = np.abs(differences[0] - differences[1])
    return OnnxAgreement(
        largest_error=float(errors.max()),
        mean_error=float(errors.mean()),
        n_texts=len(errors),
        largest_difference_error=float(of_differences.max()),
        mean_difference_error=float(of_differences.mean()),
        n_pairs=len(of_differences),
        n_flipped=int((np.sign(differences[0]) != np.sign(differences[1])).sum()),
    )
