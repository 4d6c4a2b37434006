"""Lists and messages that a table holds as text: JSON, or Python literals as pandas and NumPy print them."""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import Any

from rmlab.data.formats.base import OPTIONAL_COLUMNS, Record

__all__ = ["LONGEST_LITERAL", "structured", "unpack"]

LONGEST_LITERAL = 1_000_000
"""The longest Python literal that is parsed, in characters; its syntax tree takes about a hundred times the memory."""

# Columns that are lists or objects in every format that has them, and never ordinary text.
_ALWAYS = frozenset(
    ("completions", "answers", "summaries", "info", "annotations", "data", "fields", "responses", "rating", "ratings",
     "generations", "three_most_similar_preferences", "individual_preference", "history")
)  # fmt: skip
_OPENING = re.compile(r"""\s*"?(?:array\()?[\[{]""")  # the quotation mark: JSON that was written as JSON again
_SPEAKER = re.compile(r"""['"](?:role|from|speaker)\\?['"]\s*:""")
_MESSAGE = re.compile(r"""\s*"?(?:array\()?\[?\s*\{\s*\\?['"](?:role|content|from|value|speaker|text)\\?['"]\s*:""")

# NumPy prints the members of an array without commas, nested arrays as calls, and long arrays cut short. Strings are
# matched first, up to their end or that of the text, so that nothing inside them is changed and no quotation mark is
# read twice.
_NUMPY = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.)*+(?:'|\Z)|"(?:[^"\\]|\\.)*+(?:"|\Z))"""
    r"""|(?P<cut>\.\.\.)|(?P<gap>(?<=[\w.\]}'"])\s+(?=[\w.+\-\[{'"]))"""
    r"""|(?P<array>array\()|(?P<kind>,\s*dtype=object\))""",
    re.DOTALL,
)


def structured(record: Record) -> frozenset[str]:
    """Return the names of the columns whose text is a list or an object rather than ordinary text."""
    return frozenset(
        name
        for name, value in record.items()
        if isinstance(value, str)
        and name not in OPTIONAL_COLUMNS  # those are names and flags, whatever they look like
        and _OPENING.match(value)
        and (name in _ALWAYS or _holds_messages(name, value))
    )


def _holds_messages(name: str, value: str) -> bool:
    """Return whether text represents messages, or would if it could be parsed."""
    if not _SPEAKER.search(value):
        return False
    try:
        messages = unpack(name, value)
    except ValueError:
        return _MESSAGE.match(value) is not None
    if isinstance(messages, dict) and isinstance(messages.get("messages"), list):
        messages = messages["messages"]  # the input of OpenAI's preference files
    messages = messages if isinstance(messages, list) else [messages]
    return all(
        isinstance(m, dict) and isinstance(m.get("role") or m.get("from") or m.get("speaker"), str) for m in messages
    )


def unpack(name: str, value: str) -> Any:
    """Return the list or object that the text of a cell represents, and any other text as it is."""
    if not _OPENING.match(value):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        pass
    else:
        return unpack(name, found) if isinstance(found, str) else found
    if len(value) > LONGEST_LITERAL:
        raise ValueError(
            f"{name} holds a list as text that is not JSON, and at {len(value):,} characters is too long to be read as "
            f"Python (at most {LONGEST_LITERAL:,}); write it as JSON"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # about an escape that Python does not know
            return ast.literal_eval(_NUMPY.sub(_with_commas, value.strip()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ValueError(f"{name} holds a list as text that is neither JSON nor a Python literal; write JSON") from None


def _with_commas(match: re.Match[str]) -> str:
    if match.lastgroup == "cut":
        raise SyntaxError("a list that was cut short when it was printed")
    return {"text": match[0], "gap": ", ", "array": "", "kind": ""}[match.lastgroup or "text"]
