"""The base of the controls of a notebook."""

from __future__ import annotations

import anywidget
from traitlets import Unicode

from rmlab.explorer.bundle import style, widget_module

__all__ = ["Control"]


class Control(anywidget.AnyWidget):
    """The base of all controls: a kind, by which the browser draws it, and a name to see and for a screen reader."""

    _esm = widget_module("controls.js")
    _css = style()
    kind = Unicode().tag(sync=True)
    label = Unicode().tag(sync=True)

    def __repr__(self) -> str:
        """Return what would be shown, for a notebook without a kernel."""
        return f"{type(self).__name__} {self.label!r}. Run this cell to use it."
