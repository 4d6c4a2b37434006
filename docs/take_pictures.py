"""Take the pictures of the README: docs/path.png from notebooks/00_start.ipynb, and the explorer's views in Chromium.

``python docs/take_pictures.py`` takes all, ``python docs/take_pictures.py curve probe`` these two. The picture of the
opening is a strip of four moments; each strip_... is one view in a wide and in a narrow window, light and dark.
`live` has the site's first page beside the probe of a file with the models inside, strip_landing and strip_live have
each of the two in those windows.
"""

import argparse
import base64
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import nbformat
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

sys.path.insert(0, str(Path(__file__).parent / "site"))
from build_site import write_first_page

from rmlab.__main__ import main as rmlab_main
from rmlab.datasets import course_model
from rmlab.explorer import Explorer, ExplorerState, explore, preference_curve, probe
from rmlab.explorer.linked import QUESTION
from rmlab.explorer.serve import ExplorerServer

DOCS = Path(__file__).parent
WIDTH = 1100  # pixels
SIZE: ViewportSize = {"width": WIDTH, "height": 800}
Theme = Literal["light", "dark"]
WINDOWS: list[tuple[int, Theme]] = [(1400, "light"), (1400, "dark"), (400, "light"), (400, "dark")]  # of a strip
WINDOW_HEIGHT, SHRUNK = 900, 0.6
DOORS: list[tuple[int, Theme]] = [(800, "light"), (800, "dark")]  # the two windows of `live`, side by side
MOMENTS = (0, 1850, 2350, 4000)  # milliseconds after the vote, of the strip of the opening


def course_path() -> None:
    """Keep the picture of the path, out of the first notebook's outputs."""
    notebook = nbformat.read(DOCS.parent / "notebooks" / "00_start.ipynb", as_version=4)
    shown = [output.data["text/html"] for cell in notebook.cells for output in cell.get("outputs", [])
             if "text/html" in output.get("data", {})]  # fmt: skip
    (picture,) = [
        found[1] for html in shown if (found := re.search(r'base64,([^"]+)" alt="The path of one pair', html))
    ]
    (DOCS / "path.png").write_bytes(base64.b64decode(picture))


def twins() -> Explorer:
    """Probe the course's model and its flattered twin on one example."""
    twin = course_model("flattered")
    return probe(course_model(), name="the course's model", second=twin, second_name="its flattered twin")


def answer(shown: Explorer) -> None:
    """Wait until the model has answered what was asked."""
    if shown.answers is not None:
        shown.answers.wait(60)


def explain(page: Page, shown: Explorer) -> None:
    """Have the model say what each token adds."""
    shown.state.explain = True
    answer(shown)


def advance(page: Page, shown: Explorer) -> None:
    """Go to the last frame."""
    slider = page.get_by_role("slider", name="recorded step")
    slider.focus()
    slider.press("End")


def button(page: Page, name: str) -> None:
    """Press a button by its name."""
    page.get_by_role("button", name=name, exact=True).click()


def predict(page: Page, shown: Explorer) -> None:
    """Predict P on the curve, and reveal it."""
    button(page, "Predict")
    for _ in range(4):
        page.get_by_role("slider", name="Your prediction of P").press("Shift+ArrowUp")
    button(page, "Reveal")


def vote(page: Page, shown: Explorer) -> None:
    """Choose A in the opening, and wait until the path has drawn itself."""
    page.keyboard.press("1")
    page.get_by_role("button", name="Choose again").wait_for()


ASTRAY = ("+ filler, in B", "+ filler, in B", "+ flattery, in B", "+ flattery, in B")


def lead_astray(page: Page, shown: Explorer) -> None:
    """Put filler and flattery into an answer, and watch the model and its twin."""
    for name in ASTRAY:
        button(page, name)
        page.wait_for_timeout(300)
        answer(shown)


def overdo(page: Page, shown: Explorer) -> None:
    """Go past the peak, where the winner is absurd."""
    page.get_by_role("slider").first.fill("34")


def nothing(page: Page, shown: Explorer) -> None:
    """Take it as it opens."""


Step = Callable[[Page, Explorer], None]
# name of the picture: which explorer, which view, and what is done before it is taken
PICTURES: dict[str, tuple[Callable[[], Explorer], str, Step]] = {
    "curve": (preference_curve, "curve", nothing),
    "predict": (lambda: preference_curve(ExplorerState(scores=(1.0, 0.0))), "curve", predict),
    "two_needles": (twins, "probe", lead_astray),
    "probe": (explore, "probe", explain),
    "pairs": (explore, "pairs", nothing),
    "compare": (explore, "compare", nothing),
    "the_path": (explore, "path", nothing),
    "film": (explore, "film", advance),
    "optimise": (explore, "optimise", overdo),
}
# the same, and what a narrow window is scrolled to
STRIPS: dict[str, tuple[Callable[[], Explorer], str, Step, str]] = {
    "strip_opening": (explore, "opening", vote, ".rx-unfolding"),
    "strip_two_needles": (*PICTURES["two_needles"], ".rx-probe-readout"),
    "strip_predict": (*PICTURES["predict"], ".rx-curve-main"),
}
OF_SITE = ("live", "strip_landing", "strip_live")
KNOWN = ["path", "opening", *OF_SITE, *PICTURES, *STRIPS]


def take(page: Page, shown: Explorer, view: str, before: Step, target: Path) -> None:
    """Serve an explorer, open one view, and keep a picture of it in few colours."""
    answer(shown)
    shown.state.view = view
    with ExplorerServer() as server:
        server.show(shown.state, shown.views, shown.data, title="rmlab")
        page.goto(server.address)
        page.keyboard.press("Escape")  # the opening, where there is one
        before(page, shown)
        page.wait_for_timeout(1500)
        taken = page.locator("#rmlab-explorer").screenshot()
        page.goto("about:blank")
    keep(Image.open(io.BytesIO(taken)), target)


def take_opening(browser: Browser, target: Path) -> None:
    """Keep moments of the opening, two beside each other: before the vote for A, and while the path draws itself."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 720})
    page.clock.install()  # the moments are the same in every run
    shown = explore()
    answer(shown)
    moments = []
    with ExplorerServer() as server:
        server.show(shown.state, shown.views, shown.data, title=QUESTION)
        page.goto(server.address)
        page.locator(".rx-opening").wait_for()
        page.clock.run_for(500)
        for i, moment in enumerate(MOMENTS):
            if i == 1:
                page.keyboard.press("1")
            page.clock.run_for(moment - MOMENTS[max(i - 1, 0)])
            moments.append(Image.open(io.BytesIO(page.screenshot())))
        page.close()
    strip = Image.new("RGB", (2 * WIDTH, 2 * moments[0].height), "white")
    for i, moment in enumerate(moments):
        strip.paste(moment, (i % 2 * WIDTH, i // 2 * moment.height))
    keep(strip.resize((WIDTH, moments[0].height), Image.Resampling.LANCZOS), target, colours=256)


def take_of_site(browser: Browser, wanted: Sequence[str]) -> None:
    """Keep pictures of the site's first page, and of one file with the course's models inside, both from a disk."""
    with tempfile.TemporaryDirectory() as place:
        folder, file = Path(place), Path(place) / "live.html"
        write_first_page(folder)
        if {"live", "strip_live"} & set(wanted):
            rmlab_main(["explore", "--html", str(file), "--live"])

        def landing(page: Page) -> None:
            page.goto((folder / "index.html").as_uri())
            page.locator("#curve .rx-pin").first.wait_for()
            if WINDOWS[-1][0] == page.evaluate("innerWidth"):
                page.locator("#curve").scroll_into_view_if_needed()

        def probed(page: Page) -> None:
            page.goto(file.as_uri())
            page.keyboard.press("Escape")
            page.get_by_role("tab", name="Probe").click()
            readout = page.locator(".rx-probe-readout")
            for said in ("computed in this page", "flattered twin"):
                readout.filter(has_text=said).wait_for(timeout=120_000)
            for name in ASTRAY:
                button(page, name)
                page.wait_for_timeout(1500)
            readout.evaluate("node => node.scrollIntoView({ block: 'center' })")

        target = DOCS / "explorer"
        if "live" in wanted:
            both = [taken(browser, *each) for each in zip(DOORS, (landing, probed), strict=True)]
            keep(beside(both), target / "live.png", colours=256)
        for name, prepare in (("strip_landing", landing), ("strip_live", probed)):
            if name in wanted:
                keep_strip([taken(browser, window, prepare) for window in WINDOWS], target / f"{name}.png")


def take_strip(browser: Browser, shown: Explorer, view: str, before: Step, within: str, target: Path) -> None:
    """Keep one view in every window of a strip, side by side."""

    def prepare(page: Page) -> None:
        shown.state.reset()
        shown.state.history, shown.state.here = [], None  # which a reset leaves as they were
        answer(shown)
        page.goto(server.address)
        if view != "opening":
            page.keyboard.press("Escape")
            page.get_by_role("tabpanel").or_(page.locator(".rx-panel")).first.wait_for()
            shown.state.view = view
        before(page, shown)
        page.locator(within).scroll_into_view_if_needed()

    answer(shown)
    with ExplorerServer() as server:
        server.show(shown.state, shown.views, shown.data, title=QUESTION)
        keep_strip([taken(browser, window, prepare) for window in WINDOWS], target)


def taken(browser: Browser, window: tuple[int, Theme], prepare: Callable[[Page], None]) -> Image.Image:
    """Open a window, bring its page to where the picture is taken, and take it."""
    width, theme = window
    page = browser.new_page(viewport={"width": width, "height": WINDOW_HEIGHT}, color_scheme=theme)
    prepare(page)
    page.wait_for_timeout(1500)
    picture = Image.open(io.BytesIO(page.screenshot()))
    page.close()
    return picture


def beside(pictures: Sequence[Image.Image]) -> Image.Image:
    """Return pictures of one height side by side."""
    strip = Image.new("RGB", (sum(one.width for one in pictures), pictures[0].height), "white")
    for i, one in enumerate(pictures):
        strip.paste(one, (sum(each.width for each in pictures[:i]), 0))
    return strip


def keep_strip(pictures: Sequence[Image.Image], target: Path) -> None:
    """Keep the pictures of a strip, shrunk."""
    size = [(round(SHRUNK * one.width), round(SHRUNK * one.height)) for one in pictures]
    small = [one.resize(to, Image.Resampling.LANCZOS) for one, to in zip(pictures, size, strict=True)]
    keep(beside(small), target, colours=256, method=Image.Quantize.MAXCOVERAGE)  # else grey takes all of them


def keep(
    picture: Image.Image, target: Path, *, colours: int = 128, method: Image.Quantize = Image.Quantize.MEDIANCUT
) -> None:
    """Write a picture in few colours, and print its size."""
    picture = picture.convert("RGB").quantize(colours, method, dither=Image.Dither.NONE)
    picture.save(target, optimize=True)
    print(
        f"{target.relative_to(DOCS.parent)}: {target.stat().st_size / 1024:.0f} KB, {picture.width} x {picture.height}"
    )


def main() -> None:
    """Take what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help=f"some of {', '.join(KNOWN)} (default: all)")
    wanted = parser.parse_args().what or KNOWN
    if unknown := set(wanted) - set(KNOWN):
        parser.error(f"no such picture: {', '.join(sorted(unknown))}")
    if "path" in wanted:
        course_path()
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    (DOCS / "explorer").mkdir(exist_ok=True)
    made: dict[Callable[[], Explorer], Explorer] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        if "opening" in wanted:
            take_opening(browser, DOCS / "explorer" / "opening.png")
        if set(OF_SITE) & set(wanted):
            take_of_site(browser, wanted)
        page = browser.new_page(viewport=SIZE)
        for name, (make, view, before, *within) in {**PICTURES, **STRIPS}.items():
            if name in wanted:
                shown = made[make] if make in made else made.setdefault(make, make())
                target = DOCS / "explorer" / f"{name}.png"
                if within:
                    take_strip(browser, shown, view, before, *within, target=target)
                else:
                    take(page, shown, view, before, target)
        browser.close()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
