"""Attributes of a response: those of the world of replies, or, for any other text, what can be counted in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from rmlab.labels.asked_pairs import Questions
from rmlab.simulate.replies import ATTRIBUTES, attributes_of_text

__all__ = ["COUNTED", "Traits", "traits_of"]

COUNTED = {
    "length": "doublings of the number of words",
    "list": "gives a list",
    "digits": "has a number in figures",
    "question": "asks something back",
    "exclamation": "has an exclamation mark",
    "own words": "share of its words that are not in the prompt",
}
"""What can be counted in any text."""
_WORD = re.compile(r"\w+")
_ITEM = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class Traits:
    """Attribute differences of questions, the file's chosen response less the rejected one."""

    names: tuple[str, ...]
    differences: np.ndarray
    """Shape ``(n_questions, n_attributes)``."""
    of_the_world: bool
    """Whether the attributes are those of `rmlab.simulate.replies`; if not, they are those of `COUNTED`."""


def traits_of(questions: Questions) -> Traits:
    """Return the attributes of the world of replies if every response is one of its replies, or what can be counted."""
    sides = [list(questions.pairs.texts(side)) for side in ("prompt", "chosen", "rejected")]
    found = []
    for prompt, chosen, rejected in zip(*sides, strict=True):
        of_both = [attributes_of_text(prompt, text) for text in (chosen, rejected)]
        if of_both[0] is None or of_both[1] is None:
            break
        found.append([of_both[0][name] - of_both[1][name] for name in ATTRIBUTES])
    else:
        return Traits(tuple(ATTRIBUTES), np.array(found), of_the_world=True)
    counted = [
        np.subtract(_counted(prompt, chosen), _counted(prompt, rejected))
        for prompt, chosen, rejected in zip(*sides, strict=True)
    ]
    return Traits(tuple(COUNTED), np.array(counted), of_the_world=False)


def _counted(prompt: str, text: str) -> list[float]:
    words, asked = _WORD.findall(text.lower()), set(_WORD.findall(prompt.lower()))
    own = sum(word not in asked for word in words) / max(len(words), 1)
    signs = (bool(_ITEM.search(text)), any(c.isdigit() for c in text), "?" in text, "!" in text)
    return [float(np.log2(1 + len(words))), *map(float, signs), own]
