"""Writes web/live/bert_characters.js: what BERT's normaliser takes for marks, controls, spaces and punctuation.

It asks the `tokenizers` package, character by character: its tables are of an older Unicode than a browser's, and the
token ids of a model should not depend on the browser. Run it after an update of `tokenizers`; a test says when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

TARGET = Path(__file__).parents[1] / "rmlab/explorer/web/live/bert_characters.js"
HEAD = """\
// What BERT's normaliser in the Python package `tokenizers` takes for a mark, a control, a space and punctuation, as
// insides of classes of regular expressions. Made by tools/write_bert_characters.py.
"""


def kinds() -> dict[str, Callable[[str], bool]]:
    """Return for each kind what says whether a character is of it."""
    accents = BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
    cleaner = BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    words = BertPreTokenizer()
    return {
        "MARKS": lambda c: accents.normalize_str(c) == "",
        "CONTROLS": lambda c: cleaner.normalize_str(c) == "",
        "SPACES": lambda c: cleaner.normalize_str(c) == " ",
        "PUNCTUATION": lambda c: len(words.pre_tokenize_str(f"a{c}b")) == 3,
    }


def characters() -> Iterator[str]:
    """Give every character of Unicode."""
    for code in range(0x110000):
        if not 0xD800 <= code < 0xE000:
            yield chr(code)


def ranges(codes: list[int]) -> str:
    """Return numbers in rising order as the inside of a class of a regular expression with the flag u."""
    parts: list[list[int]] = []
    for code in codes:
        if parts and parts[-1][1] == code - 1:
            parts[-1][1] = code
        else:
            parts.append([code, code])
    return "".join(f"\\u{{{a:x}}}" + (f"-\\u{{{b:x}}}" if b > a else "") for a, b in parts)


def main() -> None:
    """Write the file."""
    text = HEAD
    for name, is_one in kinds().items():
        inside = ranges([ord(c) for c in characters() if is_one(c)])
        rows = "`,\n  String.raw`".join(wrapped(inside))
        text += f'export const {name} = [\n  String.raw`{rows}`,\n].join("");\n'
    TARGET.write_text(text, encoding="utf-8", newline="\n")


def wrapped(text: str, width: int = 110) -> list[str]:
    """Return a row of escapes in lines."""
    lines = [""]
    for part in text.replace("\\u{", "\0\\u{").replace("-\0", "-").split("\0")[1:]:
        if len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return lines


if __name__ == "__main__":
    main()
