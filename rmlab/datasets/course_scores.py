"""Recorded scores of the course's models for the pairs that the explorer opens on, so that it opens without a wait."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final, get_args

import numpy as np

from rmlab.atomic import write_text
from rmlab.datasets.course_models import CourseJudge, course_model, course_pairs
from rmlab.datasets.recorded import texts_sha256

__all__ = ["RecordedScores", "load_course_scores", "record_course_scores", "write_course_scores"]

SCORES: Final = resources.files("rmlab.datasets") / "data" / "course_scores.json"
DECIMALS = 5
"""Scores agree between machines to 1e-3."""


@dataclass(frozen=True, eq=False)
class RecordedScores:
    """Recorded scores in the form of a scorer, which takes n prompts and n responses and returns n scores.

    Raises
    ------
    ValueError
        If called with texts that have no recorded score.
    """

    scores: Mapping[tuple[str, str], float]
    """By prompt and response, in nats."""

    def __call__(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """Return the score of each response, float64 of shape ``(n,)``."""
        texts = list(zip(prompts, responses, strict=True))
        if unknown := [text for text in texts if text not in self.scores]:
            raise ValueError(f"no score was recorded of {len(unknown):,} of these {len(texts):,} responses")
        return np.array([self.scores[text] for text in texts])


def load_course_scores(judge: CourseJudge = "fair") -> RecordedScores:
    """Load the recorded scores of `course_pairs` under a course model; ``python -m rmlab.datasets scores`` makes them.

    Parameters
    ----------
    judge
        As for `course_model`. Both models scored the same pairs, those of the fair judge.

    Raises
    ------
    ValueError
        If `course_pairs` gives other texts than those that were scored.
    """
    record = json.loads(SCORES.read_text(encoding="utf-8"))
    pairs = course_pairs().pairs
    expected, found = record["sha256_of_texts"], texts_sha256(pairs)
    if found != expected:
        raise ValueError(
            f"course_scores.json belongs to texts with the SHA-256 {expected[:12]}, but course_pairs gave texts with "
            f"{found[:12]}. Run `python -m rmlab.datasets scores` to score the new texts."
        )
    return RecordedScores(dict(zip(_texts(pairs), record[judge], strict=True)))


def record_course_scores() -> dict[str, Any]:
    """Score `course_pairs` with both course models, and return the record: chosen responses first, then rejected."""
    pairs = course_pairs().pairs
    prompts, responses = zip(*_texts(pairs), strict=True)
    scores = {judge: course_model(judge).score(list(prompts), list(responses)) for judge in get_args(CourseJudge)}
    kept = {judge: found.astype(float).round(DECIMALS).tolist() for judge, found in scores.items()}
    return {"sha256_of_texts": texts_sha256(pairs), **kept}


def write_course_scores(record: Mapping[str, Any]) -> None:
    """Replace the shipped scores by new ones."""
    with resources.as_file(SCORES) as path:
        write_text(path, json.dumps(record, separators=(",", ":")) + "\n")


def _texts(pairs: Any) -> Iterable[tuple[str, str]]:
    """Return prompt and response of the chosen responses, then of the rejected ones."""
    return zip([*pairs.texts("prompt")] * 2, [*pairs.texts("chosen"), *pairs.texts("rejected")], strict=True)
