"""Near-equal texts: what MinHash proposes and an exact comparison decides; and what `check_pairs` tells of them."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from rmlab.data import PreferencePair, PreferencePairs, check_pairs, group_near_equal
from rmlab.data import near as near_module
from rmlab.data.near import SIMILARITY, label_near_equal


def words(rng: np.random.Generator, n: int) -> list[str]:
    return ["".join(rng.choice(list("abcdefghijklmnop"), 7)) for _ in range(n)]


def similarity(first: str, second: str) -> float:
    a, b = ({f" {text} "[i : i + 5] for i in range(len(text) - 2)} for text in (first, second))
    return len(a & b) / len(a | b)


def changed_texts(n: int) -> list[tuple[str, str]]:
    """Texts of a hundred words, and each with some words changed, so that their similarity lies about the bound."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(n):
        first = words(rng, 100)
        second = list(first)
        for place in rng.choice(100, rng.integers(0, 20), replace=False):
            second[place] = words(rng, 1)[0]
        found.append((" ".join(first), " ".join(second)))
    return found


def test_near_equal_texts_are_found_as_often_as_stated():
    pairs = changed_texts(400)
    truth = np.array([similarity(*pair) for pair in pairs])
    groups = group_near_equal(text for pair in pairs for text in pair).reshape(-1, 2)
    found = groups[:, 0] == groups[:, 1]
    near = truth >= SIMILARITY
    assert near.sum() > 100
    assert (~near).sum() > 100
    assert not found[~near].any()  # each candidate is compared exactly
    assert found[near].mean() > 0.97


def test_few_texts_are_compared_as_the_many_are():
    pairs = changed_texts(300)
    expected = [similarity(*pair) >= SIMILARITY for pair in pairs]
    assert [label_near_equal(pair) == [0, 0] for pair in pairs] == expected
    assert label_near_equal(["One.", "two", " one", "TWO!", "three", ""]) == [0, 1, 0, 1, 2, 3]


def test_signatures_are_the_same_in_every_process():
    source = (
        "import zlib; from rmlab.data.near import _signatures;"
        "print(zlib.crc32(_signatures([str(i) * 30 for i in range(50)]).tobytes()))"
    )
    outcomes = {
        subprocess.run(
            [sys.executable, "-c", source], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outcomes) == 1


def test_many_responses_to_one_prompt_take_linear_work(monkeypatch):
    compared = []
    monkeypatch.setattr(near_module, "_similar", lambda first, second: compared.append((first, second)))
    n = 300
    assert label_near_equal(words(np.random.default_rng(0), n)) == list(range(n))
    assert len(compared) < 20 * n


# --- What check_pairs tells -----------------------------------------------------------------------------------------

LONG = " ".join(words(np.random.default_rng(1), 40))
OTHER = " ".join(words(np.random.default_rng(2), 40))
THIRD = " ".join(words(np.random.default_rng(3), 40))
PAIRS = [
    PreferencePair("A question", LONG, OTHER),  # 0
    PreferencePair("a question?", LONG + ".", OTHER + " x"),  # 1 nearly repeats 0
    PreferencePair("A question", OTHER, LONG),  # 2 the other way round
    PreferencePair("A question", LONG, OTHER),  # 3 repeats 0 as it is
    PreferencePair("A question", LONG, LONG + "!"),  # 4 nearly equal responses
    PreferencePair("A question", LONG, LONG),  # 5 equal ones, and nearly 4 again
    PreferencePair("Something else entirely", LONG, OTHER),  # 6 the same responses to another prompt
    PreferencePair("A question", LONG, OTHER, tied=True),  # 7 the same judged a tie
    PreferencePair("A question", LONG, THIRD),  # 8
]


@pytest.mark.parametrize("as_messages", [False, True])
@pytest.mark.parametrize(
    ("name", "positions"),
    [
        ("near_equal_prompts", [1]),
        ("near_equal_responses", [4]),
        ("near_equal_pairs", [1, 5]),
        ("duplicates", [3]),
        ("contradictions", [0, 2, 3]),
        ("repeated", [0, 2, 3, 7]),
    ],
)
def test_what_is_nearly_there_twice_is_listed(name, positions, as_messages):
    pairs = PAIRS
    if as_messages:
        sides = [[({"role": "user", "content": text},) for text in (p.prompt, p.chosen, p.rejected)] for p in PAIRS]
        pairs = [PreferencePair(*three, tied=p.tied) for three, p in zip(sides, PAIRS, strict=True)]
    assert getattr(check_pairs(PreferencePairs.from_list(pairs)), name).tolist() == positions


def test_what_is_listed_does_not_depend_on_the_order_of_other_prompts():
    order = np.random.default_rng(0).permutation(len(PAIRS))
    found = check_pairs(PreferencePairs.from_list([PAIRS[i] for i in order]))
    assert sorted(order[found.near_equal_responses].tolist()) == [4]
    assert sorted(order[found.repeated].tolist()) == [0, 2, 3, 7]


def test_the_table_tells_of_them():
    table = str(check_pairs(PreferencePairs.from_list(PAIRS)))
    assert "  judged more than once                            4   at 0, 2, 3, 7\n" in table
    assert "  both responses are nearly equal                  1   at 4\n" in table
    assert "  nearly repeats an earlier pair                   2   at 1, 5\n" in table
    report = PreferencePairs.from_list(PAIRS).report
    assert report.n_repeated == 4
    assert "      4 judged more than once" in str(report)
