"""Shrinking an example that shows a fault, by leaving out words: a simple form of delta debugging.

References
----------
Zeller and Hildebrandt (2002), Simplifying and isolating failure-inducing input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rmlab.data import Side
from rmlab.model.rendering import content_of

__all__ = ["shrink"]

Parts = tuple[Side, ...]
TRIES = 150
"""Bound on the calls of `is_broken`, each of which may run the network."""


def shrink(parts: Parts, is_broken: Callable[[Parts], bool], *, tries: int = TRIES) -> Parts:
    """Leave out words as long as the parts still show the fault, and return the shortest parts found.

    Parameters
    ----------
    parts
        Texts or messages that show the fault. Each keeps at least one word, if it has one.
    is_broken
        Whether parts show the fault. If it raises, they count as sound, since that is another fault.
    tries
        Bound on the calls of `is_broken`.

    Returns
    -------
    Parts that show the fault, none of which can lose a word; or, if `tries` ran out, the smallest seen.
    """
    left = tries
    shrinking = True
    while shrinking:
        shrinking = False
        for candidate in _shorter(parts):
            if not left:
                return parts
            left -= 1
            try:
                shrinking = is_broken(candidate)
            except Exception:  # a template that refuses, or a length of zero: not the fault under test
                continue
            if shrinking:
                parts = candidate
                break
    return parts


def _shorter(parts: Parts) -> Iterator[Parts]:
    """Yield the parts with one of them shorter: first by all but a word, which usually works, and last by one word."""
    for portion in (1, 2, 4, 8, 16, None):
        for i, part in enumerate(parts):
            for side in _shorter_side(part, portion):
                yield (*parts[:i], side, *parts[i + 1 :])


def _shorter_side(side: Side, portion: int | None) -> Iterator[Side]:
    """Yield one part as its first word or last message (1), without each of `portion` stretches, or each word."""
    if isinstance(side, str):
        words = side.split()
        step = 1 if portion is None else len(words) // portion
        if len(words) > 1 and portion == 1:
            yield words[0]
        elif len(words) > 1 and step:
            for start in range(0, len(words), step):
                if kept := words[:start] + words[start + step :]:
                    yield " ".join(kept)
        return
    if portion == 1 and len(side) > 1:
        yield side[-1:]
    if portion == 2:
        yield from ((*side[:i], *side[i + 1 :]) for i in range(len(side) - 1))
    for i, message in enumerate(side):
        for content in _shorter_side(content_of(message), portion):
            assert isinstance(content, str)
            yield (*side[:i], {**message, "content": content}, *side[i + 1 :])
