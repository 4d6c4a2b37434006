"""The frames of the training film: the held-out pairs at each evaluation of a run, and the outputs of two heads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from rmlab.data import PreferencePair, pair_ids
from rmlab.explorer.score_sources import as_pairs, json_numbers

if TYPE_CHECKING:
    from rmlab.training import History

__all__ = ["film_frames", "head_outputs"]

BARS = 2048
"""The most bars side by side; with a larger vocabulary each shows the lowest and the highest of several outputs."""


def film_frames(history: History | Mapping[str, Any], pairs: Sequence[PreferencePair] | None = None) -> dict[str, Any]:
    """Return what the training film shows, for JSON: one frame for each evaluation of the held-out pairs.

    Parameters
    ----------
    history
        The history of a run with held-out pairs, or what `History.to_dict` returned of it.
    pairs
        Pairs among which the held-out ones are found by their texts, so that a followed one can be read; others may be
        among them. By default none can be read.

    Returns
    -------
    ``steps`` of the frames; ``differences`` of each, in nats, ``(n_frames, n_pairs)``; ``evaluations``, with accuracy,
    log loss and the bins of the calibration; ``training``, the loss of each step's batch; ``rows``, the place of each
    held-out pair among `pairs`, None for one that is not there; ``followed``, the pair to begin with: the one with the
    median difference at the end; ``notes``, sentences.

    Raises
    ------
    ValueError
        If the history holds no held-out evaluation, or one without its differences.
    """
    record = history if isinstance(history, Mapping) else _record(history)
    evaluations = record["evaluations"]
    if not evaluations:
        raise ValueError(
            "the history holds no held-out evaluations, which are the frames of the film: give held_out pairs to train "
            "or training_steps, and evaluate_every for more frames than the first and the last"
        )
    counts = sorted({len(one.get("score_differences", ())) for one in evaluations})
    if counts == [0]:
        raise ValueError(
            "the history holds the figures of its held-out evaluations but not the differences, which are the frames "
            "of the film. It was written by an older rmlab; train again for a film"
        )
    if len(counts) > 1:
        raise ValueError(f"every evaluation must be of the same held-out pairs, got {counts} differences")
    frames = np.array([one["score_differences"] for one in evaluations], dtype=float)  # (n_frames, n_pairs)
    if not np.isfinite(frames).all():
        at = evaluations[int(np.argmin(np.isfinite(frames).all(axis=1)))]["step"]
        raise ValueError(f"held-out differences must be finite, got NaN or infinity at step {at}")
    last = frames[-1]
    rows = _rows(list(record["held_out_ids"]), pairs)
    return {
        "steps": [one["step"] for one in evaluations],
        "differences": [json_numbers(frame) for frame in frames],
        "evaluations": [_shown(one) for one in evaluations],
        "training": {
            "step": [step["step"] for step in record["steps"]],
            "loss": json_numbers(np.array([step["loss"] for step in record["steps"]])),
        },
        "rows": rows or [None] * frames.shape[1],
        "followed": int(np.argsort(last, kind="stable")[(len(last) - 1) // 2]),
        "notes": list(_notes(evaluations[0]["n_pairs"], frames.shape[1], rows, pairs is not None)),
    }


def _record(history: History) -> dict[str, Any]:
    """Return what a film needs of a history, under the names that `History.to_dict` gives it."""
    evaluations = [
        {"step": one.step, **one.evaluation.to_dict(), "score_differences": one.score_differences}
        for one in history.evaluations
    ]
    return {
        "evaluations": evaluations,
        "steps": [{"step": step.step, "loss": step.loss} for step in history.steps],
        "held_out_ids": history.held_out_ids,
    }


def _shown(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    names = ("n_pairs", "n_ties", "accuracy", "accuracy_interval", "log_loss", "calibration", "calibration_error")
    return {name: evaluation[name] for name in names}


def _rows(ids: list[str], pairs: Sequence[PreferencePair] | None) -> list[int | None]:
    """Return the positions of pairs with these names, each used once; None for a name that is not there."""
    places: dict[str, list[int]] = {}
    if pairs is not None and ids:
        for row, name in enumerate(pair_ids(as_pairs(pairs))):
            places.setdefault(name, []).append(row)
    return [places[name].pop(0) if places.get(name) else None for name in ids]


def _notes(n_pairs: int, n_shown: int, rows: list[int | None], looked_for: bool) -> Iterator[str]:
    if n_shown < n_pairs:
        yield (
            f"A random sample of {n_shown:,} of the {n_pairs:,} held-out pairs is shown, since the file of the "
            "run keeps no more; accuracy, log loss and calibration are of all."
        )
    found = sum(row is not None for row in rows)
    if looked_for and found < n_shown:
        which = "None" if found == 0 else f"Only {found:,}"
        yield (
            f"{which} of the {n_shown:,} held-out pairs shown are among the pairs given here: the others can be "
            "followed but not read. Give the pairs that the model was trained from."
        )


def head_outputs(next_token: ArrayLike, score: float, tokens: Sequence[str]) -> dict[str, Any]:
    """Return the outputs of two heads on one hidden vector: a number for each next token, or one for the text.

    Parameters
    ----------
    next_token
        The outputs of the vocabulary head, ``(vocabulary,)``.
    score
        The output of the reward head.
    tokens
        The text of each token, ``(vocabulary,)``.

    Returns
    -------
    ``n_tokens``; ``lowest`` and ``highest`` output of each bar; ``named``, the largest output in each third, with its
    token; ``most_probable``, the tokens with the five largest outputs, in order; ``score``.
    """
    outputs = np.asarray(next_token, dtype=float)
    if outputs.ndim != 1 or len(outputs) != len(tokens) or len(outputs) < 3:
        raise ValueError(
            f"next_token must have shape (vocabulary,) with one text in tokens for each, got {outputs.shape} and "
            f"{len(tokens)} tokens"
        )
    if not (np.isfinite(outputs).all() and np.isfinite(score)):
        raise ValueError("the outputs of a head must be finite, got NaN or infinity")
    edges = np.linspace(0, len(outputs), min(len(outputs), BARS) + 1).astype(int)  # as evenly as the axis is drawn
    parts = np.split(outputs, edges[1:-1])
    thirds = np.array_split(np.arange(len(outputs)), 3)
    highest = [int(third[outputs[third].argmax()]) for third in thirds]
    return {
        "n_tokens": len(outputs),
        "lowest": json_numbers(np.array([part.min() for part in parts])),
        "highest": json_numbers(np.array([part.max() for part in parts])),
        "named": [{"id": i, "token": tokens[i], "output": float(outputs[i])} for i in highest],
        "most_probable": [tokens[i] for i in np.argsort(-outputs, kind="stable")[:5]],
        "score": float(score),
    }
