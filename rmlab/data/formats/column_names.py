"""Names in use for columns of the same kind: the prompt, two responses, their ratings, and the preference.

Two names that belong together (``chosen_response`` and ``rejected_response``) are one entry, so that halves of
different pairs are never combined.
"""

from __future__ import annotations

from itertools import product

__all__ = [
    "CHOSEN_REJECTED",
    "OUTCOMES",
    "OUTCOMES_OF_RESPONSES",
    "PREFERENCES",
    "RATINGS",
    "RATING_PAIRS",
    "RESPONSE",
    "RESPONSES",
    "SCORES",
    "TWO_RESPONSES",
]

RESPONSES = ("response", "answer", "completion", "output", "reply", "generation")
"""Names for a response."""

_SEPARATORS = ("_", "-", "")

OUTCOMES = (
    ("chosen", "rejected"), ("chosen", "reject"), ("accepted", "rejected"), ("preferred", "rejected"),
    ("preferred", "dispreferred"), ("preferred", "non_preferred"), ("preferred", "unpreferred"),
)  # fmt: skip
"""The preferred response and the other, as whole names of columns."""

OUTCOMES_OF_RESPONSES = (
    *OUTCOMES, ("better", "worse"), ("good", "bad"), ("best", "worst"), ("winning", "losing"), ("winner", "loser"),
    ("positive", "negative"),
)  # fmt: skip
"""The same as a part of a name, beside a name for a response, as in ``better_response``."""

RATINGS = ("score", "rating", "avg_rating", "average_rating", "mean_rating", "avg_score", "average_score", "mean_score",
           "reward", "reward_score", "rm_score", "grade", "quality", "overall_score")  # fmt: skip
"""Names for a rating."""


def _outcome_columns(stem: str) -> list[tuple[str, str]]:
    """Return the columns for the better and the worse of two: ``chosen_response``, ``response_chosen``, ..."""
    pairs = product(_SEPARATORS[:2], OUTCOMES_OF_RESPONSES)
    return [
        columns
        for separator, (good, bad) in pairs
        for columns in (
            (f"{good}{separator}{stem}", f"{bad}{separator}{stem}"),
            (f"{stem}{separator}{good}", f"{stem}{separator}{bad}"),
        )
    ]


CHOSEN_REJECTED: tuple[tuple[str, str], ...] = (
    *OUTCOMES,
    *(columns for stem in RESPONSES for columns in _outcome_columns(stem)),
    ("response_j", "response_k"),  # stack-exchange-paired: j has the higher score
    ("response", "rejected_response"),  # ms-swift's files of queries
)
"""The preferred response and the other."""

RATING_PAIRS: tuple[tuple[str, str], ...] = tuple(columns for stem in RATINGS for columns in _outcome_columns(stem))
"""Ratings of the preferred response and of the other: equal ones are a tie."""

TWO_RESPONSES: tuple[tuple[str, str], ...] = (
    *(
        (f"{stem}{separator}{first}", f"{stem}{separator}{second}")
        for stem in RESPONSES
        for separator in _SEPARATORS
        for first, second in ("ab", "AB", "12", "01")
    ),
    ("left", "right"),
)
"""Two responses in the order in which they were shown."""

PREFERENCES = ("preference", "preferred", "winner", "label", "choice", "chosen", "comparison", "verdict", "selected")
"""Which of two responses was preferred."""

RESPONSE = ("response", "answer", "completion", "output")
"""One response, rated on its own row."""

SCORES = ("rating", "score")
"""The rating of that response."""
