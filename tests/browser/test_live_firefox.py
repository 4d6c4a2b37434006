"""The file of `rmlab explore --live` in Firefox: opened from a disk without a network, it scores what is typed."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from marionette import Firefox

from rmlab.__main__ import main
from rmlab.data import PreferencePair, write_pairs
from rmlab.model import RewardModel

PAIRS = [PreferencePair(f"Name a river, {i}.", f"The Elbe{' is one' * i}.", "Rome.") for i in range(8)]
TYPED = "The Rhine, and é 漢 🙂 too."
READOUT = "return document.querySelector('.rx-probe-readout').textContent"
SCORE = "return document.querySelector('.rx-a .rx-score').textContent"
WIDTHS = "return [innerWidth, document.documentElement.scrollWidth]"


def open_probe(firefox: Firefox) -> None:
    firefox.ask("WebDriver:ElementClick", id=firefox.find("//*[@role='tab'][.='Probe']"))


def test_a_live_file_answers_in_firefox_and_fits_a_phone(firefox: Firefox, tmp_path: Path) -> None:
    model, file = RewardModel.from_pretrained("tiny-encoder", seed=3, device="cpu"), tmp_path / "live.html"
    model.save_pretrained(tmp_path / "model")
    write_pairs(PAIRS, tmp_path / "pairs.jsonl")
    assert main(["explore", str(tmp_path / "model"), str(tmp_path / "pairs.jsonl"), "--html", str(file), "--live"]) == 0
    manifest = re.search(r'id="rmlab-live-manifest">([^<]*)<', file.read_text(encoding="utf-8"))
    assert manifest
    stated = json.loads(manifest[1])["precision"]["int8"]["largest_error"]

    firefox.ask("WebDriver:Navigate", url=file.as_uri())
    open_probe(firefox)
    firefox.wait(lambda: "computed in this page" in firefox.run(READOUT))
    response = firefox.find("//label[contains(., 'Response A')]/following::textarea[1]")
    firefox.ask("WebDriver:ElementClear", id=response)
    firefox.ask("WebDriver:ElementSendKeys", id=response, text=TYPED)
    assert firefox.run("return document.activeElement.value") == TYPED
    (expected,) = model.score([str(PAIRS[0].prompt)], [TYPED])

    bound = stated + 0.005  # two digits are shown
    assert abs(expected - model.score([str(PAIRS[0].prompt)], [""])[0]) > 5 * bound, "else any text would do"

    def is_expected() -> bool:
        score = re.fullmatch(r"score ([+−]\d+\.\d+)", firefox.run(SCORE))
        return score is not None and abs(float(score[1].replace("−", "-")) - expected) <= bound

    firefox.wait(is_expected)
    time.sleep(1)  # it is the score of the last key, and stays
    assert is_expected()
    assert firefox.run("return performance.getEntriesByType('resource').length") == 0, "nothing is asked of anybody"

    phone = tmp_path / "phone.html"  # a window of Firefox is 500 pixels wide at least
    phone.write_text('<!doctype html><iframe src="live.html" style="width: 400px; height: 900px; border: 0"></iframe>')
    firefox.ask("WebDriver:Navigate", url=phone.as_uri())
    firefox.ask("WebDriver:SwitchToFrame", element=firefox.find("//iframe"))
    open_probe(firefox)
    firefox.wait(lambda: "computed in this page" in firefox.run(READOUT))
    width, needed = firefox.run(WIDTHS)
    assert width == 400
    assert needed <= 400
