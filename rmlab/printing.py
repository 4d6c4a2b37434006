"""Printable forms of names from outside (labels, groups, files and columns), which may contain anything.

A terminal obeys escape sequences, a line break in a name forges a line of the report, and a bidirectional override
shows other text than the data contain. `printable` is the one rule; everything that prints names from users calls it.
"""

from __future__ import annotations

__all__ = ["is_blank", "printable", "printable_lines"]


def printable(name: object) -> str:
    r"""Return a name as text of one line, with each character that is not printable as its escape, such as ``\x1b``.

    Printable is what `str.isprintable` says, as in Python's `repr`: no control character, line break, bidirectional
    override, half of a surrogate pair, or space of no width.
    """
    text = str(name)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def printable_lines(text: object) -> str:
    """Return text of several lines with each line made `printable`; the line breaks stay."""
    return "\n".join(map(printable, str(text).split("\n")))


def is_blank(name: object) -> bool:
    """Return whether a name shows nothing: text that is empty, or only white space and marks of no width."""
    return isinstance(name, str) and not any(c.isprintable() and not c.isspace() for c in name)
