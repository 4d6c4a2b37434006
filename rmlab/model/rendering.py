"""Messages as text: by the tokenizer's chat template, or as a plain dialogue if it has none.

A template is a program that comes with the model. It may ask the clock for the date, and then the same pair would have
other token ids tomorrow. So `TEMPLATE_DATE` is written into the template, and saved with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, Final

import numpy as np

from rmlab.model.model_error import ModelError

__all__ = ["TEMPLATE_DATE", "Text", "by_template", "content_of", "in_turns", "is_message", "pin_date", "with_each"]

Message = Mapping[str, Any]
Text = str | Sequence[Message]

TEMPLATE_DATE: Final = date(2024, 7, 26)
"""The date of every template that asks for one: the one that Llama 3's own template uses if there is no clock."""

CLOCK = re.compile(r"""strftime_now\(\s*(["'])(.*?)\1\s*\)""")


def pin_date(tokenizer: Any) -> bool:
    """Write `TEMPLATE_DATE` into a chat template that asks for the date; return whether it did.

    Raises
    ------
    ModelError
        If the template computes the format of the date, so that it cannot be written beforehand.
    """
    template = tokenizer.chat_template
    if not isinstance(template, str) or not CLOCK.search(template):
        return False
    pinned = CLOCK.sub(lambda call: repr(TEMPLATE_DATE.strftime(call[2])), template)
    if "strftime_now(" in pinned:
        raise ModelError(
            "the chat template of the tokenizer asks for the date in a format that it computes, so that ids would "
            "differ from day to day. Write a date into the template in place of strftime_now(...)."
        )
    tokenizer.chat_template = pinned
    return True


def by_template(tokenizer: Any, messages: Sequence[Message], **options: Any) -> str:
    """Return messages as the tokenizer's chat template writes them.

    Raises
    ------
    ModelError
        If the template cannot write them, such as messages of a role that it does not have.
    """
    try:
        return tokenizer.apply_chat_template(messages, tokenize=False, **options)
    except Exception as error:  # a template is a program of its own
        roles = ", ".join(dict.fromkeys(message["role"] for message in messages))
        remedy = "Correct the template, or give texts."
        others = [message for message in messages if message["role"] != "system"]
        if len(others) < len(messages) and _writes(tokenizer, others):
            remedy = "It has no system role: put what the system message says at the start of the user's first message."
        raise ModelError(
            f"the chat template of the tokenizer cannot write messages of the roles {roles} "
            f"({type(error).__name__}: {str(error)[:200]}). {remedy}"
        ) from error


def _writes(tokenizer: Any, messages: Sequence[Message]) -> bool:
    try:
        tokenizer.apply_chat_template(messages, tokenize=False)
    except Exception:  # as above
        return False
    return True


def in_turns(prompt: Text, responses: Sequence[Text]) -> tuple[list[Message], list[list[Message]]]:
    """Return a prompt and its responses as messages; a text is one message, of the user or of the assistant."""
    return _messages(prompt, "user"), [_messages(response, "assistant") for response in responses]


def with_each(
    tokenizer: Any, prompt: Sequence[Message], responses: Sequence[Sequence[Message]]
) -> list[tuple[str, str]]:
    """Return a prompt with each response as text, by the template or as a plain dialogue, in two parts.

    The first part depends on the prompt alone. It is empty if the template does not begin the whole with the prompt.
    """
    if tokenizer.chat_template is None:
        head = _dialogue(prompt)
        return [_join_dialogue(head, response) for response in responses]

    @cache  # a template takes longer than the tokenizer
    def head_with(add_generation_prompt: bool) -> str:
        return by_template(tokenizer, prompt, add_generation_prompt=add_generation_prompt)

    wholes = [by_template(tokenizer, [*prompt, *response]) for response in responses]
    return [_cut(whole, head_with if prompt else None) for whole in wholes]


def _cut(whole: str, head_with: Callable[[bool], str] | None) -> tuple[str, str]:
    for add_generation_prompt in (True, False) if head_with else ():
        head = head_with(add_generation_prompt) if head_with else ""
        if whole.startswith(head):
            return head, whole[len(head) :]
    return "", whole


def _messages(text: Text, role: str) -> list[Message]:
    """Return a text as one message of this role, and messages as dicts that a chat template can read."""
    if isinstance(text, str):
        return [{"role": role, "content": text}]
    if not isinstance(text, Sequence | np.ndarray) or not all(map(is_message, text)):
        raise TypeError(f"expected a text or a list of {{'role': ..., 'content': ...}} messages, got {text!r:.80}")
    return [message if isinstance(message, dict) else dict(message) for message in text]


def is_message(message: Any) -> bool:
    """Return whether this is a message: it has a role, and content or calls of tools."""
    if not isinstance(message, (dict, Mapping)) or not isinstance(message.get("role"), str):
        return False
    content = message.get("content")
    return isinstance(content, str) or (content is None and bool(message.get("tool_calls")))


def content_of(message: Mapping[str, Any]) -> str:
    """Return the text of a message: none if it only calls tools."""
    return message.get("content") or ""


def _dialogue(messages: Sequence[Message]) -> str:
    for message in messages:
        if message.get("tool_calls"):
            raise ModelError(
                "a message calls tools, and this tokenizer has no chat template that says how a call is written. "
                "Give the call as the content of the message, or use a model with a template."
            )
    return "".join([f"{_label(message)} {message['content']}" for message in messages])


def _join_dialogue(head: str, response: Sequence[Message]) -> tuple[str, str]:
    tail = _dialogue(response)
    if response and response[0]["role"] == "assistant":  # the label is with the prompt, which both sides share
        label = _label(response[0])
        head, tail = head + label, tail[len(label) :]
    return head.lstrip("\n"), tail


def _label(message: Message) -> str:
    labels = {"user": "Human", "assistant": "Assistant", "system": "System"}
    return f"\n\n{labels.get(message['role']) or message['role'].capitalize()}:"
