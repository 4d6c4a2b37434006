"""JupyterLab in one page, in which notebook after notebook is opened, as a reader does: it takes ten times to load."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from playwright.sync_api import Page, expect

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
SECONDS = 1000
IDLE = "Python 3 (ipykernel) | Idle"
# Lab draws an error as it draws stderr.
ERROR_OUTPUT = "[data-mime-type='application/vnd.jupyter.stderr']:has-text('Traceback (most recent call last)')"
ALL_DRAWN = "[...document.querySelectorAll('.jp-Notebook img')].every(p => p.complete && p.naturalWidth)"
# anywidget gives a model two seconds to start, and throws this when they are over: of one that was closed before it had
# started, which harms nobody, and of one that started later, which from then on hears nothing of its kernel.
NOT_STARTED = "[anywidget] Failed to initialize model."
# What is disposed of does not ask about changes, but throws where its kernel is still to come. What anywidget throws of
# models that are closed here comes before the next notebook is opened.
CLOSE_ALL = """async () => {
    const opened = [...jupyterapp.shell.widgets("main")];
    for (const one of opened) {
        await one.sessionContext?.ready;
        one.dispose();
    }
    if (opened.length) await new Promise(resolve => setTimeout(resolve, 2500));
}"""


Address = Callable[[str], str]
"""Makes a path an address of the server."""


def end_kernels(lab: Address) -> None:
    """End every kernel of the server."""
    with urllib.request.urlopen(lab("api/sessions")) as answer:
        sessions = json.load(answer)
    for session in sessions:
        address = lab(f"api/sessions/{session['id']}")
        urllib.request.urlopen(urllib.request.Request(address, method="DELETE")).close()


def cells_of(path: Path) -> tuple[int, int]:
    """How many cells, and how many code cells, a notebook has."""
    cells = nbformat.read(path, as_version=4).cells
    return len(cells), sum(cell.cell_type == "code" for cell in cells)


def command(page: Page, name: str, **arguments: str) -> None:
    """Have Lab execute what an entry of its menus executes; to look one up in so large a page takes seconds."""
    page.evaluate("([name, given]) => void jupyterapp.commands.execute(name, given)", [name, arguments])


def unfold(page: Page) -> None:
    """Show the code of every cell, also of those whose code is folded: there is nothing in them to click on."""
    command(page, "notebook:show-all-cell-code")


def expect_idle(page: Page) -> None:
    """Wait for the kernel: a notebook that is run before it is there waits for ever."""
    expect(page.locator("#jp-bottom-panel").get_by_text(IDLE)).to_be_visible(timeout=120 * SECONDS)


def open_in(page: Page, path: Path, *, more_cells: int = 0) -> None:
    """Open a notebook of the course, and wait until its cells are there."""
    command(page, "docmanager:open", path=f"notebooks/{path.name}")
    n_cells = cells_of(path)[0] + more_cells
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(n_cells, timeout=60 * SECONDS)


class NotStartedError(AssertionError):
    """The machine was too busy for anywidget to start a model in its two seconds. A reader runs the cell again."""


@contextmanager
def nothing_thrown(page: Page) -> Iterator[None]:
    """Fail where a script of the page throws; with a NotStartedError, if that is all."""
    thrown: list[str] = []

    def note(error: Exception) -> None:
        thrown.append(str(error))

    page.on("pageerror", note)
    try:
        yield
    finally:
        page.remove_listener("pageerror", note)
    if thrown and set(thrown) == {NOT_STARTED}:
        raise NotStartedError(thrown)
    assert not thrown, thrown


def run_new_cell(page: Page, source: str) -> None:
    """Run code in a new cell below the last one with code; it is never saved."""
    cells = page.locator(".jp-Notebook .jp-Cell")
    n_cells = cells.count()
    page.locator(".jp-CodeCell .jp-InputArea-editor").last.click()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    expect(cells).to_have_count(n_cells + 1)
    page.keyboard.press("Enter")
    page.keyboard.insert_text(source)
    page.keyboard.press("Control+Enter")
