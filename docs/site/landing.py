"""The first page of the site: the curve, a probe, the path of a pair, and a way into the course."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import live
import nbformat
import policy
import recording

from rmlab.explorer import path, preference_curve, probe
from rmlab.explorer.linked import PURPOSE, QUESTION

HERE = Path(__file__).parent
CARD = '<li><a href="notebooks/{stem}.html"><b>{number}</b><strong>{title}</strong><span>{question}</span></a></li>'


def render_landing(notebooks: list[Path], sizes: Mapping[str, int] | None = None) -> str:
    """Return the page, as the text of an HTML file; its probe offers the model where that is among the `sizes`."""
    template = (HERE / "landing.html").read_text(encoding="utf-8")
    return template.format(
        policy=html.escape(policy.of([], scores=True)),
        question=html.escape(QUESTION),
        purpose=html.escape(PURPOSE),
        notebooks="\n".join(_card(each) for each in notebooks),
        widgets=policy.inert({"widgets": _widgets(sizes or {}), "frames": ""}),
    )


def _widgets(sizes: Mapping[str, int]) -> dict[str, Any]:
    asked = probe()
    explorers = {"curve": preference_curve(), "probe": asked, "path": path(asked.state)}
    found: dict[str, Any] = {name: recording.of_widget(explorer, None) for name, explorer in explorers.items()}
    if live.LANDING in sizes:
        found["probe"]["live"] = live.offer(live.LANDING, sizes)
    return found


def _card(notebook: Path) -> str:
    opening = nbformat.read(notebook, as_version=4).cells[0].source
    title = re.search(r"^# (\d+) · (.+)$", opening, re.MULTILINE)
    question = re.search(r"^\*\*Question:\*\* (.+)$", opening, re.MULTILINE)
    if title is None or question is None:
        raise ValueError(
            f"{notebook.name}: its first cell must have a title '# N · ...' and a line '**Question:** ...'"
        )
    plain = re.sub(r"[*_$`]|\[([^\]]*)\]\([^)]*\)", r"\1", question[1])
    return CARD.format(stem=notebook.stem, number=title[1], title=html.escape(title[2]), question=html.escape(plain))
