"""Conversations behind the plain texts that the explorer shows: a model reads the messages, as it does in a table."""

from __future__ import annotations

import json
from typing import Any

from rmlab.data import PreferencePairs

__all__ = ["Conversations", "messages_of"]

Messages = list[dict[str, Any]]
SIDES = ("prompt", "chosen", "rejected")


def messages_of(pairs: PreferencePairs) -> dict[str, list[Messages]] | None:
    """Return the messages of each prompt, chosen and rejected response, by the side; None if the pairs are text."""
    if not pairs.messages:
        return None
    return {side: [json.loads(text) for part in pairs.columns(side) for text in part.to_pylist()] for side in SIDES}


class Conversations:
    """The messages whose contents are shown as plain text. Of several with the same text, the first count.

    Parameters
    ----------
    pairs
        Pairs whose prompts and responses are messages.
    """

    def __init__(self, pairs: PreferencePairs):
        self._prompts: dict[str, Messages] = {}
        self._responses: dict[str, Messages] = {}
        for side, all_messages in (messages_of(pairs) or {}).items():
            known = self._prompts if side == "prompt" else self._responses
            for text, messages in zip(pairs.texts(side), all_messages, strict=True):
                known.setdefault(text, messages)

    @classmethod
    def of(cls, pairs: PreferencePairs) -> Conversations | None:
        """Return the conversations of pairs; None if they are text."""
        return cls(pairs) if pairs.messages else None

    def read(self, prompt: str, response: str) -> tuple[Messages, Messages]:
        """Return the messages of two texts; a text of none of them is one message, of the user or of the assistant."""
        return (
            self._prompts.get(prompt) or [{"role": "user", "content": prompt}],
            self._responses.get(response) or [{"role": "assistant", "content": response}],
        )
