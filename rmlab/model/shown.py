"""A text as a model reads it, for reports and for comparison with the text of another trainer."""

from __future__ import annotations

from typing import Any

from rmlab.model.rendering import Text

__all__ = ["shown", "tokens_of"]

MOST_CHARACTERS = 400


def tokens_of(model: Any, prompt: Text, response: Text) -> tuple[list[str], int]:
    """Return the tokens of a text, and how many of them are the prompt's.

    Parameters
    ----------
    model
        A `RewardModel`.
    prompt, response
        As for `RewardModel.encode`.
    """
    encoded = model.encode([prompt], [response])
    tokens = [model.tokenizer.decode([token], clean_up_tokenization_spaces=False) for token in encoded[0]]
    return tokens, int(encoded.prompt_lengths[0])


def shown(model: Any, prompt: Text, response: Text) -> str:
    """Return a text with its special tokens, as the model reads it; a long one is cut to its beginning and end."""
    text = model.tokenizer.decode(model.encode([prompt], [response])[0])
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2
    return f"{text[:half]} ... {text[-half:]}"
