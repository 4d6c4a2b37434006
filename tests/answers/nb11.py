"""Answers to the exercises of notebook 11."""

import numpy as np

RIGHT = {
    "shared_tokens": [160, np.int64(160), 100 + 20 + 40, lambda p, a, b: p + a + b, lambda *sizes: sum(sizes),
                      lambda p, a, b: (p + a) + (p + b) - p],
    "training_memory": [112, 112.0, 7 * 16, lambda n: n * (4 + 4 + 8) / 10**9, lambda weights: weights * 1.6e-8],
}  # fmt: skip


WRONG = {
    "shared_tokens": [
        (260, "packed, but not shared"), (280, "padded pair"), (180, "shorter response is padded"),
        (140, "longer of the two texts"), (120, "shorter of the two texts"), (60, "responses alone"),
        (100, "prompt alone"), (130, "mean of the two texts"), (300, "longest piece"),
        (lambda p, a, b: 2 * p + a + b, "packed, but not shared"), (lambda p, a, b: 2 * (p + max(a, b)), "padded pair"),
        (lambda p, a, b: a + b, "responses alone"), (200, "Write down one row"),
    ],
    "training_memory": [
        (28, "weights alone"), (56, "two averages that AdamW keeps"), (84, "One of the four"), (14, "in 16 bits"),
        (104.3, "GiB"), (112e9, "in bytes"), (112_000, "in MB"), (896, "in bits"), (28e9, "numbers that are kept"),
        (lambda n: 4 * n / 1e9, "weights alone"), (lambda n: 16 * n / 1024**3, "GiB"), (7, "bytes of one weight"),
        (lambda n: 16, "bytes of one weight"),
    ],
}  # fmt: skip
