"""Every reply to some fresh questions, with recorded scores of the course's two models to optimise."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import chain
from typing import Final, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rmlab.atomic import replacing_file
from rmlab.datasets.course_models import CourseJudge, course_model
from rmlab.optimization import CAREFUL_WRITERS, score_replies
from rmlab.simulate.replies import ReplyDistribution, ReplyPolicy, load_questions, reply_distribution

__all__ = ["ScoredReplies", "load_scored_replies", "record_scored_replies", "write_scored_replies"]

SCORED: Final = resources.files("rmlab.datasets") / "data" / "scored_replies.parquet"
EVERY = 3
"""Every third fresh question is recorded."""
_TEXTS: Final = b"sha256_of_texts"


@dataclass(frozen=True, eq=False)
class ScoredReplies:
    """The replies to some questions, and the scores that the course's models give them."""

    distributions: tuple[ReplyDistribution, ...]
    """The replies to each question, one wording of each structure."""
    scores: Mapping[str, tuple[np.ndarray, ...]]
    """By the judge on whose pairs a model was trained: for each question, nats, float32 of shape ``(n_replies,)``."""


def load_scored_replies(policy: ReplyPolicy = CAREFUL_WRITERS) -> ScoredReplies:
    """Load the scores of the course's models for every reply to every third fresh question.

    ``python -m rmlab.datasets replies`` scores them again, in about six minutes on one core.

    Parameters
    ----------
    policy
        The policy that writes the replies. It must give each of them a probability above 0.

    Raises
    ------
    ValueError
        If the replies are not those that were scored.
    """
    with resources.as_file(SCORED) as path:
        table = pq.read_table(path)
    distributions = _distributions(policy)
    expected, found = table.schema.metadata[_TEXTS].decode(), _sha256(distributions)
    if found != expected:
        raise ValueError(
            f"scored_replies.parquet belongs to replies with the SHA-256 {expected[:12]}, but this policy gives "
            f"replies with {found[:12]}. Give every reply a probability, or run `python -m rmlab.datasets replies`."
        )
    ends = np.cumsum([len(one.replies) for one in distributions])[:-1]
    scores = {judge: tuple(np.split(table[judge].to_numpy(), ends)) for judge in get_args(CourseJudge)}
    return ScoredReplies(distributions, scores)


def record_scored_replies() -> ScoredReplies:
    """Score the replies with both course models."""
    distributions = _distributions(CAREFUL_WRITERS)
    scores = {judge: tuple(score_replies(course_model(judge), distributions)) for judge in get_args(CourseJudge)}
    return ScoredReplies(distributions, scores)


def write_scored_replies(scored: ScoredReplies) -> None:
    """Replace the shipped scores by these, rounded to 0.001 nats."""
    columns = {judge: np.concatenate(values).round(3).astype(np.float32) for judge, values in scored.scores.items()}
    table = pa.table(columns).replace_schema_metadata({_TEXTS: _sha256(scored.distributions)})
    with resources.as_file(SCORED) as path, replacing_file(path) as scratch:
        pq.write_table(table, scratch, compression="zstd", compression_level=19)


def _distributions(policy: ReplyPolicy) -> tuple[ReplyDistribution, ...]:
    questions = load_questions(fresh=True)[::EVERY]
    return tuple(reply_distribution(question, policy=policy, n_wordings=1) for question in questions)


def _sha256(distributions: Sequence[ReplyDistribution]) -> str:
    texts = chain.from_iterable((one.question.prompt, *(reply.text for reply in one.replies)) for one in distributions)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
