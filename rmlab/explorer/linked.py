"""All views of one model on one set of pairs, linked through one state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rmlab.data import PreferencePair
from rmlab.datasets import course_model, course_pairs, load_course_scores, load_probe_presets
from rmlab.datasets.course_models import course_film_record
from rmlab.explorer.answers import Answers
from rmlab.explorer.comparison_columns import comparison_columns
from rmlab.explorer.film_frames import film_frames
from rmlab.explorer.optimise_views import optimise_data
from rmlab.explorer.pair_columns import pair_columns
from rmlab.explorer.pair_views import open_selected
from rmlab.explorer.presets import NUMBERS
from rmlab.explorer.probe_views import MODELS, probe_data
from rmlab.explorer.robustness_view import robustness_columns
from rmlab.explorer.score_sources import as_pairs, length_score
from rmlab.explorer.scorer import LoadedLater
from rmlab.explorer.state import ExplorerState
from rmlab.explorer.widget import Explorer
from rmlab.simulate.replies import ATTRIBUTES

if TYPE_CHECKING:
    from rmlab.audit import Robustness
    from rmlab.simulate.replies import SimulatedReplyPairs
    from rmlab.training import History

__all__ = ["QUESTION", "explore"]

QUESTION = "What does a reward model reward?"
"""The question on which it opens if nothing is given."""
PURPOSE = (
    "A reward model stands in for people's judgement: it reads a question and one answer, and gives that answer a "
    "number, its score. Chatbots are then trained to write answers that score high."
)
"""What a reward model is for, in plain words."""

NAMES = (MODELS["fair"], "fresh replies")
"""The names of the model and the pairs if nothing is given."""
OFF_THE_POINT = ("off_topic", "needless_refusal", "due_refusal", "complies")
"""Attributes of responses that nobody would choose, so that a choice against them tests nothing."""
OPENING_LENGTH = 160
"""The most characters of each response of the opening pair, so that both are read at a glance."""
RECORDED = f"recorded, of {MODELS['fair']}"
"""The origin of the scores until the model has answered."""
RECORDED_NOTE = (
    "The scores of these pairs were recorded when the course's models were made; the probe asks the model itself. "
    "“python -m rmlab.datasets scores” records them again."
)
SHORTER_RUN = "The film shows a shorter run than the model's: 200 steps, in which most of the learning happens."


def explore(
    model: Any = None,
    pairs: Sequence[PreferencePair] | None = None,
    *,
    history: History | None = None,
    robustness: Robustness | None = None,
    note: str | None = None,
    names: tuple[str, str] = NAMES,
    proxies: Mapping[str, Any] | None = None,
) -> Explorer:
    """Show a model on pairs in all views, linked: the pair selected in one view is shown in the others.

    It opens on the first pair. If neither a model nor pairs are given, it opens with a question, on a pair about which
    the course's model is sure, and shows recorded scores. A thread then loads the model, which answers when it can.

    Parameters
    ----------
    model
        A `RewardModel`, or a callable from n prompts and n responses to n scores; by default the course's.
    pairs
        By default pairs of replies to fresh questions (`rmlab.simulate.replies`), decided by a known judge.
    history
        The history of the run that trained the model, to show it as a film. By default there is one only if neither a
        model nor pairs are given: a shorter run of the course's model. Held-out pairs among `pairs` can be read.
    robustness
        The results of `rmlab.audit.robustness`, to show them as a view.
    note
        A sentence to show above the views, such as why there is no film.
    names
        The names of the model and the pairs, as shown.
    proxies
        Further proxies for the view Optimise; see `rmlab.explorer.optimise`. The view is there if these are given, or
        if neither a model nor pairs are.
    """
    by_default = model is None and pairs is None
    shorter_run = by_default and history is None
    simulated = course_pairs()
    table = as_pairs(simulated.pairs if pairs is None else pairs)
    second: tuple[str, Any] | None = None  # only a reward model: a length is no log-odds, and has no P
    if by_default:
        scorer: Any = LoadedLater(course_model)
        known, other, other_name = load_course_scores(), load_course_scores("flattered"), MODELS["flattered"]
        second = (other_name, LoadedLater(lambda: course_model("flattered")))
    else:
        known = scorer = course_model() if model is None else model
        other, other_name = length_score, "length alone"
    columns = pair_columns(known, table)
    filmed = None if history is None else film_frames(history, table)
    # pairs that a known run held out did not train it; the others may have
    fitted = filmed is not None and sum(row is not None for row in filmed["rows"]) < len(table)
    comparison = comparison_columns(columns["difference"], other, table, names=(names[0], other_name), fitted=fitted)
    data: dict[str, Any] = {"probe": probe_data(), "pairs": columns, "compare": comparison}
    if shorter_run:
        data["film"] = film_frames(course_film_record(), table)
        data["film"]["notes"].append(SHORTER_RUN)
    elif filmed is not None:
        data["film"] = filmed
    if by_default or proxies:
        data["optimise"] = optimise_data(proxies)
    if robustness is not None:
        data["robustness"] = robustness_columns(robustness)
    state = ExplorerState(presets=NUMBERS, view="path")
    open_selected(state, table, columns)
    if len(table):
        state.selection = _clear_pair(simulated, columns["difference"]) if by_default else 0
    views = ("path", "curve", *data)
    if by_default:
        state.scores_from = RECORDED
        columns["notes"].append(RECORDED_NOTE)
        data["opening"] = {"title": QUESTION, "purpose": PURPOSE, "fooled": _fooling(data["probe"]["presets"])}
    if note:
        data["note"] = note
    state.mark_start()
    explorer = Explorer(state, views, data)
    explorer.answers = Answers(state, scorer, names[0], second=second)
    return explorer


def _clear_pair(simulated: SimulatedReplyPairs, differences: Sequence[float]) -> int:
    """Return the place of the pair about which the model is surest, among those that are a fair test of the reader.

    The question is plain, both answers are on its topic and short, and the chosen one has nothing but the answer.
    """
    table = simulated.pairs
    lengths = np.maximum(table.lengths("chosen"), table.lengths("rejected"))
    chosen = simulated.attributes[:, 0, [name != "sentences" for name in ATTRIBUTES]].any(axis=1)
    silly = simulated.attributes[:, 1, [name in OFF_THE_POINT for name in ATTRIBUTES]].any(axis=1)
    clear = (np.array(table.groups) == "plain") & (lengths <= OPENING_LENGTH) & ~chosen & ~silly
    return int(np.argmax(np.where(clear, np.array(differences), -np.inf)))


def _fooling(presets: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the state of the preset that the twin gets most wrong, by the truth, and the model does not; or None."""

    def wrong(scores: Mapping[str, tuple[float, float]], judge: str) -> bool:
        return scores[judge][0] > scores[judge][1]

    fooling = [
        (preset.truth["fair"], shown["state"])
        for preset, shown in zip(load_probe_presets(), presets, strict=True)
        if max(preset.truth.values()) < 0 and wrong(preset.scores, "flattered") and not wrong(preset.scores, "fair")
    ]
    return min(fooling, key=lambda found: found[0])[1] if fooling else None
