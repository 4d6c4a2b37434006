"""Exercises of notebook 12: a check that finds a planted fault, and a change of form that leaves the words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from rmlab.course.check.verdict import Formula, Verdict, judge

__all__ = ["FORM_MODELS", "batch_gap", "change_of_form"]

Score = Callable[[Sequence[str]], np.ndarray]
"""Scores texts as one batch."""

TEXTS: Final = (
    "Yes. The shop closes at six; leave now.",
    "Read the label first. Nuts are named in bold, and a trace is named below the list.",
    "No. It is shut.",
    "The train leaves from platform two; walk to the far end, where the last carriage has free seats.",
)


def batch_gap(answer: Any) -> Verdict:
    """Judge a check of a model's batches (notebook 12).

    The answer is a function ``(score, texts)``, where ``score`` scores a list of texts as one batch. It returns the
    largest distance, in nats, between the score of a text by itself and its score in a batch of all texts. It is tried
    on models with a fault and on a sound one.
    """
    return judge(
        "batch_gap",
        _tried(answer) if callable(answer) else answer,
        cases=[(1.0,), (2.0,), (3.0,), (0.0,)],
        right=_tried(lambda score, texts: np.abs(_alone(score, texts) - score(texts)).max()),
        praise="Right: it finds the fault in each of three models, and says 0 of the sound one.",
        mistakes={
            "The same batch is scored twice, so its scores agree whatever the fault. Score each text by itself too.":
                _tried(lambda score, texts: np.abs(score(texts) - score(texts)).max()),
            "Only the first text is compared. Another one may be hurt more.":
                _tried(lambda score, texts: np.abs(_alone(score, texts) - score(texts))[0]),
            "This is the mean distance, in which a fault that hurts one text in a thousand vanishes. Take the largest.":
                _tried(lambda score, texts: np.abs(_alone(score, texts) - score(texts)).mean()),
            "The signs are left in, so a score that is too low in the batch, or one too high, is missed. "
            "Take the absolute distance.":
                _tried(lambda score, texts: (_alone(score, texts) - score(texts)).max()),
            "This subtracts the other way round, and leaves the signs in. Take the absolute distance.":
                _tried(lambda score, texts: (score(texts) - _alone(score, texts)).max()),
            "This compares a batch with its reverse. Both are padded to the same length: score each text by itself.":
                _tried(lambda score, texts: np.abs(score(texts) - score(texts[::-1])[::-1]).max()),
            "Only the longest text is compared, which is the one that has no padding.":
                _tried(lambda score, texts: _of_longest(np.abs(_alone(score, texts) - score(texts)), texts)),
            "These are the distances of all texts. The largest is asked for.":
                _tried(lambda score, texts: np.abs(_alone(score, texts) - score(texts))),
            "The distances are added up. The largest is asked for.":
                _tried(lambda score, texts: np.abs(_alone(score, texts) - score(texts)).sum()),
        },
        hint="Score each text in a list of its own, score all texts in one list, and take the largest absolute "
        "difference.",
        shows_case=False,
    )  # fmt: skip


def _tried(check: Formula) -> Formula:
    """Return a function that tries a check on the planted model of this number."""

    def on(number: float) -> Any:
        return check(_planted(round(float(number))), list(TEXTS))

    return on


def _planted(number: int) -> Score:
    """Return a model: 0 is sound; in 1 padding changes the score, in 2 the neighbours do, and in 3 the place does."""

    def score(texts: Sequence[str]) -> np.ndarray:
        lengths = np.array([len(text.split()) for text in texts], dtype=float)
        own = np.sin(lengths) + 0.1 * lengths
        padding = lengths.max() - lengths
        fault = (
            0.0,
            np.where(padding > 0, 0.7 - 0.15 * padding, 0.0),
            0.3 * (own.sum() - own),
            0.2 * np.arange(own.size),
        )
        return own + fault[number]

    return score


def _alone(score: Score, texts: Sequence[str]) -> np.ndarray:
    return np.array([score([text])[0] for text in texts])


def _of_longest(gaps: np.ndarray, texts: Sequence[str]) -> float:
    return float(gaps[max(range(len(texts)), key=lambda i: len(texts[i].split()))])


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _sound(text: str) -> float:
    """Score the words alone, whatever their case and what is between them."""
    return 0.05 * len(_words(text)) - 0.8 * ("no" in _words(text))


FORM_MODELS: Final[Mapping[str, Callable[[str], float]]] = {
    "sound": _sound,
    "fault 1": lambda text: _sound(text) + 2.0 * sum(map(str.isupper, text)) / max(len(text), 1),
    "fault 2": lambda text: _sound(text) + 3.0 * sum(map(str.isspace, text)) / max(len(text), 1),
    "fault 3": lambda text: _sound(text) + 0.4 * text.count("\n"),
    "fault 4": lambda text: _sound(text) + 0.5 * sum(text.count(mark) for mark in "!*-—…"),
}
"""Scorers of a text for the second exercise: a sound one, and four that also reward something about its form."""

FOUND: Final = 0.05
"""A mean shift of more than this, in nats, counts as found."""


def change_of_form(answer: Any) -> Verdict:
    """Judge a change of form: a function from text to text that leaves the words as they are (notebook 12).

    It must change the texts, keep their words in order, and shift the scores of at least one of the faulty models in
    `FORM_MODELS`.
    """
    messages = {
        "It returns something other than a text. Return the changed text, a str.": 1.0,
        "Two calls with the same text give two texts. Without a fixed seed nobody can repeat the test.": 2.0,
        "Nothing changes: every text comes back as it was.": 3.0,
        "A text comes back empty. What is left cannot mean the same.": 4.0,
        "The words change. Leave each word and their order as they are, and change only what surrounds them or their "
        "case: otherwise a sound model may be right to give another score.":
            5.0,
        "Fewer than half of the texts change. Find a change that applies to nearly every text.": 6.0,
        "The words stay, but no model with a fault reacts to this change. Try capitals, spaces, line breaks or marks.":
            7.0,
    }  # fmt: skip
    return judge(
        "change_of_form",
        lambda _: _kind_of_change(answer),
        cases=[(0.0,)],
        right=lambda _: 0.0,
        praise="Right: the words stay as they are, the sound model does not move, and a model with a fault does.",
        mistakes={message: (lambda _, code=code: code) for message, code in messages.items()},
        hint="Write a function that takes a text and returns a text, such as the same text in capitals.",
        shows_case=False,
    )


def _kind_of_change(change: Formula) -> Any:
    """Return 0 for a change that finds a fault, else the number of what is wrong with it; -1 if it is no function."""
    if change is None or change is ... or isinstance(change, NotImplementedError | type(NotImplemented)):
        return None
    if not callable(change):
        return -1.0
    changed = [change(text) for text in TEXTS]
    if changed[0] is None or changed[0] is ... or changed[0] is NotImplemented:
        return changed[0]
    if not all(isinstance(text, str) for text in changed):
        return 1.0
    if changed != [change(text) for text in TEXTS]:
        return 2.0
    moved = sum(new != old for new, old in zip(changed, TEXTS, strict=True))
    if not moved:
        return 3.0
    if not all(map(str.strip, changed)):
        return 4.0
    if any(_words(new) != _words(old) for new, old in zip(changed, TEXTS, strict=True)):
        return 5.0
    if 2 * moved < len(TEXTS):
        return 6.0
    shifts = {
        name: np.mean([model(new) - model(old) for new, old in zip(changed, TEXTS, strict=True)])
        for name, model in FORM_MODELS.items()
    }
    return 0.0 if any(abs(shift) > FOUND for shift in shifts.values()) else 7.0
