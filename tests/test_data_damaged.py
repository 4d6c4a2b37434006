"""Damaged files: the outcome is one DataError that names the file, or every pair that the file still holds."""

from __future__ import annotations

import copy
import csv
import gzip
import io
import json
import math
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_data_formats import PUBLISHED

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
            weight=draw(st.just(1.0) | st.floats(0.01, 5)),
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


def check(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        found = read_pairs(path)
    except DataError as error:
        assert str(path) in str(error)  # noqa: PT017 - one of two outcomes
        return
    expected = rows_of(path, content)
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
RECORDS: dict[str, dict[str, Any]] = {
    "explicit": {
        "prompt": "p", "chosen": "a", "rejected": "b", "margin": 1.0, "weight": 2.0, "group": "g", "tied": False,
    },
    "messages": {
        name: [{"role": "user" if name == "prompt" else "assistant", "content": name}]
        for name in ("prompt", "chosen", "rejected")
    },
    "turns": {name: [PROMPT, {"role": "assistant", "content": name}] for name in ("chosen", "rejected")},
    "HH": {"chosen": "\n\nHuman: p\n\nAssistant: a", "rejected": "\n\nHuman: p\n\nAssistant: b"},
    "A/B": {"prompt": "p", "response_a": "a", "response_b": "b", "preference": "a"},
    **{name: records[0] for name, (_, records, _) in PUBLISHED.items()},
}  # fmt: skip
PAIRS_IN: dict[str, Callable[[dict[str, Any]], int]] = {
    "ultrafeedback": lambda record: math.comb(len(record["completions"]), 2),
    "reward-bench-2": lambda record: len(record["chosen"]) * len(record["rejected"]),
    "helpsteer2-preference": lambda record: max(1, len(record.get("three_most_similar_preferences") or [])),
    "helpsteer3-preference": lambda record: max(1, len(record.get("individual_preference") or [])),
}
COUNTED = "arena", "arena-140k", "mt-bench", "arena-55k"  # a record may hold what is no text, and then gives no pair


def pairs_in(kind: str, records: list[dict[str, Any]]) -> int:
    """Count the pairs that whole records hold, by means other than the reader's own."""
    if kind in ("HelpSteer", "ratings"):
        keys = ("prompt", "group", "kind", "item")
        sets = Counter(json.dumps([record.get(key) for key in keys]) for record in records)
        return sum(math.comb(n, 2) for n in sets.values())
    return sum(PAIRS_IN.get(kind, lambda _: 1)(record) for record in records)


@pytest.mark.slow
@pytest.mark.parametrize("kind", RECORDS)
@SETTINGS
@given(data=st.data())
def test_keys_dropped_and_values_of_other_types(tmp_path, kind, data):
    records = [copy.deepcopy(RECORDS[kind]) for _ in range(data.draw(st.integers(1, 4)))]
    for _ in range(data.draw(st.integers(1, 3))):
        inside: Any = data.draw(st.sampled_from(records))
        key: Any = data.draw(
            st.sampled_from([*RECORDS[kind], "prompt", "margin", "weight", "tied", "chosen_first", "item"])
        )
        while isinstance(inside.get(key) if isinstance(inside, dict) else inside[key], dict | list):
            within = inside[key]
            if not within or data.draw(st.booleans()):
                break
            inside, key = (
                within,
                data.draw(st.sampled_from(list(within) if isinstance(within, dict) else range(len(within)))),
            )
        if not data.draw(st.booleans()):
            inside[key] = data.draw(VALUES)
        elif isinstance(inside, dict):
            inside.pop(key, None)
        else:
            del inside[key]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    try:
        found = read_pairs(path)
    except DataError as error:
        assert str(path) in str(error)  # noqa: PT017 - one of two outcomes
        return
    counted = sum(found.report.without_pairs.values()) if kind in COUNTED else 0
    assert len(list(found)) == found.report.n_pairs == pairs_in(kind, records) - counted


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


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", b'[{"prompt": "p", "chosen": "c", "rejected": "r"},\n"\xff"' + b",\n1" * 9),
        ("a.csv", b'prompt,chosen,rejected\np,"c" x,r\n' + b"p,c,r\n" * 9),
    ],
    ids=["JSON", "CSV"],
)
def test_a_file_is_closed_while_its_error_is_still_held(tmp_path: Path, monkeypatch, name: str, content: bytes):
    opened, path = [], tmp_path / name
    path.write_bytes(content)
    plain = Path.open
    monkeypatch.setattr(Path, "open", lambda *given, **more: opened.append(plain(*given, **more)) or opened[-1])
    with pytest.raises(DataError) as error:
        read_pairs(path)
    assert [file.closed for file in opened if Path(file.name) == path] == [True], error
