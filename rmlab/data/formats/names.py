"""Names of columns in use for the same thing: what holds a prompt, two responses, their ratings, and the preference.

Two names that belong together (``chosen_response`` and ``rejected_response``) are one entry, so that halves of
different pairs are never combined.
"""

from __future__ import annotations

from itertools import product

__all__ = ["CHOSEN_REJECTED", "PREFERENCES", "RATING_PAIRS", "RESPONSE", "SCORES", "TWO_RESPONSES"]

_STEMS = ("response", "answer", "completion", "output", "reply", "generation")
_SEPARATORS = ("_", "-", "")

_OUTCOMES = (
    ("chosen", "rejected"), ("chosen", "reject"), ("accepted", "rejected"), ("preferred", "rejected"),
    ("preferred", "dispreferred"), ("preferred", "non_preferred"), ("preferred", "unpreferred"),
)  # fmt: skip
_WITH_STEM = (
    *_OUTCOMES, ("better", "worse"), ("good", "bad"), ("best", "worst"), ("winning", "losing"), ("winner", "loser"),
    ("positive", "negative"),
)  # fmt: skip


def _outcome_columns(stem: str) -> list[tuple[str, str]]:
    """Return the columns of a better and a worse one of something: ``chosen_response``, ``response_chosen``, ..."""
    pairs = product(_SEPARATORS[:2], _WITH_STEM)
    return [
        columns
        for separator, (good, bad) in pairs
        for columns in (
            (f"{good}{separator}{stem}", f"{bad}{separator}{stem}"),
            (f"{stem}{separator}{good}", f"{stem}{separator}{bad}"),
        )
    ]


CHOSEN_REJECTED: tuple[tuple[str, str], ...] = (
    *_OUTCOMES,
    *(columns for stem in _STEMS for columns in _outcome_columns(stem)),
    ("response_j", "response_k"),  # stack-exchange-paired: j has the higher score
)
"""The preferred response and the other."""

RATING_PAIRS: tuple[tuple[str, str], ...] = tuple(
    columns
    for stem in ("score", "rating", "avg_rating", "average_rating", "reward", "grade", "overall_score")
    for columns in _outcome_columns(stem)
)
"""Ratings of the preferred response and of the other: equal ones are a tie."""

TWO_RESPONSES: tuple[tuple[str, str], ...] = (
    *(
        (f"{stem}{separator}{first}", f"{stem}{separator}{second}")
        for stem in _STEMS
        for separator in _SEPARATORS
        for first, second in ("ab", "AB", "12", "01")
    ),
    ("left", "right"),
)
"""Two responses in the order in which they were shown."""

PREFERENCES = ("preference", "preferred", "winner", "label", "choice")
"""Which of two responses was preferred."""

RESPONSE = ("response", "answer", "completion", "output")
"""One response, rated on its own row."""

SCORES = ("rating", "score")
"""The rating of that response."""
