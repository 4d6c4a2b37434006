"""Encoding prompts and responses as token ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np

from rmlab.model.backbones import ModelError
from rmlab.model.mapped_ids import MappedIds
from rmlab.model.word_tokenization import token_ids

__all__ = ["Encoded", "EncodedPairs", "Encoder", "Text"]

Message = Mapping[str, str]
Text = str | Sequence[Message]


@dataclass(frozen=True)
class Encoded(Sequence[list[int]]):
    """The token ids of n prompts with their responses, and what truncation removed.

    ``encoded[i]`` is the list of ids of text i: prompt, response and the special tokens, unpadded.
    """

    input_ids: tuple[list[int], ...] | MappedIds = field(repr=False)
    prompt_lengths: np.ndarray
    """The number of tokens before the response, ``(n,)``; the same prompt has the same ids there unless it was cut."""
    prompt_tokens_cut: np.ndarray
    response_tokens_cut: np.ndarray

    def __len__(self) -> int:
        return len(self.input_ids)

    def __getitem__(self, index: Any) -> Any:
        return self.input_ids[index]

    def take(self, indices: Sequence[int] | np.ndarray) -> Encoded:
        """Return these texts, in this order."""
        indices = np.asarray(indices, dtype=np.int64)
        counts = (self.prompt_lengths, self.prompt_tokens_cut, self.response_tokens_cut)
        held = self.input_ids
        ids = held.take(indices) if isinstance(held, MappedIds) else tuple(held[i] for i in indices)
        return Encoded(ids, *(count[indices] for count in counts))

    def join(self, other: Encoded) -> Encoded:
        """Return these texts followed by the others."""
        names = ("prompt_lengths", "prompt_tokens_cut", "response_tokens_cut")
        counts = (np.concatenate([getattr(self, name), getattr(other, name)]) for name in names)
        return Encoded((*self.input_ids, *other.input_ids), *counts)

    @cached_property
    def lengths(self) -> np.ndarray:
        """The number of tokens of each text, shape ``(n,)``."""
        held = self.input_ids
        if isinstance(held, MappedIds):
            return held.lengths
        return np.fromiter(map(len, held), np.int64, count=len(held))

    @property
    def prompts(self) -> list[tuple[int, ...]]:
        """The ids before each response."""
        return [tuple(ids[:n]) for ids, n in zip(self.input_ids, self.prompt_lengths.tolist(), strict=True)]


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
    """

    def __init__(self, tokenizer: Any, *, pools_last_token: bool):
        self.tokenizer = tokenizer
        self.pools_last_token = pools_last_token
        self.before, self.between, self.after = self._special_tokens()

    def encode(self, prompts: Sequence[Text], responses: Sequence[Text], *, max_length: int) -> Encoded:
        """Encode n prompts and n responses, each text of at most `max_length` tokens."""
        for name, texts in (("prompts", prompts), ("responses", responses)):
            if isinstance(texts, str):
                raise TypeError(f"{name} must be a sequence of texts, got one str; put it in a list")
        if len(prompts) != len(responses):
            raise ValueError(f"expected one response for each prompt, got {len(prompts)} and {len(responses)}")
        rendered = [self.render(p, r)[0] for p, r in zip(prompts, responses, strict=True)]
        return self.encode_rendered(rendered, max_length=max_length)

    def encode_rendered(self, rendered: Sequence[tuple[str, str]], *, max_length: int) -> Encoded:
        """Encode what `render` returned for n prompts and responses."""
        texts = {text: i for i, text in enumerate(dict.fromkeys(text for pair in rendered for text in pair))}
        ids = self._tokenize(list(texts))
        room = max_length - len(self.before) - len(self.between) - len(self.after)
        sequences, prompt_lengths, cuts = [], [], []
        for prompt_text, response_text in rendered:
            prompt, response = ids[texts[prompt_text]], ids[texts[response_text]]
            # a chat template may have begun with BOS and ended with EOS; here they are added once, after the cut
            if prompt[: len(self.before)] == self.before:
                prompt = prompt[len(self.before) :]
            elif not prompt and response[: len(self.before)] == self.before:
                response = response[len(self.before) :]
            if self.pools_last_token and response[-1:] == self.after:
                response = response[:-1]
            kept_response = response[max(0, len(response) - room) :]
            kept_prompt = prompt[max(0, len(prompt) - (room - len(kept_response))) :]
            head = [*self.before, *kept_prompt, *self.between]
            sequences.append([*head, *kept_response, *self.after])
            prompt_lengths.append(len(head))
            cuts.append((len(prompt) - len(kept_prompt), len(response) - len(kept_response)))
        cut = np.array(cuts, dtype=np.int64).reshape(-1, 2)
        return Encoded(tuple(sequences), np.array(prompt_lengths, dtype=np.int64), cut[:, 0], cut[:, 1])

    def locate(self, prompt: Text, response: Text, n_kept: int) -> tuple[str, list[tuple[int, int]], int]:
        """Return the tokens of a response in its text.

        Returns the response as it is read, the span in it of each of the last `n_kept` tokens (what `encode` kept of
        the response), and how many characters at its beginning separate it from the prompt.
        """
        if not self.tokenizer.is_fast:
            raise ModelError("this tokenizer does not give the places of its tokens in a text; use a fast one")
        ((_, text),) = self.render(prompt, response)
        options = {"add_special_tokens": False, "truncation": False, "verbose": False}
        found = self.tokenizer(text, return_offsets_mapping=True, **options)
        end = len(found["input_ids"])
        if self.pools_last_token and found["input_ids"][-1:] == self.after:  # as `encode`, which adds it once
            end -= 1
        n_before = len(self._separate("")) if isinstance(response, str) and isinstance(prompt, str) else 0
        return text, found["offset_mapping"][end - n_kept : end], n_before

    def _special_tokens(self) -> tuple[list[int], list[int], list[int]]:
        """Return the special tokens before the prompt, between prompt and response, and after the response."""
        if self.pools_last_token:
            if self.tokenizer.eos_token_id is None:
                raise ModelError("the tokenizer of this decoder has no EOS token, on which the score is pooled")
            bos = [self.tokenizer.bos_token_id]
            adds_bos = self.tokenizer("a")["input_ids"][:1] == bos
            return bos if adds_bos else [], [], [self.tokenizer.eos_token_id]
        joined = self.tokenizer("a", "a", return_special_tokens_mask=True)
        parts: list[list[int]] = [[]]
        was_text = False
        for token, special in zip(joined["input_ids"], joined["special_tokens_mask"], strict=True):
            if special:
                if was_text:
                    parts.append([])
                parts[-1].append(token)
            was_text = not special
        if len(parts) != 3:
            raise ModelError(
                "the tokenizer of this encoder does not mark where a text ends; it must write two texts as "
                "[CLS] first [SEP] second [SEP] or the like"
            )
        return parts[0], parts[1], parts[2]

    def _tokenize(self, texts: list[str]) -> list[list[int]]:
        if not texts:
            return []
        fast = getattr(self.tokenizer, "backend_tokenizer", None)
        if fast is None:
            options = {"add_special_tokens": False, "truncation": False, "padding": False, "verbose": False}
            return self.tokenizer(texts, return_attention_mask=False, **options)["input_ids"]
        fast.no_truncation()
        fast.no_padding()
        return token_ids(fast, texts)

    def render(self, prompt: Text, *responses: Text) -> list[tuple[str, str]]:
        """Return a prompt with each of its responses as two texts, the first of which depends on the prompt alone."""
        if isinstance(prompt, str) and all(isinstance(response, str) for response in responses):
            return [(prompt, self._separate(str(response))) for response in responses]
        asked = _messages(prompt, "user")
        answers = [_messages(response, "assistant") for response in responses]
        if self.tokenizer.chat_template is None:
            head = _plainly(asked)
            return [_join_plainly(head, answer) for answer in answers]

        @cache  # a template takes longer than the tokenizer
        def head_with(add_generation_prompt: bool) -> str:
            options = {"tokenize": False, "add_generation_prompt": add_generation_prompt}
            return self._by_template(asked, **options)

        return [self._render_by_template(asked, answer, head_with) for answer in answers]

    def _render_by_template(
        self, prompt: list[dict[str, str]], response: list[dict[str, str]], head_with: Callable[[bool], str]
    ) -> tuple[str, str]:
        whole = self._by_template([*prompt, *response], tokenize=False)
        stripped = whole.rstrip()
        if self.tokenizer.eos_token and stripped.endswith(self.tokenizer.eos_token):
            whole = stripped
        for add_generation_prompt in (True, False) if prompt else ():
            head = head_with(add_generation_prompt)
            if whole.startswith(head):
                return head, whole[len(head) :]
        return "", whole

    def _by_template(self, messages: list[dict[str, str]], **options: Any) -> str:
        try:
            return self.tokenizer.apply_chat_template(messages, **options)
        except Exception as error:  # a template is a program of its own
            roles = ", ".join(message["role"] for message in messages)
            raise ModelError(
                f"the chat template of the tokenizer cannot write messages of the roles {roles} "
                f"({type(error).__name__}: {str(error)[:200]}). Correct the template, or give texts."
            ) from error

    def _separate(self, response: str) -> str:
        """Return the response separated from a decoder's prompt, so that words do not join; an encoder has SEP."""
        return f"\n\n{response}" if self.pools_last_token else response


def _messages(text: Text, role: str) -> list[dict[str, str]]:
    """Return a text as one message of this role, and messages as dicts that a chat template can read."""
    if isinstance(text, str):
        return [{"role": role, "content": text}]
    if not isinstance(text, Sequence | np.ndarray) or not all(map(_is_message, text)):
        raise TypeError(f"expected a text or a list of {{'role': ..., 'content': ...}} messages, got {text!r:.80}")
    return [message if isinstance(message, dict) else dict(message) for message in text]


def _is_message(message: Any) -> bool:
    is_mapping = isinstance(message, (dict, Mapping))
    return is_mapping and isinstance(message.get("role"), str) and isinstance(message.get("content"), str)


def _plainly(messages: Sequence[Message]) -> str:
    return "".join([f"{_label(message)} {message['content']}" for message in messages])


def _join_plainly(head: str, response: Sequence[Message]) -> tuple[str, str]:
    tail = _plainly(response)
    if response and response[0]["role"] == "assistant":  # the label is with the prompt, which both sides share
        label = _label(response[0])
        head, tail = head + label, tail[len(label) :]
    return head.lstrip("\n"), tail


def _label(message: Message) -> str:
    labels = {"user": "Human", "assistant": "Assistant", "system": "System"}
    return f"\n\n{labels.get(message['role']) or message['role'].capitalize()}:"
