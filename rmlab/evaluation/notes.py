"""Notes that the reader of an evaluation needs and might miss, in sentences."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

from rmlab.evaluation.accuracy import Accuracy, GroupAccuracy
from rmlab.printing import printable

__all__ = ["notes_on"]

MANY_GROUPS = 5
"""Of this many independent 95% intervals, at least one misses its truth in 23 evaluations of 100."""
FEW_PAIRS = 10
"""A group with fewer pairs shows nothing about length, even if the longer response always wins in it."""


def notes_on(
    accuracy: Accuracy, n_clusters: int | None, groups: Mapping[Hashable, GroupAccuracy] | None, bootstrapped: bool
) -> Iterable[str]:
    """Yield the notes on an evaluation: on ties, on few pairs, and on its groups."""
    if accuracy.n_ties == accuracy.n_pairs:
        yield (
            "every pair has equal scores: an accuracy of one half is a convention here, and calibration is undefined"
        )
    elif accuracy.n_ties > 0.1 * accuracy.n_pairs:
        yield (
            f"{accuracy.n_ties / accuracy.n_pairs:.0%} of the pairs have equal scores; where the responses differ, "
            "look for truncation or scores in too low a precision"
        )
    units, kind = (accuracy.n_pairs, "pair") if n_clusters is None else (n_clusters, "cluster")
    if units == 1:
        yield f"one {kind} says almost nothing" + (": it has no bootstrap interval" if bootstrapped else "")
    elif units < 30:
        yield f"{units} {kind}s are few: the intervals are rough"
    groups = groups or {}
    if alone := [name for name, group in groups.items() if group.n_pairs == 1]:
        yield f"one pair says almost nothing of its group: {_listed(alone)}"
    if len(groups) >= MANY_GROUPS:
        yield (
            f"of {len(groups)} separate 95% intervals, {0.05 * len(groups):.2g} are expected to miss by chance: to "
            "pick groups out, read the wider intervals, all of which hold at once with 95% (Bonferroni)"
        )
    by_length = {
        name: group.length_baseline.accuracy
        for name, group in groups.items()
        if group.length_baseline is not None and group.n_pairs >= FEW_PAIRS
    }
    for share, which in ((1.0, "longer"), (0.0, "shorter")):
        if decided := [name for name, baseline in by_length.items() if baseline == share]:
            yield f"length alone decides where the {which} response wins every pair, as in: {_listed(decided)}"


def _listed(names: list[Hashable]) -> str:
    return ", ".join(map(printable, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
