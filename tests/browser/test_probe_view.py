"""The probe and the path in Chromium, over the served page: typing, history, failures and texts of all kinds."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from build_web import bundle
from explorer import PAYLOADS, until
from playwright.sync_api import Browser, Page, expect

from rmlab.datasets import load_probe_presets
from rmlab.explorer.answers import Answers
from rmlab.explorer.page import render_page
from rmlab.explorer.probe_views import probe_data, probe_state
from rmlab.explorer.serve import ExplorerServer
from rmlab.explorer.state import ExplorerState
from rmlab.model import RewardModel

ODD = "<img src=x onerror=alert(1)> שלום 👩🏽‍🚀 \u202e ${1} {{x}} &lt; end"


def length(prompts: list[str], responses: list[str]) -> list[int]:
    return [len(text) for text in responses]


@contextmanager
def served(browser: Browser, scorer: Any, view: str = "probe", **traits: Any) -> Iterator[tuple[Page, ExplorerState]]:
    state = probe_state()
    for name, value in traits.items():
        setattr(state, name, value)
    server = ExplorerServer()
    server.show(state, ("path", "probe"), {"probe": probe_data()}, title="probe")
    state.view = view
    answers = Answers(state, scorer, "a scorer")
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    page.on("dialog", lambda dialog: thrown.append(dialog.message))
    try:
        with server:
            page.goto(server.address)
            yield page, state
            assert thrown == []
            page.close()
    finally:
        answers.close()
        answers.wait(20)


def button(page: Page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def test_scores_follow_the_typing_and_edits_are_kept(browser: Browser) -> None:
    with served(browser, length) as (page, state):
        box = page.get_by_label("Response A")
        box.fill("four")
        expect(page.get_by_text("score +4.00")).to_be_visible()
        button(page, "Pin this edit").click()
        box.press_sequentially(" more")
        expect(page.get_by_text("score +9.00")).to_be_visible()
        button(page, "Pin this edit").click()
        expect(page.get_by_role("cell", name="+5.00").first).to_be_visible()  # the pinned two, and what changed
        button(page, "Undo").click()
        expect(box).to_have_value("four")
        button(page, "Redo").click()
        expect(box).to_have_value("four more")
        button(page, "Swap A and B").click()
        expect(page.get_by_label("Response B")).to_have_value("four more")
        button(page, "Undo").click()
        button(page, "Undo").click()
        box.fill("another way")
        expect(page.get_by_text("score +11.00")).to_be_visible()
        button(page, "Pin this edit").click()
        expect(page.get_by_role("cell", name="+11.00").first).to_be_visible()
        until(lambda: len(state.history) == 5)
        assert state.history[-1]["parent"] == 2  # a branch beside the one that was undone
        assert [entry["id"] for entry in state.history] == list(range(1, len(state.history) + 1))


def test_the_readout_is_hidden_while_a_class_predicts_and_reset_goes_back(browser: Browser) -> None:
    with served(browser, length) as (page, _):
        page.get_by_label("Response A").fill("four")
        expect(page.get_by_text("score +4.00")).to_be_visible()
        button(page, "Predict").click()
        expect(page.get_by_text("score ?")).to_have_count(2)
        assert "+4" not in page.locator(".rx-panel").inner_text()
        button(page, "Reveal").click()
        button(page, "Reset").click()
        first = load_probe_presets()[0].response_a
        expect(page.get_by_label("Response A")).to_have_value(first)
        expect(page.get_by_text(f"score +{len(first)}.00")).to_be_visible()


@pytest.mark.parametrize("text", [ODD, "a\r\nb\tc\x07d", "x" * 100_000], ids=["markup", "control", "long"])
def test_any_text_is_text_and_comes_to_the_scorer_as_it_is(browser: Browser, text: str) -> None:
    seen: list[str] = []

    def scorer(prompts, responses):
        seen.extend(responses)
        return length(prompts, responses)

    with served(browser, scorer, prompt=ODD, response_b=text) as (page, _):
        box = page.get_by_label("Response A")
        box.fill(text)
        box.press("Control+End")
        box.press_sequentially("!")
        expect(page.get_by_text(f"score +{len(text.replace(chr(13), '')) + 1}.00")).to_be_visible()
        button(page, "Pin this edit").click()
        assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert seen[-1] == text.replace("\r\n", "\n") + "!"  # a text box knows one end of line


def test_a_scorer_that_fails_is_said_the_text_stays_and_the_next_edit_goes_on(browser: Browser) -> None:
    fails = {
        "raises": ("RuntimeError: no <b>ink</b>", None),
        "no number": ("ValueError: expected finite scores, got nan", [float("nan")]),
        "infinite": ("ValueError: expected finite scores, got inf", [float("inf")]),
        "too many": ("ValueError: expected one score for each response, shape (1,), got (1, 2)", [[1.0, 2.0]]),
        "words": ("ValueError: expected 1 numbers as scores, got ['high']", ["high"]),
    }

    def scorer(prompts, responses):
        for text in responses:
            if text == "raises":
                raise RuntimeError("no <b>ink</b>")
            if text in fails:
                return fails[text][1]
        return length(prompts, responses)

    with served(browser, scorer, explain=True) as (page, _):
        box = page.get_by_label("Response A")
        expect(page.get_by_text("score +").last).to_be_visible()
        for text, (said, _) in fails.items():
            box.fill(text)
            expect(page.get_by_role("alert")).to_have_text(f"a scorer gave no score: {said}")
            expect(box).to_have_value(text)
            expect(page.get_by_text("no score", exact=True)).to_be_visible()
            expect(page.get_by_text("working out what each token adds")).to_be_hidden()
            box.fill("good")
            expect(page.get_by_text("score +4.00")).to_be_visible()
            expect(page.get_by_role("alert")).to_be_hidden()


def test_a_whole_session_of_edits_is_kept_as_a_tree(browser: Browser) -> None:
    """Typing, an example, undo, a branch, swap, pins, reset, a page opened again: each entry gives its texts again."""
    with served(browser, length) as (page, state):
        a, b, prompt = (page.get_by_label(name).first for name in ("Response A", "Response B", "Prompt"))
        seen: dict[int, tuple[str, ...]] = {}

        def settled(response: str) -> None:
            expect(a).to_have_value(response)
            expect(page.get_by_text(f"score +{len(response)}.00").first).to_be_visible()
            button(page, "Pin this edit").click()  # ends the edit
            entry = page.locator(".rx-edits .rx-here .rx-edit-name").inner_text()
            texts = tuple(box.input_value() for box in (prompt, a, b))
            assert seen.setdefault(int(re.match(r"\d+", entry)[0]), texts) == texts  # type: ignore[index]

        settled(start := a.input_value())
        a.fill("one")
        settled("one")
        a.press_sequentially(" two")
        settled("one two")
        prompt.fill("Count.")
        b.fill("שלום 🎈")
        settled("one two")
        page.get_by_label("Example").select_option(index=3)
        settled(a.input_value())
        button(page, "Undo").click()
        settled("one two")
        button(page, "Undo").click()
        settled("one two")
        button(page, "Undo").click()
        settled("one two")
        button(page, "Undo").click()
        settled("one")
        a.fill("one, or else")  # a branch
        settled("one, or else")
        button(page, "Swap A and B").click()
        expect(b).to_have_value("one, or else")
        settled(a.input_value())
        page.get_by_role("button", name="Show edit 3", exact=True).click()
        settled("one two")
        button(page, "Reset").click()
        settled(start)
        page.reload()
        settled(start)
        page.get_by_role("button", name="Show edit 2", exact=True).click()
        settled("one")
        until(lambda: len(seen) == len(state.history))
        parents = {entry["id"]: entry["parent"] for entry in state.history}
        assert parents[2] == 1
        assert [entry for entry, parent in parents.items() if parent == 2] == [3, 7]  # typed on; the branch
        for entry, texts in seen.items():
            assert rebuilt(state.history, entry) == texts
        assert all(entry["scores"] is None or len(entry["scores"]) == 2 for entry in state.history)


def rebuilt(history: list[dict[str, Any]], entry: int | None) -> tuple[str, ...]:
    """The three texts of an entry of the history, from its changes and those of all above it."""
    by_id = {each["id"]: each for each in history}
    way = []
    while entry is not None:
        way.append(by_id[entry])
        entry = by_id[entry]["parent"]
    texts = dict.fromkeys(("prompt", "response_a", "response_b"), "")
    for each in reversed(way):
        for change in each["changes"]:
            name, at = change["text"], change["at"]
            whole = texts[name].encode("utf-16-le")  # as the browser counts
            begin, end = 2 * at, 2 * at + len(change["removed"].encode("utf-16-le"))
            assert whole[begin:end].decode("utf-16-le") == change["removed"]
            texts[name] = (whole[:begin] + change["added"].encode("utf-16-le") + whole[end:]).decode("utf-16-le")
    return tuple(texts.values())


def test_a_slow_scorer_is_said_and_holds_no_typing_up(browser: Browser) -> None:
    go_on = threading.Event()

    def slow(prompts, responses):
        if "slow" in responses[0]:
            go_on.wait(20)
        return length(prompts, responses)

    with served(browser, slow) as (page, _):
        box = page.get_by_label("Response A")
        box.fill("slow")
        expect(page.get_by_text("a scorer is scoring; these are the previous scores.")).to_be_visible()
        start = time.monotonic()
        box.press_sequentially(" but typed on")
        assert time.monotonic() - start < 5
        expect(box).to_have_value("slow but typed on")
        go_on.set()
        expect(page.get_by_text("score +17.00")).to_be_visible()


def test_no_control_moves_when_an_example_is_edited(browser: Browser) -> None:
    """Its recorded scores go with the first edit; a button that moved then would miss the click that ends the edit."""
    with served(browser, length) as (page, _):
        recorded = page.get_by_text("Recorded for this example")
        expect(recorded).to_be_visible()
        controls = page.locator(".rx-controls")
        before = (controls.bounding_box() or {})["y"]
        page.get_by_label("Response A").fill("Blue, and wide.")
        expect(recorded).to_be_hidden()
        expect(page.get_by_text("score +15.00")).to_be_visible()
        assert abs((controls.bounding_box() or {})["y"] - before) < 2


def test_what_each_token_adds_is_printed_with_its_sign(browser: Browser) -> None:
    with served(browser, RewardModel.from_pretrained("tiny-encoder", device="cpu")) as (page, state):
        page.get_by_label("Response A").fill("Blue, and wide.")
        page.get_by_label("What each token adds").check()
        tokens = page.locator(".rx-tokens").first.locator(".rx-token")
        expect(tokens.first).to_be_visible()
        expect(page.get_by_text("They do not add up")).to_be_visible()
        adds = tokens.locator(".rx-adds")

        def are_the_states_own() -> bool:
            values = [value for _, value in state.attribution["a"] if value is not None]
            shown = [float(text.replace("−", "-")) for text in adds.all_inner_texts()]
            return shown == [round(value, 2) + 0.0 for value in values]

        until(are_the_states_own)
        assert all(text[0] in "+−" or text == "0.00" for text in adds.all_inner_texts())


def test_the_single_file_shows_recorded_presets_and_asks_for_a_kernel(browser: Browser, tmp_path) -> None:
    path = tmp_path / "probe.html"
    state = probe_state()
    state.explain, state.attribution = (
        True,
        {"a": [[state.response_a, 1.0]], "b": [[state.response_b, 0.5]], "words": "As was found."},
    )
    path.write_text(render_page(state, ("probe",), {"probe": probe_data()}, title="probe"), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    expect(page.get_by_text("As was found.")).to_be_visible()
    preset = load_probe_presets()[2]
    page.get_by_label("Example").select_option(label=preset.name)
    expect(page.get_by_text("As was found.")).to_be_hidden()  # it is of other texts
    expect(page.get_by_label("Response A")).to_have_value(preset.response_a)
    assert page.get_by_label("Response A").get_attribute("readonly") is not None
    expect(page.get_by_text("What you type is not scored here")).to_be_visible()
    for a, b in preset.scores.values():
        expect(page.get_by_role("cell", name=f"{a - b:+.2f}".replace("-", "−")).first).to_be_visible()
    page.close()


def test_an_undo_in_a_written_page_brings_back_the_scores_of_the_texts(browser: Browser, tmp_path) -> None:
    path = tmp_path / "probe.html"
    path.write_text(render_page(probe_state(), ("probe",), {"probe": probe_data()}, title="probe"), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    first, other = load_probe_presets()[:2]
    signs = [f"score {scores[0]:+.2f}".replace("-", "−") for scores in (first.scores["fair"], other.scores["fair"])]
    score = page.locator(".rx-editor.rx-a .rx-score")
    assert signs[0] != signs[1]
    expect(score).to_have_text(signs[0])
    page.get_by_label("Example").select_option(label=other.name)
    expect(score).to_have_text(signs[1])
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Response A")).to_have_value(first.response_a)
    expect(score).to_have_text(signs[0])
    page.get_by_role("button", name="Redo").click()
    expect(score).to_have_text(signs[1])
    page.close()


def test_the_boxes_of_the_path_open_on_the_numbers_of_the_pair(browser: Browser) -> None:
    with served(browser, lambda p, r: [2.0 if "first" in text else 0.5 for text in r], "path") as (page, state):
        state.response_a = "first"
        box = page.get_by_role("button", name="difference")
        box.click()
        expect(page.get_by_text("= +2.000 − (+0.500) = +1.500 nats")).to_be_visible()
        page.get_by_role("button", name="P(A is preferred)").click()
        expect(page.get_by_text("= 0.818.")).to_be_visible()
        page.locator(".rx-box-loss").click()
        expect(page.get_by_text("−log 0.818 = 0.201 nats")).to_be_visible()
        page.get_by_label("B is better").check()
        expect(page.get_by_text("−log 0.182 = 1.701 nats")).to_be_visible()
        button(page, "Predict").click()
        assert "1.701" not in page.locator(".rx-panel").inner_text()


def labels(page: Page) -> list[bool]:
    """Which of A, B and a tie is checked on the path."""
    page.get_by_role("tab", name="The path").click()
    return [radio.is_checked() for radio in page.get_by_role("radio").all()]


def test_texts_that_the_reader_edits_have_no_label_until_the_reader_gives_one(browser: Browser) -> None:
    with served(browser, length) as (page, state):
        known = {"a": [True, False, False], "b": [False, True, False], "tie": [False, False, True]}[state.winner]
        assert labels(page) == known
        page.get_by_role("tab", name="Probe").click()
        page.get_by_label("Response A").fill("four")
        expect(page.get_by_text("score +4.00")).to_be_visible()
        assert labels(page) == [False, False, False]
        figure = page.locator(".rx-box-loss .rx-box-figure")
        expect(figure).not_to_contain_text("nats")
        expect(page.locator(".rx-flow .rx-push").first).to_be_hidden()
        expect(page.get_by_role("slider", name="Difference, on the loss")).to_be_hidden()
        until(lambda: state.settings["path"]["unlabelled"])
        page.reload()
        assert labels(page) == [False, False, False]
        page.get_by_label("B is better").check()
        expect(figure).to_contain_text("nats")
        until(lambda: (state.winner, state.settings["path"]["unlabelled"]) == ("b", ""))
        page.reload()
        assert labels(page) == [False, True, False]
        page.get_by_role("tab", name="Probe").click()
        button(page, "Swap A and B").click()
        assert labels(page) == [True, False, False]  # what was said goes with its text
        page.get_by_role("tab", name="Probe").click()
        button(page, "Undo").click()
        assert labels(page) == [False, False, False]
        page.get_by_role("tab", name="Probe").click()
        button(page, "Undo").click()
        assert labels(page) == known
        for preset in load_probe_presets()[1:4]:
            page.get_by_role("tab", name="Probe").click()
            page.get_by_label("Example").select_option(label=preset.name)
            truth = preset.truth["fair"]
            assert labels(page) == [truth > 0, truth < 0, truth == 0]


def test_an_edited_example_keeps_its_name(browser: Browser) -> None:
    with served(browser, length) as (page, _):
        menu, preset = page.get_by_label("Example"), load_probe_presets()[3]
        chosen = menu.locator("option:checked")
        menu.select_option(label=preset.name)
        expect(chosen).to_have_text(preset.name)
        button(page, "+ filler, in A").click()
        expect(chosen).to_have_text(f"{preset.name} (edited)")
        page.get_by_label("Response B").press_sequentially("!")
        expect(chosen).to_have_text(f"{preset.name} (edited)")
        page.reload()
        expect(chosen).to_have_text(f"{preset.name} (edited)")
        menu.select_option(label=preset.name)
        expect(page.get_by_label("Response A")).to_have_value(preset.response_a)


@pytest.mark.parametrize(("width", "size"), [(1400, "normal"), (800, "normal"), (400, "normal"), (800, "projector")])
@pytest.mark.parametrize("view", ["probe", "path"])
def test_nothing_is_wider_than_the_window(browser: Browser, view: str, width: int, size: str) -> None:
    with served(browser, length, view, size=size, response_b="W" * 300) as (page, _):
        page.set_viewport_size({"width": width, "height": 900})
        expect(page.get_by_text(f"{'score ' if view == 'probe' else ''}+300.00").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_no_payload_runs_in_any_field(browser: Browser) -> None:
    def scorer(prompts, responses):
        if "".join(PAYLOADS)[:9] in responses[0]:
            raise RuntimeError(PAYLOADS[8])
        return length(prompts, responses)

    hostile = " ".join(PAYLOADS)
    traits = {
        "prompt": hostile,
        "response_a": hostile,
        "response_b": hostile,
        "notice": hostile,
        "scores_from": hostile,
    }
    for view in ("probe", "path"):
        with served(browser, scorer, view, **traits, attribution={"a": [[hostile, 0.1]], "words": hostile}) as (
            page,
            _,
        ):
            expect(page.get_by_role("alert")).to_contain_text(PAYLOADS[8])
            if view == "probe":
                page.get_by_label("Response A").press("End")
                page.get_by_label("Response A").press_sequentially(PAYLOADS[0], delay=0)
                button(page, "Pin this edit").click()
            else:
                for box in page.locator(".rx-box").all():
                    box.click()
            assert page.evaluate("window.ran") is None
            assert page.locator("#rmlab-explorer img, #rmlab-explorer iframe, #rmlab-explorer script").count() == 0


@pytest.fixture
def history(browser: Browser) -> Iterator[Callable[[str, Any], Any]]:
    page = browser.new_page()
    page.evaluate(bundle('import * as history from "./core/history.js"; window.h = history;', "iife"))

    def run(expression: str, argument: Any) -> Any:
        return page.evaluate(f"(given) => {expression}", argument)

    yield run
    page.close()


def test_a_change_makes_one_text_of_the_other(history: Callable[[str, Any], Any]) -> None:
    draw = random.Random(0)
    letters = ["a", "b", " ", "\n", "👩", "🏽", "ש", "é"]
    texts = ["".join(draw.choices(letters, k=draw.randrange(12))) for _ in range(400)]
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    made = history(
        "given.map(([a, b]) => { const c = h.change(a, b); return c && { ...c, b: h.applied(a, c) }; })", pairs
    )
    for (before, after), change in zip(pairs, made, strict=True):
        assert (change is None) == (before == after)
        if change:
            assert change["b"] == after
            assert "\ufffd" not in change["removed"] + change["added"]  # no half of an emoji
    words = history("h.change('one two three', 'one too three')", None)
    assert (words["removed"], words["added"]) == ("two", "too")


@pytest.mark.parametrize(
    ("before", "after", "removed", "added"),
    [
        ("On every floor.", "On every floor. Do tell.", "", " Do tell."),
        ("On every floor. Do tell.", "On every floor.", " Do tell.", ""),
        ("On every floor.", "Well. On every floor.", "", "Well. "),
        ("On every floor.", "On each and every floor.", "every", "each and every"),
        ("On every floor.", "On every floors.", "floor.", "floors."),
    ],
)
def test_a_sentence_more_is_an_addition_and_a_word_is_changed_whole(
    history: Callable[[str, Any], Any], before: str, after: str, removed: str, added: str
) -> None:
    found = history("h.change(...given)", [before, after])
    assert (found["removed"], found["added"]) == (removed, added)


def test_an_entry_gives_its_texts_again_after_branches(history: Callable[[str, Any], Any]) -> None:
    texts = [["p", "a", "b"], ["p", "a two", "b"], ["q", "a", ""], ["p", "a two", "c 🎈"]]
    made = history(
        """(() => {
          let at = { history: [], here: null };
          const parents = [null, 1, 1, 2];
          given.forEach(([prompt, response_a, response_b], i) => {
            at = h.recorded(at.history, parents[i], { prompt, response_a, response_b });
          });
          const nothing = h.recorded(at.history, at.here, h.textsOf(at.history, at.here));
          return [at.history.map((each) => Object.values(h.textsOf(at.history, each.id))), nothing];
        })()""",
        texts,
    )
    assert made == [texts, None]
