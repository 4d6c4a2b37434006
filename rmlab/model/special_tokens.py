"""The special tokens with which a tokenizer frames a text."""

from __future__ import annotations

from typing import Any, NamedTuple

from rmlab.model.model_error import ModelError

__all__ = ["SpecialTokens", "find_special_tokens"]


class SpecialTokens(NamedTuple):
    """The ids before a prompt, between it and its response, and after the response."""

    before: list[int]
    between: list[int]
    after: list[int]


def find_special_tokens(tokenizer: Any, *, pools_last_token: bool) -> SpecialTokens:
    """Return the special tokens of a tokenizer.

    Raises
    ------
    ModelError
        If a decoder's tokenizer has no EOS token, or an encoder's does not mark where a text ends.
    """
    if pools_last_token:
        if tokenizer.eos_token_id is None:
            raise ModelError(
                "the tokenizer of this decoder has no EOS token to read the score from; set tokenizer.eos_token"
            )
        bos = [tokenizer.bos_token_id]
        adds_bos = tokenizer("a")["input_ids"][:1] == bos
        return SpecialTokens(bos if adds_bos else [], [], [tokenizer.eos_token_id])
    joined = tokenizer("a", "a", return_special_tokens_mask=True)
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
    return SpecialTokens(*parts)
