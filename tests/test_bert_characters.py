"""The tables by which the browser normalises BERT's text are what the Python package does now."""

from __future__ import annotations

import re

from write_bert_characters import TARGET, kinds, ranges

CHARACTERS = {*range(0xD800), *range(0xE000, 0x110000)}


def table(name: str) -> str:
    text = TARGET.read_text(encoding="utf-8")
    (inside,) = re.findall(rf"export const {name} = \[\n(.*?)\]\.join", text, re.DOTALL)
    return "".join(re.findall(r"String\.raw`([^`]*)`", inside))


def test_every_range_begins_and_ends_where_the_package_says():
    for name, is_one in kinds().items():
        found = re.findall(r"\\u\{([0-9a-f]+)\}(?:-\\u\{([0-9a-f]+)\})?", table(name))
        spans = [(int(a, 16), int(b or a, 16)) for a, b in found]
        assert len(spans) > 5
        assert ranges([code for a, b in spans for code in range(a, b + 1)]) == table(name)
        for a, b in spans:
            assert is_one(chr(a)), (name, hex(a))
            assert is_one(chr(b)), (name, hex(b))
            for beside in {a - 1, b + 1} & CHARACTERS:
                assert not is_one(chr(beside)), (name, hex(beside))
