"""Preference pairs made ready for training: token ids, and a count of whatever cannot teach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rmlab.data import PreferencePair, PreferencePairs, trainable
from rmlab.model import EncodedPairs, RewardModel

__all__ = ["TrainingData", "TrainingError", "prepare"]


class TrainingError(ValueError):
    """A run that cannot start or go on; the message names the step and the pairs at fault and says what to do."""


@dataclass(frozen=True)
class TrainingData:
    """Pairs made ready: token ids, margins, and a count of whatever was left out or cut."""

    encoded: EncodedPairs = field(repr=False)
    margins: np.ndarray = field(repr=False)
    """Margin of each pair in nats, 0 where it has none; shape ``(n_pairs,)``."""
    places: tuple[str, ...] = field(repr=False)
    """Where each pair came from, for errors."""
    left_out: dict[str, int]
    """Pairs that cannot teach, by reason."""
    truncation: dict[str, int]

    def __len__(self) -> int:
        return len(self.margins)

    def __str__(self) -> str:
        notes = {**self.left_out, **self.truncation}
        return "\n".join([f"{len(self):,} usable pairs", *(f"  {n:>7,} {name}" for name, n in notes.items() if n)])


def prepare(model: RewardModel, pairs: Sequence[PreferencePair], *, max_length: int | None = None) -> TrainingData:
    """Encode pairs for training and leave out, with a count, those that cannot teach.

    Left out are ties, pairs with an empty or two equal responses, and pairs that truncation makes equal.

    Raises
    ------
    TrainingError
        If nothing is left to train on.
    """
    table = pairs if isinstance(pairs, PreferencePairs) else PreferencePairs.from_list(pairs)
    usable, left_out = trainable(table)
    kept = table.take(usable)
    encoded = model.encode_pairs(kept, max_length=max_length)
    truncation = encoded.truncation
    distinct = np.flatnonzero(~encoded.equal)
    left_out = {**left_out, "equal once encoded": len(kept) - len(distinct)}
    if not len(distinct):
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in left_out.items() if n)
        raise TrainingError(f"no pairs are left to train on: {len(table):,} given; left out: {reasons or 'none'}")
    return TrainingData(
        encoded.take(distinct),
        np.nan_to_num(kept.margins[distinct], nan=0.0),
        tuple(kept[int(i)].source or f"pair {usable[i]}" for i in distinct),
        left_out,
        truncation,
    )
