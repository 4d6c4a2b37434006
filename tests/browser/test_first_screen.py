"""The first picture or control of each notebook is on the first screen: a window of 1400 x 900, its side bar closed."""

import json
from pathlib import Path
from typing import Any

import pytest
from in_lab import ALL_DRAWN, NOTEBOOKS, SECONDS, expect_idle, open_in
from playwright.sync_api import Page, Route

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


def open_and_measure(page: Page, path: Path, *, more_cells: int = 0) -> dict[str, Any]:
    """Open a notebook as it is committed, and return what `FIRST` says of it."""
    open_in(page, path, more_cells=more_cells)
    for drawn in (PROSE_DRAWN, ALL_DRAWN):
        page.wait_for_function(drawn, timeout=60 * SECONDS)
    first = page.evaluate(FIRST)
    expect_idle(page)  # what is closed before its kernel has come throws
    return first


def is_on_first_screen(first: dict[str, Any]) -> bool:
    """Return whether a control has room, and whether half of a picture is in view, or it fills a third of the view."""
    needed = min(first["height"] / 2, first["view"] / 3) if first["picture"] else PREDICTION
    return first["view"] - first["top"] >= needed


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_first_picture_or_control_is_on_the_first_screen(lab_page: Page, path: Path) -> None:
    first = open_and_measure(lab_page, path)
    assert is_on_first_screen(first), first


def test_a_control_that_prose_pushes_down_is_seen(lab_page: Page) -> None:
    path = NOTEBOOKS[3]

    def with_more_prose(route: Route) -> None:
        answer = route.fetch()
        file: dict[str, Any] = answer.json()
        if file.get("content"):
            prose = {"cell_type": "markdown", "id": "more", "metadata": {}, "source": "\n\n".join(["More."] * 6)}
            file["content"]["cells"].insert(1, prose)
        route.fulfill(response=answer, body=json.dumps(file))

    address = f"**/api/contents/notebooks/{path.name}?*"
    lab_page.route(address, with_more_prose)
    first = open_and_measure(lab_page, path, more_cells=1)
    lab_page.unroute(address)
    assert not is_on_first_screen(first), first
