"""Pictures, words and states of the explorer that depend on controls: each is a function of their values.

In a notebook the function is called whenever a control changes. On a page without a kernel it was called beforehand,
for every setting of the controls: see ``docs/site/recording.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from traitlets import HasTraits, Tuple, Unicode

from rmlab.explorer.control_base import Control

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Drawn = Axes | Figure | tuple[Axes | Figure, str] | None

__all__ = ["Following", "Picture", "Words"]


@dataclass(frozen=True, eq=False)
class Following:
    """Traits of `target` that are a function of the values of controls.

    Parameters
    ----------
    target
        A widget, or a state of the explorer.
    make
        A function from the values of the controls, in their order, to the traits by name; it changes nothing.
    controls
        The controls on which the traits depend.
    """

    target: HasTraits
    make: Callable[..., Mapping[str, Any]]
    controls: tuple[Control, ...]

    def start(self) -> None:
        """Set the traits, now and at every change of a control."""
        self.update()
        for control in self.controls:
            control.observe(self.update, "value")

    def update(self, _: Any = None) -> None:
        """Set the traits for the present values of the controls."""
        made = self.make(*(control.value for control in self.controls))
        held = self.target.hold_sync if isinstance(self.target, Control) else self.target.hold_trait_notifications
        with held():
            for name, value in made.items():
                setattr(self.target, name, value)


class Picture(Control):
    """A picture, drawn again whenever a control changes.

    Parameters
    ----------
    draw
        Takes the values of the controls, and returns a picture of `rmlab.plots`; or any picture and its alt text; or
        None, for no picture. It is also called for settings other than the present ones.
    controls
        What it depends on.

    Attributes
    ----------
    value
        What it shows, in words: its alt text.
    source
        The address of the image: the image itself, as a ``data:`` address; "" for none.
    size
        Width and height at which it is shown, in pixels.
    """

    kind = Unicode("picture").tag(sync=True)
    source = Unicode().tag(sync=True)
    value = Unicode().tag(sync=True)
    size = Tuple().tag(sync=True)

    def __init__(self, draw: Callable[..., Drawn], *controls: Control):
        super().__init__()
        self.following = Following(self, lambda *values: _shown(draw(*values)), controls)
        self.following.start()


class Words(Control):
    """A line or two of plain text, written again whenever a control changes.

    Parameters
    ----------
    say
        A function from the values of the controls to the text; or the text, if it depends on none.
    controls
        What it depends on.
    """

    kind = Unicode("words").tag(sync=True)
    value = Unicode().tag(sync=True)

    def __init__(self, say: Callable[..., str] | str, *controls: Control):
        super().__init__()
        self.following = Following(
            self, lambda *values: {"value": say if isinstance(say, str) else say(*values)}, controls
        )
        self.following.start()


def _shown(drawn: Drawn) -> dict[str, Any]:
    from rmlab.plots.display import describe, encode

    if drawn is None:
        return {"source": "", "size": (), "value": ""}
    picture, alt = drawn if isinstance(drawn, tuple) else (drawn, describe(drawn))
    png, size = encode(picture)
    return {"source": f"data:image/png;base64,{png}", "size": size, "value": alt}
