"""Printable forms of names from outside (labels, groups, files and columns), which may contain anything.

A terminal obeys escape sequences, a line break in a name forges a line of the report, and a bidirectional override
shows text that differs from the data. Everything that prints names from users calls `printable`.
"""

from __future__ import annotations

__all__ = ["is_blank", "printable", "printable_lines"]


def printable(name: object) -> str:
    r"""Return a name as one line of text, in which an escape such as ``\x1b`` replaces each unprintable character.

    Printable means `str.isprintable`, as in Python's `repr`: no control character, line break, bidirectional
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
    """Return whether a name is text without a visible character: empty, or only white space and unprintable ones."""
    return isinstance(name, str) and not any(c.isprintable() and not c.isspace() for c in name)
