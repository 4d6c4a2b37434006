"""`pair_ids`: short names of pairs by their texts, to find the same pairs again in whatever file they stand."""

from __future__ import annotations

import hashlib
import json

from rmlab.data.pairs import PreferencePairs

__all__ = ["pair_ids"]


def pair_ids(pairs: PreferencePairs) -> list[str]:
    """Give each pair a name of 16 hexadecimal digits, which its prompt, chosen and rejected text decide.

    Two pairs of equal texts have one name; a pair and its swapped twin have two. The texts cannot be read from it.
    """
    sides = zip(*(pairs.texts(side) for side in ("prompt", "chosen", "rejected")), strict=True)
    return [hashlib.blake2b(json.dumps(texts).encode(), digest_size=8).hexdigest() for texts in sides]
