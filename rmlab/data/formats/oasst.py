"""The message trees of OpenAssistant (Köpf et al. 2023), in which people ranked the replies to one message.

A record is a tree: ``prompt`` is its first message, and each message has ``replies``. The replies of the assistant to
one message are compared by ``rank``, 0 the best; the prompt is the path from the root to that message.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any

from rmlab.data.formats.base import Format, NoPairError, Record, as_records, get, optional_number
from rmlab.data.formats.messages import plain
from rmlab.data.rows import Sides, named

__all__ = ["OASST_TREES"]


def _from_tree(record: Record) -> Iterable[Sides]:
    root = get(record, "prompt")
    if not _is_root(root):
        raise ValueError(f"prompt must be one message with its replies, got {named(root)}")
    tree = record.get("message_tree_id")
    n_pairs = 0
    paths: list[list[Any]] = [root]
    while paths:  # not by recursion: a conversation may be long
        path = paths.pop()
        replies = plain("replies", as_records("replies", path[-1].get("replies") or []), set())
        replies = [reply for reply in replies if not reply.get("deleted")]
        paths += [[*path, reply] for reply in reversed(replies)]
        ranked = [
            (reply, rank) for reply in replies if (rank := optional_number("rank", reply.get("rank"))) is not None
        ]
        for (one, first), (other, second) in combinations(ranked, 2):
            if one.get("role") == other.get("role") == "assistant":
                n_pairs += 1
                chosen, rejected = (one, other) if first <= second else (other, one)
                yield Sides(
                    _said(path), _said([chosen]), _said([rejected]), tied=first == second, group=path[-1].get("lang"),
                    item=f"{tree}/{path[-1].get('message_id')}",
                )  # fmt: skip
    if not n_pairs:
        raise NoPairError("without two ranked replies to one message")


def _is_root(value: Any) -> bool:
    """Return whether this is one message with its replies; a single message has become a list of one."""
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) and "replies" in value[0]


def _said(messages: list[Any]) -> list[dict[str, Any]]:
    return [{"role": message.get("role"), "content": message.get("content")} for message in messages]


OASST_TREES = Format(
    "OpenAssistant trees", ("message_tree_id", "prompt"), _from_tree,
    "Every two replies of the assistant to one message, by `rank` (0 is the best); the prompt is the path to it. The "
    "group is the language, the item that message.",
    fits=lambda record: _is_root(record.get("prompt")),
)  # fmt: skip
