"""Answers to the exercises of notebook 05."""

import numpy as np

import rmlab
from rmlab.course.dirty import clean_lines, dirty_lines
from rmlab.data import PreferencePair, PreferencePairs, group_near_equal


def plain(text):
    return " ".join(text.lower().split())


def by_hand(lines, skip=()):
    """The solution of the notebook; steps may be left out."""
    kept = {}
    for line in lines:
        a, b = plain(line["response_a"]), plain(line["response_b"])
        if "tie" not in skip and line["preference"] == "tie":
            continue
        if ("empty" not in skip and not (a and b)) or ("equal" not in skip and a and a == b):
            continue
        if "hasty" not in skip and line["seconds"] < 1:
            continue
        triple = triple_of(line)
        kept.setdefault(tuple(map(plain, triple)), triple)
    if "contradiction" in skip:
        return list(kept.values())
    return [triple for (p, c, r), triple in kept.items() if (p, r, c) not in kept]


def triple_of(line):
    sides = "ba" if line["preference"] == "b" else "ab"
    return line["prompt"], line[f"response_{sides[0]}"], line[f"response_{sides[1]}"]


def unread(lines):
    return clean_lines([line | {"preference": "a"} if line["preference"] != "tie" else line for line in lines])


def none_twice(lines):
    keys = [tuple(map(plain, triple_of(line))) for line in lines]
    return [triple for triple in by_hand(lines) if keys.count(tuple(map(plain, triple))) == 1]


def exact_repeats_only(lines):
    return list(dict.fromkeys(triple_of(line) for line in lines if triple_of(line) in by_hand([line])))


def repeats_left(lines):
    good = by_hand(lines)
    plain_ones = {tuple(map(plain, triple)) for triple in good}
    return [triple_of(line) for line in lines if tuple(map(plain, triple_of(line))) in plain_ones]


def drawn(names, share=0.2, seed=3):
    codes = np.unique([str(name) for name in names], return_inverse=True)[1]
    return (np.random.default_rng(seed).permutation(codes.max() + 1)[codes] < share * (codes.max() + 1)).astype(int)


def by_the_library(prompts, chosen, rejected):
    pairs = PreferencePairs.from_list(map(PreferencePair, prompts, chosen, rejected))
    tested = set(rmlab.split_by_prompt(pairs, fractions=(0.8, 0.2))[1].texts("prompt"))
    return [int(prompt in tested) for prompt in prompts]


def grouped(prompts, chosen, rejected):
    return drawn(group_near_equal(prompts))


def deduplicated(prompts, chosen, rejected):
    keys = [tuple(map(plain, key)) for key in zip(prompts, chosen, rejected, strict=True)]
    return [-1 if keys.index(key) < i else part for i, (key, part) in enumerate(zip(keys, drawn(keys), strict=True))]


RIGHT = {
    "cleaned_lines": [
        by_hand, clean_lines(dirty_lines()), lambda lines: by_hand(lines)[::-1],
        lambda lines: [list(triple) for triple in by_hand(lines)],
    ],
    "leakless_split": [
        grouped, by_the_library, lambda p, c, r: drawn([plain(prompt) for prompt in p], seed=5),
        lambda p, c, r: grouped(p, c, r).astype(float),
    ],
}  # fmt: skip


WRONG = {
    "cleaned_lines": [
        (lambda lines: by_hand(lines, ["tie"]), "Ties are left in"),
        (lambda lines: by_hand(lines, ["empty"]), "Empty responses"),
        (lambda lines: clean_lines(lines, leave="equal"), "equal responses are left in"),
        (lambda lines: by_hand(lines, ["hasty"]), "under a second are left in"),
        (repeats_left, "Repeated judgements are left in"),
        (lambda lines: by_hand(lines, ["contradiction"]), "judged both ways are left in"),
        (lambda lines: [(p, r, c) for p, c, r in by_hand(lines)], "must come first"),
        (unread, "in every line"), (none_twice, "Keep the first"),
        (lambda lines: [triple_of(line) for line in lines], "eighteen of them must go"),
        (lambda lines: by_hand(lines, ["tie", "hasty"]), "2 × a tie; 3 × a judgement in under a second"),
        (lambda lines: by_hand(lines)[2:], "missing: 2"), (lambda lines: [], "missing: 22"),
        (exact_repeats_only, "1 × a repeated judgement"),
        (lambda lines: [("x", "y", "z"), *by_hand(lines)], "1 × a pair that is in no line"),
        (lambda lines: lines[0]["title"], "KeyError"), (by_hand(dirty_lines(), ["empty"]), "Empty responses"),
    ],
    "leakless_split": [
        (lambda p, c, r: drawn(range(len(p))), "By row"), (deduplicated, "Deduplication only"),
        (lambda p, c, r: drawn(c), "By response"), (lambda p, c, r: drawn(p), "Group near-equal"),
        (lambda p, c, r: [0] * len(p), "test part is empty"), (lambda p, c, r: [1] * len(p), "Everything is in"),
        (lambda p, c, r: 1 - grouped(p, c, r), "changed places"),
        (lambda p, c, r: drawn(group_near_equal(p), 0.05), "wide"),
        (lambda p, c, r: [0, 1], "expected for each pair"), (lambda p, c, r: group_near_equal(p), "expected for each"),
        (lambda p, c, r: drawn(r), "Deduplication"),
    ],
}  # fmt: skip
