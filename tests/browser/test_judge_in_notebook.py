"""Judging as a widget in Chromium, its questions answered by the Python side: keys alone, none of which gets out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from accessibility import faults
from judging import judge, judge_forty
from playwright.sync_api import Browser, Page, expect

from rmlab import explorer
from rmlab.explorer.bundle import style, widget_module
from rmlab.explorer.judge_widget import JudgeView
from rmlab.labels import LabelStore
from rmlab.simulate.replies import simulate_reply_pairs

PAIRS = simulate_reply_pairs(60, seed=3).pairs
PAGE = """<!doctype html><html lang="en"><head><title>t</title><style>{style}</style></head>
<body class="rx-page"><main><h1>A notebook</h1><div id="cell"></div></main></body></html>"""
START = """async source => {
  const { default: widget } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const heard = new Set();
  const model = {
    send: async message => {
      if (window.deaf) return;
      const answer = JSON.parse(await window.kernel(JSON.stringify(message)));
      heard.forEach(call => call(answer));
    },
    on: (name, call) => name === "msg:custom" && heard.add(call),
    off: (name, call) => heard.delete(call),
    get: () => null,
  };
  window.keysOut = 0;
  document.addEventListener("keydown", () => { window.keysOut += 1; });
  window.stop = widget.render({ model, el: document.getElementById("cell") });
  window.nHeard = () => heard.size;
}"""


@pytest.fixture
def view(tmp_path: Path) -> Iterator[JudgeView]:
    with LabelStore(tmp_path / "labels.db") as store:
        yield explorer.judge(PAIRS, store, rater="Ann")


@pytest.fixture
def page(browser: Browser, view: JudgeView, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1000, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    answers: list[dict[str, Any]] = []
    monkeypatch.setattr(view, "send", answers.append)

    def kernel(message: str) -> str:
        view._hear(view, json.loads(message), [])
        return json.dumps(answers.pop())

    page.expose_function("kernel", kernel)
    page.set_content(PAGE.format(style=style()))
    page.evaluate(START, widget_module("judge_widget.js"))
    yield page
    assert errors == []
    context.close()


def test_keys_alone_judge_forty_pairs_and_none_reaches_the_notebook(page: Page, view: JudgeView) -> None:
    expect(page.get_by_text("0 of 40 judged")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.lmSuppressShortcuts") == "true"
    assert faults(page) == []
    out = page.evaluate("keysOut")
    judge_forty(page)
    assert page.evaluate("keysOut") == out
    verdicts = Counter(entry.verdict for entry in view.desk._store.judgements())
    assert (verdicts["undo"], sum(verdicts.values())) == (1, 43)


def test_keys_elsewhere_judge_nothing(page: Page, view: JudgeView) -> None:
    expect(page.get_by_text("0 of 40 judged")).to_be_visible()
    page.locator("body").press("ArrowLeft")
    page.wait_for_timeout(300)
    assert view.desk._store.count() == 0
    page.keyboard.press("Tab")
    judge(page, "ArrowLeft", 1)
    assert len(view.desk._store.judgements()) == 1


def test_a_view_that_is_closed_hears_and_ticks_no_longer(page: Page) -> None:
    expect(page.get_by_text("0 of 40 judged")).to_be_visible()
    assert page.evaluate("nHeard()") == 1
    page.evaluate("stop()")
    assert page.evaluate("nHeard()") == 0
    page.locator("section.rx-panel").first.press("ArrowLeft")
    expect(page.get_by_text("0 of 40 judged")).to_be_visible()
