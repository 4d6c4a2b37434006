"""The explorer's page in Chromium: what it shows, the keyboard, untrusted text, and the served page."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from explorer import PAYLOADS, Opened, opening, until
from playwright.sync_api import Browser, Page, expect

from rmlab.data import PreferencePair
from rmlab.explorer import ExplorerState, explore, length_score
from rmlab.explorer.presets import NUMBERS
from rmlab.explorer.serve import ExplorerServer
from rmlab.preference import preference_loss, preference_probability


@pytest.fixture(scope="module")
def shared(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture
def opened(shared: Page) -> Iterator[Opened]:
    """One page for all tests of this file; each opens a file of its own in it."""
    shared.set_viewport_size({"width": 1280, "height": 900})
    with opening(shared) as opened:
        yield opened


def handle(page: Page, side: str):
    return page.get_by_role("slider", name=f"Score of {side}")


def figures(page: Page) -> dict[str, str]:
    """The numbers of the readout by their names."""
    boxes = page.locator(".rx-readout .rx-figures > div").all()
    return dict(box.inner_text().split("\n", 1) for box in boxes)


SHOWN = """(root) => [...root.querySelectorAll("*")]
    .filter((one) => !one.children.length && getComputedStyle(one).visibility === "visible")
    .map((one) => one.textContent).join(" | ")"""
ACTIVE = """(() => { const one = document.activeElement;
    return one.ariaLabel || (one.labels?.[0]?.textContent ?? one.textContent); })()"""
OUTLINE = """(() => { const one = document.activeElement, halo = one.querySelector?.(".rx-halo");
    return halo ? getComputedStyle(halo).stroke : getComputedStyle(one).outlineStyle; })()"""
INTRUDE = """() => {
    const script = document.createElement("script"), image = new Image();
    script.textContent = "window.ran = 1";
    image.src = "https://evil.example/x.png";
    document.body.append(script, image);
}"""
POLICY = r"default-src 'none'; script-src 'sha256-\S+'; style-src 'sha256-\S+'; base-uri 'none'; form-action 'none'"

# What it shows


def test_the_readout_follows_the_handles(opened: Opened, tmp_path: Path):
    opened.show(tmp_path, ExplorerState(scores=(1.0, 0.0)))
    page = opened.page
    p, loss = preference_probability(1.0), preference_loss(1.0)
    wanted = {"Difference": "+1.00 nats", "Odds": "2.72 to 1", "P(A is preferred)": f"{p:.3f}"}
    wanted["Loss"] = f"{loss:.3f} nats"
    assert figures(page) == wanted
    handle(page, "A").press("Shift+ArrowRight")
    handle(page, "B").press("ArrowLeft")
    assert figures(page)["Difference"] == "+2.10 nats"
    expect(handle(page, "A")).to_have_attribute("aria-valuenow", "2")
    expect(handle(page, "B")).to_have_attribute("aria-valuetext", "−0.10 nats")
    page.get_by_label("B", exact=True).check()
    assert figures(page)["Loss"] == f"{preference_loss(-2.1):.3f} nats"
    page.get_by_label("tie", exact=True).check()
    assert figures(page)["Loss"] == f"{preference_loss(2.1, label_smoothing=0.5):.3f} nats"
    page.get_by_label("Temperature").fill("3")
    assert figures(page)["P(A is preferred)"] == f"{preference_probability(0.7):.3f}"


def test_a_handle_is_dragged(opened: Opened, tmp_path: Path):
    opened.show(tmp_path, ExplorerState(scores=(1.0, 0.0)))
    page = opened.page
    box = handle(page, "A").locator("circle").last.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=3)
    page.mouse.move(x - 100, y + 80, steps=3)
    page.mouse.up()
    dragged = float(handle(page, "A").get_attribute("aria-valuenow"))
    assert dragged < 0
    assert dragged * 10 == pytest.approx(round(dragged * 10))
    page.mouse.move(x + 300, y)
    assert float(handle(page, "A").get_attribute("aria-valuenow")) == dragged
    assert handle(page, "A").evaluate("node => node === document.activeElement")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_box_is_drawn_around_what_the_mouse_drags(opened: Opened, tmp_path: Path, theme: Literal["light", "dark"]):
    opened.page.emulate_media(color_scheme=theme)
    opened.show(tmp_path, ExplorerState())
    page = opened.page
    befores = (
        lambda: None,
        lambda: page.get_by_role("button", name="Swap").click(),
        lambda: page.keyboard.press("Tab"),
    )
    for before in befores:  # where the focus comes from decides what Chromium draws
        for side in "AB":
            before()
            handle(page, side).hover()
            page.mouse.down()
            assert handle(page, side).evaluate("node => node === document.activeElement")
            assert handle(page, side).evaluate("node => getComputedStyle(node).outlineStyle") == "none"
            page.mouse.up()
    handle(page, "A").press("ArrowRight")
    assert page.evaluate(OUTLINE) != "rgba(0, 0, 0, 0)", "by keys it is seen which handle moves"
    opened.page.emulate_media(color_scheme="light")


def test_a_constant_moves_the_handles_and_nothing_else(opened: Opened, tmp_path: Path):
    opened.show(tmp_path, ExplorerState(scores=(1.0, 0.0)))
    page = opened.page
    pictures = page.locator(".rx-sigmoid, .rx-loss")
    before = figures(page), pictures.evaluate_all("all => all.map((one) => one.outerHTML)")
    for c in ("3", "100", "-0.25"):
        page.get_by_label("c, the constant").fill(c)
        page.get_by_role("button", name="Add c to both").click()
        assert (figures(page), pictures.evaluate_all("all => all.map((one) => one.outerHTML)")) == before
    expect(handle(page, "A")).to_have_attribute("aria-valuenow", "103.75")
    for side in "AB":
        assert handle(page, side).bounding_box()["x"] > 0


@pytest.mark.parametrize("c", ["50", "-5000"])
def test_a_constant_stops_at_the_end_of_the_line_and_keeps_the_difference(opened: Opened, tmp_path: Path, c: str):
    end = 1000 if float(c) > 0 else -1000
    opened.show(tmp_path, ExplorerState(scores=(end * 0.99, end * 0.98)))
    page = opened.page
    before = figures(page)
    for _ in range(2):  # there is no room for a second one
        page.get_by_label("c, the constant").fill(c)
        page.get_by_role("button", name="Add c to both").click()
        assert figures(page) == before
        expect(handle(page, "A")).to_have_attribute("aria-valuenow", str(end))


def test_swapping_gives_one_minus_p(opened: Opened, tmp_path: Path):
    opened.show(tmp_path, ExplorerState(scores=(2.0, 0.5), winner="a"))
    page = opened.page
    p, loss = figures(page)["P(A is preferred)"], figures(page)["Loss"]
    page.get_by_role("button", name="Swap").click()
    assert float(figures(page)["P(A is preferred)"]) == pytest.approx(1 - float(p))
    assert figures(page)["Loss"] == loss  # who won was swapped too
    expect(page.get_by_label("B", exact=True)).to_be_checked()


def test_predict_hides_every_readout_until_revealed(opened: Opened, tmp_path: Path):
    opened.show(tmp_path, ExplorerState(scores=(1.0, 0.0)))
    page = opened.page
    page.get_by_role("button", name="Predict").click()
    assert set(figures(page).values()) == {"?"}
    shown = page.locator(".rx-panel").evaluate(SHOWN)
    assert "score difference" in shown
    for answer in ("0.731", "0.313", "0.27", "difference A − B ="):
        assert answer not in shown
    page.get_by_role("button", name="Reveal").click()
    assert figures(page)["P(A is preferred)"] == "0.731"


def test_examples_and_reset(opened: Opened, tmp_path: Path):
    opened.show(tmp_path, ExplorerState(scores=(0.5, 0.0), presets=NUMBERS))
    page = opened.page
    start = figures(page)
    for preset in NUMBERS:
        page.get_by_label("Example").select_option(preset["name"])
        a, b = preset["state"]["scores"]
        p = preference_probability((a - b) / preset["state"]["temperature"])
        assert figures(page)["P(A is preferred)"] == f"{p:.3f}"
    page.get_by_role("button", name="Reset").click()
    assert figures(page) == start


def test_scores_that_are_missing_are_said(opened: Opened, tmp_path: Path):
    opened.show(tmp_path, ExplorerState(scores=(None, 1.0), error="the model gave NaN"))
    assert set(figures(opened.page).values()) == {"?"}
    expect(opened.page.get_by_role("status").filter(has_text="There are no scores")).to_be_visible()
    expect(opened.page.get_by_role("alert")).to_have_text("the model gave NaN")


@pytest.mark.parametrize(("width", "size"), [(1400, "normal"), (800, "normal"), (400, "normal"), (1400, "projector")])
def test_nothing_is_cut_off_at_any_width(opened: Opened, tmp_path: Path, width: int, size: str):
    opened.page.set_viewport_size({"width": width, "height": 900})
    opened.show(tmp_path, ExplorerState(scores=(7.5, -7.0), size=size, presets=NUMBERS))
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    outside = """(texts) => texts.filter((one) => { const box = one.getBoundingClientRect();
        return box.width && (box.left < 0 || box.right > innerWidth); }).map((one) => one.textContent)"""
    assert opened.page.locator("svg text").evaluate_all(outside) == []


def test_at_double_zoom_the_page_scrolls_one_way_only(opened: Opened, tmp_path: Path):
    opened.page.set_viewport_size({"width": 640, "height": 450})  # what 1280 by 900 is at 200%
    opened.show(tmp_path, ExplorerState(presets=NUMBERS))
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 640


# The keyboard, and calm


def test_the_keyboard_alone_does_everything(opened: Opened, tmp_path: Path):
    opened.show(tmp_path, ExplorerState(scores=(1.0, 0.0), presets=NUMBERS))
    page = opened.page
    reached: list[str] = []

    def walk_to(wanted: str) -> None:
        for _ in range(30):
            page.keyboard.press("Tab")
            here, outline = page.evaluate(ACTIVE), page.evaluate(OUTLINE)
            reached.append(here)
            assert outline not in ("none", "", "rgba(0, 0, 0, 0)"), f"{here} shows no focus"
            if here.startswith(wanted):
                return
        raise AssertionError(f"{wanted} is not reached: {reached}")

    walk_to("Predict")
    page.keyboard.press("Enter")
    assert set(figures(page).values()) == {"?"}
    page.keyboard.press("Space")
    walk_to("Projector size")
    page.keyboard.press("Enter")
    expect(page.locator(".rx-projector")).to_have_count(1)
    page.keyboard.press("Enter")
    walk_to("Score of A")
    for key in ("ArrowUp", "ArrowRight", "Shift+ArrowRight", "PageUp", "PageDown", "ArrowLeft"):
        page.keyboard.press(key)
    expect(handle(page, "A")).to_have_attribute("aria-valuenow", "2.1")
    walk_to("Score of B")
    page.keyboard.press("End")
    expect(handle(page, "B")).to_have_attribute("aria-valuenow", "8")
    page.keyboard.press("Home")
    expect(handle(page, "B")).to_have_attribute("aria-valuenow", "-8")
    walk_to("A")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("B", exact=True)).to_be_checked()
    walk_to("Temperature")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("Temperature")).to_have_value("1.1")
    walk_to("c, the constant")
    page.keyboard.type("2")
    walk_to("Add c to both")
    page.keyboard.press("Enter")
    walk_to("Swap")
    page.keyboard.press("Enter")
    walk_to("Example")
    page.keyboard.press("ArrowDown")
    assert figures(page)["Difference"] == "0.00 nats"


def test_nothing_moves_where_the_system_asks_for_calm(opened: Opened, tmp_path: Path):
    durations = "all => all.map((one) => getComputedStyle(one).transitionDuration)"
    opened.page.emulate_media(reduced_motion="reduce")
    opened.show(tmp_path, ExplorerState())
    assert set(opened.page.locator("#rmlab-explorer *").evaluate_all(durations)) == {"0s"}
    opened.page.emulate_media(reduced_motion="no-preference")
    seconds = {
        float(one.removesuffix("s"))
        for text in opened.page.locator("#rmlab-explorer *").evaluate_all(durations)
        for one in text.split(", ")
    }
    assert 0 < max(seconds) < 0.15


# Untrusted text


def test_a_payload_that_is_let_through_is_noticed(shared: Page):
    """The watch would see it: the same payloads as markup do run."""
    shared.goto("about:blank")
    opened = Opened(shared)
    shared.set_content(f"<title>x</title>{PAYLOADS[0]}{PAYLOADS[9]}")
    with pytest.raises(AssertionError):
        opened.check()
    assert shared.evaluate("window.ran") == 1
    shared.goto("about:blank")


def test_the_policy_lets_nothing_in(opened: Opened, tmp_path: Path):
    opened.show(tmp_path, ExplorerState())
    page = opened.page
    policy = page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert re.fullmatch(POLICY, policy)
    with page.expect_event("requestfailed") as failed:
        page.evaluate(INTRUDE)
    assert failed.value.failure == "csp"
    assert page.evaluate("window.ran") is None
    assert sum("Content Security Policy" in said for said in opened.wrong) == 2
    opened.wrong.clear()


ODD = {
    "long": "x" * 100_000,
    "right to left": "שלום עולם \u202e abc",
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f3f3\ufe0f\u200d\U0001f308",
    "control characters": "\x00\x07\x1b[31m\r\n\t",
    "combining": "a\u0300" * 300,
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_odd_texts_are_kept(opened: Opened, tmp_path: Path, text: str):
    opened.show(tmp_path, ExplorerState(prompt=text, response_a=text, scores_from=text, error=text))
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 1280
    handle(opened.page, "A").press("ArrowRight")
    assert figures(opened.page)["Difference"] == "+1.10 nats"


@pytest.mark.parametrize("code", ["%%%", "eyJmb3JtYXQiOiJybWxhYi1leHBsb3JlciIsInZlcnNpb24iOjJ9"])
def test_a_link_that_is_no_state_is_said_and_the_page_opens(opened: Opened, tmp_path: Path, code: str):
    opened.show(tmp_path, ExplorerState(scores=(2.0, 0.0)), link=f"#rmlab-state={code}")
    expect(opened.page.get_by_role("alert")).to_contain_text("opens without it")
    assert figures(opened.page)["Difference"] == "+2.00 nats"


def test_a_link_carries_the_state_to_another_page(opened: Opened, tmp_path: Path):
    opened.show(tmp_path, ExplorerState(scores=(1.0, 0.0)))
    handle(opened.page, "A").press("Shift+ArrowRight")
    opened.page.get_by_role("button", name="Link").click()
    expect(opened.page.get_by_role("status").first).to_contain_text("link")
    link = opened.page.url
    assert ExplorerState.from_link(link).scores == (2.0, 0.0)
    opened.show(tmp_path, ExplorerState(scores=(0.0, 5.0)), link="#" + link.split("#")[1])
    assert figures(opened.page)["Difference"] == "+2.00 nats"


def test_a_link_that_is_opened_on_the_page_that_shows_it_is_followed(opened: Opened, tmp_path: Path):
    opened.show(tmp_path, ExplorerState(scores=(1.0, 0.0)), ("curve", "probe"))
    page = opened.page

    def opens(link: str) -> None:
        page.evaluate("(hash) => { location.hash = hash; }", link)

    opens("#rmlab-state=%%%")
    expect(page.get_by_role("alert")).to_contain_text("damaged")
    opens(ExplorerState(response_a="of the link", scores=(5.0, 2.0), view="probe").to_link())
    expect(page.get_by_label("Response A")).to_have_value("of the link")
    expect(page.get_by_role("alert")).to_be_hidden()
    page.get_by_role("tab", name="Preference curve").click()
    assert figures(page)["Difference"] == "+3.00 nats"
    page.get_by_role("button", name="Link").click()  # writes its own address, which is no link to follow
    handle(page, "A").press("ArrowRight")
    opens("#elsewhere")
    assert figures(page)["Difference"] == "+3.10 nats"


# The served page

SERVE = """
import sys
from rmlab.explorer import ExplorerState
from rmlab.explorer.answers import Answers
from rmlab.explorer.serve import ExplorerServer
state = ExplorerState(scores=(1.0, 0.0))
answers = Answers(state, lambda prompts, responses: [len(text) for text in responses], "length")
with ExplorerServer(port=int(sys.argv[1]), token="the same in both runs") as server:
    server.show(state, ("curve", "probe"), {}, title="served")
    print(server.server_port, flush=True)
    server.wait()
"""


@contextmanager
def served(port: int = 0) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server in a process of its own, and its port."""
    command = [sys.executable, "-c", SERVE, str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def served_page(page: Page, port: int) -> None:
    page.goto(f"http://127.0.0.1:{port}/?token=the+same+in+both+runs")


def typed(page: Page, port: int, response: str, difference: str) -> None:
    """Open the served page, type a response into its probe, and wait for the model's answer."""
    served_page(page, port)
    page.get_by_role("tab", name="Probe").click()
    page.get_by_label("Response A").fill(response)
    expect(page.locator(".rx-probe-readout")).to_contain_text(difference)


def connection(page: Page):
    return page.get_by_role("status").filter(has_text="Not connected")


def test_a_page_says_that_its_server_is_gone_and_finds_it_again(opened: Opened):
    page = opened.page
    with served() as (_, port):
        typed(page, port, "four", "+4.00")
        expect(connection(page)).to_have_count(0)
    expect(connection(page)).to_be_visible()
    page.get_by_label("Response A").fill("typed when all was gone")
    expect(page.locator(".rx-probe-readout")).to_contain_text("until this page is connected")
    expect(page.locator(".rx-probe-readout")).not_to_contain_text("is scoring")
    with served(port):
        expect(connection(page)).to_have_count(0, timeout=30_000)
        expect(page.get_by_label("Response A")).to_have_value("typed when all was gone")
        expect(page.locator(".rx-probe-readout")).to_contain_text("+23.00")
        page.get_by_label("Response A").fill("seven l")
        expect(page.locator(".rx-probe-readout")).to_contain_text("+7.00")
        page.goto("about:blank")
    opened.wrong.clear()  # the browser says that it was refused


def test_two_pages_never_swap_texts(opened: Opened, browser: Browser):
    one = opened.page
    with served() as (_, port):
        typed(one, port, "typed in one", "+12.00")
        two = browser.new_context().new_page()
        served_page(two, port)
        expect(connection(one)).to_contain_text("another tab")
        two.get_by_label("Response A").fill("2")
        one.get_by_label("Response A").fill("typed on in one")
        expect(two.locator(".rx-probe-readout")).to_contain_text("+1.00")
        expect(two.get_by_label("Response A")).to_have_value("2")
        expect(one.get_by_label("Response A")).to_have_value("typed on in one")
        one.get_by_role("button", name="Connect here").click()
        expect(connection(two)).to_contain_text("another tab")
        expect(connection(one)).to_have_count(0)
        expect(one.locator(".rx-probe-readout")).to_contain_text("+15.00")
        expect(two.get_by_label("Response A")).to_have_value("2")
        served_page(one, port)  # loaded again, it goes on where it was
        expect(one.get_by_label("Response A")).to_have_value("typed on in one")
        two.context.close()
        one.goto("about:blank")
    opened.wrong.clear()  # the browser says that it was refused


def test_views_are_linked_and_a_model_answers(opened: Opened):
    """A pair that is picked in the table opens in the probe; an edit there moves the curve."""
    table = [
        PreferencePair("How many legs has a spider?", "Eight.", "Six, as all insects have."),
        PreferencePair("Name a prime.", "7", "nine"),
        PreferencePair("Spell cat.", "c, a, t", "k, a, t"),
    ]
    shown = explore(length_score, table, names=("length", "three pairs"))
    with ExplorerServer() as server:
        server.show(shown.state, shown.views, shown.data, title="linked")
        page = opened.page
        page.goto(server.address)
        page.get_by_role("tab", name="Pairs").click()
        page.locator(".rx-list").get_by_text("Name a prime.").click()
        page.get_by_role("button", name="Open in the probe").click()
        expect(page.get_by_role("tab", name="Probe")).to_have_attribute("aria-selected", "true")
        expect(page.get_by_label("Response A")).to_have_value("7")
        page.get_by_label("Response A").fill("seven")
        page.get_by_role("tab", name="Pairs").click()
        page.locator(".rx-list").get_by_text("Name a prime.").click()  # again, for its own texts
        page.get_by_role("tab", name="Probe").click()
        expect(page.get_by_label("Response A")).to_have_value("7")
        page.get_by_label("Response A").fill("seven, which is a prime")
        page.get_by_role("tab", name="Preference curve").click()
        expect(handle(page, "A")).to_have_attribute("aria-valuenow", "0.23")
        expect(handle(page, "B")).to_have_attribute("aria-valuenow", "0.04")
        expect(page.locator(".rx-curve-main .rx-quiet > span").first).to_have_text("Scores: length.")
        page.get_by_role("button", name="Reset").click()
        expect(handle(page, "A")).to_have_attribute("aria-valuenow", "0.06")
        until(lambda: shown.state.prompt == table[0].prompt)
        page.goto("about:blank")
    shown.close()
