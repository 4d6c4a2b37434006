"""Spelling of prose: the words of pyspellchecker's English dictionary, British where it knows American ones alone."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from nbformat import NotebookNode
from reading import markdown
from spellchecker import SpellChecker

WORDS = Path(__file__).with_name("words.txt")
# What is no prose: code, formulas, addresses, tags, and the titles of other people's works.
NO_PROSE = re.compile(
    r"^(```|~~~).*?^\1|^ {4}.*?$|`[^`]*`|\$\$.*?\$\$|\$[^$\n]*\$|\]\([^)]*\)|<[^>]*>|https?://\S+"
    r"|^## Read more.*?(?=^## |\Z)",
    re.MULTILINE | re.DOTALL,
)


@cache
def dictionary() -> SpellChecker:
    """English, with the words of words.txt, and without those that it marks with a minus."""
    words = [line for line in WORDS.read_text(encoding="utf-8").split("\n") if line and not line.startswith("#")]
    spelling = SpellChecker()
    spelling.word_frequency.load_words(word for word in words if not word.startswith("-"))
    spelling.word_frequency.remove_words(word[1:] for word in words if word.startswith("-"))
    return spelling


def misspelt(text: str) -> Iterator[str]:
    """Words of a text that no dictionary has; names with a capital inside, such as MiniLM or CPU, aside."""
    words = set(re.findall(r"(?<![\w.@/])[^\W\d_]+(?:['’][^\W\d_]+)?(?![\w/@])", NO_PROSE.sub(" ", text)))
    plain = {word for word in words if not re.search(r".[A-Z]", word)}
    for word in sorted(plain):
        stem = re.sub(r"['’]s$", "", word.lower())
        if len(stem) > 1 and dictionary().unknown([stem.replace("’", "'")]):
            yield word


def spelled_right(notebook: NotebookNode, path: Path) -> list[str]:
    """Every word of the prose is in the dictionary or in words.txt."""
    return [f"{word}: misspelt, or missing in {WORDS.name}" for word in misspelt(markdown(notebook))]
