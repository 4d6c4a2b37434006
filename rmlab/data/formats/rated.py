"""Rated responses turned into pairs: UltraFeedback, HelpSteer, and any table of prompt, response and rating.

Every two responses of a set are a pair, the higher rating first; equal ratings are a tie. A set is the record of
UltraFeedback (Cui et al. 2023), or the rows that share a prompt, and a rater, group and item where the table names
them, wherever in the files they are. A rating is no log-odds: the difference is the pair's strength and not its margin.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import combinations
from typing import Any

from rmlab.data.formats.base import Format, NoPairError, Rated, Record, get, optional_text, reply
from rmlab.data.rows import Sides, listed, named, read_number

__all__ = ["rated_formats"]

MOST_RESPONSES = 1000
"""Of one set; they would be half a million pairs."""

_RATERS = ("rater", "rater_id", "annotator", "annotator_id", "worker", "worker_id")
_HELPSTEER = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
_CARRIED = ("group", "kind", "item")


def rated_formats(rating: str | None) -> tuple[Format, ...]:
    """Give the formats of rated responses, compared by the rating of this name, or by the usual one."""
    helpsteer = _table("HelpSteer ratings", "prompt", "response", rating or "helpfulness", also=_HELPSTEER)
    return (
        Format(
            "UltraFeedback", ("instruction", "completions"), partial(_from_ultrafeedback, rating or "overall_score"),
            optional=("source",), sets=True, strengths=True, rated=True,
        ),
        helpsteer,
        *(
            _table("table of ratings", prompt, response, name)
            for name in ((rating,) if rating else ("rating", "score"))
            for prompt in ("prompt", "question", "instruction")
            for response in ("response", "answer", "completion", "output")
        ),
    )  # fmt: skip


def _compared(prompt: Any, rated: Sequence[tuple[Any, float, str | None]], **common: Any) -> Iterable[Sides]:
    """Pair every two of (response, rating, source)."""
    if len(rated) < 2:
        raise NoPairError("with fewer than two responses")
    if len(rated) > MOST_RESPONSES:
        raise ValueError(
            f"{len(rated):,} responses to one prompt would give {len(rated) * (len(rated) - 1) // 2:,} pairs; expected "
            f"at most {MOST_RESPONSES:,} responses. Is the prompt the right column, and is a rater missing?"
        )
    for first, second in combinations(rated, 2):
        (chosen, high, one), (rejected, low, other) = (first, second) if first[1] >= second[1] else (second, first)
        yield Sides(
            prompt, reply(prompt, chosen), reply(prompt, rejected), tied=high == low, strength=high - low,
            source=f"{one}, {other}" if one else None, **common,
        )  # fmt: skip


# --- UltraFeedback --------------------------------------------------------------------------------------------------


def _from_ultrafeedback(rating: str, record: Record) -> Iterable[Sides]:
    prompt, completions = get(record, "instruction"), get(record, "completions")
    if not isinstance(completions, list):
        raise ValueError(f"completions must be a list, got {named(completions)}")
    rated = []
    for i, completion in enumerate(completions):
        if not isinstance(completion, dict) or not isinstance(completion.get("response"), str):
            raise ValueError(f"completions[{i}] must hold a response that is text, got {named(completion)}")
        value = read_number(f"completions[{i}].{rating}", _rating(completion, rating, i))
        rated.append((completion["response"], value, None))
    return _compared(prompt, rated, group=optional_text(record, "source"))


def _rating(completion: dict[str, Any], rating: str, i: int) -> Any:
    """Give a score of the completion itself, or the rating of one of its aspects."""
    if rating in completion:
        return completion[rating]
    aspects = completion.get("annotations")
    if isinstance(aspects, dict) and isinstance(aspects.get(rating), dict) and "Rating" in aspects[rating]:
        return aspects[rating]["Rating"]
    found = [*completion, *(aspects if isinstance(aspects, dict) else ())]
    raise ValueError(f"completions[{i}] has no {rating}; found {listed(found)}")


# --- One rated response a row ---------------------------------------------------------------------------------------


def _table(name: str, prompt: str, response: str, rating: str, *, also: tuple[str, ...] = ()) -> Format:
    def rate(record: Record) -> Rated:
        asked, answered = get(record, prompt), get(record, response)
        if not isinstance(asked, str | list):
            raise ValueError(f"{prompt} must be text or a list of messages, got {named(asked)}")
        if not isinstance(answered, str | list):
            raise ValueError(f"{response} must be text or a list of messages, got {named(answered)}")
        carried = {column: record[column] for column in _CARRIED if record.get(column) is not None}
        raters = [str(record.get(column)) for column in _RATERS]
        key = json.dumps([asked, raters, carried], default=str)
        return Rated(key, asked, answered, read_number(rating, get(record, rating)), carried)

    return Format(
        name, tuple(dict.fromkeys((prompt, response, *also, rating))), _from_set, optional=_RATERS,
        carries=_CARRIED, rate=rate, sets=True, strengths=True, rated=True,
    )  # fmt: skip


def _from_set(record: Record) -> Iterable[Sides]:
    return _compared(record["prompt"], record["rated"])
