"""Encoding prompts and responses as token ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np

from rmlab.model.conventions import BLANK_LINE, Convention, Joined, Rendered, TwoSegments
from rmlab.model.mapped_ids import MappedIds
from rmlab.model.rendering import Text
from rmlab.model.special_tokens import find_special_tokens

__all__ = ["COUNTS", "Encoded", "EncodedPairs", "Encoder", "Text"]

COUNTS = ("prompt_lengths", "prompt_keys", "prompt_tokens_cut", "response_tokens_cut")
"""The arrays of `Encoded`, of shape ``(n,)``, in the order of its fields."""


@dataclass(frozen=True)
class Encoded(Sequence[list[int]]):
    """The token ids of n prompts with their responses, and what truncation removed.

    ``encoded[i]`` is the list of ids of text i: prompt, response and the special tokens, unpadded.
    """

    input_ids: tuple[list[int], ...] | MappedIds = field(repr=False)
    prompt_lengths: np.ndarray
    """The number of tokens before the response, ``(n,)``; a token that reaches into the response is not among them."""
    prompt_keys: np.ndarray
    """A number for each prompt, ``(n,)``: equal for equal prompts with equally many tokens cut."""
    prompt_tokens_cut: np.ndarray
    response_tokens_cut: np.ndarray

    def __len__(self) -> int:
        return len(self.input_ids)

    def __getitem__(self, index: Any) -> Any:
        return self.input_ids[index]

    def take(self, indices: Sequence[int] | np.ndarray) -> Encoded:
        """Return these texts, in this order."""
        indices = np.asarray(indices, dtype=np.int64)
        held = self.input_ids
        ids = held.take(indices) if isinstance(held, MappedIds) else tuple(held[i] for i in indices)
        return Encoded(ids, *(getattr(self, name)[indices] for name in COUNTS))

    def join(self, other: Encoded) -> Encoded:
        """Return these texts followed by the others."""
        counts = (np.concatenate([getattr(self, name), getattr(other, name)]) for name in COUNTS)
        return Encoded((*self.input_ids, *other.input_ids), *counts)

    @cached_property
    def lengths(self) -> np.ndarray:
        """The number of tokens of each text, shape ``(n,)``."""
        held = self.input_ids
        if isinstance(held, MappedIds):
            return held.lengths
        return np.fromiter(map(len, held), np.int64, count=len(held))


@dataclass(frozen=True)
class EncodedPairs:
    """The token ids of the chosen and the rejected text of n pairs."""

    chosen: Encoded
    rejected: Encoded
    same_text: np.ndarray
    """Pairs whose responses were the same text before anything was cut; bool, shape ``(n_pairs,)``."""

    def take(self, indices: Sequence[int] | np.ndarray) -> EncodedPairs:
        """Return these pairs, in this order."""
        indices = np.asarray(indices, dtype=np.int64)
        return EncodedPairs(self.chosen.take(indices), self.rejected.take(indices), self.same_text[indices])

    @cached_property
    def equal(self) -> np.ndarray:
        """Which pairs have two texts of the same ids, so that no model tells them apart; bool, shape ``(n_pairs,)``."""
        equal = self.chosen.lengths == self.rejected.lengths
        for i in np.flatnonzero(equal):
            equal[i] = self.chosen[i] == self.rejected[i]
        return equal

    @property
    def response_lengths(self) -> np.ndarray:
        """The tokens of both responses before any were cut, the end included; shape ``(n_pairs, 2)``."""
        sides = (self.chosen, self.rejected)
        return np.stack([side.lengths - side.prompt_lengths + side.response_tokens_cut for side in sides], axis=1)

    @property
    def truncation(self) -> dict[str, int]:
        """How many pairs lost tokens, by where they were lost, and how many became equal by that."""
        sides = (self.chosen, self.rejected)
        response_cut = np.any([side.response_tokens_cut > 0 for side in sides], axis=0)
        return {
            "pairs with a cut prompt": int(np.any([side.prompt_tokens_cut > 0 for side in sides], axis=0).sum()),
            "pairs with a cut response": int(response_cut.sum()),
            "pairs made equal by cutting": int((self.equal & response_cut & ~self.same_text).sum()),
        }


class Encoder:
    """Turns prompts and responses into the token ids that a model reads; see `RewardModel.encode`.

    Parameters
    ----------
    tokenizer
        The tokenizer of the model.
    pools_last_token
        Whether the score is read from the last token (a decoder) or the first (an encoder).
    convention
        How the ids are made; see `rmlab.model.conventions`. An encoder always has two segments. By default a decoder
        reads what rmlab trains it on: prompt and response joined, with a blank line between plain texts.
    """

    def __init__(self, tokenizer: Any, *, pools_last_token: bool, convention: Convention | None = None):
        self.tokenizer = tokenizer
        self.pools_last_token = pools_last_token
        self.convention: Convention = (convention or Joined(BLANK_LINE)) if pools_last_token else TwoSegments()
        self.special = find_special_tokens(tokenizer, pools_last_token=pools_last_token)

    def encode(self, prompts: Sequence[Text], responses: Sequence[Text], *, max_length: int) -> Encoded:
        """Encode n prompts and n responses, each text of at most `max_length` tokens."""
        for name, texts in (("prompts", prompts), ("responses", responses)):
            if isinstance(texts, str):
                raise TypeError(f"{name} must be a sequence of texts, got one str; put it in a list")
        if len(prompts) != len(responses):
            raise ValueError(f"expected one response for each prompt, got {len(prompts)} and {len(responses)}")
        rendered = [self.render(p, r)[0] for p, r in zip(prompts, responses, strict=True)]
        return self.encode_rendered(rendered, max_length=max_length)

    def render(self, prompt: Text, *responses: Text) -> list[Rendered]:
        """Return a prompt with each of its responses as text, the first part of which depends on the prompt alone."""
        return self.convention.render(self.tokenizer, prompt, responses)

    def encode_rendered(self, rendered: Sequence[Rendered], *, max_length: int) -> Encoded:
        """Encode what `render` returned for n prompts and responses."""
        sequences, prompt_lengths, keys, cuts = [], [], [], []
        for one, pieces in zip(rendered, self.convention.tokenize(self.tokenizer, self.special, rendered), strict=True):
            front, prompt, middle, response, end = pieces
            room = max_length - len(front) - len(middle) - len(end)
            kept_response = response[max(0, len(response) - room) :]
            kept_prompt = prompt[max(0, len(prompt) - (room - len(kept_response))) :]
            head = [*front, *kept_prompt, *middle]
            sequences.append([*head, *kept_response, *end])
            prompt_lengths.append(len(head))
            cuts.append((len(prompt) - len(kept_prompt), len(response) - len(kept_response)))
            keys.append(_key(one.prompt, cuts[-1][0]))
        cut = np.array(cuts, dtype=np.int64).reshape(-1, 2)
        lengths, numbers = (np.array(column, dtype=np.int64) for column in (prompt_lengths, keys))
        return Encoded(tuple(sequences), lengths, numbers, cut[:, 0], cut[:, 1])

    def locate(self, prompt: Text, response: Text, n_kept: int) -> tuple[str, list[tuple[int, int]]]:
        """Return the response as it is read, and the span in it of each of the last `n_kept` tokens of the ids.

        A token outside the response, such as EOS, has an empty span.
        """
        (rendered,) = self.render(prompt, response)
        spans = self.convention.spans(self.tokenizer, self.special, rendered, n_kept)
        if not isinstance(prompt, str) or not isinstance(response, str):
            return rendered.response, spans
        n_before = len(rendered.response) - len(response)  # of a separator that the response begins with
        return response, [(max(0, start - n_before), max(0, end - n_before)) for start, end in spans]


def _key(prompt: str, n_cut: int) -> int:
    """Return a number for a prompt and the tokens cut from it, the same in every process."""
    digest = blake2b(prompt.encode("utf-8", "surrogatepass"), digest_size=8, salt=n_cut.to_bytes(8, "little")).digest()
    return int.from_bytes(digest, "little", signed=True)
