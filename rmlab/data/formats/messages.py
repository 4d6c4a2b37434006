"""Messages in one form, whatever a file calls their fields and roles, and the turns that two conversations share.

Roles and fields of ShareGPT (``from`` and ``value``; human, gpt) become those of chat templates, and what was renamed
is noted for the report. Content in parts of type text becomes their joined text. Anything else, such as an image or a
tool call, is refused by name: without it, the responses would not be the ones that were judged.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from rmlab.data.formats.base import as_records
from rmlab.data.rows import named

__all__ = ["NotTextError", "begins_with", "plain", "reply", "role_of", "same_turn", "split_turns", "squeezed"]

_ROLES = {
    "human": "user", "prompter": "user",
    "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant", "model": "assistant", "ai": "assistant",
}  # fmt: skip
_READ = ("user", "assistant", "system")
_USUAL = (*_READ, "tool", "developer")
_SPEAKERS, _WORDS = ("role", "from", "speaker"), ("content", "value", "text")
_TEXT_PARTS = ("text", "input_text", "output_text")
_TOOL_CALLS = ("tool_calls", "function_call")
_MOST_NOTES = 20


class NotTextError(ValueError):
    """A message that holds something other than text."""


def plain(name: str, value: Any, notes: set[str]) -> Any:
    """Return messages in their one form, and any other value as it is.

    A single message, and an object that holds ``messages``, become a list. Every renaming is added to `notes`. Raises
    `NotTextError` for anything but text.
    """
    if isinstance(value, Mapping):
        if isinstance(value.get("messages"), list):
            return plain(name, value["messages"], notes)
        if not _is_message(value):
            return value
        turns = as_records(name, value) if all(isinstance(one, list) for one in value.values()) else [value]
        return [_plain_message(name, turn, notes) for turn in turns]
    if isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
        return [
            _plain_message(f"{name}[{i}]", message, notes) if isinstance(message, Mapping) else message
            for i, message in enumerate(value)
        ]
    return value


def _is_message(value: Mapping[str, Any]) -> bool:
    return _named_by(value, _SPEAKERS) is not None and not value.keys().isdisjoint(_WORDS)


def _named_by(message: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    """Return the first of these keys under which the message holds something."""
    return next((key for key in keys if message.get(key) is not None), None)


def _plain_message(name: str, message: Mapping[str, Any], notes: set[str]) -> Mapping[str, Any]:
    speaker, words = _named_by(message, _SPEAKERS), _named_by(message, _WORDS)
    if speaker and words and (speaker, words) != ("role", "content"):
        notes.add(f"{speaker} and {words} read as role and content")
        rest = {key: value for key, value in message.items() if key not in (speaker, words, "role", "content")}
        message = {"role": message[speaker], "content": message[words], **rest}
    role = message.get("role")
    calls = [key for key in _TOOL_CALLS if message.get(key)] + [key for key in _TOOL_CALLS if role == key]
    if calls:
        raise NotTextError(
            f"{name} holds {calls[0]}: rmlab reads text alone; write the tool calls into the content, or leave the "
            "record out"
        )
    if isinstance(role, str):
        known = _ROLES.get(role.strip().lower(), role.strip().lower())
        if known != role and known in _READ:
            notes.add(f"role {role} read as {known}")
            message = {**message, "role": known}
        elif known and known not in _USUAL and len(notes) < _MOST_NOTES:
            notes.add(f"role {role} kept as it is")
    content = message.get("content")
    return {**message, "content": _join(name, content)} if isinstance(content, list) else message


def _join(name: str, parts: list[Any]) -> str:
    """Return the text of a content that comes in parts."""
    texts = []
    for part in parts:
        kind = part.get("type") if isinstance(part, Mapping) else "text" if isinstance(part, str) else named(part)
        if kind not in _TEXT_PARTS:
            raise NotTextError(
                f"{name} holds a content part of type {kind}: rmlab reads text alone; leave the record out"
            )
        text = part if isinstance(part, str) else part.get("text")
        if not (text is None or isinstance(text, str)):
            raise ValueError(f"{name} holds a content part of type {kind} whose text is {named(text)}")
        texts.append(text)
    if texts and all(text is None for text in texts):
        raise ValueError(f"{name} holds no text in its content parts")
    return "".join(text or "" for text in texts)


def role_of(message: Any) -> Any:
    """Return the role of a message, or None where it has none."""
    return message.get("role") if isinstance(message, Mapping) else None


def squeezed(content: Any) -> Any:
    """Return text in composed form with single spaces, so that two copies of a turn can be compared."""
    return unicodedata.normalize("NFC", " ".join(content.split())) if isinstance(content, str) else content


def same_turn(one: Any, other: Any) -> bool:
    """Return whether two messages agree in role and content, apart from white space, whatever else they hold."""
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        return one == other
    return one.get("role") == other.get("role") and squeezed(one.get("content")) == squeezed(other.get("content"))


def begins_with(messages: list[Any], start: list[Any]) -> bool:
    """Return whether a conversation begins with these turns and goes on after them."""
    return len(messages) > len(start) and all(map(same_turn, messages, start))


def split_turns(chosen: list[Any], rejected: list[Any]) -> tuple[list[Any], list[Any], list[Any]]:
    """Return the longest run of turns that both sides begin with, as the prompt, and the rest of each, never empty."""
    longest = min(len(chosen), len(rejected)) - 1
    n = next((i for i in range(longest) if not same_turn(chosen[i], rejected[i])), longest)
    return chosen[:n], chosen[n:], rejected[n:]


def reply(prompt: Any, response: Any) -> Any:
    """Return a response in the form of its prompt: text after messages becomes one message of the assistant."""
    if isinstance(prompt, list | tuple) and isinstance(response, str):
        return [{"role": "assistant", "content": response}]
    return response
