"""From token ids to batches that waste little: arrays only, no model.

Sequences of one length need no padding, so sequences are sorted by length before they are cut into batches.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["length_sorted_batches", "pad"]


def length_sorted_batches(lengths: Sequence[int] | np.ndarray, *, batch_tokens: int) -> list[np.ndarray]:
    """Cut sequences, longest first, into batches of at most `batch_tokens` tokens, padding included.

    Parameters
    ----------
    lengths
        Tokens in each sequence, shape ``(n,)``.
    batch_tokens
        Bound on rows times the longest row of a batch; a longer single sequence makes a batch of its own.

    Returns
    -------
    Index arrays that hold each of ``0 .. n - 1`` once. The longest come first, so that a batch too large for the
    memory fails at once and not at the end.
    """
    if batch_tokens < 1:
        raise ValueError(f"batch_tokens must be at least 1, got {batch_tokens}")
    lengths = np.asarray(lengths)
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        rows = max(1, batch_tokens // max(1, int(lengths[order[start]])))
        batches.append(order[start : start + rows])
        start += rows
    return batches


def pad(
    sequences: Sequence[Sequence[int]], *, pad_id: int, multiple_of: int = 1, at_most: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Pad on the right to the longest sequence, or a little further.

    Parameters
    ----------
    sequences
        Token ids, at least one in each.
    pad_id
        What to fill with.
    multiple_of, at_most
        Round the length up to a multiple, unless that would pass `at_most`: a machine that prepares itself anew for
        each shape then meets few of them.

    Returns
    -------
    input_ids, attention_mask
        Both int64 of shape ``(batch, length)``; the mask is 1 on real tokens.

    Raises
    ------
    ValueError
        If there is no sequence, or one is empty: there would be no token to read a score from.
    """
    lengths = np.array([len(sequence) for sequence in sequences])
    if not lengths.all() or not len(lengths):
        raise ValueError(f"expected sequences of at least one token, got lengths {lengths.tolist()}")
    longest = int(lengths.max())
    length = max(longest, min(-(-longest // multiple_of) * multiple_of, at_most))
    mask = np.arange(length) < lengths[:, None]  # (batch, length)
    input_ids = np.full(mask.shape, pad_id, dtype=np.int64)
    input_ids[mask] = np.concatenate([np.asarray(sequence, dtype=np.int64) for sequence in sequences])
    return input_ids, mask.astype(np.int64)
