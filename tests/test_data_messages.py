"""Messages in whatever form a file has them: text in cells, other names and roles, content in parts, tool calls."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest
from record_files import Record, assistant, user, write

from rmlab.data import DataError, PreferencePair, read_pairs, write_pairs
from rmlab.data.formats.cells import LONGEST_LITERAL

PAIR = PreferencePair([user("Why?")], [assistant("Because.")], [assistant("No.")])
RECORD: Record = {"prompt": [user("Why?")], "chosen": [assistant("Because.")], "rejected": [assistant("No.")]}


# --- Cells of text --------------------------------------------------------------------------------------------------


def as_numpy(messages: list[Any]) -> str:
    array = np.empty(len(messages), dtype=object)
    array[:] = messages
    return str(array)


@pytest.mark.parametrize(
    "printed", [json.dumps, repr, as_numpy, lambda m: repr(np.array([*m, None], dtype=object)[:-1])]
)
@pytest.mark.parametrize(
    "content",
    ["Because.", 'it\'s "so"', "a\nb\\n", "} {", "array([1], dtype=object)", "é 世界", "'", '"', "\\", "\\d", ""],
)
def test_messages_in_cells_are_messages(tmp_path, printed, content):
    sides = {name: [user("Why?"), {**assistant(content), "name": None}] for name in ("chosen", "rejected")}
    sides["rejected"][1] = assistant("No.")
    path = write(tmp_path / "a.csv", {"prompt": "Why?", **{name: printed(side) for name, side in sides.items()}})
    (pair,) = read_pairs(path)
    assert pair == PreferencePair([user("Why?")], [assistant(content)], [assistant("No.")])


def test_messages_whose_role_comes_after_a_long_content_are_messages(tmp_path):
    sides = {
        name: [{"content": "Why?", "role": "user"}, {"content": text * 500, "role": "assistant"}]
        for name, text in (("chosen", "Because. "), ("rejected", "No. "))
    }
    path = write(tmp_path / "a.csv", {"id": "1", **{name: as_numpy(turns) for name, turns in sides.items()}})
    (pair,) = read_pairs(path)
    assert pair == PreferencePair([user("Why?")], [assistant("Because. " * 500)], [assistant("No. " * 500)])


def test_cells_of_every_column_are_read(tmp_path):
    record = {"prompt": [user("Why?")], "chosen": [assistant("Because.")], "rejected": assistant("No.")}
    for printed in (json.dumps, repr):
        assert list(read_pairs(write(tmp_path / "a.csv", {k: printed(v) for k, v in record.items()}))) == [PAIR]
    lines = write(tmp_path / "a.jsonl", {name: json.dumps(value) for name, value in record.items()})
    assert list(read_pairs(lines)) == [PAIR]


def test_lists_of_other_formats_are_read_from_cells(tmp_path):
    completions = [{"response": text, "overall_score": score} for text, score in (("a", 1), ("b", 2))]
    path = write(tmp_path / "a.csv", {"instruction": "Why?", "completions": repr(completions)})
    assert list(read_pairs(path)) == [PreferencePair("Why?", "b", "a", item="1")]


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2]",
        "[{'a': 1}]",
        "['b', 'c']",
        '{"key": 3}',
        "[role: none]",
        '{"role": 3}',
        '[{"role": "user"}, 5]',
        '{"a": {"role": 1',
    ],
)
def test_text_that_is_a_list_of_something_else_stays_text(tmp_path, text):
    path = write(tmp_path / "a.csv", {"prompt": "Sort.", "chosen": text, "rejected": "no"})
    assert list(read_pairs(path)) == [PreferencePair("Sort.", text, "no")]


@pytest.mark.parametrize(
    "cell",
    [
        repr([assistant("Because.")])[:-3],
        "[{'role': 'user', 'content': open('/etc/passwd')}]",
        "[{'role': 'assistant', 'content': " + "[" * 500 + "]" * 500 + "}",
        "[{'role': 'assistant', 'content': '" + "x" * LONGEST_LITERAL + "'}]",
        as_numpy([user("a")] * 2000),
    ],
)
def test_a_cell_that_cannot_be_read_names_the_line_and_column(tmp_path, cell):
    good = {name: repr(value) for name, value in RECORD.items()}
    path = write(tmp_path / "a.csv", good, {**good, "chosen": cell})
    with pytest.raises(DataError, match=r"a\.csv:3: chosen .*JSON"):
        read_pairs(path)
    with pytest.raises(DataError, match=r"a\.csv:2: chosen .*JSON"):
        read_pairs(write(path, {**good, "chosen": cell}))


def test_unclosed_quotation_marks_are_refused_at_once(tmp_path):
    for marks in ("\\'" * 200_000, "'\"" * 200_000, "'" + '"' * 200_000):
        cell = "[{'role': 'user', 'content': " + marks
        start = time.perf_counter()
        with pytest.raises(DataError, match=r"a\.csv:2: chosen"):
            read_pairs(write(tmp_path / "a.csv", {"prompt": "p", "chosen": cell, "rejected": "b"}))
        assert time.perf_counter() - start < 5


def test_a_cell_of_text_among_messages_is_refused(tmp_path):
    good = {name: repr(value) for name, value in RECORD.items()}
    with pytest.raises(DataError, match=r"a\.csv:3: prompt must be a list of messages"):
        read_pairs(write(tmp_path / "a.csv", good, {"prompt": "Why?", "chosen": "Because.", "rejected": "No."}))


# --- Roles and fields -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asks", "answers"),
    [("human", "gpt"), ("Human", "chatgpt"), ("User", "Assistant"), ("prompter", "bot"), ("user", "model")],
)
@pytest.mark.parametrize("keys", [("role", "content"), ("from", "value")])
def test_roles_under_other_names_are_read_and_told(tmp_path, asks, answers, keys):
    def turn(role: str, text: str) -> dict[str, str]:
        return dict(zip(keys, (role, text), strict=True))

    both = {
        name: [turn(asks, "Why?"), turn(answers, text)] for name, text in (("chosen", "Because."), ("rejected", "No."))
    }
    beside = {"prompt": [turn(asks, "Why?")], **{name: side[1:] for name, side in both.items()}}
    for record in (both, beside):
        report = (pairs := read_pairs(write(tmp_path / "a.jsonl", record))).report
        assert list(pairs) == [PAIR]
        assert f"role {answers} read as assistant" in report.notes
        assert (f"role {asks} read as user" in report.notes) == (asks != "user")
        assert any("from and value" in note for note in report.notes) == (keys[0] == "from")
        assert all(note in str(report) for note in report.notes)


def test_roles_in_a_table_of_ratings_are_told_too(tmp_path):
    records = [
        {"prompt": [{"from": "human", "value": "Why?"}], "response": text, "rating": rating}
        for text, rating in (("No.", 1), ("Because.", 2))
    ]
    pairs = read_pairs(write(tmp_path / "a.jsonl", *records))
    assert [(pair.prompt, pair.chosen) for pair in pairs] == [(PAIR.prompt, PAIR.chosen)]
    assert "role human read as user" in pairs.report.notes


def test_roles_that_are_usual_are_not_remarked_on(tmp_path):
    turns = [{"role": "system", "content": "S"}, user("Why?"), {"role": "tool", "content": "42"}]
    pairs = read_pairs(write(tmp_path / "a.jsonl", {**RECORD, "prompt": turns}))
    assert pairs[0].prompt == tuple(turns)
    assert pairs.report.notes == ()


def test_whatever_else_messages_carry_they_share_their_turns(tmp_path):
    record = {
        "chosen": [{**user("Why?"), "num_tokens": 3}, assistant("Because.")],
        "rejected": [{"content": "Why? ", "role": "user", "id": "x"}, assistant("No.")],
    }
    pairs = read_pairs(write(tmp_path / "a.jsonl", record))
    assert list(pairs) == [PAIR]
    assert pairs.report.ignored_columns == ("prompt[].num_tokens",)
    a, b = record["chosen"], record["rejected"]
    arena = {"conversation_a": a, "conversation_b": b, "winner": "model_a", "turn": 1}
    (battle,) = read_pairs(write(tmp_path / "b.jsonl", arena))
    assert (battle.prompt, battle.chosen, battle.rejected) == (PAIR.prompt, PAIR.chosen, PAIR.rejected)


# --- What is no text ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part", [{"type": "text", "text": "Why?"}, {"type": "text", "text": "Why?", "image": None}, "Why?"]
)
def test_content_parts_of_type_text_are_text(tmp_path, part):
    assert list(read_pairs(write(tmp_path / "a.jsonl", {**RECORD, "prompt": [user([part])]}))) == [PAIR]


def test_several_parts_are_joined(tmp_path):
    parts = [{"type": "text", "text": "W"}, {"type": "text", "text": None}, {"type": "text", "text": "hy?"}]
    record = {**RECORD, "prompt": [{"role": "user", "content": parts}]}
    assert list(read_pairs(write(tmp_path / "a.jsonl", record))) == [PAIR]


@pytest.mark.parametrize("side", ["prompt", "chosen", "rejected"])
@pytest.mark.parametrize(
    ("message", "told"),
    [
        ({"content": [{"type": "image"}, {"type": "text", "text": "Why?"}]}, "image"),
        ({"content": [{"type": "image_url", "image_url": {"url": "x"}}]}, "image_url"),
        ({"content": [{"type": "input_audio"}]}, "input_audio"),
        ({"content": None, "tool_calls": [{"type": "function", "function": {"name": "w"}}]}, "tool_calls"),
        ({"content": "", "tool_calls": [{"id": 1}]}, "tool_calls"),
        ({"content": "Let me see.", "function_call": {"name": "w", "arguments": "{}"}}, "function_call"),
        ({"role": "function_call", "content": "{}"}, "function_call"),
    ],
)
def test_what_is_no_text_is_refused_by_name(tmp_path, side, message, told):
    bad = {**RECORD, side: [{"role": "assistant", **message}]}
    for records in ([bad], [RECORD, bad]):
        with pytest.raises(DataError, match=rf"a\.jsonl:{len(records)}: {side}\[0\] holds .*{told}"):
            read_pairs(write(tmp_path / "a.jsonl", *records))


def test_two_calls_of_tools_are_never_two_equal_responses(tmp_path):
    sides = {
        name: [{"role": "assistant", "content": "", "tool_calls": [{"function": {"name": name}}]}]
        for name in ("chosen", "rejected")
    }
    with pytest.raises(DataError, match=r"a\.jsonl:1: chosen\[0\] holds tool_calls"):
        read_pairs(write(tmp_path / "a.jsonl", {**RECORD, **sides}))


def test_fields_of_tools_that_are_empty_are_none(tmp_path):
    sides = {name: [{**RECORD[name][0], "tool_calls": None, "function_call": None}] for name in ("chosen", "rejected")}
    assert list(read_pairs(write(tmp_path / "a.jsonl", {**RECORD, **sides, "tools": "[]"}))) == [PAIR]


@pytest.mark.parametrize("column", ["prompt", "chosen", "rejected"])
def test_nan_is_named_and_what_came_before_is_not_claimed_at_the_first_record(tmp_path, column):
    text = {"prompt": "p", "chosen": "a", "rejected": "b"}
    with pytest.raises(DataError, match=rf"a\.jsonl:1: {column} is NaN") as told:
        read_pairs(write(tmp_path / "a.jsonl", {**text, column: float("nan")}))
    assert "before" not in str(told.value)
    with pytest.raises(DataError, match=rf"a\.jsonl:2: {column} is NaN"):
        read_pairs(write(tmp_path / "a.jsonl", text, {**text, column: float("nan")}))


@pytest.mark.parametrize(("group", "read"), [(1.0, "1"), (1.5, "1.5"), (float("nan"), None), (None, None), (7, "7")])
def test_a_group_of_numbers_is_text(tmp_path, group, read):
    (pair,) = read_pairs(write(tmp_path / "a.jsonl", {"prompt": "p", "chosen": "a", "rejected": "b", "group": group}))
    assert pair.group == read


@pytest.mark.parametrize(("tied", "read"), [(1.0, True), (0.0, False), (float("nan"), False), (None, False)])
def test_a_flag_in_a_column_of_floats_is_read(tmp_path, tied, read):
    (pair,) = read_pairs(write(tmp_path / "a.jsonl", {"prompt": "p", "chosen": "a", "rejected": "b", "tied": tied}))
    assert pair.tied is read


# --- Messages as text within the fields of an export ----------------------------------------------------------------


def label_studio(chosen: str, rejected: str) -> Record:
    data = {"prompt": repr([user("Why?")]), "answer1": chosen, "answer2": rejected}
    result = [{"type": "pairwise", "from_name": "cmp", "value": {"selected": "left"}}]
    return {"id": 1, "data": data, "annotations": [{"id": 1, "result": result}]}


def test_messages_as_text_in_an_inner_field_are_messages_as_they_are_in_a_column(tmp_path):
    record = label_studio(repr([assistant("Because.")]), json.dumps([assistant("No.")]))
    pairs = read_pairs(write(tmp_path / "a.jsonl", record))
    assert (pairs[0].prompt, pairs[0].chosen, pairs[0].rejected) == (PAIR.prompt, PAIR.chosen, PAIR.rejected)
    write_pairs(pairs, tmp_path / "again.jsonl")
    assert list(read_pairs(tmp_path / "again.jsonl")) == list(pairs)


@pytest.mark.parametrize(
    ("rejected", "fault"),
    [
        ("No.", "text and messages are mixed"),
        (repr([assistant("\ud800")]), "half of a surrogate pair"),
        ("[{'role': 'assistant', 'content': 1+1j+1j}]", "neither JSON nor a Python literal"),
        ("{'role': 'assistant'}", "rejected must be"),
    ],
)
def test_a_fault_in_an_inner_field_is_refused_when_it_is_read(tmp_path, rejected, fault):
    record = label_studio(repr([assistant("Because.")]), rejected)
    with pytest.raises(DataError, match=rf"a\.jsonl:1: .*{fault}"):
        read_pairs(write(tmp_path / "a.jsonl", record))


def test_a_group_that_looks_like_messages_is_a_name(tmp_path):
    group = "[{'role': 'user', 'content': 1+1j}]"
    (pair,) = read_pairs(write(tmp_path / "a.jsonl", {"prompt": "p", "chosen": "a", "rejected": "b", "group": group}))
    assert pair.group == group


# --- Further forms ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda turn: {"from": turn["role"], "content": turn["content"]},
        lambda turn: {"role": turn["role"], "text": turn["content"]},
        lambda turn: {"speaker": turn["role"], "text": turn["content"]},
        lambda turn: {"role": turn["role"], "content": [{"type": "output_text", "text": turn["content"]}]},
    ],
)
def test_fields_of_messages_under_other_names(tmp_path, change):
    record = {name: [change(turn) for turn in turns] for name, turns in RECORD.items()}
    assert list(read_pairs(write(tmp_path / "a.jsonl", record))) == [PAIR]
    assert list(read_pairs(write(tmp_path / "a.parquet", record))) == [PAIR]


def test_messages_that_a_table_holds_as_an_object_of_lists(tmp_path):
    record = {name: {key: [t[key] for t in turns] for key in ("role", "content")} for name, turns in RECORD.items()}
    assert list(read_pairs(write(tmp_path / "a.parquet", record))) == [PAIR]


@pytest.mark.parametrize("part", [{"type": "text", "text": 5}, {"type": "text"}, {"type": "text", "text": None}])
def test_a_part_of_type_text_holds_text(tmp_path, part):
    with pytest.raises(DataError, match=r"a\.jsonl:1: prompt\[0\] holds .*text"):
        read_pairs(write(tmp_path / "a.jsonl", {**RECORD, "prompt": [user([part])]}))  # pyright: ignore[reportArgumentType]


def test_a_role_that_no_template_knows_is_told(tmp_path):
    record = {**RECORD, "prompt": [{"role": "customer", "content": "Why?"}]}
    pairs = read_pairs(write(tmp_path / "a.jsonl", record))
    assert pairs[0].prompt == ({"role": "customer", "content": "Why?"},)
    assert pairs.report.notes == ("role customer kept as it is",)


def test_messages_that_were_written_as_json_twice(tmp_path):
    record = {name: json.dumps(json.dumps(turns)) for name, turns in RECORD.items()}
    for name in ("a.csv", "a.jsonl"):
        assert list(read_pairs(write(tmp_path / name, record))) == [PAIR]


def test_the_input_of_openai_in_a_cell_is_messages(tmp_path):
    record = {
        "input": json.dumps({"messages": RECORD["prompt"], "tools": []}),
        "preferred_output": json.dumps(RECORD["chosen"]), "non_preferred_output": json.dumps(RECORD["rejected"]),
    }  # fmt: skip
    assert list(read_pairs(write(tmp_path / "a.csv", record))) == [PAIR]


@pytest.mark.parametrize("late", [{"prompt"}, {"chosen", "rejected"}])
def test_messages_as_text_after_plain_text_are_refused(tmp_path, late):
    plain = {"prompt": "Why?", "chosen": "Because.", "rejected": "No."}
    second = {**plain, **{name: json.dumps(RECORD[name]) for name in late}}
    with pytest.raises(DataError, match=r"a\.csv:3: .* got messages as text"):
        read_pairs(write(tmp_path / "a.csv", plain, second))


@pytest.mark.parametrize(
    ("texts", "ratings"),
    [("['a' 'b c']", "[1. 2.]"), ("['a'\n 'b c']", "[1 2]"), ("array(['a', 'b c'], dtype=object)", "[-1.  0.5]")],
)
def test_lists_as_numpy_prints_them(tmp_path, texts, ratings):
    record = {"instruction": "Why?", "generations": texts, "ratings": ratings}
    assert list(read_pairs(write(tmp_path / "a.csv", record))) == [
        PreferencePair("Why?", "b c", "a", item="1"),
    ]


def test_a_list_cut_short_in_print_is_refused_with_its_column(tmp_path):
    cut = "[{'content': 'Why?', 'role': 'user'} ... {'content': 'No.', 'role': 'assistant'}]"
    for beside in ({}, {"prompt": "Why?"}):
        with pytest.raises(DataError, match=r"a\.csv:2: chosen holds a list as text"):
            read_pairs(write(tmp_path / "a.csv", {**beside, "chosen": cut, "rejected": cut}))
