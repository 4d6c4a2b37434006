"""What holds in every view of the explorer: accessible, and untrusted text stays text, as a file and served."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from accessibility import faults
from explorer import PAYLOADS, VIEWS, Opened, every_view, opening, some_pairs
from playwright.sync_api import Browser, Page, expect

from rmlab.__main__ import main
from rmlab.data import PreferencePair
from rmlab.explorer import Explorer, ExplorerState, explore, length_score
from rmlab.explorer.serve import ExplorerServer
from rmlab.model import RewardModel

HISTORY = [
    {"id": 1, "parent": None, "what": "", "scores": [1.0, 0.0], "changes": [
        {"text": "prompt", "at": 0, "removed": "", "added": "Name a river."},
        {"text": "response_a", "at": 0, "removed": "", "added": "The Elbe."},
        {"text": "response_b", "at": 0, "removed": "", "added": "Rome."}]},
    {"id": 2, "parent": 1, "what": "", "scores": [1.5, 0.0], "changes": [
        {"text": "response_a", "at": 4, "removed": "Elbe", "added": "Rhine"}]},
]  # fmt: skip
TEXTS = {"prompt": "Name a river.", "response_a": "The Rhine.", "response_b": "Rome."}
ATTRIBUTION = {
    "a": [["The", 0.5], [" ", None], ["Rhine.", -0.2]],
    "b": [["Rome.", -1.0]],
    "words": "They do not add up.",
}
EDITED: dict[str, Any] = {
    **TEXTS,
    "scores": (1.5, 0.0),
    "history": HISTORY,
    "here": 2,
    "pins": [1, 2],
    "explain": True,
    "attribution": ATTRIBUTION,
}


@pytest.fixture(scope="module")
def shared(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.fixture
def opened(shared: Page) -> Iterator[Opened]:
    """One page for all tests of this file; each opens a file of its own in it."""
    with opening(shared) as opened:
        yield opened


@pytest.fixture
def edited() -> Explorer:
    return every_view(*some_pairs(30), **EDITED)


@pytest.fixture
def served(edited: Explorer) -> Iterator[str]:
    """Where the explorer that was edited is served."""
    with ExplorerServer() as server:
        server.show(edited.state, edited.views, edited.data, title="served")
        yield server.address


def check_every_view(page: Page) -> None:
    """In each view as it opens, with a pair picked, and with the answers hidden."""
    for tab in page.get_by_role("tab").all():
        tab.click()
        assert faults(page) == [], tab.inner_text()
        for name in ("listbox", "grid"):
            if page.get_by_role(name).count():
                page.get_by_role(name).first.press("ArrowRight" if name == "listbox" else "ArrowDown")
        page.get_by_role("button", name="Predict").click()
        assert faults(page) == [], f"{tab.inner_text()}, while a class predicts"
        page.get_by_role("button", name="Reveal").click()
        assert faults(page) == [], f"{tab.inner_text()}, with a pair picked"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_accessibility_engine_finds_nothing(opened: Opened, edited: Explorer, tmp_path: Path, scheme: Any):
    opened.page.emulate_media(color_scheme=scheme)
    edited.state.error = "something went wrong"
    opened.show(tmp_path, edited.state, edited.views, edited.data | {"note": "a caution"})
    check_every_view(opened.page)
    opened.page.emulate_media(color_scheme="light")


def test_an_accessibility_engine_finds_nothing_where_it_is_served(opened: Opened, served: str):
    opened.page.goto(served)
    expect(opened.page.get_by_role("tab")).to_have_count(len(VIEWS))
    check_every_view(opened.page)
    opened.page.goto("about:blank")


def test_the_engine_would_find_a_fault(opened: Opened, tmp_path: Path):
    opened.show(tmp_path, ExplorerState())
    opened.page.evaluate("""() => {
      const slider = document.querySelector("input[type=range]");
      slider.closest("label").replaceWith(slider);
    }""")
    assert [name for name, _ in faults(opened.page)] == ["label"]


# Untrusted text

FORBIDDEN = (
    "script, iframe, img, object, embed, link, style, form, base, meta, video, math, animate, a, details, "
    "[onload], [onerror], [onfocus], [ontoggle], [href], [src]"
)
VISIT = """(forbidden) => [...document.querySelectorAll("[role=tab]")].map((tab) => {
    tab.click();
    for (const select of document.querySelectorAll(".rx-panel select")) {
      select.selectedIndex = select.options.length - 1;
      select.dispatchEvent(new Event("change"));
    }
    document.querySelectorAll(".rx-box, .rx-rows .rx-row:first-child").forEach((one) => one.click());
    const root = document.querySelector("#rmlab-explorer");
    const fields = [...root.querySelectorAll("textarea, input")].map((field) => field.value);
    const found = [...root.querySelectorAll(forbidden)].map((one) => one.outerHTML);
    return { found, text: [root.textContent, ...fields].join(" ") };
})"""


def hostile(payload: str) -> Explorer:
    """Every view, with a payload in every place that holds a text from outside."""
    pairs = [PreferencePair(f"{payload}{i or ''}", payload, f"{payload}!", group=payload) for i in range(3)]
    texts = dict.fromkeys(("prompt", "response_a", "response_b", "scores_from"), payload)
    preset = {"name": payload, "state": {**texts, "scores": [2.0, 1.0]}}
    change = {"text": "prompt", "at": 0, "removed": payload, "added": payload}
    history = [
        {"id": i, "parent": i - 1 or None, "what": payload if i == 2 else "", "scores": None, "changes": [change]}
        for i in (1, 2, 3)
    ]
    traits = dict.fromkeys(("model", "error", "notice"), payload) | texts | {"history": history, "pins": [1, 3]}
    attribution = {"a": [[payload, 0.5]], "b": [[payload, -0.5]], "words": payload}
    shown = every_view(
        np.array([0.5, 0.2, -1.0]), pairs, names=(f"a {payload}", f"b {payload}"), presets=[preset], selection=0,
        here=3, explain=True, attribution=attribution, settings={"pairs": {"text": payload}}, **traits,
    )  # fmt: skip
    probe = {"presets": [{**preset, "theme": payload, "recorded": [[payload, 1.0, 0.0]]}]}
    return Explorer(shown.state, VIEWS, shown.data | {"probe": probe, "note": payload})


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_from_outside_stays_text(opened: Opened, tmp_path: Path, payload: str):
    """Prompts, responses, conversations, groups, tokens, presets, edits, names, filters, errors, titles, and a link."""
    shown = hostile(payload)
    link = ExplorerState(
        prompt=payload, scores_from=f"linked: {payload}", view=payload, scores=(3.0, 0.0),
        settings={payload: {payload: payload}, "pairs": {"text": payload}},
    ).to_link()  # fmt: skip
    opened.show(tmp_path, shown.state, shown.views, shown.data, title=payload, link=link)
    page = opened.page
    expect(page.get_by_role("alert")).to_have_text(payload)
    expect(page.get_by_role("heading", level=1)).to_have_text(payload)
    assert page.title().split() == payload.split()
    views = page.evaluate(VISIT, FORBIDDEN)
    assert len(views) == len(VIEWS)
    for name, view in zip(VIEWS, views, strict=True):
        assert view["found"] == [], name
        words = view["text"].split()
        assert "".join(payload.split()) in "".join(words), name


def test_a_hostile_link_to_a_served_page_stays_text(opened: Opened, served: str, edited: Explorer):
    everything = " ".join(PAYLOADS)
    link = ExplorerState(prompt=everything, response_a=everything, scores_from=everything, scores=(2.0, 0.0)).to_link()
    opened.page.goto(served + link)
    views = opened.page.evaluate(VISIT, FORBIDDEN)
    assert [view["found"] for view in views] == [[]] * len(VIEWS)
    opened.page.goto("about:blank")


def test_names_of_files_and_models_stay_text(opened: Opened, tmp_path: Path):
    """As `rmlab explore` takes them from its command line."""
    name = "<img src=x onerror=window.ran=1>"
    RewardModel.from_pretrained("tiny-encoder", seed=0).save_pretrained(tmp_path / name)
    pairs = tmp_path / f"{name}.jsonl"
    pairs.write_text(json.dumps({"prompt": "p", "chosen": "c", "rejected": "r"}) + "\n")
    target = tmp_path / "explorer.html"
    assert main(["explore", str(tmp_path / name), str(pairs), "--html", str(target)]) == 0
    opened.page.goto(target.as_uri())
    expect(opened.page.get_by_role("heading", level=1)).to_contain_text(f"{name}.jsonl")
    for view in opened.page.evaluate(VISIT, FORBIDDEN):
        assert view["found"] == []


# Texts of all kinds, and none

ODD = ["x" * 100_000, "שלום עולם \u202e abc", "👩🏽‍🚀 🏳️‍🌈", "\x00\x07\x1b[31m\r\n\t", "a\u0300" * 300, "<b>&amp;"]


def test_odd_texts_are_shown_in_every_view_and_widen_none(opened: Opened, tmp_path: Path):
    pairs = [PreferencePair(text, f"{text}!", text, group=text[:20]) for text in ODD]
    opened.page.set_viewport_size({"width": 800, "height": 900})
    for text in ODD:
        texts = dict.fromkeys(("prompt", "response_a", "response_b", "scores_from"), text)
        shown = every_view(np.linspace(-1, 1, len(ODD)), pairs, selection=ODD.index(text), **texts)
        opened.show(tmp_path, shown.state, shown.views, shown.data)
        for tab in opened.page.get_by_role("tab").all():
            tab.click()
            assert opened.page.evaluate("document.documentElement.scrollWidth") <= 800, (text[:20], tab.inner_text())
    opened.page.set_viewport_size({"width": 1280, "height": 900})


def test_no_pairs_are_said_in_the_views_of_pairs_and_the_others_go_on(opened: Opened, tmp_path: Path):
    shown = explore(length_score, [], names=("length", "nothing"))
    assert shown.answers is not None
    assert shown.answers.wait(20)
    opened.show(tmp_path, shown.state, shown.views, shown.data)
    for tab in opened.page.get_by_role("tab").all():
        tab.click()
        panel = opened.page.get_by_role("tabpanel")
        assert "NaN" not in panel.inner_html()
        if tab.inner_text() in ("Pairs", "Two models"):
            expect(panel.get_by_text("There are no pairs here").first).to_be_visible()
    shown.close()
