"""Take the pictures of the README: docs/path.png from notebooks/00_start.ipynb, and the explorer's views in Chromium.

``python docs/take_pictures.py`` takes all, ``python docs/take_pictures.py curve probe`` these two.
"""

import argparse
import base64
import io
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import nbformat
from PIL import Image
from playwright.sync_api import Page, sync_playwright

import rmlab
from rmlab.explorer import Explorer, explore, preference_curve
from rmlab.explorer.serve import ExplorerServer
from rmlab.model import RewardModel
from rmlab.simulate import simulate_text_pairs
from rmlab.training import TrainingConfig, train

DOCS = Path(__file__).parent
WIDTH = 1100  # pixels


def course_path() -> None:
    """Keep the picture of the path, out of the first notebook's outputs."""
    notebook = nbformat.read(DOCS.parent / "notebooks" / "00_start.ipynb", as_version=4)
    shown = [output.data["text/html"] for cell in notebook.cells for output in cell.get("outputs", [])
             if "text/html" in output.get("data", {})]  # fmt: skip
    (picture,) = [
        found[1] for html in shown if (found := re.search(r'base64,([^"]+)" alt="The path of one pair', html))
    ]
    (DOCS / "path.png").write_bytes(base64.b64decode(picture))


def filmed() -> Explorer:
    """Train a small decoder on simulated texts, and give its film."""
    pairs = simulate_text_pairs(2400, seed=0).pairs
    train_pairs, held_out, _ = rmlab.split_by_prompt(pairs, fractions=(0.8, 0.1, 0.1), seed=0)
    model = RewardModel.from_pretrained("tiny-decoder", seed=0)
    config = TrainingConfig(max_steps=120, batch_size=32, learning_rate=2e-3, evaluate_every=10, seed=0)
    history = train(model, train_pairs, held_out=held_out, config=config)
    return explore(model, held_out, history=history, names=("a small decoder", "simulated texts"))


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
    slider = page.get_by_role("slider").first
    slider.focus()
    slider.press("End")


def overdo(page: Page, shown: Explorer) -> None:
    """Go past the peak, where the winner is absurd."""
    page.get_by_role("slider").first.fill("34")


def nothing(page: Page, shown: Explorer) -> None:
    """Take it as it opens."""


Step = Callable[[Page, Explorer], None]
# name of the picture: which explorer, which view, and what is done before it is taken
PICTURES: dict[str, tuple[Callable[[], Explorer], str, Step]] = {
    "curve": (preference_curve, "curve", nothing),
    "probe": (explore, "probe", explain),
    "pairs": (explore, "pairs", nothing),
    "compare": (explore, "compare", nothing),
    "the_path": (explore, "path", nothing),
    "optimise": (explore, "optimise", overdo),
    "film": (filmed, "film", advance),
}


def take(page: Page, shown: Explorer, view: str, before: Step, target: Path) -> None:
    """Serve an explorer, open one view, and keep a picture of it in few colours."""
    answer(shown)
    shown.state.view = view
    with ExplorerServer() as server:
        server.show(shown.state, shown.views, shown.data, title="rmlab")
        page.goto(server.address)
        before(page, shown)
        page.wait_for_timeout(1500)
        taken = page.locator("#rmlab-explorer").screenshot()
        page.goto("about:blank")
    picture = Image.open(io.BytesIO(taken)).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    picture.save(target, optimize=True)
    print(
        f"{target.relative_to(DOCS.parent)}: {target.stat().st_size / 1024:.0f} KB, {picture.width} x {picture.height}"
    )


def main() -> None:
    """Take what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help=f"some of path, {', '.join(PICTURES)} (default: all)")
    wanted = parser.parse_args().what or ["path", *PICTURES]
    if unknown := set(wanted) - {"path", *PICTURES}:
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
        page = browser.new_page(viewport={"width": WIDTH, "height": 800})
        for name, (make, view, before) in PICTURES.items():
            if name in wanted:
                shown = made[make] if make in made else made.setdefault(make, make())
                take(page, shown, view, before, DOCS / "explorer" / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
