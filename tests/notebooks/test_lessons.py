"""A lesson belongs to its reader: any control may be used, and every cell still runs and prints the same."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from bounds import BOUNDS
from lessons import NOTEBOOKS, Lesson

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_lesson_runs_on_however_its_controls_are_used(path: Path) -> None:
    lesson, answers = Lesson(path), dict[str, Any]()
    for cell in lesson.cells:
        lesson.run(cell.id)
        asked = [one for one in lesson.predictions() if one.label not in answers]
        answers |= {one.label: answer for one in asked if (answer := one.answer()) is not None}
        if cell.id in BOUNDS:
            BOUNDS[cell.id](lesson)
        used = list(lesson.moves(cell))
        for move in [*used, *used[:1]]:  # and is left elsewhere than it began
            move()
    assert not lesson.differences()
    assert {one.label: one.answer() for one in lesson.predictions()} == answers, "the same whenever it is revealed"
    for cell in lesson.cells:  # all names are defined now, some of them for the second time
        for move in lesson.moves(cell):
            move()


def test_every_bound_is_of_a_cell_that_is_not_compared() -> None:
    cells = {cell.id: cell for path in PATHS for cell in nbformat.read(path, as_version=4).cells}
    assert not [cell_id for cell_id in BOUNDS if "nbval-ignore-output" not in cells[cell_id].metadata.get("tags", [])]
