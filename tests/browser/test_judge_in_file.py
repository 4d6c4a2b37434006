"""Judging in one file, opened from a disk: keys alone, labels that the browser keeps, and a file that is imported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from accessibility import faults
from explorer import PAYLOADS, Opened
from judging import judge, judge_forty
from playwright.sync_api import Browser, Page, expect

from rmlab import read_pairs
from rmlab.__main__ import main
from rmlab.data import PreferencePair, PreferencePairs, write_pairs
from rmlab.explorer import ExplorerState
from rmlab.explorer.judge_columns import judge_columns
from rmlab.labels import LabelStore, ask, import_pairs
from rmlab.simulate.replies import simulate_reply_pairs

PAIRS = simulate_reply_pairs(60, seed=3).pairs


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_offline(True)
    yield context.new_page()
    context.close()


def show(
    opened: Opened,
    folder: Path,
    pairs: PreferencePairs | list[PreferencePair] = PAIRS,
    views: tuple[str, ...] = ("judge",),
    goal: int = 40,
) -> Page:
    columns = judge_columns(pairs, goal=goal)
    opened.show(folder, ExplorerState(view="judge"), views, {"judge": columns}, title="Judge")
    expect(opened.page.get_by_text(f"0 of {columns['goal']} judged")).to_be_visible()
    return opened.page


def test_keys_alone_judge_forty_pairs_and_the_labels_are_imported(opened: Opened, tmp_path: Path) -> None:
    page = show(opened, tmp_path)
    assert faults(page) == []
    judge_forty(page)
    page.reload()
    expect(page.get_by_text("41 judged")).to_be_visible()
    with page.expect_download() as waited:
        page.get_by_role("button", name="Download the labels").press("Enter")
    assert waited.value.suggested_filename == "pairs-labels.jsonl"
    waited.value.save_as(tmp_path / "labels.jsonl")
    labels = read_pairs(tmp_path / "labels.jsonl")
    with LabelStore(":memory:") as store:
        kept, left_out = import_pairs(store, labels, rater="me")
        verdicts = Counter(entry.verdict for entry in store.judgements())
    assert (kept, left_out) == (len(labels), 0)
    skipped = 41 - len(labels)
    assert min(skipped, *(verdicts[name] for name in ("left", "right", "tie"))) >= 3
    assert {ask([pair]).ids[0] for pair in labels} <= set(ask(PAIRS).ids)


def test_the_command_writes_such_a_file(opened: Opened, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write_pairs(PAIRS, tmp_path / "mine.jsonl")
    file = tmp_path / "judge.html"
    assert main(["judge", str(tmp_path / "mine.jsonl"), "--html", str(file), "--number", "5", "--rater", "Ann"]) == 0
    assert str(file) in capsys.readouterr().out
    opened.page.goto(file.as_uri())
    expect(opened.page.get_by_text("0 of 5 judged")).to_be_visible()
    for n in range(1, 6):
        judge(opened.page, "ArrowRight", n, 5)
    expect(opened.page.get_by_text("5 judgements.")).to_be_visible()


def test_two_tabs_of_one_file_share_a_session_and_labels_can_be_forgotten(opened: Opened, tmp_path: Path) -> None:
    page = show(opened, tmp_path)
    judge(page, "ArrowLeft", 1)
    other = page.context.new_page()
    other.goto(page.url)
    judge(other, "ArrowRight", 2)
    expect(page.get_by_text("2 of 40 judged")).to_be_visible()
    prompts = [one.get_by_role("region", name="Prompt").locator("p").text_content() for one in (page, other)]
    assert prompts[0] == prompts[1]
    page.get_by_role("button", name="Forget the labels").click()
    expect(page.get_by_text("2 of 40 judged")).to_be_visible()
    page.get_by_role("button", name="Really forget 2 labels?").click()
    for one in (page, other):
        expect(one.get_by_text("0 of 40 judged")).to_be_visible()
    judge(page, "t", 1)
    other.close()


def test_a_browser_that_keeps_nothing_is_named(opened: Opened, tmp_path: Path) -> None:
    opened.page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('blocked'); } })"
    )
    page = show(opened, tmp_path)
    expect(page.get_by_text("This browser keeps nothing for this page")).to_be_visible()
    judge(page, "ArrowLeft", 1)
    expect(page.get_by_text("1 judgement. This browser keeps nothing")).to_be_visible()


def test_arrows_move_between_tabs_until_a_tab_is_chosen(opened: Opened, tmp_path: Path) -> None:
    page = show(opened, tmp_path, views=("curve", "judge"))
    page.get_by_role("tab", name="Judge").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="Preference curve")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("0 of 40 judged")).to_be_visible()
    page.keyboard.press("Enter")  # into the view
    judge(page, "ArrowLeft", 1)
    page.get_by_role("tab", name="Preference curve").click()
    page.get_by_role("tab", name="Judge").click()
    judge(page, "ArrowRight", 2)


def test_it_fits_a_narrow_page_and_no_text_becomes_markup(opened: Opened, tmp_path: Path) -> None:
    opened.page.set_viewport_size({"width": 400, "height": 800})
    pairs = [PreferencePair(text, f"{text} one", f"two {text}", group=text) for text in PAYLOADS]
    page = show(opened, tmp_path, pairs, goal=len(PAYLOADS))
    for n in range(1, len(PAYLOADS) + 1):
        assert page.get_by_role("region", name="Prompt").locator("p").text_content() in PAYLOADS
        judge(page, "ArrowLeft", n, len(PAYLOADS))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert faults(page) == []
