"""Predictions: what is compared, how a class stands, chips and remarks in Node; the notebooks' control in Python."""

from __future__ import annotations

import json
from typing import Any

import pytest
from test_explorer_scripts import link_of, node
from traitlets import TraitError

from rmlab.explorer import ExplorerState, controls
from rmlab.explorer.answers import Answers
from rmlab.explorer.predictions import Prediction
from rmlab.explorer.probe_views import probe_data
from rmlab.simulate.replies import load_sentences

STORE = """
import { createStore, localModel } from "./core/store.js";
function storeOf(values, live = false) {
  const start = { guess: {}, guesses: [], revealed: true, temperature: 1, here: null, settings: {}, data: {} };
  return createStore(localModel({ ...start, ...values }), { live });
}
"""


def revealed(values: dict[str, Any], *, live: bool = False) -> dict[str, Any]:
    """What the store holds after its guess was revealed, and what is said of it."""
    source = STORE + (
        'import { comparing } from "./parts/predictions.js";\n'
        'import { comparedInWords, standing } from "./core/predictions.js";\n'
        "function main() { const [values, live] = given; const store = storeOf({ ...values, revealed: false }, live);"
        "  comparing(store); store.set({ revealed: true });"
        '  const guesses = store.get("guesses");'
        "  const words = guesses.map(comparedInWords);"
        '  give({ guess: store.get("guess"), guesses, words, standing: standing(guesses) }); }\n'
    )
    return node(source, [values, live])


def test_a_prediction_of_p_is_compared_when_it_is_revealed():
    found = revealed({"scores": [1.0, 0.0], "guess": {"of": "p", "said": 0.9}, "here": 3})
    (one,) = found["guesses"]
    assert (one["of"], one["said"], one["edit"]) == ("p", 0.9, 3)
    assert one["truth"] == pytest.approx(0.7310585786300049)
    assert found["guess"] == {}
    assert "0.90" in found["words"][0]
    assert "0.73" in found["words"][0]


def test_the_class_has_the_mean_gap_of_its_predictions():
    before = [{"of": "p", "said": 0.5, "truth": 0.6}, {"of": "pair", "said": 1, "truth": -1.0, "right": True}]
    found = revealed({"scores": [0.0, 0.0], "guess": {"of": "p", "said": 0.8}, "guesses": before})
    assert found["standing"] == {"n": 2, "gap": pytest.approx(0.2), "choices": 1, "right": 1}


def test_of_a_judged_tie_nothing_is_predicted():
    pairs = {"difference": [-1.0, -2.0, 3.0], "flags": {"tied": [1, 2]}}
    found = [revealed({"guess": {"of": "pair", "said": row}, "data": {"pairs": pairs}}) for row in range(3)]
    assert [[one["right"] for one in each["guesses"]] for each in found] == [[True], [], []]
    assert all(each["guess"] == {} for each in found)
    source = STORE + (
        'import { guessing } from "./core/predictions.js";\n'
        "function main() { const store = storeOf({ revealed: false, data: { pairs: given } });"
        '  give([0, 1, 2].map((row) => guessing(store, "pair", row))); }\n'
    )
    assert node(source, pairs) == [{"guess": {"of": "pair", "said": 0}}, {"guess": {}}, {"guess": {}}]


def test_nothing_is_compared_that_was_not_predicted_or_has_no_score():
    assert revealed({"scores": [1.0, 0.0]})["guesses"] == []
    assert revealed({"scores": [None, 0.0], "guess": {"of": "p", "said": 0.9}}) | {"standing": 0} == {
        "guess": {}, "guesses": [], "words": [], "standing": 0,
    }  # fmt: skip


def test_a_prediction_waits_for_a_model_that_has_not_answered():
    values = {"scores": [1.0, 0.0], "guess": {"of": "p", "said": 0.9}, "answering": True, "request": 2, "answered": 1}
    assert revealed(values, live=True)["guesses"] == []
    assert len(revealed(values | {"answered": 2}, live=True)["guesses"]) == 1


@pytest.mark.parametrize(("difference", "right"), [(-1.5, True), (0.0, False), (0.5, False)])
def test_a_pair_is_found_where_the_model_is_wrong(difference: float, right: bool):
    found = revealed({"data": {"pairs": {"difference": [3.0, difference]}}, "guess": {"of": "pair", "said": 1}})
    (one,) = found["guesses"]
    assert (one["said"], one["truth"], one["right"]) == (1, difference, right)


def test_shares_are_compared_with_the_last_frame_and_with_the_pairs_that_are_no_tie():
    film = {"evaluations": [{"accuracy": 0.5}, {"accuracy": 0.66}]}
    compared = {"quadrants": {"both": 5, "only_a": 2, "only_b": 1, "neither": 2, "tie": 9}}
    for of, truth in (("accuracy", 0.66), ("agreement", 0.7)):
        found = revealed({"data": {"film": film, "compare": compared}, "guess": {"of": of, "said": 0.9}})
        (one,) = found["guesses"]
        assert (one["of"], one["said"], one["truth"]) == (of, 0.9, truth)
        assert "0.90" in found["words"][0]
        assert f"{truth:.2f}" in found["words"][0]
        assert found["standing"] == {"n": 1, "gap": pytest.approx(0.9 - truth), "choices": 0, "right": 0}
        assert revealed({"guess": {"of": of, "said": 0.9}})["guesses"] == []  # nothing to compare with


@pytest.mark.parametrize(
    "guesses",
    [
        [{"of": "accuracy", "said": 1.5, "truth": 0.5}],
        [{"of": "p", "said": 2, "truth": 0.5}],
        [{"of": "p", "said": "0.5", "truth": 0.5}],
        [{"of": "p", "said": 0.5}],
        [{"of": "head", "said": "one", "truth": "vocabulary"}],  # without `right`, a gap of words: NaN
        [{"of": "pair", "said": 1, "truth": -1.0, "right": "yes"}],
        [{"of": "p", "said": 0.5, "truth": 0.5, "right": True}],
        [{"of": "__proto__", "said": 0.5, "truth": 0.5}],
        ["p"],
        {},
    ],
)
def test_a_link_with_predictions_that_are_none_is_refused(guesses: Any):
    strange = link_of({"format": "rmlab-explorer", "version": 1, "state": {"guesses": guesses}})
    source = 'import { readLink } from "./core/link.js";\nfunction main() { give(readLink(given)); }\n'
    assert "guesses" in node(source, strange)["error"]


def test_predictions_travel_in_a_link_and_reset_clears_them():
    made = [{"of": "p", "said": 0.9, "truth": 0.73}]
    state = ExplorerState(guesses=made, guess={"of": "p", "said": 0.2})
    back = ExplorerState.from_link(state.to_link())
    assert (back.guesses, back.guess) == (made, {"of": "p", "said": 0.2})
    back.reset()
    assert (back.guesses, back.guess) == ([], {})


@pytest.mark.parametrize("fresh", [True, False])
def test_chips_have_the_sentences_of_one_half_and_edit_a_response(fresh: bool):
    chips = {chip["name"]: chip for chip in probe_data(fresh=fresh)["chips"]}
    response = "Wash it. Then dry it."
    source = (
        'import { edited } from "./core/chips.js";\n'
        "function main() { const [chips, text] = given; const both = (chip) => [edited(text, chip),"
        "  edited(edited(text, chip), chip)];"
        "  give(Object.fromEntries(Object.entries(chips).map(([name, chip]) => [name, both(chip)]))); }\n"
    )
    found = node(source, [chips, response])
    for name, part in (("+ filler", "filler"), ("+ flattery", "flattery"), ("hedge", "hedge"), ("refuse", "refusal")):
        bank = load_sentences(part, fresh=fresh)
        assert chips[name]["texts"] == list(bank)
        once, twice = found[name]
        assert bank[0] in once
        assert bank[1] in twice, "a second press takes the next sentence"
    assert found["+ filler"][0].startswith(response)
    assert found["+ flattery"][0].endswith(response)
    assert response not in found["refuse"][0]
    assert found["shorten"] == ["Wash it.", "Wash"]
    assert found["delete everything"] == ["", ""]


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        ("", True), (" \n", True), ("?!", True), ("water", True), ("then water then water then water then", True),
        ("Wash it. Wash it. Wash it. Wash it.", True), ("Wash it, then dry it on a towel.", False),
        ("עברית היא שפה", False),
    ],
)  # fmt: skip
def test_answers_that_no_reader_would_prefer_are_remarked_on(text: str, odd: bool):
    source = 'import { oddity } from "./core/chips.js";\nfunction main() { give(oddity(given)); }\n'
    assert bool(node(source, text)) == odd


def length(prompts, responses):
    return [len(text) for text in responses]


def minus_length(prompts, responses):
    return [-len(text) for text in responses]


def test_a_second_scorer_answers_the_same_edit():
    state = ExplorerState(prompt="p", response_a="Blue.", response_b="Red, or so.", scores=(None, None))
    answers = Answers(state, length, "length", second=("minus", minus_length))
    state.response_a, state.request = "x", 4
    assert answers.wait(20)
    assert (state.scores, state.answered) == ((1.0, 11.0), 4)
    assert state.second == {"name": "minus", "scores": [-1.0, -11.0], "answered": 4}
    answers.close()


def test_a_second_scorer_that_fails_leaves_the_first_alone():
    def fails(prompts, responses):
        raise RuntimeError("out of ink")

    state = ExplorerState(response_a="Blue.", scores=(None, None))
    answers = Answers(state, length, "length", second=("twin", fails))
    assert answers.wait(20)
    assert (state.scores, state.error) == ((5.0, 0.0), "")
    assert "out of ink" in state.second["error"]
    answers.close()
    assert Answers(state, length, "length").wait(20)
    assert state.second == {}, "a second scorer of before is gone"


# The control of the notebooks


@pytest.fixture(autouse=True)
def no_session(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Prediction, "compared", {})


def test_the_answer_is_nowhere_before_it_is_revealed():
    asked = []
    one = controls.predict("P?", lambda: asked.append(None) or 0.7310585)
    sent = {name: repr(value) for name, value in one.get_state().items() if name not in ("_esm", "_css")}
    assert "0.73" not in repr(one) + json.dumps(sent)
    one.value = 0.9
    assert not asked, "nothing is computed before Reveal"
    assert one.truth is None
    one.revealed = True
    assert one.truth == 0.7310585
    assert "0.90" in one.words
    assert "0.73" in one.words


def test_what_was_said_stays_once_the_answer_is_shown():
    one = controls.predict("P?", 0.5)
    one.value = 0.9
    one.revealed = True
    with pytest.raises(TraitError, match=r"stays 0\.9"):
        one.value = 0.5
    assert one.value == 0.9


def test_an_answer_that_a_later_cell_finds_leaves_the_prediction_open_until_then():
    cells: dict[str, Any] = {"controls": controls}
    exec("one = controls.predict('P?', lambda: found_below)", cells)
    one = cells["one"]
    one.value = 0.9
    one.revealed = True
    assert (one.revealed, one.truth) == (False, None)
    assert "cells below" in one.words
    one.value = 0.8
    cells["found_below"] = 0.75
    one.revealed = True
    assert (one.revealed, one.truth) == (True, 0.75)
    assert Prediction.compared == {"P?": (False, pytest.approx(0.05))}


def test_a_session_counts_each_question_once():
    for said in (0.1, 0.4):  # the cell is run again
        number = controls.predict("P?", 0.5)
        number.value = said
        number.revealed = True
    choice = controls.predict("Which?", "b", options=["a", "b"])
    choice.value = 1
    choice.revealed = True
    assert Prediction.compared == {"P?": (False, pytest.approx(0.1)), "Which?": (True, 0.0)}
    untold = controls.predict("Nothing said", 0.5)
    untold.revealed = True
    assert "Nothing said" not in Prediction.compared


@pytest.mark.parametrize("options", [{"low": 1, "high": 1}, {"step": 0}, {"options": ["a", "b"]}])
def test_a_question_that_cannot_be_answered_is_refused(options: dict[str, Any]):
    with pytest.raises(ValueError, match="must be"):
        controls.predict("P?", 0.5, **options)
    with pytest.raises(TraitError, match="from 0 to 1"):
        controls.predict("P?", 0.5).value = 2.0


@pytest.mark.parametrize(
    ("low", "high", "step", "said", "truth", "told"),
    [
        (1e-5, 1e-4, 1e-5, 2e-5, 3e-5, "You said 0.00002, it is 0.00003: 0.00001 too low."),
        (0.0, 10.0, 1.0, 3.0, 3.4, "You said 3, it is 3: they agree."),
    ],
)
def test_the_numbers_of_a_verdict_do_not_contradict_it(low, high, step, said, truth, told):
    prediction = controls.predict("a number", truth, low=low, high=high, step=step)
    prediction.value = said
    prediction.revealed = True
    assert prediction.words.startswith(told)
