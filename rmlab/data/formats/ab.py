"""Two responses as they were shown, and which one was preferred: A/B under any name, AlpacaEval, PKU-SafeRLHF.

AlpacaEval's preference is 1 if the first output is better, 2 if the second is, and 1.5 (formerly 0) for a tie; weighted
judges give values in between. PKU-SafeRLHF (Ji et al. 2024) names the better and the safer response by its number;
the better one decides, unless ``rating="safer_response_id"`` asks for the safer one.
"""

from __future__ import annotations

from collections.abc import Set
from functools import partial

from rmlab.data.formats.base import Format, NoPairError, Record, get, get_judgement, plain_label, read_label
from rmlab.data.formats.column_names import PREFERENCES, RESPONSES, TWO_RESPONSES
from rmlab.data.formats.family import Family, Names
from rmlab.data.formats.messages import reply
from rmlab.data.formats.prompts import Prompt
from rmlab.data.rows import Sides, is_missing, read_number

__all__ = ["AB", "ALPACA_EVAL", "TIES", "pku"]

TIES: frozenset[str] = frozenset(
    map(plain_label, (
        "tie", "tied", "equal", "same", "draw", "no preference", "neither", "tie (bothbad)", "both bad", "bothbad",
        "both are bad", "tie (both bad)", "both good", "both are good", "equally good", "equally bad",
    ))
)  # fmt: skip
"""The labels of a tie in plain form; that both are bad is one of them."""

_THINGS = (*RESPONSES, "model", "assistant", "option", "candidate")

_BEFORE_AND_AFTER = {"1": ("0", "3"), "0": ("2", "2"), "a": ("c", "c"), "A": ("C", "C")}


def _make(prompt: Prompt | None, chosen: tuple[Names, ...], found: Set[str], record: Record) -> Format | None:
    del record
    (first, second), (preference,) = chosen
    stem, last = first[:-1], first[-1]
    if prompt is None:
        return None
    others = [f"{stem}{other}" for other in _BEFORE_AND_AFTER.get(last, ()) if f"{stem}{other}" in found]
    if others:
        raise ValueError(
            f"{preference} is a choice among more than two responses ({first}, {second}, {others[0]}); write each pair "
            "that was compared as a record with prompt, chosen and rejected"
        )
    names = prompt, first, second
    suffixes = [name if first == "left" else name[-1].lower() for name in (first, second)]
    labels = _labels(first, second, *suffixes)
    expected = f"one of {', '.join(dict.fromkeys((*suffixes, first, second)))} or tie"

    def convert(record: Record) -> list[Sides]:
        return [_sides(record, names, read_label(preference, get_judgement(record, preference), labels, expected))]

    return Format(
        "A/B", (*prompt.columns, first, second, preference), convert,
        notes={prompt.note} if prompt.note else set(),
    )  # fmt: skip


def _labels(first: str, second: str, one: str, two: str) -> dict[str, int]:
    """Return 1 or 2 for every label that names one of two responses, and 0 for a tie.

    Letters name numbered responses too; a number never names a response with a letter, since 1 may be either.
    """
    labels = dict.fromkeys(TIES, 0)
    lettered = ("a", "b") if one.isdigit() else (one, two)
    sides = zip((first, second), (one, two), lettered, ("first", "second"), strict=True)
    for number, (name, suffix, letter, place) in enumerate(sides, start=1):
        things = (f"{thing}{gap}{end}" for thing in _THINGS for gap in ("_", "") for end in (suffix, letter))
        labels |= dict.fromkeys((suffix, letter, place, plain_label(name), *things), number)
    for sign in (">", ">>"):  # the verdicts of Arena-Hard and JudgeBench
        labels |= {f"{one}{sign}{two}": 1, f"{two}{sign}{one}": 2}
    return labels | {f"{one}={two}": 0, f"{one}~={two}": 0}


def _sides(record: Record, names: tuple[Prompt, str, str], winner: int) -> Sides:
    """Return the comparison of two responses; `winner` is 1 or 2, or 0 for a tie."""
    prompt, first, second = names
    asked = prompt.read(record)
    a, b = (reply(asked, get(record, name)) for name in (first, second))
    chosen, rejected = (b, a) if winner == 2 else (a, b)
    return Sides(asked, chosen, rejected, tied=winner == 0, chosen_first=winner != 2)


AB = Family(
    "A/B",
    (TWO_RESPONSES, tuple((name,) for name in PREFERENCES)),
    _make,
    "The prompt, two responses in the order shown, and which was preferred: the name of one (a, 1, response_a, "
    "model_a) or a tie.",
)


# --- AlpacaEval -----------------------------------------------------------------------------------------------------


def _from_alpaca_eval(record: Record) -> list[Sides]:
    if is_missing(record.get("preference")):
        raise NoPairError("without a preference")
    preference = read_number("preference", record["preference"])
    if not (preference == 0 or 1 <= preference <= 2):
        raise ValueError(f"preference must be between 1 (the first) and 2, or 0 for a tie, got {preference:g}")
    winner = 0 if preference in (0, 1.5) else 1 if preference < 1.5 else 2
    prompt = Prompt("instruction", "input" if "input" in record else None)
    return [_sides(record, (prompt, "output_1", "output_2"), winner)]


def _is_number(record: Record) -> bool:
    value = record.get("preference")
    try:
        return is_missing(value) or read_number("preference", value) is not None
    except ValueError:
        return False


ALPACA_EVAL = Format(
    "AlpacaEval",
    ("instruction", "output_1", "output_2", "preference"),
    _from_alpaca_eval,
    "The instruction, with an `input` if there is one, and two outputs; a preference below 1.5 is for the first, above "
    "for the second, 1.5 or 0 a tie.",
    optional=("input",),
    fits=_is_number,
)


# --- PKU-SafeRLHF ---------------------------------------------------------------------------------------------------


def _from_pku(judgement: str, record: Record) -> list[Sides]:
    winner = read_label(
        judgement, get_judgement(record, judgement), {"0": 1, "1": 2}, "0 or 1, the number of a response"
    )
    return [_sides(record, (Prompt(), "response_0", "response_1"), winner)]


def pku(rating: str | None) -> Format:
    """Return the format of PKU-SafeRLHF, compared by the better response or by the judgement that `rating` names."""
    known = "better_response_id", "safer_response_id"
    judgement = rating if rating in known else known[0]
    return Format(
        "PKU-SafeRLHF", ("prompt", "response_0", "response_1", judgement), partial(_from_pku, judgement),
        "The prompt and two responses; `better_response_id` is the number of the chosen one "
        "(`rating='safer_response_id'`: of the safer one).",
        rated=rating in known,
    )  # fmt: skip
