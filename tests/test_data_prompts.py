"""The prompt of a record under any name, or inside both sides: taken once, never invented, never dropped."""

from __future__ import annotations

import json

import pytest
from record_files import assistant, user, write

from rmlab.data import DataError, PreferencePair, read_pairs, write_pairs

REPLIES = {"chosen": "It is the Baltic", "rejected": "It is the Nile"}


def system(text: str) -> dict[str, str]:
    return {"role": "system", "content": text}


# --- Under another name ---------------------------------------------------------------------------------------------

ASKED = "Name a cold sea."


@pytest.mark.parametrize(
    "column",
    [
        "question",
        "instruction",
        "query",
        "input",
        "context",
        "problem",
        "request",
        "prompt_text",
        "user_prompt",
        "user",
    ],
)
def test_a_prompt_under_another_name_is_the_prompt(tmp_path, column):
    pairs = read_pairs(write(tmp_path / "a.jsonl", {column: ASKED, **REPLIES}))
    assert list(pairs) == [PreferencePair(ASKED, *REPLIES.values())]
    assert pairs.report.notes == (f"prompt read from {column}",)
    assert f"prompt read from {column}" in str(pairs.report)
    assert not pairs.report.ignored_columns


@pytest.mark.parametrize("column", ["messages", "conversations", "conversation", "trajectory", "prompt", "context"])
@pytest.mark.parametrize("replies", [REPLIES, {name: [assistant(text)] for name, text in REPLIES.items()}])
def test_a_conversation_beside_chosen_and_rejected_is_the_prompt(tmp_path, column, replies):
    turns = [user("Hi"), assistant("Hello"), user(ASKED)]
    (pair,) = read_pairs(write(tmp_path / "a.jsonl", {column: turns, **replies}))
    assert pair == PreferencePair(turns, [assistant(REPLIES["chosen"])], [assistant(REPLIES["rejected"])])


def test_a_single_message_is_a_response(tmp_path):
    record = {"messages": [user(ASKED)], **{name: assistant(text) for name, text in REPLIES.items()}}
    (pair,) = read_pairs(write(tmp_path / "a.jsonl", record))
    assert pair == PreferencePair([user(ASKED)], [assistant("It is the Baltic")], [assistant("It is the Nile")])


def test_the_column_prompt_goes_before_every_other(tmp_path):
    pairs = read_pairs(write(tmp_path / "a.jsonl", {"question": "another", "prompt": ASKED, **REPLIES}))
    assert pairs[0].prompt == ASKED
    assert pairs.report.ignored_columns == ("question",)
    assert pairs.report.notes == ()


@pytest.mark.parametrize("columns", [("question", "context"), ("input", "query"), ("instruction", "conversations")])
def test_two_columns_that_may_be_the_prompt_are_refused(tmp_path, columns):
    path = write(tmp_path / "a.jsonl", {**dict.fromkeys(columns, ASKED), **REPLIES})
    with pytest.raises(DataError, match=r"a\.jsonl:1: ") as told:
        read_pairs(path)
    assert all(column in str(told.value) for column in (*columns, "prompt"))


@pytest.mark.parametrize("other", [{}, {"task": ASKED}, {"system": "Be brief."}, {"user": "ann"}])
def test_plain_text_without_a_prompt_is_refused(tmp_path, other):
    path = write(tmp_path / "a.jsonl", {**other, **REPLIES})
    with pytest.raises(DataError, match=r"a\.jsonl:1: .*chosen.*rejected.*prompt") as told:
        read_pairs(path)
    assert all(column in str(told.value) for column in other)


@pytest.mark.parametrize(
    ("added", "prompt"), [("in Europe", "Name a sea.\nin Europe"), ("", "Name a sea."), (None, "Name a sea.")]
)
def test_an_instruction_is_joined_with_its_input(tmp_path, added, prompt):
    pairs = read_pairs(write(tmp_path / "a.jsonl", {"instruction": "Name a sea.", "input": added, **REPLIES}))
    assert list(pairs) == [PreferencePair(prompt, *REPLIES.values())]
    assert pairs.report.notes == ("prompt read from instruction, input",)


@pytest.mark.parametrize(
    ("column", "value"), [("system", "Be brief."), ("history", [["Hi", "Hello"]]), ("input", "Why?")]
)
def test_a_part_of_the_prompt_that_the_first_record_had_not_is_refused(tmp_path, column, value):
    first = {"instruction": ASKED, **REPLIES}
    assert len(read_pairs(write(tmp_path / "a.jsonl", first, {**first, column: None}, {**first, column: ""}))) == 3
    with pytest.raises(DataError, match=rf"a\.jsonl:2: has a {column}, .*first record"):
        read_pairs(write(tmp_path / "a.jsonl", first, {**first, column: value}))
    with pytest.raises(DataError, match=r"b\.jsonl:1: .*one by one"):
        read_pairs([write(tmp_path / "a.jsonl", first), write(tmp_path / "b.jsonl", {**first, column: value})])


@pytest.mark.parametrize("column", ["system", "system_prompt"])
def test_a_system_prompt_belongs_to_the_prompt(tmp_path, column):
    path = write(
        tmp_path / "a.jsonl",
        {column: "Be brief.", "question": ASKED, **REPLIES},
        {column: None, "question": ASKED, **REPLIES},
        {column: "Be brief.", "question": [system("Be kind."), user(ASKED)], **REPLIES},
    )
    first, second, third = read_pairs(path)
    replies = [assistant("It is the Baltic")], [assistant("It is the Nile")]
    assert first == PreferencePair([system("Be brief."), user(ASKED)], *replies)
    assert second == PreferencePair([user(ASKED)], *replies)
    assert third.prompt == (system("Be kind."), user(ASKED))


def test_earlier_turns_belong_to_the_prompt(tmp_path):
    record = {"instruction": "Why?", "input": "", "system": "S", "history": [["Hi", "Hello"]], **REPLIES}
    (pair,) = read_pairs(write(tmp_path / "a.jsonl", record))
    assert pair.prompt == (system("S"), user("Hi"), assistant("Hello"), user("Why?"))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("chosen_response", "rejected_response"), ("accepted", "rejected"), ("preferred", "rejected"),
        ("preferred", "dispreferred"), ("response_chosen", "response_rejected"), ("answer_chosen", "answer_rejected"),
        ("preferred_output", "non_preferred_output"), ("better_answer", "worse_answer"), ("chosen", "reject"),
        ("winning_response", "losing_response"), ("response_j", "response_k"),
    ],
)  # fmt: skip
def test_responses_under_another_name(tmp_path, good, bad):
    (pair,) = read_pairs(write(tmp_path / "a.jsonl", {"question": ASKED, good: "a", bad: "b"}))
    assert pair == PreferencePair(ASKED, "a", "b")


# --- Inside both sides ----------------------------------------------------------------------------------------------

BOTH = {name: [user(ASKED), assistant(text)] for name, text in REPLIES.items()}
ONCE = PreferencePair([user(ASKED)], [assistant("It is the Baltic")], [assistant("It is the Nile")])


@pytest.mark.parametrize("prompt", [[user(ASKED)], ASKED, ASKED + " ", [user(f"\n{ASKED}")], [], ""])
def test_a_prompt_beside_full_dialogues_is_taken_once(tmp_path, prompt):
    (pair,) = read_pairs(write(tmp_path / "a.jsonl", {"prompt": prompt, **BOTH}))
    assert [len(pair.prompt), len(pair.chosen), len(pair.rejected)] == [1, 1, 1]
    assert (pair.chosen, pair.rejected) == (ONCE.chosen, ONCE.rejected)
    assert "".join(pair.prompt[0]["content"]).strip() == ASKED


def test_a_system_prompt_within_the_sides_alone_is_kept(tmp_path):
    sides = {name: [system("S"), *turns] for name, turns in BOTH.items()}
    for prompt in ([user(ASKED)], ASKED, [system("S"), user(ASKED)]):
        (pair,) = read_pairs(write(tmp_path / "a.jsonl", {"prompt": prompt, **sides}))
        assert pair.prompt == (system("S"), user(ASKED))
        assert (pair.chosen, pair.rejected) == (ONCE.chosen, ONCE.rejected)


@pytest.mark.parametrize("beside", [{}, {"prompt": "Why?"}, {"prompt": [user("Why?")]}])
@pytest.mark.parametrize("side", ["chosen", "rejected"])
def test_a_system_prompt_in_one_side_belongs_to_the_prompt(tmp_path, beside, side):
    record = {**beside, "chosen": [user("Why?"), assistant("a")], "rejected": [user("Why?"), assistant("b")]}
    record[side] = [system("Be brief."), *record[side]]
    expected = PreferencePair([system("Be brief."), user("Why?")], [assistant("a")], [assistant("b")])
    assert list(read_pairs(write(tmp_path / "a.jsonl", record))) == [expected]


def test_two_unicode_forms_of_a_prompt_are_one(tmp_path):
    turns = {name: [user("Caf\u00e9?"), assistant(name)] for name in ("chosen", "rejected")}
    (pair,) = read_pairs(write(tmp_path / "a.jsonl", {"prompt": "Cafe\u0301?", **turns}))
    assert [message["content"] for message in pair.prompt + pair.chosen] == ["Caf\u00e9?", "chosen"]  # pyright: ignore[reportArgumentType, reportOperatorIssue]
    texts = {name: "A caf\u00e9 or a bar? " + name for name in ("chosen", "rejected")}
    (pair,) = read_pairs(write(tmp_path / "b.jsonl", {"prompt": "A cafe\u0301 or a bar?", **texts}))
    assert (pair.chosen, pair.rejected) == (" chosen", " rejected")


def test_one_side_alone_may_repeat_the_prompt(tmp_path):
    record = {"prompt": [user(ASKED)], "chosen": BOTH["chosen"], "rejected": [assistant("It is the Nile")]}
    assert list(read_pairs(write(tmp_path / "a.jsonl", record))) == [ONCE]


def test_sides_that_begin_with_another_prompt_are_refused(tmp_path):
    for prompt in ([user("Name a river.")], "Name a river."):
        path = write(tmp_path / "a.jsonl", {"prompt": [user(ASKED)] if isinstance(prompt, list) else ASKED, **BOTH},
                     {"prompt": prompt, **BOTH})  # fmt: skip
        with pytest.raises(DataError, match=r"a\.jsonl:2: chosen and rejected .*begin with .*prompt"):
            read_pairs(path)


def test_replies_without_a_prompt_are_refused(tmp_path):
    record = {"task": ASKED, **{name: [assistant(text)] for name, text in REPLIES.items()}}
    with pytest.raises(DataError, match=r"a\.jsonl:1: .*no column holds the prompt.*chosen, rejected, task"):
        read_pairs(write(tmp_path / "a.jsonl", record))


def test_a_conversation_may_end_with_the_chosen_response_and_no_other(tmp_path):
    (pair,) = read_pairs(write(tmp_path / "a.jsonl", {"messages": BOTH["chosen"], **REPLIES}))
    assert pair == ONCE
    with pytest.raises(DataError, match=r"a\.jsonl:1: messages .*not the chosen response"):
        read_pairs(write(tmp_path / "a.jsonl", {"messages": [user(ASKED), assistant("Red")], **REPLIES}))


def test_a_prompt_at_the_beginning_of_both_texts_is_taken_off(tmp_path):
    prompts = ["Question: name a sea.\nAnswer:", "Question: why?\nAnswer:"]
    path = write(tmp_path / "a.jsonl", *({"prompt": p, "chosen": f"{p} a", "rejected": f"{p} b"} for p in prompts))
    pairs = read_pairs(path)
    assert list(pairs) == [PreferencePair(prompt, " a", " b") for prompt in prompts]
    assert any("taken off" in note for note in pairs.report.notes)
    with path.open("a") as file:
        file.write(json.dumps({"prompt": "Another one?", "chosen": "a", "rejected": "b"}) + "\n")
    with pytest.raises(DataError, match=r"a\.jsonl:3: chosen .*prompt"):
        read_pairs(path)


@pytest.mark.parametrize(
    ("prompt", "chosen", "rejected"),
    [
        ("Hi", "Hi there", "Hi you"),
        ("Name a cold sea", "Name a cold seal", "Name a cold season"),
        ("Name a cold sea.", "Name a cold sea. Baltic", "Nile"),
        ("Name a cold sea.", "Name a cold sea.", "Name a cold sea."),
    ],
)
def test_a_reply_that_only_resembles_the_prompt_is_left_as_it_is(tmp_path, prompt, chosen, rejected):
    (pair,) = read_pairs(write(tmp_path / "a.jsonl", {"prompt": prompt, "chosen": chosen, "rejected": rejected}))
    assert pair == PreferencePair(prompt, chosen, rejected)


def test_hh_text_beside_its_prompt(tmp_path):
    start = f"\n\nHuman: {ASKED}\n\nAssistant:"
    sides = {name: f"{start} {text}" for name, text in REPLIES.items()}
    for column, prompt in (("prompt", start), ("question", ASKED)):
        assert list(read_pairs(write(tmp_path / "a.jsonl", {column: prompt, **sides}))) == [ONCE]


def test_hh_text_without_a_turn_of_the_assistant_is_refused(tmp_path):
    record = {name: f"Human: {ASKED}\nAssistant: {text}" for name, text in REPLIES.items()}
    with pytest.raises(DataError, match=r"a\.jsonl:1: chosen .*assistant"):
        read_pairs(write(tmp_path / "a.jsonl", record))


def test_what_was_read_is_written_and_read_back(tmp_path):
    other = {"chosen": [user("a"), user("b"), assistant("c")], "rejected": [user("a"), assistant("d")]}
    parted = {"chosen": [user("a"), assistant("b"), user("c")], "rejected": [user("a"), user("d"), assistant("e")]}
    pairs = list(read_pairs(write(tmp_path / "a.jsonl", BOTH, other, parted)))
    write_pairs(pairs, tmp_path / "b.jsonl")
    assert list(read_pairs(tmp_path / "b.jsonl")) == pairs


@pytest.mark.parametrize("doubled", ["chosen", "rejected"])
def test_a_turn_that_one_dialogue_says_twice_is_the_prompt_once(tmp_path, doubled):
    turns = {"chosen": "\n\nAssistant: a", "rejected": "\n\nAssistant: b"}
    record = {side: "\n\nHuman: Q" * (1 + (side == doubled)) + turn for side, turn in turns.items()}
    pairs = read_pairs(write(tmp_path / "a.jsonl", record))
    assert (pairs[0].prompt, pairs[0].chosen, pairs[0].rejected) == (
        (user("Q"),), (assistant("a"),), (assistant("b"),),
    )  # fmt: skip
    write_pairs(pairs, tmp_path / "again.jsonl")
    assert list(read_pairs(tmp_path / "again.jsonl")) == list(pairs)


# --- A prompt that plain texts repeat --------------------------------------------------------------------------------

LONG = "What is the\n capital  of Peru?"


def test_a_repeated_prompt_is_taken_off_whatever_its_white_space(tmp_path):
    record = {"prompt": LONG, "chosen": " What is the capital of Peru? Lima", "rejected": LONG + "\nCusco"}
    (pair,) = read_pairs(write(tmp_path / "a.jsonl", record))
    assert (pair.prompt, pair.chosen, pair.rejected) == (LONG, " Lima", "\nCusco")


def test_an_empty_prompt_decides_nothing(tmp_path):
    whole = {"prompt": LONG, "chosen": LONG + " Lima", "rejected": LONG + " Cusco"}
    empty = {"prompt": "", "chosen": "a", "rejected": "b"}
    pairs = read_pairs(write(tmp_path / "a.jsonl", empty, whole, empty))
    assert [pair.chosen for pair in pairs] == ["a", " Lima", "a"]


def test_a_short_prompt_leaves_it_to_a_longer_one(tmp_path):
    short = {"prompt": "Hi", "chosen": "Hi there", "rejected": "Hi you"}
    whole = {"prompt": LONG, "chosen": LONG + " Lima", "rejected": LONG + " Cusco"}
    path = write(tmp_path / "a.jsonl", short, whole)
    with pytest.raises(DataError, match=r"a\.jsonl:2: chosen and rejected begin with the prompt"):
        read_pairs(path)
    pairs = read_pairs(write(tmp_path / "b.jsonl", whole, short))
    assert [pair.chosen for pair in pairs] == [" Lima", " there"]


def test_replies_that_repeat_the_prompt_now_and_then_are_kept_and_told(tmp_path):
    whole = {"prompt": LONG, "chosen": LONG + " Lima", "rejected": LONG + " Cusco"}
    pairs = read_pairs(write(tmp_path / "a.jsonl", {"prompt": LONG, "chosen": "Lima", "rejected": "Cusco"}, whole))
    assert pairs[1].chosen == whole["chosen"]
    assert any("begin with the prompt" in note for note in pairs.report.notes)


def test_a_dialogue_that_awaits_its_reply_is_read_as_turns(tmp_path):
    asked = "\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: A sea?\n\nAssistant:"
    pairs = read_pairs(write(tmp_path / "a.jsonl", {"prompt": asked, "chosen": " Baltic", "rejected": " Nile"}))
    turns = [user("Hi"), assistant("Yes?"), user("A sea?")]
    assert list(pairs) == [PreferencePair(turns, [assistant("Baltic")], [assistant("Nile")])]
