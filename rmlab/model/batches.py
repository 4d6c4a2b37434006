"""Layout of token ids in padded or packed rows for a network, and reading of its scores.

Packed rows need a network that accepts masks (which `attention` makes) and positions, and whose score is read from one
token. This is tested: a few random texts are scored both ways, and packing is used if the scores agree.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from rmlab.model.network import pools_last_token
from rmlab.model.packing import Tree, best_fit, grow_trees, length_sorted_batches, pack, pad

__all__ = ["MULTIPLE", "Batch", "packed_batches", "padded_batches", "read_scores", "unpadded_batches", "why_not_packed"]

MULTIPLE = 64
"""The tokens of a batch are rounded up to a multiple of this: on a CPU the libraries compile kernels for each
number of tokens, and keep them."""

Batch = tuple[np.ndarray, dict[str, torch.Tensor]]
"""Numbers of the sequences of a batch, and tensors for the model; packed rows have trees and branches for a mask."""


def padded_batches(sequences: Sequence[list[int]], *, batch_tokens: int, pad_id: int, at_most: int) -> list[Batch]:
    """Return sequences in padded batches of similar lengths."""
    batches = []
    lengths = [len(ids) for ids in sequences]
    cut = length_sorted_batches(lengths, batch_tokens=batch_tokens, multiple_of=MULTIPLE, at_most=at_most)
    for members, length in cut:
        ids, mask = pad([sequences[i] for i in members], pad_id=pad_id, length=length)
        batches.append((members, {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}))
    return batches


def unpadded_batches(sequences: Sequence[list[int]], *, batch_tokens: int, pad_id: int) -> list[Batch]:
    """Return sequences in batches of equal lengths, for a network whose scores depend on padding."""
    by_length: dict[int, list[int]] = {}
    for i, ids in enumerate(sequences):
        by_length.setdefault(len(ids), []).append(i)
    batches = []
    for length, same in by_length.items():
        rows = max(1, batch_tokens // length)
        for start in range(0, len(same), rows):
            members = np.array(same[start : start + rows])
            ids, mask = pad([sequences[i] for i in members], pad_id=pad_id, length=length)
            batches.append((members, {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}))
    return batches


def packed_batches(
    sequences: Sequence[list[int]],
    keys: Sequence[Hashable],
    *,
    causal: bool,
    row_tokens: int,
    batch_tokens: int,
    pad_id: int,
    fill_to: int = 1,
) -> list[Batch]:
    """Return sequences in packed rows; those of one key share their common beginning if attention is causal.

    Each row is padded to a multiple of `fill_to` tokens, and to the length of its batch.
    """
    if causal:
        trees = grow_trees(sequences, keys, tree_tokens=row_tokens)
    else:
        trees = [Tree((i,), 0, len(ids)) for i, ids in enumerate(sequences)]
    rows = best_fit([tree.size for tree in trees], capacity=row_tokens)
    lengths = [-(-sum(trees[i].size for i in row) // fill_to) * fill_to for row in rows]
    batches = []
    for numbers, length in length_sorted_batches(lengths, batch_tokens=batch_tokens, multiple_of=MULTIPLE):
        members = [[trees[i] for i in rows[n]] for n in numbers]
        packed = pack(sequences, members, pad_id=pad_id, length=length)
        arrays = {
            "input_ids": packed.input_ids,
            "position_ids": packed.positions,
            "trees": packed.trees,
            "branches": packed.branches,
            "pooled": packed.last if causal else packed.first,
        }
        batches.append((packed.members, {name: torch.from_numpy(array) for name, array in arrays.items()}))
    return batches


def read_scores(network: Any, hidden: torch.Tensor) -> torch.Tensor:
    """Return the scores, ``(n,)``, of the hidden states of the pooled tokens, ``(n, width)``."""
    if pools_last_token(network):
        return network.score(hidden)[:, 0]
    first = hidden[:, None]  # (n, 1, width): n sequences of one token each, of which the poolers below take the first
    if not isinstance(network.classifier, nn.Linear):  # as in RoBERTa: one module pools and scores
        return network.classifier(first)[:, 0]
    return network.classifier(network.dropout(network.base_model.pooler(first)))[:, 0]


def why_not_packed(network: Any) -> str | None:
    """Return why packed rows cannot be used for this network, as far as its configuration shows; else None."""
    config = network.config.get_text_config()
    others = sorted(set(getattr(config, "layer_types", None) or []) - {"full_attention"})
    if others:
        return f"it has layers of {', '.join(others)}"
    if getattr(config, "sliding_window", None) is not None:
        return "its attention has a sliding window"
    if pools_last_token(network):
        return None
    classifier, pooler = getattr(network, "classifier", None), getattr(network.base_model, "pooler", None)
    if isinstance(classifier, nn.Linear) and pooler is None:
        return f"{type(network).__name__} pools in a way of its own"
    return None if isinstance(classifier, nn.Module) else f"{type(network).__name__} has a head of another kind"
