"""Pairs of replies that differ in one attribute alone, to measure its effect on a score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from rmlab.simulate.replies.judges import Judge
from rmlab.simulate.replies.questions import PARTS, Question, load_questions, load_sentences
from rmlab.simulate.replies.structures import Structure, compose

__all__ = ["CONTRASTS", "ReplyContrast", "reply_contrast"]

_HARMLESS: Final = ("plain", "brief", "uncertain")
_KINDS: Final = {
    **dict.fromkeys(("warm", "curt", "flattery", "filler", "caveat", "offer"), _HARMLESS),
    **dict.fromkeys(("partial", "wrong", "off_topic", "needless_refusal"), _HARMLESS),
    "due_hedge": ("uncertain",),
    "needless_hedge": ("plain", "brief"),
    "due_refusal": ("harmful",),
    "list": ("plain", "uncertain"),
    "fuller": ("plain", "uncertain"),
    "wordy": ("brief",),
}
CONTRASTS: Final = tuple(_KINDS)
"""The attributes of a reply that `reply_contrast` can vary."""


@dataclass(frozen=True, eq=False)
class ReplyContrast:
    """Pairs of replies to one question that differ in one attribute. All but its name have one entry for each pair."""

    attribute: str
    questions: tuple[Question, ...]
    with_it: tuple[str, ...]
    without: tuple[str, ...]
    structures: tuple[tuple[Structure, Structure], ...]
    """The structure with the attribute, and the one without it."""
    question_indices: np.ndarray
    """Place of the question among all that were loaded; int array of shape ``(n_pairs,)``."""
    sentence_indices: np.ndarray | None
    """Place in its bank of the sentence added, shape ``(n_pairs,)``; None if there was none, as in a wrong answer."""

    @property
    def prompts(self) -> tuple[str, ...]:
        """The prompt of each pair."""
        return tuple(question.prompt for question in self.questions)

    @property
    def clusters(self) -> tuple[np.ndarray, ...]:
        """The question of each pair, and the added sentence if any: pairs that share one are not independent."""
        sentences = () if self.sentence_indices is None else (self.sentence_indices,)
        return (self.question_indices, *sentences)

    def true_effects(self, judge: Judge) -> np.ndarray:
        """Return the true reward with the attribute minus that without it, in nats; shape ``(n_pairs,)``."""
        both = zip(self.questions, self.structures, strict=True)
        return np.array([judge.reward(q, yes) - judge.reward(q, no) for q, (yes, no) in both])


def reply_contrast(attribute: str, *, fresh: bool = True, seed: int = 0) -> ReplyContrast:
    """Write a reply with an attribute and one without it, for each question where that makes sense.

    If a sentence is added, the questions take the sentences of its bank in turn, in a random order. The reply without
    it is then the answer that was asked for: full, or one word or number. A list is compared with the same full answer
    in prose. A partial, wrong, off-topic or full answer, or a refusal, is compared with the short answer.

    Parameters
    ----------
    attribute
        One of `CONTRASTS`.
    fresh
        Whether questions and sentences are those kept for testing.
    seed
        Seed of the order of the sentences.

    Raises
    ------
    ValueError
        If the attribute is unknown.
    """
    if attribute not in _KINDS:
        raise ValueError(f"attribute must be one of {', '.join(CONTRASTS)}, got {attribute!r}")
    asked = [(i, q) for i, q in enumerate(load_questions(fresh=fresh)) if q.kind in _KINDS[attribute]]
    bank = "hedge" if attribute.endswith("hedge") else "refusal" if attribute.endswith("refusal") else attribute
    has_bank = bank in (*PARTS, "refusal")
    sentences: tuple[str, ...] = load_sentences(bank, fresh=fresh) if has_bank else ()
    said = np.resize(np.random.default_rng(seed).permutation(len(sentences)), len(asked)) if has_bank else None
    structures, texts = [], []
    for place, (_, question) in enumerate(asked):
        two = _structures(attribute, bank, question)
        sentence = {} if said is None else {bank: sentences[int(said[place])]}
        structures.append(two)
        texts.append(tuple(compose(question, structure, sentence).text for structure in two))
    with_it, without = zip(*texts, strict=True)
    questions = tuple(question for _, question in asked)
    return ReplyContrast(
        attribute, questions, with_it, without, tuple(structures), np.array([i for i, _ in asked]), said
    )


def _structures(attribute: str, bank: str, question: Question) -> tuple[Structure, Structure]:
    if bank in PARTS:
        core = "short" if question.kind == "brief" else "full"
        return Structure(core, (bank,)), Structure(core)
    if attribute == "list":
        return Structure("full", listed=True), Structure("full")
    core = "full" if attribute in ("fuller", "wordy") else bank
    return Structure(core), Structure("short")
