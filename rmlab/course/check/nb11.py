"""Exercises of notebook 11: what training costs in tokens and memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from rmlab.course.check.verdict import Verdict, judge

__all__ = ["shared_tokens", "training_memory"]


def shared_tokens(answer: Any) -> Verdict:
    """Judge the tokens computed for a prompt of 100 and responses of 20 and 40, or a function of these (notebook 11).

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
            "The responses alone: the prompt is shared, but it is still computed once.": lambda p, a, b: a + b,
            "This is the prompt alone. Each response adds its own tokens.": lambda p, a, b: p,
            "This is the mean of the two texts. Their sum is asked for, the prompt counted once.":
                lambda p, a, b: p + (a + b) / 2,
            "Three times the longest piece: nothing has to be padded to the length of the prompt.":
                lambda p, a, b: 3 * np.maximum(p, np.maximum(a, b)),
        },
        hint="Write down one row: the prompt, the first response, the second response. How long is it?",
    )  # fmt: skip


def training_memory(answer: Any) -> Verdict:
    """Judge the GB to train 7 billion float32 weights with AdamW, or a function of the number (notebook 11).

    A weight takes 4 bytes, its gradient 4 and its two averages 8; activations are not counted.
    """
    return judge(
        "training_memory",
        answer,
        cases=[(7e9,), (5e8,), (1.24e8,)],
        right=lambda n: 16 * n / 1e9,
        praise="Right: 16 bytes a weight, before any text is read.",
        mistakes={
            "These are the weights alone. Each has a gradient and two averages, too.": lambda n: 4 * n / 1e9,
            "Weights and gradients: the two averages that AdamW keeps are missing.": lambda n: 8 * n / 1e9,
            "One of the four is missing: a weight, its gradient, and two averages.": lambda n: 12 * n / 1e9,
            "These are the weights alone, in 16 bits. What is trained is kept in float32.": lambda n: 2 * n / 1e9,
            "This is in GiB, of 2^30 bytes. A GB is 10^9 bytes.": lambda n: 16 * n / 2**30,
            "This is in bytes. A GB is 10^9 of them.": lambda n: 16 * n,
            "This is in MB. A GB is 1,000 of them.": lambda n: 16 * n / 1e6,
            "This is in bits. A byte has 8 of them.": lambda n: 16 * 8 * n / 1e9,
            "This counts the numbers that are kept, four for each weight. Each has 4 bytes.": lambda n: 4 * n,
        },
        hint="Add up the bytes of one weight: itself, its gradient, two averages. Then times the number of weights.",
    )  # fmt: skip
