"""The prompt of a record, under any name: its column, and what belongs to it (an input, a system prompt, turns).

``instruction`` with ``input`` is Alpaca's prompt, joined by a line break as in LLaMA-Factory. A system prompt or a
history beside the prompt makes it a conversation. If two columns may be the prompt, neither is taken.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from rmlab.data.formats.base import Record, get
from rmlab.data.rows import is_missing, listed, named

__all__ = ["CONVERSATIONS", "PROMPT_COLUMNS", "Prompt", "find_prompt"]

CONVERSATIONS = ("messages", "conversations", "conversation", "trajectory", "dialogue", "dialog", "chat")
"""Columns of whole conversations, which may hold the response as well."""

_MAIN = (
    "prompt", "question", "instruction", "query", "input", "context", "problem", "request", "prompt_text",
    "user_prompt", "user_input", "user_query", *CONVERSATIONS,
)  # fmt: skip
_WEAK = ("user",)  # more often the name of a person
_SYSTEM = ("system", "system_prompt", "system_message")
_HISTORY = "history"

PROMPT_COLUMNS = (*_MAIN, *_WEAK, *_SYSTEM, _HISTORY)
"""Every column from which a prompt may be made."""


@dataclass(frozen=True)
class Prompt:
    """The columns that make the prompt of a record.

    `complete` is whether these are all the prompt columns of the file, so that a part in another column is a fault.
    """

    column: str = "prompt"
    input: str | None = None
    system: str | None = None
    history: str | None = None
    complete: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read, first the one that must be there."""
        return (self.column, *(name for name in (self.input, self.system, self.history) if name))

    @property
    def note(self) -> str | None:
        """The note for the report; None where the prompt is the column ``prompt`` alone."""
        return None if self.columns == ("prompt",) else f"prompt read from {', '.join(self.columns)}"

    def read(self, record: Record) -> Any:
        """Return the prompt of a record: text or a list of messages."""
        prompt = get(record, self.column)
        if not isinstance(prompt, str | list | tuple):
            raise ValueError(f"{self.column} must be text or a list of messages, got {named(prompt)}")
        if self.input is not None and isinstance(prompt, str):
            added = self._text(record, self.input)
            prompt = f"{prompt}\n{added}" if added else prompt
        if self.complete:
            self._refuse_others(record)
        if self.system is None and self.history is None:
            return prompt
        turns = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
        if self.history is not None:
            turns = self._turns(record, self.history) + turns
        system = self._text(record, self.system) if self.system is not None else ""
        if system and not any(isinstance(turn, dict) and turn.get("role") == "system" for turn in turns):
            turns = [{"role": "system", "content": system}, *turns]
        return turns

    def _refuse_others(self, record: Record) -> None:
        others = [*(() if self.system else _SYSTEM), *(() if self.history else (_HISTORY,))]
        if self.column == "instruction" and self.input is None:
            others.append("input")
        for name in others:
            if not is_missing(record.get(name)) and record[name] not in ("", []):
                raise ValueError(
                    f"has a {name}, which is part of the prompt, and the first record had none; give every record one"
                )

    @staticmethod
    def _text(record: Record, name: str) -> str:
        value = record.get(name)
        if is_missing(value):
            return ""
        if not isinstance(value, str):
            raise ValueError(f"{name} must be text, got {named(value)}")
        return value

    @staticmethod
    def _turns(record: Record, name: str) -> list[Any]:
        """Return earlier turns: messages, or pairs of what was asked and answered."""
        value = record.get(name)
        if is_missing(value) or value == "":
            return []
        if not isinstance(value, list):
            raise ValueError(f"{name} must be a list of turns, got {named(value)}")
        turns: list[Any] = []
        for i, turn in enumerate(value):
            if isinstance(turn, dict):
                turns.append(turn)
            elif isinstance(turn, list) and len(turn) == 2 and all(isinstance(text, str) for text in turn):
                turns += [
                    {"role": role, "content": text} for role, text in zip(("user", "assistant"), turn, strict=True)
                ]
            else:
                raise ValueError(f"{name}[{i}] must be a message, or a question and its answer, got {named(turn)}")
        return turns


def find_prompt(found: Set[str], record: Record) -> Prompt | None:
    """Return which of the columns found hold the prompt, or None where none does.

    A column ``prompt`` is preferred to every other. Raises ValueError if two others may be the prompt.
    """
    names = [name for name in _MAIN if name in found]
    system = next((name for name in _SYSTEM if name in found), None)
    history = _HISTORY if _HISTORY in found else None
    if "prompt" in names:
        return Prompt("prompt", None, system, history, complete=True)
    if names == ["instruction", "input"]:
        return Prompt("instruction", "input", system, history, complete=True)
    if len(names) > 1:
        raise ValueError(
            f"each of the columns {listed(names)} may be the prompt; rename the right one to prompt, and join "
            "columns that belong together"
        )
    if not names:
        names = [name for name in _WEAK if name in found and _speaks(record.get(name))]
    return Prompt(names[0], None, system, history, complete=True) if names else None


def _speaks(value: Any) -> bool:
    """Return whether a value has more than one word, unlike the name of a person."""
    return isinstance(value, list) or (isinstance(value, str) and len(value.split()) > 1)
