"""Judging in a notebook: a label that is acknowledged is in the store, once; what is refused says why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rmlab import explorer
from rmlab.course.own_labels import labels_of, open_own_labels
from rmlab.explorer.judge_widget import JudgeView
from rmlab.labels import LabelStore, StoreError
from rmlab.simulate.replies import simulate_reply_pairs

PAIRS = simulate_reply_pairs(40, seed=5).pairs


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LabelStore]:
    with LabelStore(tmp_path / "labels.db") as store:
        yield store


@pytest.fixture
def view(store: LabelStore) -> JudgeView:
    return explorer.judge(PAIRS, store, rater="Ann")


def asked(view: JudgeView, path: str, monkeypatch: pytest.MonkeyPatch, **body: Any) -> tuple[int, Any]:
    """What the browser hears when it asks."""
    heard: list[dict[str, Any]] = []
    monkeypatch.setattr(view, "send", heard.append)
    view._hear(view, {"id": "q-1", "path": path, "body": body}, [])
    assert [one["id"] for one in heard] == ["q-1"]
    return heard[0]["status"], heard[0]["said"]


def click(seen: dict[str, Any], verdict: str, key: str) -> dict[str, Any]:
    showing = seen["showing"]["number"]
    session, position = seen["session"], seen["position"]
    return {
        "session": session,
        "verdict": verdict,
        "showing": showing,
        "position": position,
        "key": key,
        "seconds": 1.5,
    }


def test_a_click_is_kept_and_the_next_pair_shown(view: JudgeView, store: LabelStore, monkeypatch) -> None:
    status, seen = asked(view, "join", monkeypatch)
    assert (status, seen["judged"], seen["goal"]) == (200, 0, 40)
    status, after = asked(view, "judge", monkeypatch, **click(seen, "left", "k1"))
    assert (status, after["judged"], after["showing"]["number"]) == (200, 1, 2)
    (entry,) = store.judgements()
    assert (entry.rater, entry.verdict, entry.seconds) == ("Ann", "left", 1.5)
    assert asked(view, "view", monkeypatch, session=seen["session"]) == (200, after)


def test_a_click_that_is_sent_again_is_one_label(view: JudgeView, store: LabelStore, monkeypatch) -> None:
    seen = asked(view, "join", monkeypatch)[1]
    first, again = (asked(view, "judge", monkeypatch, **click(seen, "right", "k1")) for _ in range(2))
    assert first == again
    assert store.count() == 1


def test_what_is_refused_is_said_by_its_status(view: JudgeView, store: LabelStore, monkeypatch) -> None:
    seen = asked(view, "join", monkeypatch)[1]
    view.press("left")
    assert asked(view, "judge", monkeypatch, **click(seen, "left", "k2"))[0] == 409
    assert asked(view, "view", monkeypatch, session="0" * 32)[0] == 410
    assert asked(view, "judge", monkeypatch, session=seen["session"], verdict="both")[0] == 422
    assert store.count() == 1


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"path": "view"},
        {"path": ["view"], "body": {}},
        {"path": "close", "body": {}},
        {"path": "judge", "body": []},
    ],
)
def test_a_message_of_another_form_is_refused(view: JudgeView, said: dict[str, Any], monkeypatch) -> None:
    heard: list[dict[str, Any]] = []
    monkeypatch.setattr(view, "send", heard.append)
    view._hear(view, {"id": "q-1", **said}, [])
    assert (heard[0]["id"], heard[0]["status"]) == ("q-1", 422)
    view._hear(view, said, [])
    assert (heard[1]["id"], heard[1]["status"]) == (None, 422)
    view._hear(view, "view", [])
    assert len(heard) == 2


def test_a_full_disk_is_said_and_the_click_can_be_sent_again(view: JudgeView, store: LabelStore, monkeypatch) -> None:
    seen = asked(view, "join", monkeypatch)[1]

    def full(*_: object) -> int:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(store, "append", full)
        assert asked(view, "judge", patched, **click(seen, "left", "k1")) == (503, "the disk is full")
    assert asked(view, "judge", monkeypatch, **click(seen, "left", "k1"))[0] == 200
    assert store.count() == 1


def test_it_goes_on_where_it_stopped(view: JudgeView, store: LabelStore) -> None:
    for verdict in ("left", "tie", "undo", "skip"):
        view.press(verdict)
    again = explorer.judge(PAIRS, store, rater="Ann")
    assert again.view == view.view
    assert [entry.verdict for entry in store.judgements()] == ["left", "tie", "undo", "skip"]


def test_the_labels_of_a_reader_count_from_a_number_on(view: JudgeView, store: LabelStore) -> None:
    for verdict in ("left", "right", "tie", "skip"):
        view.press(verdict)
    names = view.desk._questions.ids
    assert labels_of(store, "Ann", names, at_least=3) is None
    assert len(labels_of(store, "Ann", names, at_least=2) or ()) == 4
    assert labels_of(store, "Bob", names, at_least=1) is None
    assert labels_of(store, "Ann", [], at_least=1) is None


def test_a_hub_names_the_store_and_the_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RMLAB_STORE", raising=False)
    store, rater = open_own_labels()
    assert (store.name, rater) == ("labels.db", "me")
    store.close()
    monkeypatch.setenv("RMLAB_STORE", str(tmp_path / "class.db"))
    monkeypatch.setenv("JUPYTERHUB_USER", "ann")
    store, rater = open_own_labels()
    assert (Path(store.name).name, rater) == ("class.db", "ann")
    store.close()
