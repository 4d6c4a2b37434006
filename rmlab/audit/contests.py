"""Laying out an audit of robustness: which texts are compared under each change, and each distinct text once."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from rmlab.audit.audited_model import Text, first_line
from rmlab.audit.shift_results import Problem
from rmlab.audit.transforms import Change, Contest, Transform
from rmlab.data import PreferencePair, Side
from rmlab.model.rendering import content_of

__all__ = ["Case", "Layout", "Series", "lay_out"]


@dataclass(frozen=True)
class Case:
    """One change of one pair: the places of its four texts, and what its interval depends on."""

    pair: int
    change: Change
    places: tuple[int, int, int, int]
    """Places of the response and the other one after the change, and of the two before it."""


@dataclass
class Series:
    """All cases of one transform."""

    transform: Transform
    cases: list[Case] = field(default_factory=list)
    n_not_applicable: int = 0
    n_unchanged: int = 0
    n_failed: int = 0


@dataclass
class Layout:
    """The texts to score, and what is compared."""

    pairs: list[PreferencePair]
    texts: list[Text]
    chosen: np.ndarray
    rejected: np.ndarray
    """Places of the texts of each pair as it is, ``(n_pairs,)``."""
    series: list[Series]
    problems: list[Problem]
    uses: dict[int, tuple[int, str]]
    """For each text, the first pair that uses it and the name of the change."""

    def where(self, pair: int) -> str:
        """Return the file and line of a pair, or its number."""
        return self.pairs[pair].source or f"pair {pair + 1}"


def lay_out(pairs: Sequence[PreferencePair], transforms: Sequence[Transform], *, seed: int) -> Layout:
    """Apply every transform to every pair, to one of its responses; see `rmlab.audit.robustness`."""
    pairs = list(pairs)
    book = _Book(pairs)
    chosen = np.array([book.place(i, "as it is", pair.prompt, pair.chosen) for i, pair in enumerate(pairs)])
    rejected = np.array([book.place(i, "as it is", pair.prompt, pair.rejected) for i, pair in enumerate(pairs)])
    layout = Layout(pairs, book.texts, chosen, rejected, [], [], book.uses)
    sides = np.random.default_rng(seed).permutation(len(pairs)) % 2 == 1
    for transform in transforms:
        rng = np.random.default_rng((seed, zlib.crc32(transform.name.encode())))
        layout.series.append(_series(transform, layout, book, sides, rng.permutation(len(pairs))))
    return layout


def _series(transform: Transform, layout: Layout, book: _Book, sides: np.ndarray, turns: np.ndarray) -> Series:
    series = Series(transform)
    for i, pair in enumerate(layout.pairs):
        chosen_first = transform.side == "chosen" or bool(sides[i])
        try:
            change, is_chosen = _first_that_applies(transform, pair, chosen_first, int(turns[i]))
            if change is not None and not all(
                text.strip() for text in (change.after.response, change.before.response, change.after.prompt)
            ):
                raise ValueError("the change leaves no text")
        except Exception as error:  # whatever a function of somebody else may raise
            layout.problems.append(Problem(layout.where(i), transform.name, first_line(error)))
            series.n_failed += 1
            continue
        if change is None:
            series.n_not_applicable += 1
        elif change.after == change.before:
            series.n_unchanged += 1
        else:
            series.cases.append(Case(i, change, book.places(i, transform.name, pair, change, is_chosen)))
    return series


def _first_that_applies(
    transform: Transform, pair: PreferencePair, chosen_first: bool, turn: int
) -> tuple[Change | None, bool]:
    """Return the change of one response, or else of the other, and whether the changed one is the chosen one."""
    change = None
    for is_chosen in (chosen_first, not chosen_first):
        response, other = (pair.chosen, pair.rejected) if is_chosen else (pair.rejected, pair.chosen)
        contest = Contest(_last(pair.prompt), _last(response), _last(other))
        change = transform.change(contest, turn)
        if change is not None or transform.side == "chosen":
            return change, is_chosen
    return change, chosen_first


class _Book:
    """The distinct texts, in the order in which they are first used."""

    def __init__(self, pairs: Sequence[PreferencePair]) -> None:
        self.texts: list[Text] = []
        self.uses: dict[int, tuple[int, str]] = {}
        self._places: dict[tuple[str, str], int] = {}

    def place(self, pair: int, name: str, prompt: Side, response: Side) -> int:
        key = (json.dumps(prompt), json.dumps(response))  # messages are dicts, which cannot be keys
        found = self._places.setdefault(key, len(self.texts))
        if found == len(self.texts):
            self.texts.append((prompt, response))
            self.uses[found] = (pair, name)
        return found

    def places(
        self, i: int, name: str, pair: PreferencePair, change: Change, is_chosen: bool
    ) -> tuple[int, int, int, int]:
        sides = (pair.chosen, pair.rejected) if is_chosen else (pair.rejected, pair.chosen)

        def both(contest: Contest) -> Iterator[int]:
            prompt = _with_last(pair.prompt, contest.prompt)
            for side, text in zip(sides, (contest.response, contest.other), strict=True):
                yield self.place(i, name, prompt, _with_last(side, text))

        after, other_after = both(change.after)
        before, other_before = both(change.before)
        return after, other_after, before, other_before


def _last(side: Side) -> str:
    """Return the text that changes are made to: of messages, the content of the last."""
    return side if isinstance(side, str) else content_of(side[-1]) if side else ""


def _with_last(side: Side, text: str) -> Side:
    return text if isinstance(side, str) else (*side[:-1], {**side[-1], "content": text}) if side else side
