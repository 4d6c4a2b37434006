"""Kinds of files, encodings, limits and bad records: what is read, and where a refusal names file and line."""

from __future__ import annotations

import gzip
import json
import time
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rmlab.__main__ import main
from rmlab.data import DataError, PreferencePair, PreferencePairs, check_pairs, read_pairs, write_pairs
from rmlab.data import text_files as text_files_module

TEXT = {"prompt": "Wie geht's?", "chosen": 'Gut, "danke"\nund dir', "rejected": "übel; sehr"}
PAIR = PreferencePair(*TEXT.values())


def lines(*records: object) -> str:
    return "".join((record if isinstance(record, str) else json.dumps(record)) + "\n" for record in records)


def table(separator: str) -> str:
    cells = ['"' + cell.replace('"', '""') + '"' for cell in TEXT.values()]
    return separator.join(TEXT) + "\r\n" + separator.join(cells) + "\r\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("semicolons.csv", "\ufeff" + table(";")),
        ("tabs.tsv", table("\t")),
        ("UPPER.CSV", table(",")),
        ("excel.csv", "sep=;\n" + table(";")),
        ("bars.csv", table("|")),
        ("UPPER.JSONL", lines(TEXT)),
        ("array.json", json.dumps([TEXT])),
        ("indented.json", "\n " + json.dumps([TEXT], indent=2)),
        ("array.jsonl", json.dumps([TEXT])),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_separator_encoding_and_spelling_of_an_ending_is_read(tmp_path, name, content, encoding, packed):
    if name == "indented.json":
        content = content.lstrip()
    path = tmp_path / (name + ".GZ" * packed)
    written = content.lstrip("\ufeff").encode(encoding)
    path.write_bytes(gzip.compress(written) if packed else written)
    assert list(read_pairs(path)) == [PAIR]


def test_records_of_an_array_carry_their_lines_and_may_be_many(tmp_path, monkeypatch):
    monkeypatch.setattr(text_files_module, "RECORD_LIMIT", 200_000)
    path = tmp_path / "a.json"
    records = [{**TEXT, "prompt": f"{i} " + "x" * (i * 37 % 3000)} for i in range(2000)]
    path.write_text(json.dumps(records, indent=1))
    pairs = read_pairs(path)
    assert [pair.prompt for pair in pairs] == [record["prompt"] for record in records]
    assert [pairs[0].source, pairs[1].source] == [f"{path}:2", f"{path}:7"]


@pytest.mark.parametrize(
    ("content", "line", "told"),
    [
        ('[{"prompt": "a", "chosen": "b",\n "rejected": ]', 2, "not JSON"),
        ('[{"prompt": "a", "chosen": "b", "rejected": "c"}\n', 2, "closing bracket"),
        ("[\n3]", 2, "got int"),
        ("[" * 100_000, 1, "nested too deeply"),
    ],
)
def test_a_fault_in_an_array_names_the_line(tmp_path, content, line, told):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(DataError, match=rf"^{path}:{line}: .*{told}"):
        read_pairs(path)


TABLE = {"prompt": {"0": "a"}, "chosen": {"0": "b"}, "rejected": {"0": "c"}}


@pytest.mark.parametrize(
    "record",
    [
        TABLE,
        {"0": TEXT, "1": TEXT},
        {"columns": list(TEXT), "index": [0], "data": [list(TEXT.values())]},
        {"schema": {"fields": []}, "data": [TEXT]},
    ],
)
def test_a_table_in_one_object_is_refused_with_the_way_to_write_it(tmp_path, record):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(record))
    with pytest.raises(DataError, match=rf"^{path}:1: .*orient='records'"):
        read_pairs(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("prompt,chosen\n".encode("utf-16-le"), "UTF-16"),
        (b"\xff\xfep\x00r", "UTF-16"),
        (b"PK\x03\x04rest", "zip or Excel"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<!DOCTYPE html>\n", "web page"),
        ("prompt,chosen,rejected\nd\xe9j\xe0,b,c\n".encode("latin-1"), "UTF-8"),
    ],
)
def test_a_file_of_another_kind_or_encoding_is_named(tmp_path, content, told):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"^{path}:\d: .*{told}"):
        read_pairs(path)


def test_blank_rows_are_skipped_and_counted(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("prompt,chosen,rejected\nQ,A,B\n,,\n , ,\n")
    pairs = read_pairs(path)
    assert (len(pairs), dict(pairs.report.without_pairs)) == (1, {"blank rows": 2})


def test_a_column_named_twice_is_refused_by_name(tmp_path):
    parquet, table_file, record = (tmp_path / name for name in ("a.parquet", "a.csv", "a.jsonl"))
    pq.write_table(pa.Table.from_arrays([pa.array(["a"])] * 4, names=[*TEXT, "prompt"]), parquet)
    table_file.write_text("prompt,chosen,rejected, prompt\na,b,c,d\n")
    record.write_text('{"prompt": "a", "chosen": "b", "rejected": "c", "prompt": "d"}\n')
    for path in (parquet, table_file, record):
        with pytest.raises(DataError, match=rf"^{path}.*prompt"):
            read_pairs(path)


def test_folders_that_datasets_saved(tmp_path):
    datasets = pytest.importorskip("datasets", reason="the extra hub is not installed")
    data = datasets.Dataset.from_list([{**TEXT, "id": i} for i in range(5)])
    data.save_to_disk(tmp_path / "one", num_shards=2)
    pairs = read_pairs(tmp_path / "one")
    assert list(pairs) == [PAIR] * 5
    assert pairs.report.ignored_columns == ("id",)
    assert pairs[4].source == f"{tmp_path / 'one'} row 5"
    datasets.DatasetDict(train=data, test=data).save_to_disk(tmp_path / "both")
    with pytest.raises(DataError, match=r"both: holds the splits test, train; .*both/test"):
        read_pairs(tmp_path / "both")
    assert len(read_pairs(tmp_path / "both" / "train")) == 5
    shard = next((tmp_path / "one").glob("*.arrow"))
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(DataError, match=str(tmp_path / "one")):
        read_pairs(tmp_path / "one")


# --- Bad records ----------------------------------------------------------------------------------------------------

DEEP = "[" * 50_000 + "]" * 50_000
BAD = [
    "{",
    {**TEXT, "chosen": None},
    {"prompt": float("nan"), "chosen": "b", "rejected": "c"},
    {**TEXT, "chosen": "\ud800"},
    '{"prompt": ' + DEEP + "}",
    '{"prompt": "a", "chosen": "b", "chosen": "b", "rejected": "c"}',
    "3",
]


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_record_stops_by_default_or_is_counted_with_its_line(tmp_path, bad):
    path = tmp_path / "a.jsonl"
    path.write_text(lines(TEXT, bad, TEXT))
    with pytest.raises(DataError, match=rf"^{path}:2: "):
        read_pairs(path)
    pairs = read_pairs(path, skip_bad=True)
    assert [pair.source for pair in pairs] == [f"{path}:1", f"{path}:3"]
    assert pairs.report.n_bad == 1
    assert pairs.report.bad[0].startswith(f"{path}:2: ")
    assert f"{path}:2: " in str(pairs.report)


def test_bad_records_first_and_many(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(lines(*["{"] * 9, TEXT))
    pairs = read_pairs(path, skip_bad=True)
    assert (len(pairs), pairs.report.n_bad, len(pairs.report.bad)) == (1, 9, 5)
    path.write_text(lines("{"))
    with pytest.raises(DataError, match=rf"{path}:1: is not JSON"):
        read_pairs(path, skip_bad=True)


@pytest.mark.parametrize("record", ['{"prompt": NaN, "chosen": "a", "rejected": "b"}', "[" * 2000])
def test_a_file_of_bad_records_alone_is_named_with_the_first_of_them(tmp_path, record):
    path = tmp_path / "a.jsonl"
    path.write_text(record + "\n")
    with pytest.raises(DataError, match=rf"{path}:1: "):
        read_pairs(path, skip_bad=True)


def test_a_bad_row_of_csv_and_of_ratings_is_skipped(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("prompt,chosen,rejected\na,b\na,b,c\n")
    assert [len(read_pairs(path, skip_bad=True)), read_pairs(path, skip_bad=True).report.n_bad] == [1, 1]
    rated = tmp_path / "r.jsonl"
    rows = [{"prompt": "p", "response": str(i), "rating": rating} for i, rating in enumerate((1, "high", 2))]
    rated.write_text(lines(*rows))
    pairs = read_pairs(rated, skip_bad=True)
    assert (len(pairs), pairs.report.n_bad) == (1, 1)
    assert pairs.report.bad[0].startswith(f"{rated}:2: ")


def test_the_first_message_of_a_command_names_file_and_line(tmp_path, capsys):
    path = tmp_path / "a.jsonl"
    path.write_text(lines(BAD[2]))
    assert main(["train", str(path), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"rmlab: {path}:1: ")
    assert "NaN" in told
    assert told.count("\n") == 1


# --- Limits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_thousands_of_columns_are_refused_at_once(tmp_path, name):
    path, columns = tmp_path / name, [f"column_{i}" for i in range(60_000)]
    if name == "a.csv":
        path.write_text(",".join(columns) + "\n")
    elif name == "a.jsonl":
        path.write_text(lines(dict.fromkeys(columns, 1)))
    else:
        pq.write_table(pa.table({column: [1] for column in columns[:2000]}), path)
    start = time.perf_counter()
    with pytest.raises(DataError, match=r"60,000 columns|2,000 columns"):
        read_pairs(path)
    assert time.perf_counter() - start < 2


def test_a_repeated_key_among_thousands_is_found_at_once(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("{" + ", ".join(f'"{i}": 1' for i in [*range(60_000), 59_999]) + "}\n")
    start = time.perf_counter()
    with pytest.raises(DataError, match="59999"):
        read_pairs(path)
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.gz", "a.json.gz"])
def test_a_line_beyond_the_limit_is_refused_before_it_is_held(tmp_path, monkeypatch, name):
    monkeypatch.setattr(text_files_module, "RECORD_LIMIT", 1000)
    path = tmp_path / name
    path.write_bytes(gzip.compress((b"[" if name == "a.json.gz" else b"") + b'{"prompt": "' + b"x" * 10_000_000))
    with pytest.raises(DataError, match=rf"^{path}:1: .*longer than"):
        read_pairs(path)


def test_more_comparisons_than_a_record_may_hold(tmp_path, monkeypatch):
    monkeypatch.setattr("rmlab.data.read.PAIRS_LIMIT", 10)
    path = tmp_path / "a.jsonl"
    path.write_text(lines(*({"prompt": "p", "response": str(i), "rating": i} for i in range(6))))
    with pytest.raises(DataError, match=r"more than 10 comparisons"):
        read_pairs(path)


def test_the_most_responses_of_a_set_give_no_more_comparisons_than_a_record_may_hold(tmp_path):
    path = tmp_path / "a.jsonl"
    for n, refused in ((447, False), (448, True)):
        path.write_text(lines(*({"prompt": "p", "response": f"r{i}", "rating": i} for i in range(n))))
        if refused:
            with pytest.raises(DataError, match="at most 447 responses"):
                read_pairs(path)
        else:
            assert len(read_pairs(path)) == n * (n - 1) // 2


# --- Equal and empty texts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_messages", [False, True])
def test_texts_that_look_the_same_are_equal_and_those_that_show_nothing_are_empty(tmp_path, as_messages):
    def side(text):
        return ({"role": "user", "content": text},) if as_messages else text

    def pair(*texts):
        return PreferencePair(*map(side, texts))

    pairs = PreferencePairs.from_list([
        pair("p", "cafe\u0301", "caf\u00e9"),
        pair("q", "\u200b\u200d", "a"),
        pair("r", "\u0000\u0001", "a"),
        pair("s", "\U0001f468\u200d\U0001f469", "\U0001f468\U0001f469"),
        pair("p", "caf\u00e9", "cafe\u0301"),
    ])  # fmt: skip
    found = check_pairs(pairs)
    assert (found.equal.tolist(), found.empty.tolist(), found.duplicates.tolist()) == ([0, 4], [1, 2], [4])


def test_a_lone_carriage_return_survives_csv(tmp_path):
    pairs = [PreferencePair("a\rb", "\r", "x\r"), PreferencePair("\r\n", "\n", "y")]
    write_pairs(pairs, tmp_path / "a.csv")
    assert list(read_pairs(tmp_path / "a.csv")) == pairs


# --- Files that were joined, and tables as people write them ---------------------------------------------------------


def test_joined_tables_lose_the_header_and_no_pair(tmp_path):
    once = "\ufeff" + table(",")
    (tmp_path / "a.csv").write_text("\ufeff" + once + once, encoding="utf-8", newline="")
    pairs = read_pairs(tmp_path / "a.csv")
    assert list(pairs) == [PAIR, PAIR]
    assert pairs.report.without_pairs == {"rows that repeat the header": 1}


def test_joined_lines_of_json_may_hold_byte_order_marks(tmp_path):
    (tmp_path / "a.jsonl").write_text(("\ufeff" + lines(TEXT)) * 2, encoding="utf-8")
    assert list(read_pairs(tmp_path / "a.jsonl")) == [PAIR, PAIR]


@pytest.mark.parametrize(
    ("content", "line", "told"),
    [
        ("[A]\n[A]", 2, "goes on after the end of the array"),
        ("[A] x", 1, "goes on after the end of the array"),
        ("[A\n A]", 2, "a comma is missing"),
        ("[A,\n,A]", 2, "is not JSON"),
        ("[A,]", 1, "is not JSON"),
        ("[,A]", 1, "is not JSON"),
    ],
)
def test_an_array_is_read_by_the_rules_of_json(tmp_path, content, line, told):
    (tmp_path / "a.json").write_text(content.replace("A", json.dumps(TEXT)))
    with pytest.raises(DataError, match=rf"a\.json:{line}: {told}"):
        read_pairs(tmp_path / "a.json")


@pytest.mark.parametrize("content", ["\n\n[A]\n", "[ A , A ]\n\n"])
def test_an_array_may_have_space_around_it(tmp_path, content):
    (tmp_path / "a.json").write_text(content.replace("A", json.dumps(TEXT)))
    assert set(read_pairs(tmp_path / "a.json")) == {PAIR}


@pytest.mark.parametrize(
    ("content", "ignored"),
    [
        ('prompt, chosen, rejected\nQ, "A, a", B\n', ()),
        ("\n\nprompt;chosen;rejected\nQ;A, a;B\n", ()),
        ('prompt,chosen,rejected,,\nQ,"A, a",B,,\n', ("column 4", "column 5")),
        (',,prompt,chosen,rejected\n1,,Q,"A, a",B\n', ("column 1", "column 2")),
    ],
)
def test_tables_as_people_write_them(tmp_path, content, ignored):
    (tmp_path / "a.csv").write_text(content)
    pairs = read_pairs(tmp_path / "a.csv")
    assert list(pairs) == [PreferencePair("Q", "A, a", "B")]
    assert pairs.report.ignored_columns == ignored


def test_a_space_that_belongs_to_a_cell_is_kept(tmp_path):
    (tmp_path / "a.csv").write_text("prompt,chosen,rejected\nQ, A,B\n")
    assert read_pairs(tmp_path / "a.csv")[0].chosen == " A"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"prompt,chosen,rejected\rQ,A,B\r", ":1: holds a carriage return outside quotation marks"),
        ("a.jsonl", b'{"prompt": "Q"}{"prompt": "Q"}\n', ":1: is not JSON .*Write each record on a line of its own"),
        ("a.csv", "prompt".encode("utf-32-le"), ":1: looks like UTF-32 text"),
        ("a.csv", "prompt,chosen,rejected\n\u554f,A,B\n".encode("gb18030"), ":2: is not UTF-8 text .*GB 18030"),
        ("a.json", b'{"data": [{"prompt": "Q"}]}', ":1: found the columns data, .*Is data the list of records"),
    ],
)
def test_a_refusal_names_the_cause(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=told):
        read_pairs(tmp_path / name)


@pytest.mark.parametrize("name", ["a.arrow", "a.feather", "A.ARROW"])
@pytest.mark.parametrize("new", [pa.ipc.new_stream, pa.ipc.new_file])
def test_files_of_arrow_in_both_forms(tmp_path, name, new):
    rows = pa.Table.from_pylist([{**TEXT, "extra": 1}] * 3)
    with new(str(tmp_path / name), rows.schema) as writer:
        writer.write_table(rows, max_chunksize=2)
    pairs = read_pairs(tmp_path / name)
    assert list(pairs) == [PAIR] * 3
    assert pairs.report.ignored_columns == ("extra",)
    whole = (tmp_path / name).read_bytes()
    for damaged in (b"", whole[:40], b"x" * 100):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(DataError, match=rf"{name}: is not an Arrow file, or is damaged"):
            read_pairs(tmp_path / name)


def test_numbers_of_a_database_are_numbers(tmp_path):
    rows = [{**TEXT, "margin": Decimal("1.50"), "group": 1e300}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert (read_pairs(tmp_path / "a.parquet")[0].margin, read_pairs(tmp_path / "a.parquet")[0].group) == (
        1.5,
        "1e+300",
    )
