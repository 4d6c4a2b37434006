"""Exercises of notebook 05: cleaning a file of judgements, and a split that does not leak."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np

from rmlab.course.check.verdict import Verdict, judge
from rmlab.course.dirty import FAULTS, Triple, clean_lines, dirty_lines, left_dirty
from rmlab.data import group_near_equal
from rmlab.simulate.replies import simulate_reply_pairs

__all__ = ["cleaned_lines", "leakless_split"]

COUNTED = (*FAULTS, "swapped", "lost", "unknown")
IN_WORDS = {**FAULTS, "swapped": "a pair with the preferred response second", "unknown": "a pair that is in no line"}
NO_ANSWER = (None, ..., NotImplemented)
SMALLEST, LARGEST = 0.1, 0.35


def cleaned_lines(answer: Any) -> Verdict:
    """Judge the pairs kept of a dirty file (notebook 05).

    The answer is a function from the lines, dicts as in `rmlab.course.dirty.Line`, to triples (prompt, chosen,
    rejected); or the triples for the file of the notebook.
    """
    said = _said_of(answer)
    left = [f"{said[name]} × {words}" for name, words in IN_WORDS.items() if name in said]
    lost = said.get("lost", 0)
    hint = "Still dirty: " + "; ".join(left) + "." if left else "Nothing dirty is left."
    hint += f" Good pairs that are missing: {lost}." if lost else ""
    return judge(
        "cleaned_lines",
        answer if _is_none(answer) else _counts(answer) if callable(answer) else _vector(said),
        cases=[(0.0,), (1.0,)],
        right=_counts(clean_lines),
        praise="Right: 22 pairs are left of the 40 lines, and nothing dirty is among them.",
        mistakes={
            "Ties are left in: nobody preferred either response.": _leaving("tie"),
            "Empty responses are left in. One has spaces only.": _leaving("empty"),
            "Pairs with equal responses are left in. One differs from its twin in capitals and spaces only.":
                _leaving("equal"),
            "Judgements made in under a second are left in: rater r4 pressed the same key each time.":
                _leaving("hasty"),
            "Repeated judgements are left in. One has its sides exchanged, one other capitals and spaces: make the "
            "texts plain, and compare (prompt, chosen, rejected).": _leaving("repeat"),
            "Pairs that were judged both ways are left in. The lines contradict each other, so leave both out.":
                _leaving("contradiction"),
            "The preferred response must come first: where preference is b, chosen is response_b.":
                _counts(lambda lines: [(prompt, r, c) for prompt, c, r in clean_lines(lines)]),
            "This takes response_a for the chosen one in every line. Look at preference.": _counts(_a_is_chosen),
            "Every copy of a repeated judgement is gone. Keep the first of them.": _counts(_no_copy),
            "These are all the lines, and eighteen of them must go.": _counts(
                lambda lines: [_as_triple(line) for line in lines]
            ),
        },
        hint=hint,
        shows_case=False,
    )  # fmt: skip


def leakless_split(answer: Any) -> Verdict:
    """Judge a split (notebook 05): a function (prompts, chosen, rejected) -> 1 for each test pair, else 0.

    The arguments are lists with one text for each pair, and a result of -1 leaves a pair out. Some pairs are repeated,
    and some prompts differ only in capitals and spaces.
    """
    return judge(
        "leakless_split",
        _leaks(answer) if callable(answer) else answer,
        cases=[(0.0,), (1.0,)],
        right=_leaks(_by_prompt),
        praise="Right: no prompt, and none that is nearly the same, is in both parts.",
        mistakes={
            "By row: the same pair is in both parts, with its prompt and its responses.": _leaks(_by_row),
            "Deduplication only: no pair is in both parts any longer, but other pairs of the same prompts are, with "
            "the same responses among them.": _leaks(_deduplicated),
            "By response: no chosen response is in both parts, but their prompts are. What is good about a prompt's "
            "answers is then learned from the training pairs.": _leaks(_by_response),
            "Prompts that differ in capitals or spaces only are in different parts. Group near-equal prompts.":
                _leaks(_by_exact_prompt),
            "The test part is empty.": _leaks(lambda *sides: np.zeros(len(sides[0]))),
            "Everything is in the test part, and nothing is left to train on.":
                _leaks(lambda *sides: np.ones(len(sides[0]))),
            "No prompt is in both parts, but the parts have changed places, or nearly: most pairs are tested.":
                _leaks(lambda *sides: 1 - _by_prompt(*sides)),
            "No prompt is in both parts, but fewer than a tenth of the pairs are for testing: the interval of an "
            "accuracy would be wide.": _leaks(lambda *sides: _by_prompt(*sides, share=0.03)),
        },
        hint="One 1, 0 or -1 is expected for each pair, and pairs with one prompt must have the same.",
        shows_case=False,
    )  # fmt: skip


def _is_none(answer: Any) -> bool:
    return any(answer is nothing for nothing in NO_ANSWER) or isinstance(answer, NotImplementedError)


def _said_of(answer: Any) -> dict[str, int]:
    """Count what an answer left dirty in the file of the notebook; return {} if it gives no triples."""
    try:
        found: Any = answer(dirty_lines()) if callable(answer) else answer
        return left_dirty(map(_text, found), dirty_lines())
    except Exception:  # `judge` reports it
        return {}


def _text(triple: Any) -> Triple:
    prompt, chosen, rejected = triple
    return str(prompt), str(chosen), str(rejected)


def _vector(said: dict[str, int]) -> np.ndarray:
    return np.array([said.get(name, 0) for name in COUNTED], dtype=float)


def _counts(clean: Callable[..., Any]) -> Callable[[float], Any]:
    """Return a function from a seed to the counts of what is left dirty in its file, for `judge` to compare."""

    def count(seed: float) -> Any:
        lines = dirty_lines(int(seed))
        found = clean(dirty_lines(int(seed)))
        if any(found is nothing for nothing in NO_ANSWER):
            return found
        return _vector(left_dirty(map(_text, found), lines))

    return count


def _leaving(fault: str) -> Callable[[float], Any]:
    return _counts(lambda lines: clean_lines(lines, leave=fault))


def _as_triple(line: Any) -> Triple:
    sides = ("response_b", "response_a") if line["preference"] == "b" else ("response_a", "response_b")
    return line["prompt"], line[sides[0]], line[sides[1]]


def _a_is_chosen(lines: Any) -> list[Triple]:
    return clean_lines([line if line["preference"] == "tie" else line | {"preference": "a"} for line in lines])


def _no_copy(lines: Any) -> list[Triple]:
    plain = [tuple(" ".join(text.lower().split()) for text in _as_triple(line)) for line in lines]
    return [
        triple
        for triple in clean_lines(lines)
        if plain.count(tuple(" ".join(text.lower().split()) for text in triple)) == 1
    ]


@cache
def _pairs_to_split(seed: int) -> tuple[list[str], list[str], list[str]]:
    """Return prompts, chosen and rejected of 144 pairs; some are repeats, and some prompts are written differently."""
    pairs = simulate_reply_pairs(120, seed=100 + seed, n_questions=30, replies=3).pairs
    rows = list(zip(*map(pairs.texts, ("prompt", "chosen", "rejected")), strict=True))
    rows = [(prompt if i % 3 else f" {prompt.upper()}", *sides) for i, (prompt, *sides) in enumerate(rows)] + rows[::5]
    prompts, chosen, rejected = map(list, zip(*rows, strict=True))
    return prompts, chosen, rejected


def _leaks(split: Callable[..., Any]) -> Callable[[float], Any]:
    """Return a function from a seed to two codes: the worst that the parts share; if nothing, a wrong size."""

    def found(seed: float) -> Any:
        prompts, chosen, rejected = _pairs_to_split(int(seed))
        parts = split(list(prompts), list(chosen), list(rejected))
        if any(parts is nothing for nothing in NO_ANSWER):
            return parts
        parts = np.asarray(parts, dtype=float)
        if parts.shape != (len(prompts),) or not np.isin(parts, (-1, 0, 1)).all():
            return np.nan
        groups = [str(group) for group in group_near_equal(prompts)]
        pairs = ["\n".join(texts) for texts in zip(groups, chosen, rejected, strict=True)]
        both = [_in_both(names, parts) for names in (pairs, chosen, prompts, groups)]
        same_pair, same_chosen, same_prompt, near = both
        if same_prompt:
            return np.array([4 if same_pair else 3 if same_chosen else 2, 0.0])
        n_test, n_training = (parts == 1).sum(), (parts == 0).sum()
        share = n_test / max(n_test + n_training, 1)
        sizes = (share == 0, share < SMALLEST, share <= LARGEST, share < 1, True)
        return np.array([float(near), 0 if near else (3, 1, 0, 2, 4)[sizes.index(True)]])

    return found


def _in_both(names: Iterable[str], parts: np.ndarray) -> bool:
    training, test = ({name for name, part in zip(names, parts, strict=True) if part == k} for k in (0, 1))
    return bool(training & test)


def _drawn(names: Iterable[Any], share: float = 0.2) -> np.ndarray:
    """Return 1 for about this share of the rows, and the same for rows with one name."""
    codes = np.unique(np.array([str(name) for name in names]), return_inverse=True)[1]
    order = np.random.default_rng(0).permutation(codes.max() + 1)
    return (order[codes] < share * len(order)).astype(int)


def _by_prompt(prompts: list[str], chosen: list[str], rejected: list[str], share: float = 0.2) -> np.ndarray:
    return _drawn(group_near_equal(prompts), share)


def _by_exact_prompt(prompts: list[str], chosen: list[str], rejected: list[str]) -> np.ndarray:
    return _drawn(prompts)


def _by_response(prompts: list[str], chosen: list[str], rejected: list[str]) -> np.ndarray:
    return _drawn(chosen)


def _by_row(prompts: list[str], chosen: list[str], rejected: list[str]) -> np.ndarray:
    return _drawn(range(len(prompts)))


def _deduplicated(prompts: list[str], chosen: list[str], rejected: list[str]) -> np.ndarray:
    names = list(zip(group_near_equal(prompts), chosen, rejected, strict=True))
    first = [names.index(name) == row for row, name in enumerate(names)]
    return np.where(first, _by_row(prompts, chosen, rejected), -1)
