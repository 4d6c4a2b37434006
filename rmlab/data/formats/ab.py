"""Two responses and which was preferred: a prompt with A, B and a preference; SHP; the preferences of HelpSteer.

SHP (Ethayarajh et al. 2022): ``labels`` is 1 where A was preferred and 0 where B was. Nobody was shown two comments
side by side, so ``chosen_first`` stays unknown. The group is the forum, without the name of the split.

HelpSteer 2 and 3 (Wang et al. 2024, 2025): a strength from -3 (the first is much better) to 3 (the second is), 0 a tie.
Where the record lists the judgements of single annotators, each is a pair; the overall one is their mean and not a
judgement more. The authors list the annotators who agree best, so what noise they show is a little too small.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rmlab.data.formats.base import Format, Record, get, optional_text, read_label, reply
from rmlab.data.rows import Sides, named, read_number

__all__ = ["AB", "HELPSTEER_PREFERENCES", "SHP", "TIES"]

TIES: tuple[str, ...] = ("tie", "tied", "equal", "same", "draw", "no preference", "tie (bothbad)", "both_bad")
"""How a tie is written; that both are bad is one."""


def _ab(prompt: str, first: str, second: str, preference: str) -> Format:
    suffixes = [name.rsplit("_", 1)[-1].lower() for name in (first, second)]
    labels = dict.fromkeys(TIES, 0)
    for number, (suffix, name) in enumerate(zip(suffixes, (first, second), strict=True), start=1):
        labels |= {suffix: number, name.lower(): number, f"model_{suffix}": number}
    expected = f"one of {', '.join(dict.fromkeys((*suffixes, first, second)))} or tie"

    def convert(record: Record) -> list[Sides]:
        a, b, label = (get(record, name) for name in (first, second, preference))
        winner = read_label(preference, label, labels, expected)
        chosen, rejected = (b, a) if winner == 2 else (a, b)
        return [Sides(get(record, prompt), chosen, rejected, tied=winner == 0, chosen_first=winner != 2)]

    return Format("A/B", (prompt, first, second, preference), convert)


_RESPONSES = [
    (f"{stem}_{first}", f"{stem}_{second}")
    for stem in ("response", "answer", "completion", "output")
    for first, second in ("ab", "AB", "12", "01")
]
AB = tuple(
    _ab(prompt, first, second, preference)
    for prompt in ("prompt", "question", "instruction")
    for first, second in (*_RESPONSES, ("left", "right"))
    for preference in ("preference", "preferred", "winner", "label", "choice")
)


def _from_shp(record: Record) -> list[Sides]:
    history, a, b, label = (get(record, name) for name in SHP.columns)
    preferred = read_label("labels", label, {"1": 1, "0": 0}, "1 (A was preferred) or 0 (B was)")
    forum = optional_text(record, "domain") or ""
    for split in ("_train", "_validation", "_test"):
        forum = forum.removesuffix(split)
    return [Sides(history, *((a, b) if preferred else (b, a)), group=forum)]


SHP = Format("SHP", ("history", "human_ref_A", "human_ref_B", "labels"), _from_shp, optional=("domain",))


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

    return Format("HelpSteer preferences", columns, convert, optional=(judgements, "domain"), strengths=True)


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
