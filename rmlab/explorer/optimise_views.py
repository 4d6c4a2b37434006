"""The view Optimise: a reward as the objective, and the effect on the true reward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rmlab.bradley_terry import fit_linear_reward
from rmlab.datasets import load_scored_replies
from rmlab.explorer.optimise_columns import optimise_columns
from rmlab.explorer.state import ExplorerState
from rmlab.explorer.widget import Explorer
from rmlab.optimization import CAREFUL_WRITERS, score_heads_of_replies, score_replies
from rmlab.simulate.replies import (
    FLATTERED,
    Question,
    ReplyDistribution,
    ReplyPolicy,
    reply_distribution,
    simulate_reply_pairs,
)

__all__ = ["optimise", "optimise_data"]

RECORDED = {"flattered": "the flattered twin", "fair": "the course's model"}
"""The names of the models whose scores ship, as shown."""
LINEAR = "a linear reward, 300 labels"
ABOUT = {
    RECORDED["flattered"]: "The flattered twin is a model that learned from a judge who likes flattery.",
    RECORDED["fair"]: "The course's model learned from the judge who is the truth here.",
    LINEAR: "The linear reward adds up weights of traits, fitted to 300 choices of a judge who likes flattery.",
}
"""What each of these learned from, in a sentence."""
N_LABELS, N_MEMBERS = 300, 8
EVERY = 3
"""Every third recorded question is shown."""


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
        What is optimised, by name: a judge (such as `rmlab.optimization.judge_of_labels` makes of your own labels), a
        reward model, or a function from prompts and responses to scores. A `RewardModel` with several heads is an
        ensemble too. A model scores every reply to each question, 450 in a few seconds.
    questions
        By default some fresh ones, for which scores of the course's models ship. These models, and a linear reward with
        an ensemble, are then proxies too.
    writers
        The policy that is optimised.
    n_wordings
        The number of wordings of each structure; see `rmlab.simulate.replies.reply_distribution`.
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
    if questions is None:
        recorded = load_scored_replies(writers)
        distributions = recorded.distributions[::EVERY]
        known: dict[str, Sequence[np.ndarray]] = {
            name: recorded.scores[judge][::EVERY] for judge, name in RECORDED.items()
        }
        known[LINEAR] = _linear_rewards(distributions, writers)
    else:
        distributions = [reply_distribution(question, policy=writers, n_wordings=n_wordings) for question in questions]
        known = {}
    if taken := sorted(known.keys() & (proxies or {}).keys()):
        raise ValueError(f"{', '.join(taken)}: a proxy that is always shown has this name; give yours another")
    given = {name: _scores(proxy, distributions) for name, proxy in (proxies or {}).items()}
    data = optimise_columns(distributions, given | known)
    for proxy in data["proxies"]:
        proxy["about"] = "" if proxy["name"] in given else ABOUT.get(proxy["name"], "")
    return data


def _scores(proxy: Any, distributions: Sequence[ReplyDistribution]) -> list[np.ndarray]:
    several = getattr(proxy, "n_heads", 1) > 1
    return score_heads_of_replies(proxy, distributions) if several else score_replies(proxy, distributions)


def _linear_rewards(distributions: Sequence[ReplyDistribution], writers: ReplyPolicy) -> list[np.ndarray]:
    """Fit linear rewards to pairs of the flattered judge: one to all, the members to draws with replacement."""
    simulated = simulate_reply_pairs(N_LABELS, judge=FLATTERED, policy=writers, seed=0)
    differences = simulated.attributes[:, 0] - simulated.attributes[:, 1]
    drawn = np.random.default_rng(0).integers(N_LABELS, size=(N_MEMBERS, N_LABELS))
    weights = [fit_linear_reward(differences[rows], prior_variance=4.0).weights for rows in (slice(None), *drawn)]
    return [np.array(weights) @ one.attributes.T for one in distributions]
