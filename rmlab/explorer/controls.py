"""Controls for a notebook, and the pictures and words that they redraw. They look like the explorer.

Each control has a ``value``; ``Picture(draw, control)`` is drawn again when it changes. JupyterLab also reacts to keys
pressed in a control of ipywidgets (``d d`` deletes the cell); keys pressed in one of these controls stay there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import ipywidgets
from traitlets import Any as AnyValue
from traitlets import Bool, Float, Int, TraitError, Tuple, Unicode, Union, observe, validate

from rmlab.explorer.control_base import Control
from rmlab.explorer.following import Following, Picture, Words
from rmlab.explorer.predictions import Prediction, predict
from rmlab.explorer.state import ExplorerState

__all__ = [
    "Choice",
    "Menu",
    "Picture",
    "Prediction",
    "Presses",
    "Slider",
    "Steps",
    "Toggle",
    "Words",
    "follow",
    "predict",
    "row",
    "stack",
]

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
    setting: ClassVar[str] = "value"
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
        return self._of_its_kind(value)

    def _of_its_kind(self, value: float) -> float:
        whole = self.low.is_integer() and self.step.is_integer()
        return round(value) if whole else float(value)

    def settings(self) -> Sequence[float]:
        """Return every value from `low` to `high`."""
        n_steps = int((self.high - self.low) / self.step + 1e-9)  # an end that rounding has moved is one of them
        return [self._of_its_kind(round(self.low + i * self.step, 9)) for i in range(n_steps + 1)]


class Toggle(Control):
    """A button that stays pressed until it is pressed again; `value` is whether it is pressed.

    Parameters
    ----------
    value
        Whether it is pressed at first.
    label
        Its name.
    until
        A control whose change releases it too.
    """

    kind = Unicode("toggle").tag(sync=True)
    setting: ClassVar[str] = "value"
    value = Bool().tag(sync=True)

    def __init__(self, value: bool = False, *, label: str, until: Control | None = None):
        super().__init__(value=value, label=label)
        self.until = until
        if until is not None:
            until.observe(lambda _: self.set_trait("value", False), "value")

    def settings(self) -> Sequence[bool]:
        """Return released and pressed."""
        return False, True


class Presses(Control):
    """A button that counts its presses, as `value` from 0 to `most`, and another button that resets it.

    Parameters
    ----------
    label
        The name of the button.
    most
        The highest count; after that it cannot be pressed.
    """

    kind = Unicode("presses").tag(sync=True)
    setting: ClassVar[str] = "value"
    most = Int().tag(sync=True)
    value = Int(0).tag(sync=True)

    def __init__(self, label: str, *, most: int):
        super().__init__(label=label, most=most)

    @validate("value")
    def _value_is_a_count(self, proposal: Any) -> int:
        if not 0 <= proposal["value"] <= self.most:
            raise TraitError(f"{self.label} must be from 0 to {self.most}, got {proposal['value']!r}")
        return proposal["value"]

    def settings(self) -> Sequence[int]:
        """Return every count."""
        return range(self.most + 1)


class OneOf(Control):
    """One of several values, each with a name; `value` and `index` follow each other.

    Parameters
    ----------
    options
        Values, which `str` names; or pairs ``(name, value)``; or a mapping from names to values.
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

    setting: ClassVar[str] = "index"
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

    def settings(self) -> Sequence[int]:
        """Return the place of each option."""
        return range(len(self._values))

    def value_at(self, setting: int) -> Any:
        """Return the option at a place."""
        return self._values[setting]


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
        Time from one step to the next while it plays; by default there is no Play button.
    """

    kind = Unicode("steps").tag(sync=True)
    milliseconds = Int(None, allow_none=True).tag(sync=True)

    def __init__(self, options: Options, value: Any = None, *, label: str, milliseconds: int | None = None):
        super().__init__(options, value, label=label, milliseconds=milliseconds)


def row(*controls: Control) -> ipywidgets.HBox:
    """Return the controls beside each other; in a narrow window, below one another."""
    box = ipywidgets.HBox(controls, layout={"flex_flow": "row wrap", "align_items": "center"})
    box.add_class("rx-beside")
    return box


def stack(*pictures: Picture) -> ipywidgets.HBox:
    """Return pictures of one size on top of each other, the first one at the bottom; see `plot_guesses`."""
    box = ipywidgets.HBox(pictures)
    box.add_class("rx-overlaid")
    return box


def follow(state: ExplorerState, make: Callable[..., Mapping[str, Any]], *controls: Control) -> None:
    """Make a state of the explorer follow controls; Reset then returns to what they choose.

    Parameters
    ----------
    state
        The state of the explorer.
    make
        Takes the values of the controls, and returns traits of the state by name.
    controls
        The controls on which these traits depend.
    """

    def opened(*values: Any) -> dict[str, Any]:
        made = dict(make(*values))
        return made | {"start": state.start | made}

    state.following = Following(state, opened, controls)
    state.following.start()
