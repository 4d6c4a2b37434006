"""Small valid inputs for rmlab's commands, and random damage to them; the same seed makes the same input again."""

from __future__ import annotations

import copy
import csv
import gzip
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Record = dict[str, Any]


def talk(*texts: str) -> list[Record]:
    return [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]


def rated(text: str, score: float) -> Record:
    aspect = {"helpfulness": {"Rating": "3"}, "honesty": {"Rating": "2"}}
    return {"response": text, "overall_score": score, "fine-grained_score": score, "model": text, "annotations": aspect}


# "@" becomes the number of the record.
PAIRS: dict[str, Record] = {
    "text": {"prompt": "Add @ and 1.", "chosen": "@ + 1.", "rejected": "No.", "margin": 0.5, "weight": 2, "group": "g"},
    "flags": {"prompt": "Q@", "chosen": "a", "rejected": "b@", "tied": False, "chosen_first": True, "item": "@"},
    "messages": {"prompt": talk("Q@")[:1], "chosen": talk("Q@", "a")[1:], "rejected": talk("Q@", "b")[1:]},
    "turns": {"chosen": talk("Q@", "a", "and?", "c"), "rejected": talk("Q@", "a", "and?", "d")},
    "HH": {"chosen": "\n\nHuman: Q@\n\nAssistant: a", "rejected": "\n\nHuman: Q@\n\nAssistant: b"},
    "A/B": {"prompt": "Q@", "response_a": "a", "response_b": "b", "preference": "a"},
    "arena": {
        "question_id": "@", "model_a": "m", "model_b": "n", "winner": "model_b", "turn": 1, "language": "English",
        "conversation_a": talk("Q@", "a"), "conversation_b": talk("Q@", "b"),
    },
    "arena, lists in text": {
        "prompt": '["Q@", "Why?"]', "response_a": '["Yes.", null]', "response_b": '["Yes.", "b"]',
        "winner_model_a": 0, "winner_model_b": 1, "winner_tie": 0,
    },
    "SHP": {
        "history": "Q@", "human_ref_A": "a", "human_ref_B": "b", "labels": 1, "score_A": 3, "score_B": 2,
        "domain": "d_train",
    },
    "HelpSteer 2": {
        "prompt": "Q@", "response_1": "a", "response_2": "b", "preference_strength": 1,
        "three_most_similar_preferences": [{"statement": "s", "strength": 1}, {"statement": "s", "strength": 0}],
    },
    "HelpSteer 3": {
        "domain": "code", "context": talk("Q@", "Hello", "And?"), "response1": "a", "response2": "b",
        "overall_preference": -2, "individual_preference": [{"score": -3}, {"score": 1}],
    },
    "UltraFeedback": {
        "source": "s", "instruction": "Q@", "completions": [rated("a", 4.0), rated("b", 1.0), rated("c", 4.0)],
    },
    "binarized": {"prompt": "Q@", "chosen": talk("Q@", "a"), "rejected": talk("Q@", "b"), "score_chosen": 8.5,
                  "score_rejected": 6.0},
    "HelpSteer": {"prompt": "Q", "response": "a@", "helpfulness": 3, "correctness": 3, "verbosity": 1},
    "ratings": {"prompt": "Q", "response": "a@", "rating": 5},
    "RewardBench": {"prompt": "Q@", "chosen": "a", "rejected": "b", "chosen_model": "m", "rejected_model": "n",
                    "subset": "donotanswer", "id": "@"},
    "RewardBench 2": {
        "id": "@", "prompt": "Q@", "chosen": ["a"], "rejected": ["b", "c", "d"], "num_correct": 1, "num_incorrect": 3,
        "total_completions": 4, "models": ["m", "n", "o", "p"], "subset": "Ties",
    },
    "PKU": {"prompt": "Q@", "response_0": "a", "response_1": "b", "better_response_id": 1, "safer_response_id": 0},
    "WebGPT": {"question": {"full_text": "Q@", "dataset": "eli5"}, "answer_0": "a", "answer_1": "b", "score_0": 1.0,
               "score_1": -1.0},
    "summaries": {"info": {"post": "Q@", "subreddit": "r"}, "summaries": [{"text": "a"}, {"text": "b"}], "choice": 1},
    "Nectar": {"prompt": "\n\nHuman: Q@\n\nAssistant: ", "answers": [{"answer": "a", "model": "m", "rank": 1.0},
               {"answer": "b", "model": "n", "rank": 2.0}, {"answer": "c", "model": "o", "rank": 2.0}]},
    "Argilla": {"request": "Q@", "response-1": "a", "response-2": "b", "preference": [
                {"user_id": "u", "value": [{"rank": 1, "value": "response-1"}, {"rank": 2, "value": "response-2"}],
                 "status": "submitted"}]},
    "Label Studio": {"id": 1, "data": {"prompt": "Q@", "answer1": "a", "answer2": "b"}, "annotations": [
                     {"id": 1, "result": [{"value": {"selected": "left"}, "from_name": "cmp", "type": "pairwise"}]}]},
    "ms-swift": {"messages": talk("Q@", "a"), "rejected_response": "b"},
    "distilabel": {"prompt": "Q@", "chosen": talk("Q@", "a"), "chosen_rating": 5, "rejected": talk("Q@", "b"),
                   "rejected_rating": 4},
    "AlpacaEval": {"instruction": "Q@", "output_1": "a", "output_2": "b", "preference": 1.5},
    "from and value": {"chosen": [{"from": "human", "value": "Q@"}, {"from": "gpt", "value": "a"}],
                       "rejected": [{"from": "human", "value": "Q@"}, {"from": "gpt", "value": "b"}]},
    "KTO": {"prompt": "Q", "completion": "a@", "label": True},
}  # fmt: skip
FLAT = [name for name, record in PAIRS.items() if not any(isinstance(value, list) for value in record.values())]
ENOUGH = [name for name in PAIRS if name not in ("HelpSteer", "ratings", "KTO", "UltraFeedback", "RewardBench 2")]
"""Formats in which each record is a pair with its own prompt, so that a dozen records can be split."""
COMPARISONS: list[Record] = [
    {"winner": one, "loser": other, "weight": weight, "tied": "false", "first": 1 - 2 * (weight % 2)}
    for one, other, weight in (("a", "b", 2), ("b", "c", 1), ("c", "a", 3), ("b", "a", 1), ("a", "c", 2), ("c", "b", 2))
]
TO_SCORE: Record = {"prompt": "Q@", "response": "a"}

DEEP = "\ue000deep\ue000"
"""A placeholder for a list of thousands of levels, which `json.dumps` cannot write itself."""
VALUES: list[Any] = [
    None, True, False, 0, -1, 7, 10**400, -(2**63), 1e308, -0.0, 5e-324, float("nan"), float("inf"), "", " ", "\ud800",
    "\udfff x", "\0", "\x1b[31m", "\u202e", "\u200b", "\ufeff", "\r", "a\nb", "NaN", "1e999", "-inf", "1_0", "١",
    "true", "tie", "a" * 70_000, "é" * 3000, "[" * 3000, "[]", "{}", "[" * 300 + "{'role': 1}" + "]" * 300,
    "[" * 9000 + "{'role': 1}", "-" * 9000 + "{'role': 1}", "[{'role': 'user', 'content': 1" + "+1j" * 5000 + "}]",
    "[{'role': '\\ud800', 'content': ''}]", '{"role": "user"}', DEEP, [], {}, [[]], [None], [1, "a"],
    {"role": 1}, {"a": {"b": {}}}, [{"role": "user"}], [{"role": "", "content": ""}], talk("Q"), talk("Q", "a"),
    [{"role": "assistant", "content": None, "tool_calls": [{"function": {}}]}], [{"type": "text", "text": "a"}],
    [{"role": "user", "content": [{"type": "text", "text": 3}]}], {"text": "a"}, ["a", "b"], {"0": "a"},
]  # fmt: skip
NAMES = ["", " ", "prompt", "chosen", "rejected", "margin", "winner", "loser", "response", "Chosen ", "0", "\x1b", "é"]
NAMES += [
    "label",
    "messages",
    "rating",
    "score",
    "group",
    "kind",
    "item",
    "tied",
    "role",
    "content",
    "\ud800",
    "columns",
]
BYTES = [b"\n", b"\r", b"\r\n", b'"', b'""', b",", b";", b"\t", b"|", b"{", b"}", b"[", b"]", b"\\", b"\\u", b"\\ud800"]
BYTES += [b"\0", b"\xff", b"\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"NaN", b"Infinity", b"1e999", b"sep=;\n", b"\x1a"]
BYTES += [b"9" * 5000, b"[" * 3000, b"'", b"null", b"true", b"\xe2\x80\xa8", b"\x1f\x8b", b"PK\x03\x04", b":"]
ENCODINGS = ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-7"]


def make_records(one: Record, n: int) -> list[Record]:
    """Return `n` records of a kind that differ in their numbers."""
    return [json.loads(json.dumps(one).replace("@", str(i))) for i in range(n)]


# --- Damage to records ----------------------------------------------------------------------------------------------


def damage_records(rng: random.Random, records: list[Record]) -> None:
    """Drop, rename, copy or replace fields on any level: mostly in one record, sometimes in all."""
    value, new = copy.deepcopy(rng.choice(VALUES)), rng.choice(NAMES)
    kind = rng.choice(["drop", "rename", "copy", "value", "value", "value"])
    path = _path(rng, rng.choice(records))
    for record in records if rng.random() < 0.4 else [rng.choice(records)]:
        inside: Any = record
        try:
            for step in path[:-1]:
                inside = inside[step]
            if kind == "value":
                inside[path[-1]] = value
            elif kind == "drop":
                del inside[path[-1]]
            else:
                inside[new] = inside[path[-1]] if kind == "copy" else inside.pop(path[-1])
        except (KeyError, IndexError, TypeError, AttributeError):  # the field is gone already
            continue


def _path(rng: random.Random, value: Any) -> list[Any]:
    path = []
    while isinstance(value, dict | list) and value and (not path or rng.random() < 0.6):
        path.append(rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value)))
        value = value[path[-1]]
    return path or ["prompt"]


# --- Files ----------------------------------------------------------------------------------------------------------


def as_json(rng: random.Random, records: list[Record], *, array: bool = False, twice: bool = False) -> bytes:
    ascii_only, indent = rng.random() < 0.5, 1 if array and rng.random() < 0.5 else None
    lines = [json.dumps(one, ensure_ascii=ascii_only, indent=indent) for one in records]
    if twice:  # one key twice in a record
        at = rng.randrange(len(lines))
        lines[at] = lines[at].replace("{", '{"' + rng.choice(list(records[at]) or [""]) + '": "again", ', 1)
    text = "[" + ",\n".join(lines) + "]" if array else "\n".join(lines) + "\n"
    deep = "[" * 20_000 + "]" * 20_000
    text = text.replace(json.dumps(DEEP), deep).replace(f'"{DEEP}"', deep)
    return text.encode("utf-8", "surrogatepass")


def as_csv(rng: random.Random, records: list[Record], separators: str, *, twice: bool = False) -> bytes:
    file = io.StringIO(newline="")
    quoting = rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    writer = csv.writer(
        file, delimiter=rng.choice(separators), quoting=quoting, lineterminator=rng.choice(["\n", "\r\n"])
    )
    names = list(dict.fromkeys(name for record in records for name in record))
    shown = json.dumps if rng.random() < 0.5 else str
    writer.writerow([names[0], *names[1:-1], names[0]] if twice else names)
    for record in records:
        cells = [record.get(name, "") for name in names]
        writer.writerow([shown(cell) if isinstance(cell, list | dict) else cell for cell in cells])
    return file.getvalue().encode("utf-8", "surrogatepass")


def as_parquet(rng: random.Random, records: list[Record]) -> bytes:
    file = io.BytesIO()
    columns = {}
    for name in dict.fromkeys(name for record in records for name in record):
        try:
            column = pa.array([record.get(name) for record in records])
            pq.write_table(pa.table({name: column}), io.BytesIO())
            columns[name] = column
        except (pa.ArrowException, UnicodeEncodeError, OverflowError):  # values that a table cannot hold
            continue
    pq.write_table(pa.table(columns), file, write_page_checksum=rng.random() < 0.5)
    return file.getvalue()


def damage_bytes(rng: random.Random, data: bytes) -> bytes:
    """Flip, cut, insert, remove, repeat, move or recode bytes."""
    kind = rng.choice(["flip", "cut", "insert", "insert", "remove", "repeat", "splice", "recode", "quote"])
    at, to = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    if kind == "flip":
        changed = bytearray(data)
        for _ in range(min(len(data), rng.choice([1, 1, 3, 20]))):
            changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        return bytes(changed)
    if kind == "recode":
        return data.decode("utf-8", "replace").encode(rng.choice(ENCODINGS), "replace")
    if kind == "quote":
        return data.replace(b'"', rng.choice([b"'", b"", b'""', b"\xe2\x80\x9c"]), rng.choice([1, 2, -1]))
    return {
        "cut": data[:at],
        "insert": data[:at] + rng.choice(BYTES) + data[at:],
        "remove": data[:at] + data[min(to, at + 30) :],
        "repeat": data[:to] + data[at:],
        "splice": data[to:] + data[:at],
    }[kind]


def damaged_file(
    rng: random.Random,
    folder: Path,
    records: list[Record],
    ending: str,
    *,
    separators: str = ",;\t|",
    whole: bool = False,
) -> Path:
    """Write records to a file, intact or damaged up to five times, and return its path."""
    n_damages = 0 if whole else rng.choice([0, 1, 1, 1, 1, 2, 3, 5])
    twice = n_damages > 0 and rng.random() < 0.1
    n_in_records = rng.randint(0, n_damages)
    for _ in range(n_in_records):
        damage_records(rng, records)
    kind = ending.removesuffix(".gz")
    make: dict[str, Callable[[], bytes]] = {
        "jsonl": lambda: as_json(rng, records, twice=twice),
        "json": lambda: as_json(rng, records, array=True, twice=twice),
        "csv": lambda: as_csv(rng, records, separators, twice=twice),
        "parquet": lambda: as_parquet(rng, records),
    }
    data = make[kind]()
    for _ in range(n_damages - n_in_records):
        data = damage_bytes(rng, data)
    if ending.endswith(".gz"):
        data = gzip.compress(data, mtime=0)
        if n_damages and rng.random() < 0.3:
            data = damage_bytes(rng, data)
    path = folder / f"pairs.{ending}"
    path.write_bytes(data)
    return path


def damaged_pairs(
    rng: random.Random, folder: Path, n: int, kinds: list[str] | None = None, *, whole: bool = False
) -> Path:
    ending = rng.choice(["jsonl", "jsonl", "jsonl", "json", "csv", "csv", "jsonl.gz", "csv.gz", "parquet"])
    kinds = kinds or (FLAT if "csv" in ending and rng.random() < 0.8 else list(PAIRS))
    return damaged_file(rng, folder, make_records(PAIRS[rng.choice(kinds)], n), ending, whole=whole)


def damage_model(rng: random.Random, folder: Path) -> None:
    """Damage one file of a saved model, in most cases after removing the list of hashes that would show it."""
    if rng.random() < 0.8:
        (folder / "rmlab.json").unlink()
    path = rng.choice(sorted(folder.iterdir()))
    kind = rng.choice(["bytes", "bytes", "value", "value", "gone"])
    if kind == "gone":
        path.unlink()
    elif kind == "value" and path.suffix == ".json":
        content = json.loads(path.read_text(encoding="utf-8"))
        damage_records(rng, [content])
        path.write_bytes(as_json(rng, [content]))
    else:
        path.write_bytes(damage_bytes(rng, path.read_bytes()))
