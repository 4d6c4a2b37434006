"""Short texts with a known reward that depends on how words are combined, not on which words occur.

A pair reads, for example::

    Why should I take the small flat?
        The flat is not cheap and hardly warm, but quite clean and very quiet.       2 (1 + 2) - 2 - 1 =  3 points
        The flat is very quiet and quite clean, but hardly warm and not cheap.       2 + 1 - 2 (1 + 2) = -3 points

Each statement scores the points of its degree ("very" 2, "quite" 1, "hardly" -1, "not" -2), with the opposite sign
for a bad quality ("loud"). Statements after "but" count twice. If the question is "Why should I avoid ...?", the sum
changes its sign, since the better answer then makes the case against. The two responses of a pair hold the same words,
so a bag of words shows nothing, and pairs of words show little.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rmlab.data import PreferencePair, PreferencePairs
from rmlab.preference import preference_probability
from rmlab.simulate.raters import count, generator
from rmlab.simulate.truth import KnownTruth

__all__ = [
    "TEXT_WORDS",
    "SimulatedTextPairs",
    "simulate_text_pairs",
    "text_reward",
]

_DEGREES = {"very": 2, "quite": 1, "hardly": -1, "not": -2}
_ASPECTS = (
    ("quiet", "loud"), ("cheap", "costly"), ("bright", "dark"), ("warm", "cold"), ("clean", "dirty"), ("safe", "risky"),
)  # fmt: skip
_SIGNS = {word: sign for good, bad in _ASPECTS for word, sign in ((good, 1), (bad, -1))}
_AFTER_BUT = 2
_INTENTS = {"take": 1, "avoid": -1}
# If these were one half, only the whole rule would be of any use, and a network could not learn it step by step.
_SHARE_OF_AVOID, _SHARE_OF_GOOD = 0.25, 0.75
_WHO = ("I", "we")
_KINDS = (
    "small", "large", "old", "new", "red", "white", "green", "blue", "tall", "wide", "narrow", "round",
    "first", "last", "next", "other", "corner", "garden", "stone", "brick", "timber", "summer", "winter", "city",
)  # fmt: skip
_PLACES = (
    "flat", "house", "hotel", "cafe", "office", "shop", "farm", "villa", "studio", "cabin",
    "room", "hall", "store", "school", "tower", "cottage", "lodge", "inn", "barn", "kitchen",
)  # fmt: skip

_FRAME = ("Why", "should", "the", "The", "is", "and", "but")

TEXT_WORDS = tuple(sorted({*_FRAME, *_WHO, *_INTENTS, *_KINDS, *_PLACES, *_DEGREES, *_SIGNS}))
"""Every word of the simulated texts; their only other signs are ``? , .``."""

MAX_PAIRS = 30_000  # no response is used twice; good words alone make 20 * 360 * 24 of them

_PROMPT = re.compile(r"Why should \w+ (take|avoid) the \w+ \w+\?")
_STATEMENT = f"({'|'.join(_DEGREES)}) ({'|'.join(_SIGNS)})"
_RESPONSE = re.compile(rf"The \w+ is {_STATEMENT} and {_STATEMENT}, but {_STATEMENT} and {_STATEMENT}\.")


def text_reward(prompt: str, response: str, *, nats_per_point: float = 0.4) -> float:
    """Return the true reward of a simulated text, in nats; see the module for how points are counted.

    Raises
    ------
    ValueError
        If the prompt or the response does not have the form that `simulate_text_pairs` writes.
    """
    asked, said = _PROMPT.fullmatch(prompt), _RESPONSE.fullmatch(response)
    if asked is None:
        raise ValueError(f"prompt must read like 'Why should I take the small flat?', got {prompt!r}")
    if said is None:
        raise ValueError(
            "response must read like 'The flat is very quiet and not cheap, but hardly warm and quite clean.', "
            f"got {response!r}"
        )
    words = said.groups()
    values = [_DEGREES[degree] * _SIGNS[quality] for degree, quality in zip(words[::2], words[1::2], strict=True)]
    return _INTENTS[asked[1]] * (sum(values[:2]) + _AFTER_BUT * sum(values[2:])) * nats_per_point


@dataclass(frozen=True, eq=False)
class SimulatedTextPairs(KnownTruth):
    """Pairs of simulated texts, and what the best possible model would give for them.

    To get the ceiling of a part of the pairs: ``SimulatedTextPairs(test, nats_per_point=texts.nats_per_point)``.
    ``seed`` is None if a generator was given.
    """

    pairs: PreferencePairs
    nats_per_point: float = 0.4
    seed: int | None = None

    @cached_property
    def score_differences(self) -> np.ndarray:
        """The true reward of chosen minus rejected, in nats, ``(n_pairs,)``; negative where the label is unlucky."""
        rewards = [
            [text_reward(str(pair.prompt), str(text), nats_per_point=self.nats_per_point) for text in sides]
            for pair in self.pairs
            for sides in [(pair.chosen, pair.rejected)]
        ]  # (n_pairs, 2)
        return -np.diff(np.array(rewards).reshape(-1, 2), axis=1)[:, 0]


def simulate_text_pairs(
    n_pairs: int, *, seed: int | np.random.Generator, nats_per_point: float = 0.4
) -> SimulatedTextPairs:
    """Write questions with two responses each, and draw the preferred one by the sigmoid of the true difference.

    No response occurs twice, and the two of a pair never have the same reward. Prompts recur (there are 1,920), so
    divide the pairs with `rmlab.split_by_prompt`: the texts of one part are then unseen in the others.

    Parameters
    ----------
    n_pairs
        The number of pairs, at most 30,000.
    seed
        A whole number, or a NumPy generator to draw from.
    nats_per_point
        The reward of one point, above 0. At 0.4 the best possible accuracy is about 83%.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range.
    """
    rng = generator(seed)
    if count("n_pairs", n_pairs) > MAX_PAIRS:
        raise ValueError(f"n_pairs must be at most {MAX_PAIRS:,}, as no response is used twice, got {n_pairs:,}")
    if not 0 < nats_per_point < np.inf:
        raise ValueError(f"nats_per_point must be a finite number above 0, got {nats_per_point!r}")
    used: set[str] = set()
    pairs: list[PreferencePair] = []
    while len(pairs) < n_pairs:
        intent = "avoid" if rng.random() < _SHARE_OF_AVOID else "take"
        place = _pick(rng, _PLACES)
        prompt = f"Why should {_pick(rng, _WHO)} {intent} the {_pick(rng, _KINDS)} {place}?"
        aspects, bad = rng.permutation(len(_ASPECTS))[:4], rng.random(4) > _SHARE_OF_GOOD
        qualities = [_ASPECTS[aspect][side] for aspect, side in zip(aspects, bad.astype(int), strict=True)]
        first, second = _response(rng, place, qualities), _response(rng, place, qualities)
        a, b = (text_reward(prompt, text, nats_per_point=nats_per_point) for text in (first, second))
        if a == b or first in used or second in used:
            continue
        used |= {first, second}
        chosen, rejected = (first, second) if rng.random() < preference_probability(a - b) else (second, first)
        pairs.append(PreferencePair(prompt, chosen, rejected))
    return SimulatedTextPairs(
        PreferencePairs.from_list(pairs), nats_per_point, None if isinstance(seed, np.random.Generator) else seed
    )


def _response(rng: np.random.Generator, place: str, qualities: list[str]) -> str:
    """Return a response that states one of the four degrees for each quality, in random order."""
    words = tuple(_DEGREES)
    degrees, order = rng.permutation(4), rng.permutation(4)
    a, b, c, d = (f"{words[degrees[i]]} {qualities[i]}" for i in order)
    return f"The {place} is {a} and {b}, but {c} and {d}."


def _pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[rng.integers(len(words))]
