"""The world of replies as arrays: every reply to several questions, its features, and its score by a scorer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from rmlab.optimization.arguments import betas, finite, reply_probabilities
from rmlab.optimization.reweighting import tilted
from rmlab.simulate.replies import ATTRIBUTES, CORES, KINDS, PARTS, Judge, ReplyDistribution, ReplyPolicy

if TYPE_CHECKING:
    from rmlab.labels import Rewarded

__all__ = [
    "CAREFUL_WRITERS",
    "REPLY_FEATURES",
    "ReplySpace",
    "Scorer",
    "judge_of_labels",
    "reply_features",
    "reply_space",
    "score_heads_of_replies",
    "score_replies",
]

Scorer: TypeAlias = Judge | Callable[[list[str], list[str]], Any] | Any
"""A judge; a function from prompts and responses to scores; or a model, with such a method ``score``."""

_PIECES: Final = (*CORES, *PARTS, "list")

REPLY_FEATURES: Final = tuple(f"{piece} | {kind}" for kind in KINDS for piece in _PIECES)
"""Whether a reply has each core and part (or is a list), for each kind of question: what a policy sees."""

CAREFUL_WRITERS: Final = ReplyPolicy(
    cores={
        "plain": {"short": 0.43, "full": 0.52, "partial": 0.02, "wrong": 0.01, "off_topic": 0.01, "refusal": 0.01},
        "brief": {"short": 0.65, "full": 0.30, "partial": 0.02, "wrong": 0.01, "off_topic": 0.01, "refusal": 0.01},
        "uncertain": {"short": 0.43, "full": 0.52, "partial": 0.02, "wrong": 0.01, "off_topic": 0.01, "refusal": 0.01},
        "harmful": {"short": 0.05, "full": 0.05, "off_topic": 0.02, "refusal": 0.88},
    },
    parts={
        "warm": 0.7,
        "curt": 0.01,
        "flattery": 0.01,
        "hedge": {"plain": 0.01, "brief": 0.01, "uncertain": 0.5, "harmful": 0.01},
        "filler": 0.01,
        "caveat": 0.01,
        "offer": 0.5,
    },
    listed=0.01,
)
"""A policy that answers well, and seldom flatters, warns or rambles; a judge sees few replies that do."""


@dataclass(frozen=True, eq=False)
class ReplySpace:
    """Every reply to some questions. Arrays have one row for each reply; those to one question are adjacent.

    Raises
    ------
    ValueError
        If shapes disagree, a reply has no probability, or the probabilities of a question do not sum to one.
    """

    reference: np.ndarray
    """p0(y | x), above 0 and summing to one for each question; float64, shape ``(n_replies,)``."""
    features: np.ndarray
    """phi(x, y), float64, shape ``(n_replies, n_features)``."""
    starts: np.ndarray
    """Where the replies to each question begin, the first at 0; int, shape ``(n_questions,)``."""
    feature_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.reference)
        finite("features", self.features, (n, *np.shape(self.features)[1:]))
        if np.ndim(self.features) != 2:
            raise ValueError(f"features must have shape (n_replies, n_features), got {np.shape(self.features)}")
        sizes = np.diff(np.append(self.starts, n))
        if not len(self.starts) or self.starts[0] != 0 or (sizes < 1).any():
            raise ValueError("starts must begin at 0 and rise, with at least one reply to each question")
        for i, rows in enumerate(self.split(self.reference)):
            reply_probabilities(rows, what=f"reference of question {i}")

    @property
    def n_questions(self) -> int:
        """How many questions there are; each has the same weight."""
        return len(self.starts)

    @cached_property
    def question_indices(self) -> np.ndarray:
        """The question of each reply; int, shape ``(n_replies,)``."""
        return np.repeat(np.arange(self.n_questions), np.diff(np.append(self.starts, len(self.reference))))

    def split(self, values: np.ndarray) -> list[np.ndarray]:
        """Divide one value for each reply, ``(n_replies,)``, by question."""
        return np.split(values, self.starts[1:])

    def question_means(self, probabilities: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the mean of values, ``(n_replies,)`` or ``(n_replies, k)``, for each question; one row a question."""
        weighted = probabilities * values if np.ndim(values) == 1 else probabilities[:, None] * values
        return np.add.reduceat(weighted, self.starts, axis=0)

    def expectation(self, probabilities: np.ndarray, values: np.ndarray) -> float:
        """Return the mean over questions of the mean of some value of each reply."""
        return float(probabilities @ finite("values", values, self.reference.shape)) / self.n_questions

    def optimal(self, rewards: np.ndarray, *, beta: float) -> tuple[np.ndarray, float]:
        """Return ``p0 exp(r / beta) / Z`` for each question, ``(n_replies,)``, and its mean KL from p0, in nats."""
        (price,) = betas(beta)
        q, log_ratios = tilted(self.reference, finite("rewards", rewards, self.reference.shape) / price, self.starts)
        return q, self.expectation(q, log_ratios)

    def optimal_at_kl(self, rewards: np.ndarray, *, kl: float) -> np.ndarray:
        """Return the policy with the highest mean reward at this mean KL, in nats; it is `optimal` at some beta.

        Raises
        ------
        ValueError
            If no policy on these replies has so large a KL.
        """
        from scipy.optimize import root_scalar

        def excess(log_beta: float) -> float:
            return self.optimal(rewards, beta=float(np.exp(log_beta)))[1] - kl

        scale = np.log(np.ptp(rewards) + 1e-12)
        if not kl > 0 or excess(scale - 8) < 0:
            raise ValueError(f"kl must be above 0 and at most {excess(scale - 8) + kl:.3g} for these rewards, got {kl}")
        found = root_scalar(excess, bracket=(scale - 8, scale + 16))
        return self.optimal(rewards, beta=float(np.exp(found.root)))[0]


def reply_space(distributions: Sequence[ReplyDistribution]) -> ReplySpace:
    """Put the replies to several questions into one `ReplySpace`, with `REPLY_FEATURES`."""
    if not distributions:
        raise ValueError("distributions is empty; give the replies to at least one question")
    sizes = [len(one.replies) for one in distributions]
    return ReplySpace(
        np.concatenate([one.probabilities for one in distributions]),
        np.concatenate([reply_features(one) for one in distributions]),
        np.cumsum([0, *sizes[:-1]]),
        REPLY_FEATURES,
    )


def reply_features(distribution: ReplyDistribution) -> np.ndarray:
    """Return `REPLY_FEATURES` of every reply to a question; float64, shape ``(n_replies, n_features)``."""
    features = np.zeros((len(distribution.replies), len(REPLY_FEATURES)))
    first = KINDS.index(distribution.question.kind) * len(_PIECES)
    for row, reply in zip(features, distribution.replies, strict=True):
        made_of = (reply.structure.core, *reply.structure.parts, *(("list",) if reply.structure.listed else ()))
        row[[first + _PIECES.index(piece) for piece in made_of]] = 1.0
    return features


def score_replies(scorer: Scorer, distributions: Sequence[ReplyDistribution]) -> list[np.ndarray]:
    """Score every reply to some questions.

    Parameters
    ----------
    scorer
        A judge, a function ``(prompts, responses) -> scores``, or a model with such a method ``score``.
    distributions
        The replies to each question.

    Returns
    -------
    One float64 array of shape ``(n_replies,)`` for each question, in nats.

    Raises
    ------
    ValueError
        If there is not one finite score for each reply.
    """
    if isinstance(scorer, Judge):
        return [one.rewards(scorer) for one in distributions]
    score = getattr(scorer, "score", scorer)
    prompts, responses = _texts(distributions)
    scores = np.asarray(score(prompts, responses), dtype=np.float64)
    if scores.shape != (len(responses),):
        raise ValueError(f"the scorer must give one score for each of {len(responses):,} replies, got {scores.shape}")
    bad = np.flatnonzero(~np.isfinite(scores))
    if len(bad):
        raise ValueError(
            f"the scorer gave {scores[bad[0]]} for {len(bad):,} of {len(scores):,} replies, the first to "
            f"{prompts[bad[0]]!r}; correct the scorer, since only numbers can be optimised"
        )
    return _by_question(scores, distributions)


def score_heads_of_replies(model: Any, distributions: Sequence[ReplyDistribution]) -> list[np.ndarray]:
    """Score every reply to some questions by a `RewardModel` with several heads: by their mean and by each head.

    Returns
    -------
    One float64 array of shape ``(1 + n_heads, n_replies)`` for each question, in nats, the mean first; the others are
    what `ensemble_rewards` combines.
    """
    heads = np.asarray(model.score_heads(model.encode(*_texts(distributions))), dtype=np.float64)  # (n, n_heads)
    both = np.concatenate([heads.mean(axis=1, keepdims=True), heads], axis=1)
    return [one.T for one in _by_question(both, distributions)]


def judge_of_labels(rewarded: Rewarded, *, name: str = "your labels") -> Judge:
    """Return a judge with the weights that were fitted to somebody's labels, to optimise like any other.

    Parameters
    ----------
    rewarded
        What `rmlab.labels.fit_rewarded` found in judgements of replies of this world.
    name
        What the judge is called.

    Raises
    ------
    ValueError
        If the labels are of other texts.
    """
    from rmlab.labels.rewarded import LEFT

    weights = dict(zip(rewarded.attributes, rewarded.fit.weights.tolist(), strict=True))
    left_bias = weights.pop(LEFT)
    if weights.keys() != ATTRIBUTES.keys():
        raise ValueError(
            f"the labels are not of replies of this world: they were fitted to {', '.join(weights)}; judge pairs of "
            "simulate_reply_pairs"
        )
    return Judge(name, weights, left_bias=left_bias)


def _texts(distributions: Sequence[ReplyDistribution]) -> tuple[list[str], list[str]]:
    """Return prompts and responses, one of each for every reply."""
    prompts = chain.from_iterable([one.question.prompt] * len(one.replies) for one in distributions)
    return list(prompts), [reply.text for one in distributions for reply in one.replies]


def _by_question(values: np.ndarray, distributions: Sequence[ReplyDistribution]) -> list[np.ndarray]:
    return np.split(values, np.cumsum([len(one.replies) for one in distributions])[:-1])
