"""`attributes_of_text`: the attributes of a reply of the world, found from its text alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from rmlab.simulate.replies.questions import PARTS, Question, load_questions, load_sentences, sentences_of
from rmlab.simulate.replies.structures import CORES, Structure, attributes

__all__ = ["attributes_of_text"]

_BEFORE = PARTS[: PARTS.index("hedge") + 1]
_AFTER = PARTS[PARTS.index("hedge") + 1 :]


def attributes_of_text(prompt: str, text: str) -> dict[str, float] | None:
    """Return the attributes of a reply from its text; None if the prompt or the reply is not of the world.

    It undoes `compose`: it finds the core in the text, and the rest must be sentences of the banks.
    """
    question = _by_prompt().get(prompt)
    if question is None:
        return None
    for core, middle, listed in _middles(question):
        joint = "\n" if listed else " "
        at = text.find(middle)
        if at < 0:
            continue
        before, after = text[:at], text[at + len(middle) :]
        if (before and not before.endswith(joint)) or (after and not after.startswith(joint)):
            continue
        first = _parts(before.removesuffix(joint), _BEFORE, question.fresh)
        last = _parts(after.removeprefix(joint), _AFTER, question.fresh)
        if first is not None and last is not None:
            return attributes(question, Structure(core, first + last, listed))
    return None


@cache
def _by_prompt() -> dict[str, Question]:
    return {question.prompt: question for question in load_questions(further=True)}


def _middles(question: Question) -> Iterator[tuple[str, str, bool]]:
    """Yield each form in which a core may be written: its name, the text, and whether that is a list."""
    for core in CORES:
        if core == "refusal":
            yield from ((core, sentence, False) for sentence in _sentences("refusal", question.fresh))
        elif (middle := getattr(question, core)) is not None:
            yield core, middle, False
            if core == "full":
                yield core, "\n".join(f"- {sentence}" for sentence in sentences_of(middle)), True


def _parts(text: str, parts: tuple[str, ...], fresh: bool) -> tuple[str, ...] | None:
    """Return which of these parts a text consists of, in their order; None if it contains anything else."""
    if not text:
        return ()
    for place, part in enumerate(parts):
        for sentence in _sentences(part, fresh):
            if text == sentence or text.startswith(f"{sentence} "):
                rest = _parts(text[len(sentence) + 1 :], parts[place + 1 :], fresh)
                if rest is not None:
                    return (part, *rest)
    return None


def _sentences(part: str, fresh: bool) -> tuple[str, ...]:
    return load_sentences(part, fresh=fresh, further=not fresh)
