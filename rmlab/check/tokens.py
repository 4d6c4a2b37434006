"""Exercises on the tokens that a batch computes (notebook 11)."""

from __future__ import annotations

from typing import Any

import numpy as np

from rmlab.check.judge import Verdict, judge

__all__ = ["shared_tokens"]


def shared_tokens(answer: Any) -> Verdict:
    """Notebook 11: tokens computed for a prompt of 100 and responses of 20 and 40, or a function of these three.

    The prompt is computed once for both responses, and nothing is padded.
    """
    return judge(
        "shared_tokens",
        answer,
        cases=[(100, 20, 40), (300, 10, 90), (8, 50, 30), (57, 25, 25)],
        right=lambda p, a, b: p + a + b,
        praise="Right: the prompt once, and each response once.",
        mistakes={
            "The prompt counts twice here: this is packed, but not shared. Compute it once for both responses.":
                lambda p, a, b: 2 * p + a + b,
            "This is the padded pair: two rows as long as the longer text, with the prompt in both.":
                lambda p, a, b: 2 * (p + np.maximum(a, b)),
            "The prompt counts once, but the shorter response is padded to the longer. Packed, nothing is padded.":
                lambda p, a, b: p + 2 * np.maximum(a, b),
            "This is the longer of the two texts. The other response has to be computed too.":
                lambda p, a, b: p + np.maximum(a, b),
            "This is the shorter of the two texts. The other response has to be computed too.":
                lambda p, a, b: p + np.minimum(a, b),
            "The responses alone: the prompt is shared, and still it is computed, once.": lambda p, a, b: a + b,
            "This is the prompt alone. Each response adds its own tokens.": lambda p, a, b: p,
            "This is the mean of the two texts. Their sum is asked for, the prompt counted once.":
                lambda p, a, b: p + (a + b) / 2,
            "Three times the longest piece: nothing has to be padded to the length of the prompt.":
                lambda p, a, b: 3 * np.maximum(p, np.maximum(a, b)),
        },
        hint="Write down one row: the prompt, the first response, the second response. How long is it?",
    )  # fmt: skip
