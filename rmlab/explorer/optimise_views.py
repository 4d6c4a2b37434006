"""The view Optimise: a reward as the objective, and what becomes of the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rmlab.bradley_terry import fit_linear_reward
from rmlab.datasets import load_scored_replies
from rmlab.explorer.optimise_columns import optimise_columns
from rmlab.explorer.state import ExplorerState
from rmlab.explorer.widget import Explorer
from rmlab.optimization import CAREFUL_WRITERS, score_replies
from rmlab.simulate.replies import (
    FLATTERED,
    Question,
    ReplyDistribution,
    ReplyPolicy,
    load_questions,
    reply_distribution,
    simulate_reply_pairs,
)

__all__ = ["optimise", "optimise_data"]

RECORDED = {"flattered": "the flattered twin", "fair": "the course's model"}
"""The names of the models whose scores ship, as shown."""
LINEAR = "a linear reward, 300 labels"
N_LABELS, N_MEMBERS = 300, 8
EVERY = 3
"""One recorded question in so many is shown."""


def optimise(
    proxies: Mapping[str, Any] | None = None,
    *,
    questions: Sequence[Question] | None = None,
    writers: ReplyPolicy = CAREFUL_WRITERS,
    n_wordings: int = 1,
    state: ExplorerState | None = None,
) -> Explorer:
    """Show what optimising a proxy does to the true reward, and to the replies that win.

    Parameters
    ----------
    proxies
        What is optimised, by name: a judge, a reward model, a function from prompts and responses to scores, or what
        `rmlab.labels.fit_rewarded` found in somebody's labels. A `RewardModel` with several heads is an ensemble too.
        By default the course's models, from their recorded scores, and a linear reward with an ensemble of it.
    questions
        By default some fresh ones. A model scores every reply to them, 450 a question, in seconds for each.
    writers
        The policy that is optimised.
    n_wordings
        As in `rmlab.simulate.replies.reply_distribution`.
    state
        A state to share with other views; by default the view has its own.
    """
    data = optimise_data(proxies, questions=questions, writers=writers, n_wordings=n_wordings)
    return Explorer(ExplorerState(view="optimise") if state is None else state, ("optimise",), {"optimise": data})


def optimise_data(
    proxies: Mapping[str, Any] | None = None,
    *,
    questions: Sequence[Question] | None = None,
    writers: ReplyPolicy = CAREFUL_WRITERS,
    n_wordings: int = 1,
) -> dict[str, Any]:
    """Return the data of the view for the options of `optimise`; see `optimise_columns`."""
    if proxies is None and (questions is not None or n_wordings != 1):
        raise ValueError(
            "the recorded scores are of their own questions, in one wording; give proxies to choose others"
        )
    if proxies is None:
        recorded = load_scored_replies(writers)
        distributions = recorded.distributions[::EVERY]
        scores = {name: recorded.scores[judge][::EVERY] for judge, name in RECORDED.items()}
        return optimise_columns(distributions, scores | {LINEAR: _linear_rewards(distributions, writers)})
    asked = load_questions(fresh=True)[:: 3 * EVERY] if questions is None else questions
    distributions = [reply_distribution(question, policy=writers, n_wordings=n_wordings) for question in asked]
    return optimise_columns(
        distributions, {name: score_replies(proxy, distributions) for name, proxy in proxies.items()}
    )


def _linear_rewards(distributions: Sequence[ReplyDistribution], writers: ReplyPolicy) -> list[np.ndarray]:
    """Fit linear rewards to pairs of the flattered judge: one to all, and the members to pairs drawn again."""
    simulated = simulate_reply_pairs(N_LABELS, judge=FLATTERED, policy=writers, seed=0)
    differences = simulated.attributes[:, 0] - simulated.attributes[:, 1]
    drawn = np.random.default_rng(0).integers(N_LABELS, size=(N_MEMBERS, N_LABELS))
    weights = [fit_linear_reward(differences[rows], prior_variance=4.0).weights for rows in (slice(None), *drawn)]
    return [np.array(weights) @ one.attributes.T for one in distributions]
