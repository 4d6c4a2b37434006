"""Controls for a notebook, and the pictures and words that they redraw. They look like the explorer.

Each has a ``value`` to observe: ``control.observe(redraw, "value")``. JupyterLab also reacts to keys pressed in a
control of ipywidgets (``d d`` deletes the cell); keys pressed in one of these controls stay there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets
from traitlets import Any as AnyValue
from traitlets import Bool, Float, Int, TraitError, Tuple, Unicode, Union, observe, validate

from rmlab.explorer.control_base import Control
from rmlab.explorer.predictions import Prediction, predict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Button", "Choice", "Menu", "Picture", "Prediction", "Slider", "Steps", "Toggle", "Words", "predict", "row"]

Options = Sequence[Any] | Mapping[str, Any]


class Slider(Control):
    """A number between two ends.

    Parameters
    ----------
    value
        The value at first.
    low, high
        The ends of the slider.
    step
        The distance from one value to the next, counted from `low`. If `low` and `step` are whole, so is every value.
    label
        Its name.

    Raises
    ------
    ValueError
        If `low` is not below `high`, or `step` not above 0.
    TraitError
        If a value is outside the ends.
    """

    kind = Unicode("slider").tag(sync=True)
    low = Float().tag(sync=True)
    high = Float().tag(sync=True)
    step = Float().tag(sync=True)
    value = Union([Int(), Float()]).tag(sync=True)

    def __init__(self, value: float, low: float, high: float, *, step: float = 1, label: str):
        if not (low < high and step > 0):
            raise ValueError(f"low must be below high and step above 0, got low={low}, high={high}, step={step}")
        super().__init__(value=value, low=low, high=high, step=step, label=label)

    @validate("value")
    def _value_is_between_the_ends(self, proposal: Any) -> float:
        value = proposal["value"]
        if not self.low <= value <= self.high:
            raise TraitError(f"{self.label} must be from {self.low:g} to {self.high:g}, got {value!r}")
        whole = self.low.is_integer() and self.step.is_integer()
        return round(value) if whole else float(value)


class Toggle(Control):
    """A button that stays pressed until it is pressed again: its `value`."""

    kind = Unicode("toggle").tag(sync=True)
    value = Bool().tag(sync=True)

    def __init__(self, value: bool = False, *, label: str):
        super().__init__(value=value, label=label)


class Button(Control):
    """A button; `on_click` sets what a press does."""

    kind = Unicode("button").tag(sync=True)

    def __init__(self, label: str):
        super().__init__(label=label)
        self._pressed: list[Callable[[Button], Any]] = []
        self.on_msg(lambda *_: self.click())

    def on_click(self, call: Callable[[Button], Any]) -> None:
        """Call `call` with the button at every press."""
        self._pressed.append(call)

    def click(self) -> None:
        """Press it, as the browser does."""
        for call in self._pressed:
            call(self)


class OneOf(Control):
    """One of several values, each with a name; `value` and `index` follow each other.

    Parameters
    ----------
    options
        Values, shown as `str` gives them; or ``(name, value)`` each; or a mapping from names to values.
    value
        The value at first; by default the first option.
    label
        Its name.

    Raises
    ------
    ValueError
        If there are no options.
    TraitError
        If a value is none of them.
    """

    names = Tuple().tag(sync=True)
    index = Int().tag(sync=True)
    value = AnyValue()

    def __init__(self, options: Options, value: Any = None, *, label: str, **traits: Any):
        pairs = options.items() if isinstance(options, Mapping) else options
        named = [each if isinstance(each, tuple) else (str(each), each) for each in pairs]
        if not named:
            raise ValueError(f"{label}: there must be at least one option")
        self._values = [each for _, each in named]
        super().__init__(names=tuple(name for name, _ in named), label=label, **traits)
        self.value = self._values[0] if value is None else value

    @validate("value")
    def _value_is_an_option(self, proposal: Any) -> Any:
        if proposal["value"] not in self._values:
            raise TraitError(f"{self.label} must be one of {self._values}, got {proposal['value']!r}")
        return proposal["value"]

    @observe("value")
    def _follow_value(self, change: Any) -> None:
        self.index = self._values.index(change.new)

    @observe("index")
    def _follow_index(self, change: Any) -> None:
        self.value = self._values[change.new]


class Menu(OneOf):
    """One of many options, in a menu that opens."""

    kind = Unicode("menu").tag(sync=True)


class Choice(OneOf):
    """One of few options, all in view."""

    kind = Unicode("choice").tag(sync=True)


class Steps(OneOf):
    """One of the options in their order, on a slider.

    Parameters
    ----------
    options, value, label
        As for the other choices.
    milliseconds
        Time from one step to the next while it plays; by default it has no button Play.
    """

    kind = Unicode("steps").tag(sync=True)
    milliseconds = Int(None, allow_none=True).tag(sync=True)

    def __init__(self, options: Options, value: Any = None, *, label: str, milliseconds: int | None = None):
        super().__init__(options, value, label=label, milliseconds=milliseconds)


class Picture(Control):
    """A picture that can be drawn again whenever a control asks for it.

    Attributes
    ----------
    value
        What it shows, in words: its alt text.
    """

    kind = Unicode("picture").tag(sync=True)
    png = Unicode().tag(sync=True)
    value = Unicode().tag(sync=True)
    size = Tuple().tag(sync=True)

    def show(self, picture: Axes | Figure, *, alt: str | None = None) -> None:
        """Show a picture in place of the one before, with alt text: `alt`, or else the result of `describe`."""
        from rmlab.plots.display import describe, encode

        png, size = encode(picture)
        with self.hold_sync():
            self.png, self.size, self.value = png, size, describe(picture) if alt is None else alt

    def clear(self) -> None:
        """Show nothing, until the next picture."""
        with self.hold_sync():
            self.png, self.size, self.value = "", (), ""


class Words(Control):
    """A line or two of plain text, `value`, that can be written again whenever a control asks for it."""

    kind = Unicode("words").tag(sync=True)
    value = Unicode().tag(sync=True)

    def __init__(self, value: str = ""):
        super().__init__(value=value)


def row(*controls: Control) -> ipywidgets.HBox:
    """Return the controls beside each other; in a narrow window, below one another."""
    box = ipywidgets.HBox(controls, layout={"flex_flow": "row wrap", "align_items": "center"})
    box.add_class("rx-beside")
    return box
