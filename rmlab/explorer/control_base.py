"""The base of the controls of a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import anywidget
from traitlets import Unicode

from rmlab.explorer.bundle import style, widget_module

__all__ = ["Control"]


class Control(anywidget.AnyWidget):
    """The base of all controls: a kind, by which the browser draws it, and a name, which is shown and read aloud.

    Attributes
    ----------
    setting
        The name of the trait that the browser sets; "" if there is none.
    """

    _esm = widget_module("controls.js")
    _css = style()
    kind = Unicode().tag(sync=True)
    label = Unicode().tag(sync=True)
    setting: ClassVar[str] = ""
    value: Any

    def __repr__(self) -> str:
        """Return what would be shown, for a notebook without a kernel."""
        return f"{type(self).__name__} {self.label!r}. Run this cell to use it."

    def settings(self) -> Sequence[Any]:
        """Return every setting that the browser can choose, in order, the present one included."""
        raise NotImplementedError(f"{type(self).__name__} cannot be set, so no picture can depend on it")

    def value_at(self, setting: Any) -> Any:
        """Return the value of the control at one of its settings."""
        return setting
