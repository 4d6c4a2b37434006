"""The explorer's state: it holds what it may, follows, and travels as JSON and as a link. No browser."""

from __future__ import annotations

import json

import pytest

from rmlab.explorer import Explorer, ExplorerState, preference_curve

HOSTILE = "<script>alert('x')</script> & \"more\" \u2028 \u202e עברית 🎈 \x00"


def full_state() -> ExplorerState:
    return ExplorerState(
        prompt=HOSTILE, response_a="a" * 500, response_b="", winner="tie", scores=(101.25, None), temperature=2.5,
        selection=3, history=[{"id": 1}], revealed=False, size="projector", view="probe", model="m", error="no",
    )  # fmt: skip


def test_json_brings_everything_back():
    state = full_state()
    assert ExplorerState.from_json(state.to_json()).trait_values() == state.trait_values()


def test_a_link_brings_texts_and_scores_back():
    state = full_state()
    link = state.to_link("file:///explorer.html")
    assert link.startswith("file:///explorer.html#")
    back = ExplorerState.from_link(link)
    for name in ("prompt", "response_a", "response_b", "winner", "scores", "temperature", "revealed", "size", "view"):
        assert getattr(back, name) == getattr(state, name)
    assert back.history == []


def test_explorer_with_one_state_follow_each_other():
    state = ExplorerState()
    one, other = preference_curve(state), Explorer(state, ("curve",))
    one.scores = (4.0, 1.0)
    assert other.scores == state.scores == (4.0, 1.0)
    one.close()
    state.scores = (0.0, 0.0)
    assert (one.scores, other.scores) == ((4.0, 1.0), (0.0, 0.0))
    other.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "must be JSON"),
        ("[]", 'with "format": "rmlab-explorer"'),
        ('{"format": "rmlab-explorer", "version": 2, "state": {}}', "version 2 of .* reads version 1"),
        ('{"format": "rmlab-explorer", "version": 1, "state": {"colour": 1}}', "no such trait: colour"),
        ('{"format": "rmlab-explorer", "version": 1, "state": {"winner": "c"}}', "winner"),
    ],
)  # fmt: skip
def test_what_is_no_state_is_refused(text: str, said: str):
    with pytest.raises(ValueError, match=said):
        ExplorerState.from_json(text)


def test_every_trait_can_be_sent():
    assert set(json.loads(full_state().to_json())["state"]) == set(ExplorerState.class_trait_names())
