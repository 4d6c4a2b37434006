"""Run a lesson in this process as its reader does: cell by cell, using the controls on the way.

    lesson = Lesson(NOTEBOOKS / "02_sigmoid.ipynb")
    lesson.run("sigmoid-03")            # up to the cell of this id
    lesson["reveal"].value = True
    lesson.run()                        # on to the end

What the cells print and show is kept in `Lesson.outputs`, so that it can be compared with what the notebook stores.
"""

import ast
import contextlib
import io
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import ipywidgets
import nbformat
from execute import PLACEHOLDER
from IPython.core import display_functions
from nbformat import NotebookNode
from reading import is_compared, python

from rmlab.course.patches import PatchView
from rmlab.explorer import Explorer, controls
from rmlab.explorer.judge_widget import JudgeView

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
Move = Callable[[], object]


class Lesson:
    """A notebook, the names that its cells have defined so far, and what each cell put out.

    Attributes
    ----------
    names
        The namespace of the cells.
    outputs
        The texts that a cell printed and showed, in order, by the id of the cell.
    widgets
        The widgets that a cell displayed, by the id of the cell.
    """

    def __init__(self, path: Path):
        self.path = path
        self.cells: list[NotebookNode] = [
            cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"
        ]
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.outputs: dict[str, list[str]] = {}
        self.widgets: dict[str, list[ipywidgets.Widget]] = {}
        self._n_run = 0
        self._cell, self._printed = "", io.StringIO()

    def __getitem__(self, name: str) -> Any:
        return self.names[name]

    def run(self, last: str | None = None) -> None:
        """Run the cells that have not run yet, up to the one with this id, or all of them."""
        if last is not None and last not in [cell.id for cell in self.cells]:
            raise KeyError(f"{self.path.name} has no code cell {last!r}")
        while self._n_run < len(self.cells):
            cell = self.cells[self._n_run]
            self.run_cell(cell)
            self._n_run += 1
            if cell.id == last:
                break

    def run_cell(self, cell: NotebookNode) -> None:
        """Run one cell, also one that has run before: as Jupyter does, show the value of its last line."""
        self._cell = cell.id
        self.outputs[cell.id], self.widgets[cell.id] = [], []
        name = f"{self.path.name}, cell {cell.id}"
        body = ast.parse(python(cell.source), name).body
        last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
        with (
            contextlib.chdir(self.path.parent),
            contextlib.redirect_stdout(self._printed),
            mock.patch.dict(os.environ, {"RMLAB_STORE": ":memory:"}),  # the labels of whoever tests are left alone
            mock.patch("IPython.display.display", self._display),
            mock.patch("IPython.core.display_functions.display", self._display),
        ):
            exec(compile(ast.Module(body, []), name, "exec"), self.names)
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), name, "eval"), self.names)
                if value is not None:
                    self._display(value)
        self._keep_printed()

    def _display(self, *objects: Any, update: bool = False, display_id: Any = None, **_: Any) -> Any:
        """Stand in for IPython's display; a lesson that imported it once goes on using this one."""
        self._keep_printed()
        for shown in objects:
            if isinstance(shown, ipywidgets.Widget):
                self.widgets[self._cell].append(shown)
                self.outputs[self._cell].append(PLACEHOLDER)
            elif hasattr(shown, "_ipython_display_"):  # it displays itself, as a verdict of a check does
                shown._ipython_display_()
            elif not update:
                self.outputs[self._cell].append(shown["text/plain"] if isinstance(shown, dict) else repr(shown))
        return display_functions.DisplayHandle(None if display_id is True else display_id) if display_id else None

    def _keep_printed(self) -> None:
        if text := self._printed.getvalue():
            self.outputs[self._cell].append(text)
            self._printed.seek(0)
            self._printed.truncate()

    def moves(self, cell: NotebookNode) -> Iterator[Move]:
        """Give what a reader can do with the controls that a cell displayed, one thing after another."""
        for widget in self.widgets.get(cell.id, []):
            yield from moves(widget)

    def predictions(self) -> Iterator[controls.Prediction]:
        """Give the predictions that the cells run so far have asked for."""
        for widgets in self.widgets.values():
            found = (one for widget in widgets for one in _with_children(widget))
            yield from (one for one in found if isinstance(one, controls.Prediction))

    def differences(self) -> list[str]:
        """Say which cells put out something else than the notebook stores, of those that nbval compares."""
        return [
            f"{self.path.name}, cell {cell.id}: expected {stored(cell)}, got {self.outputs[cell.id]}"
            for cell in self.cells[: self._n_run]
            if is_compared(cell) and stored(cell) != self.outputs[cell.id]
        ]


def _with_children(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _with_children(child)


def stored(cell: NotebookNode) -> list[str]:
    """Texts that a cell printed and showed when the notebook was executed, in order."""
    return [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]


def moves(widget: ipywidgets.Widget) -> Iterator[Move]:
    """Give what a reader can do with a control: both ends of a slider, options of a menu, each button.

    Raises
    ------
    TypeError
        If it is a control of a kind that no rule here knows, so that none is left out unseen.
    """
    if isinstance(widget, ipywidgets.Box):
        for child in widget.children:
            yield from moves(child)
    elif isinstance(widget, controls.Presses):
        yield from (_setting(widget, "value", count) for count in (1, 2, widget.most, 0))
    elif isinstance(widget, Explorer):
        yield from _explorer_moves(widget)
    elif isinstance(widget, PatchView):
        yield from _patch_moves(widget)
    elif isinstance(widget, controls.Prediction):
        yield from (partial(_predict, widget, getattr(widget, end)) for end in ("high", "low"))
        yield _setting(widget, "revealed", True)
    elif isinstance(widget, JudgeView):
        yield from (partial(widget.press, verdict) for verdict in ("left", "tie", "right", "undo", "skip"))
    elif widget.has_trait("index"):  # a menu, radio buttons, a slider over names
        n_options = len(getattr(widget, "names"))  # noqa: B009
        yield from (_setting(widget, "index", place) for place in sorted({n_options // 2, n_options - 1, 0}))
    elif widget.has_trait("high"):  # a slider
        yield from (_setting(widget, "value", getattr(widget, end)) for end in ("high", "low"))
    elif isinstance(getattr(widget, "value", None), bool):
        yield _setting(widget, "value", not getattr(widget, "value"))  # noqa: B009
    elif not isinstance(widget, controls.Picture | controls.Words):
        raise TypeError(f"no rule says how a reader uses {type(widget).__name__}: add one to {__name__}.moves")


def _predict(widget: controls.Prediction, value: float) -> None:
    """Say a value, where the answer is not shown: after that the view takes none."""
    if not widget.revealed:
        widget.value = value


def _setting(target: Any, name: str, value: object) -> Move:
    return lambda: setattr(target, name, value)


def _explorer_moves(explorer: Explorer) -> Iterator[Move]:
    """Drag the scores, judge otherwise, heat, reveal, choose each preset, and go back."""
    state = explorer.state
    for name, value in (("scores", (-3.5, 2.0)), ("winner", "b"), ("temperature", 3.0), ("revealed", True)):
        yield _setting(state, name, value)
    for preset in state.presets:
        for name, value in preset["state"].items():
            yield _setting(state, name, value)
    yield state.reset
    yield _setting(state, "scores", (0.25, 4.0))  # and leave it elsewhere


def _patch_moves(screen: PatchView) -> Iterator[Move]:
    """Begin the session, answer three questions, and leave it there."""
    yield lambda: screen.press(None)
    for _ in range(3):
        yield lambda: screen.press(1)
