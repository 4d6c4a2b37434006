"""Files of trainers and annotation tools, and rankings and ratings, each in its true schema; equal ratings are ties."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from record_files import Record, assistant, read_as, user, write

from rmlab.data import DataError, PreferencePair, read_pairs


def turn(speaker: str, text: str) -> dict[str, str]:
    return {"from": speaker, "value": text}


def pair(prompt: Any, chosen: Any, rejected: Any, **options: Any) -> PreferencePair:
    return PreferencePair(prompt, chosen, rejected, **options)


def talk(prompt: str, chosen: str, rejected: str, **options: Any) -> PreferencePair:
    return pair([user(prompt)], [assistant(chosen)], [assistant(rejected)], **options)


# --- One record of each, with every column that it has --------------------------------------------------------------

PKU = {
    "prompt": "Open a lock?", "response_0": "Ask a locksmith.", "response_1": "Use a pick.",
    "prompt_source": "BeaverTails", "response_0_source": "Alpaca-7B", "response_1_source": "Alpaca-7B",
    "is_response_0_safe": True, "is_response_1_safe": False, "response_0_severity_level": 0,
    "response_1_severity_level": 2, "better_response_id": 1, "safer_response_id": 0,
    "response_0_sha256": "aa", "response_1_sha256": "bb",
}  # fmt: skip
NECTAR = {
    "prompt": "\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: A sea?\n\nAssistant: ",
    "answers": [
        {"answer": "Nile", "model": "m", "rank": 3.0}, {"answer": "Baltic", "model": "n", "rank": 1.0},
        {"answer": "Red", "model": "o", "rank": 1.0},
    ],
    "turns": 2, "num_responses": 3, "source": ["lmsys-chat-1m"], "good_natured": True,
}  # fmt: skip
WEBGPT = {
    "question": {"dataset": "eli5", "id": "8d", "full_text": "Why is it blue?"},
    "quotes_0": {"title": ["t"], "extract": ["e"]}, "answer_0": "It scatters [1].", "tokens_0": {"prefix": [1]},
    "score_0": -0.25, "quotes_1": {"title": ["t"], "extract": ["e"]}, "answer_1": "Light scatters [1].",
    "tokens_1": {"prefix": [1]}, "score_1": 0.25,
}  # fmt: skip
SUMMARY = {
    "info": {"id": "t3_2", "post": "My cat sat.", "title": "Cat", "subreddit": "pets", "site": None, "article": None},
    "summaries": [
        {"text": " A cat.", "policy": "sup1", "note": None}, {"text": " It sat.", "policy": "ref", "note": None},
    ],
    "choice": 1, "worker": "w", "batch": "batch3", "split": "train", "extra": {"confidence": 7},
}  # fmt: skip
NEWS = {"post": None, "article": "News.", "subreddit": None}
STACK = {
    "qid": 5, "question": "How to sort?", "date": "2010/01/02", "metadata": ["https://stackoverflow.com"],
    "response_j": "Use sort.", "response_k": "Swap them.",
}  # fmt: skip
ALPACA_EVAL = {
    "instruction": "Name a sea.", "output_1": "Baltic", "generator_1": "ref", "output_2": "Red", "generator_2": "mine",
    "annotator": "gpt4", "preference": 2.0, "dataset": "helpful_base", "datasplit": "eval",
}  # fmt: skip
LLAMA_SHAREGPT = {
    "conversations": [turn("human", "Hi"), turn("gpt", "Yes?"), turn("human", "A sea?")],
    "chosen": turn("gpt", "Baltic"), "rejected": turn("gpt", "Nile"),
}  # fmt: skip
LLAMA_ALPACA = {"instruction": "Name a sea.", "input": "A cold one.", "chosen": "Baltic", "rejected": "Nile"}
MS_SWIFT = {
    "messages": [user("Hi"), assistant("Yes?"), user("A sea?"), assistant("Baltic")], "rejected_response": "Nile",
}  # fmt: skip
QUERY = {"query": "A sea?", "response": "Baltic", "rejected_response": "Nile"}
OPENAI = {
    "input": {"messages": [user("A sea?")], "tools": [], "parallel_tool_calls": True},
    "preferred_output": [assistant("Baltic")], "non_preferred_output": [assistant("Nile")],
}  # fmt: skip
ULTRA_INTERACT = {
    "task": "Math", "dataset": "gsm8k", "trajectory": [{"from": "user", "value": "A sea?"}], "chosen": "Baltic",
    "rejected": "Nile", "id": "1", "parent_id": "0",
}  # fmt: skip
UF_ARGILLA = {
    "source": "evol_instruct", "instruction": "A sea?", "chosen_response": "Baltic", "rejected_response": "Nile",
    "chosen_avg_rating": 5.0, "rejected_avg_rating": 3.25, "chosen_model": "gpt-4",
}  # fmt: skip
UF_CLEANED = {
    "source": "evol_instruct", "prompt": "A sea?", "chosen": [user("A sea?"), assistant("Baltic")],
    "chosen-rating": 5.0, "chosen-model": "gpt-4", "rejected": [user("A sea?"), assistant("Nile")],
    "rejected-rating": 3.25, "rejected-model": "x",
}  # fmt: skip
ORCA = {
    "system": "Be brief.", "input": "A sea?", "chosen": "Baltic", "rejected": "Nile",
    "generations": ["Baltic", "Nile"], "order": ["chosen", "rejected"], "labelling_model": "m",
    "labelling_prompt": None, "raw_labelling_response": "8\n9", "rating": [8.0, 9.0], "rationale": "r",
    "status": "unchanged", "original_chosen": "Baltic", "original_rejected": "Nile", "chosen_score": 8.0,
}  # fmt: skip
DISTILABEL = {
    "instruction": "A sea?", "generations": ["Nile", "Baltic"], "generation_models": ["m", "n"], "ratings": [1, 4],
    "rationales": ["r", "s"],
}  # fmt: skip


def ranked(*ranks: tuple[int, str]) -> list[Record]:
    return [{"rank": rank, "value": name} for rank, name in ranks]


def submitted(who: str, value: Any, status: str = "submitted") -> Record:
    return {"user_id": who, "value": value, "status": status}


ARGILLA_1 = {
    "request": "A sea?", "response-1": "Nile", "response-2": "Baltic", "response-3": "Red",
    "preference": [
        submitted("a", ranked((2, "response-1"), (1, "response-2"), (1, "response-3"))),
        submitted("b", ranked((1, "response-1"), (2, "response-2"), (3, "response-3")), "discarded"),
    ],
    "preference-suggestion": None, "preference-suggestion-metadata": None, "external_id": None, "metadata": "{}",
}  # fmt: skip
ARGILLA_2 = {
    "id": "7", "fields": {"instruction": "A sea?", "reply-1": "Nile", "reply-2": "Baltic"}, "metadata": {},
    "suggestions": {}, "responses": {"order": [{"value": ["reply-2", "reply-1"], "user_id": "a"}]}, "vectors": {},
}  # fmt: skip
ARGILLA_2_FLAT = {
    "id": "7", "status": "completed", "_server_id": "9", "prompt": "A sea?", "response_1": "Nile",
    "response_2": "Baltic", "preference.responses": ["response_2", "tie", "response_1"],
    "preference.responses.users": ["a", "b", "c"],
    "preference.responses.status": ["submitted", "submitted", "draft"], "preference.suggestion": "response_1",
}  # fmt: skip
LABEL_STUDIO = {
    "id": 3, "data": {"prompt": "A sea?", "answer1": "Nile", "answer2": "Baltic"},
    "annotations": [
        {"id": 1, "completed_by": 4, "was_cancelled": False, "result": [
            {"id": "x", "value": {"selected": "right"}, "from_name": "cmp", "to_name": "answer1", "type": "pairwise"},
        ]},
        {"id": 2, "completed_by": 5, "was_cancelled": True, "result": []},
    ],
    "predictions": [], "project": 1,
}  # fmt: skip
BALTIC = talk("A sea?", "Baltic", "Nile")
LONG = [user("Hi"), assistant("Yes?"), user("A sea?")]
SEA = pair("A sea?", "Baltic", "Nile")

READ: dict[str, tuple[str, list[Record], list[PreferencePair]]] = {
    "PKU-SafeRLHF": (
        "PKU-SafeRLHF",
        [PKU, {**PKU, "better_response_id": 0}],
        [
            pair("Open a lock?", "Use a pick.", "Ask a locksmith.", chosen_first=False),
            pair("Open a lock?", "Ask a locksmith.", "Use a pick.", chosen_first=True),
        ],
    ),
    "Nectar": (
        "Nectar",
        [NECTAR],
        [
            pair(LONG, [assistant("Baltic")], [assistant("Nile")], item="1"),
            pair(LONG, [assistant("Red")], [assistant("Nile")], item="1"),
            pair(LONG, [assistant("Baltic")], [assistant("Red")], item="1", tied=True),
        ],
    ),
    "WebGPT": (
        "WebGPT comparisons",
        [WEBGPT, {**WEBGPT, "score_0": 0.0, "score_1": 0.0}],
        [
            pair("Why is it blue?", "Light scatters [1].", "It scatters [1].", group="eli5", chosen_first=False),
            pair(
                "Why is it blue?", "It scatters [1].", "Light scatters [1].", group="eli5", chosen_first=True, tied=True
            ),
        ],
    ),
    "OpenAI summaries": (
        "OpenAI summaries",
        [SUMMARY, {**SUMMARY, "info": {**SUMMARY["info"], **NEWS}, "choice": 0}],
        [
            pair("My cat sat.", " It sat.", " A cat.", group="pets", chosen_first=False),
            pair("News.", " A cat.", " It sat.", chosen_first=True),
        ],
    ),
    "stack-exchange-paired": ("explicit prompt", [STACK], [pair("How to sort?", "Use sort.", "Swap them.")]),
    "AlpacaEval": (
        "AlpacaEval",
        [ALPACA_EVAL, *({**ALPACA_EVAL, "preference": p} for p in (1.0, 1.5, 0.0, 1.03))],
        [
            pair("Name a sea.", "Red", "Baltic", chosen_first=False),
            pair("Name a sea.", "Baltic", "Red", chosen_first=True),
            pair("Name a sea.", "Baltic", "Red", chosen_first=True, tied=True),
            pair("Name a sea.", "Baltic", "Red", chosen_first=True, tied=True),
            pair("Name a sea.", "Baltic", "Red", chosen_first=True),
        ],
    ),
    "LLaMA-Factory, ShareGPT": ("explicit prompt", [LLAMA_SHAREGPT], [pair(LONG, BALTIC.chosen, BALTIC.rejected)]),
    "LLaMA-Factory, Alpaca": ("explicit prompt", [LLAMA_ALPACA], [pair("Name a sea.\nA cold one.", "Baltic", "Nile")]),
    "LLaMA-Factory, outputs": (
        "LLaMA-Factory, two outputs",
        [{"instruction": "A sea?", "input": "", "output": ["Baltic", "Nile"]}],
        [SEA],
    ),
    "ms-swift": (
        "ms-swift",
        [MS_SWIFT, {**MS_SWIFT, "messages": [user("A sea?"), assistant("Baltic")]}],
        [pair(LONG, BALTIC.chosen, BALTIC.rejected), BALTIC],
    ),
    "ms-swift, messages": (
        "ms-swift",
        [{"messages": [*LONG, assistant("Baltic")], "rejected_messages": [*LONG, assistant("Nile")]}],
        [pair(LONG, BALTIC.chosen, BALTIC.rejected)],
    ),
    "ms-swift, query": (
        "explicit prompt",
        [{**QUERY, "system": "S", "history": [["Hi", "Yes?"]]}],
        [pair([{"role": "system", "content": "S"}, *LONG], BALTIC.chosen, BALTIC.rejected)],
    ),
    "OpenAI": ("explicit prompt", [OPENAI], [BALTIC]),
    "UltraInteract": ("explicit prompt", [ULTRA_INTERACT], [BALTIC]),
    "UltraFeedback by Argilla": ("explicit prompt", [UF_ARGILLA], [SEA]),
    "UltraFeedback by Argilla, cleaned": ("prompt and dialogues", [UF_CLEANED], [BALTIC]),
    "Orca by distilabel": (
        "explicit prompt",
        [ORCA],
        [pair([{"role": "system", "content": "Be brief."}, user("A sea?")], BALTIC.chosen, BALTIC.rejected)],
    ),
    "distilabel": ("distilabel ratings", [DISTILABEL], [pair("A sea?", "Baltic", "Nile", item="1")]),
    "Argilla 1": (
        "Argilla 1",
        [ARGILLA_1],
        [
            pair("A sea?", "Baltic", "Nile", item="1", chosen_first=False),
            pair("A sea?", "Red", "Nile", item="1", chosen_first=False),
            pair("A sea?", "Baltic", "Red", item="1", chosen_first=True, tied=True),
        ],
    ),
    "Argilla 2": ("Argilla 2", [ARGILLA_2], [pair("A sea?", "Baltic", "Nile", item="1", chosen_first=False)]),
    "Argilla 2, flat": (
        "Argilla 2, flat",
        [ARGILLA_2_FLAT],
        [
            pair("A sea?", "Baltic", "Nile", item="1", chosen_first=False),
            pair("A sea?", "Nile", "Baltic", item="1", chosen_first=True, tied=True),
        ],
    ),
    "Label Studio": (
        "Label Studio, pairwise",
        [LABEL_STUDIO],
        [pair("A sea?", "Baltic", "Nile", chosen_first=False)],
    ),
}  # fmt: skip
EMPTY_STRUCT = ("Argilla 2",)  # objects without any field, which Parquet cannot hold


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "hub"])
@pytest.mark.parametrize("name", READ)
def test_a_file_is_read_in_its_schema(tmp_path, monkeypatch, name, kind):
    layout, records, expected = READ[name]
    if kind == "parquet" and name in EMPTY_STRUCT:
        records = [{key: value for key, value in record.items() if value != {}} for record in records]
    pairs = read_as(kind, records, tmp_path, monkeypatch)
    assert pairs.report.format == layout
    assert list(pairs) == expected
    assert pairs.report.without_pairs == {}


@pytest.mark.parametrize("name", READ)
def test_what_is_not_used_is_named(tmp_path, name):
    _, records, _ = READ[name]
    path = write(tmp_path / "a.jsonl", *({**record, "note": "x"} for record in records))
    assert "note" in read_pairs(path).report.ignored_columns


def test_fields_of_any_name_are_used_where_answers_name_them(tmp_path):
    record = {"prompt": "A sea?", "draft": "Nile", "final text": "Baltic", "state": "done"}
    ranking = [submitted("a", ranked((1, "final text"), (2, "draft")))]
    pairs = read_pairs(write(tmp_path / "a.jsonl", {**record, "which is better": ranking}))
    assert list(pairs) == [pair("A sea?", "Baltic", "Nile", item="1", chosen_first=False)]
    assert pairs.report.ignored_columns == ("state",)


def test_the_safer_response_can_be_asked_for(tmp_path):
    path = write(tmp_path / "a.jsonl", PKU)
    (safer,) = read_pairs(path, rating="safer_response_id")
    assert safer == pair("Open a lock?", "Ask a locksmith.", "Use a pick.", chosen_first=True)
    assert "safer_response_id" in read_pairs(path).report.ignored_columns


def test_lists_of_objects_may_come_as_objects_of_lists(tmp_path):
    answers = {key: [answer[key] for answer in NECTAR["answers"]] for key in ("answer", "model", "rank")}
    assert list(read_pairs(write(tmp_path / "a.jsonl", {**NECTAR, "answers": answers}))) == READ["Nectar"][2]
    question = {key: [answer[key] for answer in ARGILLA_1["preference"]] for key in ("user_id", "value", "status")}
    assert list(read_pairs(write(tmp_path / "b.jsonl", {**ARGILLA_1, "preference": question}))) == READ["Argilla 1"][2]


def test_each_annotator_is_a_judgement(tmp_path):
    one = ARGILLA_1["preference"][0]
    pairs = read_pairs(write(tmp_path / "a.jsonl", {**ARGILLA_1, "preference": [one, {**one, "user_id": "c"}]}))
    assert len(pairs) == 6
    assert pairs.report.n_repeated == 6
    annotation = LABEL_STUDIO["annotations"][0]
    left = copy.deepcopy(annotation)
    left["result"][0]["value"]["selected"] = "left"
    pairs = read_pairs(write(tmp_path / "b.jsonl", {**LABEL_STUDIO, "annotations": [annotation, left]}))
    assert [p.chosen for p in pairs] == ["Baltic", "Nile"]


def test_of_several_questions_the_one_that_ranks_the_responses_is_read(tmp_path):
    comment, number = (submitted("a", value) for value in ("good", 4))
    several = {**ARGILLA_1, "comment": [comment], "quality": [number]}
    assert list(read_pairs(write(tmp_path / "a.jsonl", several))) == READ["Argilla 1"][2]
    with pytest.raises(DataError, match=r"b\.jsonl:1: .*harm, preference"):
        read_pairs(write(tmp_path / "b.jsonl", {**ARGILLA_1, "harm": ARGILLA_1["preference"]}))
    with pytest.raises(DataError, match=r"c\.jsonl:1: .*comment, quality"):
        read_pairs(write(tmp_path / "c.jsonl", {**several, "preference": []}))


@pytest.mark.parametrize(
    ("record", "change", "reason"),
    [
        (ARGILLA_1, {"preference": [{"user_id": "a", "value": None, "status": "draft"}]}, "without a submitted answer"),
        (ARGILLA_2, {"responses": {}}, "without a submitted answer"),
        (LABEL_STUDIO, {"annotations": []}, "without a pairwise annotation"),
        (NECTAR, {"answers": NECTAR["answers"][:1]}, "with fewer than two responses"),
        (ALPACA_EVAL, {"preference": None}, "without a preference"),
    ],
)
def test_a_record_that_nobody_judged_is_counted(tmp_path, record, change, reason):
    pairs = read_pairs(write(tmp_path / "a.jsonl", {**record, **change}, record))
    assert pairs.report.without_pairs == {reason: 1}
    assert len(pairs) > 0


# --- Ratings --------------------------------------------------------------------------------------------------------

RATED = {"prompt": "A sea?", "chosen": "Baltic", "rejected": "Nile"}


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("score_chosen", "score_rejected"), ("chosen_score", "rejected_score"), ("chosen_rating", "rejected_rating"),
        ("rating_chosen", "rating_rejected"), ("chosen-rating", "rejected-rating"), ("chosen_grade", "rejected_grade"),
        ("chosen_avg_rating", "rejected_avg_rating"), ("chosen_reward", "rejected_reward"),
    ],
)  # fmt: skip
def test_equal_ratings_are_a_tie_whatever_they_are_called(tmp_path, good, bad):
    ratings = (5, 5), (4.5, 2), (None, 2), ("3", "3.0")
    path = write(tmp_path / "a.jsonl", *({**RATED, good: g, bad: b} for g, b in ratings))
    pairs = read_pairs(path, margin_per_point=0.5)
    assert pairs.tied.tolist() == [True, False, False, True]
    assert [p.margin for p in pairs] == [None, 1.25, None, None]
    assert pairs.report.ignored_columns == ()


def test_a_list_of_two_equal_ratings_is_a_tie(tmp_path):
    pairs = read_pairs(write(tmp_path / "a.jsonl", {**RATED, "rating": [9.0, 9.0]}, {**RATED, "rating": [1.0, 9.0]}))
    assert pairs.tied.tolist() == [True, False]
    with pytest.raises(DataError, match=r"b\.jsonl:2: rating .*two"):
        read_pairs(write(tmp_path / "b.jsonl", {**RATED, "rating": [9.0, 9.0]}, {**RATED, "rating": [3]}))


def test_ratings_are_read_where_the_first_record_has_none(tmp_path):
    rated = {**RATED, "chosen_rating": 5, "rejected_rating": 5}
    pairs = read_pairs(write(tmp_path / "a.jsonl", RATED, rated))
    assert pairs.tied.tolist() == [False, True]
    assert pairs.report.ignored_columns == ()
    assert read_pairs([tmp_path / "a.jsonl", write(tmp_path / "b.jsonl", rated)]).tied.tolist() == [False, True, True]


def test_a_rating_of_one_response_alone_is_named_as_not_used(tmp_path):
    pairs = read_pairs(write(tmp_path / "a.jsonl", {**RATED, "chosen_score": 8.0, "rating": 3}))
    assert pairs.report.ignored_columns == ("chosen_score", "rating")
    assert not pairs[0].tied


def test_a_rating_that_is_no_number_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"a\.jsonl:1: chosen_rating .*number.*'good'"):
        read_pairs(write(tmp_path / "a.jsonl", {**RATED, "chosen_rating": "good", "rejected_rating": 2}))


# --- What stops the reading -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "change", "told"),
    [
        (PKU, {"better_response_id": 2}, "better_response_id must be 0 or 1"),
        (NECTAR, {"answers": [{"answer": "a", "rank": "x"}]}, r"answers\[0\]\.rank must be a number"),
        (NECTAR, {"answers": [{"answer": 1, "rank": 1}]}, r"answers\[0\] must hold its answer as text"),
        (NECTAR, {"answers": "a"}, "answers must be a list"),
        (WEBGPT, {"question": "Why?"}, "question must be an object"),
        (WEBGPT, {"answer_1": None}, "answer_1 is null"),
        (SUMMARY, {"choice": 2}, "choice must be 0 or 1"),
        (SUMMARY, {"summaries": []}, "summaries must be two"),
        (SUMMARY, {"info": {}}, "info.article must be text"),
        (ALPACA_EVAL, {"preference": 3}, "preference must be between 1"),
        (ALPACA_EVAL, {"preference": "tie"}, "preference must be a number"),
        (MS_SWIFT, {"messages": [user("A sea?")]}, "messages must .*ends with the assistant"),
        (MS_SWIFT, {"rejected_response": None}, "rejected_response is null"),
        (ARGILLA_1, {"preference": [submitted("a", ranked((1, "x"), (2, "y")))]},
         "preference must rank the names of fields"),
        (ARGILLA_1, {"preference": [{"user_id": "a", "value": "response-9", "status": "submitted"}]},
         "preference must be the name of one of two responses"),
        (ARGILLA_2, {"fields": {"reply-1": "a", "reply-2": "b"}}, "no field holds the prompt"),
        (LABEL_STUDIO, {"data": {"prompt": "p"}}, "data must hold a prompt and two responses"),
        (LABEL_STUDIO, {"annotations": [{"result": [{"type": "pairwise", "value": {"selected": "up"}}]}]},
         "selected must be left or right"),
        (DISTILABEL, {"ratings": [1]}, "generations and ratings must be lists of the same length"),
        (RATED, {"chosen": ["a", "b"]}, "chosen must be one response, got a list of 2 texts"),
    ],
)  # fmt: skip
def test_a_fault_names_the_line_and_what_was_expected(tmp_path, record, change, told):
    with pytest.raises(DataError, match=rf"a\.jsonl:2: .*{told}"):
        read_pairs(write(tmp_path / "a.jsonl", record, {**record, **change}))


@pytest.mark.parametrize(
    "names", [("response_a", "response_b", "response_c"), ("response_0", "response_1", "response_2")]
)
def test_a_choice_among_three_is_refused(tmp_path, names):
    record = {"prompt": "p", **dict.fromkeys(names, "x"), "preference": names[0]}
    with pytest.raises(DataError, match=r"a\.jsonl:1: preference .*more than two") as told:
        read_pairs(write(tmp_path / "a.jsonl", record))
    assert all(name in str(told.value) for name in names)


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "p", "text": "x"},
        {"a": 1},
        {"data": {"prompt": "p"}},
        {"winner": "a", "loser": "b"},
        {"messages": [user("a")]},
    ],
)
def test_a_format_is_called_near_only_where_columns_are_shared(tmp_path, record):
    with pytest.raises(DataError, match=r"a\.jsonl:1: found the columns") as told:
        read_pairs(write(tmp_path / "a.jsonl", record))
    assert "nearest" not in str(told.value)
    assert all(column in str(told.value) for column in record)


def test_a_whole_table_by_its_columns_is_named(tmp_path):
    table = {name: {"0": text, "1": text} for name, text in RATED.items()}
    with pytest.raises(DataError, match=r"a\.jsonl:1: .*whole table.*chosen, prompt, rejected.*orient='records'"):
        read_pairs(write(tmp_path / "a.jsonl", table))


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.none(), max_size=2)


@pytest.mark.slow
@pytest.mark.parametrize("name", READ)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_values_of_other_types_are_read_or_refused_with_their_line(tmp_path, name, data):
    record = copy.deepcopy(READ[name][1][0])
    inside: Any = record
    key: Any = data.draw(st.sampled_from(list(record)))
    while isinstance(inside[key], dict | list) and inside[key] and data.draw(st.booleans()):
        inside = inside[key]
        key = data.draw(st.sampled_from(list(inside) if isinstance(inside, dict) else range(len(inside))))
    inside[key] = data.draw(VALUES | st.dictionaries(st.sampled_from(["role", "value"]), VALUES, max_size=2))
    records = data.draw(st.permutations([record, READ[name][1][0]]))
    path = write(tmp_path / "a.jsonl", *records)
    try:
        pairs = list(read_pairs(path))
    except DataError as error:
        assert str(path) in str(error)  # noqa: PT017 - one of two outcomes
    else:
        assert len(pairs) >= len(READ[name][2][:1])
