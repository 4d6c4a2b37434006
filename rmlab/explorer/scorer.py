"""A scorer for the explorer: anything that scores responses to a prompt, with its results checked and remembered."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # these import torch, for which a page with recorded scores should not wait
    from rmlab.attribution import Scorer
    from rmlab.explorer.conversations import Conversations

__all__ = ["LoadedLater", "RememberingScorer", "Scored", "name_of"]

REMEMBERED = 512
"""How many texts keep their scores; the least recently used are dropped first."""


@dataclass(frozen=True)
class Scored:
    """The score of one response, and how many tokens of the two texts were cut because they were too many."""

    score: float
    prompt_tokens_cut: int = 0
    response_tokens_cut: int = 0


@dataclass(frozen=True)
class LoadedLater:
    """A scorer that is loaded when it is first used, in the thread that uses it."""

    load: Callable[[], Scorer]


def is_model(scorer: Any) -> bool:
    """Return whether a scorer is a `RewardModel`, without importing torch."""
    return hasattr(scorer, "score_encoded")


def name_of(scorer: Any) -> str:
    """Return the name of a scorer: that of the function, or of the backbone of the model."""
    if is_model(scorer):
        return f"RewardModel on {type(scorer.network).__name__}"
    return getattr(scorer, "__name__", type(scorer).__name__)


class RememberingScorer:
    """Scores responses to a prompt, and no text twice.

    Parameters
    ----------
    scorer
        A `RewardModel`, or a function from n prompts and n responses to n scores, neither of which may change; or a
        `LoadedLater`.
    """

    def __init__(self, scorer: Scorer | LoadedLater):
        self._given = scorer
        self._known: OrderedDict[str, Scored] = OrderedDict()

    @property
    def scorer(self) -> Any:
        """The scorer itself; loading it may raise whatever its loader raises."""
        if isinstance(self._given, LoadedLater):
            self._given = self._given.load()
        return self._given

    def known(self, prompt: str, response: str, *, conversations: Conversations | None = None) -> Scored | None:
        """Return the earlier score of a response, if there is one."""
        return self._known.get(_name(prompt, response, conversations))

    def __call__(
        self, prompt: str, responses: Sequence[str], *, conversations: Conversations | None = None
    ) -> list[Scored]:
        """Score responses to one prompt, in nats where the scorer is a reward model.

        If the texts are those of `conversations`, a model is given the messages, and a function the texts.

        Raises
        ------
        ValueError
            If the scorer does not return one finite number for each response. Its own errors are passed on.
        """
        names = {text: _name(prompt, text, conversations) for text in responses}
        new = [text for text, name in names.items() if name not in self._known]
        if new:
            found = self._ask(prompt, new, conversations)
            self._known.update(zip([names[text] for text in new], found, strict=True))
        for name in names.values():
            self._known.move_to_end(name)
        found = [self._known[names[text]] for text in responses]
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found

    def _ask(self, prompt: str, responses: list[str], conversations: Conversations | None) -> list[Scored]:
        if is_model(self.scorer):
            encoded = self.scorer.encode(*zip(*(_read(prompt, text, conversations) for text in responses), strict=True))
            cuts = zip(encoded.prompt_tokens_cut.tolist(), encoded.response_tokens_cut.tolist(), strict=True)
            scores = self.scorer.score_encoded(encoded)
        else:
            cuts = [(0, 0)] * len(responses)
            scores = self.scorer([prompt] * len(responses), responses)
        try:
            numbers = np.asarray(scores, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"expected {len(responses)} numbers as scores, got {scores!r:.80}") from None
        if numbers.shape != (len(responses),):
            raise ValueError(f"expected one score for each response, shape ({len(responses)},), got {numbers.shape}")
        if not np.isfinite(numbers).all():
            raise ValueError(f"expected finite scores, got {', '.join(map(str, numbers.tolist()))}")
        return [Scored(score, *cut) for score, cut in zip(numbers.tolist(), cuts, strict=True)]


def _read(prompt: str, response: str, conversations: Conversations | None) -> tuple[Any, Any]:
    return (prompt, response) if conversations is None else conversations.read(prompt, response)


def _name(prompt: str, response: str, conversations: Conversations | None) -> str:
    return json.dumps(_read(prompt, response, conversations))
