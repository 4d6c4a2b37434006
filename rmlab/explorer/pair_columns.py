"""The columns of the pairs view: the data of each pair, and of all pairs together."""

from __future__ import annotations

import zlib
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np

from rmlab.data import PreferencePair, PreferencePairs
from rmlab.data.quality.flags import find_unusable
from rmlab.evaluation import evaluate
from rmlab.explorer.score_sources import as_pairs, cut_by, json_numbers, prompts_of, scored
from rmlab.preference import preference_loss

__all__ = ["TEXT_BUDGET", "pair_columns", "text_columns"]

TEXT_BUDGET = 2000
"""The most bytes of text of a pair in a page, on average: 2,000 pairs then stay within 4 MB."""


def pair_columns(scores: Any, pairs: Sequence[PreferencePair], *, n_bins: int = 10) -> dict[str, Any]:
    """Return what the pairs view shows, for JSON: one list of length n_pairs for each column, and the summary.

    Parameters
    ----------
    scores
        A model, a callable from prompts and responses to scores, or score differences in nats, ``(n_pairs,)``.
    pairs
        May be empty; the view then says so.
    n_bins
        The number of bins of the calibration curve.

    Returns
    -------
    ``difference`` (nats); ``scores``, those of the chosen and of the rejected responses, None if only differences
    are known; ``length_difference`` (characters, chosen minus rejected); ``disagreement``, the loss of the pair in
    nats; ``prompt``, ``chosen``, ``rejected``, ``whole`` and ``text_note``, as `text_columns` gives them;
    ``cluster``, equal for pairs of one prompt; ``group``, a place in ``groups`` or -1; ``flags``, lists of the pairs
    that are tied (by the raters), empty, equal, cut, or made equal by cutting; ``evaluation``, that of `rmlab.evaluate`
    on the pairs that were not tied, by prompt; ``notes``, sentences.

    Raises
    ------
    ValueError
        If there is not one finite score difference for each pair.
    """
    table = as_pairs(pairs)
    d, both = scored(scores, table)
    tied, empty, equal = find_unusable(table)
    cut, made_equal = cut_by(scores, table)
    flags = {
        "tied": tied,
        "empty": empty,
        "equal": equal,
        "cut": cut,
        "made equal by cutting": made_equal,
    }
    groups = [group for group in dict.fromkeys(table.groups) if group is not None]
    code = {group: i for i, group in enumerate(groups)}
    decided = table.decided
    evaluation = _evaluation(d[decided], table.take(decided), n_bins) if decided.any() else None
    return {
        "n_pairs": len(table),
        "difference": json_numbers(d),
        "scores": None if both is None else [json_numbers(side) for side in both],
        "length_difference": (table.lengths("chosen") - table.lengths("rejected")).tolist(),
        # a tie is a label that is half wrong, whichever response was written first
        "disagreement": json_numbers(np.where(tied, preference_loss(d, label_smoothing=0.5), preference_loss(d))),
        "cluster": _codes(prompts_of(table)),
        "group": [-1 if group is None else code[group] for group in table.groups],
        "groups": groups,
        **text_columns(table),
        "flags": {name: np.flatnonzero(mask).tolist() for name, mask in flags.items()},
        "evaluation": evaluation,
        "notes": list(_notes(table, flags, evaluation)),
    }


def _codes(values: list[Hashable]) -> list[int]:
    """Return a number for each value, the same for equal values, from 0 in the order of their first appearance."""
    code = {value: i for i, value in enumerate(dict.fromkeys(values))}
    return [code[value] for value in values]


def _evaluation(d: np.ndarray, pairs: PreferencePairs, n_bins: int) -> dict[str, Any]:
    found = evaluate(d, clusters=prompts_of(pairs), n_bins=n_bins).to_dict()
    return {name: value for name, value in found.items() if name not in ("groups", "length_bins", "length_baseline")}


def text_columns(pairs: PreferencePairs, *, budget: int | None = TEXT_BUDGET) -> dict[str, Any]:
    """Return the three texts of each pair, the longest cut so that all stay within the budget.

    ``whole`` holds the CRC-32 of each text that was cut, by its side and the number of its pair: a page has the whole
    text from a kernel, and must know whose it is. ``text_note`` is a sentence on what was cut, or empty.

    Parameters
    ----------
    pairs
        The pairs.
    budget
        The most bytes of text of a pair, on average; None cuts nothing, for a page whose own model reads the texts.
    """
    limit = None if budget is None else _limit(pairs, budget)
    columns: dict[str, Any] = {"whole": {}, "text_note": ""}
    if limit is not None:
        columns["text_note"] = (
            f"Texts of more than {limit:,} bytes are shown cut, with an ellipsis; their scores are of whole texts."
        )
    for side in ("prompt", "chosen", "rejected"):
        columns[side], sums = list(pairs.texts(side)), {}
        for row, text in enumerate(columns[side]):
            if limit is not None and len(whole := text.encode()) > limit:
                columns[side][row] = whole[:limit].decode(errors="ignore") + "…"
                sums[str(row)] = zlib.crc32(whole)
        columns["whole"][side] = sums
    return columns


def _limit(pairs: PreferencePairs, per_pair: int) -> int | None:
    """Return the most bytes that a text may have for all to stay within the budget; None if no limit is needed."""
    budget = per_pair * len(pairs)
    sides = ("prompt", "chosen", "rejected")
    sizes = np.sort([len(text.encode()) for side in sides for text in pairs.texts(side)])
    if sizes.sum() <= budget:
        return None
    before = np.cumsum(sizes) - sizes
    left = np.arange(len(sizes), 0, -1)
    i = int(np.argmax(before + sizes * left > budget))  # the first text that cannot stay whole
    return int((budget - before[i]) // left[i])


def _notes(pairs: PreferencePairs, flags: dict[str, np.ndarray], evaluation: dict[str, Any] | None) -> Iterator[str]:
    if len(pairs) == 0:
        yield "There are no pairs here: check the file and the filter."
        return
    said = {
        "tied": "were judged a tie and have no right answer, so they count in no accuracy and no bin",
        "empty": "have an empty response",
        "equal": "have two equal responses",
        "cut": "were cut to fit the model, which did not read all of them",
        "made equal by cutting": "look equal to the model once cut, so it cannot tell their responses apart",
    }
    for name, words in said.items():
        if n := int(flags[name].sum()):
            yield f"{n:,} of {len(pairs):,} pairs {words}."
    if pairs.messages:
        yield (
            "These pairs are conversations, shown as plain text. A model reads their messages; it reads a text that "
            "you edit as one message."
        )
    if evaluation is not None:
        yield from (f"{note[:1].upper()}{note[1:]}." for note in evaluation["notes"])
