"""Damaged files: the outcome is one DataError that names the file, or every pair that the file still holds."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rmlab.data import DataError, PreferencePair, read_pairs, write_pairs

WORDS = st.text(alphabet='ab "\n,é\\{}[]:', max_size=12)
SETTINGS = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


def side(text: str, messages: bool, role: str) -> object:
    return [{"role": role, "content": text}] if messages else text


@st.composite
def pairs(draw, messages: bool | None = None) -> list[PreferencePair]:
    as_messages = draw(st.booleans()) if messages is None else messages
    return [
        PreferencePair(
            *(side(draw(WORDS), as_messages, role) for role in ("user", "assistant", "assistant")),  # type: ignore[arg-type]
            margin=draw(st.none() | st.floats(-5, 5)),
            group=draw(st.none() | st.just("g")),
            tied=draw(st.booleans()),
        )
        for _ in range(draw(st.integers(1, 8)))
    ]


@st.composite
def damage(draw, content: bytes) -> bytes:
    """Cut, flip, insert, remove or repeat some bytes."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(["cut", "flip", "insert", "remove", "repeat"]))
        if kind == "cut":
            del data[at:]
        elif kind == "flip" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "insert":
            data[at:at] = draw(st.sampled_from([b"\n", b'"', b",", b"}", b"\x00", b"\xff", b"\r", b"[", b"1e999"]))
        elif kind == "remove":
            del data[at : at + draw(st.integers(1, 20))]
        else:
            data[at:at] = data[at : at + 30]
    return bytes(data)


def rows_of(path: Path, content: bytes) -> int:
    """Count the rows that the file holds, by means other than the reader's own."""
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    if ".csv" in path.name:
        text = io.StringIO(content.decode("utf-8-sig"), newline="")
        return sum(bool(row) for row in csv.reader(text)) - 1
    return sum(not line.decode("utf-8-sig").isspace() for line in content.split(b"\n") if line)


def check(path: Path, content: bytes, n_rows: int | None = None) -> None:
    path.write_bytes(content)
    try:
        found = read_pairs(path)
    except DataError as error:
        assert str(path) in str(error)  # noqa: PT017 - one of two outcomes
        return
    expected = rows_of(path, content) if n_rows is None else n_rows
    assert len(found) == found.report.n_pairs == expected
    assert len(list(found)) == expected


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.csv", "a.csv.gz"])
@SETTINGS
@given(data=st.data())
def test_damaged_bytes(tmp_path, name, data):
    path = tmp_path / name
    write_pairs(data.draw(pairs(messages=False if "csv" in name else None)), path)
    check(path, data.draw(damage(path.read_bytes())))


@SETTINGS
@given(data=st.data())
def test_damaged_text_inside_a_whole_gzip(tmp_path, data):
    path = tmp_path / "a.jsonl.gz"
    write_pairs(data.draw(pairs()), path)
    check(path, gzip.compress(data.draw(damage(gzip.decompress(path.read_bytes())))))


KEYS = st.sampled_from(["role", "content", "x"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
PROMPT = {"role": "user", "content": "p"}
RECORDS = {
    "explicit": {"prompt": "p", "chosen": "a", "rejected": "b", "margin": 1.0, "group": "g", "tied": False},
    "implicit": {"chosen": "p a", "rejected": "p b"},
    "messages": {name: [{"role": "user", "content": name}] for name in ("prompt", "chosen", "rejected")},
    "turns": {name: [PROMPT, {"role": "assistant", "content": name}] for name in ("chosen", "rejected")},
    "HH": {"chosen": "\n\nHuman: p\n\nAssistant: a", "rejected": "\n\nHuman: p\n\nAssistant: b"},
    "A/B": {"prompt": "p", "response_a": "a", "response_b": "b", "preference": "a"},
}


@pytest.mark.parametrize("kind", RECORDS)
@SETTINGS
@given(data=st.data())
def test_keys_dropped_and_values_of_other_types(tmp_path, kind, data):
    records = [dict(RECORDS[kind]) for _ in range(data.draw(st.integers(1, 4)))]
    for _ in range(data.draw(st.integers(1, 3))):
        record = data.draw(st.sampled_from(records))
        key = data.draw(st.sampled_from([*RECORDS[kind], "prompt", "margin", "tied", "chosen_first"]))
        if data.draw(st.booleans()):
            record.pop(key, None)
        else:
            record[key] = data.draw(VALUES)
    content = "".join(json.dumps(record) + "\n" for record in records)
    check(tmp_path / "a.jsonl", content.encode(), n_rows=len(records))


def test_damaged_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    rng = random.Random(0)
    written = [PreferencePair(f"prompt {i}", "a" * i, "b", margin=float(i)) for i in range(40)]
    write_pairs(written, path)
    whole = path.read_bytes()
    n_refused = 0
    for _ in range(300):
        content = bytearray(whole)
        if rng.random() < 0.5:
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        else:
            at = rng.randrange(len(content))
            del content[at : at + rng.randint(1, 30)]
        path.write_bytes(bytes(content))
        try:
            found = read_pairs(path)
        except DataError as error:
            assert str(path) in str(error)  # noqa: PT017 - one of two outcomes
            n_refused += 1
        else:
            # Checksums guard the pages; a damaged name in the footer makes a column that is named as not used.
            assert list(found) == written or found.report.ignored_columns
    assert n_refused > 100
