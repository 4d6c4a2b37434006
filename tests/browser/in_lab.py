"""JupyterLab in one page, in which notebook after notebook is opened, as a reader does: it takes ten times to load."""

from __future__ import annotations

from collections.abc import Iterator
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
# What is disposed of does not ask about changes, but throws where its kernel is still to come.
CLOSE_ALL = """async () => {
    for (const one of [...jupyterapp.shell.widgets("main")]) {
        await one.sessionContext?.ready;
        one.dispose();
    }
}"""


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


@contextmanager
def nothing_thrown(page: Page) -> Iterator[None]:
    """Fail where a script of the page throws."""
    thrown: list[str] = []

    def note(error: Exception) -> None:
        thrown.append(str(error))

    page.on("pageerror", note)
    try:
        yield
    finally:
        page.remove_listener("pageerror", note)
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
