"""How long the explorer takes in Chromium from an input to the painted frame, and until its single file can be used.

The time starts with `event.timeStamp`, when the browser received the key. It ends in a message-channel task that is
posted in the animation frame that shows the change, and so runs after that frame is painted. Keys come at random times
within the frames, so some wait for nearly the 16.7 ms between two frames, whatever the page does. A page that only
counts keys, pressed in turn with the curve, shows how much of the time belongs to Chromium and the machine.

    python benchmarks/explorer_latency.py                # all
    python benchmarks/explorer_latency.py curve file     # some
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _browser import FRAME, USABLE, in_jupyterlab, measured, press_keys, pressed, wait_until, watch
from _targets import verdict
from playwright.sync_api import Browser, sync_playwright

from rmlab.__main__ import main as main_of_rmlab
from rmlab.datasets import course_model, load_everyday, load_recorded
from rmlab.evaluation import evaluate
from rmlab.explorer import ExplorerState, compare, length_score, pairs, preference_curve
from rmlab.explorer import film as show_film
from rmlab.explorer.page import render_page
from rmlab.training import HeldOutEvaluation, History, TrainingConfig, TrainingStep


def report(what: str, milliseconds: np.ndarray, wanted: float | None = None) -> None:
    """Print the median and the 95th percentile."""
    median, p95 = np.percentile(milliseconds, [50, 95])
    goal = "" if wanted is None else f"   at most {wanted:g}: {verdict(p95 <= wanted)}"
    print(f"{what:<58} median {median:7.1f} ms   p95 {p95:7.1f} ms   n {len(milliseconds)}{goal}", flush=True)


def write_page(folder: Path, explorer) -> Path:
    """Write the single file of an explorer."""
    path = folder / "explorer.html"
    path.write_text(render_page(explorer.state, explorer.views, explorer.data, title="benchmark"), encoding="utf-8")
    return path


COUNTER = """<!doctype html><title>counts keys</title><p tabindex="0">0</p><script>
const shown = document.querySelector("p");
let n = 0;
shown.addEventListener("keydown", () => { shown.textContent = n += 1; });
</script>"""


def curve(browser: Browser, folder: Path, n: int) -> None:
    """The preference curve: from an arrow key on a handle to the moved point; in turn, a page that only counts."""
    (folder / "counter.html").write_text(COUNTER)
    pages = {
        "curve: key to painted frame": (
            write_page(folder, preference_curve()),
            ".rx-pin",
            "() => document.querySelector('.rx-sigmoid .rx-point').getAttribute('cx')",
        ),
        "a page that only counts keys, in turn": (
            folder / "counter.html",
            "p",
            "() => document.querySelector('p').textContent",
        ),
    }
    opened = {}
    for name, (path, focused, moved) in pages.items():
        opened[name] = page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(path.as_uri())
        page.locator(focused).first.focus()
        watch(page, moved)
    chance = random.Random(0)
    for start in range(0, n, 20):
        for page in opened.values():
            page.bring_to_front()
            press_keys(page, min(20, n - start), chance)
    for name, page in opened.items():
        report(name, measured(page), FRAME if name.startswith("curve") else None)
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


PROBE = """
from rmlab import explorer
from rmlab.datasets import course_model, load_everyday
model = course_model()
text = " ".join(pair.chosen for pair in load_everyday()[:20])
words = text.split()
while len(model.encode([""], [" ".join(words)])[0]) > 180:
    words.pop()
shown = explorer.probe(model)
shown.response_a = " ".join(words)
shown
"""


def probe(browser: Browser, folder: Path, n: int) -> None:
    """The probe with minilm in JupyterLab, on a response of about 200 tokens: from a typed key to the new score."""
    with in_jupyterlab(browser, folder, PROBE, ".rx-probe textarea") as page:
        box = page.get_by_label("Response A")
        box.click()
        box.press("Control+End")
        moved = "() => document.querySelector('.rx-probe-readout').dataset.answered"
        threads = os.environ.get("OMP_NUM_THREADS", "all")
        name = f"probe, minilm, 180 to 220 tokens, {threads} threads: key to score"
        report(name, pressed(page, min(n, 100), moved, ("a", "Space")), 300)


ANSWERED = """(() => {
    const look = () => {
        const readout = document.querySelector(".rx-probe-readout");
        if (readout?.textContent.includes("computed in this page")) window.answered ??= performance.now();
        else setTimeout(look, 5);
    };
    look();
})()"""


def live(browser: Browser, folder: Path, n: int) -> None:
    """The single file with minilm inside: from opening it to the first score, and from a typed key to the new score."""
    path = live_file(folder)
    size = path.stat().st_size / 1e6
    print(f"{'single file with minilm and its twin inside':<58} {size:.1f} MB   at most 60: {verdict(size <= 60)}")
    seconds = []
    for _ in range(5):
        page = browser.new_page(viewport={"width": 1280, "height": 1100})
        page.add_init_script(ANSWERED)
        page.goto(path.as_uri())
        page.keyboard.press("Escape")  # the opening
        page.get_by_role("tab", name="Probe").click()
        wait_until(page, "window.answered !== undefined")
        seconds.append(page.evaluate("window.answered"))
        if len(seconds) < 5:
            page.close()
    report("single file with minilm: from opening it to the first score", np.array(seconds), 6000)
    box = page.get_by_label("Response A")
    box.fill(text_of(180))
    page.wait_for_timeout(5000)  # the twin has started too
    box.press("Control+End")
    moved = "() => document.querySelector('.rx-probe-readout').dataset.answered"
    report(
        "single file, minilm, 180 to 220 tokens: key to score", pressed(page, min(n, 100), moved, ("a", "Space")), 300
    )
    page.close()


def live_file(folder: Path) -> Path:
    """Write the single file with the course's models inside, unless it is there."""
    path = folder / "live.html"
    if not path.is_file():
        main_of_rmlab(["explore", "--html", str(path), "--live"])
    return path


FITTED = """() => {
    const words = document.querySelector("[aria-label='Your own head']").textContent;
    return window.fitted = /fitted to your (\\d+) labels/.exec(words)?.[1] ?? window.fitted; // kept during a read
}"""


def refit(browser: Browser, folder: Path, n: int) -> None:
    """The reader's own head in the single file: from a verdict to the head fitted to all verdicts so far."""
    page = browser.new_page(viewport={"width": 1280, "height": 1100})
    page.goto(live_file(folder).as_uri())
    page.keyboard.press("Escape")  # the opening
    page.get_by_role("tab", name="Judge").press("Enter")
    page.get_by_text("20 more judgements").wait_for(timeout=60_000)
    for i in range(1, 41):
        page.keyboard.press(("ArrowLeft", "ArrowRight")[i % 2])
        page.get_by_text(f"{i} of 40 judged" if i < 40 else "40 judged", exact=True).wait_for()
    page.get_by_role("button", name="Judge more").press("Enter")
    page.get_by_text("fitted to your 40 labels").wait_for(timeout=300_000)  # the model has read all pairs by then
    n = min(n, 60)
    report(f"single file, minilm: verdict to its fit, labels 41 to {40 + n}", pressed(page, n, FITTED))
    page.close()


def text_of(n_tokens: int) -> str:
    """Return a text of at most that many tokens."""
    model = course_model()
    words = " ".join(pair.chosen for pair in load_everyday()[:20]).split()
    while len(model.encode([""], [" ".join(words)])[0]) > n_tokens:
        words.pop()
    return " ".join(words)


def figurewidget(browser: Browser, folder: Path, n: int) -> None:
    """The same plot in JupyterLab, as sliders and a plotly FigureWidget that a local kernel redraws."""
    with in_jupyterlab(browser, folder, NOTEBOOK, ".scatterlayer .point") as page:
        page.locator(".noUi-handle").first.focus()
        moved = "() => document.querySelector('.scatterlayer .point').getAttribute('transform')"
        report("the same plot as a FigureWidget with a local kernel", pressed(page, n, moved))


def file(browser: Browser, folder: Path, n: int) -> None:
    """The single file with 2,000 pairs: its size, and the time until the first frame is painted and keys work."""
    recorded = load_recorded()
    chosen = np.resize(np.arange(len(recorded.pairs)), 2000)
    table, differences = recorded.pairs.take(chosen), recorded.trained[chosen]
    state = ExplorerState()
    shown, beside = pairs(differences, table, state=state), compare(differences, length_score, table, state=state)
    path = folder / "file.html"
    views, data = ("curve", "pairs", "compare"), {**beside.data, **shown.data}
    path.write_text(render_page(state, views, data, title="2,000 pairs"), encoding="utf-8")
    size = path.stat().st_size / 1e6
    print(f"{'single file with 2,000 pairs':<58} {size:.2f} MB   at most 5: {verdict(size <= 5)}")
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
    """The table of 10,000 pairs with its pictures: sorted by a key on a heading, and filtered by a key in a field."""
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
        report(f"10,000 pairs: {what}, key to painted frame", pressed(page, n, moved, keys), 200)
        page.close()


FRAMES = """(seconds) => new Promise((done) => {
    const drawn = [];
    const mark = document.querySelector(".rx-strip .rx-dots");
    new MutationObserver(() => drawn.push(performance.now())).observe(mark, { attributeFilter: ["d"] });
    document.querySelector(".rx-play").click();
    setTimeout(() => { document.querySelector(".rx-play").click(); done(drawn); }, 1000 * seconds);
})"""


def film(browser: Browser, folder: Path, n: int) -> None:
    """The training film of 1,000 held-out pairs as it plays: from one drawn frame to the next."""
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
    "live": live,
    "refit": refit,
    "table": table,
    "film": film,
    "file": file,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help=f"some of {', '.join(MEASURED)} (default: all)")
    parser.add_argument("--events", type=int, default=300, help="keys for each measurement (default: 300)")
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
