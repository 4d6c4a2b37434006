"""`pair_ids`: short names of pairs, made from their texts, by which the same pairs are found again in any file."""

from __future__ import annotations

import hashlib
import json

from rmlab.data.pairs import PreferencePairs

__all__ = ["pair_ids"]


def pair_ids(pairs: PreferencePairs) -> list[str]:
    """Return a name of 16 hexadecimal digits for each pair, made from its prompt, chosen and rejected text.

    Two pairs with equal texts have one name; a pair and its swapped twin have two. The name does not reveal the texts.
    """
    sides = zip(*(pairs.texts(side) for side in ("prompt", "chosen", "rejected")), strict=True)
    return [hashlib.blake2b(json.dumps(texts).encode(), digest_size=8).hexdigest() for texts in sides]
