"""`simulate_panel`: raters whose rewards are known, judging as people do: in sessions, on sides drawn for each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from rmlab.labels.asked_pairs import Questions
from rmlab.labels.judgements import Judgement
from rmlab.labels.sessions import Session
from rmlab.labels.store import LabelStore
from rmlab.labels.traits import Traits
from rmlab.preference import preference_probability
from rmlab.simulate.replies import Judge

__all__ = ["simulate_panel"]

SECONDS, SPREAD = 8.0, 0.5
"""Median of the time for a judgement, and the standard deviation of its logarithm."""


def simulate_panel(
    questions: Questions, traits: Traits, judges: Iterable[Judge], *, n_judgements: int = 40, seed: int = 0
) -> list[Judgement]:
    """Have judges judge questions about replies of the world, each in a session of their own, under the judge's name.

    Parameters
    ----------
    questions, traits
        What is judged, and its attributes.
    judges
        Who judges; each name is a rater's.
    n_judgements
        Of each judge, those of pairs that come back included; fewer where the questions end.
    seed
        Of the sides, the order and the choices.

    Returns
    -------
    Every entry, judge by judge.

    Raises
    ------
    ValueError
        If the questions are not about replies of the world: of other texts no judge knows a reward.
    """
    if not traits.of_the_world:
        raise ValueError("a simulated judge knows the reward of replies of the world alone, and these are other texts")
    first_less_second = questions.signs()[:, None] * traits.differences  # (n_questions, n_attributes)
    entries = []
    with LabelStore(":memory:") as store:
        for judge in judges:
            name = hashlib.sha256(f"{seed} {judge.name}".encode()).hexdigest()[:32]
            rng = np.random.default_rng(int(name, 16))
            session = Session(store, questions, judge.name, name=name)
            rewards = first_less_second @ judge.vector
            while len(session.entries) < n_judgements and (shown := session.showing()) is not None:
                of_left = -rewards[shown.place] if shown.swapped else rewards[shown.place]
                left = rng.random() < preference_probability(float(of_left) + judge.left_bias)
                session.judge(
                    "left" if left else "right",
                    float(SECONDS * np.exp(SPREAD * rng.normal())),
                    key=f"click-{session.position}",
                    position=session.position,
                    showing=shown.number,
                )
            entries += session.entries
    return entries
