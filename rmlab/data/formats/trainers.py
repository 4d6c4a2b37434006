"""Preference files of ms-swift and of early LLaMA-Factory, in which one column holds more than one part of a pair.

ms-swift: ``messages`` end with the preferred reply, and the other is ``rejected_response``, or ends the conversation in
``rejected_messages``. LLaMA-Factory once accepted ``output`` as a list, the preferred response first.
"""

from __future__ import annotations

from collections.abc import Set
from functools import partial
from typing import Any

from rmlab.data.formats.base import Format, Record, get
from rmlab.data.formats.family import Family, Names
from rmlab.data.formats.messages import begins_with, reply, role_of, split_turns
from rmlab.data.formats.prompts import Prompt
from rmlab.data.rows import Sides, is_missing, named

__all__ = ["LLAMA_FACTORY_OUTPUTS", "MS_SWIFT"]


def _conversation(record: Record, name: str) -> list[Any]:
    value = get(record, name)
    if not isinstance(value, list) or len(value) < 2 or role_of(value[-1]) != "assistant":
        raise ValueError(f"{name} must be a list of messages that ends with the assistant's reply, got {named(value)}")
    return value


def _from_swift(rejected: str, record: Record) -> list[Sides]:
    messages = _conversation(record, "messages")
    if rejected == "rejected_messages":
        return [_with_system(record, *split_turns(messages, _conversation(record, rejected)))]
    asked, chosen = messages[:-1], messages[-1:]
    other = reply(messages, get(record, rejected))
    if isinstance(other, list) and begins_with(other, asked):
        other = other[len(asked) :]
    return [_with_system(record, asked, chosen, other)]


def _with_system(record: Record, asked: list[Any], chosen: Any, rejected: Any) -> Sides:
    system = record.get("system")
    if isinstance(system, str) and system and not any(role_of(message) == "system" for message in asked):
        asked = [{"role": "system", "content": system}, *asked]
    return Sides(asked, chosen, rejected)


MS_SWIFT = tuple(
    Format(
        "ms-swift",
        ("messages", rejected),
        partial(_from_swift, rejected),
        "`messages` are the prompt and, as the last turn, the chosen response.",
        optional=("system",),
        fits=lambda record: all(is_missing(record.get(name)) for name in ("prompt", "chosen", "chosen_response")),
    )
    for rejected in ("rejected_response", "rejected_messages")
)


def _make_outputs(prompt: Prompt | None, chosen: tuple[Names, ...], found: Set[str], record: Record) -> Format | None:
    del found
    ((output,),) = chosen
    if prompt is None or not _is_two(record.get(output)):
        return None

    def convert(record: Record) -> list[Sides]:
        asked, outputs = prompt.read(record), get(record, output)
        if not _is_two(outputs):
            raise ValueError(f"{output} must be a list of two responses, like the first record, got {named(outputs)}")
        return [Sides(asked, *(reply(asked, response) for response in outputs))]

    return Format(
        "LLaMA-Factory, two outputs", (*prompt.columns, output), convert,
        notes={prompt.note} if prompt.note else set(),
    )  # fmt: skip


def _is_two(outputs: Any) -> bool:
    return isinstance(outputs, list) and len(outputs) == 2 and all(isinstance(output, str) for output in outputs)


LLAMA_FACTORY_OUTPUTS = Family(
    "LLaMA-Factory, two outputs",
    ((("output",),),),
    _make_outputs,
    "The prompt and a list of two responses, the chosen one first.",
)
