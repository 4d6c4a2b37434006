"""Other spellings of the same words: numerals, contractions, American spelling."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

__all__ = ["american", "contracted", "numerals"]

_NUMBERS: Final = {
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
    "ten": "10", "eleven": "11", "twelve": "12", "fifteen": "15", "twenty": "20", "thirty": "30", "forty": "40",
    "fifty": "50", "sixty": "60", "ninety": "90",
}  # fmt: skip
"""Not "one", which is mostly a pronoun."""
_CONTRACTIONS: Final = {
    "do not": "don't", "does not": "doesn't", "did not": "didn't", "is not": "isn't", "are not": "aren't",
    "was not": "wasn't", "were not": "weren't", "has not": "hasn't", "have not": "haven't", "cannot": "can't",
    "can not": "can't", "could not": "couldn't", "should not": "shouldn't", "would not": "wouldn't",
    "will not": "won't", "must not": "mustn't", "i am": "I'm", "you are": "you're", "we are": "we're",
    "they are": "they're", "i have": "I've", "you have": "you've", "i will": "I'll", "you will": "you'll",
    "we will": "we'll", "let us": "let's",
}  # fmt: skip
_POSSESSING: Final = {"i have", "you have"}  # only before a participle: "you have two eggs" stays
_AMERICAN: Final = {
    "colour": "color", "colours": "colors", "coloured": "colored", "favour": "favor", "favourite": "favorite",
    "favourites": "favorites", "flavour": "flavor", "flavours": "flavors", "honour": "honor", "humour": "humor",
    "labour": "labor", "neighbour": "neighbor", "neighbours": "neighbors", "behaviour": "behavior",
    "centre": "center", "centres": "centers", "metre": "meter", "metres": "meters", "litre": "liter",
    "litres": "liters", "theatre": "theater", "fibre": "fiber", "grey": "gray", "tyre": "tire", "tyres": "tires",
    "mould": "mold", "plough": "plow", "cheque": "check", "programme": "program", "defence": "defense",
    "offence": "offense", "licence": "license", "practise": "practice", "catalogue": "catalog", "jewellery": "jewelry",
    "travelling": "traveling", "travelled": "traveled", "traveller": "traveler", "cancelled": "canceled",
    "labelled": "labeled", "modelling": "modeling", "organise": "organize", "organised": "organized",
    "organising": "organizing", "realise": "realize", "realised": "realized", "recognise": "recognize",
    "recognised": "recognized", "apologise": "apologize", "apologised": "apologized", "analyse": "analyze",
    "memorise": "memorize", "prioritise": "prioritize", "summarise": "summarize", "specialise": "specialize",
    "specialised": "specialized", "minimise": "minimize", "maximise": "maximize", "criticise": "criticize",
    "emphasise": "emphasize", "aluminium": "aluminum", "pyjamas": "pajamas", "sceptical": "skeptical",
    "ageing": "aging", "storey": "story", "kerb": "curb",
}  # fmt: skip


def numerals(text: str) -> str | None:
    """Return a text with its number words as digits; None if there are none."""
    return _respelled(text, _NUMBERS)


def american(text: str) -> str | None:
    """Return a text with British spellings made American; None if there are none."""
    return _respelled(text, _AMERICAN)


def contracted(text: str) -> str | None:
    """Return a text with its auxiliaries and negations contracted; None if there are none."""
    # at the end of a clause an auxiliary is not contracted: "I know where you are."
    pattern = "|".join(
        rf"{words}(?= \w+(?:ed|en)\b)" if words in _POSSESSING else rf"{words}(?= \w)"
        for words in sorted(_CONTRACTIONS, key=len, reverse=True)
    )
    made, count = re.subn(rf"\b(?:{pattern})", _in_its_case(_CONTRACTIONS), text, flags=re.IGNORECASE)
    return made if count else None


def _respelled(text: str, words: Mapping[str, str]) -> str | None:
    # a word within a compound ("two-storey") or an identifier is not changed
    made, count = re.subn(rf"(?<![\w-])(?:{'|'.join(words)})(?![\w-])", _in_its_case(words), text, flags=re.IGNORECASE)
    return made if count else None


def _in_its_case(words: Mapping[str, str]) -> Callable[[re.Match[str]], str]:
    def replacement(match: re.Match[str]) -> str:
        made = words[match[0].lower()]
        return made[:1].upper() + made[1:] if match[0][:1].isupper() else made

    return replacement
