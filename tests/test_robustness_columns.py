"""What the view Robustness shows: the columns, without a browser."""

import json

import pytest

from rmlab import explorer
from rmlab.audit import TRANSFORMS, robustness
from rmlab.data import PreferencePair
from rmlab.datasets import load_everyday
from rmlab.explorer.robustness_view import robustness_columns


def bulleted(prompts, responses):
    return [response.startswith("- ") for response in responses]


@pytest.fixture(scope="module")
def found():
    return robustness(bulleted, [*load_everyday()[:40], PreferencePair("p", "same", "same")])


def test_the_columns_are_those_of_the_audit_and_json_holds_them(found):
    columns = json.loads(json.dumps(robustness_columns(found), allow_nan=False))
    assert len(columns["rows"]) == len(TRANSFORMS)
    row = next(row for row in columns["rows"] if row["name"] == "bullets for sentences")
    shift = found["bullets for sentences"]
    assert (row["mean"], row["interval"], row["flips"]) == (1.0, [1.0, 1.0], shift.flips)
    assert row["is_fault"]
    assert row["verdict"] == "raises"
    assert row["example"]["after"].startswith("- ")
    assert row["example"]["scores_after"][0] - row["example"]["scores_before"][0] == 1
    assert row["example"]["source"].startswith("everyday.jsonl:"), "no path of this machine"
    assert any("1 pairs" in note or "1 pair" in note for note in columns["notes"])


def test_what_was_not_tested_is_last_of_its_kind(found):
    rows = robustness_columns(found)["rows"]
    for kind in ("surface", "content"):
        tested = [row["mean"] is not None for row in rows if row["kind"] == kind]
        assert tested == sorted(tested, reverse=True)
    assert next(row for row in rows if row["name"] == "renamed variables")["mean"] is None


def test_it_shares_a_state_and_stands_among_the_views(found):
    state = explorer.ExplorerState()
    view = explorer.robustness(found, state=state)
    assert view.views == ("robustness",)
    state.size = "projector"
    assert view.size == "projector"
    shown = explorer.explore(bulleted, load_everyday()[:5], robustness=found)
    assert shown.views[-1] == "robustness"
    assert shown.data["robustness"] == view.data["robustness"]
    shown.close()
