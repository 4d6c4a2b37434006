"""Preparing preference pairs for training: token ids, and a count of the pairs that cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rmlab.data import PreferencePair, PreferencePairs, trainable
from rmlab.model import EncodedPairs, RewardModel
from rmlab.training.errors import TrainingError
from rmlab.training.token_cache import tokenize_once

__all__ = ["TrainingData", "TrainingError", "prepare"]


@dataclass(frozen=True)
class TrainingData:
    """Prepared pairs: token ids, margins, weights, and a count of what was left out or cut."""

    encoded: EncodedPairs = field(repr=False)
    margins: np.ndarray = field(repr=False)
    """Margin of each pair in nats, 0 if it has none; shape ``(n_pairs,)``."""
    places: tuple[str, ...] = field(repr=False)
    """Where each pair came from, for errors."""
    left_out: dict[str, int]
    """Pairs that cannot be used, by reason."""
    truncation: dict[str, int]
    pairs: PreferencePairs | None = field(default=None, repr=False)
    """The pairs themselves, shape ``(n_pairs,)``; None if the token ids came without them."""
    weights: np.ndarray | None = field(default=None, repr=False)
    """How often each pair counts in training, above 0, shape ``(n_pairs,)``; None if every pair counts once."""

    def __len__(self) -> int:
        return len(self.margins)

    def __str__(self) -> str:
        notes = {**self.left_out, **self.truncation}
        lines = [f"{len(self):,} usable pairs", *(f"  {n:>7,} {name}" for name, n in notes.items() if n)]
        return "\n".join([*lines, *(f"  {note}" for note in self.weights_in_words)])

    @property
    def weights_in_words(self) -> tuple[str, ...]:
        """The range of the weights, as a note for a report; empty if every pair counts once."""
        if self.weights is None:
            return ()
        return (f"weights from {self.weights.min():g} to {self.weights.max():g}, which count in training only",)


def prepare(
    model: RewardModel,
    pairs: Sequence[PreferencePair],
    *,
    max_length: int | None = None,
    tokens: str | Path | None = None,
    processes: int | None = None,
) -> TrainingData:
    """Encode pairs for training and leave out, with a count, those that cannot be used.

    It leaves out ties, pairs with an empty response or two equal ones, and pairs that truncation makes equal.

    Parameters
    ----------
    model, pairs
        The model, for its tokenizer, and the pairs.
    max_length
        Longest sequence in tokens; by default the model's own limit.
    tokens
        A folder in which the token ids are kept and found again, so that they are made once and take no memory. Without
        it they are made each time, as lists in memory.
    processes
        Processes that make the ids in a folder; by default only this one.

    Raises
    ------
    TrainingError
        If nothing is left to train on, or the folder cannot hold the token ids or holds damaged ones.
    """
    table = pairs if isinstance(pairs, PreferencePairs) else PreferencePairs.from_list(pairs)
    usable, left_out = trainable(table)
    kept = table.take(usable)
    if tokens is None or not len(kept):
        encoded = model.encode_pairs(kept, max_length=max_length)
    else:
        encoded = tokenize_once(model, kept, tokens, max_length=max_length, processes=processes)
    truncation = encoded.truncation
    distinct = np.flatnonzero(~encoded.equal)
    left_out = {**left_out, "equal once encoded": len(kept) - len(distinct)}
    if not len(distinct):
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in left_out.items() if n)
        raise TrainingError(f"none of the pairs can be used: {len(table):,} given; left out: {reasons or 'none'}")
    weights = kept.weights[distinct]
    sources = [source for column in kept.columns("source") for source in column.to_pylist()]
    return TrainingData(
        encoded.take(distinct),
        np.nan_to_num(kept.margins[distinct], nan=0.0),
        tuple(sources[i] or f"pair {usable[i]}" for i in distinct),
        left_out,
        truncation,
        kept.take(distinct),
        weights if (weights != 1).any() else None,
    )
