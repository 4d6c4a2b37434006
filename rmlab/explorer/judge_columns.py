"""The data of the view Judge in a page without a kernel: the pairs that it shows, and their traits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from rmlab import __version__
from rmlab.data import PreferencePair, PreferencePairs
from rmlab.explorer.conversations import messages_of
from rmlab.explorer.pair_columns import text_columns
from rmlab.explorer.score_sources import as_pairs
from rmlab.labels import Questions, ask, traits_of

__all__ = ["MOST_QUESTIONS", "add_live_views", "judge_columns"]

MOST_QUESTIONS = 400
"""The most pairs that a page carries for judging: more than one reader judges in a day."""


def judge_columns(
    pairs: PreferencePairs | Sequence[PreferencePair], *, rater: str = "me", goal: int = 40, name: str = "pairs"
) -> dict[str, Any]:
    """Return what a page needs to let its reader judge pairs, for JSON.

    Parameters
    ----------
    pairs
        The pairs to judge; of more than 400, 400 are drawn at random.
    rater
        The name that is kept with the labels.
    goal
        The number of judgements after which the reader is told that the goal is reached; more are possible.
    name
        The name of the pairs; the name of the file of labels begins with it.

    Raises
    ------
    ValueError
        If no pair can be judged.
    """
    asked = ask(pairs)
    if len(asked) > MOST_QUESTIONS:
        drawn = np.random.default_rng(0).permutation(len(asked))[:MOST_QUESTIONS]
        asked = ask(asked.pairs.take(np.sort(drawn)))
    traits = traits_of(asked)
    differences = traits.differences * asked.signs()[:, None]  # the first response minus the second
    return {
        "questions": [_question(asked, place) for place in range(len(asked))],
        "traits": {"names": list(traits.names), "differences": differences.tolist()},
        "goal": min(goal, len(asked)),
        "rater": rater,
        "name": name,
        "key": blake2b("".join(asked.ids).encode(), digest_size=8).hexdigest(),  # under which a browser keeps labels
        "version": __version__,
    }


def add_live_views(
    views: Sequence[str], data: Mapping[str, Any], pairs: Sequence[PreferencePair], *, name: str = "pairs"
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the views and data of a page with Judge and Audit added, for a page in which a model answers.

    The model reads what the page holds, so the columns of the view of pairs get whole texts and, if the pairs are
    conversations, their messages. Judge is left out if no pair can be judged, as when each has two equal responses.

    Parameters
    ----------
    views, data
        The views and data of the page; see `rmlab.explorer.page.render_page`.
    pairs
        The pairs to judge.
    name
        The name of the pairs; see `judge_columns`.
    """
    try:
        judged = {"judge": judge_columns(pairs, name=name)}
    except ValueError:
        judged = {}
    return (*views, *judged, "audit"), {**data, **judged, **_as_read(data, as_pairs(pairs))}


def _as_read(data: Mapping[str, Any], pairs: PreferencePairs) -> dict[str, Any]:
    """Return the columns of pairs, if the page has them, with what a model reads: whole texts, or their messages."""
    if "pairs" not in data:
        return {}
    return {"pairs": {**data["pairs"], **text_columns(pairs, budget=None), "messages": messages_of(pairs)}}


def _question(asked: Questions, place: int) -> dict[str, Any]:
    pair = asked.pairs[place]
    sides = (pair.chosen, pair.rejected) if asked.chosen_is_first[place] else (pair.rejected, pair.chosen)
    one = {"id": asked.ids[place], "prompt": pair.prompt, "first": sides[0], "second": sides[1]}
    return one | {name: value for name, value in (("group", pair.group), ("item", pair.item)) if value is not None}
