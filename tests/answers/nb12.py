"""Answers to the exercises of notebook 12."""

import random

import numpy as np

dice = random.Random(0)


def alone(score, texts):
    return np.array([score([text])[0] for text in texts])


def gaps(score, texts):
    return np.abs(alone(score, texts) - score(texts))


def loop(score, texts):
    worst = 0.0
    for text, together in zip(texts, score(texts), strict=True):
        worst = max(worst, abs(score([text])[0] - together))
    return worst


def of_longest(score, texts):
    return gaps(score, texts)[np.argmax([len(text) for text in texts])]


RIGHT = {
    "batch_gap": [
        lambda score, texts: gaps(score, texts).max(), loop,
        lambda score, texts: max(abs(a - b) for a, b in zip(alone(score, texts), score(texts), strict=True)),
    ],
    "change_of_form": [
        lambda text: text.replace(" ", "  "), str.upper, lambda text: text.replace(". ", ".\n"),
        lambda text: f"{text}!", lambda text: f"**{text}**",
    ],
}  # fmt: skip


WRONG = {
    "batch_gap": [
        (lambda score, texts: abs(score(texts) - score(texts)).max(), "scored twice"),
        (lambda score, texts: 0.0, "scored twice"),
        (lambda score, texts: gaps(score, texts)[0], "Only the first text"),
        (lambda score, texts: gaps(score, texts).mean(), "mean distance"),
        (lambda score, texts: (alone(score, texts) - score(texts)).max(), "signs are left in"),
        (lambda score, texts: (score(texts) - alone(score, texts)).max(), "other way round"),
        (lambda score, texts: abs(score(texts) - score(texts[::-1])[::-1]).max(), "with its reverse"),
        (of_longest, "longest text"),
        (lambda score, texts: gaps(score, texts), "all texts"),
        (lambda score, texts: gaps(score, texts).sum(), "added up"),
        (lambda score, texts: float(gaps(score, texts).max() > 1e-3), "largest absolute difference"),
        (lambda score, texts: bool(gaps(score, texts).max() > 1e-3), "Expected a number"),
        (0.5, "largest absolute"), (lambda score: 0.0, "takes 1 positional"),
    ],
    "change_of_form": [
        (lambda text: len(text), "other than a text"), (lambda text: text, "Nothing changes"),
        (lambda text: text + "!" * dice.randint(1, 10**6), "Two calls"),
        (lambda text: "", "empty"), (lambda text: text + " Thank you.", "words change"),
        (lambda text: text.replace("label", "sign"), "words change"), (lambda text: text[::-1], "words change"),
        (lambda text: text.replace("label", "LABEL"), "Fewer than half"),
        (lambda text: text.replace(".", ","), "no model"),
        (lambda text: text.split(), "other than a text"), (3, "takes a text"), ("text", "takes a text"),
    ],
}  # fmt: skip
