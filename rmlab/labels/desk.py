"""`Desk`: where raters judge. It knows who has a seat, and returns what the page of each rater shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rmlab.labels.asked_pairs import Questions
from rmlab.labels.guesses import GUESS_AFTER, Guesses
from rmlab.labels.judgements import LONGEST_SECONDS, VERDICTS, rater_name
from rmlab.labels.rater_agreement import agreement
from rmlab.labels.rewarded import Rewarded, fit_rewarded
from rmlab.labels.rules import Rule
from rmlab.labels.sessions import Session, new_name
from rmlab.labels.store import LabelStore
from rmlab.labels.traits import Traits

__all__ = ["MOST_RATERS", "Desk", "NotHereError"]

MOST_RATERS = 500
_SESSION = re.compile(r"[0-9a-f]{32}")


class NotHereError(ValueError):
    """No rater here has this session: the desk was opened again, and the page must join again."""


class Desk:
    """Judging of one file of pairs, by one rater or by many.

    Parameters
    ----------
    store, questions, traits, rule
        Where labels go, what is judged, its attributes, and how the next pair is drawn.
    goal
        Judgements after which a rater is told that they are done; they may go on.
    """

    def __init__(self, store: LabelStore, questions: Questions, traits: Traits, *, rule: Rule | None, goal: int):
        self._store, self._questions, self._traits, self._rule = store, questions, traits, rule
        self.goal = goal
        self._seats: dict[str, tuple[Session, Guesses]] = {}

    @property
    def questions(self) -> Questions:
        """What is judged here."""
        return self._questions

    def sit(self, rater: str) -> str:
        """Seat the only rater of this machine, in their last session if there is one, and return the session's name."""
        here = next((name for name, (session, _) in self._seats.items() if session.rater == rater), None)
        return here or self._seat(Session(self._store, self._questions, rater, rule=self._rule))

    def join(self, rater: str, session: str | None = None) -> str:
        """Seat one of many raters, and return the name of the session, which only their page knows.

        Parameters
        ----------
        rater
            A name that nobody else here has.
        session
            The session to go on with, from a page that has joined before.

        Raises
        ------
        ValueError
            If the name is taken or not valid, the session is not valid or not this rater's, or all seats are taken.
        """
        rater = rater_name(rater)
        if session is not None and not _SESSION.fullmatch(session):
            raise ValueError("a session's name is 32 hexadecimal digits")
        alike = {one for one in self._store.raters() if one.casefold() == rater.casefold()}
        taken = {seat.name for seat, _ in self._seats.values() if seat.rater.casefold() == rater.casefold()}
        if (taken | {self._store.last_session(one) for one in alike}) - {session}:
            raise ValueError(f"the name {rater!r} is taken; go on where you began, or choose another")
        if len(self._seats) >= MOST_RATERS and session not in self._seats:
            raise ValueError(f"all {MOST_RATERS} seats are taken, so nobody else can join")
        made = Session(self._store, self._questions, rater, rule=self._rule, name=session or new_name())
        if any(entry.rater != rater for entry in made.entries):
            raise ValueError(f"that session belongs to another rater, not {rater!r}; choose another name")
        return self._seat(made)

    def view(self, name: str) -> dict[str, Any]:
        """Return what the page of a rater shows, in a form that JSON can hold.

        Raises
        ------
        NotHereError
            If nobody has that session.
        """
        session, guesses = self._of(name)
        stands, shown = session.known, session.showing()
        score = guesses.score(session)
        view: dict[str, Any] = {
            "rater": session.rater,
            "session": session.name,
            "position": session.position,
            "judged": len(stands),
            "goal": self.goal,
            "seconds": sum(entry.seconds for entry in stands),
            "undo": stands[-1].showing if stands else None,
            "vanished": session.n_vanished,
            "guessAfter": GUESS_AFTER,
            "guess": None if score is None else asdict(score),
            "showing": None,
            "rewarded": None,
        }
        if shown is not None:
            prompt, left, right = self._questions.shown(shown.place, swapped=shown.swapped)
            view["showing"] = {"number": shown.number, "prompt": prompt, "left": left, "right": right}
        if shown is None or len(stands) >= self.goal:
            view["rewarded"] = self._rewarded(session.entries)
        return view

    def judge(self, name: str, said: Mapping[str, Any]) -> dict[str, Any]:
        """Store the judgement that a page sent, and return what the page shows next.

        Raises
        ------
        NotHereError, PlaceTakenError, StoreError
            If the page must join again, is not up to date, or the label could not be kept.
        ValueError
            If the judgement is not valid.
        """
        session, _ = self._of(name)
        verdict: Any = said.get("verdict")
        key, seconds, position, showing = (said.get(one) for one in ("key", "seconds", "position", "showing"))
        if verdict not in VERDICTS or not isinstance(key, str):
            raise ValueError(f"a verdict must be one of {', '.join(VERDICTS)}, and have a key")
        if not (isinstance(seconds, int | float) and isinstance(position, int) and isinstance(showing, int)):
            raise ValueError("seconds, position and showing must be numbers")
        seconds = min(max(seconds, 0.0), LONGEST_SECONDS)  # a page may be left open, and a clock may be set
        session.judge(verdict, float(seconds), key=key, position=position, showing=showing)
        return self.view(name)

    def overview(self) -> dict[str, Any]:
        """Return what a teacher's page shows: who is here, and what all labels of the store show."""
        entries = self._store.judgements()
        seated = sorted({session.rater for session, _ in list(self._seats.values())})
        written: dict[str, Any] = {"seated": seated, "entries": len(entries), "agreement": None, "rewardedByCamp": []}
        try:
            found = agreement(entries)
        except ValueError:  # nothing is judged yet
            return written | {"rewarded": None}
        ceiling = found.ceiling and [found.ceiling.leave_one_out, found.ceiling.upper_bound]
        camps = asdict(found.camps) if found.camps is not None and found.camps.clear else None
        written["agreement"] = asdict(found) | {"ceiling": ceiling, "camps": camps}
        if camps is not None:
            of_camps = ([entry for entry in entries if entry.rater in part] for part in camps["members"])
            written["rewardedByCamp"] = [self._rewarded(part) for part in of_camps]
        return written | {"rewarded": self._rewarded(entries)}

    def _seat(self, session: Session) -> str:
        self._seats[session.name] = session, Guesses(self._questions, self._traits)
        return session.name

    def _of(self, name: str) -> tuple[Session, Guesses]:
        if name not in self._seats:
            raise NotHereError("nobody here has this session; join again")
        return self._seats[name]

    def _rewarded(self, entries: Any) -> dict[str, Any] | None:
        try:
            fitted: Rewarded = fit_rewarded(entries, self._questions, self._traits.differences, self._traits.names)
        except ValueError:  # nothing is judged yet
            return None
        weights = sorted((one for one in fitted.weights if one.n_pairs), key=lambda one: -abs(one.value))
        return {
            "weights": [asdict(one) | {"clear": one.clear} for one in weights],
            "labels": fitted.n_labels,
            "moreForHalf": fitted.more_for_half,
        }
