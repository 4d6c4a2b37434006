"""Near-equal texts: every two at the threshold in one group; and what `check_pairs` tells of them."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmlab.data import PreferencePair, PreferencePairs, check_pairs, group_near_equal, split_by_prompt
from rmlab.data.quality import near_duplicates as near_module
from rmlab.data.quality.near_duplicates import SIMILARITY, label_near_equal


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


def test_near_equal_texts_are_found_and_no_others():
    pairs = changed_texts(400)
    truth = np.array([similarity(*pair) for pair in pairs])
    groups = group_near_equal(text for pair in pairs for text in pair).reshape(-1, 2)
    near = truth >= SIMILARITY
    assert near.sum() > 100
    assert (~near).sum() > 100
    np.testing.assert_array_equal(groups[:, 0] == groups[:, 1], near)


def test_long_runs_of_one_letter_are_one_run_of_bytes():
    start = " ".join(words(np.random.default_rng(0), 150))
    both = [f"{start} {letter * 2600}" for letter in "zy"]
    assert similarity(*both) > 0.98
    assert group_near_equal(both).tolist() == label_near_equal(both) == [0, 0]
    others = [" ".join(words(np.random.default_rng(i), 20)) for i in range(1, 50)]
    parts = split_by_prompt(PreferencePairs.from_list([PreferencePair(p, "a", "b") for p in [*both, *others]]))
    assert sum(not {pair.prompt for pair in part}.isdisjoint(both) for part in parts) == 1


LETTERS = st.lists(st.sampled_from(["ab ", "cab", "z", "zzzzz", "é", "b a", "xyzzy", " "]), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_texts_at_the_threshold_or_above_are_always_in_one_group(data):
    """Texts and changed copies of them; the reference takes every two, by the definition, on sets of bytes."""
    texts = []
    for pieces in data.draw(st.lists(LETTERS, min_size=1, max_size=4)):
        repeated = pieces * data.draw(st.sampled_from([1, 1, 5]))
        texts.append(repeated)
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, len(repeated) - 1))
            texts.append([*repeated[:at], data.draw(st.text("abcz", max_size=4)), *repeated[at + 1 :]])
    spelt = [" ".join("".join(pieces).split()) for pieces in texts]
    groups = group_near_equal(spelt)
    runs = []
    for text in spelt:
        padded = f" {text} ".encode().ljust(5)
        runs.append({padded[i : i + 5] for i in range(len(padded) - 4)})
    joined = list(range(len(spelt)))
    for i, first in enumerate(runs):
        for j, second in enumerate(runs[:i]):
            if 5 * len(first & second) >= 4 * len(first | second):
                joined = [joined[j] if root == joined[i] else root for root in joined]
                assert label_near_equal([spelt[i], spelt[j]]) == [0, 0]
    number: dict[int, int] = {}
    assert groups.tolist() == [number.setdefault(root, len(number)) for root in joined]


@pytest.mark.slow
def test_a_crowd_with_one_beginning_is_grouped_in_time_near_to_linear():
    """Thousands of prompts from one template, near-equal to each other: each shares its runs with all before it."""
    rng = np.random.default_rng(0)
    template = " ".join(words(rng, 40))
    alike = [f"{template} {word}" for word in words(rng, 3000)]
    apart = [f"{' '.join(words(rng, 15))} {template}" for _ in range(300)]
    start = time.process_time()
    groups = group_near_equal(alike + apart)
    assert time.process_time() - start < 20
    assert len(set(groups[:3000].tolist())) == 1
    assert len(set(groups.tolist())) == 301


def test_composed_and_decomposed_letters_are_equal():
    assert group_near_equal(["cafe\u0301 cre\u0300me", "caf\u00e9 cr\u00e8me", "cafe creme"]).tolist() == [0, 0, 1]


def test_few_texts_are_compared_as_the_many_are():
    pairs = changed_texts(300)
    expected = [similarity(*pair) >= SIMILARITY for pair in pairs]
    assert [label_near_equal(pair) == [0, 0] for pair in pairs] == expected
    assert label_near_equal(["One.", "two", " one", "TWO!", "three", ""]) == [0, 1, 0, 1, 2, 3]


def test_many_responses_to_one_prompt_take_linear_work(monkeypatch):
    compared = []
    monkeypatch.setattr(near_module, "_may_be_similar", lambda *both: compared.append(both))
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
