"""A lesson belongs to its reader: any control may be used, and every cell still runs and prints the same.

What the controls of each lesson show is recorded on the way: tests/browser/test_site_controls.py walks the pages.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bounds import BOUNDS
from lessons import NOTEBOOKS, Lesson
from recording import Recorder
from widgets import folder_of, is_whole, keep, library_hash

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))


@pytest.fixture(scope="module")
def library() -> str:
    """The hash of what the lessons compute with."""
    return library_hash()


@pytest.fixture
def folder(path: Path, library: str) -> Iterator[Path]:
    """Where what the controls of a lesson show is written; nothing is left of a lesson that fails."""
    folder = folder_of(path, library)
    shutil.rmtree(folder, ignore_errors=True)
    yield folder
    if not is_whole(folder):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_lesson_runs_on_however_its_controls_are_used(path: Path, folder: Path) -> None:
    lesson, recorder, answers = Lesson(path), Recorder(folder), dict[str, Any]()
    for cell in lesson.cells:
        lesson.run(cell.id)
        recorder.after_cell()
        asked = [one for one in lesson.predictions() if one.label not in answers]
        answers |= {one.label: answer for one in asked if (answer := one.answer()) is not None}
        if cell.id in BOUNDS:
            BOUNDS[cell.id](lesson)
        used = list(lesson.moves(cell))
        for move in [*used, *used[:1]]:  # and is left elsewhere than it began
            move()
    assert not lesson.differences()
    recorder.finish()
    shown = {cell_id: [one.model_id for one in widgets] for cell_id, widgets in lesson.widgets.items()}
    keep(folder, {cell_id: ids for cell_id, ids in shown.items() if ids})
    assert {one.label: one.answer() for one in lesson.predictions()} == answers, "the same whenever it is revealed"
    for cell in lesson.cells:  # all names are defined now, some of them for the second time
        for move in lesson.moves(cell):
            move()


def test_every_bound_is_of_a_cell_that_is_not_compared() -> None:
    cells = {cell.id: cell for path in PATHS for cell in nbformat.read(path, as_version=4).cells}
    assert not [cell_id for cell_id in BOUNDS if "nbval-ignore-output" not in cells[cell_id].metadata.get("tags", [])]
