"""A prediction that a notebook asks for, and its comparison with the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from traitlets import Bool, Float, TraitError, Tuple, Unicode, observe, validate

from rmlab.explorer.control_base import Control

__all__ = ["Prediction", "predict"]

Answer = float | str
CLOSE = 0.005  # share of the scale: a smaller gap counts as none
TOO_EARLY = "Run the cells below, which find the answer. Then press Reveal again."


class Prediction(Control):
    """A question that its reader answers before *Reveal*; see `predict`.

    Attributes
    ----------
    value
        The prediction: a number, or the place of an option; None before it is made.
    revealed
        Whether the answer is shown; the prediction can then no longer change.
    """

    kind = Unicode("prediction").tag(sync=True)
    low = Float().tag(sync=True)
    high = Float().tag(sync=True)
    step = Float().tag(sync=True)
    names = Tuple().tag(sync=True)
    value = Float(None, allow_none=True).tag(sync=True)
    revealed = Bool().tag(sync=True)
    truth = Float(None, allow_none=True).tag(sync=True)
    words = Unicode().tag(sync=True)
    compared: ClassVar[dict[str, tuple[bool, float]]] = {}
    """By question: whether it had options, and the gap as a share of the scale, 0 or 1 for an option."""

    def __init__(self, label: str, answer: Answer | Callable[[], Answer], **traits: Any):
        self._answer = answer
        super().__init__(label=label, **traits)

    def __repr__(self) -> str:
        """Return the question, for a notebook without a kernel; never the answer."""
        return f"Predict: {self.label} Run this cell to answer."

    def answer(self) -> Answer | None:
        """Return the answer, or None while a later cell of the notebook has to find it."""
        try:
            return self._answer() if callable(self._answer) else self._answer
        except NameError:  # that cell defines the name
            return None

    @validate("value")
    def _value_stays_once_revealed(self, proposal: Any) -> float | None:
        if self.revealed:
            raise TraitError(f"{self.label}: the answer is shown, so the prediction stays {self.value}")
        if proposal["value"] is not None and not self.low <= proposal["value"] <= self.high:
            raise TraitError(f"{self.label}: must be from {self.low:g} to {self.high:g}, got {proposal['value']}")
        return proposal["value"]

    @observe("revealed")
    def _show_answer(self, change: Any) -> None:
        if not change.new:
            return
        answer = self.answer()
        if answer is None:
            with self.hold_sync():
                self.revealed, self.words = False, TOO_EARLY
            return
        truth = float(self.names.index(answer) if self.names else answer)
        said = self.value
        if said is not None:
            gap = float(said != truth) if self.names else abs(said - truth) / (self.high - self.low)
            self.compared[self.label] = bool(self.names), gap
        with self.hold_sync():
            self.truth = truth
            self.words = " ".join(filter(None, (self._in_words(truth), standing_in_words(self.compared.values()))))

    def answered(self) -> dict[str, Any]:
        """Return the ``truth``, and the ``words`` on each prediction from `low` to `high`, and last on no prediction.

        With these the control can answer without a kernel.
        """
        answer = self._answer() if callable(self._answer) else self._answer
        truth = float(self.names.index(answer) if self.names else answer)
        twin = Prediction(self.label, answer, low=self.low, high=self.high, step=self.step, names=self.names)
        words = []
        for i in range(round((self.high - self.low) / self.step) + 1):
            twin.value = min(self.high, self.low + i * self.step)
            words.append(twin._in_words(truth))
        twin.value = None
        return {"truth": truth, "words": [*words, twin._in_words(truth)]}

    def _in_words(self, truth: float) -> str:
        if self.names:
            name = self.names[int(truth)]
            if self.value is None:
                return f"It is: {name}."
            verdict = "That is right." if self.value == truth else f"It is: {name}."
            return f"You said: {self.names[int(self.value)]}. {verdict}"
        digits = max(0, -int(Decimal(f"{self.step:g}").as_tuple().exponent))
        if self.value is None:
            return f"It is {truth:.{digits}f}."
        gap = self.value - truth
        small = abs(gap) < CLOSE * (self.high - self.low) or float(f"{gap:.{digits}f}") == 0
        apart = "they agree" if small else f"{abs(gap):.{digits}f} too {'high' if gap > 0 else 'low'}"
        return f"You said {self.value:.{digits}f}, it is {truth:.{digits}f}: {apart}."


def standing_in_words(compared: Any) -> str:
    """Return how well the predictions of a session went, in words; empty before the first."""
    numbers = [gap for choice, gap in compared if not choice]
    choices = [gap for choice, gap in compared if choice]
    said = []
    if numbers:
        said.append(f"{len(numbers)} of numbers, {sum(numbers) / len(numbers):.0%} of the scale off on average")
    if choices:
        said.append(f"{len(choices)} of options, {choices.count(0.0)} right")
    return f"Your predictions so far: {'; '.join(said)}." if said else ""


def predict(
    label: str,
    answer: Answer | Callable[[], Answer],
    *,
    options: Sequence[str] = (),
    low: float = 0.0,
    high: float = 1.0,
    step: float = 0.01,
) -> Prediction:
    """Return a control that takes a prediction, and compares it with the answer when it is revealed.

    A notebook stores only the question.

    Parameters
    ----------
    label
        The question.
    answer
        A number from `low` to `high`, or one of the options; or a function that returns it, called at *Reveal*. It may
        use names that later cells define: until they have run, *Reveal* asks for them, and the prediction stays open.
    options
        The possible answers; by default the answer is a number.
    low, high, step
        The ends of the slider, and the distance from one value to the next.

    Raises
    ------
    ValueError
        If `low` is not below `high`, `step` is not above 0, or the answer is not one of the options.
    """
    if options:
        if not callable(answer) and answer not in options:
            raise ValueError(f"{label}: the answer must be one of {list(options)}, got {answer!r}")
        return Prediction(label, answer, names=tuple(options), low=0, high=len(options) - 1, step=1)
    if not (low < high and step > 0):
        raise ValueError(f"low must be below high and step above 0, got low={low}, high={high}, step={step}")
    return Prediction(label, answer, low=low, high=high, step=step)
