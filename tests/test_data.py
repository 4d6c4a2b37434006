"""Preference data: what is recognised, kept, flagged, split and written; what stops the reading, and what is said."""

from __future__ import annotations

import copy
import csv
import gzip
import io
import json
import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rmlab.data import (
    DataError,
    PreferencePair,
    PreferencePairs,
    check_pairs,
    csv_files,
    group_near_equal,
    read_pairs,
    split_by_prompt,
    trainable,
    write_pairs,
)
from rmlab.data.spill import BatchStore

HH = Path(__file__).parents[2] / "shared" / "data" / "hh_harmless_part.jsonl.gz"

TEXT = {"prompt": "What is 2 + 2?", "chosen": "Four.", "rejected": "Five."}
DIALOGUE = {
    "prompt": [{"role": "user", "content": "What is 2 + 2?"}],
    "chosen": [{"role": "assistant", "content": "Four."}],
    "rejected": [{"role": "assistant", "content": "Five."}],
}
AB = {"prompt": "What is 2 + 2?", "response_a": "Five.", "response_b": "Four.", "preference": "b"}


def write_lines(path: Path, *records: object) -> Path:
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def write_csv(path: Path, *rows: list[str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def texts(*triples: tuple[str, str, str], **options) -> PreferencePairs:
    return PreferencePairs.from_list([PreferencePair(*triple, **options) for triple in triples])


def distinct_prompts(n: int) -> list[str]:
    """Prompts of random letters: no two are near-equal."""
    letters = np.random.default_rng(0).choice(list("abcdefghij "), size=(n, 40))
    return ["".join(row) for row in letters]


# --- Formats --------------------------------------------------------------------------------------------------------


def test_text_with_an_explicit_prompt(tmp_path):
    path = write_lines(tmp_path / "pairs.jsonl", {**TEXT, "margin": 2, "group": "sums"}, {**TEXT, "tied": True})
    first, second = read_pairs(path)
    assert first == PreferencePair("What is 2 + 2?", "Four.", "Five.", margin=2.0, group="sums")
    assert second.tied
    assert second.margin is None
    assert [pair.source for pair in (first, second)] == [f"{path}:1", f"{path}:2"]


def test_messages_with_an_explicit_prompt(tmp_path):
    pairs = read_pairs(write_lines(tmp_path / "pairs.jsonl", DIALOGUE))
    assert pairs.messages
    assert pairs[0] == PreferencePair([user("What is 2 + 2?")], [assistant("Four.")], [assistant("Five.")])
    assert pairs[0].prompt == (user("What is 2 + 2?"),)


def test_messages_with_an_implicit_prompt_share_the_longest_run_of_turns(tmp_path):
    shared = [user("Hi"), assistant("Hello"), user("2 + 2?")]
    path = write_lines(
        tmp_path / "pairs.jsonl",
        {"chosen": [*shared, assistant("4")], "rejected": [*shared, assistant("5")]},
        {"chosen": [*shared, assistant("4")], "rejected": [user("Hi"), assistant("Yes?"), user("3?"), assistant("3")]},
        {"chosen": [*shared, assistant("4")], "rejected": [*shared, assistant("4")]},
        {"chosen": shared, "rejected": [*shared, assistant("4")]},
    )
    pairs = read_pairs(path)
    assert [len(pair.prompt) for pair in pairs] == [3, 1, 3, 2]
    assert pairs[1].chosen == (assistant("Hello"), user("2 + 2?"), assistant("4"))
    assert pairs[2].chosen == pairs[2].rejected == (assistant("4"),)
    assert pairs.report.n_prompts_differ == 2
    assert check_pairs(pairs).prompts_differ.tolist() == [1, 3]


def test_text_without_a_prompt_column_is_refused(tmp_path):
    path = write_lines(tmp_path / "pairs.jsonl", {"chosen": "Q: 2 + 2?\nA: 4", "rejected": "Q: 2 + 2?\nA: 5", "id": 1})
    with pytest.raises(DataError, match=r"pairs\.jsonl:1: chosen and rejected .*no column holds the prompt .*id"):
        read_pairs(path)


def test_hh_text_becomes_messages(tmp_path):
    start = "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: 2 + 2?"
    path = write_lines(
        tmp_path / "pairs.jsonl",
        {"chosen": start + "\n\nAssistant: 4\n\nAs I said.", "rejected": start + "\n\nAssistant: 5"},
        {"chosen": start + "\n\nAssistant: 4", "rejected": start + "\n\nAssistant:"},
    )
    pairs = read_pairs(path)
    assert pairs.report.format == "Anthropic HH"
    assert pairs[0].prompt == (user("Hi"), assistant("Hello"), user("2 + 2?"))
    assert pairs[0].chosen == (assistant("4\n\nAs I said."),)
    assert pairs[1].rejected == (assistant(""),)
    assert (pairs.report.n_empty, pairs.report.n_prompts_differ) == (1, 0)


@pytest.mark.parametrize(
    ("names", "label", "chosen_first", "tied"),
    [
        (("response_a", "response_b", "preference"), "a", True, False),
        (("response_a", "response_b", "preference"), "B", False, False),
        (("response_a", "response_b", "winner"), "model_b", False, False),
        (("response_A", "response_B", "label"), "response_a", True, False),
        (("answer_1", "answer_2", "preferred"), 2, False, False),
        (("answer_1", "answer_2", "preferred"), 1.0, True, False),
        (("response_0", "response_1", "choice"), 0, True, False),
        (("left", "right", "winner"), "right", False, False),
        (("response_a", "response_b", "preference"), " Tie ", True, True),
    ],
)
def test_two_responses_and_a_preference(tmp_path, names, label, chosen_first, tied):
    record = dict(zip(("prompt", *names), ("Q", "first", "second", label), strict=True))
    (pair,) = read_pairs(write_lines(tmp_path / "pairs.jsonl", record))
    chosen, rejected = ("first", "second") if chosen_first else ("second", "first")
    assert pair == PreferencePair("Q", chosen, rejected, tied=tied, chosen_first=chosen_first)


@pytest.mark.parametrize("label", ["c", 0, 1, 3, 1.5, True, "no", ["a"]])
def test_an_unknown_label_is_never_read_as_a_tie(tmp_path, label):
    path = write_lines(tmp_path / "pairs.jsonl", AB, {**AB, "preference": label})
    with pytest.raises(DataError, match=r"pairs\.jsonl:2: preference .*response_a.*tie"):
        read_pairs(path)


def test_the_group_may_be_called_kind(tmp_path):
    pairs = read_pairs(write_lines(tmp_path / "p.jsonl", {**TEXT, "kind": "sums"}, {**TEXT, "kind": 3, "group": "a"}))
    assert pairs.groups == ["sums", "a"]


def test_columns_that_are_not_used_are_named(tmp_path):
    path = write_lines(tmp_path / "pairs.jsonl", {**TEXT, "id": 3}, {**TEXT, "note": "x"})
    assert read_pairs(path).report.ignored_columns == ("id", "note")
    message = {**user("Hi"), "name": "Ann", "tool": None}
    pairs = read_pairs(write_lines(tmp_path / "m.jsonl", {**DIALOGUE, "prompt": [message]}))
    assert pairs.report.ignored_columns == ("prompt[].name",)
    assert "columns not used: prompt[].name" in str(pairs.report)
    assert PreferencePairs.from_list([PreferencePair([message], [user("a")], [user("b")])]).report.ignored_columns


# --- Files ----------------------------------------------------------------------------------------------------------


def test_gzip_csv_parquet_and_ndjson_give_the_same_pairs(tmp_path):
    plain = write_lines(tmp_path / "a.jsonl", TEXT, TEXT)
    packed = tmp_path / "a.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    table = write_csv(tmp_path / "a.csv", list(TEXT), list(TEXT.values()), [], list(TEXT.values()))
    packed_table = tmp_path / "b.csv.gz"
    packed_table.write_bytes(gzip.compress(b"\xef\xbb\xbf" + table.read_bytes()))  # with a byte-order mark, as Excel
    parquet = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist([{**TEXT, "id": 1}] * 2), parquet)
    other = write_lines(tmp_path / "a.ndjson", TEXT, "", TEXT)
    expected = [PreferencePair(*TEXT.values())] * 2
    for path in (plain, packed, table, packed_table, parquet, other):
        assert list(read_pairs(path)) == expected, path
    assert read_pairs(parquet)[1].source == f"{parquet} row 2"
    assert read_pairs(parquet).report.ignored_columns == ("id",)
    assert read_pairs(table)[1].source == f"{table}:4"


def test_csv_cells_over_several_lines_and_very_long_ones(tmp_path):
    path = write_csv(tmp_path / "a.csv", list(TEXT), ["one\r\ntwo", "x" * 300_000, 'say "no", or\n'], ["a", "b", "c"])
    limit = csv.field_size_limit(131_072)
    try:
        pairs = read_pairs(path)
    finally:
        left = csv.field_size_limit(limit)
    assert pairs[0] == PreferencePair("one\r\ntwo", "x" * 300_000, 'say "no", or\n')
    assert pairs[1].source == f"{path}:5"
    assert left == 131_072


def test_csv_reads_margins_flags_and_gaps(tmp_path):
    header = [*TEXT, "margin", "weight", "tied", "group", "chosen_first"]
    rows = ["p", "a", "b", "1.5", "0.25", "True", "g", "0"], ["p", "a", "b", "", "", "", "", ""]
    pairs = read_pairs(write_csv(tmp_path / "a.csv", header, *rows))
    assert pairs[0] == PreferencePair("p", "a", "b", margin=1.5, weight=0.25, tied=True, group="g", chosen_first=False)
    assert pairs[1] == PreferencePair("p", "a", "b")


def test_globs_and_lists_read_files_in_order(tmp_path):
    for name in ("b", "a", "c"):
        write_lines(tmp_path / f"{name}.jsonl", {**TEXT, "prompt": name})
    assert [pair.prompt for pair in read_pairs(str(tmp_path / "*.jsonl"))] == ["a", "b", "c"]
    assert [pair.prompt for pair in read_pairs([tmp_path / "c.jsonl", tmp_path / "a.jsonl"])] == ["c", "a"]
    assert read_pairs(tmp_path / "*.jsonl").report.files == tuple(str(tmp_path / f"{n}.jsonl") for n in "abc")
    odd = write_lines(tmp_path / "[a].jsonl", {**TEXT, "prompt": "a path that exists is no glob"})
    assert read_pairs(odd)[0].prompt == "a path that exists is no glob"


def test_files_of_two_formats_or_kinds_are_refused(tmp_path):
    a, b, c = (write_lines(tmp_path / f"{n}.jsonl", record) for n, record in (("a", TEXT), ("b", AB), ("c", DIALOGUE)))
    with pytest.raises(DataError, match=r"b\.jsonl:1: .*A/B.*a\.jsonl.*explicit prompt"):
        read_pairs([a, b])
    with pytest.raises(DataError, match=r"c\.jsonl:1: prompt .*list of length 1"):
        read_pairs([a, c])


# --- The hub --------------------------------------------------------------------------------------------------------


def fake_hub(monkeypatch, load) -> None:
    datasets = pytest.importorskip("datasets", reason="the extra hub is not installed")
    monkeypatch.setattr(datasets, "load_dataset", load)


def test_a_hub_id_is_read_through_datasets(monkeypatch):
    datasets = pytest.importorskip("datasets", reason="the extra hub is not installed")
    asked = []

    def load(*args, **options):
        asked.append((args, options))
        data = datasets.Dataset.from_list([{**DIALOGUE, "id": i, "margin": float(i)} for i in range(5)])
        return data.select([4, 0])  # an indices mapping must be followed

    fake_hub(monkeypatch, load)
    pairs = read_pairs("someone/pairs", split="test", subset="small", revision="abc")
    assert asked == [(("someone/pairs", "small"), {"split": "test", "revision": "abc"})]
    assert pairs.margins.tolist() == [4.0, 0.0]
    assert pairs[1] == PreferencePair(DIALOGUE["prompt"], DIALOGUE["chosen"], DIALOGUE["rejected"], margin=0.0)
    assert pairs[1].source == "someone/pairs[test] row 2"
    assert pairs.report.ignored_columns == ("id",)


def test_a_hub_id_with_several_splits_needs_one_named(monkeypatch):
    datasets = pytest.importorskip("datasets", reason="the extra hub is not installed")
    one = datasets.Dataset.from_list([TEXT])
    fake_hub(monkeypatch, lambda *_, **__: datasets.DatasetDict(train=one, test=one))
    with pytest.raises(DataError, match=r"someone/pairs: .*train, test.*split='train'"):
        read_pairs("someone/pairs")
    fake_hub(monkeypatch, lambda *_, **__: datasets.DatasetDict(train=one))
    assert len(read_pairs("someone/pairs")) == 1


def test_what_the_hub_lacks_is_told(monkeypatch):
    def load(*_, **__):
        raise OSError("offline")

    fake_hub(monkeypatch, load)
    with pytest.raises(DataError, match=r"someone/pairs: .*OSError: offline"):
        read_pairs("someone/pairs")


def test_without_datasets_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ImportError, match=r"install the extra reward-model-lab\[hub\]"):
        read_pairs("someone/pairs")


def test_a_path_that_exists_wins_over_a_hub_id(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", types.ModuleType("datasets"))  # any use of it would fail
    monkeypatch.chdir(tmp_path)
    (tmp_path / "someone").mkdir()
    write_lines(tmp_path / "someone" / "pairs.jsonl", TEXT)
    assert len(read_pairs("someone/pairs.jsonl")) == 1
    with pytest.raises(ValueError, match=r"split='train' .*someone/pairs\.jsonl"):
        read_pairs("someone/pairs.jsonl", split="train")
    for missing in ("someone/other.jsonl", "no/such/*.csv", ["someone/pairs.jsonl", "someone/hub-id"]):
        with pytest.raises(FileNotFoundError, match=r"no file .*hub id"):
            read_pairs(missing)
    with pytest.raises(DataError, match=r"someone: .*folder"):
        read_pairs("someone")


# --- What stops the reading -----------------------------------------------------------------------------------------

DIALOGUE_WITHOUT_ROLE = {**DIALOGUE, "chosen": [{"content": "Four."}]}


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ("{", r"is not JSON \(Expecting property name .* at character 2"),
        ('{"prompt": "a" "b"}', "is not JSON"),
        ("[" * 100_000, "is not JSON that can be read"),
        ('{"margin": ' + "1" * 5000 + "}", "is not JSON that can be read"),
        ("3", "expected one JSON object for each record, got int"),
        ('{"prompt": "p", "chosen": "a", "chosen": "b", "rejected": "c"}', "'chosen' occurs twice in one object"),
        ({"prompt": "p", "chosen": "a"}, "has no rejected; found the columns chosen, prompt"),
        ({**TEXT, "chosen": None}, "chosen is null"),
        ({**TEXT, "chosen": 3}, "chosen must be text, like the records before, got 3"),
        (DIALOGUE, "prompt must be text, .* got list of length 1; text and messages are mixed"),
        ({**TEXT, "rejected": DIALOGUE["rejected"]}, "chosen must be a list of messages, like the other side"),
        ({**TEXT, "margin": "large"}, "margin must be a number, got 'large'"),
        ({**TEXT, "margin": True}, "margin must be a number, got True"),
        ({**TEXT, "margin": float("nan")}, "margin must be finite, got nan"),
        ({**TEXT, "margin": float("-inf")}, "margin must be finite, got -inf"),
        ({**TEXT, "margin": 10**400}, "margin must be a number, got int"),
        ({**TEXT, "weight": "heavy"}, "weight must be a number, got 'heavy'"),
        ({**TEXT, "weight": True}, "weight must be a number, got True"),
        ({**TEXT, "weight": 0}, "weight must be above 0, got 0"),
        ({**TEXT, "weight": -0.5}, r"weight must be above 0, got -0\.5"),
        ({**TEXT, "weight": float("nan")}, "weight must be finite, got nan"),
        ({**TEXT, "weight": float("inf")}, "weight must be finite, got inf"),
        ({**TEXT, "tied": "maybe"}, "tied must be true or false, got 'maybe'"),
        ({**TEXT, "tied": 2}, "tied must be true or false, got 2"),
        ({**TEXT, "group": ["a"]}, "group must be text, got list of length 1"),
        ({**TEXT, "chosen": "\ud800"}, r"holds half of a surrogate pair \('\\ud800'\)"),
    ],
)
def test_a_fault_of_syntax_or_schema_names_file_and_line(tmp_path, second, told):
    path = write_lines(tmp_path / "pairs.jsonl", TEXT, second)
    with pytest.raises(DataError, match=rf"^{path}:2: .*{told}"):
        read_pairs(path)


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (TEXT, "prompt must be a list of messages, like the records before, got 'What is 2"),
        ({**DIALOGUE, "chosen": 3}, "chosen must be a list of messages, like the records before, got 3"),
        (DIALOGUE_WITHOUT_ROLE, r"chosen\[0\] must have a role that is text, got a message with content"),
        (
            {**DIALOGUE, "rejected": [{**assistant(""), "content": None}]},
            r"rejected\[0\] must have a content .* got null",
        ),
        ({**DIALOGUE, "prompt": ["Hi"]}, r"prompt\[0\] must be a message with role and content, got 'Hi'"),
        ({**DIALOGUE, "chosen": []}, "chosen and rejected must each hold at least one message"),
        ({**DIALOGUE, "prompt": [{"role": "", "content": "a"}]}, r"prompt\[0\] has an empty role"),
    ],
)
def test_a_fault_in_messages_names_file_and_line(tmp_path, second, told):
    path = write_lines(tmp_path / "pairs.jsonl", DIALOGUE, second)
    with pytest.raises(DataError, match=rf"^{path}:2: {told}"):
        read_pairs(path)


def test_an_implicit_prompt_beside_an_explicit_one_is_refused(tmp_path):
    sides = {name: [user("a"), assistant(name)] for name in ("chosen", "rejected")}
    path = write_lines(tmp_path / "pairs.jsonl", sides, {**sides, "prompt": [user("a")]})
    with pytest.raises(DataError, match=r"pairs\.jsonl:2: .*prompt.*first record"):
        read_pairs(path)
    hh = dict.fromkeys(("chosen", "rejected"), "\n\nHuman: a\n\nAssistant: b")
    path = write_lines(tmp_path / "hh.jsonl", hh, {"chosen": "a", "rejected": "b"})
    with pytest.raises(DataError, match=r"hh\.jsonl:2: chosen must be a dialogue that begins with"):
        read_pairs(path)


def test_unknown_columns_are_shown_with_the_nearest_format(tmp_path):
    path = write_lines(tmp_path / "pairs.jsonl", {"prompt": "p", "response_a": "a", "response_b": "b", "outcome": "a"})
    with pytest.raises(
        DataError,
        match=r"pairs\.jsonl:1: .*outcome, prompt, response_a, response_b.*A/B .*without preference",
    ):
        read_pairs(path)
    with pytest.raises(DataError, match=r"explicit prompt \(prompt, chosen, rejected\).*without chosen"):
        read_pairs(write_lines(tmp_path / "p.jsonl", {"prompt": "p", "choosen": "a", "rejected": "b"}))


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.jsonl.gz", "a.csv.gz", "a.json"])
def test_an_empty_file_is_an_error(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"")
    with pytest.raises(DataError, match=rf"{path}: holds no pairs"):
        read_pairs(path)


def test_a_header_alone_or_a_parquet_without_rows_is_an_error(tmp_path):
    for path in (write_csv(tmp_path / "a.csv", list(TEXT)), tmp_path / "a.parquet"):
        if path.suffix == ".parquet":
            pq.write_table(pa.table({name: pa.array([], pa.string()) for name in TEXT}), path)
        with pytest.raises(DataError, match=rf"{path}: holds no pairs"):
            read_pairs(path)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["prompt,chosen,rejected", "a,b,c", "a,b"], r":3: expected 3 cells, as in the header, got 2"),
        (["prompt,chosen,rejected", "a,b,c,d"], r":2: expected 3 cells, as in the header, got 4"),
        (["prompt,chosen,chosen", "a,b,c"], r":1: two columns have the same name: chosen"),
        (
            ["prompt,chosen,rejected", "a,b,c", 'a,"b,c', "a,b,c"],
            r":3: is not valid CSV .*Is a quotation mark not closed",
        ),
        (["prompt,chosen,rejected", 'a,"b"c,d'], r":2: is not valid CSV"),
    ],
)
def test_a_fault_in_csv_names_the_line(tmp_path, rows, told):
    path = tmp_path / "a.csv"
    path.write_text("\n".join(rows))
    with pytest.raises(DataError, match=rf"^{path}{told}"):
        read_pairs(path)


def test_text_that_is_not_utf8_names_the_line(tmp_path):
    for path in (write_lines(tmp_path / "a.jsonl", TEXT), write_csv(tmp_path / "a.csv", list(TEXT))):
        path.write_bytes(path.read_bytes() + "d\xe9j\xe0 vu\n".encode("latin-1"))
        with pytest.raises(DataError, match=rf"^{path}:2: .*UTF-8.*byte 1\b"):
            read_pairs(path)


def test_a_damaged_gzip_names_the_line(tmp_path):
    content = "".join(json.dumps({**TEXT, "prompt": p}) + "\n" for p in distinct_prompts(500)).encode()
    packed, path = gzip.compress(content), tmp_path / "a.jsonl.gz"
    wrong = bytearray(packed)
    wrong[-6] ^= 1  # in the checksum
    for damaged in (packed[: len(packed) // 2], packed[:-4], bytes(wrong), packed + b"no gzip"):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=rf"^{path}:\d+: .*gzip.*damaged"):
            read_pairs(path)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"gzip.*damaged"):
        read_pairs(path)
    misnamed = tmp_path / "a.jsonl"
    misnamed.write_bytes(packed)
    with pytest.raises(DataError, match=r"a\.jsonl:1: .*gzip.*\.gz"):
        read_pairs(misnamed)


def test_a_damaged_parquet_names_the_file(tmp_path):
    path = tmp_path / "a.parquet"
    write_pairs(texts(*[(p, "a", "b") for p in distinct_prompts(100)]), path)
    whole = path.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], whole[:-20] + whole[-16:], b"PAR1" + whole[4:60] + whole[90:]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=rf"^{path}( row 1)?: "):
            read_pairs(path)


def test_an_unknown_ending_is_refused(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"x")
    with pytest.raises(DataError, match=r"a\.xlsx: .*\.jsonl, .*\.parquet"):
        read_pairs(tmp_path / "a.xlsx")
    with pytest.raises(DataError, match="empty list"):
        read_pairs([])


# --- The sequence ---------------------------------------------------------------------------------------------------


def test_slices_and_selections_share_the_table():
    pairs = texts(*[(f"p{i}", "a", "b") for i in range(10)])
    everything = list(pairs)
    assert list(pairs[2:8:3]) == everything[2:8:3]
    assert list(pairs[::-1]) == everything[::-1]
    assert list(pairs[[4, -1]]) == [everything[4], everything[9]]
    assert list(pairs[np.arange(10) % 2 == 1][1:3]) == [everything[3], everything[5]]
    assert list(pairs[5:][[0]][:]) == [everything[5]]
    assert list(pairs[[]]) == []
    assert pairs[np.int64(3)] == everything[3]
    assert list(copy.copy(pairs)) == list(pickle.loads(pickle.dumps(pairs))) == everything
    part = pairs[np.array([7, 2])]
    address = next(pairs.columns("prompt")).buffers()[2].address
    assert part._chunks[0]["prompt"].buffers()[2].address == address
    assert [list(part.texts("prompt")), part.tied.tolist()] == [["p7", "p2"], [False, False]]
    assert repr(part) == "PreferencePairs(2 pairs of text, a list)"
    for wrong in (10, -11):
        with pytest.raises(IndexError, match="of 10"):
            pairs[wrong]
    for wrong in (np.array([True]), [1.5], [[1]], ["a"]):
        with pytest.raises(TypeError, match=r"positions.*10 bools"):
            pairs[wrong]
    with pytest.raises(IndexError):
        pairs[[10]]


def test_columns_as_arrays():
    pairs = PreferencePairs.from_list(
        [
            PreferencePair(
                [user("one"), user("two")], [assistant("é")], [assistant("ab")], margin=0.5, weight=2, group="g"
            ),
            PreferencePair((), [assistant("")], [assistant("abc")], tied=True),
        ]
    )
    np.testing.assert_array_equal(pairs.margins, [0.5, np.nan])
    np.testing.assert_array_equal(pairs.weights, [2.0, 1.0])
    assert pairs.tied.tolist() == [False, True]
    assert pairs.groups == ["g", None]
    assert list(pairs.texts("prompt")) == ["one\ntwo", ""]
    assert (pairs.lengths("chosen").tolist(), pairs.lengths("rejected").tolist()) == ([1, 0], [2, 3])
    with pytest.raises(ValueError, match=r"prompt, chosen, .*'score'"):
        list(pairs.texts("score"))


def test_from_list_refuses_what_a_file_may_not_hold():
    good = PreferencePair("p", "a", "b")
    for wrong, told in (
        (PreferencePair("p", [user("a")], "b"), "chosen must be text"),
        (PreferencePair("p", "a", "b", margin=float("inf")), "margin must be finite"),
        (PreferencePair("p", "a", "b", weight=0.0), r"weight must be above 0, got 0\.0"),
        (PreferencePair("p", "\udfff", "b"), "half of a surrogate pair"),
        (("p", "a", "b"), "expected a PreferencePair, got tuple"),
    ):
        with pytest.raises(DataError, match=f"^pair 1: .*{told}"):
            PreferencePairs.from_list([good, wrong])
    assert len(PreferencePairs.from_list([])) == 0
    assert PreferencePairs.from_list([]).report.n_pairs == 0


def test_batches_beyond_the_limit_lie_on_disk_and_read_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("rmlab.data.read.BATCH_ROWS", 7)
    path = write_lines(tmp_path / "a.jsonl", *[{**TEXT, "prompt": str(i), "margin": i} for i in range(100)])
    in_memory = read_pairs(path)
    monkeypatch.setattr("rmlab.data.read.MEMORY_LIMIT", 1000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = pa.total_allocated_bytes()
    on_disk = read_pairs(path)
    assert pa.total_allocated_bytes() - before < 1000
    assert [pair.prompt for pair in on_disk] == [on_disk[i].prompt for i in range(100)] == [str(i) for i in range(100)]
    assert list(on_disk) == list(in_memory)
    assert on_disk[20:60].margins.tolist() == list(range(20, 60))
    assert on_disk[[99, 0, 50]].groups == [None] * 3
    assert list(pickle.loads(pickle.dumps(on_disk))) == list(in_memory)
    assert [file.name for file in tmp_path.iterdir()] == ["a.jsonl"]  # the temporary file has no name
    assert BatchStore(0).batches() == []


# --- Faults of meaning ----------------------------------------------------------------------------------------------


def test_every_fault_of_meaning_is_kept_flagged_and_found():
    triples = [
        ("2 + 2?", "four", "five"),  # 0
        ("2 + 2?", "five", "four"),  # 1 contradicts 0
        ("2 + 2?", "four", "five"),  # 2 repeats 0
        ("Sky?", "blue", "blue"),  # 3 equal
        ("Sea?", "", "blue"),  # 4 empty
        ("Sea?", "salt", " \n\u2003\t"),  # 5 blank is empty
        ("", "a", "b"),  # 6 no prompt
        ("sky", "blue", "grey"),  # 7 prompt near that of 3
    ]
    tie = PreferencePair("2 + 2?", "five", "four", tied=True)  # 8: a tie contradicts nothing
    for as_messages in (False, True):
        pairs = [PreferencePair(*triple) for triple in triples] + [tie]
        if as_messages:
            pairs = [
                PreferencePair([user(p.prompt)], [assistant(p.chosen)], [assistant(p.rejected)], tied=p.tied)
                for p in pairs
            ]
        found = check_pairs(PreferencePairs.from_list(pairs))
        assert {
            "ties": found.ties.tolist(),
            "empty": found.empty.tolist(),
            "equal": found.equal.tolist(),
            "empty_prompt": found.empty_prompt.tolist(),
            "duplicates": found.duplicates.tolist(),
            "contradictions": found.contradictions.tolist(),
            "near_equal_prompts": found.near_equal_prompts.tolist(),
            "prompts_differ": found.prompts_differ.tolist(),
        } == {
            "ties": [8],
            "empty": [4, 5],
            "equal": [3],
            "empty_prompt": [6],
            "duplicates": [2],
            "contradictions": [0, 1, 2],
            "near_equal_prompts": [7],
            "prompts_differ": [],
        }
        assert (found.n_pairs, found.n_prompts) == (9, 5)
        report = PreferencePairs.from_list(pairs).report
        counts = (report.n_ties, report.n_empty, report.n_equal, report.n_empty_prompt, report.n_duplicates)
        assert counts == (1, 2, 1, 1, 1)
        assert report.n_contradictions == 3
        assert "      3 contradicted by another pair" in str(report)
        assert PreferencePairs.from_list(pairs)[:2].report.n_contradictions == 2
        assert PreferencePairs.from_list(pairs)[:1].report.n_contradictions == 0
        kept, left_out = trainable(PreferencePairs.from_list(pairs))
        assert kept.tolist() == [0, 1, 2, 6, 7]
        assert left_out == {"tied": 1, "empty response": 2, "equal responses": 1}


def test_blank_messages_are_told_from_those_that_only_look_so():
    looks = ['"}, {"role": "assistant", "content": "', "\\n", '"', "}]", "\\u000b"]
    blank = ["", " \n\t\r", "\x0b\x0c", "\u00a0\u3000", "\u200b\u200d\ufeff", "\x00\x01\x7f", "\u3164\ufe0f\u2060"]
    pairs = PreferencePairs.from_list(
        [PreferencePair([], [assistant(text)], [assistant("a")]) for text in looks + blank]
    )
    found = check_pairs(pairs)
    assert found.empty.tolist() == list(range(len(looks), len(looks + blank)))
    assert found.prompts_differ.tolist() == []


def test_the_check_prints_a_short_table_with_positions():
    table = str(check_pairs(texts(("p", "a", ""), ("q", "aa", "b"))))
    assert "2 pairs on 2 distinct prompts" in table
    assert "  a response is empty                              1   at 0\n" in table
    assert "the chosen response is longer in            100.0%   of 2" in table
    assert "the chosen response was shown first in     unknown" in table


def test_biases_of_length_and_position():
    pairs = [
        PreferencePair("p", "longer", "short", chosen_first=True),
        PreferencePair("p", "long", "longest", chosen_first=True),
        PreferencePair("p", "longer still", "long", chosen_first=False),
        PreferencePair("p", "much longer", "x", tied=True, chosen_first=False),
        PreferencePair("p", "same", "size"),
    ]
    found = check_pairs(PreferencePairs.from_list(pairs))
    assert (found.chosen_longer, found.n_lengths_compared) == (2 / 3, 3)
    assert (found.chosen_first, found.n_positions_known) == (2 / 3, 3)
    nothing = check_pairs(PreferencePairs.from_list([]))
    assert (nothing.chosen_longer, nothing.chosen_first) == (None, None)


def test_what_can_be_trained_on_is_said():
    tie = PreferencePair("p", "a", "b", tied=True)
    pairs = PreferencePairs.from_list([tie, PreferencePair("p", "a", "b"), PreferencePair("p", "", "", tied=True)])
    assert str(trainable(pairs)) == "1 of 3 pairs can be trained on; left out: 2 tied"
    with_ties = trainable(pairs, ties=True)
    assert (with_ties.indices.tolist(), with_ties.left_out["empty response"]) == ([0, 1], 1)


def test_real_dialogues():
    if not HH.exists():
        pytest.skip("the shared human judgements are not beside this checkout")
    pairs = read_pairs(HH)
    with gzip.open(HH, "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    report = pairs.report
    assert (report.format, report.n_pairs) == ("Anthropic HH", len(records))
    without_answer = sum(any(r[s].rstrip().endswith("Assistant:") for s in ("chosen", "rejected")) for r in records)
    assert report.n_empty == without_answer == 1
    assert report.n_prompts_differ > 0
    for pair, record in zip(pairs, records, strict=True):
        for side in ("chosen", "rejected"):
            turns = (*pair.prompt, *getattr(pair, side))
            written = "".join(
                f"\n\n{ {'user': 'Human', 'assistant': 'Assistant'}[t['role']] }: {t['content']}" for t in turns
            )
            assert (written.split() == record[side].split()) is True, "the text must stay out of the log"
    parts = split_by_prompt(pairs)
    assert [len(part) for part in parts] == pytest.approx([0.7 * 1118, 0.15 * 1118, 0.15 * 1118], abs=12)


# --- Splits ---------------------------------------------------------------------------------------------------------


def test_a_split_is_whole_deterministic_and_near_its_fractions():
    prompts = distinct_prompts(300)
    pairs = texts(*[(prompts[i // 2], str(i), "no") for i in range(600)])
    parts = split_by_prompt(pairs)
    assert sorted(pair.chosen for part in parts for pair in part) == sorted(pair.chosen for pair in pairs)
    assert [len(part) for part in parts] == pytest.approx([420, 90, 90], abs=2)
    seen = [{pair.prompt for pair in part} for part in parts]
    assert sum(map(len, seen)) == len(set.union(*seen))
    again = split_by_prompt(pairs)
    assert [list(part) for part in again] == [list(part) for part in parts]
    shuffled = split_by_prompt(pairs[np.random.default_rng(1).permutation(600)])
    assert [{pair.prompt for pair in part} for part in shuffled] == seen
    assert [{pair.prompt for pair in part} for part in split_by_prompt(pairs, seed=1)] != seen
    halves = split_by_prompt(pairs, fractions=(0.5, 0.5))
    assert [len(part) for part in halves] == pytest.approx([300, 300], abs=2)


def test_near_equal_prompts_stay_on_one_side():
    prompts = distinct_prompts(200)
    near = [prompt.upper() + " !?" for prompt in prompts[:100]] + [prompt + "x" for prompt in prompts[100:]]
    pairs = texts(*[(prompt, "a", "b") for prompt in prompts + near])
    part_of = {pair.prompt: i for i, part in enumerate(split_by_prompt(pairs, seed=3)) for pair in part}
    assert all(part_of[one] == part_of[other] for one, other in zip(prompts, near, strict=True))
    assert len(set(part_of.values())) == 3
    shuffled = split_by_prompt(pairs[np.random.default_rng(1).permutation(400)], seed=3)
    assert {pair.prompt: i for i, part in enumerate(shuffled) for pair in part} == part_of


def test_a_dialogue_and_its_continuation_stay_on_one_side():
    pairs = []
    for opening, more in zip(distinct_prompts(60), distinct_prompts(120)[60:], strict=True):
        for prompt in ([user(opening)], [user(opening), assistant("a"), user(more * 20)]):
            pairs.append(PreferencePair(prompt, [assistant("a")], [assistant("b")]))
    parts = split_by_prompt(PreferencePairs.from_list(pairs))
    part_of: dict[str, set[int]] = {}
    for i, part in enumerate(parts):
        for pair in part:
            part_of.setdefault(pair.prompt[0]["content"], set()).add(i)
    assert all(len(found) == 1 for found in part_of.values())


def test_groups_of_near_equal_texts_agree_with_jaccard_similarity_taken_pair_by_pair():
    rng = np.random.default_rng(5)
    originals = distinct_prompts(60)
    variants = [list(text) for text in originals for _ in range(3)]
    for letters in variants:
        for place in rng.integers(40, size=rng.integers(0, 3)):
            letters[place] = "z"
    every = originals + ["".join(letters) for letters in variants]

    def shingles(text: str) -> set[str]:
        padded = f" {' '.join(text.split())} "
        return {padded[i : i + 5] for i in range(len(padded) - 4)}

    sets = [shingles(text) for text in every]
    root = list(range(len(every)))
    for i in range(len(every)):
        for j in range(i):
            if len(sets[i] & sets[j]) >= 0.8 * len(sets[i] | sets[j]):
                root = [root[j] if r == root[i] else r for r in root]
    expected: dict[int, int] = {}
    numbers = [expected.setdefault(r, len(expected)) for r in root]
    assert group_near_equal(every).tolist() == numbers
    assert 60 < len(expected) < len(set(every))  # some variants are near their original and some are not


def test_texts_of_signs_alone_are_told_apart():
    assert group_near_equal(["?!", "...", " ?! ", "", "  "]).tolist() == [0, 1, 0, 2, 2]
    assert group_near_equal([]).tolist() == []


@pytest.mark.parametrize("fractions", [(0.5, 0.6), (1.0, 0.0), (1.2, -0.2), (), (float("nan"), 0.5)])
def test_fractions_must_add_up(fractions):
    with pytest.raises(ValueError, match=r"fractions .*got"):
        split_by_prompt(texts(("p", "a", "b")), fractions=fractions)


def test_a_part_that_would_be_empty_is_an_error():
    pairs = texts(*[("The same prompt", str(i), "no") for i in range(50)])
    with pytest.raises(ValueError, match=r"50 pairs on 1 distinct prompts .*3 parts"):
        split_by_prompt(pairs)
    with pytest.raises(ValueError, match="0 pairs on 0 distinct prompts"):
        split_by_prompt(PreferencePairs.from_list([]))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("large", "others"), [(40, 60), (70, 30), (95, 5), (98, 1)])
def test_no_part_is_empty_where_it_need_not_be(seed, large, others):
    each = [("One prompt that comes again and again", str(i), "no") for i in range(large)]
    each += [(f"{i} is number {i * 7919} of the others", "a", "b") for i in range(others)]
    fractions = (0.3, 0.7) if others == 1 else (0.1, 0.6, 0.3)
    parts = split_by_prompt(texts(*each), fractions=fractions, seed=seed)
    assert min(map(len, parts)) > 0
    assert sum(map(len, parts)) == large + others
    prompts = [{pair.prompt for pair in part} for part in parts]
    assert sum(map(len, prompts)) == 1 + others


# --- Writing --------------------------------------------------------------------------------------------------------

AWKWARD = [
    PreferencePair("", " ", "\n"),
    PreferencePair('"quoted", and; more', "line\r\nline\rline\u2028line", "\x00 \x1f \\n \U0001f600 é"),
    PreferencePair("p", "a", "b", margin=0.1 + 0.2, weight=0.1 + 0.7, group='g,"\n', tied=True, chosen_first=False),
    PreferencePair("a\rb", "\ra", "b\r"),
    PreferencePair("p", "a", "b", margin=-1e-300, weight=1e-300, group="true", chosen_first=True),
]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.csv", "a.csv.gz", "a.parquet"])
@pytest.mark.parametrize("as_messages", [False, True])
def test_what_is_written_is_read_back_as_it_was(tmp_path, name, as_messages):
    pairs = AWKWARD
    if as_messages:
        pairs = [
            PreferencePair(
                [user(p.prompt), user(p.chosen)], [assistant(p.chosen)], [assistant(p.rejected)],
                margin=p.margin, weight=p.weight, group=p.group, tied=p.tied, chosen_first=p.chosen_first,
            )
            for p in AWKWARD
        ]  # fmt: skip
    path = tmp_path / name
    if as_messages and "csv" in name:
        with pytest.raises(ValueError, match=r"CSV.*messages"):
            write_pairs(pairs, path)
        return
    write_pairs(pairs, path)
    assert list(read_pairs(path)) == pairs
    write_pairs(read_pairs(path)[[3, 0]], path)
    assert list(read_pairs(path)) == [pairs[3], pairs[0]]
    first = path.read_bytes()
    write_pairs(read_pairs(path), path)
    assert path.read_bytes() == first
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_weight_is_read_beside_any_format_and_kept_by_every_selection(tmp_path):
    weights = [2.0, 0.5, 3, None, 1]
    path = write_lines(tmp_path / "a.jsonl", *({**AB, "prompt": str(i), "weight": w} for i, w in enumerate(weights)))
    pairs = read_pairs(path)
    assert pairs.weights.tolist() == [2.0, 0.5, 3.0, 1.0, 1.0]
    assert pairs.report.ignored_columns == ()
    assert pairs[[2, 0]].weights.tolist() == [3.0, 2.0]
    of_prompt = {str(i): weight or 1.0 for i, weight in enumerate(weights)}
    for part in split_by_prompt(pairs, seed=1):
        assert part.weights.tolist() == [of_prompt[pair.prompt] for pair in part]
    write_pairs(pairs, tmp_path / "b.jsonl")
    assert [json.loads(line).get("weight") for line in (tmp_path / "b.jsonl").read_text().splitlines()] == [
        2.0, 0.5, 3.0, None, None
    ]  # fmt: skip


def test_trl_reads_what_is_written_as_parquet(tmp_path):
    write_pairs([PreferencePair(*DIALOGUE.values())], tmp_path / "a.parquet")
    (record,) = pq.read_table(tmp_path / "a.parquet", columns=list(DIALOGUE)).to_pylist()
    assert record == DIALOGUE


def test_a_write_that_fails_leaves_the_older_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "a.jsonl"
    write_pairs(AWKWARD, path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rmlab.data.write.os.fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        write_pairs(AWKWARD[:1], path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.jsonl"]
    monkeypatch.undo()
    other_name = tmp_path / "b.jsonl"
    other_name.hardlink_to(path)
    write_pairs(AWKWARD[:1], path)
    assert other_name.read_bytes() == before  # a new file took the place, and nothing was written into the old one


def test_what_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a\.txt: .*\.jsonl"):
        write_pairs(AWKWARD, tmp_path / "a.txt")
    with pytest.raises(ValueError, match="no pairs"):
        write_pairs([], tmp_path / "a.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_a_link_stays_one_and_a_file_keeps_its_rights(tmp_path):
    real, link = tmp_path / "real.jsonl", tmp_path / "link.jsonl"
    real.touch(mode=0o600)
    link.symlink_to(real)
    write_pairs(texts(("p", "a", "b")), link)
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    assert len(read_pairs(real)) == 1


def test_texts_that_a_spreadsheet_would_take_for_formulas_are_guarded_where_asked_and_come_back():
    texts = ["=1+1", " +1", "-1", "@a", "\ufeff|a", "＝1", "\ta", "'=1", "''-1", "'a", "a=1", "", "'"]
    for guard in (True, False):
        file = io.StringIO(newline="")
        csv_files.write_csv(file, [["text", "number"], *([text, -1.5] for text in texts)], guard=guard)
        file.seek(0)
        rows = list(csv.reader(file))[1:]
        assert {number for _, number in rows} == {"-1.5"}
        cells = [text for text, _ in rows]
        assert [cell.startswith("'") for cell in cells[:7]] == [guard] * 7
        assert (cells == texts) is not guard
        if guard:
            assert [csv_files.without_guard(cell) for cell in cells] == texts
