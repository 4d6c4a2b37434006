"""One file with a model inside, opened from a disk, with no network: it scores what is typed, or says why it cannot."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from accessibility import faults
from explorer import PAYLOADS, Opened, until
from playwright.sync_api import Browser, Page, expect

from rmlab.data import PreferencePair
from rmlab.explorer import ExplorerState, probe
from rmlab.explorer.live_files import live_blocks
from rmlab.explorer.presets import NUMBERS
from rmlab.model import RewardModel

PROMPT = "Name a river."
TYPED = "The Rhine, and é 漢 🙂 too."
PAIRS = [PreferencePair(PROMPT, TYPED, "Rome."), PreferencePair(PROMPT, "The Elbe.", "No.")]
SECONDS = 240_000  # milliseconds that a loaded machine may take to start the model


@pytest.fixture(scope="module")
def models() -> tuple[RewardModel, RewardModel]:
    model, twin = (RewardModel.from_pretrained("tiny-encoder", seed=3, device="cpu") for _ in range(2))
    with torch.no_grad():
        twin.head.weight.mul_(-2)
    return model, twin


@pytest.fixture(scope="module")
def live(models: tuple[RewardModel, RewardModel]) -> str:
    """The blocks of a small model and its twin, whose names try to be more than text."""
    return live_blocks(models[0], PAIRS, name=PAYLOADS[0], second=(PAYLOADS[8], models[1]))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce", offline=True)
    yield context.new_page()
    context.close()


def show(opened: Opened, folder: Path, live: str, **traits: str) -> Page:
    texts = {"prompt": PROMPT, "response_a": "A", "response_b": "Rome."} | traits
    state = ExplorerState(view="probe", presets=NUMBERS, **texts)
    opened.show(folder, state, ("curve", "probe"), probe().data, live=live)
    return opened.page


def score(page: Page, side: str) -> float:
    """The score that is shown of a response."""
    shown = page.locator(f".rx-{side} .rx-score").inner_text()
    return float(re.fullmatch(r"score ([+−]?\d+\.\d+)", shown)[1].replace("−", "-"))


def test_what_is_typed_is_scored_as_torch_does(
    opened: Opened, tmp_path: Path, live: str, models: tuple[RewardModel, RewardModel]
) -> None:
    page = show(opened, tmp_path, live)
    readout = page.locator(".rx-probe-readout")
    expect(readout).to_contain_text("computed in this page", timeout=SECONDS)
    page.get_by_label("Response A").fill("")
    page.get_by_label("Response A").press_sequentially(TYPED)
    stated = json.loads(re.search(r'id="rmlab-live-manifest">([^<]*)<', live)[1])["precision"]["int8"]["largest_error"]
    expected = models[0].score([PROMPT] * 2, [TYPED, "Rome."])
    wanted = pytest.approx(expected, abs=stated + 0.005)  # two digits are shown
    until(lambda: [score(page, side) for side in "ab"] == wanted)
    expect(readout).to_contain_text("nats of torch on 4 texts")
    expect(readout).to_contain_text("8-bit weights")
    expect(readout).to_contain_text(PAYLOADS[0])  # the model's name, as text
    expect(readout).to_contain_text(PAYLOADS[8], timeout=SECONDS)  # the twin answers too
    assert faults(page) == []
    page.set_viewport_size({"width": 400, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_texts_with_markup_stay_texts(opened: Opened, tmp_path: Path, live: str) -> None:
    hostile = "\n".join(PAYLOADS)
    page = show(opened, tmp_path, live, prompt=hostile, response_a=hostile)
    expect(page.locator(".rx-probe-readout")).to_contain_text("computed in this page", timeout=SECONDS)
    page.get_by_label("Response B").fill(hostile)
    until(lambda: score(page, "a") == score(page, "b"))


def changed(live: str, name: str, change: Callable[[bytes], bytes]) -> str:
    """Return blocks of which one, packed as the others, holds something else."""

    def packed(found: re.Match[str]) -> str:
        return found[1] + base64.b64encode(gzip.compress(change(gzip.decompress(base64.b64decode(found[2]))))).decode()

    new, n = re.subn(rf'(id="rmlab-live-{name}">)([^<]*)', packed, live)
    assert n == 1
    return new


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(
            lambda live: re.sub(r'(id="rmlab-live-model">[^<]{1000})[^<]*', r"\1", live),
            "damaged or incomplete",
            id="a block that was cut off",
        ),
        pytest.param(
            lambda live: re.sub(r'<script[^>]*id="rmlab-live-wasm">[^<]*</script>', "", live),
            "rmlab-live-wasm",
            id="a block that is missing",
        ),
        pytest.param(
            lambda live: changed(live, "model", lambda data: data[: len(data) // 2]),
            "does not answer",
            id="a model that does not load",
        ),
        pytest.param(
            lambda live: changed(live, "worker", lambda script: b"WebAssembly.validate = () => false;\n" + script),
            "SIMD",
            id="a browser without SIMD",
        ),
    ],
)
def test_what_hinders_the_model_is_said_and_all_else_works(
    page: Page, tmp_path: Path, live: str, damage: Callable[[str], str], said: str
) -> None:
    opened = Opened(page)
    show(opened, tmp_path, damage(live))
    expect(page.get_by_role("status").filter(has_text="does not answer in this page")).to_contain_text(
        said, timeout=SECONDS
    )
    assert not [one for one in opened.wrong if one.startswith("thrown")]
    page.get_by_role("tab", name="Preference curve").click()
    page.get_by_label("Example").select_option(NUMBERS[1]["name"])
    expect(page.locator(".rx-readout .rx-figures").first).to_contain_text("0.731")
