"""A policy over replies: the probability of each core and part given the question, so that expectations are sums."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np

from rmlab.simulate.raters import count
from rmlab.simulate.replies.judges import Judge
from rmlab.simulate.replies.questions import KINDS, PARTS, Question, load_sentences
from rmlab.simulate.replies.structures import (
    ATTRIBUTES,
    CORES,
    OPENINGS,
    STRUCTURES,
    Reply,
    Structure,
    allowed_parts,
    compose,
    structure_attributes,
)

__all__ = ["IMITATION", "ReplyDistribution", "ReplyPolicy", "reply_distribution"]

_TOLERANCE = 1e-6


@dataclass(frozen=True)
class ReplyPolicy:
    """How somebody replies: first a core, then an opening, then each further part by the toss of a biased coin.

    Parameters
    ----------
    cores
        For each kind of question (`KINDS`) the probability of each core (`CORES`), summing to one.
    parts
        The probability of each part (`PARTS`), where the structure allows it; "warm" and "curt" exclude each other.
        For a part that depends on the question, a mapping from kinds to probabilities.
    listed
        The probability that a full core is written as a list.

    Raises
    ------
    ValueError
        If the kinds are not those of `KINDS`, a core or part is unknown or cannot occur, or probabilities are not in
        [0, 1] or do not sum to one.
    """

    cores: Mapping[str, Mapping[str, float]]
    parts: Mapping[str, float | Mapping[str, float]] = field(default_factory=dict)
    listed: float = 0.0

    def __post_init__(self) -> None:
        if set(self.cores) != set(KINDS):
            raise ValueError(f"cores must have the kinds {', '.join(KINDS)}, got {', '.join(self.cores) or 'none'}")
        for kind, values in self.cores.items():
            _probabilities(f"cores of a {kind} question", values, CORES)
            if abs(math.fsum(values.values()) - 1) > _TOLERANCE:
                raise ValueError(f"cores of a {kind} question must sum to one, got {math.fsum(values.values()):.6g}")
            absent = [core for core in ("partial", "wrong") if kind == "harmful" and values.get(core)]
            if absent:
                raise ValueError(f"a harmful question has no core {absent[0]!r}; give it probability 0")
        _probabilities("listed", {"list": self.listed}, ("list",))
        for part, by_kind in self.parts.items():
            _probabilities(f"{part} by the kind of question", by_kind if isinstance(by_kind, Mapping) else {}, KINDS)
        for kind in KINDS:
            values = self.part_probabilities(kind)
            _probabilities(f"parts of a reply to a {kind} question", values, PARTS)
            if values.get("warm", 0) + values.get("curt", 0) > 1 + _TOLERANCE:
                raise ValueError("warm and curt exclude each other, so their probabilities must sum to at most one")

    def part_probabilities(self, kind: str) -> dict[str, float]:
        """Return the probability of each part given the kind of question, where the structure allows it."""
        given = self.parts.items()
        return {part: p.get(kind, 0.0) if isinstance(p, Mapping) else p for part, p in given}

    def probabilities(self, question: Question) -> np.ndarray:
        """Return the probability of each of `STRUCTURES`; float64 array of shape ``(n_structures,)``."""
        return self._by_kind[question.kind]

    @cached_property
    def _by_kind(self) -> dict[str, np.ndarray]:
        tables = {kind: np.array([self._probability(kind, structure) for structure in STRUCTURES]) for kind in KINDS}
        for table in tables.values():
            table /= table.sum()  # exact, although the cores may sum to one only up to rounding
            table.flags.writeable = False
        return tables

    def _probability(self, kind: str, structure: Structure) -> float:
        given = dict.fromkeys(PARTS, 0.0) | self.part_probabilities(kind)
        p = self.cores[kind].get(structure.core, 0.0)
        if structure.core == "full":
            p *= self.listed if structure.listed else 1 - self.listed
        opening = next((part for part in OPENINGS if part in structure.parts), None)
        p *= given[opening] if opening else max(0.0, 1 - given["warm"] - given["curt"])
        for part in allowed_parts(structure.core, opening):
            p *= given[part] if part in structure.parts else 1 - given[part]
        return p


def _probabilities(what: str, values: Mapping[str, float], known: tuple[str, ...]) -> None:
    unknown = [name for name in values if name not in known]
    if unknown:
        raise ValueError(f"{what}: unknown name {unknown[0]!r}; choose from {', '.join(known)}")
    for name, value in values.items():
        if not 0 <= value <= 1:  # also catches NaN
            raise ValueError(f"{what}: the probability of {name} must be in [0, 1], got {value!r}")


IMITATION: Final = ReplyPolicy(
    cores={
        "plain": {"short": 0.27, "full": 0.35, "partial": 0.12, "wrong": 0.06, "off_topic": 0.08, "refusal": 0.12},
        "brief": {"short": 0.35, "full": 0.32, "partial": 0.09, "wrong": 0.06, "off_topic": 0.08, "refusal": 0.10},
        "uncertain": {"short": 0.27, "full": 0.35, "partial": 0.12, "wrong": 0.06, "off_topic": 0.08, "refusal": 0.12},
        "harmful": {"short": 0.22, "full": 0.28, "off_topic": 0.10, "refusal": 0.40},
    },
    parts={
        "warm": 0.22,
        "curt": 0.15,
        "flattery": 0.25,
        "hedge": {"plain": 0.25, "brief": 0.25, "uncertain": 0.45, "harmful": 0.25},
        "filler": 0.25,
        "caveat": 0.2,
        "offer": 0.25,
    },
    listed=0.25,
)
"""A policy that imitates many writers, good and sloppy ones: what supervised fine-tuning on mixed data would give."""


@dataclass(frozen=True, eq=False)
class ReplyDistribution:
    """Every reply to one question, with its probability. Arrays have one entry for each reply."""

    question: Question
    replies: tuple[Reply, ...]
    structure_indices: np.ndarray
    """Place of each reply's structure in `STRUCTURES`; int array of shape ``(n_replies,)``."""
    probabilities: np.ndarray
    """Sum to one; float64 array of shape ``(n_replies,)``."""

    @cached_property
    def attributes(self) -> np.ndarray:
        """Attributes in the order of `ATTRIBUTES`; float64 array of shape ``(n_replies, n_attributes)``."""
        return structure_attributes(self.question)[self.structure_indices]

    def rewards(self, judge: Judge) -> np.ndarray:
        """Return the true rewards, in nats; float64 array of shape ``(n_replies,)``."""
        return self.attributes @ judge.vector

    def expectation(self, values: np.ndarray) -> float:
        """Return the mean of some value of each reply under the policy; `values` has shape ``(n_replies,)``."""
        if np.shape(values) != self.probabilities.shape:
            raise ValueError(f"values must have shape {self.probabilities.shape}, got {np.shape(values)}")
        return float(self.probabilities @ values)

    def mean_attributes(self) -> dict[str, float]:
        """Return the mean of each attribute under the policy."""
        return dict(zip(ATTRIBUTES, (self.probabilities @ self.attributes).tolist(), strict=True))


def reply_distribution(
    question: Question, *, policy: ReplyPolicy = IMITATION, n_wordings: int = 4, fresh: bool | None = None
) -> ReplyDistribution:
    """Return every reply that a policy can give to a question, with its exact probability.

    A bank has 91 sentences for a part, or 21 fresh ones. To keep the replies few, there are `n_wordings` equally likely
    wordings, each with one sentence from every bank. A structure without added parts has one text, unless it refuses.

    Parameters
    ----------
    question
        One of `load_questions`.
    policy
        Gives the probability of each structure.
    n_wordings
        At least 1, and at most the number of sentences in the smallest bank.
    fresh
        Whether the sentences are those kept for testing; by default they are if the question is.
    """
    fresh = question.fresh if fresh is None else fresh
    banks = {part: load_sentences(part, fresh=fresh) for part in (*PARTS, "refusal")}
    smallest = min(map(len, banks.values()))
    if count("n_wordings", n_wordings) > smallest:
        raise ValueError(f"n_wordings must be at most {smallest}, the sentences of the smallest bank, got {n_wordings}")
    replies: list[Reply] = []
    indices: list[int] = []
    probabilities: list[float] = []
    for i, p in enumerate(policy.probabilities(question)):
        if not p:
            continue
        structure = STRUCTURES[i]
        wordings = n_wordings if structure.parts or structure.core == "refusal" else 1
        for wording in range(wordings):
            # each bank has its own stride, so that wordings do not always pair the same sentences
            said = {part: bank[(wording * (1 + 2 * k)) % len(bank)] for k, (part, bank) in enumerate(banks.items())}
            replies.append(compose(question, structure, said))
            indices.append(i)
            probabilities.append(p / wordings)
    return ReplyDistribution(question, tuple(replies), np.array(indices), np.array(probabilities))
