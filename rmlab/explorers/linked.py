"""All views of one model on one set of pairs, linked through one state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rmlab.data import PreferencePair
from rmlab.datasets import course_model, load_everyday
from rmlab.explorers.answers import Answers
from rmlab.explorers.comparison_columns import comparison_columns
from rmlab.explorers.film_frames import film_frames
from rmlab.explorers.pair_columns import pair_columns
from rmlab.explorers.pair_views import open_selected
from rmlab.explorers.presets import NUMBERS
from rmlab.explorers.probe_views import probe_data
from rmlab.explorers.scoring import as_pairs, length_score
from rmlab.explorers.state import ExplorerState
from rmlab.explorers.widget import Explorer

if TYPE_CHECKING:
    from rmlab.training import History

__all__ = ["explore"]

FITTED_TO_THEM = (
    "The course's model was fitted to these very pairs: how often it agrees with them says nothing of pairs that it has"
    " not seen."
)


def explore(
    model: Any = None,
    pairs: Sequence[PreferencePair] | None = None,
    *,
    history: History | None = None,
    note: str | None = None,
    names: tuple[str, str] = ("the course's model", "everyday"),
) -> Explorer:
    """Show a model on pairs in all views, linked: the pair selected in one view is shown in the others.

    It opens on the first pair.

    Parameters
    ----------
    model
        A `RewardModel`, or a callable from n prompts and n responses to n scores; by default the course's.
    pairs
        By default `everyday`. If both are left out, a sentence above the views says that the model was fitted to
        these pairs.
    history
        The history of the run that trained the model, to show it as a film. Held-out pairs of the run that are among
        `pairs` can be read there.
    note
        A sentence above the views, such as why there is no film.
    names
        The names of the model and the pairs, as shown.
    """
    fitted_to_them = model is None and pairs is None
    model = course_model() if model is None else model
    table = as_pairs(load_everyday() if pairs is None else pairs)
    columns = pair_columns(model, table)
    against_length = comparison_columns(columns["difference"], length_score, table, names=(names[0], "length alone"))
    data: dict[str, Any] = {"probe": probe_data(), "pairs": columns, "compare": against_length}
    if history is not None:
        data["film"] = film_frames(history, table)
    state = ExplorerState(presets=NUMBERS, view="path")
    open_selected(state, table, columns)
    state.selection = 0 if len(table) else None
    state.mark_start()
    views = ("path", "curve", *data)
    notes = [*([FITTED_TO_THEM] if fitted_to_them else []), *([note] if note else [])]
    if notes:
        data["note"] = " ".join(notes)
    explorer = Explorer(state, views, data)
    explorer.answers = Answers(state, model, names[0])
    return explorer
