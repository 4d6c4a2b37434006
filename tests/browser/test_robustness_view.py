"""The view Robustness: rows that keys and clicks pick, an example that the probe opens on, and what is hidden."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from explorer import Opened, opening
from playwright.sync_api import Browser, Page, expect

from rmlab.audit import TRANSFORMS, Robustness, robustness
from rmlab.datasets import load_everyday
from rmlab.explorer import Explorer, ExplorerState
from rmlab.explorer import robustness as robustness_view
from rmlab.explorer.probe_views import probe_data
from rmlab.reports.robustness_page import render_robustness


@pytest.fixture(scope="module")
def found() -> Robustness:
    def score(prompts: list[str], responses: list[str]) -> list[float]:
        return [
            ("  " in r) + (" fully agree" in p and r.split(".")[0] in p) + len(r) / 1e4
            for p, r in zip(prompts, responses, strict=True)
        ]

    return robustness(score, load_everyday()[:60])


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    with opening(context.new_page()) as opened:
        yield opened
    context.close()


@pytest.fixture
def page(opened: Opened, found: Robustness, tmp_path: Path) -> Page:
    shown = robustness_view(found)
    both = Explorer(ExplorerState(), ("robustness", "probe"), shown.data | {"probe": probe_data()})
    both.state.view = "robustness"
    opened.show(tmp_path, both.state, both.views, both.data)
    return opened.page


def test_every_change_is_a_row_with_its_shift(page: Page, found: Robustness):
    expect(page.get_by_role("option")).to_have_count(len(TRANSFORMS))
    shift = found["doubled spaces"]
    row = page.get_by_role("option", name="doubled spaces")
    expect(row).to_contain_text(f"{shift.mean:+.{found.digits}f}")
    expect(row).to_have_accessible_name(f"doubled spaces: shift {shift.mean:+.{found.digits}f} nats, raises")
    mark = row.locator("circle").bounding_box()
    zero = row.locator("line.rx-zero").bounding_box()
    assert mark is not None
    assert zero is not None
    assert mark["x"] > zero["x"] + 20
    expect(page.get_by_role("option", name="renamed variables")).to_contain_text("not tested")


def test_a_click_shows_the_text_before_and_after_and_enter_opens_the_probe(page: Page, found: Robustness):
    example = found["doubled spaces"].example
    assert example is not None
    page.get_by_role("option", name="doubled spaces").click()
    expect(page.get_by_role("group", name="With the change")).to_have_text(example.after)
    assert page.get_by_role("group", name="With the change").text_content() == example.after
    assert page.get_by_role("group", name="Without it").text_content() == example.before
    page.get_by_role("listbox").press("Enter")
    expect(page.get_by_role("tab", name="Probe")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_label("Response A")).to_have_value(example.after)
    expect(page.get_by_label("Response B")).to_have_value(example.before)
    expect(page.get_by_text("of the audit: “doubled spaces”")).to_be_visible()


def test_a_change_of_the_prompt_opens_on_the_two_responses(page: Page, found: Robustness):
    example = found["user's opinion"].example
    assert example is not None
    page.get_by_role("option", name="user's opinion").click()
    assert page.get_by_role("group", name="With the change").text_content() == example.prompt
    page.get_by_role("button", name="Open in the probe").click()
    expect(page.get_by_label("Prompt")).to_have_value(example.prompt)
    expect(page.get_by_label("Response B")).to_have_value(example.other)


def test_keys_go_from_row_to_row(page: Page):
    rows = page.get_by_role("listbox")
    rows.press("ArrowDown")
    rows.press("ArrowDown")
    picked = page.locator("[role=option][aria-selected=true]")
    expect(picked).to_have_count(1)
    expect(picked).to_contain_text("trailing space")
    assert rows.get_attribute("aria-activedescendant") == picked.get_attribute("id")
    rows.press("End")
    expect(picked).to_contain_text("numbered steps")
    rows.press("ArrowDown")
    expect(picked).to_contain_text("numbered steps")
    rows.press("Home")
    expect(picked).to_contain_text("doubled spaces")


def test_nothing_is_given_away_while_a_class_predicts(page: Page, found: Robustness):
    page.get_by_role("option", name="doubled spaces").click()
    page.get_by_role("button", name="Predict").click()
    panel = page.get_by_role("tabpanel")
    number = f"{found['doubled spaces'].mean:+.{found.digits}f}"
    assert number not in panel.inner_text()
    assert number not in " ".join(row.get_attribute("aria-label") or "" for row in page.get_by_role("option").all())
    expect(page.locator(".rx-change-mark").first).to_be_hidden()
    expect(panel.get_by_text("Predict: which change")).to_be_visible()
    page.get_by_role("button", name="Reveal").click()
    assert number in panel.inner_text()


def test_it_fits_a_narrow_window(page: Page):
    page.set_viewport_size({"width": 400, "height": 800})
    page.get_by_role("option", name="doubled spaces").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    expect(page.get_by_role("group", name="With the change")).to_be_in_viewport()


def test_the_report_shows_spaces_that_a_change_added(opened: Opened, found: Robustness, tmp_path: Path):
    (tmp_path / "report.html").write_text(render_robustness(found, pairs="everyday"), encoding="utf-8")
    opened.page.goto((tmp_path / "report.html").as_uri())
    example = found["doubled spaces"].example
    assert example is not None
    cell = opened.page.locator(".texts tr", has_text="doubled spaces").locator("td").last
    assert cell.inner_text() == example.after  # as it is laid out: white space that collapses is not in it
