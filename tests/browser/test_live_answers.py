"""A model inside the page answers what is typed, without kernel and network; what fails is said, the rest goes on."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from explorer import until
from playwright.sync_api import Browser, Page, Route, expect

from rmlab.explorer import ExplorerState
from rmlab.explorer.bundle import live_wasm, live_worker
from rmlab.explorer.page import as_inert_json, render_page, script_block
from rmlab.model import RewardModel
from rmlab.simulate.replies import simulate_reply_pairs

STATE = {
    "prompt": "What is 2 + 2?",
    "response_a": "It is 4.",
    "response_b": "Five, I think.",
    "scores": (1.0, 0.5),
    "scores_from": "recorded for a test",
    "view": "probe",
}
SERVED = "http://site.example/"
SIZE = 36_700_000  # bytes, as the page is told


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[RewardModel, Path]:
    model = RewardModel.from_pretrained("tiny-decoder", seed=3, device="cpu", max_length=64)
    folder = tmp_path_factory.mktemp("live") / "model"
    model.export_onnx(folder, simulate_reply_pairs(10, seed=0).pairs, name="a tiny model")
    return model, folder


def packed(name: str, data: bytes, *, cut: bool = False) -> str:
    text = base64.b64encode(gzip.compress(data, 1)).decode()
    return script_block(name, text[: len(text) // 8 * 4] if cut else text, kind="application/octet-stream")


def blocks(folder: Path, *, worker: str | None = None, cut: str = "") -> str:
    """Return the model as blocks; `worker` goes before the worker's script, and the block `cut` is halved."""
    parts = [
        script_block(f"live-{name}", as_inert_json(json.loads((folder / file).read_text(encoding="utf-8"))))
        for name, file in (("manifest", "rmlab_onnx.json"), ("tokenizer", "tokenizer.json"))
    ]
    files = {
        "model": (folder / "model_int8.onnx").read_bytes(),
        "wasm": live_wasm(),
        "worker": f"{worker or ''}\n{live_worker()}".encode(),
    }
    return "\n".join(parts + [packed(f"live-{name}", data, cut=name == cut) for name, data in files.items()])


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Callable[[str], Page]]:
    context = browser.new_context(viewport={"width": 1200, "height": 900}, offline=True)
    wrong: list[str] = []

    def opened(live: str) -> Page:
        state = ExplorerState(**STATE)
        state.mark_start()
        file = tmp_path / "page.html"
        file.write_text(render_page(state, ("probe", "curve"), {}, title="a test", live=live), encoding="utf-8")
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(file.as_uri())
        return page

    yield opened
    assert not wrong
    context.close()


def score_shown(page: Page, side: str) -> float:
    text = page.locator(f".rx-editor.rx-{side} .rx-score").inner_text()
    return float(text.removeprefix("score ").replace("−", "-"))


def answered(page: Page, *, timeout: float = 60_000) -> None:
    readout = page.locator(".rx-probe-readout")
    expect(readout).to_contain_text("computed in this page by a tiny model (8-bit weights, within", timeout=timeout)
    page.wait_for_function("document.querySelector('.rx-probe-readout').getAttribute('aria-busy') === 'false'")


def test_it_answers_what_is_typed(show: Callable[[str], Page], exported: tuple[RewardModel, Path]):
    model, folder = exported
    page = show(blocks(folder))
    answered(page)
    expect(page.locator(".rx-loading")).to_be_hidden()
    stated = json.loads((folder / "rmlab_onnx.json").read_text(encoding="utf-8"))["precision"]["int8"]["largest_error"]
    bound = 0.006 + 3 * stated  # two decimals are shown

    def same_as_torch(a: str, b: str) -> None:
        wanted = pytest.approx(model.score([STATE["prompt"]] * 2, [a, b]), abs=bound)
        until(lambda: [score_shown(page, side) for side in "ab"] == wanted)

    same_as_torch(STATE["response_a"], STATE["response_b"])
    typed = "It is 4, as two and two make four. 😀 \ud83d".replace("\ud83d", "\ufffd")
    before = page.locator(".rx-probe-readout").get_attribute("data-answered")
    page.get_by_label("Response A").fill("")
    page.get_by_label("Response A").press_sequentially(typed, delay=5)
    expect(page.locator(".rx-probe-readout")).not_to_have_attribute("data-answered", before or "")
    answered(page)
    same_as_torch(typed, STATE["response_b"])
    page.get_by_label("Response A").fill("word " * 400)
    expect(page.locator(".rx-note").filter(has_text="Response A is too long")).to_be_visible()
    page.get_by_label("Response A").evaluate(
        "(area) => { area.value = 'word '.repeat(40_001); area.dispatchEvent(new Event('input')); }"
    )
    expect(page.get_by_role("alert")).to_contain_text("a tiny model gave no score", timeout=20_000)
    page.get_by_label("Response A").fill("Four.")
    expect(page.get_by_role("alert")).to_be_hidden()
    answered(page)
    same_as_torch("Four.", STATE["response_b"])


@pytest.mark.parametrize(
    ("faulty", "said"),
    [
        ({"worker": "WebAssembly.validate = () => false;"}, "SIMD"),
        ({"worker": "WebAssembly.Memory = function () { throw new RangeError('no room'); };"}, "memory"),
        ({"worker": "throw new Error('planted');"}, "planted"),
        ({"cut": "model"}, "damaged or incomplete"),
        ({"cut": "worker"}, "damaged or incomplete"),
    ],
)
def test_what_fails_is_said_and_the_rest_goes_on(
    show: Callable[[str], Page], exported: tuple[RewardModel, Path], faulty: dict[str, str], said: str
):
    page = show(blocks(exported[1], **faulty))
    expect(page.locator(".rx-loading")).to_contain_text(said, timeout=60_000)
    expect(page.locator(".rx-probe-readout")).to_contain_text("recorded for a test")
    assert score_shown(page, "a") == 1.0
    expect(page.locator(".rx-probe-readout")).to_have_attribute("aria-busy", "false")
    page.get_by_role("tab", name="Preference curve").click()
    page.get_by_role("slider", name="Score of A").press("ArrowRight")
    expect(page.get_by_role("slider", name="Score of A")).to_have_attribute("aria-valuenow", "1.1")


@pytest.fixture
def served(browser: Browser, exported: tuple[RewardModel, Path]) -> Iterator[tuple[Page, list[str]]]:
    """A page at an address that names a folder of a model; the names of the files that it asked for."""
    state = ExplorerState(**STATE)
    text = render_page(state, ("probe",), {}, title="a test")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    text = text.replace('id="rmlab-state">{', f'id="rmlab-state">{{"live":{{"folder":"model/","bytes":{SIZE}}},')
    asked: list[str] = []  # of the model

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix(SERVED)
        if not name:
            route.fulfill(body=text, content_type="text/html")
            return
        asked.append(name)
        file = name.removeprefix("model/")
        body = {"onnxruntime.wasm": live_wasm, "live.worker.js": lambda: live_worker().encode()}.get(
            file, lambda: (exported[1] / file).read_bytes()
        )()
        route.fulfill(body=body, headers={"content-length": str(len(body))})

    context = browser.new_context()
    page = context.new_page()
    page.route(f"{SERVED}**", answer)
    page.goto(SERVED)
    yield page, asked
    context.close()


def test_a_model_at_an_address_is_loaded_when_it_is_wanted(served: tuple[Page, list[str]]):
    page, asked = served
    line = page.locator(".rx-loading")
    expect(line).to_contain_text("With its runtime it is 37 MB, loaded once")
    assert not asked
    expect(page.get_by_label("Response A")).to_have_attribute("readonly", "")
    page.route(f"{SERVED}model/model_int8.onnx", lambda route: route.abort())
    page.get_by_role("button", name="Load the model").click()
    expect(line).to_contain_text("model_int8.onnx could not be loaded", timeout=60_000)
    page.unroute(f"{SERVED}model/model_int8.onnx")
    page.get_by_role("button", name="Try again").click()
    answered(page)
    expect(page.get_by_label("Response A")).not_to_have_attribute("readonly", "")
    page.get_by_label("Response A").fill("Four.")
    expect(page.locator(".rx-editor.rx-a .rx-score")).not_to_have_text("score +1.00")
