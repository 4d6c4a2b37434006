"""The pages of the site, without a kernel: every notebook is walked and every control of it is moved.

What the controls show was recorded when tests/notebooks/test_lessons.py ran the lessons. A notebook that was not is
executed now; RMLAB_SITE_NOTEBOOKS="02_sigmoid 03_loss" takes only these.
"""

from __future__ import annotations

import functools
import gc
import hashlib
import http.server
import json
import os
import re
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import build_site
import build_web
import pytest
import recording
from accessibility import faults
from explorer import PAYLOADS
from filelock import FileLock
from playwright.sync_api import Dialog, Locator, Page, expect
from test_course_controls import USABLE, move
from widgets import Recorded, library_hash

from rmlab.explorer import Explorer, ExplorerState, controls, preference_curve
from rmlab.explorer.page import INERT
from rmlab.model import RewardModel

ROOT = Path(__file__).parents[2]
CHOSEN = os.environ.get("RMLAB_SITE_NOTEBOOKS")
STEMS = [path.stem for path in build_site.notebooks(CHOSEN.split() if CHOSEN else None)]
CONTROL = ", ".join(f".rmlab-widget {each}" for each in ("button", "input", "select", "textarea", "[role=slider]"))
MINUTE = 60_000  # milliseconds
MANY = 60  # controls of one widget that are used; lists of edits and of rows have more
INTERACTIVE = 1000  # milliseconds from the address to a curve that can be dragged
OURS = ("http://127.0.0.1:", "file:", "data:", "blob:")
TINY = dict.fromkeys(("fair", "flattered"), lambda: RewardModel.from_pretrained("tiny-encoder", seed=0))
HARMLESS = ("Got invalid theme mode", "[PST]", "Failed to load resource")  # of the theme; what failed is named apart


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of the site, built once for all processes of this run, and served."""
    folder = ROOT / "build" / "site-tested"
    with FileLock(ROOT / "build" / "site-tested.lock"):
        wanted = hashlib.sha256()
        for path in sorted(
            [*ROOT.glob("docs/**/*"), *ROOT.glob("notebooks/*"), *ROOT.glob("*.md"), *ROOT.glob("benchmarks/*.md")]
        ):
            if path.is_file() and "__pycache__" not in path.parts:
                wanted.update(path.read_bytes())
        wanted.update(f"{build_web.fingerprint()} {library_hash()} {STEMS}".encode())
        stamp = folder / "built-from"
        if not stamp.is_file() or stamp.read_text() != wanted.hexdigest():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)  # nbclient leaves an event loop open behind it
                status = build_site.build(folder, STEMS, models=TINY, kept=ROOT / "build/live-tested")
                gc.collect()
            assert status == 0
            stamp.write_text(wanted.hexdigest())
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing of it."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def wrong(page: Page) -> Iterator[list[str]]:
    """What goes wrong on a page: thrown, said on the console, refused by its policy, not found, or asked of others."""
    found: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        found.append(dialog.message)
        dialog.dismiss()

    page.on("pageerror", lambda error: found.append(f"thrown: {error}"))
    page.on("console", lambda said: found.append(said.text) if said.type in ("error", "warning") else None)
    page.on("dialog", dismiss)
    page.on(
        "request",
        lambda request: None if request.url.startswith(OURS) else found.append(request.url),
    )
    page.on("response", lambda answer: found.append(answer.url) if answer.status >= 400 else None)
    yield found
    assert not [each for each in found if not each.startswith(HARMLESS) and not each.endswith("/favicon.ico")]
    assert page.evaluate("window.ran") is None


def show_all(page: Page) -> list[Locator]:
    """Bring every widget of a page into view, and wait until its module has drawn it."""
    roots = page.locator("div.rmlab-widget").all()
    for root in roots:
        root.scroll_into_view_if_needed()
        expect(root.locator("p", has_text="which the script of this page draws")).to_have_count(0)
        expect(root.locator("xpath=self::*[contains(@class, 'rx')]")).to_have_count(1)
    return roots


WATCHED = """() => {
    window.shown = {};
    const note = () => {
        for (const node of document.querySelectorAll("[data-widget]:has(> .rx-shown)")) {
            const what = node.querySelector("img")?.getAttribute("src") ?? node.textContent;
            (window.shown[node.dataset.widget] ??= new Set()).add(what);
        }
    };
    note();
    const every = { subtree: true, childList: true, characterData: true, attributes: true };
    new MutationObserver(note).observe(document.body, every);
}"""  # every state that a picture, or a text that depends on controls, goes through, by its widget
COUNTED = "() => Object.fromEntries(Object.entries(window.shown).map(([name, states]) => [name, states.size]))"


@pytest.mark.parametrize("stem", STEMS)
def test_every_control_of_a_notebook_works_without_a_kernel(site: str, page: Page, wrong: list[str], stem: str) -> None:
    page.goto(f"{site}/notebooks/{stem}.html")
    recorded = json.loads(page.locator("script.rmlab-widgets").first.text_content() or "")["widgets"]
    roots = show_all(page)
    assert len(roots) >= 1
    assert "run this cell to use it" not in page.locator("main").inner_text().lower()
    page.evaluate(WATCHED)
    used = 0
    for root in roots:
        for control in root.locator("button, input, select, textarea, [role=slider]").element_handles()[:MANY]:
            if not control.evaluate(USABLE):
                continue
            move(page, control)
            used += 1
            page.wait_for_timeout(30)
    assert used >= len(roots) / 3
    there = page.evaluate(COUNTED)
    changed = [
        name for name, one in recorded.items() if len(one.get("follows", {}).get("shown", [])) > 1 and name in there
    ]
    assert changed or not any("follows" in one for one in recorded.values())
    for name in changed:  # each shows another state when it is used, be it a moment later
        page.wait_for_function("name => window.shown[name].size > 1", arg=name)
    assert not page.locator(".rx-error:visible").all_inner_texts()


@pytest.mark.parametrize("stem", STEMS)
def test_a_notebook_fits_a_phone_and_its_controls_have_names(
    site: str, page: Page, wrong: list[str], stem: str
) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(f"{site}/notebooks/{stem}.html")
    show_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert faults(page, within=".rmlab-widget") == []


@pytest.mark.parametrize("width", [400, 1400])
def test_the_first_page_holds_the_rules_of_the_explorer(site: str, page: Page, wrong: list[str], width: int) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(site)
    show_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert faults(page) == []
    page.emulate_media(color_scheme="dark")
    assert faults(page) == []


def test_the_curve_of_the_first_page_can_be_moved_within_a_second(site: str, page: Page, wrong: list[str]) -> None:
    page.add_init_script("""new MutationObserver((_, watch) => {
        if (document.querySelector("#curve .rx-pin")) { window.drawn = performance.now(); watch.disconnect(); }
    }).observe(document, { childList: true, subtree: true })""")
    drawn = []
    for _ in range(3):
        page.goto(site)
        pin = page.locator("#curve [role=slider].rx-pin").first
        expect(pin).to_be_visible()
        drawn.append(page.evaluate("window.drawn"))
    before = page.locator("#curve .rx-figure").first.inner_text()
    pin.press("ArrowRight")
    expect(page.locator("#curve .rx-figure").first).not_to_have_text(before)
    assert min(drawn) < INTERACTIVE, drawn
    assert not [
        url for url in page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)") if "onnx" in url
    ]


def test_the_path_of_the_first_page_shows_the_pair_of_the_probe(site: str, page: Page, wrong: list[str]) -> None:
    page.goto(site)
    show_all(page)
    examples = page.locator("#probe select").first
    prompt = page.locator("#probe textarea").first.input_value()
    expect(page.locator("#path")).to_contain_text(prompt[:30])
    examples.select_option(index=3)
    expect(page.locator("#probe textarea").first).not_to_have_value(prompt)
    expect(page.locator("#path")).to_contain_text(page.locator("#probe textarea").first.input_value()[:30])


def test_the_probe_of_the_first_page_answers_when_its_model_is_asked_for(
    site: str, page: Page, wrong: list[str]
) -> None:
    page.goto(site)
    show_all(page)
    probe = page.locator("#probe")
    expect(probe.get_by_label("Response A")).not_to_be_editable()
    folder = ROOT / "build/site-tested/live/fair"
    size = sum(path.stat().st_size for path in folder.iterdir())
    expect(probe).to_contain_text(f"With its runtime it is {size / 1e6:.0f} MB")
    probe.get_by_role("button", name="Load the model").click()
    edited = probe.get_by_label("Response A")
    expect(edited).to_be_editable(timeout=MINUTE)
    edited.fill("Put the bowl in a warmer place, and wait for another hour.")
    expect(probe).to_contain_text("computed in this page by the course's model", timeout=MINUTE)
    expect(probe.locator(".rx-score").filter(has_text="score").first).to_have_text(
        re.compile(r"score [+−]\d"), timeout=MINUTE
    )
    expect(page.locator("#path")).to_contain_text("Put the bowl in a warmer place")


def a_page(folder: Path, recorded: Recorded) -> Path:
    """Write the widgets of one cell as a page of the site, without Sphinx."""
    (folder / "_static").mkdir()
    (folder / "notebooks").mkdir()
    (folder / "_static/rmlab-widgets.js").write_text(build_site.page_script("site.js"), encoding="utf-8")
    (folder / "_static/rmlab-widgets.css").write_text(build_site.style(), encoding="utf-8")
    cell = {"cell_type": "code", "id": "a", "source": "# Controls", "outputs": [], "metadata": {}}
    build_site.with_widgets({"cells": [cell]}, recorded, {})
    body = cell["outputs"][0]["data"]["text/html"]  # type: ignore[index]
    file = folder / "notebooks/page.html"
    head = "<!doctype html><html lang=en><head><meta charset=utf-8><title>a page</title></head>"
    text = f"{head}<body><main>{body}</main></body></html>"
    file.write_text(build_site.policy.add_to(text, scores=True), encoding="utf-8")
    return file


def recorded_of(folder: Path, *made: Any) -> Recorded:
    """What the recorder writes of these widgets, each of them displayed."""
    widgets: dict[str, Any] = {one.model_id: recording.of_widget(one, lambda _: "none.png") for one in made}
    for one in made:
        if isinstance(one, controls.Prediction):
            widgets[one.model_id]["answer"] = one.answered()
    return Recorded(json.loads(json.dumps(widgets)), {"a": list(widgets)}, folder)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_of_a_notebook_stays_text(page: Page, wrong: list[str], tmp_path: Path, payload: str) -> None:
    menu = controls.Menu({payload: 0, "another": 1}, label=payload)
    words = controls.Words(lambda i: f"{i}: {payload}", menu)
    explorer = Explorer(
        ExplorerState(prompt=payload, response_a=payload, response_b=payload, scores_from=payload), ("probe",)
    )
    file = a_page(tmp_path, recorded_of(tmp_path, menu, words, explorer))
    page.goto(file.as_uri())
    show_all(page)
    expect(page.locator(".rx-words").first).to_contain_text("0: ")
    shown = page.locator(".rx-words").first.text_content() or ""
    assert shown == f"0: {payload}"
    page.locator("select").first.select_option(index=1)
    expect(page.locator(".rx-words").first).to_contain_text("1: ")


def test_controls_on_a_page_do_what_they_do_in_a_notebook(page: Page, wrong: list[str], tmp_path: Path) -> None:
    share = controls.Slider(0.5, 0, 1, step=0.01, label="share")
    menu = controls.Menu(["a", "b"], label="which")
    told = controls.Toggle(label="Tell me", until=menu)
    presses = controls.Presses("Step", most=2)
    steps = controls.Steps(["0", "10", "100", "1,000"], label="steps", milliseconds=300)
    words = controls.Words(lambda *values: f"{values}", share, menu, told)
    count = controls.Words(lambda n: f"{n} pressed", presses)
    at = controls.Words(lambda name: f"at {name}", steps)
    asked = controls.predict("How much?", 0.25, step=0.05)
    curve = preference_curve(ExplorerState(scores=(1.0, 0.0)))
    file = a_page(tmp_path, recorded_of(tmp_path, share, menu, told, presses, steps, words, count, at, asked, curve))
    page.goto(file.as_uri())
    show_all(page)
    said, counted, stepped = page.locator(".rx-shown .rx-words").all()[:3]
    expect(said).to_have_text("(0.5, 'a', False)")
    slider = page.get_by_role("slider", name="share")
    expect(slider).to_have_attribute("step", "0.05")
    expect(page.locator("main")).to_contain_text("in steps of 0.05; in the notebook it is 0.01")
    slider.press("ArrowRight")
    expect(said).to_have_text("(0.55, 'a', False)")
    page.get_by_role("button", name="Tell me").click()
    expect(said).to_have_text("(0.55, 'a', True)")
    page.get_by_role("combobox", name="which").select_option("b")
    expect(said).to_have_text("(0.55, 'b', False)")
    step = page.get_by_role("button", name="Step")
    for n in (1, 2):
        step.click()
        expect(counted).to_have_text(f"{n} pressed")
    expect(step).to_be_disabled()
    page.get_by_role("group", name="Step").get_by_role("button", name="Reset").click()
    expect(counted).to_have_text("0 pressed")
    plays(page, stepped)
    question = page.get_by_role("group", name="How much?")
    question.get_by_role("slider").press("End")
    question.get_by_role("button", name="Reveal").click()
    expect(question).to_contain_text(re.compile(r"You said 1\.00, it is 0\.25: 0\.75 too high"))


def plays(page: Page, shown: Locator) -> None:
    """Steps play to their end by themselves, stop where they are held, and wait for presses where nothing may move."""
    group = page.get_by_role("group", name="steps")
    slider, button = group.get_by_role("slider"), group.get_by_role("button")
    seen = shown.evaluate_handle(
        "node => { const seen = []; new MutationObserver(() => seen.push(node.textContent))"
        ".observe(node, { childList: true, characterData: true, subtree: true }); return seen; }"
    )
    button.click()
    expect(button).to_have_text("Pause")
    expect(button).to_have_text("Play", timeout=MINUTE)
    assert seen.json_value() == ["at 10", "at 100", "at 1,000"]
    button.click()  # from the first again, which a slow machine may show too briefly to be read
    expect(button).to_have_text("Play", timeout=MINUTE)
    assert seen.json_value()[3:] == ["at 0", "at 10", "at 100", "at 1,000"]
    button.click()
    slider.press("End")
    expect(button).to_have_text("Play")
    expect(shown).to_have_text("at 1,000")
    page.emulate_media(reduced_motion="reduce")
    expect(button).to_have_text("Next step")
    for wanted in ("at 0", "at 10"):
        button.click()
        expect(shown).to_have_text(wanted)


def test_data_of_a_page_holds_nothing_that_could_end_its_block() -> None:
    values = build_site.policy.inert({"x": "</script><!--\u2028&"})
    assert not set(map(chr, INERT)) & set(values)
    assert json.loads(values) == {"x": "</script><!--\u2028&"}
