"""`simulate_panel`: raters whose rewards are known and who judge as people do, in sessions and on sides at random."""

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
"""Median time for a judgement, and the standard deviation of its logarithm."""


def simulate_panel(
    questions: Questions, traits: Traits, judges: Iterable[Judge], *, n_judgements: int = 40, seed: int = 0
) -> list[Judgement]:
    """Return the judgements of simulated judges, each in a session of their own and under the judge's name.

    Parameters
    ----------
    questions, traits
        What is judged, and its attributes: replies of the world (`rmlab.simulate.replies`).
    judges
        Who judges; the name of a judge is that of the rater.
    n_judgements
        Judgements of each judge, including those of pairs that come back; fewer if the questions run out.
    seed
        Seed of the sides, the order and the choices.

    Returns
    -------
    Every entry, judge by judge.

    Raises
    ------
    ValueError
        If the questions are not about replies of the world, since a judge knows the reward of no other text.
    """
    if not traits.of_the_world:
        raise ValueError("a simulated judge knows only the rewards of replies of the world, and these are other texts")
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
