"""The data of the view Optimise: proxy and true reward as a proxy is optimised, and the replies that win."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rmlab.optimization import ReweightedReplies, best_of_n, ensemble_rewards, optimal_policy
from rmlab.simulate.replies import ATTRIBUTES, FAIR, Judge, ReplyDistribution

__all__ = ["BETAS", "DRAWS", "optimise_columns"]

DRAWS = np.unique(np.geomspace(1, 16_384, 43).round().astype(int))
"""The n of best of n at each stop of the slider."""
BETAS = np.geomspace(20, 0.05, 43).round(3)
"""The price of a nat of KL at each stop of the slider, falling to almost nothing."""
NAMED = [name for name in ATTRIBUTES if name != "sentences"]
"""The attributes that a reply either has or lacks."""
COLUMNS = [list(ATTRIBUTES).index(name) for name in NAMED]
SHOWN_SHARE = 0.03
"""A curve keeps an attribute if at least this share of the winners has it at some stop."""
WORTH = "The truth is known, because the replies are simulated: a judge with known weights gives each its true reward."


def optimise_columns(
    distributions: Sequence[ReplyDistribution],
    proxies: Mapping[str, Sequence[np.ndarray]],
    *,
    truth: Judge = FAIR,
) -> dict[str, Any]:
    """Return what the view Optimise shows, for JSON: all that it draws, so that moving the slider computes nothing.

    Parameters
    ----------
    distributions
        The replies to each question, at least one.
    proxies
        By name, and for each question, the rewards to optimise: ``(n_replies,)``, or for an ensemble
        ``(1 + n_members, n_replies)``, a reward by itself and then the members. With the ensemble switched on, the
        worst member is optimised.
    truth
        The judge who gives the true reward.

    Returns
    -------
    ``strengths``, for each method the n or beta of each stop; ``questions``, with their replies that win somewhere;
    ``attributes``, with their weight in the truth; ``proxies``, with the number of members; ``curves``, by proxy,
    ensemble (off, and on if there is one), method and question, the last of which is the mean of all;
    ``opens_on``, the question on which the first proxy costs most truth at the last n; ``words``, on the truth.

    A curve has for each stop: the distance ``d``; the gains in proxy and truth since the start, in nats; the middle
    winner, as a place among the question's replies, with its own two gains; and the share of winners with each
    attribute, by the place of the attribute.
    """
    if not distributions or not proxies:
        raise ValueError("distributions and proxies must not be empty; give at least one of each")
    for name, scores in proxies.items():
        if len(scores) != len(distributions):
            raise ValueError(f"{name} must have scores for each of {len(distributions)} questions, got {len(scores)}")
    kept = _Winners(distributions, truth)
    curves = []
    for scores in proxies.values():
        alone = [np.atleast_2d(one)[0] for one in scores]
        rewards = [alone] if np.ndim(scores[0]) == 1 else [alone, list(_worst(distributions, scores))]
        curves.append([{name: kept.curves(each, name) for name in ("best_of_n", "optimal")} for each in rewards])
    return {
        "strengths": {"best_of_n": DRAWS.tolist(), "optimal": BETAS.tolist()},
        "questions": kept.questions(),
        "attributes": [
            {
                "name": name.replace("_", " "),
                "meaning": ATTRIBUTES[name],
                "weight": truth.weights.get(name, 0.0),
            }
            for name in NAMED
        ],
        "proxies": [
            {"name": name, "members": len(scores[0]) - 1 if np.ndim(scores[0]) == 2 else 0}
            for name, scores in proxies.items()
        ],
        "curves": curves,
        "opens_on": int(np.argmin([one["true"][-1] for one in curves[0][0]["best_of_n"][: len(distributions)]])),
        "words": WORTH,
    }


def _worst(distributions: Sequence[ReplyDistribution], scores: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    for one, members in zip(distributions, scores, strict=True):
        yield ensemble_rewards(members[1:], probabilities=one.probabilities, how="worst")


class _Winners:
    """Makes curves, and keeps the replies that win on any of them."""

    def __init__(self, distributions: Sequence[ReplyDistribution], truth: Judge):
        self.distributions, self.truth = distributions, truth
        self.true = [one.rewards(truth) for one in distributions]
        self.replies: list[dict[int, int]] = [{} for _ in distributions]  # place in the world: place in the view

    def curves(self, rewards: Sequence[np.ndarray], method: str) -> list[dict[str, Any]]:
        """Return the curve of each question and, if there are several, the mean of all."""
        found = [self._curve(i, reward, method) for i, reward in enumerate(rewards)]
        if len(found) > 1:
            mean = {name: np.mean([one[name] for one in found], axis=0) for name in ("kl", "proxy", "true", "shares")}
            found.append(mean)
        return [_shown(one) for one in found]

    def _curve(self, question: int, reward: np.ndarray, method: str) -> dict[str, Any]:
        one, true = self.distributions[question], self.true[question]
        policies: ReweightedReplies = (
            best_of_n(one.probabilities, reward, n=DRAWS)
            if method == "best_of_n"
            else optimal_policy(one.probabilities, reward, beta=BETAS)
        )
        shares = policies.probabilities @ one.attributes[:, COLUMNS]  # (k, n_attributes)
        usual, truly = one.expectation(reward), one.expectation(true)
        winners = policies.middle_replies
        places = self.replies[question]
        return {
            "kl": policies.kl,
            "proxy": policies.expectation(reward) - usual,
            "true": policies.expectation(true) - truly,
            "shares": shares,
            "reply": [places.setdefault(int(i), len(places)) for i in winners],
            "own": [reward[winners] - usual, true[winners] - truly],
        }

    def questions(self) -> list[dict[str, Any]]:
        """Return each question with its replies that win somewhere: the text, and the attributes that it has."""
        return [
            {
                "prompt": one.question.prompt,
                "replies": [
                    {"text": one.replies[row].text, "has": np.flatnonzero(one.attributes[row, COLUMNS]).tolist()}
                    for row in self.replies[i]
                ],
            }
            for i, one in enumerate(self.distributions)
        ]


def _shown(curve: Mapping[str, Any]) -> dict[str, Any]:
    """Return a curve in three decimals, with the distance in place of the KL."""
    shown: dict[str, Any] = {
        "d": np.sqrt(curve["kl"]).round(3).tolist(),
        "proxy": np.round(curve["proxy"], 3).tolist(),
        "true": np.round(curve["true"], 3).tolist(),
        "shares": {
            i: share.round(3).tolist() for i, share in enumerate(curve["shares"].T) if share.max() >= SHOWN_SHARE
        },
    }
    if "reply" in curve:
        shown["reply"] = curve["reply"]
        shown["own"] = [np.round(one, 2).tolist() for one in curve["own"]]
    return shown
