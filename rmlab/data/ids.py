"""`pair_ids` makes short names of pairs from their texts, so that the same pair can be found in any file."""

from __future__ import annotations

import hashlib
import json

from rmlab.data.pairs import PreferencePairs

__all__ = ["pair_ids"]


def pair_ids(pairs: PreferencePairs) -> list[str]:
    """Return a name of 16 hexadecimal digits for each pair, made from its prompt, chosen and rejected text.

    Two pairs with equal texts have the same name; a pair and its swapped twin have different names. The texts cannot be
    read from the name.
    """
    sides = zip(*(pairs.texts(side) for side in ("prompt", "chosen", "rejected")), strict=True)
    return [hashlib.blake2b(json.dumps(texts).encode(), digest_size=8).hexdigest() for texts in sides]
