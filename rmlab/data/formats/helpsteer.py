"""The preferences of HelpSteer 2 and 3 (Wang et al. 2024, 2025): a strength from -3 to 3, 0 a tie.

-3 means that the first response is much better, 3 that the second is. If the record lists the judgements of single
annotators, each is a pair; the overall one is their mean and not a further judgement. The authors list the annotators
who agree best, so these show a little too little noise.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rmlab.data.formats.base import Format, Record, get, optional_text
from rmlab.data.formats.messages import reply
from rmlab.data.rows import Sides, named, read_number

__all__ = ["HELPSTEER_PREFERENCES"]


def _helpsteer(columns: tuple[str, str, str, str], judgements: str, score: str) -> Format:
    strength = columns[3]

    def convert(record: Record) -> Iterable[Sides]:
        asked, a, b = (get(record, name) for name in columns[:3])
        a, b = reply(asked, a), reply(asked, b)
        overall = _read_strength(strength, get(record, strength))
        single = record.get(judgements)
        if single is None:
            single = []
        if not isinstance(single, list):
            raise ValueError(f"{judgements} must be a list, got {named(single)}")
        for value in [_single(judgements, i, entry, score) for i, entry in enumerate(single)] or [overall]:
            chosen, rejected = (b, a) if value > 0 else (a, b)
            yield Sides(
                asked, chosen, rejected, tied=value == 0, chosen_first=value <= 0, strength=abs(value),
                group=optional_text(record, "domain"),
            )  # fmt: skip

    return Format(
        "HelpSteer preferences", columns, convert,
        f"The prompt and two responses; each judgement of `{judgements}` is a pair, else `{strength}` is: below 0 for "
        "the first, above for the second, 0 a tie.",
        optional=(judgements, "domain"), strengths=True,
    )  # fmt: skip


def _single(judgements: str, i: int, entry: Any, score: str) -> float:
    if not isinstance(entry, dict) or score not in entry:
        raise ValueError(f"{judgements}[{i}] must hold a {score}, got {named(entry)}")
    return _read_strength(f"{judgements}[{i}].{score}", entry[score])


def _read_strength(name: str, value: Any) -> float:
    number = read_number(name, value)
    if not (number.is_integer() and -3 <= number <= 3):
        raise ValueError(f"{name} must be a whole number from -3 (the first is better) to 3, got {named(value)}")
    return number


HELPSTEER_PREFERENCES = (
    _helpsteer(
        ("prompt", "response_1", "response_2", "preference_strength"),
        "three_most_similar_preferences",
        "strength",
    ),
    _helpsteer(("context", "response1", "response2", "overall_preference"), "individual_preference", "score"),
)
