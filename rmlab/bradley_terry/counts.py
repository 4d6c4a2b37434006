"""Comparisons counted by pair, and whether the counts determine a score for every item.

The likelihood has a finite, single maximum if and only if it falls in every direction except a common shift of the
scores. A direction moves the scores, the order effect and the log of the tie parameter at once. The likelihood does not
fall along it if no observed outcome loses probability to another. For a row with score difference d (the
order effect included) and eta the change of the log of the tie parameter, that is

    d >= 2 eta and d >= 0 for a win,    -d >= 2 eta and d <= 0 for a loss,    |d| <= 2 eta for a tie.

For a given order effect these are difference constraints, which can be met if and only if a graph has no negative
cycle. The order effect itself is found by Newton's method on the cycles, exactly, in whole numbers.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from rmlab.printing import printable

__all__ = ["PairCounts", "count_pairs", "name_separate_groups", "why_no_finite_maximum"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PairCounts:
    """One row for each pair of items that met (and, with an order effect, for each of the orders it met in).

    Rows are sorted by `i`, then `j`, with i < j. All columns have shape ``(n_rows,)``.
    """

    n_items: int
    i: NDArray[np.intp]
    j: NDArray[np.intp]
    wins: Floats
    """Comparisons that i won, in weight."""
    losses: Floats
    """Comparisons that j won, in weight."""
    ties: Floats
    first: Floats | None
    """+1 where i was first, -1 where j was, 0 where neither; None without an order effect."""

    @cached_property
    def total(self) -> Floats:
        """The number of comparisons, in weight."""
        return self.wins + self.losses + self.ties

    @cached_property
    def surplus(self) -> Floats:
        """Half of (wins - losses) of i: together with the ties, all that the data show about its score."""
        return (self.wins - self.losses) / 2

    @cached_property
    def starts(self) -> NDArray[np.intp]:
        """The positions at which the rows of each i start, ``(n_items + 1,)``."""
        return np.searchsorted(self.i, np.arange(self.n_items + 1))

    def matrix(self, values: Floats) -> csr_array:
        """Return one value for each row at (i, j), above the diagonal; shape ``(n_items, n_items)``."""
        return csr_array((values, self.j, self.starts), shape=(self.n_items, self.n_items))


def count_pairs(
    n_items: int,
    winner: NDArray[np.intp],
    loser: NDArray[np.intp],
    weights: Floats | None,
    tied: NDArray[np.bool_] | None,
    first: NDArray[np.int64] | None,
) -> PairCounts:
    """Count comparisons by pair, order and outcome; arrays have shape ``(n_comparisons,)``."""
    upright = winner < loser  # the winner is i
    key = np.minimum(winner, loser) * n_items + np.maximum(winner, loser)
    n_orders = 1
    if first is not None:
        n_orders = 3
        key = key * n_orders + np.where(upright, first, -first) + 1
    n_keys = n_items * n_items * n_orders
    keys = None
    if n_keys > 4 * len(key) + 1000:  # a table of all pairs would be mostly empty
        keys, key = np.unique(key, return_inverse=True)
        n_keys = len(keys)
    outcome = upright if tied is None else np.where(tied, 2, upright)
    n_outcomes = 2 if tied is None else 3
    cells = np.bincount(outcome * n_keys + key, weights, n_outcomes * n_keys).reshape(n_outcomes, n_keys)
    kept = np.flatnonzero(cells.any(axis=0))
    losses, wins, *ties = cells[:, kept].astype(np.float64)
    kept = kept if keys is None else keys[kept]
    pair, order = (kept, None) if first is None else (kept // 3, (kept % 3 - 1).astype(np.float64))
    i, j = np.divmod(pair, n_items)
    return PairCounts(n_items, i, j, wins, losses, ties[0] if ties else np.zeros(len(kept)), order)


def why_no_finite_maximum(
    items: Sequence[Hashable], counts: PairCounts, *, has_prior: bool, davidson: bool
) -> str | None:
    """Return why the likelihood has no finite, single maximum, naming the items at fault; None if it has one.

    Without further parameters it has one if and only if the graph with an edge from each winner to each loser, and both
    ways for a tie, is strongly connected (Zermelo 1929; Ford 1957). With an order effect, Davidson's tie parameter or
    both, there is a further condition: no shift of the scores compensates for a change in these parameters. A prior
    keeps the scores finite, so then only changes at equal scores count.
    """
    if davidson and not (counts.wins.any() or counts.losses.any()):
        return "every comparison is a tie, so Davidson's tie parameter has no finite maximum; count ties='half' instead"
    if counts.first is not None and (reason := _why_no_order_effect(counts, davidson)):
        return reason
    if has_prior:
        return None
    if reason := _why_not_connected(items, counts):
        return f"{reason}. A prior makes the scores finite: prior_variance=1.0"
    if counts.first is not None:
        tail, head, first = _edges(counts, counts.first)
        cycles = [_negative_cycle(tail, head, sign * first, counts.n_items) for sign in (1, -1)]
        if any(cycle is None for cycle in cycles):
            return (
                "the order effect cannot be separated from the scores: a shift of the scores compensates for any "
                "change in it, as it does if each item is always first or never. "
                "Leave first out, or give a prior: prior_variance=1.0"
            )
    if davidson and _rises_for_ever(counts):
        effect = "" if counts.first is None else ", with an order effect,"
        return (
            f"Davidson's tie parameter has no finite maximum: some order of the items{effect} explains every win and "
            "puts ties only between neighbours. Count ties='half' instead, or give a prior: prior_variance=1.0"
        )
    return None


def _edges(counts: PairCounts, values: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], Integers]:
    """Return the edges from winner to loser, both ways for a tie, and a value that changes sign with the direction."""
    won, lost = counts.wins + counts.ties > 0, counts.losses + counts.ties > 0
    i, j = counts.i, counts.j
    return (
        np.concatenate([i[won], j[lost]]),
        np.concatenate([j[won], i[lost]]),
        np.concatenate([values[won], -values[lost]]).astype(np.int64),
    )


def _rises_for_ever(counts: PairCounts) -> bool:
    """Return whether the likelihood never falls as Davidson's tie parameter grows, with scores that compensate for it.

    For a rise of 1 in its log, the difference of a win must grow by at least 2, and that of a tie may change by at
    most 2, with the order effect g included. Each cycle of these constraints requires ``room + g * turn >= 0``. A g
    that violates one is moved to the edge of what it allows, until all are met, or two of them leave no g.
    """
    i, j = counts.i, counts.j
    first = np.zeros(len(i)) if counts.first is None else counts.first
    won, lost, tied = counts.wins > 0, counts.losses > 0, counts.ties > 0
    tail = np.concatenate([i[won], j[lost], i[tied], j[tied]])
    head = np.concatenate([j[won], i[lost], j[tied], i[tied]])
    turn = np.concatenate([first[won], -first[lost], first[tied], -first[tied]]).astype(np.int64)
    room = np.full(len(tail), 2, np.int64)
    room[: won.sum() + lost.sum()] = -2
    effect, unit, way = 0, 1, 0  # g = effect / unit, in whole numbers so that no rounding decides
    while (cycle := _negative_cycle(tail, head, unit * room + effect * turn, counts.n_items)) is not None:
        slack, slope = int(room[cycle].sum()), int(turn[cycle].sum())
        if slope == 0 or way * slope < 0:
            return False
        way, effect, unit = slope, -slack * (1 if slope > 0 else -1), abs(slope)
    return True


def _why_no_order_effect(counts: PairCounts, davidson: bool) -> str | None:
    assert counts.first is not None
    _, _, first = _edges(counts, counts.first)
    if not first.any():
        return "first is 0 for every comparison, so nothing shows an order effect; leave first out"
    # under Davidson's model a rise of both order effect and tie parameter explains ties at home too
    won_by = np.concatenate([counts.first[counts.wins > 0], -counts.first[counts.losses > 0]]) if davidson else first
    for sign, result in ((1, "won"), (-1, "lost")):
        if (sign * first >= 0).all() or (davidson and (sign * won_by > 0).all()):
            return (
                f"the item that was first {result} every decided comparison, so the order effect "
                "has no finite maximum; leave first out"
            )
    return None


def name_separate_groups(items: Sequence[Hashable], counts: PairCounts) -> str | None:
    """Return the groups of items that no comparison joins, in words; None if every item is joined to every other."""
    n = counts.n_items
    met = coo_array((np.ones(len(counts.i)), (counts.i, counts.j)), shape=(n, n))
    n_groups, group = connected_components(met, directed=False)
    if n_groups == 1:
        return None
    largest = np.argsort(-np.bincount(group), kind="stable")[:3]
    named = [f"{{{_names(items, group == k)}}}" for k in largest]
    more = ", ..." if n_groups > 3 else ""
    return f"the items fall into {n_groups:,} groups that never meet: {', '.join(named)}{more}"


def _why_not_connected(items: Sequence[Hashable], counts: PairCounts) -> str | None:
    n, i, j = counts.n_items, counts.i, counts.j
    # pairs that went both ways, and a sample of them, usually suffice and are quick to check
    mutual = np.flatnonzero(((counts.wins > 0) & (counts.losses > 0)) | (counts.ties > 0))
    mutual = mutual[:: max(1, len(mutual) // (20 * n))]
    if len(mutual) >= n - 1:
        both_ways = coo_array((np.ones(len(mutual)), (i[mutual], j[mutual])), shape=(n, n))
        if connected_components(both_ways, directed=False, return_labels=False) == 1:
            return None
    tail, head, _ = _edges(counts, np.zeros(len(i)))
    graph = coo_array((np.ones(len(tail)), (tail, head)), shape=(n, n)).tocsr()
    if reason := name_separate_groups(items, counts):
        return reason
    n_groups, group = connected_components(graph, directed=True, connection="strong")
    if n_groups == 1:
        return None
    across = group[tail] != group[head]
    beaten, beating = np.zeros((2, n_groups), bool)
    beaten[group[head[across]]] = True
    beating[group[tail[across]]] = True
    faults = []
    sizes = np.bincount(group)
    for extreme, once, several in (
        (~beaten, "never loses", "never lose"),
        (~beating, "never wins", "never win"),
    ):
        alone = (extreme & (sizes == 1))[group]  # (n,): items that make up a group of their own
        if alone.any():
            faults.append(f"{_names(items, alone)} {once if alone.sum() == 1 else several}")
        for k in np.flatnonzero(extreme & (sizes > 1))[:3]:
            faults.append(f"{_names(items, group == k)} {several} against the rest")
    chain = " (the wins form a chain, with no way back)" if n_groups == n else ""
    return f"the scores have no finite maximum: {'; '.join(faults)}{chain}"


def _names(items: Sequence[Hashable], chosen: NDArray[np.bool_]) -> str:
    positions = np.flatnonzero(chosen)
    names = ", ".join(printable(repr(items[k])) for k in positions[:5])
    return names if len(positions) <= 5 else f"{names}, ... ({len(positions):,} items)"


def _negative_cycle(tail: NDArray[np.intp], head: NDArray[np.intp], length: Integers, n: int) -> Integers | None:
    """Return the positions of the edges of a cycle of negative length; None if there is none.

    Bellman-Ford over all edges at once: a cycle among the last improvements is a negative cycle.
    """
    distance = np.zeros(n, np.int64)
    by = np.full(n, -1)  # the edge that last improved each node
    nodes = np.arange(n)
    while True:
        offer = distance[tail] + length
        better = np.flatnonzero(offer < distance[head])
        if not len(better):
            return None
        np.minimum.at(distance, head[better], offer[better])
        best = better[offer[better] == distance[head[better]]]
        by[head[best]] = best
        parent = np.where(by < 0, -1, tail[by])
        ancestor = np.where(parent < 0, nodes, parent)
        for _ in range(n.bit_length()):  # 2, 4, 8, ... steps up: past every root, unless there is a cycle
            ancestor = ancestor[ancestor]
        inside = np.flatnonzero(parent[ancestor] >= 0)
        if len(inside):
            start = node = int(ancestor[inside[0]])
            cycle = []
            while not cycle or node != start:
                cycle.append(int(by[node]))
                node = int(parent[node])
            return np.array(cycle)
