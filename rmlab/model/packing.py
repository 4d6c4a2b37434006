"""Layout of token ids in rows with little padding; arrays only, no model.

There are two layouts. *Padded*: sequences are sorted by length, cut into batches, and padded on the right. *Packed*:
several sequences share a row, one after another, each attending only to itself; only the ends of rows are padded. If
attention is causal, sequences that begin alike also share that beginning, so that a prompt with two responses is
computed once::

    row        | prompt        | chosen    | rejected      | prompt   | chosen | rejected |
    tree       | 0 0 0 0 0 0 0 | 0 0 0 0 0 | 0 0 0 0 0 0 0 | 1 1 1 1  | 1 1 1  | 1 1 1 1  |
    branch     | 0 0 0 0 0 0 0 | 1 1 1 1 1 | 2 2 2 2 2 2 2 | 0 0 0 0  | 1 1 1  | 2 2 2 2  |
    position   | 0 1 2 3 4 5 6 | 7 8 9 ... | 7 8 9 ...     | 0 1 2 3  | 4 5 6  | 4 5 6 7  |

A token attends to its own tree's trunk (branch 0) and to its own branch, never to another branch, so every sequence
gets the same result as alone.
"""

from __future__ import annotations

import bisect
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["PackedRows", "Tree", "attends", "best_fit", "grow_trees", "length_sorted_batches", "pack", "pad"]

TokenIds = Sequence[int]

CALL_COST = 1 / 8
"""The cost of a call of a model apart from its tokens, as a share of the largest batch."""


@dataclass(frozen=True)
class Tree:
    """Sequences that begin with the same tokens: a trunk that they share, and the rest of each."""

    members: tuple[int, ...]
    """The numbers of the sequences."""
    trunk: int
    """The number of tokens that all share; the rest of each is its branch, of at least one token."""
    size: int
    """The number of tokens: those of the trunk, once, and of the branches."""


@dataclass(frozen=True)
class PackedRows:
    """Trees laid out in rows. Arrays are int64 of shape ``(rows, length)`` unless noted."""

    input_ids: np.ndarray
    positions: np.ndarray
    """Place of each token within its own sequence, from 0; 0 on padding."""
    trees: np.ndarray
    """The number of the tree to which each token belongs, different from that of its neighbours; -1 on padding."""
    branches: np.ndarray
    """0 in a trunk; 1, 2, ... in the branches of its tree."""
    members: np.ndarray
    """The sequences that the rows hold, shape ``(n,)``, in the order of `first` and `last`."""
    first: np.ndarray
    """Row and column of the first token of each member, shape ``(n, 2)``; members that share a trunk share it."""
    last: np.ndarray
    """Row and column of the last token of each member, shape ``(n, 2)``."""

    def attends(self, *, causal: bool) -> np.ndarray:
        """Return which token (axis 1) attends to which (axis 2); bool, shape ``(rows, length, length)``.

        Padding attends to padding, so that no row of the mask is empty.
        """
        rows, length = self.trees.shape
        row, token = np.arange(rows)[:, None, None], np.arange(length)
        return attends(self.trees, self.branches, row, token[:, None], token, causal=causal)


def attends(trees: Any, branches: Any, row: Any, query: Any, key: Any, *, causal: bool) -> Any:
    """Return whether token `query` of a row attends to its token `key`: the one rule of packed rows.

    Parameters
    ----------
    trees, branches
        As in `PackedRows`; arrays or tensors of shape ``(rows, length)``.
    row, query, key
        Indices into them, of shapes that broadcast with one another.
    causal
        Whether a token sees none after itself.

    Returns
    -------
    Bools, in the shape to which the indices broadcast.
    """
    same_branch = branches[row, query] == branches[row, key]
    allowed = (trees[row, query] == trees[row, key]) & (same_branch | (branches[row, key] == 0))
    return allowed & (query >= key) if causal else allowed


def grow_trees(sequences: Sequence[TokenIds], keys: Sequence[Hashable], *, tree_tokens: int) -> list[Tree]:
    """Join the sequences of each key into trees.

    Parameters
    ----------
    sequences
        Token ids, at least one in each.
    keys
        A key of each sequence, such as its prompt, shape ``(n,)``. Sequences of one key are compared, and what they
        share is found from their tokens.
    tree_tokens
        A tree that would exceed this size is closed, and its key starts another. The first two sequences of a tree
        stay together in any case.
    """
    by_key: dict[Hashable, list[int]] = {}
    for i, key in enumerate(keys):
        by_key.setdefault(key, []).append(i)
    trees = []
    for members in by_key.values():
        kept: list[int] = []
        trunk = total = 0
        for i in members:
            # at least one token is left for each branch: the one that the score is read from
            shared = min(trunk, _shared(sequences[kept[0]], sequences[i])) if kept else len(sequences[i]) - 1
            grown = total + len(sequences[i]) - len(kept) * shared
            if len(kept) >= 2 and grown > tree_tokens:
                trees.append(_tree(kept, trunk, total))
                kept, total, shared = [], 0, len(sequences[i]) - 1
            kept.append(i)
            trunk, total = shared, total + len(sequences[i])
        trees.append(_tree(kept, trunk, total))
    return trees


def _tree(members: list[int], trunk: int, total: int) -> Tree:
    if len(members) == 1:
        return Tree((members[0],), 0, total)
    return Tree(tuple(members), trunk, total - (len(members) - 1) * trunk)


def _shared(a: TokenIds, b: TokenIds) -> int:
    """Count the tokens with which two sequences both begin, without the last token of either."""
    limit = min(len(a), len(b)) - 1
    return next((i for i in range(limit) if a[i] != b[i]), limit)


def best_fit(sizes: Sequence[int] | np.ndarray, *, capacity: int) -> list[list[int]]:
    """Return rows of `capacity` tokens, filled with the largest first, each into the fullest row that has room for it.

    A size above the capacity gets a row of its own. Best fit decreasing needs at most 11/9 of the fewest rows possible,
    plus a constant (Johnson 1973).
    """
    if capacity < 1:
        raise ValueError(f"capacity must be at least 1, got {capacity}")
    sizes = np.asarray(sizes)
    rows: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (tokens left, row), sorted
    for i in np.argsort(-sizes, kind="stable").tolist():
        size = int(sizes[i])
        place = bisect.bisect_left(room, (size, -1))
        if place < len(room):
            left, row = room.pop(place)
        else:
            left, row = max(capacity, size), len(rows)
            rows.append([])
        rows[row].append(i)
        bisect.insort(room, (left - size, row))
    return rows


def pack(
    sequences: Sequence[TokenIds], rows: Sequence[Sequence[Tree]], *, pad_id: int, length: int | None = None
) -> PackedRows:
    """Lay trees out in rows.

    Parameters
    ----------
    sequences
        The sequences to which the trees' members refer.
    rows
        The trees of each row, in order; at least one row.
    pad_id
        The id that fills the ends of rows.
    length
        Length of the rows; by default that of the fullest.
    """
    shape = (len(rows), length or max(sum(tree.size for tree in row) for row in rows))
    ids, positions = np.full(shape, pad_id, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    trees, branches = np.full(shape, -1, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    members, first, last = [], [], []
    for r, row in enumerate(rows):
        end = 0
        for number, tree in enumerate(row):
            begin = end
            trees[r, begin : begin + tree.size] = number
            pieces = [(0, sequences[tree.members[0]][: tree.trunk])]
            pieces += [(branch, sequences[i][tree.trunk :]) for branch, i in enumerate(tree.members, start=1)]
            for branch, tokens in pieces:
                start, end = end, end + len(tokens)
                position = tree.trunk if branch else 0
                ids[r, start:end] = tokens
                positions[r, start:end] = np.arange(position, position + len(tokens))
                branches[r, start:end] = branch
                if branch:
                    first.append((r, begin if tree.trunk else start))
                    last.append((r, end - 1))
            members += tree.members
    corners = (np.array(places, dtype=np.int64).reshape(-1, 2) for places in (first, last))
    return PackedRows(ids, positions, trees, branches, np.array(members, dtype=np.int64), *corners)


def length_sorted_batches(
    lengths: Sequence[int] | np.ndarray, *, batch_tokens: int, multiple_of: int = 1, at_most: int | None = None
) -> list[tuple[np.ndarray, int]]:
    """Cut sequences, longest first, into the cheapest batches of at most `batch_tokens` tokens each.

    The cost of a batch is its tokens, padding included, plus a fixed cost of each call of the model: `CALL_COST` times
    the bound. Larger batches pad more, and smaller ones call more often.

    Parameters
    ----------
    lengths
        Tokens in each sequence, shape ``(n,)``.
    batch_tokens
        Bound on rows times the longest row of a batch; a longer single sequence makes a batch of its own.
    multiple_of
        Fill rows up so that the tokens of a batch, rows times length, are a multiple of this, or as many as the bounds
        allow. A machine that compiles for each new number of tokens then meets few of them.
    at_most
        Do not fill rows up beyond this length.

    Returns
    -------
    Index arrays that together hold each of ``0 .. n - 1`` once, and the padded length of each. The longest come
    first, so that a batch too large for the memory fails at once and not at the end.
    """
    if batch_tokens < 1:
        raise ValueError(f"batch_tokens must be at least 1, got {batch_tokens}")
    lengths = np.asarray(lengths)
    order = np.argsort(-lengths, kind="stable")
    n, call = len(order), CALL_COST * batch_tokens
    multiple_of = min(multiple_of, batch_tokens)
    cost = np.zeros(n + 1)  # of the sequences from each place on, cut as well as can be
    rows = np.ones(n, dtype=np.int64)  # of the batch that begins there
    filled = np.ones(n, dtype=np.int64)  # the length of its rows
    for start in reversed(range(n)):
        longest = max(1, int(lengths[order[start]]))
        sizes = np.arange(1, max(1, min(n - start, batch_tokens // longest)) + 1)
        step = multiple_of // np.gcd(sizes, multiple_of)
        length = -(-longest // step) * step
        length[0] = min(length[0], batch_tokens)
        length = np.maximum(longest, length if at_most is None else np.minimum(length, at_most))
        fits = (sizes == 1) | (sizes * length <= batch_tokens)
        sizes, length = sizes[fits], length[fits]
        costs = sizes * length + call + cost[start + sizes]
        best = len(sizes) - 1 - np.argmin(costs[::-1])  # of equal ones the largest
        rows[start], filled[start], cost[start] = sizes[best], length[best], costs[best]
    batches, start = [], 0
    while start < n:
        batches.append((order[start : start + rows[start]], int(filled[start])))
        start += rows[start]
    return batches


def pad(sequences: Sequence[Sequence[int]], *, pad_id: int, length: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Pad sequences on the right.

    Parameters
    ----------
    sequences
        Token ids, at least one in each.
    pad_id
        The id to pad with.
    length
        Length of the rows; by default that of the longest sequence.

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
    mask = np.arange(length or lengths.max()) < lengths[:, None]  # (batch, length)
    input_ids = np.full(mask.shape, pad_id, dtype=np.int64)
    input_ids[mask] = np.concatenate([np.asarray(sequence, dtype=np.int64) for sequence in sequences])
    return input_ids, mask.astype(np.int64)
