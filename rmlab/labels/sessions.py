"""`Session`: one sitting of a rater. Its name and its entries decide what is shown next.

So a session resumes where it stopped, on another machine too, and a page that is loaded again shows the same pair on
the same sides. Sides are drawn for each rater and showing. One in ten pairs comes back unannounced, with its sides
swapped.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np

from rmlab.labels.asked_pairs import Questions
from rmlab.labels.judgements import Judgement, Verdict, now, rater_name, standing
from rmlab.labels.rules import ByRandom, Rule
from rmlab.labels.store import LabelStore, PlaceTakenError

__all__ = ["REPEAT", "Session", "Showing", "new_name"]

REPEAT = "repeat"
"""The rule that is kept with a pair that comes back."""
BLOCK = 11
"""In each block of so many showings one pair comes back: one for ten others."""
GAP = 5
"""The fewest showings between a pair and its return."""


@dataclass(frozen=True, slots=True)
class Showing:
    """A pair on its two sides, as the rater sees it."""

    number: int
    """Its number in the session, from 1."""
    place: int
    """Place of the question in `Questions`."""
    swapped: bool
    """Whether the second response of the question is on the left."""
    rule: str


def new_name() -> str:
    """Return a name for a session that nobody can guess."""
    return secrets.token_hex(16)


class Session:
    """What a rater was shown and said, kept in a store.

    Parameters
    ----------
    store, questions
        Where labels go, and what is judged.
    rater
        The name that is kept with the labels.
    rule
        How the next pair is drawn.
    name
        Name of the session to go on with. The default is the rater's last session, or else a new one.
    """

    def __init__(
        self, store: LabelStore, questions: Questions, rater: str, *, rule: Rule | None = None, name: str | None = None
    ):
        self.rater = rater_name(rater)
        self.name = name or store.last_session(self.rater) or new_name()
        self._store, self._questions, self._rule = store, questions, rule or ByRandom()
        self.entries: list[Judgement] = []
        self.reload()

    def reload(self) -> None:
        """Read the entries again."""
        self.entries = self._store.judgements(self.name)

    @property
    def position(self) -> int:
        """Position of the next entry."""
        return len(self.entries) + 1

    @property
    def standing(self) -> list[Judgement]:
        """Entries that stand, the latest last."""
        return standing(self.entries)

    @property
    def known(self) -> list[Judgement]:
        """Entries that stand and whose pair is among the questions, the latest last."""
        return [entry for entry in self.standing if entry.pair in self._questions.places]

    @property
    def n_vanished(self) -> int:
        """Number of entries that stand but whose pair is not among the questions, since the file has changed."""
        return sum(entry.pair not in self._questions.places for entry in self.standing)

    def showing(self) -> Showing | None:
        """Return what to judge next; None when everything is judged."""
        stands = {entry.showing: entry for entry in self.standing}
        for entry in sorted(self.entries, key=lambda entry: entry.showing):
            place = self._questions.places.get(entry.pair)
            if entry.showing not in stands and place is not None:  # undone: it is shown again, as it was
                return Showing(entry.showing, place, entry.swapped, entry.rule)
        number = max((entry.showing for entry in self.entries), default=0) + 1
        rng = np.random.default_rng([int(self.name.encode().hex(), 16), number])
        again = self._due(list(stands.values()), number)
        if again:
            entry = again[rng.integers(len(again))]
            return Showing(number, self._questions.places[entry.pair], not entry.swapped, REPEAT)
        seen = {entry.pair for entry in self.entries}
        left = np.array([place for name, place in self._questions.places.items() if name not in seen], dtype=int)
        if not len(left):
            return None
        judged = [
            (self._questions.places[entry.pair], entry.preferred)
            for entry in stands.values()
            if entry.preferred is not None and entry.pair in self._questions.places
        ]
        swapped = bool(rng.integers(2))
        return Showing(number, self._rule.draw(left, judged, rng), swapped, self._rule.name)

    def judge(self, verdict: Verdict, seconds: float, *, key: str, position: int, showing: int) -> None:
        """Store the judgement of a showing; when this returns, it is on the disk.

        Parameters
        ----------
        verdict
            "undo" takes back the entry of this showing.
        seconds
            Time from the showing to the click.
        key
            The name of this entry; if it is sent again, it is counted once.
        position
            Position of this entry, as the page counted it.
        showing
            The number of what was judged.

        Raises
        ------
        PlaceTakenError
            If something else was judged meanwhile, for example in another tab.
        ValueError
            If this showing is not the one to judge or undo now.
        StoreError
            If it could not be stored.
        """
        if any(entry.key == key for entry in self.entries):
            return
        if position != self.position:
            raise PlaceTakenError(f"session {self.name} has {len(self.entries)} entries, and this would be {position}")
        if verdict == "undo":
            last = self.known[-1:]
            if not last or last[0].showing != showing:
                raise ValueError(f"only the last judgement can be undone, and showing {showing} is not it")
            pair, swapped, rule = last[0].pair, last[0].swapped, last[0].rule
        else:
            shown = self.showing()
            if shown is None or shown.number != showing:
                raise ValueError(f"showing {showing} is not what is to be judged now")
            pair, swapped, rule = self._questions.ids[shown.place], shown.swapped, shown.rule
        entry = Judgement(
            self.name, position, key, showing, self.rater, pair, swapped, verdict, float(seconds), rule, now()
        )
        try:
            self._store.append(entry)
        except PlaceTakenError:  # by another process that serves the same session
            self.reload()
            raise
        self.entries.append(entry)

    def _due(self, stands: list[Judgement], number: int) -> list[Judgement]:
        """Return the entries of which one should come back now; an empty list if none is due."""
        made = len({entry.showing for entry in self.entries if entry.rule == REPEAT})
        seed = int(self.name.encode().hex(), 16)
        places = [
            block * BLOCK + int(np.random.default_rng([seed, block, 1]).integers(BLOCK)) + 1
            for block in range(number // BLOCK + 1)
        ]
        imported = {entry.showing for entry in self.entries if entry.rule == "imported"}  # nobody was shown these here
        if sum(place <= number and place not in imported for place in places) <= made:
            return []
        back = {entry.pair for entry in self.entries if entry.rule == REPEAT}
        return [
            entry
            for entry in stands
            if entry.rule != REPEAT
            and entry.preferred is not None
            and entry.pair not in back
            and entry.pair in self._questions.places
            and number - entry.showing > GAP
        ]
