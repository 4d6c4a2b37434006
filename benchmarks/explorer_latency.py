"""How long the explorer takes from an input to the painted frame, in Chromium, and how soon its single file is usable.

A key is followed from `event.timeStamp`, when the browser had it, to a message-channel task that is posted in the next
animation frame and so runs after that frame is painted. Keys come at random phase of the frames: of the 16.7 ms between
two frames they wait 8.3 on average, whatever the page does.

    python benchmarks/explorer_latency.py                # all
    python benchmarks/explorer_latency.py curve file     # some
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from rmlab.datasets import load_recorded
from rmlab.evaluation import evaluate
from rmlab.explorers import ExplorerState, compare, length_score, pairs, preference_curve
from rmlab.explorers import film as show_film
from rmlab.explorers.page import render_page
from rmlab.training import HeldOutEvaluation, History, TrainingConfig, TrainingStep

FRAME = 1000 / 60
# `window.measured` gets the milliseconds from the key to the painted frame in which `moved()` first holds.
WATCH = """(moved) => {
    window.measured = [];
    const channel = new MessageChannel();
    let began = null, before = null;
    channel.port1.onmessage = () => {
        if (began !== null) window.measured.push(performance.now() - began);
        began = null;
    };
    const frame = () => {
        if (began === null) return;
        if (moved() === before) requestAnimationFrame(frame);
        else channel.port2.postMessage(null);
    };
    addEventListener("keydown", (event) => {
        began = event.timeStamp;
        before = moved();
        requestAnimationFrame(frame);
    }, { capture: true });
}"""
USABLE = """(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => { window.usable = performance.now(); };
    addEventListener("DOMContentLoaded", () => requestAnimationFrame(() => channel.port2.postMessage(null)));
})()"""


def press_keys(page: Page, n: int, moved: str, keys: tuple[str, str] = ("ArrowRight", "ArrowLeft")) -> np.ndarray:
    """Press keys at random phase on what has the focus; milliseconds from each to the frame that shows it, ``(n,)``.

    `moved` is a JavaScript function of what must have changed in that frame.
    """
    page.evaluate(f"({WATCH})({moved})")
    chance = random.Random(0)
    for i in range(n):
        page.keyboard.press(keys[i // 10 % 2])
        wait_until(page, f"window.measured.length > {i}")
        time.sleep((10 + chance.random() * 2 * FRAME) / 1000)
    return np.array(page.evaluate("window.measured"))


def wait_until(page: Page, condition: str) -> None:
    """Ask until a JavaScript expression holds. (The page's policy forbids what Playwright's own waiting does.)"""
    end = time.monotonic() + 30
    while not page.evaluate(condition):
        if time.monotonic() > end:
            raise TimeoutError(condition)
        time.sleep(0.005)


def report(what: str, milliseconds: np.ndarray, wanted: float | None = None) -> None:
    """Print the median and the 95th percentile."""
    median, p95 = np.percentile(milliseconds, [50, 95])
    goal = "" if wanted is None else f"   wanted {wanted:g}: {'met' if p95 <= wanted else 'MISSED'}"
    print(f"{what:<58} median {median:7.1f} ms   p95 {p95:7.1f} ms   n {len(milliseconds)}{goal}", flush=True)


def write_page(folder: Path, explorer) -> Path:
    """Write the single file of an explorer."""
    path = folder / "explorer.html"
    path.write_text(render_page(explorer.state, explorer.views, explorer.data, title="benchmark"), encoding="utf-8")
    return path


def curve(browser: Browser, folder: Path, n: int) -> None:
    """The preference curve: an arrow key on a handle, to the point painted elsewhere."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(write_page(folder, preference_curve()).as_uri())
    page.get_by_role("slider", name="Score of A").focus()
    moved = "() => document.querySelector('.rx-sigmoid .rx-point').getAttribute('cx')"
    report("curve: key to painted frame", press_keys(page, n, moved), FRAME)
    page.close()


NOTEBOOK = """
import ipywidgets as widgets, numpy as np, plotly.graph_objects as go
import rmlab
d = np.linspace(-8, 8, 161)
figure = go.FigureWidget()
figure.add_scatter(x=d, y=rmlab.preference_probability(d), mode="lines")
figure.add_scatter(x=[1.0], y=[rmlab.preference_probability(1.0)], mode="markers", marker={"size": 12})
a, b = (widgets.FloatSlider(value, min=-8, max=8, step=0.1) for value in (1.0, 0.0))
def draw(_):
    gap = a.value - b.value
    with figure.batch_update():
        figure.data[1].x, figure.data[1].y = [gap], [rmlab.preference_probability(gap)]
a.observe(draw, "value")
b.observe(draw, "value")
widgets.VBox([a, b, figure])
"""


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """Start JupyterLab on a folder; give its address and token with a place for the path."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {"JUPYTER_CONFIG_DIR": str(folder), "JUPYTER_RUNTIME_DIR": str(folder / "run"), "JUPYTER_TOKEN": "benchmark"}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", f"--notebook-dir={folder}"]
    command += ["--allow-root"] if os.geteuid() == 0 else []
    server = subprocess.Popen(
        command, env=os.environ | own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    address = f"http://127.0.0.1:{port}/{{}}?token=benchmark"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(address.format("api/status"), timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


@contextmanager
def in_jupyterlab(browser: Browser, folder: Path, source: str, shown: str) -> Iterator[Page]:
    """Run a cell in JupyterLab, and give the page when it shows something that this selector finds."""
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
    kernel = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}
    notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (folder / "cell.ipynb").write_text(json.dumps(notebook))
    with jupyterlab(folder) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 1100})
        page.goto(address.format("lab/tree/cell.ipynb"))
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=120_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.locator(shown).first.wait_for(timeout=120_000)
        page.wait_for_timeout(2000)
        yield page
        page.close()


PROBE = """
from rmlab import explorers
from rmlab.datasets import course_model, load_everyday
model = course_model()
text = " ".join(pair.chosen for pair in load_everyday()[:20])
words = text.split()
while len(model.encode([""], [" ".join(words)])[0]) > 180:
    words.pop()
explorer = explorers.probe(model)
explorer.response_a = " ".join(words)
explorer
"""


def probe(browser: Browser, folder: Path, n: int) -> None:
    """The probe with minilm on a response of about 200 tokens, in JupyterLab: a typed key to the new score painted."""
    with in_jupyterlab(browser, folder, PROBE, ".rx-probe textarea") as page:
        box = page.get_by_label("Response A")
        box.click()
        box.press("Control+End")
        moved = "() => document.querySelector('.rx-probe-readout').dataset.answered"
        threads = os.environ.get("OMP_NUM_THREADS", "all")
        name = f"probe, minilm, 180 to 220 tokens, {threads} threads: key to score"
        report(name, press_keys(page, min(n, 100), moved, ("a", "Space")), 300)


def figurewidget(browser: Browser, folder: Path, n: int) -> None:
    """The same plot as sliders and a plotly FigureWidget that a local kernel redraws, in JupyterLab."""
    with in_jupyterlab(browser, folder, NOTEBOOK, ".scatterlayer .point") as page:
        page.locator(".noUi-handle").first.focus()
        moved = "() => document.querySelector('.scatterlayer .point').getAttribute('transform')"
        report("the same plot as a FigureWidget with a local kernel", press_keys(page, n, moved))


def file(browser: Browser, folder: Path, n: int) -> None:
    """The single file with 2,000 pairs: its size, and the time until its first frame is painted and keys act."""
    recorded = load_recorded()
    chosen = np.resize(np.arange(len(recorded.pairs)), 2000)
    table, differences = recorded.pairs.take(chosen), recorded.trained[chosen]
    state = ExplorerState()
    shown, beside = pairs(differences, table, state=state), compare(differences, length_score, table, state=state)
    path = folder / "file.html"
    views, data = ("curve", "pairs", "compare"), {**beside.data, **shown.data}
    path.write_text(render_page(state, views, data, title="2,000 pairs"), encoding="utf-8")
    size = path.stat().st_size / 1e6
    print(f"{'single file with 2,000 pairs':<58} {size:.2f} MB   wanted 5: {'met' if size <= 5 else 'MISSED'}")
    for view in views:
        seconds = []
        path.write_text(render_page(ExplorerState(view=view), views, data, title="2,000 pairs"), encoding="utf-8")
        for _ in range(10):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.add_init_script(USABLE)
            page.goto(path.as_uri())
            wait_until(page, "window.usable !== undefined")
            seconds.append(page.evaluate("window.usable"))
            page.close()
        report(f"single file: from opening it to usable, view {view}", np.array(seconds), 2000)


def table(browser: Browser, folder: Path, n: int) -> None:
    """The table of 10,000 pairs with its pictures: sorted by a key on a heading, filtered by a key in a field."""
    recorded = load_recorded()
    chosen = np.resize(np.arange(len(recorded.pairs)), 10_000)
    path = write_page(folder, pairs(recorded.trained[chosen], recorded.pairs.take(chosen)))
    heading = "document.querySelectorAll('.rx-sort')[3]"  # of the differences
    first = "() => document.querySelector('.rx-rows .rx-row').id"
    field, typed = (
        "document.querySelector('input[type=search]')",
        "() => document.querySelector('input[type=search]').value",
    )
    for what, focused, moved, keys in (
        ("sorted", heading, first, ("Enter", "Enter")),
        ("filtered by text", field, typed, ("e", "Backspace")),
    ):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(path.as_uri())
        page.evaluate(f"{focused}.focus()")
        report(f"10,000 pairs: {what}, key to painted frame", press_keys(page, n, moved, keys), 200)
        page.close()


FRAMES = """(seconds) => new Promise((done) => {
    const drawn = [];
    const mark = document.querySelector(".rx-strip .rx-dots");
    new MutationObserver(() => drawn.push(performance.now())).observe(mark, { attributeFilter: ["d"] });
    document.querySelector(".rx-play").click();
    setTimeout(() => { document.querySelector(".rx-play").click(); done(drawn); }, 1000 * seconds);
})"""


def film(browser: Browser, folder: Path, n: int) -> None:
    """The training film of 1,000 held-out pairs while it plays: from one drawn frame to the next."""
    final = load_recorded().trained[:1000]
    frames = [final * k / 30 for k in range(31)]
    evaluations = tuple(HeldOutEvaluation(5 * k, evaluate(d), d) for k, d in enumerate(frames))
    record = TrainingStep(1, 1.0, 16, 0.7, 0.5, 0.0, 1.0, 1e-4, 99, 1.0, evaluations)
    history = History((record,), TrainingConfig(), 16, {}, {}, "padded rows", None)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(write_page(folder, show_film(history)).as_uri())
    gaps = np.diff(page.evaluate(FRAMES, min(10, n / 30)))
    print(f"{'film of 1,000 pairs: frames a second':<58} {1000 / gaps.mean():.1f}")
    report("film of 1,000 pairs: from one frame to the next", gaps, 1000 / 30)
    page.close()


MEASURED: dict[str, Callable[[Browser, Path, int], None]] = {
    "curve": curve,
    "figurewidget": figurewidget,
    "probe": probe,
    "table": table,
    "film": film,
    "file": file,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help=f"some of {', '.join(MEASURED)} (default: all)")
    parser.add_argument("--events", type=int, default=300, help="keys of each kind (default: 300)")
    options = parser.parse_args()
    if unknown := set(options.what) - set(MEASURED):
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(MEASURED)}")
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        print(f"Chromium {browser.version}")
        for name in options.what or MEASURED:
            MEASURED[name](browser, Path(folder), options.events)
        browser.close()


if __name__ == "__main__":
    main()
