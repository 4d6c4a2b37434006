"""Scores of many distinct texts, each made once; a text on which the model fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from rmlab.audit.audited_model import Text, first_line
from rmlab.model import RewardModel

__all__ = ["Score", "score_each", "scorer_of"]

Score = Callable[[Any, Any], Any]
"""Takes n prompts and n responses; returns n scores in nats."""
CHUNK = 2048


def scorer_of(model: Any, *, revision: str | None = None, max_length: int | None = None) -> tuple[Score, str]:
    """Return a function from prompts and responses to scores, and the name of the model.

    Parameters
    ----------
    model
        A `RewardModel`, a folder, hub id or short name of one, or such a function.
    revision, max_length
        Revision and longest sequence of a model that is loaded here.
    """
    if isinstance(model, str | Path):
        loaded = RewardModel.from_pretrained(model, revision=revision, max_length=max_length, fresh_head=False)
        return loaded.score, str(model)
    if isinstance(model, RewardModel):
        return model.score, f"RewardModel on {type(model.network).__name__}"
    if callable(model):
        return model, getattr(model, "__name__", type(model).__name__)
    raise TypeError(
        f"expected a RewardModel, a folder, a hub id or a function of prompts and responses, got {type(model).__name__}"
    )


def score_each(score: Score, texts: Sequence[Text], *, progress: bool = False) -> tuple[np.ndarray, dict[int, str]]:
    """Score texts in large parts; where a part fails, halve it until the texts that fail are found.

    Returns
    -------
    Scores, float64 of shape ``(n_texts,)``, NaN where there is none, and what was wrong with each of those.
    """
    scores = np.full(len(texts), np.nan)
    wrong: dict[int, str] = {}
    with tqdm(total=len(texts), desc="scoring", unit="text", disable=not progress) as bar:
        parts = [np.arange(start, min(start + CHUNK, len(texts))) for start in range(0, len(texts), CHUNK)][::-1]
        while parts:
            part = parts.pop()
            try:
                made = score(*map(list, zip(*(texts[int(i)] for i in part), strict=True)))
            except Exception as error:  # whatever a model of somebody else may raise
                if len(part) > 1:
                    parts += [part[len(part) // 2 :], part[: len(part) // 2]]
                    continue
                made = [np.nan]
                wrong[int(part[0])] = first_line(error)
            scores[part] = _checked(made, len(part))
            bar.update(len(part))
    for i in np.flatnonzero(~np.isfinite(scores)):
        wrong.setdefault(int(i), f"the score is {scores[i]}")
    scores[list(wrong)] = np.nan
    return scores, wrong


def _checked(made: Any, n: int) -> np.ndarray:
    scores = np.asarray(made, dtype=float)
    if scores.shape != (n,):
        raise ValueError(f"a model must give one score for each of {n} texts, shape ({n},), got shape {scores.shape}")
    return scores
