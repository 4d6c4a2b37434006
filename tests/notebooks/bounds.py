"""What must hold of cells whose output nbval does not compare, because it differs between machines.

A function for each, under the id of its cell; `test_lessons` calls it when the cell has run.
"""

from collections.abc import Callable

from lessons import Lesson

Bound = Callable[[Lesson], None]
BOUNDS: dict[str, Bound] = {}


def bound(cell_id: str) -> Callable[[Bound], Bound]:
    """Keep a function as the bound of a cell."""

    def keep(function: Bound) -> Bound:
        if cell_id in BOUNDS:
            raise ValueError(f"cell {cell_id} has a bound already")
        BOUNDS[cell_id] = function
        return function

    return keep


@bound("start-12")
def training_separates_the_pairs(lesson: Lesson) -> None:
    assert lesson["run"].steps[-1].loss < 0.3 < lesson["run"].steps[0].loss


@bound("start-19")
def the_model_agrees_with_most_labels(lesson: Lesson) -> None:
    assert 14 <= lesson["agreed"] <= len(lesson["scored"]) == 18
