"""The page of judging in Chromium: keys alone, what is said when a click cannot arrive, a class, and untrusted text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from accessibility import faults
from explorer import PAYLOADS
from judging import judge, judge_forty
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from rmlab.data import PreferencePair
from rmlab.explorer.judge_serve import JudgeServer
from rmlab.labels import LabelStore, ask, traits_of
from rmlab.labels.desk import Desk
from rmlab.simulate.replies import simulate_reply_pairs

PAIRS = list(simulate_reply_pairs(120, seed=3).pairs)


def serving(store: LabelStore, rater: str | None = None, *, pairs: list[PreferencePair] = PAIRS, goal: int = 40):
    questions = ask(pairs)
    return JudgeServer(Desk(store, questions, traits_of(questions), rule=None, goal=goal), title="Judge", rater=rater)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LabelStore]:
    with LabelStore(tmp_path / "labels.db") as store:
        yield store


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert errors == []


def test_keys_alone_judge_forty_pairs(page: Page, store: LabelStore) -> None:
    with serving(store, "Ann") as server:
        page.goto(server.address)
        expect(page.get_by_text("0 of 40 judged")).to_be_visible()
        assert faults(page) == []
        judge_forty(page)
        page.reload()
        expect(page.get_by_text("41 judged")).to_be_visible()
    verdicts = Counter(entry.verdict for entry in store.judgements())
    assert (verdicts["undo"], sum(verdicts.values())) == (1, 43)
    assert min(verdicts[name] for name in ("left", "right", "tie", "skip")) >= 3


def test_a_click_that_cannot_arrive_is_kept_and_counted_once(page: Page, store: LabelStore) -> None:
    lost: list[str] = []
    cut = False

    def between(route: Route) -> None:
        if not cut:
            return route.continue_()
        if lost:  # the request was lost; then the answer is
            route.fetch()
        lost.append(route.request.post_data or "")
        return route.abort()

    with serving(store, "Ann") as server:
        page.route("**/judge?*", between)  # before anything is asked: once it let the first click through
        page.goto(server.address)
        expect(page.get_by_text("0 of 40 judged")).to_be_visible()
        cut = True
        page.keyboard.press("ArrowLeft")
        expect(page.get_by_text("The server does not answer.")).to_be_visible()
        page.keyboard.press("ArrowRight")  # nothing else is taken meanwhile
        while len(lost) < 3:
            page.wait_for_timeout(100)
        assert len(set(lost)) == 1, "the same click"
        cut = False
        expect(page.get_by_text("1 of 40 judged")).to_be_visible(timeout=10_000)
        expect(page.get_by_role("alert")).to_be_hidden()
    assert [entry.verdict for entry in store.judgements()] == ["left"]


def test_what_the_store_says_is_shown_until_the_label_is_kept(page: Page, store: LabelStore) -> None:
    with serving(store, "Ann") as server:
        page.goto(server.address)
        expect(page.get_by_text("0 of 40 judged")).to_be_visible()
        with store._engine.connect() as connection:
            connection.exec_driver_sql("CREATE TRIGGER full BEFORE INSERT ON rmlab_judgements "
                                       "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END")  # fmt: skip
            connection.commit()
        page.keyboard.press("ArrowLeft")
        expect(page.get_by_text("the disk is full")).to_be_visible()
        with store._engine.connect() as connection:
            connection.exec_driver_sql("DROP TRIGGER full")
            connection.commit()
        expect(page.get_by_text("1 of 40 judged")).to_be_visible(timeout=10_000)
    assert store.count() == 1


def test_a_page_that_is_refused_while_it_catches_up_takes_the_next_click(page: Page, store: LabelStore) -> None:
    with serving(store, "Ann") as server:
        page.goto(server.address)
        expect(page.get_by_text("0 of 40 judged")).to_be_visible()
        page.route("**/judge?*", lambda route: route.fulfill(status=409, body="judged elsewhere"))
        page.route("**/view?*", lambda route: route.fulfill(status=403, body="not now"))
        page.keyboard.press("ArrowLeft")
        expect(page.get_by_role("alert")).to_have_text("not now.")
        page.unroute("**/judge?*")
        page.unroute("**/view?*")
        judge(page, "ArrowRight", 1)
        expect(page.get_by_role("alert")).to_be_hidden()
    assert [entry.verdict for entry in store.judgements()] == ["right"]


def test_a_server_that_was_started_again_is_found_again(page: Page, store: LabelStore) -> None:
    with serving(store, "Ann") as server:
        port, token = server.server_port, server.token
        page.goto(server.address)
        expect(page.get_by_text("0 of 40 judged")).to_be_visible()
        judge(page, "ArrowLeft", 1)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("The server does not answer.")).to_be_visible()
    questions = ask(PAIRS)
    desk = Desk(store, questions, traits_of(questions), rule=None, goal=40)
    with JudgeServer(desk, title="Judge", rater="Ann", port=port, token=token):
        expect(page.get_by_text("2 of 40 judged")).to_be_visible(timeout=15_000)
    assert [entry.verdict for entry in store.judgements()] == ["left", "right"]


def test_a_second_tab_catches_up(context: BrowserContext, page: Page, store: LabelStore) -> None:
    other = context.new_page()
    with serving(store, "Ann") as server:
        for tab in (page, other):
            tab.goto(server.address)
            expect(tab.get_by_text("0 of 40 judged")).to_be_visible()
        judge(page, "ArrowLeft", 1)
        other.keyboard.press("ArrowRight")
        expect(other.get_by_text("judged in another tab")).to_be_visible()
        expect(other.get_by_text("1 of 40 judged")).to_be_visible()
        judge(other, "ArrowRight", 2)
    assert [entry.verdict for entry in store.judgements()] == ["left", "right"]


def test_a_class_joins_judges_and_the_teacher_sees_it(browser: Browser, page: Page, store: LabelStore) -> None:
    phone = browser.new_context(viewport={"width": 360, "height": 640}, has_touch=True).new_page()
    with serving(store) as server:
        page.goto(server.address)
        expect(page.get_by_text(server.code or "?", exact=True)).to_be_visible()
        phone.goto(server.origin)
        assert faults(phone) == []
        phone.get_by_label("Code").fill("AAAAAA")
        phone.get_by_label("Your name").fill("Ann <b>bold</b>")
        phone.get_by_role("button", name="Join").tap()
        expect(phone.get_by_role("alert")).to_contain_text("the code is not right")
        phone.get_by_label("Code").fill((server.code or "").lower())
        phone.get_by_role("button", name="Join").tap()
        expect(phone.get_by_text("0 of 40 judged")).to_be_visible()
        assert faults(phone) == []
        assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
        phone.get_by_role("button", name="Left is better").tap()
        expect(phone.get_by_text("1 of 40 judged")).to_be_visible()
        expect(page.get_by_role("rowheader", name="Ann <b>bold</b>")).to_be_visible(timeout=10_000)
        expect(page.get_by_text("1 here; 1 judgements of 1 pairs.")).to_be_visible()
        assert faults(page) == []
        phone.reload()  # what joined goes on, with its code and name filled in
        phone.get_by_role("button", name="Join").tap()
        expect(phone.get_by_text("1 of 40 judged")).to_be_visible()
        session = store.judgements()[0].session
    with serving(store) as again:  # started again, at another address: here the page joins by what it keeps
        assert again.desk.view(again.desk.join("Ann <b>bold</b>", session))["judged"] == 1
    phone.context.close()


def test_a_class_judges_where_storage_is_denied(page: Page, store: LabelStore) -> None:
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('denied'); } })")
    with serving(store) as server:
        page.goto(f"{server.origin}/#{server.code}")
        page.get_by_label("Your name").fill("Ann")
        page.get_by_role("button", name="Join").click()
        expect(page.get_by_text("0 of 40 judged")).to_be_visible()
        judge(page, "ArrowLeft", 1)
    assert [entry.rater for entry in store.judgements()] == ["Ann"]


def test_the_code_of_a_link_that_is_opened_in_the_same_tab_is_taken(page: Page, store: LabelStore) -> None:
    with serving(store) as server:
        page.goto(f"{server.origin}/#AAAAAA")
        expect(page.get_by_label("Code")).to_have_value("AAAAAA")
        page.goto(f"{server.origin}/#{server.code}")
        expect(page.get_by_label("Code")).to_have_value(server.code or "")


def test_no_text_of_a_pair_becomes_markup(page: Page, store: LabelStore) -> None:
    pairs = [PreferencePair(text, f"{text} one", f"two {text}") for text in PAYLOADS]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with serving(store, "Ann", pairs=pairs, goal=len(pairs)) as server:
        page.goto(server.address)
        for n in range(1, len(pairs) + 1):
            prompt = page.get_by_role("region", name="Prompt").locator("p")
            expect(prompt).not_to_be_empty()
            assert prompt.text_content() in PAYLOADS
            assert prompt.evaluate("(node) => node.childElementCount") == 0
            judge(page, "ArrowLeft", n, len(pairs))
        assert page.evaluate("window.ran") is None
    assert {url.split("/")[2] for url in asked} == {f"127.0.0.1:{server.server_port}"}
