"""`check_pairs` finds what is wrong with a set of pairs, and where; `trainable` finds the pairs that a loss can use."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from rmlab.data.pairs import PreferencePairs
from rmlab.data.quality.flags import find, find_unusable
from rmlab.data.quality.near_duplicates import group_near_equal, label_near_equal

__all__ = ["PairsCheck", "Trainable", "check_pairs", "trainable"]


@dataclass(frozen=True, eq=False)
class PairsCheck:
    """The result of `check_pairs`: for each fault the positions of the pairs, and two biases. Printed, it is a table.

    ``chosen_longer`` is the share of decided pairs (no tie, no equal length) whose chosen response has more characters.
    ``chosen_first`` is the share of decided pairs whose chosen response was shown first, where that is known. Each is
    None if no pair shows it; one half means no bias. ``repeated`` are the pairs whose prompt and responses another pair
    also judges, whichever was chosen; a noise ceiling is estimated from them.
    """

    n_pairs: int
    n_prompts: int
    ties: np.ndarray
    empty: np.ndarray
    equal: np.ndarray
    empty_prompt: np.ndarray
    prompts_differ: np.ndarray
    duplicates: np.ndarray
    contradictions: np.ndarray
    repeated: np.ndarray
    near_equal_prompts: np.ndarray
    near_equal_responses: np.ndarray
    near_equal_pairs: np.ndarray
    chosen_longer: float | None
    n_lengths_compared: int
    chosen_first: float | None
    n_positions_known: int

    def __str__(self) -> str:
        lines = [f"{self.n_pairs:,} pairs on {self.n_prompts:,} distinct prompts"]
        for name, text in _FAULTS.items():
            rows = getattr(self, name)
            shown = ", ".join(map(str, rows[:5].tolist())) + (", ..." if len(rows) > 5 else "")
            lines.append(f"  {text:<40} {len(rows):>9,}" + (f"   at {shown}" if len(rows) else ""))
        for text, share, n in (
            ("the chosen response is longer in", self.chosen_longer, self.n_lengths_compared),
            ("the chosen response was shown first in", self.chosen_first, self.n_positions_known),
        ):
            lines.append(
                f"  {text:<40} {'unknown' if share is None else f'{share:.1%}':>9}" + (f"   of {n:,}" if n else "")
            )
        return "\n".join(lines)


_FAULTS = {
    "ties": "tied",
    "empty": "a response is empty",
    "equal": "both responses are equal",
    "empty_prompt": "the prompt is empty",
    "prompts_differ": "the sides differ before their last turn",
    "duplicates": "repeats an earlier pair",
    "contradictions": "occurs with responses swapped",
    "repeated": "judged more than once",
    "near_equal_prompts": "the prompt is nearly that of another",
    "near_equal_responses": "both responses are nearly equal",
    "near_equal_pairs": "nearly repeats an earlier pair",
}


def check_pairs(pairs: PreferencePairs) -> PairsCheck:
    """Return the pairs with faults that make preference data teach the wrong thing.

    Truncation depends on a tokenizer, so the model reports that. `group_near_equal` defines near-equal. A pair is in
    ``near_equal_prompts`` if its prompt is not the first of its group, and in ``near_equal_responses`` if its responses
    are near-equal but not equal. It is in ``near_equal_pairs`` if an earlier pair has a near-equal prompt, chosen and
    rejected response, but is not the same.
    """
    found = find(pairs)
    prompts = list(pairs.texts("prompt"))
    number: dict[str, int] = {}
    which = np.fromiter((number.setdefault(prompt, len(number)) for prompt in prompts), np.int64, count=len(prompts))
    groups = group_near_equal(number)
    first_of_group = np.unique(groups, return_index=True)[1]  # (n_groups,)
    near = first_of_group[groups] != np.arange(len(groups))  # (n_prompts,)
    alike, again = _near_equal_within(pairs, groups[which])
    longer = np.sign(pairs.lengths("chosen") - pairs.lengths("rejected"))
    told = ~found.ties & (longer != 0)
    first = np.array([value for column in pairs.columns("chosen_first") for value in column.to_pylist()], dtype=object)
    known = ~found.ties & np.array([value is not None for value in first], dtype=bool)
    return PairsCheck(
        n_pairs=len(pairs),
        n_prompts=len(number),
        **{name: np.flatnonzero(mask) for name, mask in found._asdict().items()},
        near_equal_prompts=np.flatnonzero(near[which]),
        near_equal_responses=np.flatnonzero(alike & ~found.equal),
        near_equal_pairs=np.flatnonzero(again & ~found.duplicates),
        chosen_longer=float((longer[told] > 0).mean()) if told.any() else None,
        n_lengths_compared=int(told.sum()),
        chosen_first=float(first[known].astype(bool).mean()) if known.any() else None,
        n_positions_known=int(known.sum()),
    )


def _near_equal_within(pairs: PreferencePairs, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where a pair's responses are near-equal, and where a pair nearly repeats an earlier one: ``(n_pairs,)``.

    Responses are compared with those to near-equal prompts only.
    """
    alike, again = np.zeros((2, len(pairs)), dtype=bool)
    order = np.argsort(groups, kind="stable")
    sides = zip(*(pairs[order].texts(side) for side in ("chosen", "rejected")), pairs.tied[order], strict=True)
    for _, members in groupby(zip(groups[order].tolist(), order.tolist(), sides, strict=True), key=itemgetter(0)):
        _, rows, several = zip(*members, strict=True)
        labels = label_near_equal(text for chosen, rejected, _ in several for text in (chosen, rejected))
        seen: set[tuple[int, int, bool]] = set()
        for row, chosen, rejected, (_, _, tied) in zip(rows, labels[::2], labels[1::2], several, strict=True):
            alike[row] = chosen == rejected
            again[row] = (chosen, rejected, tied) in seen
            seen.add((chosen, rejected, tied))
    return alike, again


class Trainable(NamedTuple):
    """The positions of the pairs that can be trained on, int64, and how many were left out for each reason."""

    indices: np.ndarray
    left_out: dict[str, int]

    def __str__(self) -> str:
        why = ", ".join(f"{n:,} {reason}" for reason, n in self.left_out.items() if n)
        total = len(self.indices) + sum(self.left_out.values())
        return f"{len(self.indices):,} of {total:,} pairs can be trained on" + (f"; left out: {why}" if why else "")


def trainable(pairs: PreferencePairs, *, ties: bool = False) -> Trainable:
    """Return which pairs can be trained on: those with two different responses, neither empty, and one preferred.

    Each pair left out is counted once, under the first of "tied", "empty response" and "equal responses" that holds.
    With `ties` true, for a loss that handles them, ties are kept.

    Examples
    --------
    >>> kept, left_out = trainable(pairs)  # doctest: +SKIP
    >>> train_pairs = pairs[kept]  # doctest: +SKIP
    """
    tied, empty, equal = find_unusable(pairs)
    if ties:
        tied = np.zeros_like(tied)
    reasons = {"tied": tied, "empty response": empty & ~tied, "equal responses": equal & ~tied & ~empty}
    kept = np.flatnonzero(~(tied | empty | equal))
    return Trainable(kept, {reason: int(mask.sum()) for reason, mask in reasons.items()})
