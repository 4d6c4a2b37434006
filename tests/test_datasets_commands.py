"""The commands that make the shipped data again: a file is replaced whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest

from rmlab.datasets import __main__ as commands
from rmlab.datasets import (
    course_scores,
    load_course_film,
    load_recorded,
    load_scored_replies,
    probes,
    recorded,
    scored_replies,
)


def test_a_command_that_ends_while_it_writes_leaves_the_shipped_file_as_it_was(tmp_path, monkeypatch):
    def ends(*arguments: Any, **_: Any) -> None:
        target = next(each for each in arguments if isinstance(each, Path))
        target.write_bytes(b"half")
        raise KeyboardInterrupt

    shipped = tmp_path / "shipped"
    shipped.write_bytes(b"older")
    monkeypatch.setattr(Path, "write_text", ends)
    monkeypatch.setattr(pq, "write_table", ends)
    monkeypatch.setattr(commands, "save_file", lambda weights, path: ends(path))
    monkeypatch.setattr(commands, "train_language_model", dict)
    monkeypatch.setattr(commands, "untrained", lambda: None)
    monkeypatch.setattr(commands, "course_pairs", lambda: SimpleNamespace(pairs=None))
    film, differences, scores = load_course_film(), load_recorded(), load_scored_replies()
    monkeypatch.setattr(commands, "train", lambda *_, **__: film)
    writers: list[tuple[Any, str, Callable[[], None]]] = [
        (commands, "FILM", commands.write_film),
        (commands, "WEIGHTS", commands.write_language_model),
        (recorded, "RECORDED", lambda: recorded.write_recorded(differences)),
        (scored_replies, "SCORED", lambda: scored_replies.write_scored_replies(scores)),
        (course_scores, "SCORES", lambda: course_scores.write_course_scores({})),
        (probes, "PRESETS", lambda: probes.write_probe_presets(())),
    ]
    for module, name, write in writers:
        monkeypatch.setattr(module, name, shipped)
        with pytest.raises(KeyboardInterrupt):
            write()
        assert shipped.read_bytes() == b"older", name
        assert list(tmp_path.iterdir()) == [shipped]
