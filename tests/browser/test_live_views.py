"""A file with a model inside, opened from a disk: a head of one's own, what tokens add, and the checks of the audit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from accessibility import faults
from chat_templates import CHATML
from explorer import opening, until
from judging import judge
from playwright.sync_api import Browser, Page, expect

from rmlab import explorer
from rmlab.data import PreferencePair
from rmlab.datasets import load_everyday
from rmlab.explorer import ExplorerState
from rmlab.explorer.judge_columns import add_live_views
from rmlab.explorer.live_files import live_blocks
from rmlab.explorer.page import render_page
from rmlab.model import RewardModel

PAIRS = [
    PreferencePair(f"What is {i} and {i + 1}?", f"It is {2 * i + 1}.", f"Who knows{' indeed' * (i % 3)}? {i}")
    for i in range(36)
]
SLOW = 180_000  # milliseconds, on a machine that does much else


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of the explorer with a small model inside."""
    model = RewardModel.from_pretrained("tiny-encoder", seed=0)
    views, data = add_live_views(("probe",), {"probe": {"presets": [], "chips": []}}, PAIRS, name="sums")
    first = PAIRS[0]
    state = ExplorerState(
        prompt=str(first.prompt), response_a=str(first.chosen), response_b=str(first.rejected), view="judge"
    )
    path = tmp_path_factory.mktemp("live") / "live.html"
    path.write_text(render_page(state, views, data, title="t", live=live_blocks(model, PAIRS[:2], name="tiny")))
    return path


@pytest.fixture
def page(browser: Browser, file: Path) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_offline(True)
    with opening(context.new_page()) as opened:
        opened.page.goto(file.as_uri())
        yield opened.page
    context.close()


def in_tokens(text: str) -> re.Pattern[str]:
    """A text cut into tokens, each with what it adds after it."""
    return re.compile("".join(re.escape(letter) + r"([+−]?\d\.\d\d)?" for letter in text))


def test_the_model_of_a_page_reads_the_messages_of_conversations(browser: Browser, tmp_path: Path) -> None:
    def turn(role: str, content: str) -> dict[str, str]:
        return {"role": role, "content": content}

    talk = (turn("system", "Be brief."), turn("user", "Hello"), turn("assistant", "Hi"), turn("user", "A colour?"))
    table = [PreferencePair(talk, (turn("assistant", "Blue."),), (turn("assistant", "Red, or so."),))]
    model = RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")
    model.tokenizer.chat_template = CHATML
    shown = explorer.pairs(model, table)
    shown.state.selection, shown.state.view, shown.state.explain = 0, "probe", True
    views, data = add_live_views(("pairs", "probe"), shown.data | explorer.probe().data, table)
    path = tmp_path / "talk.html"
    live = live_blocks(model, table, name="chat")
    path.write_text(render_page(shown.state, views, data, title="t", live=live), encoding="utf-8")
    page = browser.new_page()
    with opening(page) as opened:
        opened.page.goto(path.as_uri())
        score = page.locator(".rx-editor.rx-b .rx-score")
        expect(page.get_by_text("computed in this page")).to_be_visible(timeout=SLOW)

        def is_scored(response: str) -> None:
            (wanted,) = model.score([talk], [(turn("assistant", response),)])
            expect(score).to_have_text(re.compile(r"score [+−]\d"), timeout=SLOW)
            found = float((score.text_content() or "").removeprefix("score ").replace("−", "-"))
            assert found == pytest.approx(wanted, abs=0.02)  # its weights have 8 bits

        is_scored("Red, or so.")
        expect(page.locator(".rx-tokens").first).to_have_text(in_tokens("Blue."), timeout=SLOW)
        expect(page.get_by_text("the tokens of A add")).to_be_visible(timeout=SLOW)
        page.get_by_label("Response B").fill("Green.")
        expect(page.locator(".rx-tokens").last).to_have_text(in_tokens("Green."), timeout=SLOW)
        expect(page.get_by_text("the tokens of A add")).to_be_visible(timeout=SLOW)
        is_scored("Green.")
    page.close()


def test_the_model_of_a_page_reads_a_long_conversation_whole(browser: Browser, tmp_path: Path) -> None:
    texts = [f"{pair.prompt} {pair.chosen}" for pair in load_everyday()[:24]]
    said = zip(("user", "assistant", "user"), (texts[:8], texts[8:16], texts[16:]), strict=True)
    talk = tuple({"role": role, "content": " ".join(part)} for role, part in said)
    chosen, rejected = (
        ({"role": "assistant", "content": "Yes, on Tuesday."},),
        ({"role": "assistant", "content": "no"},),
    )
    table = [PreferencePair(talk, chosen, rejected)]
    model = RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")
    model.tokenizer.chat_template = CHATML
    shown = explorer.explore(model, table)
    assert shown.data["pairs"]["prompt"][0].endswith("…"), "a page without a model has only its beginning"
    assert shown.answers is not None
    shown.answers.wait()  # else the model would score while it is traced for the export
    views, data = add_live_views(shown.views, shown.data, table)
    shown.state.view = "pairs"
    path = tmp_path / "long.html"
    path.write_text(render_page(shown.state, views, data, title="t", live=live_blocks(model, table, name="chat")))
    page = browser.new_page()
    with opening(page) as opened:
        opened.page.goto(path.as_uri())
        page.locator(".rx-rows .rx-row").first.click()
        page.get_by_role("button", name="Open in the probe").click()
        expect(page.get_by_text("computed in this page")).to_be_visible(timeout=SLOW)
        expect(page.get_by_label("Response A")).to_have_value("Yes, on Tuesday.")
        for side, wanted in zip("ab", model.score([talk, talk], [chosen, rejected]), strict=True):
            found = page.locator(f".rx-editor.rx-{side} .rx-score").text_content() or ""
            assert float(found.removeprefix("score ").replace("−", "-")) == pytest.approx(wanted, abs=0.02)
    page.close()


def test_a_reader_makes_a_head_of_their_own_and_probes_it(page: Page) -> None:
    own = page.get_by_role("region", name="Your own head")
    expect(own.get_by_text("20 more judgements")).to_be_visible(timeout=SLOW)
    page.get_by_role("tab", name="Judge").press("Enter")
    for n in range(1, 25):  # the side on which nobody knows
        left = page.get_by_role("region", name="Left", exact=True).locator("p").text_content()
        judge(page, "ArrowLeft" if "Who knows" in (left or "") else "ArrowRight", n, 36)
    expect(own.get_by_role("rowheader", name="your own head")).to_be_visible(timeout=SLOW)
    expect(own.get_by_role("rowheader", name="the model's head")).to_be_visible()
    assert float(own.get_by_role("row").nth(1).get_by_role("cell").first.text_content() or 0) > 0.8
    expect(page.get_by_text("before your last click your own head said")).to_be_visible()
    assert faults(page) == []
    own.get_by_role("button", name="Probe your own head").click()
    second = page.locator(".rx-needle-words.rx-needle-other")
    expect(second).to_contain_text("Your own head (−", timeout=SLOW)  # B is what this reader likes
    page.get_by_label("Response A").fill("Who knows indeed indeed? 4")
    page.get_by_label("Response B").fill("It is 7.")
    expect(second).to_contain_text("Your own head (+", timeout=SLOW)
    page.reload()  # the browser has kept the labels, and the head is made again
    expect(page.get_by_text("24 of 36 judged")).to_be_visible()
    expect(own.get_by_role("rowheader", name="your own head")).to_be_visible(timeout=SLOW)


def test_what_each_token_adds_follows_the_texts(page: Page) -> None:
    page.get_by_role("tab", name="Probe").click()
    explain = page.get_by_label("What each token adds")
    expect(explain).to_be_visible(timeout=SLOW)
    explain.check()
    words = page.get_by_text("(leave-one-out)")
    expect(words).to_be_visible(timeout=SLOW)
    page.get_by_label("Response A").fill("Seven, or eight.")
    tokens = page.get_by_role("group", name="tokens of A")
    expect(tokens.locator(".rx-piece").first).to_have_text("Se", timeout=SLOW)  # of the word Seven
    expect(words).to_be_visible(timeout=SLOW)
    until(lambda: tokens.locator(".rx-adds").count() == tokens.locator(".rx-piece").count() >= 4)
    assert all(text.strip("+−").replace(".", "").isdigit() for text in tokens.locator(".rx-adds").all_text_contents())


def test_the_checks_run_on_the_model_of_the_page(page: Page) -> None:
    page.get_by_role("tab", name="Audit").click()
    page.get_by_role("button", name="Run the checks").click(timeout=SLOW)
    expect(page.get_by_role("button", name="Run them again")).to_be_visible(timeout=SLOW)
    assert page.get_by_role("row").count() == 9
    for name in ("repeat", "batch size", "order", "antisymmetry", "finite"):
        expect(page.get_by_role("row", name=name).get_by_text("✓ kept")).to_be_visible()
    assert faults(page) == []
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
