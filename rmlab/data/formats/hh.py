r"""Anthropic HH: dialogues written out as text, ``\n\nHuman: ...\n\nAssistant: ...``; they become messages."""

from __future__ import annotations

import re

from rmlab.data.formats.base import Format, Record, text_of
from rmlab.data.formats.trl import split_turns, without_prompt_column
from rmlab.data.rows import Sides

__all__ = ["HH"]

_OPENING = re.compile(r"\s*Human:")
_TURN = re.compile(r"(?:^\s*|\n\n)(Human|Assistant):")
_ROLES = {"Human": "user", "Assistant": "assistant"}


def _from_hh(record: Record) -> list[Sides]:
    chosen, rejected = without_prompt_column(record)
    return [Sides(*split_turns(_read("chosen", chosen), _read("rejected", rejected)))]


def _read(side: str, text: str) -> list[dict[str, str]]:
    parts = _TURN.split(text_of(side, text))  # text before the first turn, then role and content by turns
    if parts[0] or len(parts) == 1:
        raise ValueError(
            f'{side} must be a dialogue that begins with "\\n\\nHuman:", like the first record, got other text'
        )
    turns = zip(parts[1::2], parts[2::2], strict=True)
    return [{"role": _ROLES[speaker], "content": content.strip()} for speaker, content in turns]


def _opens(record: Record) -> bool:
    texts = (record.get("chosen"), record.get("rejected"))
    return all(isinstance(text, str) and _OPENING.match(text) for text in texts)


HH = Format("Anthropic HH", ("chosen", "rejected"), _from_hh, fits=_opens)
