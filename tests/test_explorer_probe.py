"""The probe's answers to a state, without a browser: scores follow the texts, and what goes wrong is said."""

from __future__ import annotations

import re
import threading

import numpy as np
import pytest
from chat_templates import CHATML

from rmlab.attribution import attribute, attribute_difference
from rmlab.data import PreferencePair
from rmlab.datasets import ProbePreset, course_pairs, load_course_scores
from rmlab.explorer import ExplorerState, linked, pairs, probe
from rmlab.explorer.answers import Answers, pieces
from rmlab.explorer.probe_views import probe_data
from rmlab.explorer.score_sources import differences_of
from rmlab.explorer.scorer import RememberingScorer, name_of
from rmlab.model import RewardModel
from rmlab.simulate.replies import ATTRIBUTES

PROMPT = "Name a colour."


def length(prompts, responses):
    return [len(text) for text in responses]


@pytest.fixture
def state() -> ExplorerState:
    return ExplorerState(prompt=PROMPT, response_a="Blue.", response_b="Red, or so.", scores=(None, None))


def answered(state: ExplorerState, scorer) -> Answers:
    answers = Answers(state, scorer, "a scorer")
    assert answers.wait(20)
    return answers


def test_scores_follow_the_texts(state: ExplorerState) -> None:
    answers = answered(state, length)
    assert (state.scores, state.scores_from, state.model) == ((5.0, 11.0), "a scorer", "a scorer")
    state.response_b = "R"
    state.request = 7
    assert answers.wait(20)
    assert (state.scores, state.answered) == ((5.0, 1.0), 7)
    answers.close()
    state.response_a = "changed"
    assert answers.wait(20)
    assert state.scores == (5.0, 1.0)


def test_a_reward_model_answers_as_it_scores(state: ExplorerState) -> None:
    model = RewardModel.from_pretrained("tiny-encoder", device="cpu")
    answered(state, model)
    np.testing.assert_allclose(state.scores, model.score([PROMPT] * 2, [state.response_a, state.response_b]), atol=1e-6)


def test_no_text_is_scored_twice() -> None:
    asked: list[str] = []

    def scorer(prompts, responses):
        asked.extend(responses)
        return length(prompts, responses)

    remembering = RememberingScorer(scorer)
    remembering(PROMPT, ["a", "bb"])
    remembering(PROMPT, ["a", "ccc"])
    remembering(PROMPT, ["same", "same"])
    assert asked == ["a", "bb", "ccc", "same"]
    remembering("another prompt", ["a"])
    assert asked[-1] == "a"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rmlab.explorer.scorer.REMEMBERED", 2)
    remembering = RememberingScorer(length)
    for text in ("a", "b", "a", "c"):
        remembering(PROMPT, [text])
    assert remembering.known(PROMPT, "a") is not None
    assert remembering.known(PROMPT, "b") is None


def raises(prompts, responses):
    raise RuntimeError("out of ink")


@pytest.mark.parametrize(
    ("scorer", "said"),
    [
        (raises, "RuntimeError: out of ink"),
        (lambda p, r: [float("nan")] * len(r), "expected finite scores, got nan"),
        (lambda p, r: [[1.0, 2.0]] * len(r), r"shape \(2,\), got \(2, 2\)"),
        (lambda p, r: 0.0, r"shape \(2,\), got \(\)"),
        (lambda p, r: ["high"] * len(r), "expected 2 numbers as scores, got"),
        (lambda p, r: None, "expected finite scores|expected one score"),
    ],
)
def test_a_scorer_that_fails_is_said_and_the_texts_stay(state: ExplorerState, scorer, said: str) -> None:
    def at_first(prompts, responses):
        return length(prompts, responses) if "!" in responses[0] else scorer(prompts, responses)

    answers = answered(state, at_first)
    assert re.search(said, state.error)
    assert (state.response_a, state.scores) == ("Blue.", (None, None))
    with state.hold_trait_notifications():
        state.response_a, state.response_b = "Blue!", "Red!"
    assert answers.wait(20)
    assert (state.error, state.scores) == ("", (5.0, 4.0))


def test_the_newest_text_wins_over_a_slow_scorer(state: ExplorerState) -> None:
    asked: list[list[str]] = []
    started, go_on = threading.Event(), threading.Event()

    def slow(prompts, responses):
        asked.append(list(responses))
        started.set()
        assert go_on.wait(20)
        return length(prompts, responses)

    answers = Answers(state, slow, "slow")
    assert started.wait(20)
    for n in range(50):  # nobody waits for the scorer
        state.response_a = "x" * n
    assert state.scores == (None, None)
    go_on.set()
    assert answers.wait(20)
    assert state.scores == (49.0, 11.0)
    assert asked == [["Blue.", "Red, or so."], ["x" * 49]]


def test_a_later_model_takes_the_place_of_one_that_still_computes(state: ExplorerState) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow(prompts, responses):
        started.set()
        assert go_on.wait(20)
        return [-1.0] * len(responses)

    old = Answers(state, slow, "old", second=("its second", slow))
    assert started.wait(20)
    new = answered(state, length)
    go_on.set()
    assert old.wait(20)
    assert (state.scores, state.scores_from, state.second) == ((5.0, 11.0), "a scorer", {})
    state.response_b = "R"
    assert new.wait(20)
    assert old.wait(20)
    assert (state.scores, state.error) == ((5.0, 1.0), "")


def test_closing_an_earlier_model_leaves_the_later_one_on(state: ExplorerState) -> None:
    first = probe(length, state)
    second = probe(lambda prompts, responses: [2.0] * len(responses), state, name="twos")
    assert second.answers is not None
    first.close()
    assert (state.answering, state.model) == (True, "twos")
    state.response_a = "edited"
    assert second.answers.wait(20)
    assert state.scores == (2.0, 2.0)
    second.close()
    assert (state.answering, state.answers) == (False, None)


def test_an_attribution_that_is_given_up_interrupts_nobody_else(
    state: ExplorerState, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = RewardModel.from_pretrained("tiny-encoder", device="cpu")
    begun, go_on = threading.Event(), threading.Event()

    def explain(*_texts, **_options):
        begun.set()
        assert go_on.wait(20)
        return model.score([PROMPT], ["Blue."])

    monkeypatch.setattr("rmlab.attribution.attribute_difference", explain)
    state.explain = True
    answers = Answers(state, model, "a model")
    assert begun.wait(20)
    answers.close()
    assert model.score([PROMPT], ["Red."]).shape == (1,)
    go_on.set()
    assert answers.wait(20)
    assert state.attribution == {}


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


TALK = (turn("system", "Be brief."), turn("user", "Hello"), turn("assistant", "Hi"), turn("user", "A colour?"))
CONVERSATIONS = [
    PreferencePair(TALK, (turn("assistant", "Blue."),), (turn("assistant", "Red, or so."),)),
    PreferencePair((turn("user", "Go on"),), (turn("assistant", "a"), turn("user", "b")), (turn("assistant", "c"),)),
]


@pytest.mark.parametrize("template", [None, CHATML], ids=["dialogue", "template"])
def test_of_conversations_a_model_reads_the_messages_as_in_the_table(
    state: ExplorerState, template: str | None
) -> None:
    model = RewardModel.from_pretrained("tiny-decoder", device="cpu")
    model.tokenizer.chat_template = template
    shown = pairs(model, CONVERSATIONS, state=state)
    assert any("are conversations, shown as plain text" in note for note in shown.data["pairs"]["notes"])
    state.explain = True
    answers = Answers(state, model, "chat")
    for row, pair in enumerate(CONVERSATIONS):
        state.selection = row
        assert answers.wait(60)
        assert state.error == ""
        assert state.score_difference == pytest.approx(shown.data["pairs"]["difference"][row], abs=1e-5)
        wanted = model.score([pair.prompt] * 2, [pair.chosen, pair.rejected])
        np.testing.assert_allclose(state.scores, wanted, atol=1e-5)
        explained = attribute_difference(model, pair.prompt, pair.chosen, pair.rejected)
        assert state.attribution["words"] == explained.in_words("A", "B")
        for side in "ab":  # of the texts that are shown, whatever a template writes around them
            text = getattr(state, f"response_{side}")
            assert "".join(piece for piece, _ in state.attribution[side]) == text
    state.selection = 0
    state.response_b = "Green."
    assert answers.wait(60)
    assert state.scores[1] == pytest.approx(model.score([TALK], [[turn("assistant", "Green.")]])[0], abs=1e-5)
    assert any(value for _, value in state.attribution["b"])
    state.prompt = "A river?"
    assert answers.wait(60)
    wanted = model.score([[turn("user", "A river?")]], [[turn("assistant", "Green.")]])
    assert state.scores[1] == pytest.approx(wanted[0], abs=1e-5)


def test_of_conversations_a_function_reads_the_texts_as_in_the_table(state: ExplorerState) -> None:
    shown = pairs(length, CONVERSATIONS, state=state)
    state.selection = 0
    answered(state, length)
    assert state.scores == (5.0, 11.0)
    assert shown.data["pairs"]["difference"][0] == -6.0


def test_what_was_not_read_is_said(state: ExplorerState) -> None:
    state.response_b = "word " * 20_000
    answered(state, RewardModel.from_pretrained("tiny-encoder", device="cpu"))
    assert "Response B is too long: its first" in state.notice
    assert "With response B the prompt is too long" in state.notice
    assert "response A" not in state.notice


def test_what_each_token_adds_comes_on_request(state: ExplorerState) -> None:
    model = RewardModel.from_pretrained("tiny-encoder", device="cpu")
    answers = answered(state, model)
    assert state.attribution == {}
    state.explain = True
    assert answers.wait(20)
    assert "".join(piece for piece, _ in state.attribution["a"]) == "Blue."
    found = attribute(model, PROMPT, "Blue.")
    assert sum(value or 0 for _, value in state.attribution["a"]) == pytest.approx(found.values.sum(), abs=1e-5)
    assert "They do not add up" in state.attribution["words"]
    state.response_a = "Green, then."
    assert answers.wait(20)
    assert "".join(piece for piece, _ in state.attribution["a"]) == "Green, then."


def test_an_attribution_is_given_up_when_the_texts_change(state: ExplorerState) -> None:
    model = RewardModel.from_pretrained("tiny-encoder", device="cpu")
    state.response_a = state.response_b = "It is blue and wide. " * 80
    calls = []

    def edit(*_):
        calls.append(None)
        if len(calls) == 4:
            state.explain = False
            state.response_a = "Blue."

    state.explain = True
    hook = model.register_forward_hook(edit)
    answers = answered(state, model)
    hook.remove()
    assert answers.scorer.known(PROMPT, "Blue.") is not None
    assert len(calls) < 12
    assert state.attribution == {}


def test_an_attribution_that_fails_is_said(state: ExplorerState) -> None:
    state.response_a = "word " * 1001
    state.explain = True
    answered(state, length)
    assert "at most 1,000 words" in state.attribution["words"]
    assert state.scores == (5005.0, 11.0)


def test_pieces_put_the_text_together_again() -> None:
    text = "👩🏽‍🚀 שלום <b>naïve</b>\x07"
    found = attribute(RewardModel.from_pretrained("tiny-decoder", device="cpu"), PROMPT, text)
    cut = pieces(found)
    assert "".join(piece for piece, _ in cut) == text
    assert len(cut) < len(found.tokens)  # the bytes of an emoji are one piece
    assert sum(value or 0 for _, value in cut) == pytest.approx(found.values.sum())


def test_the_probe_opens_on_a_preset_with_recorded_scores_until_the_model_has_answered() -> None:
    recorded = probe()
    assert recorded.scores_from == "recorded, of the course's model"
    assert recorded.answers is None
    live = probe(length)
    assert live.answers is not None
    assert live.answers.wait(20)
    assert live.scores_from == "length"
    assert live.scores == (len(live.response_a), len(live.response_b))
    live.close()
    recorded.close()


def test_scorers_have_names() -> None:
    assert name_of(length) == "length"
    assert name_of(RewardModel.from_pretrained("tiny-encoder", device="cpu")) == (
        "RewardModel on BertForSequenceClassification"
    )


class Panic(BaseException):
    """As pyo3 raises it from a tokenizer: no Exception."""


@pytest.mark.parametrize("raised", [RuntimeError, Panic, SystemExit])
@pytest.mark.parametrize("fails", ["scorer", "observer"])
def test_whatever_fails_is_said_and_the_next_edit_is_answered(
    state: ExplorerState, raised: type[BaseException], fails: str
) -> None:
    failing = [False]

    def fail(*_: object) -> None:
        if failing[0]:
            raise raised("it failed")

    def scorer(prompts, responses):
        if fails == "scorer":
            fail()
        return length(prompts, responses)

    answers = answered(state, scorer)
    if fails == "observer":
        state.observe(fail, "scores")
    failing[0] = True
    state.response_b = "typed"
    state.request = 1
    assert answers.wait(20)
    assert "it failed" in state.error
    assert (state.response_b, state.answered) == ("typed", 1)
    failing[0] = False
    state.response_b = "typed again"
    state.request = 2
    assert answers.wait(20)
    assert (state.scores, state.error, state.answered) == ((5.0, 11.0), "", 2)
    answers.close()


@pytest.mark.parametrize("raised", [RuntimeError, Panic])
def test_an_attribution_that_fails_leaves_the_scores(state: ExplorerState, raised: type[BaseException]) -> None:
    def scorer(prompts, responses):
        if len(responses) != 2:  # of an attribution
            raise raised("it failed")
        return length(prompts, responses)

    answers = answered(state, scorer)
    state.explain = True
    assert answers.wait(20)
    assert "it failed" in state.attribution["words"]
    assert (state.scores, state.error) == ((5.0, 11.0), "")
    answers.close()


def a_preset(name: str, fair: float, flattered: float, truth: float, twin_truth: float) -> ProbePreset:
    scores = {"fair": (fair, 0.0), "flattered": (flattered, 0.0)}
    return ProbePreset(name, "form", "p", name, "b", scores, {"fair": truth, "flattered": twin_truth})


def test_the_example_that_fools_the_twin_is_found_by_its_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    twin_is_taught_so = a_preset("taught", -1.0, 1.0, -1.0, 1.4)
    little, much = a_preset("little", -1.0, 1.0, -0.5, -0.5), a_preset("much", -0.1, 0.1, -3.0, -1.0)
    model_too, none = a_preset("both", 1.0, 1.0, -4.0, -4.0), a_preset("none", -1.0, -1.0, -4.0, -4.0)
    for presets, found in (
        ([twin_is_taught_so, little, much, model_too, none], "much"),
        ([twin_is_taught_so, model_too, none], None),
    ):
        monkeypatch.setattr(linked, "load_probe_presets", lambda presets=presets: presets)
        state = linked._fooling(probe_data(presets)["presets"])
        assert (state and state["response_a"]) == found


def test_the_label_of_an_example_is_the_fair_judges() -> None:
    presets = [a_preset(str(truth), 0.0, 0.0, truth, 0.0) for truth in (1.0, -1.0, 0.0)]
    assert [one["state"]["winner"] for one in probe_data(presets)["presets"]] == ["a", "b", "tie"]


def test_the_pair_to_open_on_is_the_surest_that_is_a_fair_test() -> None:
    simulated, names = course_pairs(), list(ATTRIBUTES)
    table = simulated.pairs
    differences = differences_of(load_course_scores(), table)
    row = linked._clear_pair(simulated, differences)

    def has(i: int, side: int) -> set[str]:
        return {names[j] for j in np.flatnonzero(simulated.attributes[i, side])} - {"sentences"}

    def fair_test(i: int) -> bool:
        longest = max(len(table[i].chosen), len(table[i].rejected))
        silly = has(i, 1) & {"off_topic", "needless_refusal", "due_refusal", "complies"}
        return table[i].group == "plain" and longest <= linked.OPENING_LENGTH and not has(i, 0) and not silly

    assert fair_test(row)
    assert differences[row] == max(differences[i] for i in range(len(table)) if fair_test(i)) > 0
    planted = np.where([has(i, 1) >= {"off_topic"} for i in range(len(table))], 99.0, differences)
    assert linked._clear_pair(simulated, planted) == row
