"""All views of one model on one set of pairs, linked through one state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rmlab.data import PreferencePair
from rmlab.datasets import course_model, load_everyday
from rmlab.explorers.presets import NUMBERS
from rmlab.explorers.state import ExplorerState
from rmlab.explorers.widget import Explorer

if TYPE_CHECKING:
    from rmlab.model import RewardModel

__all__ = ["explore"]


def explore(
    model: RewardModel | None = None,
    pairs: Sequence[PreferencePair] | None = None,
    *,
    names: tuple[str, str] = ("the course's model", "everyday"),
) -> Explorer:
    """Show a model on pairs in all views.

    Parameters
    ----------
    model
        By default the course's.
    pairs
        By default `everyday`.
    names
        What to call the model and the pairs.
    """
    model = course_model() if model is None else model
    pairs = load_everyday() if pairs is None else pairs
    return Explorer(ExplorerState(presets=NUMBERS, model=names[0]), ("curve",))
