"""The sources of scores that a view accepts: a model, any callable, or recorded score differences."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from rmlab.data import PreferencePair, PreferencePairs
from rmlab.evaluation import checked_differences

__all__ = ["as_pairs", "cut_by", "differences_of", "json_numbers", "length_score", "prompts_of", "scored"]


def length_score(prompts: Sequence[Any], responses: Sequence[str]) -> np.ndarray:
    """Score a response by its length alone, in hundreds of characters: the baseline that every reward model must beat.

    Returns
    -------
    Scores of shape ``(n,)``; they are not log-odds, so only their order means something.
    """
    return np.array([len(response) for response in responses], dtype=float) / 100


def as_pairs(pairs: Sequence[PreferencePair]) -> PreferencePairs:
    """Return pairs in a table, if they are not in one."""
    return pairs if isinstance(pairs, PreferencePairs) else PreferencePairs.from_list(pairs)


def differences_of(source: Any, pairs: PreferencePairs) -> np.ndarray:
    """Return score(chosen) - score(rejected) of each pair, float64 of shape ``(n_pairs,)``; see `scored`."""
    return scored(source, pairs)[0]


def scored(source: Any, pairs: PreferencePairs) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the score difference of each pair, and the scores themselves if they are known.

    Parameters
    ----------
    source
        A `RewardModel`, a callable from prompts and responses to one score each, or score differences.

    Returns
    -------
    Score(chosen) - score(rejected), float64 of shape ``(n_pairs,)``, and the scores, ``(2, n_pairs)`` with the chosen
    first; None if only the differences are given.

    Raises
    ------
    ValueError
        If there is not one finite score for each response, or one finite difference for each pair.
    """
    if len(pairs) == 0:
        return np.zeros(0), None
    scores = None
    if hasattr(source, "encode_pairs"):  # a RewardModel; importing it would import torch
        encoded = source.encode_pairs(pairs)
        scores = source.score_encoded(encoded.chosen.join(encoded.rejected)).reshape(2, -1)
    elif callable(source):
        prompts, chosen, rejected = (list(pairs.texts(side)) for side in ("prompt", "chosen", "rejected"))
        scores = np.asarray(source(prompts * 2, chosen + rejected), dtype=float)
        if scores.shape != (2 * len(pairs),):
            raise ValueError(
                f"a callable must give one score for each of {2 * len(pairs)} responses, shape "
                f"({2 * len(pairs)},), got {scores.shape}"
            )
        scores = scores.reshape(2, -1)
    differences = checked_differences(source if scores is None else scores[0] - scores[1])
    if len(differences) != len(pairs):
        raise ValueError(
            f"score_differences must hold one for each of the {len(pairs):,} pairs, got {len(differences):,}; give "
            "the pairs that were scored, in the same order"
        )
    return differences, scores


def cut_by(source: Any, pairs: PreferencePairs) -> tuple[np.ndarray, np.ndarray]:
    """Return which pairs a model reads only in part, and which look equal to it as a result; bool, ``(n_pairs,)`` each.

    Only a model cuts texts.
    """
    if len(pairs) == 0 or not hasattr(source, "encode_pairs"):
        return np.zeros(len(pairs), dtype=bool), np.zeros(len(pairs), dtype=bool)
    encoded = source.encode_pairs(pairs)
    lost = [side.prompt_tokens_cut + side.response_tokens_cut for side in (encoded.chosen, encoded.rejected)]
    cut = (lost[0] > 0) | (lost[1] > 0)
    return cut, cut & encoded.equal & ~encoded.same_text


def prompts_of(pairs: PreferencePairs) -> list[Hashable]:
    """Return a value for each pair, for `clusters`: the same for pairs of one prompt, or unique without a prompt."""
    return [text or i for i, text in enumerate(pairs.texts("prompt"))]


def json_numbers(values: np.ndarray) -> list[float]:
    """Return exact numbers for JSON; those from float32 have only the digits that identify them."""
    short = values.astype(np.float32)
    return [float(text) for text in short.astype(str)] if (short == values).all() else values.astype(float).tolist()
