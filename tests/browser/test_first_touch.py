"""What guides eye and hand: the path that moves, what to look for, words that open; and faults that were seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from build_web import bundle
from explorer import Opened, a_film, every_view, opening, some_pairs
from playwright.sync_api import Browser, Locator, Page, expect

from rmlab.data import PreferencePair
from rmlab.explorer import Explorer, ExplorerState
from rmlab.explorer import pairs as pairs_view
from rmlab.preference import preference_loss, preference_probability


@pytest.fixture(scope="module")
def shared(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture
def opened(shared: Page) -> Iterator[Opened]:
    shared.set_viewport_size({"width": 1400, "height": 900})
    with opening(shared) as opened:
        yield opened


def show(opened: Opened, folder: Path, shown: Explorer, view: str) -> Page:
    shown.state.view = view
    opened.show(folder, shown.state, shown.views, shown.data)
    return opened.page


def figure(page: Page, box: str) -> str:
    return page.locator(f".rx-box-{box} .rx-box-figure").inner_text()


def drag(page: Page, node: Locator, right: float) -> None:
    box = node.locator("circle").last.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y, steps=4)
    page.mouse.up()


TEXTS: dict[str, Any] = {"prompt": "Name a river.", "response_a": "The Elbe.", "response_b": "Rome."}

# The path


@pytest.mark.parametrize("curve", ["sigmoid", "loss"])
def test_the_dots_of_the_path_are_dragged_and_moved_with_keys(opened: Opened, tmp_path: Path, curve: str):
    shown = every_view(*some_pairs(3), **TEXTS, scores=(1.0, 0.5), scores_from="of a model")
    page = show(opened, tmp_path, shown, "path")
    dot = page.get_by_role("slider", name=f"Difference, on the {curve}")
    drag(page, dot, 60)
    d = float(dot.get_attribute("aria-valuenow"))
    assert d > 1
    assert figure(page, "p") == f"{preference_probability(d):.3f}"
    assert figure(page, "loss") == f"{preference_loss(d):.3f} nats"
    assert figure(page, "score_b") == "+0.50"
    dot.press("Shift+ArrowLeft")
    assert float(dot.get_attribute("aria-valuenow")) == pytest.approx(d - 1)


def test_scores_that_were_set_by_hand_are_not_the_texts_own(opened: Opened, tmp_path: Path):
    shown = every_view(*some_pairs(3), **TEXTS, scores=(1.0, 0.5), scores_from="of a model")
    page = show(opened, tmp_path, shown, "path")
    by_hand = page.get_by_text("no model gave these scores")
    expect(by_hand).to_be_hidden()
    page.get_by_role("slider", name="Score of A").press("ArrowRight")
    expect(by_hand).to_be_visible()
    assert figure(page, "score_a") == "+1.10"
    page.get_by_role("button", name="Back to the model's scores").click()
    expect(by_hand).to_be_hidden()
    expect(page.locator(".rx-box-score_a .rx-box-figure")).to_have_text("+1.00")


PLACES = """async (calm) => {
  document.querySelector("[role=tab]").focus();
  const pin = document.querySelector(".rx-flow .rx-pin.rx-a");
  const found = [pin.getAttribute("transform")];
  [...document.querySelectorAll(".rx-button")].find((one) => one.textContent === "Reset").click();
  for (let i = 0; i < 40; i += 1) {
    found.push(pin.getAttribute("transform"));
    await new Promise(requestAnimationFrame);
  }
  return found;
}"""


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_numbers_of_the_path_move_unless_the_system_asks_for_calm(opened: Opened, tmp_path: Path, motion: Any):
    opened.page.emulate_media(reduced_motion=motion)
    shown = every_view(*some_pairs(3), **TEXTS, scores=(-4.0, 0.5), scores_from="of a model")
    shown.state.start = shown.state.start | {"scores": [5.0, 0.5], "scores_from": "of another"}
    page = show(opened, tmp_path, shown, "path")
    places = list(dict.fromkeys(page.evaluate(PLACES)))
    assert len(places) > 4 if motion == "no-preference" else len(places) == 2
    expect(page.locator(".rx-box-score_a .rx-box-figure")).to_have_text("+5.00")
    opened.page.emulate_media(reduced_motion="no-preference")


def test_the_path_hides_what_is_to_be_predicted(opened: Opened, tmp_path: Path):
    shown = every_view(*some_pairs(3), **TEXTS, scores=(1.0, 0.5), scores_from="of a model")
    page = show(opened, tmp_path, shown, "path")
    page.get_by_role("button", name="Predict").click()
    expect(page.get_by_role("slider")).to_have_count(1)  # the one that takes the prediction
    expect(page.get_by_role("slider", name="Your P")).to_be_visible()
    expect(page.locator(".rx-small-curve .rx-pin").first).to_be_hidden()


# What to look for


def test_the_worst_mistake_of_the_pairs_is_circled_and_opens(opened: Opened, tmp_path: Path):
    differences, table = some_pairs(40)
    page = show(opened, tmp_path, pairs_view(differences, table), "pairs")
    worst = int(np.argmin(differences))
    expect(page.locator(".rx-scatter .rx-call")).to_be_visible()
    page.get_by_role("button", name="Its worst mistake").click()
    expect(page.locator(".rx-pair-line")).to_contain_text(f"Pair {worst + 1}")
    box = "one => { const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }"
    ring, call = (page.locator(f".rx-scatter .rx-{name}").evaluate(box) for name in ("ring", "call"))
    assert ring == pytest.approx(call, abs=1)
    page.get_by_role("button", name="Predict").click()
    expect(page.locator(".rx-look")).to_be_hidden()


def test_sorting_starts_at_the_top(opened: Opened, tmp_path: Path):
    page = show(opened, tmp_path, pairs_view(*some_pairs(300)), "pairs")
    grid = page.get_by_role("grid")
    grid.press("End")
    assert grid.evaluate("one => one.scrollTop") > 1000
    page.locator(".rx-sort", has_text="Length").click()
    assert grid.evaluate("one => one.scrollTop") == 0


def test_filters_that_nothing_passes_say_so(opened: Opened, tmp_path: Path):
    page = show(opened, tmp_path, pairs_view(*some_pairs(30)), "pairs")
    page.get_by_label("Find").fill("nothing has this")
    expect(page.get_by_text("No pair passes these filters")).to_be_visible()
    expect(page.get_by_text("every pair is a tie")).to_have_count(0)
    expect(page.locator(".rx-histogram")).to_be_hidden()
    page.get_by_label("Find").fill("")
    expect(page.get_by_text("No pair passes these filters")).to_have_count(0)
    expect(page.locator(".rx-histogram")).to_be_visible()


def test_no_axis_counts_half_pairs(opened: Opened, tmp_path: Path):
    two = [PreferencePair(str(i), "a", "b") for i in range(2)]
    page = show(opened, tmp_path, pairs_view([1.0, -2.0], two), "pairs")
    ticks = page.locator(".rx-histogram .rx-axis").nth(1).locator("g g text").all_text_contents()
    assert ticks == ["0", "1"]


AXES = """() => [...document.querySelectorAll(".rx-columns .rx-axis")].map((axis) => axis.textContent)"""


def test_the_axes_of_the_film_stay_and_it_lasts_six_seconds(opened: Opened, tmp_path: Path):
    page = show(opened, tmp_path, a_film(4, 60), "film")
    slider = page.get_by_role("slider", name="recorded step")
    before = page.evaluate(AXES)
    for key in ("End", "ArrowLeft", "Home"):
        slider.press(key)
        assert page.evaluate(AXES) == before
    seconds = page.evaluate("""async () => {
      const play = document.querySelector(".rx-play"), start = performance.now();
      play.click();
      await new Promise((done) => new MutationObserver(() => play.textContent === "Play" && done())
        .observe(play, { childList: true, characterData: true, subtree: true }));
      return (performance.now() - start) / 1000;
    }""")
    assert seconds == pytest.approx(6, abs=0.5)
    expect(page.locator(".rx-strip .rx-call")).to_be_visible()


@pytest.mark.parametrize("width", [1400, 400])
def test_every_quadrant_has_its_name(opened: Opened, tmp_path: Path, width: int):
    opened.page.set_viewport_size({"width": width, "height": 900})
    page = show(opened, tmp_path, every_view(*some_pairs(30), names=("the course's model", "its twin")), "compare")
    names = page.locator(".rx-scatter > .rx-quiet-text")
    assert all(names.all_text_contents())
    assert names.count() == 4
    boxes = [box for box in (name.bounding_box() for name in names.all()) if box]
    for i, one in enumerate(boxes):
        assert one["x"] >= 0
        assert one["x"] + one["width"] <= width
        for other in boxes[:i]:
            apart = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
            assert apart or abs(one["y"] - other["y"]) > one["height"]


# Words


@pytest.mark.parametrize("view", ["path", "curve", "probe", "pairs", "film", "compare", "optimise"])
def test_each_word_opens_on_a_sentence(opened: Opened, tmp_path: Path, view: str):
    page = show(opened, tmp_path, every_view(*some_pairs(10)), view)
    words = page.get_by_role("group", name="Words used here").get_by_role("button")
    assert words.count() >= 3
    sentences = set()
    for word in words.all():
        word.press("Enter")
        expect(word).to_have_attribute("aria-expanded", "true")
        sentences.add(page.locator(".rx-term-text").inner_text())
    assert len(sentences) == words.count()
    words.last.press("Enter")
    expect(page.locator(".rx-term-text")).to_be_hidden()


@pytest.mark.parametrize("close", ["Escape", "elsewhere"])
def test_the_sentence_of_a_word_pushes_nothing_and_goes(opened: Opened, tmp_path: Path, close: str):
    page = show(opened, tmp_path, every_view(*some_pairs(10)), "path")
    before = page.locator(".rx-flow").bounding_box()
    page.get_by_role("button", name="sigmoid", exact=True).click()
    sentence = page.locator(".rx-term-text")
    expect(sentence).to_be_visible()
    assert page.locator(".rx-flow").bounding_box() == before
    if close == "Escape":
        page.keyboard.press("Escape")
    else:
        page.locator(".rx-box-label").click()
    expect(sentence).to_be_hidden()
    expect(page.get_by_role("button", name="sigmoid", exact=True)).to_have_attribute("aria-expanded", "false")


def test_the_boxes_of_the_path_begin_with_plain_words(opened: Opened, tmp_path: Path):
    shown = every_view(*some_pairs(3), **TEXTS, scores=(1.0, 0.5), scores_from="of a model")
    page = show(opened, tmp_path, shown, "path")
    for box in ("score_a", "difference", "p", "loss"):
        page.locator(f".rx-box-{box}").click()
        first, *rest = page.locator(".rx-opened p").inner_text().split(". ")
        assert "=" not in first
        assert any("=" in sentence for sentence in rest)


def test_an_empty_response_is_said_to_be_empty(opened: Opened, tmp_path: Path):
    shown = every_view(*some_pairs(3), **TEXTS | {"response_b": " "}, scores=(1.0, 0.5), scores_from="of a model")
    page = show(opened, tmp_path, shown, "path")
    expect(page.locator(".rx-box-response_b .rx-box-text")).to_have_text("(empty)")
    expect(page.locator(".rx-box-response_a .rx-box-text")).to_have_text(TEXTS["response_a"])


# Faults that were seen


def test_the_word_on_the_link_moves_nothing(opened: Opened, tmp_path: Path):
    page = show(opened, tmp_path, every_view(*some_pairs(10)), "curve")
    before = page.locator(".rx-panel").bounding_box()
    page.get_by_role("button", name="Link").click()
    expect(page.get_by_role("status").first).to_contain_text("link")
    assert page.locator(".rx-panel").bounding_box() == before


LOSE = """
  import { localModel } from "./core/store.js";
  import { render } from "./explorer.js";
  const values = JSON.parse(document.getElementById("rmlab-state").textContent);
  const model = localModel({ ...values, answering: true });
  const root = document.createElement("div");
  document.body.replaceChildren(root);
  render({ model, el: root });
  window.lose = () => model.fire("comm_live_update");
"""


def test_nothing_is_scoring_for_ever_once_the_kernel_is_gone(opened: Opened, tmp_path: Path):
    shown = every_view(*some_pairs(3), **TEXTS, scores=(1.0, 0.5), scores_from="of a model")
    page = show(opened, tmp_path, shown, "probe")
    page.evaluate(bundle(LOSE, "iife"))
    page.get_by_label("Response A").fill("typed, and never answered")
    readout = page.locator(".rx-probe-readout")
    expect(readout).to_contain_text("is scoring")
    page.evaluate("lose()")
    expect(readout).not_to_contain_text("is scoring")
    expect(readout).to_contain_text("kernel has stopped")
    expect(readout).to_have_attribute("aria-busy", "false")
    page.get_by_label("Response A").fill("typed later")
    page.wait_for_timeout(500)
    expect(readout).not_to_contain_text("is scoring")


def test_the_history_names_a_pick_and_a_reset(opened: Opened, tmp_path: Path):
    differences, table = some_pairs(12)
    shown = every_view(differences, table, **TEXTS, scores=(1.0, 0.5), scores_from="of a model")
    shown.state.mark_start()
    page = show(opened, tmp_path, shown, "probe")
    page.get_by_role("tab", name="Pairs").click()
    page.get_by_role("grid").press("End")
    picked = page.locator(".rx-pair-line strong").inner_text().split(":")[0].lower()
    page.get_by_role("tab", name="Probe").click()
    entry = page.locator(".rx-edits li").first
    expect(entry.locator(".rx-edit-change")).to_have_text(picked)
    page.get_by_role("button", name="Reset").click()
    expect(entry.locator(".rx-edit-change")).to_have_text("reset")
    expect(entry.locator("ins, del")).to_have_count(0)


def test_right_to_left_texts_keep_the_sign_before_them(opened: Opened, tmp_path: Path):
    changes = [{"text": "response_a", "at": 0, "removed": "שלום עולם", "added": "שלום לכולם"}]
    first = [{"text": name, "at": 0, "removed": "", "added": text} for name, text in TEXTS.items()]
    history = [
        {"id": 1, "parent": None, "what": "", "scores": [1.0, 0.0], "changes": first},
        {"id": 2, "parent": 1, "what": "", "scores": [1.0, 0.0], "changes": changes},
    ]
    shown = every_view(*some_pairs(3), **TEXTS, history=json.loads(json.dumps(history)), here=1)
    page = show(opened, tmp_path, shown, "probe")
    for name in ("del", "ins"):
        sign, text = page.locator(f".rx-edits {name}").first.evaluate("""(one) => [...one.childNodes].map((part) => {
            const range = document.createRange();
            range.selectNodeContents(part);
            return range.getBoundingClientRect().left;
        })""")
        assert sign < text


def test_a_state_alone_has_neither_opening_nor_title_button(opened: Opened, tmp_path: Path):
    opened.show(tmp_path, ExplorerState())
    expect(opened.page.locator(".rx-opening, .rx-title-button")).to_have_count(0)
