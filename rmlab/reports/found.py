"""The results of `rmlab evaluate` for one model on one set of pairs, as JSON, as text and in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rmlab.evaluation import Evaluation, NoiseCeiling, RewardBenchScores, evaluate, fit_temperature

__all__ = [
    "FIGURES", "Report", "Tempered", "accuracy_in_words", "confidence_in_words", "counted", "ends", "figures", "temper",
]  # fmt: skip

FIGURES = ("", "", "95% interval", "a coin")
"""The head of the table of `figures`."""


@dataclass(frozen=True)
class Tempered:
    """The effect of a temperature on the log loss and the calibration, or why there is none."""

    fitted_on: str
    """In words: the pairs to which the temperature was fitted, and those that the figures are for."""
    before: Evaluation | None = None
    after: Evaluation | None = None
    """Evaluations of the same pairs, before and after; the temperature was fitted to other pairs."""
    failure: str | None = None
    """Why no temperature could be fitted."""

    def to_dict(self) -> dict[str, Any]:
        """Return the result in a form that JSON can hold."""
        found: dict[str, Any] = {"fitted_on": self.fitted_on, "failure": self.failure}
        if self.before is not None and self.after is not None:
            found["temperature"] = self.after.temperature
            found["before"], found["after"] = self.before.to_dict(), self.after.to_dict()
        return found

    def __str__(self) -> str:
        if self.before is None or self.after is None:
            return f"no temperature: {self.failure}"
        rows = [
            f"temperature {self.after.temperature:.3f}, {self.fitted_on}",
            f"  log loss           {self.before.log_loss:.3f} -> {self.after.log_loss:.3f}",
        ]
        errors = (self.before.calibration_error, self.after.calibration_error)
        if None not in errors:
            rows.append(f"  calibration error  {errors[0]:.3f} -> {errors[1]:.3f}")
        return "\n".join(rows)


def temper(held_out: np.ndarray, reported: np.ndarray, fitted_on: str) -> Tempered:
    """Fit a temperature to the differences of some pairs, and report its effect on those of others."""
    try:
        temperature = fit_temperature(held_out)
    except ValueError as error:  # the best temperature is at the end of its range
        return Tempered(fitted_on, failure=str(error))
    return Tempered(fitted_on, before=evaluate(reported), after=evaluate(reported, temperature=temperature))


@dataclass(frozen=True, eq=False)
class Report:
    """The results of `rmlab evaluate`; `score_differences` are only for the histogram, and not in `to_dict`."""

    model: str
    pairs: str
    evaluation: Evaluation
    score_differences: np.ndarray = field(repr=False)
    tempered: Tempered
    counts: Mapping[str, int]
    """Pairs that were left out or cut, by reason."""
    ceiling: NoiseCeiling | None = None
    benchmark: RewardBenchScores | None = None
    made: Mapping[str, str] = field(default_factory=dict)
    """How the report was made: command, files and their hashes, versions, date."""
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the report in a form that JSON can hold: the fields of the evaluation, and the rest beside them."""
        return {
            "model": self.model,
            "pairs": self.pairs,
            **self.counts,
            **self.evaluation.to_dict(),
            "notes": [*self.evaluation.notes, *self.notes],
            "tempered": self.tempered.to_dict(),
            "noise_ceiling": None if self.ceiling is None else self.ceiling.to_dict(),
            "rewardbench": None if self.benchmark is None else self.benchmark.to_dict(),
            "made": dict(self.made),
        }

    def __str__(self) -> str:
        parts: list[Any] = [self.evaluation, *(f"note: {note}" for note in self.notes), "", self.tempered]
        for title, part in (("noise ceiling", self.ceiling), ("", self.benchmark)):
            if part is not None:
                parts += ["", *([title] if title else []), part]
        return "\n".join(map(str, parts))


def figures(e: Evaluation) -> list[tuple[str, str, str, str]]:
    """Return the rows of the table of an evaluation: a figure, its value, its interval, and the value for a coin."""
    rows = [("accuracy", f"{e.accuracy:.3f}", ends(e.accuracy_interval), "0.500")]
    if (length := e.length_baseline) is not None:
        rows += [("longer response wins", f"{length.accuracy:.3f}", ends(length.accuracy_interval), "")]
    rows += [
        ("log loss, nats", f"{e.log_loss:.3f}", ends(e.log_loss_interval), "0.693"),
        ("Brier score", f"{e.brier:.3f}", ends(e.brier_interval), "0.250"),
    ]
    if e.calibration_error is None:
        return [*rows, ("calibration error", "undefined", "", "")]
    by_chance = f"{e.calibration_error_by_chance:.3f} by chance"
    return [*rows, ("calibration error", f"{e.calibration_error:.3f}", by_chance, "")]


def ends(interval: tuple[float, float] | None) -> str:
    """Write the ends of an interval."""
    return "" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"


def accuracy_in_words(evaluation: Evaluation) -> str:
    """Return the accuracy and what to compare it with, in sentences."""
    e = evaluation
    low, high = e.accuracy_interval
    said = (
        f"On {counted(e.n_pairs, 'pair')} the model agrees with the label in {e.accuracy:.1%} "
        f"(95% interval {low:.1%} to {high:.1%})"
    )
    if e.n_ties == e.n_pairs:
        return f"{said}: all its scores are equal, so it cannot tell any two responses apart."
    if low > 0.5:
        said += ": more often than a coin would."
    elif high < 0.5:
        said += ": less often than a coin would. Check whether chosen and rejected are swapped."
    else:
        said += ": these pairs do not tell it from a coin."
    if (length := e.length_baseline) is not None:
        said += f" Choosing the longer response would agree in {length.accuracy:.1%}"
        either = max(length.accuracy, 1 - length.accuracy)
        if low <= either <= high:
            shorter = f", so choosing the shorter one would do about as well ({either:.1%})"
            said += shorter if length.accuracy < 0.5 else ", about as often as the model"
        said += "."
    return said


def confidence_in_words(tempered: Tempered) -> str:
    """Return whether the model is over-confident, in a sentence."""
    if tempered.before is None or tempered.after is None:
        return f"No temperature was fitted: {tempered.failure}."
    t = tempered.after.temperature or 1.0
    if t > 1.1:
        said = f"The model is over-confident: its score differences are best divided by {t:.2f}"
    elif t < 1 / 1.1:
        said = f"The model is under-confident: its score differences are best multiplied by {1 / t:.2f}"
    else:
        said = f"The model is about as sure as it should be: the best temperature is {t:.2f}"
    before, after = tempered.before, tempered.after
    return f"{said}, {tempered.fitted_on}. That takes the log loss from {before.log_loss:.3f} to {after.log_loss:.3f}."


def counted(n: int, thing: str) -> str:
    """Write a number of things."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}"
