"""The opening of the explorer: by mouse, by keyboard alone, calm, seen once, and reached again from the title."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from accessibility import faults
from build_web import bundle
from explorer import PAYLOADS, Opened, every_view, some_pairs
from playwright.sync_api import Browser, Page, expect

from rmlab.explorer import Explorer
from rmlab.explorer.serve import ExplorerServer
from rmlab.preference import preference_probability

TITLE = "What does a reward model reward?"
TEXTS: dict[str, Any] = {"prompt": "Name a prime.", "response_a": "Seven.", "response_b": "Nine, I believe."}
SCORES = (1.4, -0.5)
P = float(preference_probability(SCORES[0] - SCORES[1]))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that has seen nothing yet."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    yield context.new_page()
    context.close()


def first_seen(**traits: Any) -> Explorer:
    """Every view behind an opening."""
    shown = every_view(*some_pairs(20), **{**TEXTS, "scores": SCORES, "scores_from": "recorded", **traits})
    shown.state.mark_start()
    shown.state.view = "path"
    shown.data = shown.data | {"opening": {"title": TITLE, "purpose": "It stands in for people's judgement."}}
    return shown


def show(opened: Opened, folder: Path, **options: Any) -> Page:
    shown = first_seen(**options.pop("traits", {}))
    opened.show(folder, shown.state, shown.views, shown.data, title=TITLE, **options)
    return opened.page


def question(page: Page):
    return page.get_by_role("heading", name="Which answer is better?")


def verdict(page: Page):
    return page.locator(".rx-opening").get_by_role("status")


@pytest.mark.parametrize(("answer", "share"), [("Answer A", P), ("Answer B", 1 - P)])
def test_by_mouse(opened: Opened, tmp_path: Path, answer: str, share: float):
    page = show(opened, tmp_path)
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    expect(page.get_by_role("tab")).to_have_count(0)
    expect(verdict(page)).to_have_text("")
    page.get_by_role("button", name=answer).click()
    expect(page.get_by_role("button", name=answer)).to_have_attribute("aria-pressed", "true")
    expect(verdict(page)).to_contain_text(f"{share:.2f}", timeout=10_000)
    expect(verdict(page)).to_contain_text(f"You chose {answer[-1]}")
    page.get_by_role("button", name="Follow this pair").click()
    expect(page.get_by_role("tab", name="The path")).to_have_attribute("aria-selected", "true")
    expect(question(page)).to_have_count(0)


def test_by_keyboard_alone(opened: Opened, tmp_path: Path):
    page = show(opened, tmp_path)
    page.keyboard.press("2")
    expect(verdict(page)).to_contain_text("You chose B", timeout=10_000)
    page.keyboard.press("1")
    expect(verdict(page)).to_contain_text("You chose B")  # the first choice counts
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Follow this pair":
            break
    page.keyboard.press("Enter")
    expect(question(page)).to_have_count(0)
    assert page.evaluate("document.activeElement.textContent") == "The path"


def test_the_whole_is_drawn_at_once_where_the_system_asks_for_calm(opened: Opened, tmp_path: Path):
    opened.page.emulate_media(reduced_motion="reduce")
    page = show(opened, tmp_path)
    text, point = page.evaluate("""() => {
        document.querySelector(".rx-answer").click();
        return [document.querySelector(".rx-opening [role=status]").textContent,
                document.querySelector(".rx-unfolds .rx-point").getAttribute("visibility")];
    }""")
    assert f"{P:.2f}" in text
    assert point is None


MOVES = """async () => {
  const pin = document.querySelector(".rx-unfolds .rx-fixed-pin.rx-a");
  const said = document.querySelector(".rx-opening [role=status]");
  const places = [];
  document.querySelector(".rx-answer").click();
  while (!said.textContent) {
    places.push(pin.getAttribute("transform"));
    await new Promise(requestAnimationFrame);
  }
  return places;
}"""


def test_it_moves_elsewhere_and_says_nothing_meanwhile(opened: Opened, tmp_path: Path):
    page = show(opened, tmp_path)
    assert len(set(page.evaluate(MOVES))) > 2


def test_the_picture_ends_at_p(opened: Opened, tmp_path: Path):
    opened.page.emulate_media(reduced_motion="reduce")
    page = show(opened, tmp_path)
    page.keyboard.press("1")
    expect(page.locator(".rx-unfolds")).to_contain_text(f"{P:.2f} for A")
    expect(page.locator(".rx-unfolds")).to_contain_text("difference +1.90")
    box = "one => { const box = one.getBoundingClientRect(); return [box.left, box.top, box.right, box.bottom]; }"
    gauge = page.locator(".rx-unfolds > .rx-zero").evaluate(box)
    needle = page.locator(".rx-unfolds > .rx-marker").evaluate(box)
    tip = (needle[1] + needle[3]) / 2
    assert (gauge[3] - tip) / (gauge[3] - gauge[1]) == pytest.approx(P, abs=0.02)
    assert needle[2] == pytest.approx(gauge[0], abs=2)


def test_the_vote_is_kept_for_who_comes_back_from_the_title(opened: Opened, tmp_path: Path):
    page = show(opened, tmp_path)
    page.keyboard.press("2")
    expect(verdict(page)).to_contain_text("You chose B", timeout=10_000)
    page.get_by_role("button", name="Follow this pair").click()
    page.get_by_role("button", name=TITLE).click()
    assert "You chose B" in verdict(page).inner_text(), "at once: it was drawn before"
    expect(page.get_by_role("button", name="Answer B")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Choose again").click()
    page.get_by_role("button", name="Answer A").click()
    expect(verdict(page)).to_contain_text("You chose A", timeout=10_000)


def test_it_is_skipped_by_a_key_seen_once_and_reached_again_from_the_title(opened: Opened, tmp_path: Path):
    page = show(opened, tmp_path)
    expect(question(page)).to_be_visible()
    page.keyboard.press("Escape")
    expect(question(page)).to_have_count(0)
    expect(page.get_by_role("tab", name="The path")).to_be_visible()
    page = show(opened, tmp_path)
    expect(page.get_by_role("tab", name="The path")).to_be_visible()
    expect(question(page)).to_have_count(0)
    page.get_by_role("button", name=TITLE).press("Enter")
    expect(question(page)).to_be_visible()
    page.get_by_role("button", name="Skip").click()
    expect(question(page)).to_have_count(0)


def test_it_is_seen_once_on_any_port_of_this_machine(opened: Opened):
    page, shown = opened.page, first_seen()
    for times in range(2):
        with ExplorerServer() as server:
            server.show(shown.state, shown.views, shown.data, title=TITLE)
            page.goto(server.address)
            expect(page.get_by_role("button", name=TITLE)).to_be_visible()
            expect(question(page)).to_have_count(1 - times)
            page.keyboard.press("Escape")
            page.goto("about:blank")


FORBID = """() => {
    const forbid = { get() { throw new DOMException("not allowed", "SecurityError"); } };
    Object.defineProperty(window, "localStorage", forbid);
    Object.defineProperty(document, "cookie", { ...forbid, set: forbid.get });
}"""


def test_storage_that_is_not_allowed_is_no_error(opened: Opened, tmp_path: Path):
    opened.page.add_init_script(f"({FORBID})()")
    page = show(opened, tmp_path)
    with pytest.raises(Exception, match="not allowed"):
        page.evaluate("localStorage.length")
    expect(question(page)).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    expect(page.get_by_role("tab", name="The path")).to_be_visible()


def test_a_link_goes_where_it_leads(opened: Opened, tmp_path: Path):
    page = show(opened, tmp_path, link=first_seen().state.to_link())
    expect(page.get_by_role("tab", name="The path")).to_be_visible()
    expect(question(page)).to_have_count(0)


def test_a_link_that_is_opened_meanwhile_leads_on(opened: Opened, tmp_path: Path):
    page = show(opened, tmp_path)
    expect(question(page)).to_be_visible()
    page.evaluate("(hash) => { location.hash = hash; }", first_seen().state.to_link())
    expect(page.get_by_role("tab", name="The path")).to_be_visible()
    expect(question(page)).to_have_count(0)


def test_a_model_that_answers_meanwhile_is_named(opened: Opened):
    shown = first_seen()
    with ExplorerServer() as server:
        server.show(shown.state, shown.views, shown.data, title=TITLE)
        opened.page.emulate_media(reduced_motion="reduce")
        opened.page.goto(server.address)
        opened.page.keyboard.press("1")
        expect(opened.page.locator(".rx-opening")).to_contain_text("recorded")
        shown.state.scores, shown.state.scores_from = (2.0, 0.0), "the model itself"
        expect(opened.page.locator(".rx-opening")).to_contain_text("the model itself")
        expect(verdict(opened.page)).to_contain_text("0.88")
        opened.page.goto("about:blank")


@pytest.mark.parametrize("width", [1400, 400])
def test_accessible_and_whole_at_any_width(opened: Opened, tmp_path: Path, width: int):
    opened.page.set_viewport_size({"width": width, "height": 900})
    opened.page.emulate_media(reduced_motion="reduce")
    page = show(opened, tmp_path)
    for step in ("1", None):
        page.emulate_media(color_scheme="dark")
        assert faults(page) == []
        page.emulate_media(color_scheme="light")
        assert faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        outside = """(texts) => texts.filter((one) => { const box = one.getBoundingClientRect();
            return box.width && (box.left < 0 || box.right > innerWidth); }).map((one) => one.textContent)"""
        assert page.locator(".rx-opening svg text").evaluate_all(outside) == []
        if step:
            page.keyboard.press(step)


WIDGET = """
  import { localModel } from "./core/store.js";
  import { render } from "./explorer.js";
  const values = JSON.parse(document.getElementById("rmlab-state").textContent);
  const root = document.createElement("div"), field = document.createElement("button");
  document.body.replaceChildren(field, root);
  field.focus();
  render({ model: localModel(values), el: root });
"""


def test_in_a_notebook_it_has_a_title_of_its_own_and_leaves_the_keys_of_others_alone(opened: Opened, tmp_path: Path):
    page = show(opened, tmp_path)
    page.evaluate(bundle(WIDGET, "iife"))
    expect(page.get_by_role("heading", level=2, name=TITLE)).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    expect(question(page)).to_be_visible()
    page.get_by_role("button", name="Answer B").press("1")
    expect(verdict(page)).to_contain_text("You chose A", timeout=10_000)
    page.get_by_role("button", name="Choose again").press("Escape")
    expect(question(page)).to_have_count(0)
    page.get_by_role("button", name=TITLE).click()
    expect(question(page)).to_be_visible()


def test_texts_stay_texts(opened: Opened, tmp_path: Path):
    texts = dict(zip(TEXTS, ("".join(PAYLOADS), PAYLOADS[0], PAYLOADS[8]), strict=True))
    page = show(opened, tmp_path, traits=texts)
    assert page.locator(".rx-opening").locator("script, img, iframe, a, [onload], [onerror]").count() == 0
    text = re.sub(r"\s+", " ", page.locator(".rx-answer-text").first.inner_text())
    assert text == texts["response_a"]


def test_on_request_it_leads_to_an_example_on_which_a_model_is_wrong(opened: Opened, tmp_path: Path):
    shown = first_seen()
    texts = {"prompt": "How many?", "response_a": "Clever you! Nine.", "response_b": "Five."}
    shown.data["opening"]["fooled"] = {**texts, "scores": [1.25, 0.25], "scores_from": "recorded, of another"}
    opened.show(tmp_path, shown.state, shown.views, shown.data, title=TITLE)
    page = opened.page
    page.keyboard.press("1")
    page.get_by_role("button", name="See a model being fooled").click()
    expect(page.get_by_role("tab", name="Probe")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("textbox", name="Response A")).to_have_value(texts["response_a"])
    expect(page.locator(".rx-probe-readout")).to_contain_text("0.731")
    opened.check()


def test_at_its_end_it_offers_what_becomes_of_an_optimised_score(opened: Opened, tmp_path: Path):
    opened.page.emulate_media(reduced_motion="reduce")
    page = show(opened, tmp_path)
    on = page.get_by_role("button", name="Optimise a score like this")
    expect(on).to_be_hidden()
    page.keyboard.press("1")
    expect(page.locator(".rx-way").filter(has_text="fooled")).to_contain_text("judge who likes flattery")
    on.click()
    expect(page.get_by_role("tab", name="Optimise")).to_have_attribute("aria-selected", "true")


def test_without_such_views_it_offers_neither(opened: Opened, tmp_path: Path):
    opened.page.emulate_media(reduced_motion="reduce")
    shown = first_seen()
    shown.data["opening"]["fooled"] = None  # no example on which the twin is wrong
    views = tuple(view for view in shown.views if view != "optimise")
    opened.show(tmp_path, shown.state, views, shown.data, title=TITLE)
    opened.page.keyboard.press("1")
    expect(opened.page.locator(".rx-way button")).to_have_text(["Follow this pair", "Choose again"])


# Of each frame, whether the text of the difference is over a pin
OVER = """async () => {
  const boxes = (query) => [...document.querySelectorAll(query)].map((one) => one.getBoundingClientRect());
  const meet = (p, q) => p.left < q.right && q.left < p.right && p.top < q.bottom && q.top < p.bottom;
  const gap = [...document.querySelectorAll(".rx-unfolds > text.rx-strong")][0];
  const frames = [];
  const start = performance.now();
  while (performance.now() - start < 4000) {
    await new Promise(requestAnimationFrame);
    if (!gap.textContent) continue;
    const pins = boxes(".rx-unfolds .rx-fixed-pin > :not(path)");
    frames.push(pins.some((pin) => meet(pin, gap.getBoundingClientRect())));
  }
  return frames;
}"""


def test_the_text_of_the_difference_never_covers_a_pin(opened: Opened, tmp_path: Path):
    page = show(opened, tmp_path)
    page.keyboard.press("1")
    frames = page.evaluate(OVER)
    assert len(frames) > 5
    assert not any(frames)
