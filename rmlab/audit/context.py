"""What the checks share: the sample, the score of each text by itself, and when two scores count as the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from rmlab.audit.audited_model import AuditedModel, Reading, Text, Tokens, first_line
from rmlab.audit.results import CheckResult, Example, Status
from rmlab.data import PreferencePair
from rmlab.model.backbones import ModelError

__all__ = ["Check", "Context", "Row", "broken", "check", "distance", "kept", "not_applicable"]

SPREAD_SHARE, ROUNDING = 1e-3, 2e-6
"""Two scores are the same if they differ by no more than a thousandth of the spread of the scores in the sample, or by
sixteen steps of float32 at the largest score, whichever is more.

Rounding, which depends on the shape of a batch, moves the scores of healthy models by a few hundred-thousandths of the
spread. A thousandth reverses about one pair in two thousand. The faults that we look for move scores by tenths.
"""

COMPARED = 32
"""How many texts are scored in several ways; the whole sample is scored in one way."""


class Row(NamedTuple):
    """One text of the sample."""

    text: Text
    tokens: Tokens
    score: float
    """The score of the text by itself, in nats."""


@dataclass(frozen=True, eq=False)
class Context:
    """One model on one sample of texts."""

    audited: AuditedModel
    pairs: Sequence[PreferencePair]
    """The pairs whose two texts are scored."""
    crowd: Sequence[PreferencePair]
    """The pairs that are only tokenised; they may include those that are scored."""
    are_given: bool
    """Whether the pairs are the caller's; the built-in ones show nothing about anybody's data."""

    failures: dict[int, str] = field(default_factory=dict, init=False)
    """The error that the network raised for a text, by the number of the text."""
    _known: dict[tuple[int, ...], float] = field(default_factory=dict, init=False)

    @cached_property
    def _reading(self) -> Reading:
        return self.audited.read(self.all_texts)

    @property
    def all_texts(self) -> list[Text]:
        """Both texts of each pair, one after the other."""
        return [text for pair in self.pairs for text in ((pair.prompt, pair.chosen), (pair.prompt, pair.rejected))]

    @cached_property
    def _alone(self) -> np.ndarray:
        scores = np.full(len(self._reading.tokens), np.nan)
        for i, tokens in enumerate(self._reading.tokens):
            try:
                scores[i] = self.audited.scores([tokens])[0]
            except Exception as error:  # a network may raise anything, for instance beyond its positions
                self.failures[i] = first_line(error)
        if len(self.failures) == len(scores):
            raise ModelError(f"{self.audited.name} cannot score a single text: {self.failures[0]}")
        return scores

    @cached_property
    def is_finite(self) -> np.ndarray:
        """Which texts have a finite score; bool, shape ``(2 n_pairs,)``. The check "finite" is about the others."""
        return np.isfinite(self._alone)

    @cached_property
    def rows(self) -> list[Row]:
        """The texts that have a finite score."""
        rows = map(Row, self.all_texts, self._reading.tokens, self._alone.tolist())
        return [row for row, fine in zip(rows, self.is_finite, strict=True) if fine]

    @cached_property
    def compared(self) -> list[Row]:
        """A choice of `COMPARED` rows, from the shortest to the longest text, in the order of the sample."""
        by_length = sorted(range(len(self.rows)), key=lambda i: len(self.rows[i].tokens["input_ids"]))
        places = np.linspace(0, len(by_length) - 1, num=min(COMPARED, len(by_length)))
        return [self.rows[i] for i in sorted(by_length[int(place)] for place in places)]

    @cached_property
    def scored_pairs(self) -> list[tuple[PreferencePair, Tokens, Tokens, float]]:
        """Pairs in which both texts have a score: the pair, its tokens, and its score difference."""
        tokens, scores = self._reading.tokens, self._alone
        return [
            (pair, tokens[2 * i], tokens[2 * i + 1], float(scores[2 * i] - scores[2 * i + 1]))
            for i, pair in enumerate(self.pairs)
            if self.is_finite[2 * i] and self.is_finite[2 * i + 1]
        ]

    def alone(self, tokens: Sequence[Tokens]) -> np.ndarray:
        """Return the score of each text by itself, ``(n,)``, computed once; only for models that repeat it."""
        keys = [tuple(one["input_ids"]) for one in tokens]
        for key, one in zip(keys, tokens, strict=True):
            if key not in self._known:
                self._known[key] = float(self.audited.scores([one])[0])
        return np.array([self._known[key] for key in keys])

    @cached_property
    def spread(self) -> float:
        """The standard deviation of the scores, in nats."""
        return float(np.std([row.score for row in self.rows])) if self.rows else 0.0

    @cached_property
    def tolerance(self) -> float:
        """The largest difference at which scores count as the same; see `SPREAD_SHARE`."""
        return max(SPREAD_SHARE * self.spread, ROUNDING * max((abs(row.score) for row in self.rows), default=0.0))

    @cached_property
    def repeat_gap(self) -> np.ndarray:
        """How far each score of `compared` moves when the text is scored a second time."""
        again = self.audited.alone([row.tokens for row in self.compared])
        return distance(again, np.array([row.score for row in self.compared]))

    @cached_property
    def batch_error(self) -> str | None:
        """The error that stops two texts of different lengths from being scored as one batch; None if nothing does."""
        by_length = sorted((row.tokens for row in self.compared), key=lambda one: len(one["input_ids"]))
        try:
            self.audited.logits([by_length[0], by_length[-1]])
        except Exception as error:
            return first_line(error)
        return None


@dataclass(frozen=True)
class Check:
    """One row of the table: a name, a function, and what the function needs before it can judge."""

    name: str
    run: Callable[[Context], CheckResult]
    issues: tuple[str, ...]
    remedy: str
    needs: frozenset[str]

    def __call__(self, context: Context) -> CheckResult:
        """Run the check, unless something that it needs is missing."""
        result = self._hindrance(context) or self.run(context)
        return replace(result, name=self.name, issues=self.issues, remedy=self.remedy)

    def _hindrance(self, context: Context) -> CheckResult | None:
        if "scores" in self.needs and not context.rows:
            return not_applicable("no text of the sample has a finite score; see finite")
        if "pairs" in self.needs and not context.are_given:
            return not_applicable("shows something about your data, so it needs pairs")
        if "steady" in self.needs and (context.repeat_gap > context.tolerance).any():
            return not_applicable("a text scored twice has two scores, so nothing can be compared; see repeat")
        if "batches" in self.needs and context.batch_error is not None:
            return not_applicable("no batch can be scored; see batch size")
        return None


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return |a - b|, infinite if either is NaN: comparisons with NaN are false, so NaN would count as small."""
    return np.nan_to_num(np.abs(a - b), nan=np.inf)


def check(
    name: str, *, issues: Sequence[str] = (), remedy: str, needs: Sequence[str] = ()
) -> Callable[[Callable[[Context], CheckResult]], Check]:
    """Return a decorator that makes a check of a function, whose docstring shows what goes wrong in practice.

    Parameters
    ----------
    name
        The name of its row.
    issues
        Public issues in which people reported the fault.
    remedy
        What to do about it.
    needs
        Any of ``"scores"`` (finite ones), ``"pairs"`` (the caller's), ``"steady"`` (a text scored twice has one score)
        and ``"batches"`` (a batch can be scored at all); without them the check is not applicable.
    """
    return lambda run: Check(name, run, tuple(issues), remedy, frozenset(needs))


def kept(found: str) -> CheckResult:
    """Return the result that the invariant holds."""
    return _result("kept", found)


def broken(found: str, example: Example | None = None) -> CheckResult:
    """Return the result that the invariant does not hold, with what shows it."""
    return _result("broken", found, example)


def not_applicable(reason: str) -> CheckResult:
    """Return the result that the question does not arise, with the reason."""
    return _result("not applicable", reason)


def _result(status: Status, found: str, example: Example | None = None) -> CheckResult:
    return CheckResult(name="", status=status, found=found, example=example, remedy="", issues=())
