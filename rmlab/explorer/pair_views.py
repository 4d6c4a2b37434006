"""The views of many pairs, as widgets: pairs, training film, two heads, two models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from rmlab.data import PreferencePair, PreferencePairs
from rmlab.explorer.comparison_columns import comparison_columns
from rmlab.explorer.conversations import Conversations
from rmlab.explorer.film_frames import film_frames, head_outputs
from rmlab.explorer.pair_columns import pair_columns, text_columns
from rmlab.explorer.score_sources import as_pairs, json_numbers, scored
from rmlab.explorer.state import ExplorerState
from rmlab.explorer.widget import Explorer

if TYPE_CHECKING:
    from rmlab.training import History

__all__ = ["compare", "film", "heads", "open_selected", "pairs"]


def pairs(
    model_or_differences: Any, pairs: Sequence[PreferencePair], *, state: ExplorerState | None = None
) -> Explorer:
    """Show preference pairs as a table, and pictures of the scores that a model gives them.

    The pictures are the distribution of the score differences, the differences against length, and the calibration
    curve. Raw scores are not shown, since those of different prompts cannot be compared. A pair that is selected in one
    picture is selected in all. Its texts become those of the state, and so of a probe that shares the state.

    Parameters
    ----------
    model_or_differences
        A `RewardModel`, a callable from n prompts and n responses to n scores, or score differences in log-odds
        (nats), ``(n_pairs,)``, such as those of `rmlab.datasets.load_recorded`.
    pairs
        The pairs, in the order of the differences. If there are none, the view says so.
    state
        A state to share with other views of the same pairs; by default the view has its own.

    Raises
    ------
    ValueError
        If there is not one finite score difference for each pair.
    """
    table = as_pairs(pairs)
    state = ExplorerState() if state is None else state
    columns = pair_columns(model_or_differences, table)
    open_selected(state, table, columns)
    return Explorer(state, ("pairs",), {"pairs": columns})


def film(
    history: History,
    pairs: Sequence[PreferencePair] | None = None,
    *,
    head: dict[str, Any] | None = None,
    state: ExplorerState | None = None,
) -> Explorer:
    """Show a training run as a film: the score differences of the held-out pairs at each evaluation.

    Parameters
    ----------
    history
        The history of a run with held-out pairs. Each evaluation is a frame, so choose `TrainingConfig.evaluate_every`.
        Between two frames a pair moves along a straight line; figures are always those of a frame.
    pairs
        The held-out pairs, so that the followed one can be read. Others may be among them.
    head
        The result of `head_outputs`, to show the two heads of a decoder beside the film.
    state
        A state to share with other views of the same pairs; by default the view has its own.

    Raises
    ------
    ValueError
        If the history holds no held-out evaluation, or one without its differences.
    """
    data: dict[str, Any] = {"film": film_frames(history, pairs)}
    if pairs is not None:
        data["pairs"] = text_columns(as_pairs(pairs))
    if head is not None:
        data["head"] = head
    views = ("film", "head") if head is not None else ("film",)
    return Explorer(ExplorerState() if state is None else state, views, data)


def heads(
    next_token: ArrayLike, score: float, tokens: Sequence[str], *, state: ExplorerState | None = None
) -> Explorer:
    """Show what two heads compute from one hidden vector: a number for each possible next token, or a single one.

    Parameters
    ----------
    next_token
        The outputs of the vocabulary head, ``(vocabulary,)``.
    score
        The output of the reward head.
    tokens
        The text of each token, ``(vocabulary,)``.
    state
        A state to share with other views; by default the view has its own.
    """
    data = {"head": head_outputs(next_token, score, tokens)}
    return Explorer(ExplorerState() if state is None else state, ("head",), data)


def compare(
    a: Any,
    b: Any,
    pairs: Sequence[PreferencePair],
    *,
    names: tuple[str, str] = ("A", "B"),
    state: ExplorerState | None = None,
) -> Explorer:
    """Show the same pairs under two models: side by side, where they disagree, and whether one is better.

    Score differences are divided by the scale of their model before they are compared. The test is the paired test of
    `rmlab.compare_models`, in which ties count one half and pairs of one prompt are taken together.

    Parameters
    ----------
    a, b
        Each a model, a callable or score differences, as for `pairs`; `length_score` scores by length alone.
    pairs
        The pairs that both were given.
    names
        The names of the two, as shown.
    state
        A state to share with other views of the same pairs; by default the view has its own.

    Raises
    ------
    ValueError
        If there is not one finite score difference for each pair under both.
    """
    table = as_pairs(pairs)
    state = ExplorerState() if state is None else state
    differences, scores = scored(a, table)
    known = {
        "difference": json_numbers(differences),
        "scores": None if scores is None else [json_numbers(side) for side in scores],
    }
    open_selected(state, table, known)
    data = {
        "pairs": {**text_columns(table), **known},
        "compare": comparison_columns(differences, b, table, names=names),
    }
    return Explorer(state, ("compare",), data)


def open_selected(state: ExplorerState, pairs: PreferencePairs, columns: Mapping[str, Any]) -> None:
    """Keep the texts and scores of a state at those of its selected pair, with whole texts and the chosen one first.

    If the pairs are conversations, a model that answers the state reads their messages.

    `columns` hold the ``scores`` of the pairs. If these are None, the chosen response gets the ``difference`` as its
    score, and the other 0.
    """
    prompts, chosen, rejected = (list(pairs.texts(side)) for side in ("prompt", "chosen", "rejected"))
    state.conversations = Conversations.of(pairs)

    def follow(_: Any) -> None:
        row = state.selection
        if row is None or not 0 <= row < len(pairs):
            return
        with state.hold_trait_notifications():
            state.prompt, state.response_a, state.response_b = prompts[row], chosen[row], rejected[row]
            state.winner = "tie" if pairs[row].tied else "a"
            if columns["scores"] is None:
                state.scores = (columns["difference"][row], 0.0)
                state.scores_from = f"of pair {row + 1}, with B put at 0"
            else:
                state.scores = tuple(side[row] for side in columns["scores"])
                state.scores_from = f"of pair {row + 1}"

    state.observe(follow, ["selection", "picks"])
