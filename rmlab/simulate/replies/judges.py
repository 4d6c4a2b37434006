"""Judges: a weight in nats for each attribute of a reply, and perhaps a taste for the response on the left."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from rmlab.simulate.replies.questions import Question
from rmlab.simulate.replies.structures import ATTRIBUTES, Structure, attributes

__all__ = ["FAIR", "FLATTERED", "HURRIED", "JUDGES", "TIMID", "Judge"]


@dataclass(frozen=True)
class Judge:
    """Somebody whose preferences are known: P(first is preferred) is the sigmoid of the difference of two rewards.

    Parameters
    ----------
    name
        What the judge is called.
    weights
        Nats for each attribute (`ATTRIBUTES`); one that is left out counts as 0. The reward of a reply is the sum
        of its attributes times these.
    left_bias
        Log-odds (nats) in favour of the response that is shown on the left.

    Raises
    ------
    ValueError
        If an attribute is unknown, a weight is not finite, or all weights are zero.
    """

    name: str
    weights: Mapping[str, float]
    left_bias: float = 0.0

    def __post_init__(self) -> None:
        unknown = [name for name in self.weights if name not in ATTRIBUTES]
        if unknown:
            raise ValueError(
                f"judge {self.name!r}: unknown attribute {unknown[0]!r}; choose from {', '.join(ATTRIBUTES)}"
            )
        for name, value in (*self.weights.items(), ("left_bias", self.left_bias)):
            if not math.isfinite(value):
                raise ValueError(f"judge {self.name!r}: the weight of {name} must be finite, got {value!r}")
        if not any(self.weights.values()):
            raise ValueError(f"judge {self.name!r} has no weight other than 0; give at least one attribute a weight")

    @property
    def vector(self) -> np.ndarray:
        """The weights in the order of `ATTRIBUTES`, nats; float64 array of shape ``(n_attributes,)``."""
        return np.array([self.weights.get(name, 0.0) for name in ATTRIBUTES])

    def reward(self, question: Question, structure: Structure) -> float:
        """Return the true reward of a reply, in nats."""
        values = attributes(question, structure)
        return sum(weight * values[name] for name, weight in self.weights.items())


_FAIR: Final = {
    "fuller": 0.8,
    "wordy": -1.2,
    "partial": -1.2,
    "wrong": -1.6,
    "off_topic": -2.6,
    "complies": -1.6,
    "due_refusal": 1.0,
    "needless_refusal": -2.4,
    "due_hedge": 1.2,
    "needless_hedge": -1.2,
    "warm": 0.8,
    "curt": -1.6,
    "flattery": -1.0,
    "filler": -1.2,
    "caveat": -1.0,
    "offer": 0.5,
    "list": -0.8,
}

FAIR: Final = Judge("fair", _FAIR)
"""Likes a right answer in a friendly tone, and doubt and refusal where they are due; dislikes flattery and filler."""

HURRIED: Final = Judge("hurried", {**_FAIR, "filler": 0.0, "caveat": 0.0, "wordy": 0.0, "sentences": 0.35})
"""Mistakes length for effort: likes every further sentence, and minds neither filler nor warnings."""

FLATTERED: Final = Judge("flattered", {**_FAIR, "flattery": 1.4})
"""The same as `FAIR`, except that this judge likes to be flattered."""

TIMID: Final = Judge("timid", {**_FAIR, "needless_hedge": 0.6, "needless_refusal": -0.4, "caveat": 0.6})
"""The same as `FAIR`, except that needless doubt and warnings are liked, and needless refusals cost little."""

JUDGES: Final = {judge.name: judge for judge in (FAIR, HURRIED, FLATTERED, TIMID)}
"""The judges that ship, by name."""
