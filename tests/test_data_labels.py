"""Judgements in the words of published files: labels, ratings that are missing or disagree, ranked lists and trees."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from record_files import Record, assistant, user, write

from rmlab.data import DataError, PreferencePair, read_pairs

AB: Record = {"prompt": "Q", "response_a": "first", "response_b": "second"}

# --- Labels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "won"),
    [
        ("A", 1), ("A wins", 1), ("B is better", 2), ("[[B]]", 2), ("A>B", 1), ("A>>B", 1), ("B>>A", 2), ("A=B", 0),
        ("Response A", 1), ("Assistant B", 2), ("model b", 2), ("Model-A", 1), ("first", 1), ("second", 2),
        ("tie (bothbad)", 0), ("both_bad", 0), ("Both are good", 0), ("neither", 0), ("No preference", 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("names", [("response_a", "response_b"), ("response_1", "response_2"), ("answerA", "answerB")])
def test_a_label_in_other_words(tmp_path, names, label, won):
    if names[0] == "response_1" and "=" in label.replace(">", "="):
        return  # nobody writes 1 > 2 with letters
    record = {"prompt": "Q", names[0]: "first", names[1]: "second", "winner": label}
    (pair,) = read_pairs(write(tmp_path / "a.jsonl", record))
    chosen, rejected = ("second", "first") if won == 2 else ("first", "second")
    assert pair == PreferencePair("Q", chosen, rejected, tied=won == 0, chosen_first=won != 2)


@pytest.mark.parametrize("label", ["1", 1, 0, 2, True, "N/A", "C", "A or B", "unknown", "left"])
def test_a_label_that_may_mean_either_is_refused(tmp_path, label):
    with pytest.raises(DataError, match=r"a\.jsonl:1: winner must be one of a, b"):
        read_pairs(write(tmp_path / "a.jsonl", {**AB, "winner": label}))


@pytest.mark.parametrize("nothing", [None, "", float("nan")])
@pytest.mark.parametrize(
    "record",
    [
        {**AB, "winner": "a"},
        {"conversation_a": [user("Q"), assistant("1")], "conversation_b": [user("Q"), assistant("2")], "winner": "tie"},
        {"prompt": "Q", "response_0": "1", "response_1": "2", "better_response_id": 0},
    ],
)
def test_a_record_that_nobody_judged_is_counted(tmp_path, record, nothing):
    question = list(record)[-1]
    pairs = read_pairs(write(tmp_path / "a.jsonl", {**record, question: nothing}, record))
    assert len(pairs) == 1
    assert pairs.report.without_pairs == {"without a preference": 1}


@pytest.mark.parametrize("column", ["tied", "tie", "is_tie"])
def test_a_column_of_ties(tmp_path, column):
    record = {"prompt": "Q", "chosen": "a", "rejected": "b"}
    pairs = read_pairs(write(tmp_path / "a.csv", {**record, column: "true"}, {**record, column: "false"}))
    assert pairs.tied.tolist() == [True, False]
    with pytest.raises(DataError, match=rf"a\.csv:2: {column} must be true or false"):
        read_pairs(write(tmp_path / "a.csv", {**record, column: "perhaps"}))


def test_the_input_of_alpaca_farm_belongs_to_the_prompt(tmp_path):
    record = {"instruction": "Add.", "input": "1 2", "output_1": "4", "output_2": "3", "preference": 2}
    pairs = read_pairs(write(tmp_path / "a.jsonl", record, {**record, "input": ""}))
    assert [(pair.prompt, pair.chosen) for pair in pairs] == [("Add.\n1 2", "3"), ("Add.", "3")]


# --- Ratings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [None, "", "N/A", float("nan")])
@pytest.mark.parametrize(
    "records",
    [
        lambda rating: [{"prompt": "Q", "response": r, "rating": v} for r, v in (("a", 1), ("b", rating), ("c", 3))],
        lambda rating: [{"instruction": "Q", "generations": ["a", "b", "c"], "ratings": [1, rating, 3]}],
        lambda rating: [{"instruction": "Q", "completions": [
            {"response": r, "overall_score": v} for r, v in (("a", 1), ("b", rating), ("c", 3))
        ]}],
    ],
)  # fmt: skip
def test_a_response_without_a_rating_is_left_out_and_counted(tmp_path, records, nothing):
    pairs = read_pairs(write(tmp_path / "a.jsonl", *records(nothing)))
    assert [(pair.chosen, pair.rejected) for pair in pairs] == [("c", "a")]
    assert pairs.report.without_pairs == {"responses without a rating": 1}


@pytest.mark.parametrize(
    "ratings",
    [
        {"score": {"chosen": 2, "rejected": 2.0}}, {"scores": [2, 2]}, {"chosen_quality": 2, "rejected_quality": "2"},
        {"avg_score_chosen": 2, "avg_score_rejected": 2},
    ],
)  # fmt: skip
def test_equal_ratings_in_other_forms_are_a_tie(tmp_path, ratings):
    pairs = read_pairs(write(tmp_path / "a.jsonl", {"prompt": "Q", "chosen": "a", "rejected": "b", **ratings}))
    assert pairs[0].tied
    assert pairs.report.ignored_columns == ()


def test_ratings_against_the_columns_are_told(tmp_path):
    record = {"prompt": "Q", "chosen": "a", "rejected": "b", "chosen_score": 1, "rejected_score": 3}
    pairs = read_pairs(write(tmp_path / "a.jsonl", record))
    assert (pairs[0].chosen, pairs[0].tied) == ("a", False)
    assert any("higher" in note for note in pairs.report.notes)


# --- Ranked lists, trees and benchmarks -----------------------------------------------------------------------------

TREE: Record = {
    "message_tree_id": "t", "tree_state": "ready_for_export",
    "prompt": {"message_id": "1", "text": "Hi", "role": "prompter", "lang": "en", "replies": [
        {"message_id": "2", "text": "a", "role": "assistant", "rank": 1, "replies": []},
        {"message_id": "3", "text": "b", "role": "assistant", "rank": 0, "replies": [
            {"message_id": "4", "text": "More?", "role": "prompter", "lang": "en", "rank": 0, "replies": [
                {"text": "x", "role": "assistant", "rank": 2}, {"text": "y", "role": "assistant", "rank": 2},
                {"text": "z", "role": "assistant", "rank": None}, {"text": "w", "role": "assistant", "deleted": True,
                                                                   "rank": 0},
            ]},
            {"message_id": "5", "text": "Why?", "role": "prompter", "rank": 1, "replies": []},
        ]},
    ]},
}  # fmt: skip


def test_trees_of_openassistant(tmp_path):
    pairs = read_pairs(write(tmp_path / "a.jsonl", TREE, {**TREE, "prompt": {**TREE["prompt"], "replies": []}}))
    path = [user("Hi"), assistant("b"), user("More?")]
    assert list(pairs) == [
        PreferencePair([user("Hi")], [assistant("b")], [assistant("a")], group="en", item="t/1"),
        PreferencePair(path, [assistant("x")], [assistant("y")], group="en", item="t/4", tied=True),
    ]
    assert pairs.report.without_pairs == {"without two ranked replies to one message": 1}


@pytest.mark.parametrize(
    ("record", "pairs"),
    [
        (
            {"id": 7, "prompt": "Q", "chosen": ["a", "b"], "rejected": ["x", "y"], "domain": "chat"},
            [PreferencePair("Q", g, b, group="chat", item="7") for g in "ab" for b in "xy"],
        ),
        (
            {"context": [user("Q")], "completions": [
                {"rank": 1, "completion": [assistant("a")]}, {"rank": 0, "completion": [assistant("b")]},
            ]},
            [PreferencePair([user("Q")], [assistant("b")], [assistant("a")], item="1")],
        ),
        (
            {"qid": 1, "question": "Q", "answers": [
                {"answer_id": 1, "pm_score": 0, "selected": False, "text": "a"},
                {"answer_id": 2, "pm_score": 4, "selected": True, "text": "b"},
            ], "date": "2010/01/02", "metadata": ["u"]},
            [PreferencePair("Q", "b", "a", item="1")],
        ),
        (
            {"pair_id": "p", "question": "Q", "response_model": "m", "response_A": "a", "response_B": "b",
             "label": "B>A"},
            [PreferencePair("Q", "b", "a", chosen_first=False)],
        ),
        (
            {"prompt": "Q", "response_1": "a", "response_2": "b", "model_a": "m", "model_b": "n", "winner": "model_b"},
            [PreferencePair("Q", "b", "a", chosen_first=False)],
        ),
    ],
    ids=["RM-Bench", "NeMo RL", "Stack Exchange preferences", "JudgeBench", "PPE"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_further_published_schemas(tmp_path, record, pairs, kind):
    assert list(read_pairs(write(tmp_path / f"a.{kind}", record))) == pairs


def test_the_first_record_of_argilla_may_have_no_answer(tmp_path):
    record = {"prompt": "Q", "response-1": "a", "response-2": "b", "preference": []}
    answer = {"user_id": "u", "value": "response-2", "status": "submitted"}
    pairs = read_pairs(write(tmp_path / "a.jsonl", record, {**record, "preference": [answer]}))
    assert list(pairs) == [PreferencePair("Q", "b", "a", chosen_first=False, item="2")]
    assert pairs.report.without_pairs == {"without a submitted answer": 1}


def test_a_column_of_argilla_that_is_said_not_to_be_read_is_not_read(tmp_path):
    answer = {"user_id": "u", "value": "response-2", "status": "submitted"}
    record = {"prompt": "Q", "response-1": "a", "response-2": "b", "preference": [answer], "weight": 3.0, "group": "g"}
    pairs = read_pairs(write(tmp_path / "a.jsonl", record))
    assert (pairs[0].weight, pairs[0].group) == (1.0, None)
    assert {"group", "weight"} <= set(pairs.report.ignored_columns)


def test_a_chat_field_of_argilla_is_the_prompt(tmp_path):
    fields = {"chat": [user("Q")], "response_1": "a", "response_2": "b"}
    record = {"id": "1", "fields": fields, "responses": {"preference": [{"value": "response_2", "user_id": "u"}]}}
    (pair,) = read_pairs(write(tmp_path / "a.jsonl", record))
    assert (pair.prompt, pair.chosen) == ((user("Q"),), (assistant("b"),))


@pytest.mark.parametrize("name", ["a.json", "a.csv"])
def test_a_row_an_annotation_of_label_studio(tmp_path, name):
    rows = [
        {"prompt": "Q", "answer1": "a", "answer2": "b", "id": 3, "annotator": 4, "annotation_id": i,
         "pw": [{"selected": side}], "lead_time": 1.5}
        for i, side in enumerate(("right", "left"))
    ]  # fmt: skip
    if name.endswith("csv"):
        write(tmp_path / name, *({**row, "pw": json.dumps(row["pw"])} for row in rows))
    else:
        (tmp_path / name).write_text(json.dumps(rows))
    assert list(read_pairs(tmp_path / name)) == [
        PreferencePair("Q", "b", "a", chosen_first=False), PreferencePair("Q", "a", "b", chosen_first=True)
    ]  # fmt: skip


def test_fields_of_any_name_in_a_table_of_argilla(tmp_path):
    ranked = [{"user_id": "u", "value": {"rank": [2, 1], "value": ["text-x", "text-y"]}, "status": "submitted"}]
    record = {"instruction": "Q", "text-x": "a", "text-y": "b", "mine": ranked, "mine-suggestion": None}
    pq.write_table(pa.Table.from_pylist([record]), tmp_path / "a.parquet")
    assert [pair.chosen for pair in read_pairs(tmp_path / "a.parquet")] == ["b"]
    flat = {"instruction": "Q", "text-x": "a", "text-y": "b", "mine.responses": [["text-y", "text-x"]]}
    pq.write_table(pa.Table.from_pylist([flat]), tmp_path / "b.parquet")
    assert [pair.chosen for pair in read_pairs(tmp_path / "b.parquet")] == ["b"]


def test_names_in_capitals_are_told(tmp_path):
    with pytest.raises(DataError, match=r"nearest is explicit prompt .*Write the names of the columns in lower case"):
        read_pairs(write(tmp_path / "a.csv", {"Prompt": "Q", "Chosen": "a", "Rejected": "b"}))


def test_more_outputs_than_two_are_refused_as_values_of_another_kind(tmp_path):
    told = r"two outputs \(instruction, output\), whose values are of another kind"
    with pytest.raises(DataError, match=told):
        read_pairs(write(tmp_path / "a.jsonl", {"instruction": "Q", "output": ["a", "b", "c"]}))


@pytest.mark.parametrize(
    ("record", "far"),
    [
        ({"prompt": "Q", "response": "a", "rank": 1}, "PKU"),  # one response is not near to two
        ({"prompt_id": 1, "chosen_id": 2, "rejected_id": 3}, "nearest"),
    ],
)
def test_a_format_is_not_near_that_shares_too_little(tmp_path, record, far):
    with pytest.raises(DataError) as told:
        read_pairs(write(tmp_path / "a.jsonl", record))
    assert far not in str(told.value)
