"""`Questions`: the pairs of a file as raters are asked about them, whichever response the file calls chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rmlab.data import PreferencePair, PreferencePairs, pair_ids

__all__ = ["Questions", "ask"]


@dataclass(frozen=True, eq=False)
class Questions:
    """Two responses to a prompt, each pair once. A pair and its swapped twin are one question.

    `pair_ids` gives the pair and its twin a name each. The smaller one is the name of the question, and the response
    that is chosen under this name is its first response. So labels find their pair in any file that holds it.
    """

    ids: tuple[str, ...]
    pairs: PreferencePairs
    """One pair for each question, as the file has it."""
    chosen_is_first: np.ndarray
    """Whether the file's chosen response is the first of the question; bool, shape ``(n_questions,)``."""
    n_repeated: int
    """Pairs of the file that repeat an earlier one, perhaps swapped; left out."""
    n_equal: int
    """Pairs whose two responses are equal, which nobody can judge; left out."""

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each question, by its name."""
        return {name: place for place, name in enumerate(self.ids)}

    def shown(self, place: int, *, swapped: bool) -> tuple[str, str, str]:
        """Return prompt, left and right as text; the first response is on the left unless it is `swapped`."""
        prompt, chosen, rejected = (next(self.pairs[[place]].texts(side)) for side in ("prompt", "chosen", "rejected"))
        chosen_left = bool(self.chosen_is_first[place]) != swapped
        return (prompt, chosen, rejected) if chosen_left else (prompt, rejected, chosen)

    def signs(self) -> np.ndarray:
        """Return +1 where the file's chosen response is the first of the question, else -1: shape ``(n_questions,)``.

        Multiplied by it, a difference of chosen and rejected becomes that of first and second.
        """
        return np.where(self.chosen_is_first, 1.0, -1.0)


def ask(pairs: PreferencePairs | Sequence[PreferencePair]) -> Questions:
    """Return pairs as questions.

    Raises
    ------
    ValueError
        If no pair can be judged.
    """
    pairs = pairs if isinstance(pairs, PreferencePairs) else PreferencePairs.from_list(pairs)
    names, twins = pair_ids(pairs), pair_ids(_twins(pairs))
    rows: dict[str, int] = {}
    n_equal = 0
    for row, (name, twin) in enumerate(zip(names, twins, strict=True)):
        if name == twin:
            n_equal += 1
        else:
            rows.setdefault(min(name, twin), row)
    if not rows:
        raise ValueError(f"none of the {len(pairs):,} pairs can be judged: a pair needs two different responses")
    kept = list(rows.values())
    return Questions(
        ids=tuple(rows),
        pairs=pairs.take(kept),
        chosen_is_first=np.array([names[row] < twins[row] for row in kept]),
        n_repeated=len(pairs) - n_equal - len(kept),
        n_equal=n_equal,
    )


def _twins(pairs: PreferencePairs) -> PreferencePairs:
    return PreferencePairs.from_list(PreferencePair(pair.prompt, pair.rejected, pair.chosen) for pair in pairs)
