"""The file of `rmlab explore --live` in Firefox: opened from a disk without a network, it scores what is typed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from explorer import Opened
from playwright.sync_api import Browser, expect

from rmlab.__main__ import main
from rmlab.data import PreferencePair, write_pairs
from rmlab.model import RewardModel

TYPED = "The Rhine, and é 漢 🙂 too."
PAIRS = [PreferencePair(f"Name a river, {i}.", f"The Elbe{' is one' * i}.", "Rome.") for i in range(8)]
SLOW = 180_000  # milliseconds, on a machine that does much else


def test_a_live_file_answers_in_firefox(firefox: Browser, tmp_path: Path) -> None:
    model, file = RewardModel.from_pretrained("tiny-encoder", seed=3, device="cpu"), tmp_path / "live.html"
    model.save_pretrained(tmp_path / "model")
    write_pairs(PAIRS, tmp_path / "pairs.jsonl")
    assert main(["explore", str(tmp_path / "model"), str(tmp_path / "pairs.jsonl"), "--html", str(file), "--live"]) == 0
    page = firefox.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce").new_page()
    opened = Opened(page)
    page.goto(file.as_uri())
    page.get_by_role("tab", name="Probe").click()
    readout = page.locator(".rx-probe-readout")
    expect(readout).to_contain_text("computed in this page", timeout=SLOW)
    prompt = page.get_by_label("Prompt").input_value()
    page.get_by_label("Response A").fill("")
    before = page.locator(".rx-a .rx-score").inner_text()
    page.get_by_label("Response A").press_sequentially(TYPED)
    manifest = re.search(r'id="rmlab-live-manifest">([^<]*)<', file.read_text(encoding="utf-8"))
    stated = json.loads(manifest[1])["precision"]["int8"]["largest_error"] if manifest else 0
    (wanted,) = model.score([prompt], [TYPED])
    shown = page.locator(".rx-a .rx-score")
    expect(shown).not_to_have_text(before)
    page.wait_for_timeout(2000)  # until the last key is answered
    number = re.fullmatch(r"score ([+−]\d+\.\d+)", shown.inner_text())
    assert number
    assert float(number[1].replace("−", "-")) == pytest.approx(wanted, abs=stated + 0.005)  # two digits are shown
    page.set_viewport_size({"width": 400, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    opened.check()
    page.context.close()
