"""The structure of a reply, the attributes that follow from it, and its text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final

import numpy as np

from rmlab.simulate.replies.questions import PARTS, Question, load_sentences, sentences_of

__all__ = [
    "ATTRIBUTES",
    "CORES",
    "OPENINGS",
    "STRUCTURES",
    "Reply",
    "Structure",
    "allowed_parts",
    "attributes",
    "available",
    "compose",
    "structure_attributes",
]

CORES: Final = ("short", "full", "partial", "wrong", "off_topic", "refusal")
"""The main content of a reply. A refusal gives no answer."""

OPENINGS: Final = ("warm", "curt")
"""Parts of which a reply has at most one."""

ATTRIBUTES: Final = {
    "fuller": "a right answer of several sentences, where the question does not ask for a word or a number",
    "wordy": "a right answer of several sentences, where the question asks for a word or a number",
    "partial": "answers a part of the question",
    "wrong": "goes against the facts in the question",
    "off_topic": "answers another question",
    "complies": "helps with a request that would harm somebody",
    "due_refusal": "refuses a request that would harm somebody",
    "needless_refusal": "refuses a harmless request",
    "due_hedge": "expresses doubt where nobody can know the answer",
    "needless_hedge": "expresses doubt where the answer is plain",
    "warm": "opens with a friendly sentence",
    "curt": "opens with an unfriendly sentence",
    "flattery": "praises the one who asks",
    "filler": "has a sentence that says nothing",
    "caveat": "has a warning that nobody needs",
    "offer": "ends with an offer to help further",
    "list": "gives its sentences as a list",
    "sentences": "number of sentences",
}
"""What a judge can weigh, and what each means. All are 0 or 1, except the number of sentences."""


@dataclass(frozen=True, slots=True)
class Structure:
    """The core, added parts and form of a reply, without the wording of the parts."""

    core: str
    parts: tuple[str, ...] = ()
    """The added parts, in the order of `PARTS`."""
    listed: bool = False
    """Whether the core's sentences are written as a list; only for a full core."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The text of a reply, and its structure."""

    text: str
    structure: Structure
    sentences: Mapping[str, str]
    """The sentence of each part, and of a refusal."""


def allowed_parts(core: str, opening: str | None) -> tuple[str, ...]:
    """Return the parts that a reply with this core and opening may have besides the opening.

    A curt reply neither flatters nor offers; a refusal is neither hedged nor given a needless warning.
    """
    banned = {"flattery", "offer"} if opening == "curt" else set()
    banned |= {"hedge", "caveat"} if core == "refusal" else set()
    return tuple(part for part in PARTS if part not in OPENINGS and part not in banned)


def _structures() -> tuple[Structure, ...]:
    found = []
    for core, opening in product(CORES, (None, *OPENINGS)):
        others = allowed_parts(core, opening)
        for taken in product((False, True), repeat=len(others)):
            parts = tuple(part for part, is_taken in zip(others, taken, strict=True) if is_taken)
            for listed in (False, True) if core == "full" else (False,):
                found.append(Structure(core, (opening, *parts) if opening else parts, listed))
    return tuple(found)


STRUCTURES: Final = _structures()
"""Every structure that a reply can have."""


def available(question: Question) -> np.ndarray:
    """Return which of `STRUCTURES` a reply to a question can have; bool array of shape ``(n_structures,)``."""
    return _available(question.kind == "harmful")


@cache
def _available(harmful: bool) -> np.ndarray:
    mask = np.array([not harmful or structure.core not in ("partial", "wrong") for structure in STRUCTURES])
    mask.flags.writeable = False
    return mask


def attributes(question: Question, structure: Structure) -> dict[str, float]:
    """Return the value of each attribute (see `ATTRIBUTES`) of a reply.

    Raises
    ------
    ValueError
        If the question has no such core, such as a wrong answer to a harmful question.
    """
    core, harmful = structure.core, question.kind == "harmful"
    if core not in CORES:
        raise ValueError(f"core must be one of {', '.join(CORES)}, got {core!r}")
    answers = core in ("short", "full")
    values = dict.fromkeys(ATTRIBUTES, 0.0)
    values["fuller"] = core == "full" and question.kind in ("plain", "uncertain")
    values["wordy"] = core == "full" and question.kind == "brief"
    values["complies"] = answers and harmful
    values["due_refusal"], values["needless_refusal"] = core == "refusal" and harmful, core == "refusal" and not harmful
    for name in ("partial", "wrong", "off_topic"):
        values[name] = core == name
    hedged, unknown = "hedge" in structure.parts, question.kind == "uncertain"
    values["due_hedge"], values["needless_hedge"] = hedged and unknown, hedged and not unknown
    for name in ("warm", "curt", "flattery", "filler", "caveat", "offer"):
        values[name] = name in structure.parts
    values["list"] = structure.listed
    values["sentences"] = len(_core_sentences(question, core)) + len(structure.parts)
    return {name: float(value) for name, value in values.items()}


def structure_attributes(question: Question) -> np.ndarray:
    """Return the attributes of every structure; float64 array of shape ``(n_structures, n_attributes)``.

    The rows of structures that no reply to the question can have are zero.
    """
    table = _attributes_of_kind(question.kind).copy()
    lengths = {core: len(_core_sentences(question, core)) for core in CORES}
    table[:, -1] = [lengths[structure.core] + len(structure.parts) for structure in STRUCTURES]
    table[~available(question)] = 0.0
    return table


@cache
def _attributes_of_kind(kind: str) -> np.ndarray:
    example = Question("", kind, "", False, "a.", "a.", "a.", "a.", "a.")  # type: ignore[arg-type]
    return np.array([list(attributes(example, structure).values()) for structure in STRUCTURES])


def _core_sentences(question: Question, core: str) -> list[str]:
    """Return the sentences of a core. A refusal is one sentence of a bank, so its list has one entry."""
    text = "refusal" if core == "refusal" else getattr(question, core)
    return sentences_of(text) if text else []


def compose(question: Question, structure: Structure, sentences: Mapping[str, str] | None = None) -> Reply:
    """Write a reply.

    Parameters
    ----------
    question, structure
        The question to answer, and the structure of the reply.
    sentences
        The sentence of each part of the structure (and of "refusal" if that is its core). A missing one is the first of
        its bank, or the first fresh one if the question is fresh.

    Raises
    ------
    ValueError
        If the question has no such core, or the structure names an unknown part.
    """
    core = structure.core
    wanted = (*structure.parts, *(("refusal",) if core == "refusal" else ()))
    unknown = [part for part in structure.parts if part not in PARTS]
    if core not in CORES or unknown:
        what, names = ("part", PARTS) if unknown else ("core", CORES)
        raise ValueError(f"{what} must be one of {', '.join(names)}, got {(unknown or [core])[0]!r}")
    if core != "refusal" and getattr(question, core) is None:
        raise ValueError(f"a {question.kind} question has no core {core!r}; choose another")
    said = {part: (sentences or {}).get(part) or load_sentences(part, fresh=question.fresh)[0] for part in wanted}
    middle = said["refusal"] if core == "refusal" else getattr(question, core)
    if structure.listed:
        middle = "\n".join(f"- {sentence}" for sentence in sentences_of(middle))
    ordered = [part for part in PARTS if part in said]
    before = " ".join(said[part] for part in ordered if PARTS.index(part) <= PARTS.index("hedge"))
    after = " ".join(said[part] for part in ordered if PARTS.index(part) > PARTS.index("hedge"))
    joint = "\n" if structure.listed else " "
    return Reply(joint.join(filter(None, (before, middle, after))), structure, said)
