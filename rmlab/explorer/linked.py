"""All views of one model on one set of pairs, linked through one state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rmlab.data import PreferencePair, PreferencePairs
from rmlab.datasets import course_model, course_pairs, load_course_film
from rmlab.explorer.answers import Answers
from rmlab.explorer.comparison_columns import comparison_columns
from rmlab.explorer.film_frames import film_frames
from rmlab.explorer.optimise_views import optimise_data
from rmlab.explorer.pair_columns import pair_columns
from rmlab.explorer.pair_views import open_selected
from rmlab.explorer.presets import NUMBERS
from rmlab.explorer.probe_views import probe_data
from rmlab.explorer.score_sources import as_pairs, length_score
from rmlab.explorer.state import ExplorerState
from rmlab.explorer.widget import Explorer

if TYPE_CHECKING:
    from rmlab.training import History

__all__ = ["explore"]

NAMES = ("the course's model", "fresh replies")
"""Of what is shown where nothing is given."""
OPENING_LENGTH = 160
"""Characters of each response of the pair to open on, at most: both are read at a glance."""
SHORTER_RUN = "The film is of a shorter run than that of the model: 200 steps, in which most of it is learned."


def explore(
    model: Any = None,
    pairs: Sequence[PreferencePair] | None = None,
    *,
    history: History | None = None,
    note: str | None = None,
    names: tuple[str, str] = NAMES,
    proxies: Mapping[str, Any] | None = None,
) -> Explorer:
    """Show a model on pairs in all views, linked: the pair selected in one view is shown in the others.

    It opens on the first pair, or, where no pairs are given, on one of which the course's model is sure.

    Parameters
    ----------
    model
        A `RewardModel`, or a callable from n prompts and n responses to n scores; by default the course's.
    pairs
        By default pairs of replies to fresh questions (`rmlab.simulate.replies`), which a known judge decided.
    history
        The history of the run that trained the model, to show it as a film; by default that of the course's model,
        where it is shown on its own pairs. Held-out pairs of the run that are among `pairs` can be read there.
    note
        A sentence above the views, such as why there is no film.
    names
        The names of the model and the pairs, as shown.
    proxies
        What else can be optimised in the view Optimise, which is there for the course's model, or where these are
        given; see `rmlab.explorer.optimise`.
    """
    by_default = model is None and pairs is None
    shorter_run = by_default and history is None
    if shorter_run:
        history = load_course_film()
    model = course_model() if model is None else model
    table = as_pairs(course_pairs().pairs if pairs is None else pairs)
    columns = pair_columns(model, table)
    other, other_name = (
        (course_model("flattered"), "its flattered twin") if by_default else (length_score, "length alone")
    )
    comparison = comparison_columns(columns["difference"], other, table, names=(names[0], other_name))
    data: dict[str, Any] = {"probe": probe_data(), "pairs": columns, "compare": comparison}
    if history is not None:
        data["film"] = film_frames(history, table)
        if shorter_run:
            data["film"]["notes"].append(SHORTER_RUN)
    if by_default or proxies:
        data["optimise"] = optimise_data(proxies)
    state = ExplorerState(presets=NUMBERS, view="path")
    open_selected(state, table, columns)
    if len(table):
        state.selection = _clear_pair(table, columns["difference"]) if by_default else 0
    state.mark_start()
    views = ("path", "curve", *data)
    if note:
        data["note"] = note
    explorer = Explorer(state, views, data)
    explorer.answers = Answers(state, model, names[0])
    return explorer


def _clear_pair(table: PreferencePairs, differences: Sequence[float]) -> int:
    """Return the place of the plain question with short responses of which the model is surest."""
    d = np.array(differences)
    lengths = np.maximum(table.lengths("chosen"), table.lengths("rejected"))
    plain = np.array(table.groups) == "plain"
    return int(np.argmax(np.where(plain & (lengths <= OPENING_LENGTH), d, -np.inf)))
