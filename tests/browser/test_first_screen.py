"""The first picture or control of each notebook is on the first screen: a window of 1400 x 900, its side bar closed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from test_course import ALL_DRAWN, cells_of

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
SIDE_BAR = "#jp-left-stack"
# What is committed in place of a control is as high as a line. A prediction, when it is run, has 124 pixels.
PREDICTION = 124
# Lab fills the cells of prose one after another.
PROSE_DRAWN = (
    "[...document.querySelectorAll('.jp-MarkdownCell')].every(cell => "
    "cell.querySelector('.jp-RenderedMarkdown')?.textContent.trim())"
)
# Of the first picture or control in the order of the page: its top, from that of the view, and both heights.
FIRST = """() => {
    const view = document.querySelector(".jp-WindowedPanel-outer").getBoundingClientRect();
    const shown = [...document.querySelectorAll(".jp-MarkdownOutput img, .jp-OutputArea-output")].find((one) =>
        one.matches("img") || one.querySelector("img, svg") || one.textContent.includes("(a control: run this cell"));
    const box = shown.getBoundingClientRect();
    const picture = shown.matches("img") || shown.querySelector("img, svg") !== null;
    return {picture, top: box.top - view.top, height: box.height, view: view.height};
}"""


def open_and_measure(page: Page, address: str, n_cells: int) -> dict[str, Any]:
    """Open a notebook as it is committed, and return what `FIRST` says of it."""
    page.set_viewport_size({"width": 1400, "height": 900})
    page.goto(address)
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(n_cells, timeout=60_000)
    if page.locator(SIDE_BAR).is_visible():
        page.keyboard.press("Control+b")
    expect(page.locator(SIDE_BAR)).to_be_hidden()
    for drawn in (PROSE_DRAWN, ALL_DRAWN):
        page.wait_for_function(drawn, timeout=60_000)
    return page.evaluate(FIRST)


def is_on_first_screen(first: dict[str, Any]) -> bool:
    """Return whether a control has room, and whether half of a picture is in view, or it fills a third of the view."""
    needed = min(first["height"] / 2, first["view"] / 3) if first["picture"] else PREDICTION
    return first["view"] - first["top"] >= needed


def address_of(lab: Callable[[str], str], path: Path) -> str:
    """A workspace that no other test leaves its side bar in."""
    return lab(f"lab/workspaces/first-screen-{path.stem}/tree/notebooks/{path.name}")


@pytest.mark.usefixtures("own_kernels")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_first_picture_or_control_is_on_the_first_screen(lab: Callable[[str], str], page: Page, path: Path) -> None:
    first = open_and_measure(page, address_of(lab, path), cells_of(path)[0])
    assert is_on_first_screen(first), first


@pytest.mark.usefixtures("own_kernels")
def test_a_control_that_prose_pushes_down_is_seen(lab: Callable[[str], str], page: Page) -> None:
    path = NOTEBOOKS[3]

    def with_more_prose(route: Route) -> None:
        answer = route.fetch()
        file: dict[str, Any] = answer.json()
        if file.get("content"):
            prose = {"cell_type": "markdown", "id": "more", "metadata": {}, "source": "\n\n".join(["More."] * 6)}
            file["content"]["cells"].insert(1, prose)
        route.fulfill(response=answer, body=json.dumps(file))

    page.route(f"**/api/contents/notebooks/{path.name}?*", with_more_prose)
    first = open_and_measure(page, address_of(lab, path), cells_of(path)[0] + 1)
    assert not is_on_first_screen(first), first
