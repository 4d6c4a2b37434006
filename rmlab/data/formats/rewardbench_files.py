"""RewardBench 1 and 2 (Lambert et al. 2024; Malik et al. 2025) and RM-Bench (Liu et al. 2024).

RewardBench 1 has one pair per record; the group is its subset. A record of RewardBench 2 holds correct and incorrect
responses: one correct of four, or several in the subset "Ties". Each correct response in turn is paired with each
incorrect one; correct responses are not paired with each other. The pairs of a record have its id as their item, so
that it can be judged as its authors do: best of four. RM-Bench has the same response in three styles on each side, and
is read in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rmlab.data.formats.base import PAIRS_LIMIT, Format, NoPairError, Record, get, optional_text, text_of
from rmlab.data.rows import Sides, named, read_number

__all__ = ["REWARDBENCH", "REWARDBENCH_2", "RM_BENCH"]


def _from_first(record: Record) -> list[Sides]:
    prompt, chosen, rejected = (get(record, name) for name in ("prompt", "chosen", "rejected"))
    return [Sides(prompt, chosen, rejected, group=optional_text(record, "subset"))]


def _from_second(record: Record) -> Iterable[Sides]:
    prompt, name, subset = get(record, "prompt"), record.get("id"), optional_text(record, "subset")
    correct, incorrect = _responses(record, "chosen"), _responses(record, "rejected")
    stated = read_number("num_correct", get(record, "num_correct"))
    if stated != len(correct):
        raise ValueError(f"num_correct must be the number of chosen responses, {len(correct)}, got {stated:g}")
    return _each_against_each(prompt, correct, incorrect, group=subset, item=name)


def _from_rm_bench(record: Record) -> Iterable[Sides]:
    prompt, name, domain = (get(record, name) for name in ("prompt", "id", "domain"))
    responses = (_responses(record, side) for side in ("chosen", "rejected"))
    return _each_against_each(prompt, *responses, group=text_of("domain", domain), item=name)


def _each_against_each(
    prompt: Any, correct: list[Any], incorrect: list[Any], *, group: str | None, item: Any
) -> Iterable[Sides]:
    if not (correct and incorrect):
        raise NoPairError("without both a correct and an incorrect response")
    if (n_pairs := len(correct) * len(incorrect)) > PAIRS_LIMIT:
        raise ValueError(
            f"{len(correct):,} correct and {len(incorrect):,} wrong responses would give {n_pairs:,} pairs; expected "
            f"at most {PAIRS_LIMIT:,} for one prompt"
        )
    return (Sides(prompt, good, bad, group=group, item=item) for good in correct for bad in incorrect)


def _responses(record: Record, name: str) -> list[Any]:
    value = get(record, name)
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list of responses, got {named(value)}")
    return value


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(text, str) for text in value)


REWARDBENCH = Format(
    "RewardBench", ("prompt", "chosen", "rejected", "chosen_model", "rejected_model", "subset"), _from_first,
    "The prompt and two responses. The group is the subset.",
)  # fmt: skip
REWARDBENCH_2 = Format(
    "RewardBench 2", ("id", "prompt", "chosen", "rejected", "num_correct", "subset"), _from_second,
    "Each correct response against each incorrect one. The group is the subset, the item the id.", sets=True,
)  # fmt: skip
RM_BENCH = Format(
    "RM-Bench", ("id", "prompt", "chosen", "rejected", "domain"), _from_rm_bench,
    "Each chosen response (one a style) against each rejected one. The group is the domain, the item the id.",
    fits=lambda record: all(_are_texts(record.get(side)) for side in ("chosen", "rejected")), sets=True,
)  # fmt: skip
