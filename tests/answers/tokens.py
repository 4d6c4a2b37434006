"""Answers to the exercise on the tokens that a batch computes."""

import numpy as np

RIGHT = {
    "shared_tokens": [160, np.int64(160), 100 + 20 + 40, lambda p, a, b: p + a + b, lambda *sizes: sum(sizes),
                      lambda p, a, b: (p + a) + (p + b) - p],
}  # fmt: skip

WRONG = {
    "shared_tokens": [
        (260, "packed, but not shared"), (280, "padded pair"), (180, "shorter response is padded"),
        (140, "longer of the two texts"), (120, "shorter of the two texts"), (60, "responses alone"),
        (100, "prompt alone"), (130, "mean of the two texts"), (300, "longest piece"),
        (lambda p, a, b: 2 * p + a + b, "packed, but not shared"), (lambda p, a, b: 2 * (p + max(a, b)), "padded pair"),
        (lambda p, a, b: a + b, "responses alone"), (200, "Write down one row"),
    ],
}  # fmt: skip
