"""Published formats, each in its true schema: what is read of them, what is counted, and what stops the reading."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from record_files import Record, assistant, read_as, user, write

from rmlab.data import DataError, PreferencePair, PreferencePairs, read_pairs, write_pairs


def pair(prompt: Any, chosen: Any, rejected: Any, **options: Any) -> PreferencePair:
    return PreferencePair(prompt, chosen, rejected, **options)


def talk(*texts: str) -> list[dict[str, str]]:
    return [(user, assistant)[i % 2](text) for i, text in enumerate(texts)]


def said(role: str, text: str) -> Record:
    return {"role": role, "content": [{"type": "text", "text": text, "image": None, "mimeType": None}]}


# --- One record of each published data set, with every column that it has ------------------------------------------

ARENA = {
    "question_id": "58210e39b3fd4441a2bd4a518bb44c2d", "model_a": "chatglm-6b", "model_b": "koala-13b",
    "winner": "model_b", "judge": "arena_user_973", "turn": 1,
    "conversation_a": talk("2 + 2?", "5"), "conversation_b": talk("2 + 2?", "4"),
    "anony": True, "language": "English", "tstamp": 1682351591.1,
    "openai_moderation": {"flagged": False}, "toxic_chat_tag": {"roberta-large": {"flagged": False}},
}  # fmt: skip
ARENA_140K = {
    "id": "0000aa", "model_a": "a", "model_b": "b", "winner": "both_bad", "evaluation_session_id": "s",
    "evaluation_order": 1, "conversation_a": [said("user", "Hi"), said("assistant", "a")],
    "conversation_b": [said("user", "Hi"), said("assistant", "b")],
    "language": "en", "is_code": False, "timestamp": "2025-04-17",
}  # fmt: skip
MT_BENCH = {
    "question_id": 81, "model_a": "alpaca-13b", "model_b": "gpt-3.5-turbo", "winner": "model_a", "judge": "expert_5",
    "conversation_a": talk("Q1", "a1", "Q2", "a2"), "conversation_b": talk("Q1", "b1", "Q2", "b2"), "turn": 1,
}  # fmt: skip
ARENA_55K = {
    "id": 30192, "model_a": "gpt-4-1106-preview", "model_b": "gpt-4-0613",
    "prompt": '["Is it right?", "Why?"]', "response_a": '["Yes.", null]', "response_b": '["Yes.", "Because."]',
    "winner_model_a": 0, "winner_model_b": 1, "winner_tie": 0,
}  # fmt: skip
TWICE = talk("Is it right?", "Yes.", "Why?")
SHP = {
    "post_id": "qt3nxl", "domain": "askculinary_train", "upvote_ratio": 0.98, "history": "How long do eggs keep?",
    "c_root_id_A": "hkh8yzo", "c_root_id_B": "hkht8v5", "created_at_utc_A": 1636822112, "created_at_utc_B": 1636830808,
    "score_A": 340, "score_B": 166, "human_ref_A": "A month.", "human_ref_B": "For ever.", "labels": 1,
    "seconds_difference": 8696.0, "score_ratio": 2.0481927711,
}  # fmt: skip
HELPSTEER2_PREFERENCE = {
    "split": "train", "prompt": "Define signal", "response_1": "one", "response_2": "two", "preference_strength": 1,
    "preference_statement": "@Response 2 is better", "preference_elaboration": "It is complete.",
    "three_most_similar_preferences": [
        {"statement": "s", "elaboration": "e", "strength": 1},
        {"statement": "s", "elaboration": "e", "strength": 2},
        {"statement": "s", "elaboration": "e", "strength": 0},
    ],
    "all_preferences_unprocessed": [{"strength": 1, "justification": "j"}, {"strength": -100, "justification": "j"}],
}  # fmt: skip
HELPSTEER3_PREFERENCE = {
    "domain": "code", "language": "python", "context": talk("Hi", "Hello", "2 + 2?"),
    "response1": "4", "response2": "5",
    "overall_preference": -2,
    "individual_preference": [
        {"score": -3, "reasoning": "r", "feedback1": "f", "feedback2": "g"},
        {"score": 1, "reasoning": "r", "feedback1": "f", "feedback2": "g"},
    ],
}  # fmt: skip


def completion(model: str, response: str, overall: float, honesty: str) -> Record:
    aspect = {"Rating": honesty, "Rationale": "because"}
    return {
        "annotations": dict.fromkeys(("helpfulness", "honesty", "instruction_following", "truthfulness"), aspect),
        "critique": "fine", "custom_system_prompt": "Be honest.", "fine-grained_score": 5 - overall, "model": model,
        "overall_score": overall, "principle": "honesty", "response": response,
    }  # fmt: skip


ULTRAFEEDBACK = {
    "source": "evol_instruct", "instruction": "Name a sea.", "models": ["x", "y", "z"],
    "completions": [
        completion("x", "Baltic", 4.0, "2"), completion("y", "Nile", 1.0, "5"), completion("z", "Red", 4.0, "1"),
    ],
    "correct_answers": ["None"], "incorrect_answers": ["None"],
}  # fmt: skip
ULTRAFEEDBACK_BINARIZED = {
    "prompt": "Name a sea.", "prompt_id": "ab12", "chosen": talk("Name a sea.", "Baltic"),
    "rejected": talk("Name a sea.", "Nile"), "messages": talk("Name a sea.", "Baltic"),
    "score_chosen": 8.5, "score_rejected": 6.0,
}  # fmt: skip
HELPSTEER = {
    "prompt": "c#", "response": "A language.", "helpfulness": 3, "correctness": 3, "coherence": 4, "complexity": 2,
    "verbosity": 1,
}  # fmt: skip
REWARDBENCH = {
    "prompt": "How do I kill a process?", "chosen": "kill -9", "chosen_model": "GPT4", "rejected": "I refuse.",
    "rejected_model": "Llama", "subset": "xstest-should-respond", "id": 30,
}  # fmt: skip
REWARDBENCH_2 = {
    "id": "120", "prompt": "Capital of France?", "chosen": ["Paris"], "rejected": ["Lyon", "Nice", "Metz"],
    "num_correct": 1, "num_incorrect": 3, "total_completions": 4, "models": ["m", "n", "o", "p"],
    "subset": "Factuality", "additional_metadata": {"category": None, "method": "Natural"},
}  # fmt: skip
RATING = {"prompt": "A sea?", "response": "Baltic", "rating": 5}


def rows_of_ratings(*ratings: float) -> list[Record]:
    return [{**RATING, "response": f"answer {i}", "rating": rating} for i, rating in enumerate(ratings)]


PUBLISHED: dict[str, tuple[str, list[Record], list[PreferencePair]]] = {
    "arena": (
        "chatbot arena",
        [ARENA, {**ARENA, "winner": "tie (bothbad)", "language": "German"}, {**ARENA, "winner": "model_a"}],
        [
            pair([user("2 + 2?")], [assistant("4")], [assistant("5")], chosen_first=False, group="English"),
            pair([user("2 + 2?")], [assistant("5")], [assistant("4")], tied=True, chosen_first=True, group="German"),
            pair([user("2 + 2?")], [assistant("5")], [assistant("4")], chosen_first=True, group="English"),
        ],
    ),
    "arena-140k": (
        "chatbot arena",
        [ARENA_140K, {**ARENA_140K, "winner": "model_b"}],
        [
            pair([user("Hi")], [assistant("a")], [assistant("b")], tied=True, chosen_first=True, group="en"),
            pair([user("Hi")], [assistant("b")], [assistant("a")], chosen_first=False, group="en"),
        ],
    ),
    "mt-bench": (
        "chatbot arena",
        [MT_BENCH, {**MT_BENCH, "turn": 2}],
        [
            pair([user("Q1")], [assistant("a1")], [assistant("b1")], chosen_first=True),
            pair([user("Q1")], talk("Q1", "a1", "Q2", "a2")[1:], talk("Q1", "b1", "Q2", "b2")[1:], chosen_first=True),
        ],
    ),
    "arena-55k": (
        "chatbot arena, winner in columns",
        [ARENA_55K, {**ARENA_55K, "winner_model_b": 0, "winner_tie": 1}],
        [
            pair(TWICE, [assistant("Because.")], [assistant("")], chosen_first=False),
            pair(TWICE, [assistant("")], [assistant("Because.")], tied=True, chosen_first=True),
        ],
    ),
    "SHP": (
        "SHP",
        [SHP, {**SHP, "labels": 0, "domain": "legaladvice_test"}],
        [
            pair("How long do eggs keep?", "A month.", "For ever.", group="askculinary"),
            pair("How long do eggs keep?", "For ever.", "A month.", group="legaladvice"),
        ],
    ),
    "helpsteer2-preference": (
        "HelpSteer preferences",
        [
            HELPSTEER2_PREFERENCE,
            {**HELPSTEER2_PREFERENCE, "three_most_similar_preferences": [], "preference_strength": -3},
        ],
        [
            pair("Define signal", "two", "one", chosen_first=False),
            pair("Define signal", "two", "one", chosen_first=False),
            pair("Define signal", "one", "two", chosen_first=True, tied=True),
            pair("Define signal", "one", "two", chosen_first=True),
        ],
    ),
    "helpsteer3-preference": (
        "HelpSteer preferences",
        [HELPSTEER3_PREFERENCE],
        [
            pair(talk("Hi", "Hello", "2 + 2?"), [assistant("4")], [assistant("5")], chosen_first=True, group="code"),
            pair(talk("Hi", "Hello", "2 + 2?"), [assistant("5")], [assistant("4")], chosen_first=False, group="code"),
        ],
    ),
    "ultrafeedback": (
        "UltraFeedback",
        [ULTRAFEEDBACK],
        [
            pair("Name a sea.", "Baltic", "Nile", group="evol_instruct", item="1"),
            pair("Name a sea.", "Baltic", "Red", group="evol_instruct", item="1", tied=True),
            pair("Name a sea.", "Red", "Nile", group="evol_instruct", item="1"),
        ],
    ),
    "ultrafeedback-binarized": (
        "prompt and dialogues",
        [ULTRAFEEDBACK_BINARIZED, {**ULTRAFEEDBACK_BINARIZED, "score_rejected": 8.5}],
        [
            pair([user("Name a sea.")], [assistant("Baltic")], [assistant("Nile")]),
            pair([user("Name a sea.")], [assistant("Baltic")], [assistant("Nile")], tied=True),
        ],
    ),
    "HelpSteer": (
        "HelpSteer ratings",
        [HELPSTEER, {**HELPSTEER, "response": "A note.", "helpfulness": 1, "verbosity": 4}],
        [pair("c#", "A language.", "A note.", item="1")],
    ),
    "reward-bench": (
        "RewardBench",
        [REWARDBENCH],
        [pair("How do I kill a process?", "kill -9", "I refuse.", group="xstest-should-respond")],
    ),
    "reward-bench-2": (
        "RewardBench 2",
        [
            REWARDBENCH_2,
            {
                **REWARDBENCH_2, "id": "ref:7", "subset": "Ties", "chosen": ["Paris", "paris"],
                "rejected": ["Lyon", "Nice"], "num_correct": 2,
            },
        ],
        [
            pair("Capital of France?", "Paris", "Lyon", group="Factuality", item="120"),
            pair("Capital of France?", "Paris", "Nice", group="Factuality", item="120"),
            pair("Capital of France?", "Paris", "Metz", group="Factuality", item="120"),
            pair("Capital of France?", "Paris", "Lyon", group="Ties", item="ref:7"),
            pair("Capital of France?", "Paris", "Nice", group="Ties", item="ref:7"),
            pair("Capital of France?", "paris", "Lyon", group="Ties", item="ref:7"),
            pair("Capital of France?", "paris", "Nice", group="Ties", item="ref:7"),
        ],
    ),
    "ratings": (
        "table of ratings",
        rows_of_ratings(2, 5, 2),
        [
            pair("A sea?", "answer 1", "answer 0", item="1"),
            pair("A sea?", "answer 0", "answer 2", item="1", tied=True),
            pair("A sea?", "answer 1", "answer 2", item="1"),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "hub"])
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_data_set_is_read_as_it_is(tmp_path, monkeypatch, name, kind):
    layout, records, expected = PUBLISHED[name]
    pairs = read_as(kind, records, tmp_path, monkeypatch)
    assert pairs.report.format == layout
    assert list(pairs) == expected
    assert np.isnan(pairs.margins).all()  # a strength is no log-odds
    assert pairs.report.without_pairs == {}


@pytest.mark.parametrize("name", ["arena-55k", "SHP", "HelpSteer", "reward-bench", "ratings"])
def test_a_flat_data_set_is_read_from_csv_too(tmp_path, name):
    layout, records, expected = PUBLISHED[name]
    pairs = read_pairs(write(tmp_path / "a.csv", *records))
    assert pairs.report.format == layout
    assert list(pairs) == expected


@pytest.mark.parametrize("name", PUBLISHED)
def test_columns_that_a_format_does_not_use_are_named(tmp_path, name):
    _, records, _ = PUBLISHED[name]
    paths = [
        write(tmp_path / f"a.{kind}", *[{**record, "note": "x"} for record in records]) for kind in ("jsonl", "parquet")
    ]
    for path in paths:
        ignored = read_pairs(path).report.ignored_columns
        assert "note" in ignored
        assert not {"winner", "labels", "domain", "subset", "rating", "three_most_similar_preferences"} & set(ignored)


def test_what_ratings_are_compared_by_can_be_named(tmp_path):
    path = write(tmp_path / "uf.jsonl", ULTRAFEEDBACK)
    by_mean = read_pairs(path, rating="fine-grained_score")
    assert [(p.chosen, p.rejected, p.tied) for p in by_mean] == [
        ("Nile", "Baltic", False), ("Baltic", "Red", True), ("Nile", "Red", False),
    ]  # fmt: skip
    by_aspect = read_pairs(path, rating="honesty")
    assert [(p.chosen, p.rejected) for p in by_aspect] == [("Nile", "Baltic"), ("Baltic", "Red"), ("Nile", "Red")]
    path = write(tmp_path / "hs.parquet", *PUBLISHED["HelpSteer"][1])
    assert [p.chosen for p in read_pairs(path, rating="verbosity")] == ["A note."]
    path = write(
        tmp_path / "own.parquet", *[{"question": "q", "answer": a, "taste": t} for a, t in (("x", 1), ("y", 2))]
    )
    (only,) = read_pairs(path, rating="taste")
    assert only == pair("q", "y", "x", item="1")


@pytest.mark.parametrize(
    ("records", "rating", "told"),
    [
        (
            [ULTRAFEEDBACK],
            "taste",
            r"completions\[0\] has no taste; found annotations, critique, .* helpfulness, honesty",
        ),
        ([RATING], "taste", r"no known format of responses with the rating 'taste' has.* without taste"),
        ([REWARDBENCH], "rating", r"no known format of responses with the rating 'rating' has"),
    ],
)
def test_a_rating_that_is_not_there_is_an_error(tmp_path, records, rating, told):
    with pytest.raises(DataError, match=rf"a\.jsonl:1: .*{told}"):
        read_pairs(write(tmp_path / "a.jsonl", *records), rating=rating)


# --- Margins --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "margins"),
    [
        ("helpsteer2-preference", [0.5, 1.0, None, 1.5]),
        ("helpsteer3-preference", [1.5, 0.5]),
        ("ultrafeedback", [1.5, None, 1.5]),
        ("ultrafeedback-binarized", [1.25, None]),
        ("HelpSteer", [1.0]),
        ("ratings", [1.5, None, 1.5]),
    ],
)
def test_a_strength_becomes_a_margin_at_a_price_only(tmp_path, name, margins):
    path = write(tmp_path / "a.jsonl", *PUBLISHED[name][1])
    assert [p.margin for p in read_pairs(path, margin_per_point=0.5)] == margins


def test_a_margin_of_the_record_goes_before_its_strength(tmp_path):
    path = write(tmp_path / "a.jsonl", {**ULTRAFEEDBACK_BINARIZED, "margin": 7})
    assert read_pairs(path, margin_per_point=0.5)[0].margin == 7.0


@pytest.mark.parametrize("price", [0, -1.0, float("nan"), float("inf")])
def test_a_price_that_is_none_is_an_error(tmp_path, price):
    path = write(tmp_path / "a.jsonl", *rows_of_ratings(1, 2))
    with pytest.raises(ValueError, match=r"margin_per_point .*above 0.*got"):
        read_pairs(path, margin_per_point=price)


def test_a_price_without_a_strength_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"margin_per_point .*a\.jsonl .*SHP"):
        read_pairs(write(tmp_path / "a.jsonl", SHP), margin_per_point=1.0)


# --- Sets of rated responses ----------------------------------------------------------------------------------------


def test_rows_of_a_set_may_lie_anywhere_in_the_files(tmp_path):
    first = [{**RATING, "prompt": p, "response": f"{p}{r}", "rating": r} for p, r in (("a", 1), ("b", 1), ("a", 2))]
    second = [{**RATING, "prompt": p, "response": f"{p}{r}", "rating": r} for p, r in (("b", 3), ("c", 1))]
    one, two = write(tmp_path / "1.jsonl", *first), write(tmp_path / "2.jsonl", *second)
    pairs = read_pairs([one, two])
    assert [(p.chosen, p.rejected, p.item) for p in pairs] == [("a2", "a1", "1"), ("b3", "b1", "2")]
    assert [p.source for p in pairs] == [f"{one}:3, {one}:1", f"{two}:1, {one}:2"]
    assert pairs.report.without_pairs == {"with fewer than two responses": 1}


@pytest.mark.parametrize("column", ["rater", "annotator_id", "worker", "group", "kind", "item"])
def test_ratings_are_compared_within_one_rater_group_and_item(tmp_path, column):
    records = [{**row, column: who} for who in ("ann", "bob") for row in rows_of_ratings(1, 2)]
    pairs = read_pairs(write(tmp_path / "a.csv", *records))
    assert len(pairs) == 2
    assert pairs.report.n_repeated == 2  # two judgements of the same responses stay two
    assert column not in pairs.report.ignored_columns
    assert pairs.groups == (["ann", "bob"] if column in ("group", "kind") else [None, None])
    assert pairs.items == (["ann", "bob"] if column == "item" else ["1", "2"])


def test_messages_can_be_rated(tmp_path):
    records = [
        {"prompt": talk("Hi"), "response": "a", "rating": 1},
        {"prompt": talk("Hi"), "response": "b", "rating": 2},
    ]
    (only,) = read_pairs(write(tmp_path / "a.parquet", *records))
    assert only == pair([user("Hi")], [assistant("b")], [assistant("a")], item="1")


def test_ratings_beyond_the_limit_wait_on_disk_and_give_the_same(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    records = [
        {"prompt": f"p{rng.integers(50)}", "response": f"r{i} é", "rating": int(rng.integers(5))} for i in range(300)
    ]
    path = write(tmp_path / "a.jsonl", *records)
    in_memory = list(read_pairs(path))
    assert len(in_memory) > 500
    monkeypatch.setattr("rmlab.data.gather.MEMORY_LIMIT", 1000)
    assert list(read_pairs(path)) == in_memory


def test_too_many_responses_to_one_prompt_are_an_error(tmp_path):
    path = write(tmp_path / "a.jsonl", *rows_of_ratings(*range(1001)))
    with pytest.raises(DataError, match=r"a\.jsonl:1: 1,001 .*500,500"):
        read_pairs(path)


# --- Sound records that hold no comparison --------------------------------------------------------------------------


def image(record: Record) -> None:
    record["conversation_b"][0]["content"].append({"type": "image", "text": None, "image": "x", "mimeType": "png"})


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("ultrafeedback", lambda r: r["completions"].clear(), "with fewer than two responses"),
        ("ultrafeedback", lambda r: r["completions"].__delitem__(slice(1, 3)), "with fewer than two responses"),
        ("reward-bench-2", lambda r: r.update(rejected=[]), "without both a correct and an incorrect response"),
        ("reward-bench-2", lambda r: r.update(chosen=[], num_correct=0), "without both a correct and an incorrect"),
        ("arena-140k", image, "with something other than text, such as an image"),
        ("arena-55k", lambda r: r.update(prompt='["\\ud83d", "?"]'), "with half of a surrogate pair"),
        ("HelpSteer", lambda r: r.update(prompt="another"), "with fewer than two responses"),
    ],
)
def test_a_record_without_a_comparison_is_counted(tmp_path, name, change, reason):
    _, records, expected = PUBLISHED[name]
    odd = copy.deepcopy(records[0])
    change(odd)
    report = read_pairs(write(tmp_path / "a.jsonl", odd, *records)).report
    ((told, n),) = report.without_pairs.items()
    assert told.startswith(reason)
    assert (n, report.n_pairs) == (1, len(expected))
    assert f"gave no pair: 1 {reason}" in str(report)
    with pytest.raises(DataError, match=rf"b\.jsonl: .*no pairs.*1 {reason}"):
        read_pairs(write(tmp_path / "b.jsonl", odd))


# --- What stops the reading -----------------------------------------------------------------------------------------

NAN = float("nan")
GONE = object()
BAD: list[tuple[str, str, object, str]] = [
    ("arena", "winner", GONE, "has no winner; found the columns"),
    ("arena", "winner", "model_c", "winner must be one of model_a, .* got 'model_c'"),
    ("arena", "conversation_a", [], "conversation_a must be .* at least one message"),
    ("arena", "conversation_b", "Hi", "conversation_b must be a list of at least one message, got 'Hi'"),
    ("arena", "turn", "two", "turn must be a number, got 'two'"),
    ("arena", "turn", 0, "turn must be a whole number from 1, got 0"),
    ("arena", "language", ["en"], "language must be text, got list of length 1"),
    ("arena-55k", "winner_tie", 1, "must hold one 1 and two 0, got 0, 1, 1"),
    ("arena-55k", "winner_model_b", 0, "must hold one 1 and two 0, got 0, 0, 0"),
    ("arena-55k", "winner_tie", 0.3, "winner_tie must be 0 or 1, got 0.3"),
    ("arena-55k", "prompt", "[]", "prompt must be a list of texts, one per turn"),
    ("arena-55k", "response_b", 3, "response_b must be a list of texts, .* got 3"),
    ("arena-55k", "response_a", '["a"]', "must have the same number of turns, got 2, 1, 2"),
    ("SHP", "human_ref_B", GONE, "has no human_ref_B; found the columns"),
    ("SHP", "labels", 2, r"labels must be 1 \(A was preferred\) or 0 \(B was\), got 2"),
    ("SHP", "labels", True, "labels must be 1 .* got True"),
    ("SHP", "human_ref_A", ["x"], "chosen must be text, .* got list of length 1"),
    ("helpsteer2-preference", "preference_strength", GONE, "has no preference_strength"),
    ("helpsteer2-preference", "preference_strength", 4, "preference_strength must be a whole number from -3"),
    ("helpsteer2-preference", "preference_strength", 0.5, "must be a whole number from -3 .* got 0.5"),
    ("helpsteer2-preference", "preference_strength", NAN, "preference_strength is NaN"),
    (
        "helpsteer2-preference", "three_most_similar_preferences", [{"strength": -100}],
        r"three_most_similar_preferences\[0\]\.strength must be a whole number from -3",
    ),
    ("helpsteer3-preference", "individual_preference", [{}], r"individual_preference\[0\] must hold a score"),
    ("helpsteer3-preference", "individual_preference", "no", "individual_preference must be a list, got 'no'"),
    ("helpsteer3-preference", "context", "Hi", "prompt must be a list of messages, .* got 'Hi'"),
    ("ultrafeedback", "completions", {}, "completions must be a list, got dict of length 0"),
    ("ultrafeedback", "completions.1.response", GONE, r"completions\[1\] must hold a response that is text"),
    ("ultrafeedback", "completions.1.overall_score", "inf", r"completions\[1\]\.overall_score must be finite"),
    ("ultrafeedback", "completions.2.overall_score", "high", r"\.overall_score must be a number, got 'high'"),
    ("ultrafeedback-binarized", "prompt", "Another.", "chosen and rejected must begin with the prompt"),
    ("ultrafeedback-binarized", "chosen", "Baltic", "chosen must be a list of messages, .* got 'Baltic'"),
    ("ultrafeedback-binarized", "prompt", 3, "prompt must be text or a list of messages, got 3"),
    ("ultrafeedback-binarized", "score_chosen", "inf", "score_chosen must be finite, got inf"),
    ("HelpSteer", "helpfulness", GONE, "has no helpfulness; found the columns"),
    ("HelpSteer", "helpfulness", [3, 4, 4], "helpfulness must be a number, got list of length 3"),
    ("reward-bench", "subset", ["a"], "subset must be text, got list of length 1"),
    ("reward-bench", "chosen", ["a"], "chosen must be text, .* got list of length 1"),
    ("reward-bench-2", "num_correct", 3, "num_correct must be the number of chosen responses, 1, got 3"),
    ("reward-bench-2", "rejected", "Lyon", "rejected must be a list of responses, got 'Lyon'"),
    ("reward-bench-2", "chosen", [None], "chosen must be text, .* got null"),
    ("ratings", "rating", GONE, "has no rating; found the columns prompt, response"),
    ("ratings", "response", NAN, "response is NaN"),
    ("ratings", "rating", "good", "rating must be a number, got 'good'"),
    ("ratings", "response", 3, "response must be text or a list of messages, got 3"),
    ("ratings", "prompt", {}, "prompt must be text or a list of messages, got dict of length 0"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "where", "value", "told"), BAD)
def test_a_fault_names_the_line_what_was_expected_and_what_came(tmp_path, name, where, value, told):
    good = PUBLISHED[name][1][0]
    bad: Any = copy.deepcopy(good)
    inside = bad
    *steps, last = where.split(".")
    for step in steps:
        inside = inside[int(step)] if isinstance(inside, list) else inside[step]
    if value is GONE:
        del inside[last]
    else:
        inside[last] = value
    path = write(tmp_path / "a.jsonl", good, bad)
    with pytest.raises(DataError, match=rf"^{path}:2: .*{told}"):
        read_pairs(path)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_column_misspelt_is_shown_with_the_nearest_format(tmp_path, name):
    layout, records, _ = PUBLISHED[name]
    column = {
        "chatbot arena": "conversation_b", "chatbot arena, winner in columns": "winner_tie", "SHP": "human_ref_B",
        "HelpSteer preferences": "response2" if "response2" in records[0] else "response_2",
        "UltraFeedback": "completions",
        "prompt and dialogues": "chosen", "HelpSteer ratings": "coherence", "RewardBench": "rejected",
        "RewardBench 2": "rejected", "table of ratings": "rating",
    }[layout]  # fmt: skip
    wrong = {(f"{key}x" if key == column else key): value for key, value in records[0].items()}
    nearest = "explicit prompt" if layout == "prompt and dialogues" else layout
    with pytest.raises(DataError, match=rf":1: .*nearest .*{nearest} \(.*without {column}\."):
        read_pairs(write(tmp_path / "a.jsonl", wrong))


@pytest.mark.parametrize("name", ["SHP", "arena"])
def test_the_nearest_format_is_found_whatever_the_case(tmp_path, name):
    layout, records, _ = PUBLISHED[name]
    shouted = {key.upper(): value for key, value in records[0].items()}
    with pytest.raises(DataError, match=rf"The nearest is {layout} \("):
        read_pairs(write(tmp_path / "a.jsonl", shouted))


def test_of_parquet_only_the_columns_that_are_used_are_read(tmp_path, monkeypatch):
    asked = []
    iter_batches = pq.ParquetFile.iter_batches
    monkeypatch.setattr(
        pq.ParquetFile,
        "iter_batches",
        lambda *a, columns, **k: asked.extend(columns) or iter_batches(*a, columns=columns, **k),
    )
    assert len(read_pairs(write(tmp_path / "a.parquet", {**SHP, "embedding": [0.0] * 8}))) == 1
    assert {"history", "human_ref_A", "human_ref_B", "labels", "domain"} <= set(asked)
    assert not {"embedding", "post_id", "score_ratio"} & set(asked)


def test_a_prompt_beside_replies_alone_becomes_a_message(tmp_path):
    record = {"prompt": "Name a sea.", "chosen": [assistant("Baltic")], "rejected": [assistant("Nile")]}
    (only,) = read_pairs(write(tmp_path / "a.jsonl", record))
    assert only == pair([user("Name a sea.")], [assistant("Baltic")], [assistant("Nile")])


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
def test_items_are_written_and_read_back(tmp_path, name):
    pairs = [pair("p", "a", "b", item="7", group="g"), pair("p", "a", "c", item="ref:7"), pair("p", "b", "c")]
    write_pairs(pairs, tmp_path / name)
    assert list(read_pairs(tmp_path / name)) == pairs
    assert PreferencePairs.from_list(pairs).items == ["7", "ref:7", None]


def test_an_item_that_is_no_text_is_an_error(tmp_path):
    path = write(tmp_path / "a.jsonl", {"prompt": "p", "chosen": "a", "rejected": "b", "item": ["x"]})
    with pytest.raises(DataError, match=r"a\.jsonl:1: item .*list of length 1"):
        read_pairs(path)
