r"""Anthropic HH: dialogues written as text, ``\n\nHuman: ...\n\nAssistant: ...``, which become lists of messages."""

from __future__ import annotations

import re
from typing import Any

from rmlab.data.formats.base import text_of

__all__ = ["awaits_reply", "opens_dialogue", "read_dialogue"]

_OPENING = re.compile(r"\s*Human:")
_TURN = re.compile(r"(?:^\s*|\n\n)(Human|Assistant):")
_ROLES = {"Human": "user", "Assistant": "assistant"}


def opens_dialogue(text: Any) -> bool:
    """Return whether a value is text that begins with a turn of the human."""
    return isinstance(text, str) and _OPENING.match(text) is not None


def awaits_reply(text: Any) -> bool:
    """Return whether a value is a dialogue that ends where the assistant should speak."""
    return opens_dialogue(text) and text.rstrip().endswith("\n\nAssistant:")


def read_dialogue(name: str, text: Any, *, prompt: bool = False) -> list[dict[str, str]]:
    """Return the turns of a dialogue. A prompt may end where the assistant should speak; that is not a turn."""
    parts = _TURN.split(text_of(name, text))  # text before the first turn, then role and content by turns
    if parts[0] or len(parts) == 1:
        raise ValueError(
            f'{name} must be a dialogue that begins with "\\n\\nHuman:", like the first record, got other text'
        )
    turns = zip(parts[1::2], parts[2::2], strict=True)
    messages = [{"role": _ROLES[speaker], "content": content.strip()} for speaker, content in turns]
    if not prompt and all(message["role"] == "user" for message in messages):
        raise ValueError(f'{name} has no turn of the assistant, which must begin with "\\n\\nAssistant:"')
    if prompt and messages[-1] == {"role": "assistant", "content": ""}:
        messages.pop()
    return messages
