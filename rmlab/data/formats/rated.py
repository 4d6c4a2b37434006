"""Rated and ranked responses turned into pairs: UltraFeedback, HelpSteer, Nectar, distilabel, and tables of ratings.

Every two responses of a set are a pair, the higher rating first; equal ratings are a tie. A set is the record of
UltraFeedback (Cui et al. 2023), or the rows that share a prompt, and a rater, group and item if the table names
them, wherever they are in the files. A rating is not log-odds: the difference is the pair's strength, not its margin.
Nectar (Zhu et al. 2023) ranks its answers, 1 the best; equal ranks are a tie, and a rank has no strength.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence, Set
from functools import partial
from itertools import combinations
from typing import Any

from rmlab.data.formats.base import (
    PAIRS_LIMIT,
    Format,
    NoPairError,
    Rated,
    Record,
    as_records,
    get,
    optional_number,
    optional_text,
)
from rmlab.data.formats.column_names import RESPONSE, SCORES
from rmlab.data.formats.family import Family, Names
from rmlab.data.formats.hh import opens_dialogue, read_dialogue
from rmlab.data.formats.messages import reply
from rmlab.data.formats.prompts import Prompt
from rmlab.data.rows import Sides, listed, named

__all__ = ["rated_formats"]

MOST_RESPONSES = math.isqrt(2 * PAIRS_LIMIT)
"""The most responses of one set, whose every two may make a pair."""

_RATERS = ("rater", "rater_id", "annotator", "annotator_id", "worker", "worker_id")
_HELPSTEER = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
_CARRIED = ("group", "kind", "item")


def rated_formats(rating: str | None) -> tuple[Format | Family, ...]:
    """Return the formats of rated responses, compared by the rating of this name, or by the usual one."""
    chosen = rating or "helpfulness"
    return (
        Format(
            "UltraFeedback", ("instruction", "completions"), partial(_from_ultrafeedback, rating or "overall_score"),
            "Every two completions, by `overall_score` or the rating named. The group is the source.",
            optional=("source",), sets=True, strengths=True, rated=True,
        ),
        _table(
            "HelpSteer ratings", Prompt(), "response", chosen, also=_HELPSTEER,
            becomes="Every two responses to a prompt, by `helpfulness` or the rating named.",
        ),
        Family(
            "table of ratings",
            (tuple((name,) for name in RESPONSE), tuple((name,) for name in ((rating,) if rating else SCORES))),
            _make_table,
            "Every two responses that share a prompt, and a rater, group and item where those are columns.",
            optional=_RATERS,
            rated=True,
        ),
        *RATED_OBJECTS,
        RANKED_LISTS,
    )  # fmt: skip


def _compared(
    prompt: Any, responses: Sequence[tuple[Any, float | None, str | None]], **common: Any
) -> Iterable[Sides | NoPairError]:
    """Yield a comparison of every two (response, rating, source), and a NoPairError for each without a rating."""
    rated = [(response, value, source) for response, value, source in responses if value is not None]
    yield from (NoPairError("responses without a rating") for _ in range(len(responses) - len(rated)))
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


def _from_ultrafeedback(rating: str, record: Record) -> Iterable[Sides | NoPairError]:
    prompt, completions = get(record, "instruction"), get(record, "completions")
    rated = []
    for i, completion in enumerate(as_records("completions", completions)):
        if not isinstance(completion.get("response"), str):
            raise ValueError(f"completions[{i}] must hold a response that is text, got {named(completion)}")
        value = optional_number(f"completions[{i}].{rating}", _rating(completion, rating, i))
        rated.append((completion["response"], value, None))
    return _compared(prompt, rated, group=optional_text(record, "source"))


def _rating(completion: dict[str, Any], rating: str, i: int) -> Any:
    """Return the score of the completion itself, or the rating of one of its aspects."""
    if rating in completion:
        return completion[rating]
    aspects = completion.get("annotations")
    if isinstance(aspects, dict) and isinstance(aspects.get(rating), dict) and "Rating" in aspects[rating]:
        return aspects[rating]["Rating"]
    found = [*completion, *(aspects if isinstance(aspects, dict) else ())]
    raise ValueError(f"completions[{i}] has no {rating}; found {listed(found)}")


# --- One rated response a row ---------------------------------------------------------------------------------------


def _make_table(prompt: Prompt | None, chosen: tuple[Names, ...], found: Set[str], record: Record) -> Format | None:
    del found, record
    (response,), (rating,) = chosen
    return None if prompt is None else _table("table of ratings", prompt, response, rating)


def _table(
    name: str, prompt: Prompt, response: str, rating: str, *, also: Names = (), becomes: str = ""
) -> Format:  # fmt: skip
    def rate(record: Record) -> Rated:
        asked, answered = prompt.read(record), get(record, response)
        if not isinstance(answered, str | list):
            raise ValueError(f"{response} must be text or a list of messages, got {named(answered)}")
        carried = {column: record[column] for column in _CARRIED if record.get(column) is not None}
        raters = [str(record.get(column)) for column in _RATERS]
        key = json.dumps([asked, raters, carried], default=str)
        value = optional_number(rating, record[rating] if rating in record else get(record, rating))
        if value is None:
            raise NoPairError("responses without a rating")
        return Rated(key, asked, answered, value, carried)

    return Format(
        name, tuple(dict.fromkeys((*prompt.columns, response, *also, rating))), _from_set, becomes,
        optional=_RATERS, carries=_CARRIED, rate=rate, sets=True, strengths=True, rated=True,
        notes={prompt.note} if prompt.note else set(),
    )  # fmt: skip


def _from_set(record: Record) -> Iterable[Sides | NoPairError]:
    return _compared(record["prompt"], record["rated"])


# --- A list of responses in one record ------------------------------------------------------------------------------


def _objects(name: str, columns: tuple[str, str], keys: tuple[str, str], becomes: str, *, ranks: bool) -> Format:
    """Return a format whose second column is a list of objects, with keys for the response and its rating or rank."""
    (prompt, responses), (response, rating) = columns, keys

    def convert(record: Record) -> Iterable[Sides | NoPairError]:
        asked = get(record, prompt)
        if opens_dialogue(asked):
            asked = read_dialogue(prompt, asked, prompt=True)
        rated = []
        for i, entry in enumerate(as_records(responses, get(record, responses))):
            if not isinstance(entry.get(response), str | list):
                raise ValueError(
                    f"{responses}[{i}] must hold its {response} as text or messages, got {named(entry.get(response))}"
                )
            value = optional_number(f"{responses}[{i}].{rating}", entry.get(rating))
            rated.append((entry[response], -value if ranks and value is not None else value, None))
        return _compared(asked, rated)

    def fits(record: Record) -> bool:
        entries = record.get(responses)
        first = entries[0] if isinstance(entries, list) and entries else entries
        return isinstance(first, dict) and first.keys() >= set(keys)

    return Format(name, columns, convert, becomes, fits=fits, sets=True, strengths=not ranks)


RATED_OBJECTS = (
    _objects(
        "Nectar", ("prompt", "answers"), ("answer", "rank"),
        "Every two answers, by `rank` (1 is the best); equal ranks are a tie.", ranks=True,
    ),
    _objects(
        "NeMo RL", ("context", "completions"), ("completion", "rank"),
        "Every two completions, by `rank` (the lower is better); equal ranks are a tie.", ranks=True,
    ),
    _objects(
        "Stack Exchange preferences", ("question", "answers"), ("text", "pm_score"),
        "Every two answers, by `pm_score`; equal ones are a tie.", ranks=False,
    ),
)  # fmt: skip


def _make_ranked(prompt: Prompt | None, chosen: tuple[Names, ...], found: Set[str], record: Record) -> Format | None:
    del found
    ((generations, ratings),) = chosen
    if prompt is None or not all(isinstance(record.get(name), list) for name in (generations, ratings)):
        return None

    def convert(record: Record) -> Iterable[Sides | NoPairError]:
        texts, values = get(record, generations), get(record, ratings)
        if not (isinstance(texts, list) and isinstance(values, list) and len(texts) == len(values)):
            raise ValueError(
                f"{generations} and {ratings} must be lists of the same length, got {named(texts)}, {named(values)}"
            )
        rated = [
            (text, None if text is None else optional_number(f"{ratings}[{i}]", value), None)
            for i, (text, value) in enumerate(zip(texts, values, strict=True))
        ]
        return _compared(prompt.read(record), rated)

    return Format(
        "distilabel ratings", (*prompt.columns, generations, ratings), convert, sets=True,
        strengths=True, notes={prompt.note} if prompt.note else set(),
    )  # fmt: skip


RANKED_LISTS = Family(
    "distilabel ratings",
    ((("generations", "ratings"), ("generations", "rating"), ("responses", "ratings"), ("responses", "scores")),),
    _make_ranked,
    "Every two of a list of generations, by a list of ratings.",
)
