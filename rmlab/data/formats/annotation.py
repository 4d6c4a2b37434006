"""Exports of annotation tools: Argilla 1 and 2, and the pairwise comparisons of Label Studio.

The person who sets up the tool names the fields and questions. In Argilla a ranking (or a label) names the
fields that hold the responses, and the prompt is the other field with a prompt's name. Each annotator's submitted
answer is a judgement of its own; suggestions, drafts and discarded answers are not used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

from rmlab.data.formats.ab import TIES
from rmlab.data.formats.base import Format, NoPairError, Record, as_records, get, plain_label
from rmlab.data.formats.column_names import TWO_RESPONSES
from rmlab.data.formats.messages import reply
from rmlab.data.formats.prompts import PROMPT_COLUMNS, find_prompt
from rmlab.data.rows import Sides, is_missing, listed, named, read_number

__all__ = ["ARGILLA", "LABEL_STUDIO", "LABEL_STUDIO_ANSWERS", "QUESTION_ENDINGS"]

_SUBMITTED = ("submitted", None)
_QUESTIONS = ("preference", "ranking", "rank", "response_ranking", "responses_ranking", "reply-ranking", "choose-best",
              "best_response", "comparison", "label", "choice")  # fmt: skip
_FIELDS = (
    *PROMPT_COLUMNS,
    *(f"{stem}{separator}{number}" for stem in ("response", "reply", "answer", "completion", "generation", "text")
      for separator in ("-", "_", "") for number in "012345678abAB"),
)  # fmt: skip


def _from_fields(fields: Record, answers: Mapping[str, list[Any]]) -> Iterable[Sides]:
    """Yield comparisons of the fields that the answers to one question rank; other questions are ignored."""
    answered = [question for question, values in answers.items() if values]
    if not answered:
        raise NoPairError("without a submitted answer")
    ranking = [question for question in answered if any(_compares(value, fields) for value in answers[question])]
    if len(ranking) > 1:
        raise ValueError(
            f"each of the questions {listed(ranking)} ranks the responses; keep the one to compare them by"
        )
    if not ranking and len(answered) > 1:
        raise ValueError(f"none of the questions {listed(answered)} ranks the fields {listed(fields)}")
    question = (ranking or answered)[0]
    for value in answers[question]:
        ranks = _ranks(question, value, fields)
        prompt = find_prompt(fields.keys() - ranks.keys(), fields)
        if prompt is None:
            others = listed(fields.keys() - ranks.keys())
            raise ValueError(f"no field holds the prompt (found beside the responses: {others}); rename it to prompt")
        asked = prompt.read(fields)
        order = list(fields)
        for one, other in combinations(sorted(ranks, key=order.index), 2):
            chosen, rejected = (one, other) if ranks[one] <= ranks[other] else (other, one)
            yield Sides(
                asked, reply(asked, get(fields, chosen)), reply(asked, get(fields, rejected)),
                tied=ranks[one] == ranks[other], chosen_first=chosen == one,
            )  # fmt: skip


def _compares(value: Any, fields: Record) -> bool:
    """Return whether an answer names responses: as a ranking, or as a choice of one of two."""
    if isinstance(value, str):
        return value in fields or plain_label(value) in TIES
    if isinstance(value, Mapping):
        value = value.get("value")  # the hub's object of lists
    if not isinstance(value, list):
        return False
    names = [entry.get("value") if isinstance(entry, Mapping) else entry for entry in value]
    return len(names) > 1 and all(isinstance(name, str) and name in fields for name in names)


def _ranks(question: str, value: Any, fields: Record) -> dict[str, float]:
    """Return the rank of each response by the name of its field; 1 is the best."""
    if isinstance(value, str):
        return _choice(question, value, fields)
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        ranks = {name: float(rank) for rank, name in enumerate(value, start=1)}  # Argilla 2: only the order
    else:
        entries = as_records(question, value)
        ranks = {str(e.get("value")): read_number(f"{question}.rank", e.get("rank")) for e in entries}
    unknown = [name for name in ranks if name not in fields]
    if unknown or len(ranks) < 2:
        raise ValueError(f"{question} must rank the names of fields ({listed(fields)}), got {listed(ranks)}")
    return ranks


def _choice(question: str, label: str, fields: Record) -> dict[str, float]:
    """Return the ranks of two responses from a label that names one of them or a tie."""
    for first, second in TWO_RESPONSES:
        if first in fields and second in fields:
            if label in (first, second):
                return {first: float(label != first), second: float(label != second)}
            if plain_label(label) in TIES:
                return {first: 1.0, second: 1.0}
            break
    raise ValueError(f"{question} must be the name of one of two responses, or tie, got {named(label)}")


# --- Argilla 1: a column for every field and question ---------------------------------------------------------------


def _answers(name: str, value: Any) -> list[Any]:
    """Return what the annotators submitted to a question."""
    return [answer.get("value") for answer in as_records(name, value) if answer.get("status") in _SUBMITTED]


def _is_question(value: Any) -> bool:
    keys = value if isinstance(value, Mapping) else value[0] if isinstance(value, list) and value else ()
    return isinstance(keys, Mapping) and keys.keys() >= {"user_id", "value", "status"}


def _from_argilla_1(record: Record) -> Iterable[Sides]:
    fields = {name: value for name, value in record.items() if isinstance(value, str)}
    return _from_fields(fields, {name: _answers(name, value) for name, value in record.items() if _is_question(value)})


# --- Argilla 2: flat, as on the hub, or with fields and responses in objects ----------------------------------------

_FLAT = ".responses"
QUESTION_ENDINGS = (_FLAT, "-suggestion")
"""The endings of columns that show an export of Argilla; its other columns may have any name."""


def _from_argilla_2_flat(record: Record) -> Iterable[Sides]:
    fields = {name: value for name, value in record.items() if isinstance(value, str | list) and "." not in name}
    questions = [name for name, value in record.items() if name.endswith(_FLAT) and not is_missing(value)]
    return _from_fields(fields, {name: _flat_answers(record, name) for name in questions})


def _flat_answers(record: Record, name: str) -> list[Any]:
    values, states = record[name], record.get(f"{name}.status")
    if wrong := [one for one in (values, states or []) if not isinstance(one, list)]:
        raise ValueError(f"{name} and its status must be lists, with one entry per annotator, got {named(wrong[0])}")
    states = [None] * len(values) if states is None else states
    if len(states) != len(values):
        raise ValueError(f"{name} and its status must have the same length, got {len(values)} and {len(states)}")
    return [value for value, state in zip(values, states, strict=True) if state in _SUBMITTED]


def _from_argilla_2(record: Record) -> Iterable[Sides]:
    fields, responses = get(record, "fields"), get(record, "responses")
    for name, value in (("fields", fields), ("responses", responses)):
        if not isinstance(value, dict):
            raise ValueError(f"{name} must be an object, got {named(value)}")
    return _from_fields(fields, {name: _answers(name, answers) for name, answers in responses.items()})


def _has_question(record: Record) -> bool:
    return any(
        _is_question(value) or f"{name}-suggestion" in record or (value == [] and name in _QUESTIONS)
        for name, value in record.items()
    )


def _named_in_answers(record: Record) -> list[str]:
    """Return the columns of questions, and of the fields that their answers name."""
    questions = [name for name, value in record.items() if _is_question(value) or _FLAT in name]
    answers = json.dumps([record[name] for name in questions], default=str)
    return [*questions, *(name for name in record if json.dumps(name) in answers)]


_BECOMES = "every two responses that an annotator ranked, equal ranks a tie; the prompt is the field with such a name."
ARGILLA = (
    Format(
        "Argilla 1", (), _from_argilla_1,
        f"A column a field, and questions that hold `user_id`, `value` and `status`: {_BECOMES}",
        optional=(*_FIELDS, *_QUESTIONS), carries=(), fits=_has_question,
        uses=_named_in_answers, sets=True,
    ),
    Format(
        "Argilla 2", ("fields", "responses"), _from_argilla_2, f"Objects of fields and of answers: {_BECOMES}",
        carries=(), fits=lambda record: all(isinstance(record.get(name), dict) for name in ("fields", "responses")),
        sets=True,
    ),
    Format(
        "Argilla 2, flat", (), _from_argilla_2_flat, f"A column a field, and `QUESTION.responses`: {_BECOMES}",
        optional=(*_FIELDS, *(f"{q}{_FLAT}{end}" for q in _QUESTIONS for end in ("", ".status", ".users"))), carries=(),
        fits=lambda record: any(name.endswith(_FLAT) for name in record), uses=_named_in_answers, sets=True,
    ),
)  # fmt: skip


# --- Label Studio ---------------------------------------------------------------------------------------------------

_SHOWN: tuple[tuple[str, str], ...] = (
    *TWO_RESPONSES,
    ("text1", "text2"),
    ("text_1", "text_2"),
    ("summary1", "summary2"),
)


def _from_label_studio(record: Record) -> Iterable[Sides]:
    data = get(record, "data")
    if not isinstance(data, dict):
        raise ValueError(f"data must be an object, got {named(data)}")
    selections = [
        selected
        for annotation in as_records("annotations", get(record, "annotations"))
        if not annotation.get("was_cancelled")
        for selected in _selections(annotation)
    ]
    return _shown(data, selections)


def _shown(data: Record, selections: list[str]) -> list[Sides]:
    """Return a comparison for each selection of the left or the right response."""
    shown = next((names for names in _SHOWN if all(name in data for name in names)), None)
    prompt = find_prompt(data.keys() - set(shown or ()), data)
    if shown is None or prompt is None:
        raise ValueError(
            f"data must hold a prompt and two responses, such as prompt, answer1 and answer2; found {listed(data)}"
        )
    asked = prompt.read(data)
    left, right = (reply(asked, get(data, name)) for name in shown)
    if not selections:
        raise NoPairError("without a pairwise annotation")
    return [
        Sides(asked, *((left, right) if first else (right, left)), chosen_first=first)
        for first in (selected == "left" for selected in selections)
    ]


def _selections(annotation: dict[str, Any]) -> Iterable[str]:
    for result in as_records("annotations.result", annotation.get("result") or []):
        if result.get("type") == "pairwise":
            yield _side("annotations.result.value", result.get("value"))


def _side(name: str, value: Any) -> str:
    selected = value.get("selected") if isinstance(value, dict) else None
    if selected not in ("left", "right"):
        raise ValueError(f"{name}.selected must be left or right, got {named(selected)}")
    return selected


def _from_answers(record: Record) -> list[Sides]:
    found = [name for name, value in record.items() if _answer(value)]
    answers = [_side(name, value) for name in found for value in _answer(record[name])]
    return _shown({name: value for name, value in record.items() if name not in found}, answers)


def _answer(value: Any) -> list[Any]:
    """Return the selections of one annotation, which CSV holds as JSON."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    pairwise = isinstance(value, list) and all(isinstance(one, dict) and one.keys() == {"selected"} for one in value)
    return list(value) if pairwise else []


LABEL_STUDIO = Format(
    "Label Studio, pairwise",
    ("data", "annotations"),
    _from_label_studio,
    "The prompt and two responses of `data`; every annotation that selects left or right is a pair.",
)
LABEL_STUDIO_ANSWERS = Format(
    "Label Studio, pairwise answers",
    (),
    _from_answers,
    "CSV and JSON_MIN, an annotation a row: the prompt, two responses, and a question that holds `selected`.",
    optional=(*PROMPT_COLUMNS, *(name for names in _SHOWN for name in names)),
    fits=lambda record: any(_answer(value) for value in record.values()),
    uses=lambda record: [name for name, value in record.items() if _answer(value)],
)
