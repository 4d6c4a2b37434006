"""What an attribution found: the value of each token, what they add up to, and what remains, in numbers and words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

__all__ = ["Attribution", "DifferenceAttribution", "tolerance"]

TOLERANCE = 1e-3
"""Tokens add up if the remainder is at most this share of the values' absolute sum, or this many nats if more."""


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each token of one response adds to its score, in nats."""

    text: str
    """The response as the scorer reads it; `spans` are places in it."""
    tokens: tuple[str, ...]
    """The piece of `text` behind each token; tokens that are bytes of one character all show that character."""
    spans: tuple[tuple[int, int], ...]
    values: np.ndarray
    """What each token adds, float64 of shape ``(n_tokens,)``. A positive value raises the score."""
    method: Literal["leave-one-out", "integrated-gradients"]
    score: float
    without: float
    """The score with all tokens at once left out, or replaced by baseline tokens."""
    prompt_tokens_cut: int
    response_tokens_cut: int
    """Tokens that truncation removed on the left; the values do not include them."""

    @property
    def remainder(self) -> float:
        """The part of ``score - without`` that the tokens do not add up to, in nats."""
        return self.score - self.without - float(self.values.sum())

    @property
    def tolerance(self) -> float:
        """The largest remainder that counts as zero, in nats."""
        return tolerance(self.values)

    @property
    def complete(self) -> bool:
        """Whether the tokens add up to ``score - without``."""
        return abs(self.remainder) <= self.tolerance

    def __str__(self) -> str:
        gone = "left out" if self.method == "leave-one-out" else "replaced by baseline tokens"
        return (
            f"{len(self.tokens)} tokens add {_signed(self.values.sum())} in all ({self.method}); the score differs by "
            f"{_signed(self.score - self.without)} from that with all of them {gone}. {_add_up(self)}{_cut(self)}"
        )


@dataclass(frozen=True, eq=False)
class DifferenceAttribution:
    """What each token of two responses to one prompt adds to score(first) - score(second), in nats.

    A token of the first response adds its value, and one of the second subtracts its value.
    """

    first: Attribution
    second: Attribution

    @property
    def difference(self) -> float:
        """The score difference, score(first) - score(second)."""
        return self.first.score - self.second.score

    @property
    def remainder(self) -> float:
        """The part of the difference that no token adds: both remainders, and the effect of the two lengths alone."""
        return self.difference - float(self.first.values.sum() - self.second.values.sum())

    @property
    def from_length(self) -> float:
        """The difference when all tokens are baseline tokens; zero for leave-one-out, if no prompt is cut."""
        return self.first.without - self.second.without

    @property
    def tolerance(self) -> float:
        """The largest remainder that counts as zero, in nats."""
        return self.first.tolerance + self.second.tolerance

    @property
    def complete(self) -> bool:
        """Whether the tokens alone add up to the difference."""
        return abs(self.remainder) <= self.tolerance

    def __str__(self) -> str:
        return self.in_words("the first", "the second")

    def in_words(self, first: str, second: str) -> str:
        """Return what the tokens add up to, in words, with these names for the two responses."""
        sums = self.first.values.sum(), -self.second.values.sum()
        text = (
            f"The difference is {_signed(self.difference)}: the tokens of {first} add {_signed(sums[0])} to it, those "
            f"of {second} {_signed(sums[1])} ({self.first.method}). {_add_up(self)}"
        )
        if self.first.method == "integrated-gradients":
            text += f" Baseline tokens alone differ by {_signed(self.from_length)}, the effect of the lengths."
        return text + _cut(self.first) + _cut(self.second)


def tolerance(values: np.ndarray) -> float:
    """Return the largest remainder that counts as zero beside these values, in nats."""
    return TOLERANCE * max(1.0, float(np.abs(values).sum()))


def _add_up(found: Attribution | DifferenceAttribution) -> str:
    if found.complete:
        return f"They add up, to within {found.tolerance:.3f}."
    return f"They do not add up: {_signed(found.remainder)} remains that no single token adds."


def _signed(value: float) -> str:
    """Return a number as text with its sign; the minus is as wide as the plus."""
    return f"{round(float(value), 3) + 0.0:+.3f}".replace("-", "−")


def _cut(one: Attribution) -> str:
    cut = [(one.prompt_tokens_cut, "prompt"), (one.response_tokens_cut, "response")]
    parts = " and ".join(f"{n:,} of the {name}" for n, name in cut if n)
    return f" Too long: {parts} tokens on the left were cut and not read." if parts else ""
