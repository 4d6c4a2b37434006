"""SHP (Ethayarajh et al. 2022): two comments of a forum, and which has the better score.

``labels`` is 1 if A was preferred and 0 if B was. Nobody was shown two comments side by side, so ``chosen_first``
is unknown. The group is the forum, without the name of the split.
"""

from __future__ import annotations

from rmlab.data.formats.base import Format, Record, get, optional_text, read_label
from rmlab.data.rows import Sides

__all__ = ["SHP"]


def _from_shp(record: Record) -> list[Sides]:
    history, a, b, label = (get(record, name) for name in SHP.columns)
    preferred = read_label("labels", label, {"1": 1, "0": 0}, "1 (A was preferred) or 0 (B was)")
    forum = optional_text(record, "domain") or ""
    for split in ("_train", "_validation", "_test"):
        forum = forum.removesuffix(split)
    return [Sides(history, *((a, b) if preferred else (b, a)), group=forum)]


SHP = Format(
    "SHP",
    ("history", "human_ref_A", "human_ref_B", "labels"),
    _from_shp,
    "The history and two comments; `labels` is 1 where A is chosen, 0 where B is. The group is the domain.",
    optional=("domain",),
)
