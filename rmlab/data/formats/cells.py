"""Lists and messages that a table holds as text: JSON, or Python literals as pandas and NumPy print them."""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import Any

from rmlab.data.formats.base import Record

__all__ = ["LONGEST_LITERAL", "structured", "unpack"]

LONGEST_LITERAL = 1_000_000
"""Characters of a Python literal that is parsed; its tree takes some hundred times as much memory."""

# Columns that are lists or objects in every format that has them, and so are no text of anyone's.
_ALWAYS = frozenset(
    ("completions", "answers", "summaries", "info", "annotations", "data", "fields", "responses", "rating", "ratings",
     "generations", "three_most_similar_preferences", "individual_preference", "history")
)  # fmt: skip
_SPEAKER = re.compile(r"""\s*\[?\s*(?:array\()?\[?\s*\{.{0,200}?['"](?:role|from)['"]\s*:""", re.DOTALL)

# NumPy prints the dictionaries of an array without commas, and nested arrays as calls. Strings are matched first, to
# their end or that of the text, so that nothing within them is changed and no quotation mark is looked at twice.
_NUMPY = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.)*+(?:'|\Z)|"(?:[^"\\]|\\.)*+(?:"|\Z))"""
    r"""|(?P<gap>\}\s+(?=\{))|(?P<array>array\()|(?P<kind>,\s*dtype=object\))""",
    re.DOTALL,
)


def structured(record: Record) -> frozenset[str]:
    """Return the names of the columns whose text is a list or an object rather than somebody's words."""
    return frozenset(
        name
        for name, value in record.items()
        if isinstance(value, str) and (_SPEAKER.match(value) or (name in _ALWAYS and value.lstrip()[:1] in ("[", "{")))
    )


def unpack(name: str, value: str) -> Any:
    """Return what the text of a cell stands for. Text that is no list or object is returned as it is."""
    if value.lstrip()[:1] not in ("[", "{"):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        pass
    if len(value) > LONGEST_LITERAL:
        raise ValueError(
            f"{name} holds a list as text that is not JSON, and at {len(value):,} characters is too long to be read as "
            f"Python (at most {LONGEST_LITERAL:,}); write it as JSON"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # of an escape that Python does not know
            return ast.literal_eval(_NUMPY.sub(_with_commas, value.strip()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ValueError(f"{name} holds a list as text that is neither JSON nor a Python literal; write JSON") from None


def _with_commas(match: re.Match[str]) -> str:
    return {"text": match[0], "gap": "}, ", "array": "", "kind": ""}[match.lastgroup or "text"]
