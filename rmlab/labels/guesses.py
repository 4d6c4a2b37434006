"""`Guesses`: the model that predicts a rater's next click before it is made, and keeps its own score."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rmlab.labels.asked_pairs import Questions
from rmlab.labels.judgements import Judgement
from rmlab.labels.rewarded import fit_rewarded
from rmlab.labels.sessions import Session
from rmlab.labels.traits import Traits
from rmlab.preference import outcomes, preference_loss, score_difference_from_probability

__all__ = ["GUESS_AFTER", "Guesses", "Score"]

GUESS_AFTER = 20
"""Judgements before the first guess."""
LATEST = 100
"""The most clicks that the score counts; when a session is resumed, each needs a fit."""


@dataclass(frozen=True, slots=True)
class Score:
    """How good the guesses were, without ties. A coin has half of them right and a log loss of 0.693."""

    n: int
    n_right: float
    """A guess of exactly one half is half right, as are equal scores."""
    expected_right: float
    """How many the guesses expected to be right: the sum of the probabilities of the side that each named."""
    log_loss: float
    last_left: float
    """Probability of the left in the last guess."""
    last_right: float
    """Whether the last guess was right: 1 or 0, or 1/2 for a guess of exactly one half."""


@dataclass(eq=False)
class Guesses:
    """Guesses for one session, each from a fit to the judgements that stood before the click."""

    questions: Questions
    traits: Traits
    _left: dict[str, float] = field(default_factory=dict)
    """Probability of the left for each entry, by its key."""

    def score(self, session: Session) -> Score | None:
        """Return the score of the guesses on the clicks that stand; None if no click has a guess yet."""
        stands = session.standing
        probabilities, was_left = [], []
        for n, entry in enumerate(stands):
            scored = n >= max(GUESS_AFTER, len(stands) - LATEST) and entry.pair in self.questions.places
            if scored and entry.verdict in ("left", "right"):
                if entry.key not in self._left:
                    self._left[entry.key] = self._guess(stands[:n], entry)
                probabilities.append(self._left[entry.key])
                was_left.append(entry.verdict == "left")
        if not probabilities:
            return None
        p, left = np.array(probabilities), np.array(was_left)
        right = outcomes((p - 0.5) * np.where(left, 1, -1))
        of_click = np.clip(np.where(left, p, 1 - p), 1e-12, 1 - 1e-12)
        loss = preference_loss(score_difference_from_probability(of_click))
        return Score(
            n=len(p),
            n_right=float(right.sum()),
            expected_right=float(np.maximum(p, 1 - p).sum()),
            log_loss=float(loss.mean()),
            last_left=float(p[-1]),
            last_right=float(right[-1]),
        )

    def _guess(self, before: list[Judgement], entry: Judgement) -> float:
        place = self.questions.places[entry.pair]
        difference = self.questions.signs()[place] * self.traits.differences[place]
        try:
            fitted = fit_rewarded(before, self.questions, self.traits.differences, self.traits.names)
        except ValueError:  # nothing but skips, or pairs that are gone
            return 0.5
        return fitted.probability_left(difference, entry.swapped)
