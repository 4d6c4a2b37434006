"""Predictions in Chromium: made by mouse and by keys, stored, compared; the probe's two needles, chips and trail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from accessibility import faults
from explorer import Opened, every_view, opening, some_pairs, until
from playwright.sync_api import Browser, Page, expect

from rmlab.datasets import load_probe_presets
from rmlab.explorer import ExplorerState, probe
from rmlab.explorer.presets import NUMBERS
from rmlab.explorer.probe_views import probe_state
from rmlab.explorer.serve import ExplorerServer
from rmlab.preference import preference_probability

FOUND = "document.querySelector('.rx-predictions').textContent"


@pytest.fixture(scope="module")
def shared(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture
def opened(shared: Page) -> Iterator[Opened]:
    with opening(shared) as opened:
        yield opened


def button(page: Page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def ghost(page: Page):
    return page.get_by_role("slider", name="Your prediction of P")


def drag(page: Page, what: Any, across: float, down: float) -> None:
    """Press the middle of something, and move the mouse by so many pixels before letting go."""
    box = what.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + across, y + down, steps=4)
    page.mouse.up()


def stored(page: Page) -> tuple[dict, list[dict]]:
    """The guess and the comparisons, as a link carries them."""
    button(page, "Link").click()
    state = ExplorerState.from_link(page.url)
    return state.guess, state.guesses


@pytest.mark.parametrize("how", ["mouse", "keys"])
def test_on_the_curve_a_point_is_moved_and_compared(opened: Opened, tmp_path: Path, how: str):
    opened.show(tmp_path, ExplorerState(scores=(1.0, 0.0), presets=NUMBERS))
    page = opened.page
    button(page, "Predict").click()
    expect(page.locator(".rx-sigmoid .rx-line")).to_be_hidden()  # it would be read off
    if how == "mouse":
        drag(page, ghost(page).locator(".rx-halo"), 0, -60)
    else:
        for key in ("Shift+ArrowUp", "Shift+ArrowUp", "ArrowUp", "ArrowDown", "PageUp", "ArrowRight"):
            ghost(page).press(key)
    said = float(ghost(page).get_attribute("aria-valuenow") or 0)
    assert 0.55 < said < 0.95
    assert said == (said if how == "mouse" else 0.81)
    button(page, "Reveal").click()
    guess, (one,) = stored(page)
    assert guess == {}
    assert (one["of"], one["said"]) == ("p", said)
    assert one["truth"] == pytest.approx(preference_probability(1.0))
    words = page.evaluate(FOUND)
    assert f"{said:.2f}" in words
    assert "0.73" in words
    expect(page.locator(".rx-sigmoid .rx-gap")).not_to_have_attribute("visibility", "hidden")
    page.get_by_role("slider", name="Score of A").press("ArrowRight")
    expect(page.locator(".rx-sigmoid .rx-gap")).to_have_attribute(
        "visibility", "hidden"
    )  # of other scores nothing was said
    button(page, "Reset").click()
    assert stored(page) == ({}, [])
    expect(page.locator(".rx-predictions")).to_be_hidden()


def test_a_point_that_nobody_moved_is_no_prediction_and_enter_makes_it_one(opened: Opened, tmp_path: Path):
    opened.show(tmp_path, ExplorerState(scores=(1.0, 0.0)))
    page = opened.page
    button(page, "Predict").click()
    button(page, "Reveal").click()
    assert stored(page) == ({}, [])
    button(page, "Predict").click()
    ghost(page).press("Enter")
    button(page, "Reveal").click()
    assert [one["said"] for one in stored(page)[1]] == [0.5]


def test_the_dot_on_the_sigmoid_is_dragged_and_has_keys(opened: Opened, tmp_path: Path):
    opened.show(tmp_path, ExplorerState(scores=(1.0, 0.0)))
    page = opened.page
    dot = page.get_by_role("slider", name="Score difference")
    dot.press("ArrowRight")
    assert float(dot.get_attribute("aria-valuenow") or 0) == pytest.approx(1.1)
    drag(page, dot.locator(".rx-halo"), 120, 30)
    a, b = (
        float(page.get_by_role("slider", name=f"Score of {side}").get_attribute("aria-valuenow") or 0) for side in "AB"
    )
    assert a - b > 2
    assert a + b == pytest.approx(1.0), "the middle between the scores stays"


def test_a_press_on_the_line_moves_the_nearer_handle(opened: Opened, tmp_path: Path):
    opened.show(tmp_path, ExplorerState(scores=(4.0, -4.0)))
    page = opened.page
    box = page.locator(".rx-numbers .rx-ground").bounding_box()
    assert box
    page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 0.3 * box["height"])
    expect(page.get_by_role("slider", name="Score of A")).to_have_attribute("aria-valuenow", "4")
    moved = float(page.get_by_role("slider", name="Score of B").get_attribute("aria-valuenow") or 0)
    assert -3.5 < moved < 0


@pytest.mark.parametrize("calm", [True, False])
def test_a_constant_slides_both_handles_unless_the_system_asks_for_calm(opened: Opened, tmp_path: Path, calm: bool):
    page = opened.page
    page.emulate_media(reduced_motion="reduce" if calm else "no-preference")
    opened.show(tmp_path, ExplorerState(scores=(1.0, 0.0)))
    between = page.evaluate(
        """async () => {
            const pin = document.querySelector(".rx-pin");
            const place = () => Number(pin.getAttribute("transform").match(/[\\d.]+/)[0]);
            const before = place(), seen = new Set();
            [...document.querySelectorAll("button")].find((one) => one.textContent === "Add c to both").click();
            const start = performance.now();
            while (performance.now() - start < 700) { await new Promise(requestAnimationFrame); seen.add(place()); }
            const after = place();
            return [...seen].filter((at) => at > before && at < after).length;
        }"""
    )
    assert between == 0 if calm else between > 3
    page.emulate_media(reduced_motion="no-preference")


def test_in_projector_size_all_of_the_curve_is_in_sight(opened: Opened, tmp_path: Path):
    state = ExplorerState(scores=(7.5, -7.0), size="projector", presets=NUMBERS, revealed=False)
    opened.show(tmp_path, state, title="What does a reward model reward?")
    page = opened.page
    for name in ("Reveal", "Predict"):
        button(page, name).click()
        assert page.evaluate("document.documentElement.scrollHeight") <= 900


@pytest.mark.parametrize("how", ["mouse", "keys"])
def test_in_the_pairs_a_row_is_picked_that_the_model_gets_wrong(opened: Opened, tmp_path: Path, how: str):
    differences, pairs = some_pairs(8)
    differences[2] = -1.25
    shown = every_view(differences, pairs, view="pairs")
    opened.show(tmp_path, shown.state, ("pairs",), shown.data)
    page = opened.page
    button(page, "Predict").click()
    if how == "mouse":
        page.locator(".rx-list").get_by_text("Prompt 2:").click()
    else:
        page.get_by_role("grid").focus()
        for key in ("Home", "ArrowDown", "ArrowDown"):
            page.keyboard.press(key)
    button(page, "Reveal").click()
    assert stored(page) == ({}, [{"of": "pair", "said": 2, "truth": -1.25, "right": True}])
    page.locator(".rx-list").get_by_text("Prompt 1:").click()
    assert len(stored(page)[1]) == 1, "a pick that predicts nothing is no prediction"


@pytest.mark.parametrize("how", ["mouse", "keys"])
def test_of_the_heads_a_number_of_numbers_is_predicted(opened: Opened, tmp_path: Path, how: str):
    shown = every_view(*some_pairs(8), view="head")
    opened.show(tmp_path, shown.state, ("head",), shown.data)
    page = opened.page
    button(page, "Predict").click()
    first = page.get_by_role("radio", name="one number", exact=True)
    if how == "mouse":
        first.check()
    else:
        first.focus()
        for key in ("Space", "ArrowRight", "ArrowRight"):
            page.keyboard.press(key)
    button(page, "Reveal").click()
    said = "one" if how == "mouse" else "vocabulary"
    assert stored(page)[1] == [{"of": "head", "said": said, "truth": "vocabulary", "right": how == "keys"}]


SLIDERS = {
    "path": ("p", "Your P(A is preferred)"),
    "film": ("accuracy", "Your prediction of the accuracy at the last step"),
    "compare": ("agreement", "Your prediction of the share of pairs on which they prefer the same response"),
}


@pytest.mark.parametrize("how", ["mouse", "keys"])
@pytest.mark.parametrize("view", SLIDERS)
def test_a_slider_takes_the_prediction_in(opened: Opened, tmp_path: Path, view: str, how: str):
    differences, pairs = some_pairs(40)
    shown = every_view(differences, pairs, view=view, scores=(1.0, 0.0))
    opened.show(tmp_path, shown.state, (view,), shown.data)
    page = opened.page
    of, label = SLIDERS[view]
    slider = page.get_by_label(label)
    expect(slider).to_be_hidden()
    button(page, "Predict").click()
    if how == "mouse":
        box = slider.bounding_box()
        assert box
        page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    else:
        for _ in range(40):
            slider.press("ArrowRight")
    said = float(slider.input_value())
    assert 0.8 < said <= 0.95
    button(page, "Reveal").click()
    expect(slider).to_be_hidden()
    final = shown.data["film"]["evaluations"][-1]["accuracy"]
    truth = {"p": preference_probability(1.0), "accuracy": final, "agreement": 0.0}[of]  # the other is the opposite
    assert stored(page) == ({}, [{"of": of, "said": said, "truth": pytest.approx(truth, abs=0.03)}])
    words = page.evaluate(FOUND)
    assert f"{said:.2f}" in words
    expect(page.locator(".rx-small-curve").first.locator(".rx-ghost .rx-point")).to_have_count(int(view == "path"))


# The probe


def first_wins(prompts: list[str], responses: list[str]) -> list[float]:
    """Prefers short responses, the empty one most."""
    return [-len(text) / 100 for text in responses]


def likes_praise(prompts: list[str], responses: list[str]) -> list[float]:
    return [len(text) / 100 for text in responses]


@contextmanager
def probed(browser: Browser, width: int = 1400, **traits: Any) -> Iterator[tuple[Page, ExplorerState]]:
    """A probe with two scorers, served."""
    state = probe_state()
    for name, value in traits.items():
        setattr(state, name, value)
    shown = probe(first_wins, state, name="the model", second=likes_praise, second_name="its twin")
    page = browser.new_page(viewport={"width": width, "height": 900})
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    with ExplorerServer() as server:
        server.show(shown.state, ("curve", "probe"), shown.data, title="probe")
        page.goto(server.address)
        yield page, state
        page.close()
    assert not thrown
    assert shown.answers
    shown.answers.wait(20)
    shown.close()


@pytest.mark.parametrize("how", ["mouse", "keys"])
def test_in_the_probe_a_slider_takes_the_prediction(browser: Browser, how: str):
    with probed(browser, scores=(1.0, 0.0)) as (page, state):
        button(page, "Predict").click()
        slider = page.get_by_label("Your P(A is preferred)")
        if how == "mouse":
            box = slider.bounding_box()
            assert box
            page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
        else:
            for _ in range(30):
                slider.press("ArrowRight")
        said = float(slider.input_value())
        assert 0.75 < said < 0.85
        button(page, "Reveal").click()
        expect(page.locator(".rx-predictions")).to_contain_text(f"{said:.2f}")
        expect(page.locator(".rx-needle-said")).to_be_visible()
        expect(page.locator(".rx-edits .rx-here")).to_contain_text(f"{said:.2f}")
        until(lambda: state.guesses)
        (one,) = state.guesses
        assert (one["said"], one["edit"]) == (said, state.here)
        assert one["truth"] == pytest.approx(state.probability)


def test_both_needles_answer_an_edit_and_leave_a_trail(browser: Browser):
    with probed(browser) as (page, state):
        flattery = button(page, "+ flattery, in A")
        for n in (1, 2, 3):
            flattery.click()
            expect(page.locator(".rx-trail-point.rx-trail-one")).to_have_count(n + 1)
            expect(page.locator(".rx-trail-point.rx-trail-other")).to_have_count(n + 1)
        lengths = np.array([len(state.response_a), len(state.response_b)]) / 100
        assert state.second["scores"] == lengths.tolist()
        expect(page.locator(".rx-needle-words").first).to_contain_text("prefer")
        a, b = (page.locator(f".rx-needle-{which}").first.get_attribute("d") for which in ("one", "other"))
        assert a != b
        until(lambda: state.history[-1].get("second") == state.second["scores"])
        assert state.history[-1]["what"].startswith("+ flattery")
        button(page, "Undo").click()
        expect(page.locator(".rx-trail-point.rx-trail-one")).to_have_count(4)  # what Redo leads to stays in sight


def test_two_models_are_told_apart_in_words(browser: Browser):
    """Who gave which score, whom each needle prefers, who is fooled, and what an edit did to each."""
    preset = next(p for p in load_probe_presets() if len(p.response_a) < len(p.response_b) and p.truth["fair"] < 0)
    with probed(browser) as (page, _):
        page.get_by_label("Example").select_option(label=preset.name)
        fooled, moved = page.locator(".rx-fooled"), page.locator(".rx-moved")
        expect(fooled).to_contain_text("The model prefers A: it is fooled. Its twin is not.")  # it prefers the shorter
        for words, side in zip(page.locator(".rx-needle-words").all_inner_texts(), "AB", strict=True):
            assert f"prefers {side}" in words
        worth = len(preset.response_a) / 100
        expect(page.locator(".rx-editor.rx-a .rx-editor-head")).to_contain_text(
            f"score −{worth:.2f} by the model, +{worth:.2f} by its twin"
        )
        button(page, "+ flattery, in A").click()
        longer = f"{(len(page.get_by_label('Response A').input_value()) - len(preset.response_a)) / 100:.2f} nats"
        expect(moved).to_contain_text(f"the model lowers A by {longer}; its twin raises A by {longer}")
        expect(fooled).to_be_hidden()  # what a judge says of edited texts is not known
        button(page, "Predict").click()
        expect(moved).to_be_hidden()


def test_the_whole_readout_is_in_sight_after_an_edit(browser: Browser):
    with probed(browser) as (page, _):
        button(page, "+ flattery, in A").click()
        expect(page.locator(".rx-moved")).to_be_visible()
        for part in (".rx-trail-picture", ".rx-probe-readout"):
            box = page.locator(part).bounding_box()
            assert box
            assert box["y"] + box["height"] <= 900


def test_an_empty_answer_that_wins_is_remarked_on(browser: Browser):
    with probed(browser) as (page, _):
        expect(page.locator(".rx-odd")).to_be_hidden()
        button(page, "delete everything, in B").click()
        expect(page.get_by_label("Response B")).to_have_value("")
        expect(page.locator(".rx-odd")).to_contain_text("empty")
        expect(page.locator(".rx-odd")).to_contain_text("the model")
        expect(page.locator(".rx-odd")).not_to_contain_text("its twin")
        button(page, "Predict").click()
        expect(page.locator(".rx-odd")).to_be_hidden()


def test_a_score_set_by_hand_is_never_a_texts_own(browser: Browser, opened: Opened, tmp_path: Path):
    with probed(browser) as (page, state):
        page.get_by_role("tab", name="Preference curve").click()
        page.get_by_role("slider", name="Score of A").press("Home")
        expect(page.locator(".rx-curve-main .rx-quiet")).to_contain_text("by hand")
        page.get_by_role("tab", name="Probe").click()
        expect(page.locator(".rx-score").nth(1)).to_have_text(f"score −{len(state.response_a) / 100:.2f}")
        until(lambda: state.scores_from == "the model")
    opened.show(tmp_path, ExplorerState(scores=(5.0, 0.0), response_a="yes", response_b="no"), ("probe",))
    assert "5.00" not in opened.page.locator(".rx-panel").inner_text()  # nothing answers here
    opened.show(tmp_path, ExplorerState(**NUMBERS[1]["state"], response_a="yes"), ("probe",))
    assert "1.00" not in opened.page.locator(".rx-panel").inner_text()


def test_token_cards_keep_their_room_while_they_are_computed(browser: Browser):
    with probed(browser) as (page, _):
        page.get_by_label("What each token adds").check()
        expect(page.locator(".rx-tokens").first.locator(".rx-awaited")).to_have_count(0)
        heights = page.evaluate(
            """async () => {
                const seen = [];
                [...document.querySelectorAll("button")].find((one) => one.ariaLabel === "+ filler, in A").click();
                const start = performance.now();
                while (performance.now() - start < 600) {
                    await new Promise(requestAnimationFrame);
                    seen.push(document.querySelector(".rx-tokens").getBoundingClientRect().height);
                }
                return [Math.min(...seen), Math.max(...seen)];
            }"""
        )
        assert heights[0] > 20, "the card is never empty"


def faults_of_both_schemes(page: Page) -> list[Any]:
    page.emulate_media(color_scheme="light")
    found = faults(page)
    page.emulate_media(color_scheme="dark")
    return found + faults(page)


@pytest.mark.parametrize("view", ["curve", "probe"])
def test_axe_finds_nothing_serious(browser: Browser, view: str):
    with probed(browser) as (page, _):
        page.emulate_media(reduced_motion="reduce")  # what is still on its way has other colours
        page.get_by_role("tab", name={"curve": "Preference curve", "probe": "Probe"}[view]).click()
        button(page, "Predict").click()
        if view == "probe":
            button(page, "delete everything, in B").click()
            page.get_by_label("Your P(A is preferred)").press("ArrowRight")
        else:
            ghost(page).press("ArrowUp")
        assert faults_of_both_schemes(page) == []
        button(page, "Reveal").click()
        assert faults_of_both_schemes(page) == []


@pytest.mark.parametrize("width", [1400, 400])
def test_nothing_is_wider_than_the_window(browser: Browser, width: int):
    with probed(browser, width=width) as (page, _):
        button(page, "+ filler, in A").click()
        button(page, "Predict").click()
        page.get_by_label("Your P(A is preferred)").press("ArrowRight")
        button(page, "Reveal").click()
        for tab in ("Probe", "Preference curve"):
            page.get_by_role("tab", name=tab).click()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
