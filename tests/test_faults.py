"""The fault lab: each switch changes its picture, and is caught by exactly the lines that it names."""

import math

import numpy as np
import pytest

from rmlab.course import faults
from rmlab.course.faults import FAULTS, PANELS, bench, fault_runs
from rmlab.plots import describe

MYSTERIES = [faults.mystery(number) for number in range(1, 13)]
CHANGES = {
    "pad is EOS": lambda now, good: now["after the score"] == 1 and now["ends in EOS"] == 1,
    "no EOS": lambda now, good: now["ends in EOS"] == 0 and now["after the score"] == 0,
    "truncation": lambda now, good: now["ties"] > 0.3,
    "last column": lambda now, good: now["batch"] > 0.5 and now["after the score"] < 0,
    "two outputs": lambda now, good: now["training"] < good["training"] - 0.1 and now["last loss"] < 0.6,
    "head lost": lambda now, good: now["reload"] > 0.5,
    "softmax": lambda now, good: now["ties"] == 1 and abs(now["last loss"] - math.log(2)) < 1e-6,
    "swapped labels": lambda now, good: now["worst source"] < 0.45,
    "naive log": lambda now, good: now["steps"] < 60,
    "learning rate": lambda now, good: now["last loss"] > 0.6 and now["training"] < good["training"] - 0.1,
    "leaking prompts": lambda now, good: now["test"] > now["others"] + 0.08,
    "prompt constant": lambda now, good: abs(now["reported"] - now["others"]) > 0.02,
}


@pytest.fixture(scope="module")
def sound() -> faults.FaultRun:
    return faults.run()


def test_a_sound_run_has_none_of_the_signs_and_breaks_no_line(sound) -> None:
    assert [name for name, changed in CHANGES.items() if changed(sound.signs, sound.signs)] == []
    assert sound.broken == ()
    assert sound.signs["training"] > 0.7
    assert sound.signs["others"] > 0.58
    assert len(sound.losses) == fault_runs.STEPS


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_changes_its_picture_and_is_caught_by_exactly_its_lines(sound, name: str) -> None:
    """With another seed, tests/notebooks/bounds.py does the same: notebook 12 makes those runs."""
    good, spoiled = sound, faults.run(name)
    assert CHANGES[name](spoiled.signs, good.signs)
    assert set(spoiled.broken) == {FAULTS[name].caught_by, *FAULTS[name].implies}
    panel = FAULTS[name].panel
    words = [describe(faults.plot_panel({"A run": run}, panel)) for run in (good, spoiled)]
    assert words[0] != words[1]


def test_every_fault_is_in_one_panel_and_one_table(sound) -> None:
    assert set(CHANGES) == set(FAULTS)
    lines = {f"audit: {one.name}" for one in sound.model_audit.results}
    lines |= {f"audit_run: {one.name}" for one in sound.run_audit.results}
    for fault in FAULTS.values():
        assert fault.panel in PANELS
        assert {fault.caught_by, *fault.implies} <= lines
    assert len({fault.caught_by for fault in FAULTS.values()}) == len(FAULTS)


@pytest.mark.slow
def test_a_run_is_the_same_when_it_is_made_again() -> None:
    first = faults.run("softmax")
    again = faults.run.__wrapped__("softmax")
    np.testing.assert_array_equal(again.losses, first.losses)
    np.testing.assert_array_equal(again.scores, first.scores)


def test_the_constant_at_which_scores_begin_changes_no_step(monkeypatch) -> None:
    parts, tokenizer = bench.make_parts(None, 0), bench.make_tokenizer(None)
    monkeypatch.setattr(fault_runs, "STEPS", 4)
    losses = []
    for start in (0.0, fault_runs.START):
        monkeypatch.setattr(fault_runs, "START", start)
        network = bench.make_network(None, tokenizer, 0)
        losses.append(fault_runs._train(network, tokenizer, parts.train, None, 0)[0])
    np.testing.assert_allclose(*losses, atol=1e-3)


def test_the_split_by_prompt_shares_none_and_the_leaking_one_shares_most() -> None:
    def shared(fault: str | None) -> float:
        parts = bench.make_parts(fault, 0)
        asked = {pair.prompt for pair in parts.train}
        assert not asked & {pair.prompt for pair in parts.others}
        return float(np.mean([pair.prompt in asked for pair in parts.test]))

    assert shared(None) == 0
    assert shared("leaking prompts") > 0.9


def test_one_source_of_three_is_swapped() -> None:
    sound, swapped = (bench.make_parts(fault, 0).others for fault in (None, "swapped labels"))
    assert [pair.group for pair in sound] == [pair.group for pair in swapped]
    for right, other in zip(sound, swapped, strict=True):
        assert (right.chosen == other.chosen) == (right.group != "C" or right.chosen == right.rejected)


def test_a_picture_has_six_panels_and_says_what_each_shows(sound) -> None:
    figure = faults.plot_dashboard(sound, title="A sound run")
    assert len(figure.axes) == 6
    words = describe(figure)
    assert words.startswith("A sound run.")
    assert all(title in words for title in PANELS.values())
    two = faults.plot_panel({"One": sound, "Other": sound}, "read")
    assert describe(two).count("read at EOS") == 2


def test_mysteries_are_drawn_by_number() -> None:
    assert [faults.mystery(number) for number in range(1, 13)] == MYSTERIES
    assert set(MYSTERIES) <= set(FAULTS)
    assert len(set(MYSTERIES)) > 5


def test_a_diagnosis_is_answered_with_what_it_would_have_looked_like() -> None:
    for name in FAULTS:
        assert FAULTS[name].breaks in faults.answer(name, name)
    other = faults.answer("no EOS", "head lost")
    assert "head lost" in other
    assert PANELS[FAULTS["head lost"].panel] in other
    assert "no EOS" not in other + faults.answer("no EOS", None)


def test_an_unknown_fault_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"'padding'.*pad is EOS"):
        faults.run("padding")
