"""A file of forty judgements, of which eighteen should not be trained on: the exercise of notebook 05."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from rmlab.atomic import write_text
from rmlab.simulate.replies import simulate_reply_pairs

__all__ = ["FAULTS", "Line", "Triple", "clean_lines", "dirty_lines", "left_dirty", "write_dirty_file"]

Line = dict[str, Any]
"""prompt, response_a, response_b, preference ("a", "b" or "tie"), rater, seconds."""
Triple = tuple[str, str, str]
"""Prompt, chosen and rejected."""

N_GOOD = 22
HASTY = 1.0
"""Nobody reads two responses in fewer seconds than this."""
FAULTS = {
    "tie": "a tie",
    "empty": "an empty response",
    "equal": "two equal responses",
    "hasty": "a judgement in under a second",
    "repeat": "a repeated judgement",
    "contradiction": "a pair that was judged both ways",
}


def dirty_lines(seed: int = 0) -> list[Line]:
    """Return forty lines, in the order of the file."""
    return [dict(line) for line in _drawn(seed)]


@cache
def _drawn(seed: int) -> list[Line]:
    rng = np.random.default_rng(seed)
    drawn = list(simulate_reply_pairs(400, seed=rng).pairs)
    pairs = iter({pair.prompt: pair for pair in drawn}.values())

    def line(**changes: Any) -> Line:
        pair, first = next(pairs), bool(rng.integers(2))
        a, b = (pair.chosen, pair.rejected) if first else (pair.rejected, pair.chosen)
        said: Line = {"prompt": pair.prompt, "response_a": a, "response_b": b, "preference": "a" if first else "b"}
        seconds = round(float(rng.uniform(3, 20)), 1)
        return said | {"rater": f"r{rng.integers(1, 4)}", "seconds": seconds} | changes

    good = [line() for _ in range(N_GOOD)]
    other = [line(preference="tie"), line(preference="tie"), line(response_b=""), line(response_a="  ")]
    for change in (str, lambda text: f"{text.upper()} "):
        alike = line()
        other.append(alike | {"response_b": change(alike["response_a"])})
    other += [line(rater="r4", preference="a", seconds=round(float(rng.uniform(0.2, 0.8)), 1)) for _ in range(3)]
    both_ways = [line(), line()]
    other += [*both_ways, _judged_otherwise(both_ways[0]), _sides_swapped(_judged_otherwise(both_ways[1]))]
    lines = good + other
    lines = [lines[place] for place in rng.permutation(len(lines))]
    again = [good[0], good[1], _sides_swapped(good[2]), _sides_swapped(good[3]), _written_otherwise(good[4])]
    for one in again:  # after the line that it repeats
        original = next(i for i, each in enumerate(lines) if each["prompt"].lower() == one["prompt"].lower().strip())
        lines.insert(int(rng.integers(original + 1, len(lines) + 1)), one)
    return lines


def _judged_otherwise(line: Line) -> Line:
    return line | {"preference": "b" if line["preference"] == "a" else "a"}


def _sides_swapped(line: Line) -> Line:
    swapped = {"response_a": line["response_b"], "response_b": line["response_a"]}
    return _judged_otherwise(line | swapped)


def _written_otherwise(line: Line) -> Line:
    return line | {"prompt": f"{line['prompt'].lower()} ", "response_a": line["response_a"].replace(" ", "  ")}


def write_dirty_file(path: str | Path, seed: int = 0) -> None:
    """Write the lines to a file, one JSON object in each line."""
    write_text(path, "".join(json.dumps(line) + "\n" for line in dirty_lines(seed)))


def clean_lines(lines: Iterable[Line], *, leave: str = "") -> list[Triple]:
    """Return the pairs that may be trained on, in order; one fault of `FAULTS` may be left in."""
    kept: dict[Any, Triple] = {}
    judged: Counter[Any] = Counter()
    for number, line in enumerate(lines):
        if any(fault != leave for fault in _faults(line)):
            continue
        triple = _triple(line)
        key = tuple(map(_plain, triple))
        if key not in kept or leave == "repeat":
            judged[key[0], frozenset(key[1:])] += key not in kept
            kept[(*key, number) if leave == "repeat" and key in kept else key] = triple
    return [
        triple for key, triple in kept.items() if judged[key[0], frozenset(key[1:3])] == 1 or leave == "contradiction"
    ]


def _faults(line: Line) -> list[str]:
    """Return the faults of a line that can be seen without the others."""
    a, b = _plain(line["response_a"]), _plain(line["response_b"])
    holds = {
        "tie": line["preference"] == "tie",
        "empty": not (a and b),
        "equal": bool(a) and a == b,
        "hasty": line["seconds"] < HASTY,
    }
    return [fault for fault, is_so in holds.items() if is_so]


def left_dirty(triples: Iterable[Triple], lines: list[Line]) -> dict[str, int]:
    """Count the faults of the pairs that were kept from the lines, by the names of `FAULTS` and three more.

    "swapped": the chosen response is the one that was not preferred; "lost": a good pair is missing; "unknown": a pair
    is in no line.
    """
    right = Counter(clean_lines(lines))
    of_triple = {_triple(line): line for line in lines}
    kept = Counter(triples)
    both_ways = Counter(clean_lines(lines, leave="contradiction")) - right
    found: Counter[str] = Counter()
    for triple, n in kept.items():
        wanted = right[triple]
        found["repeat"] += max(n - 1, 0)
        if wanted:
            continue
        faults = _faults(of_triple[triple]) if triple in of_triple else []
        if faults:
            found[faults[0]] += 1
        elif triple in both_ways:
            found["contradiction"] += 1
        elif triple in of_triple:
            found["repeat"] += 1  # written otherwise
        else:
            found["swapped" if (triple[0], triple[2], triple[1]) in of_triple else "unknown"] += 1
    found["lost"] = sum((right - kept).values())
    return {name: n for name, n in found.items() if n}


def _triple(line: Line) -> Triple:
    a, b = line["response_a"], line["response_b"]
    return (line["prompt"], b, a) if line["preference"] == "b" else (line["prompt"], a, b)


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
