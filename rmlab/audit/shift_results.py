"""The results of `robustness`: a frozen table, one row for each change, which prints and can become JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from rmlab.audit.results import WIDTH
from rmlab.audit.transforms.contest import Expected
from rmlab.printing import printable

__all__ = ["Problem", "Robustness", "Shift", "ShiftExample"]

SHOWN = 100
"""Characters of a text in the table."""
PROBLEMS_SHOWN = 10


@dataclass(frozen=True)
class ShiftExample:
    """The shortest text on which a change moves the score at least as far as it does on average."""

    prompt: str
    """The prompt, with the change if it changes the prompt."""
    before: str
    after: str
    """The response with its control, and with the change; equal if the prompt is what changed."""
    other: str
    prompt_before: str
    scores_before: tuple[float, float]
    scores_after: tuple[float, float]
    """Scores of the response and of the other one, in nats; only their difference means something."""
    source: str

    @property
    def shift(self) -> float:
        """By how much the change moves the score difference, in nats."""
        return (self.scores_after[0] - self.scores_after[1]) - (self.scores_before[0] - self.scores_before[1])


@dataclass(frozen=True)
class Shift:
    """What one change does to the scores. All but the counts is missing if fewer than two prompts could be changed."""

    name: str
    kind: Literal["surface", "content"]
    expected: Expected
    reason: str
    source: str
    n_changed: int
    n_not_applicable: int
    """Pairs to neither of whose responses the change applies."""
    n_unchanged: int
    """Pairs whose text it leaves as it was."""
    n_failed: int
    """Pairs on which the change or the model failed; `Robustness.problems` says how."""
    n_prompts: int
    n_sentences: int | None
    """Sentences of a bank that were added; None if there is no bank."""
    mean: float | None = None
    """Mean shift of the score, after minus before, within prompts, in nats."""
    interval: tuple[float, float] | None = None
    """95%, clustered by prompt and by sentence."""
    p_value: float | None = None
    q_value: float | None = None
    """The smallest rate of false discoveries, over all changes, at which this one counts as found."""
    least_effect: float | None = None
    """The shift that a test at 5% would have found in four of five such samples, in nats."""
    flips: float | None = None
    """Share of preferences between the two responses that reverse when one of them, or the prompt, is changed."""
    flips_interval: tuple[float, float] | None = None
    found: bool = False
    example: ShiftExample | None = None

    @property
    def is_fault(self) -> bool:
        """Whether it was found and should not be there: any shift, or a gain where only a gain is a fault."""
        return self.found and (self.expected == "no shift" or (self.mean or 0.0) > 0)

    @property
    def verdict(self) -> str:
        """The finding in a few words."""
        if self.mean is None:
            return "not tested"
        if not self.found:
            return "not found"
        return ("raises" if self.mean > 0 else "lowers") + ("" if self.is_fault else " (no fault)")


@dataclass(frozen=True)
class Problem:
    """A text that a change or the model failed on; the others are not affected."""

    where: str
    """File and line of the pair, or its number."""
    change: str
    """The name of the change, or "as it is"."""
    message: str

    def __str__(self) -> str:
        return f"{self.where}, {self.change}: {self.message}"


@dataclass(frozen=True)
class Robustness:
    """The results of `robustness`; ``print`` shows a table and `to_dict` returns what JSON can hold."""

    model: str
    shifts: tuple[Shift, ...]
    n_pairs: int
    n_left_out: int
    """Pairs with an empty response or two equal ones, which were not used."""
    n_texts: int
    """Distinct texts that were scored."""
    spread: float
    """Root mean square of the score differences of the pairs as they are, in nats; 0 if none could be scored."""
    problems: tuple[Problem, ...]
    seed: int
    false_discovery_rate: float

    @property
    def faults(self) -> tuple[str, ...]:
        """The names of the changes that were found to move scores and should not."""
        return tuple(shift.name for shift in self.shifts if shift.is_fault)

    @property
    def found(self) -> tuple[str, ...]:
        """The names of the changes that were found to move scores, faults or not."""
        return tuple(shift.name for shift in self.shifts if shift.found)

    @property
    def digits(self) -> int:
        """How many decimals of a shift mean something, on the scale of this model."""
        if not self.spread > 0:
            return 3
        return int(np.clip(2 - np.floor(np.log10(self.spread)), 2, 6))

    def __getitem__(self, name: str) -> Shift:
        for shift in self.shifts:
            if shift.name == name:
                return shift
        raise KeyError(f"no change is named {name!r}; there are {', '.join(each.name for each in self.shifts)}")

    def to_dict(self) -> dict[str, Any]:
        """Return the results as dicts, lists, strings and numbers."""
        shifts = [{**asdict(shift), "verdict": shift.verdict, "is_fault": shift.is_fault} for shift in self.shifts]
        return {
            **asdict(self), "shifts": shifts, "problems": [asdict(one) for one in self.problems],
            "faults": list(self.faults), "found": list(self.found),
        }  # fmt: skip

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def _lines(found: Robustness) -> Iterator[str]:
    left_out = f" ({found.n_left_out:,} with empty or equal responses left out)" if found.n_left_out else ""
    drawn = f"{found.n_pairs:,} pairs drawn with seed {found.seed}{left_out}"
    yield f"robustness of {found.model}, on {drawn}: {found.n_texts:,} texts scored"
    yield from textwrap.wrap(
        f"The two scores of a pair differ by {found.spread:.3g} nats (root mean square). MOVES marks a shift that "
        f"should not be there, found at a false discovery rate of {found.false_discovery_rate:.0%} over all lines. "
        "Intervals are clustered by prompt and sentence. Least is the shift that four of five such samples would have "
        "shown; size is the shift as a share of the difference above.",
        WIDTH,
    )
    width = max(len(printable(shift.name)) for shift in found.shifts)
    for kind, title in (("surface", "keeps the meaning"), ("content", "should not pay, against a control as long")):
        shifts = [shift for shift in found.shifts if shift.kind == kind]
        if not shifts:
            continue
        yield ""
        yield (
            f"{title:<{width + 7}}  {'shift':>7}  {'95% interval':>18}  {'least':>6}  {'size':>5}  {'flips':>5}"
            f"  {'pairs':>5}  {'q':>6}"
        )
        for shift in shifts:
            yield from _row(shift, width, found)
    if found.problems:
        yield from ("", f"{len(found.problems):,} texts failed; the first of them:")
        yield from (f"  {printable(problem)}" for problem in found.problems[:PROBLEMS_SHOWN])
    tested = [shift for shift in found.shifts if shift.mean is not None]
    rest = len(found.shifts) - len(tested)
    yield ""
    yield f"{len(found.faults)} of {len(tested)} changes move scores and should not" + (
        f"; {rest} applied to fewer than two prompts" if rest else ""
    )


def _row(shift: Shift, width: int, found: Robustness) -> Iterator[str]:
    word = "MOVES" if shift.is_fault else "lowers" if shift.found else ""
    start = f"{word:<7}{printable(shift.name):<{width}}"
    if shift.mean is None or shift.interval is None or shift.flips is None or shift.q_value is None:
        yield f"{start}  {'applied to':>7} {shift.n_changed} of {shift.n_changed + shift.n_not_applicable} pairs"
        return
    digits = found.digits
    interval = f"{shift.interval[0]:+.{digits}f} to {shift.interval[1]:+.{digits}f}"
    size = abs(shift.mean) / found.spread if found.spread else float("nan")
    q = "<0.001" if shift.q_value < 0.001 else f"{shift.q_value:.3f}"
    yield (
        f"{start}  {shift.mean:>+7.{digits}f}  {interval:>18}  {shift.least_effect:>6.{digits}f}  {size:>5.0%}"
        f"  {shift.flips:>5.0%}  {shift.n_changed:>5,}  {q:>6}"
    )
    if shift.is_fault and shift.example is not None:
        example = shift.example
        indent = " " * 9
        if example.prompt != example.prompt_before:
            pieces = (("prompt without", example.prompt_before), ("prompt with", example.prompt))
        else:
            pieces = (("before", example.before), ("after", example.after))
        yield from (f"{indent}{name} {_short(text)}" for name, text in pieces)
        yield f"{indent}shift {example.shift:+.{digits}f}"


def _short(text: str) -> str:
    shown = text if len(text) <= SHOWN else f"{text[: SHOWN // 2]} ... {text[-SHOWN // 2 :]}"
    return repr(shown)
