"""The explorer as a widget of a notebook: one state, shown by one view or by several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import anywidget
from traitlets import Dict, Tuple, link

from rmlab.explorer.bundle import style, widget_module
from rmlab.explorer.presets import NUMBERS
from rmlab.explorer.state import ExplorerState, StateTraits

if TYPE_CHECKING:
    from rmlab.explorer.answers import Answers

__all__ = ["Explorer", "preference_curve"]


class Explorer(anywidget.AnyWidget, StateTraits):
    """Shows a state. Explorers that are given the same state follow each other.

    Parameters
    ----------
    state
        The state to show; every trait of it is also one of the widget.
    views
        Names of the views, in the order of their tabs.
    data
        The data that a view shows beside the state, by the name of the view; JSON.

    Attributes
    ----------
    answers
        The model that answers the state, if there is one.
    """

    _esm = widget_module()
    _css = style()
    views = Tuple().tag(sync=True)
    data = Dict().tag(sync=True)
    answers: Answers | None = None
    _links: list[link] = []  # noqa: RUF012

    def __init__(self, state: ExplorerState, views: Sequence[str], data: Mapping[str, Any] | None = None):
        super().__init__(views=tuple(views), data=dict(data or {}), **state.trait_values())
        self.state = state
        self._links = [link((state, name), (self, name)) for name in state.trait_names()]

    def __repr__(self) -> str:
        """Return what would be shown, for a notebook without a kernel."""
        a, b = ("none" if score is None else f"{score:+.2f}".replace("-", "−") for score in self.state.scores)
        scores = f" (A {a}, B {b})" if not self.data else ""  # a view of many pairs shows nothing about these two
        return f"Explorer: {', '.join(self.views)}{scores}. Run this cell to use it."

    def close(self) -> None:
        """Remove the widget, and release the state."""
        links, self._links = self._links, []  # ipywidgets closes a second time when the object is deleted
        for each in links:
            each.unlink()
        answers, self.answers = self.answers, None
        if answers is not None:
            answers.close()
        super().close()


def preference_curve(state: ExplorerState | None = None) -> Explorer:
    """Show two scores to move, the probability that their difference gives, and the loss of a judgement.

    Parameters
    ----------
    state
        A state to share with other views; by default a new one. A state without presets gets those of plain numbers.
    """
    state = ExplorerState() if state is None else state
    state.presets = state.presets or NUMBERS
    return Explorer(state, ("curve",))
