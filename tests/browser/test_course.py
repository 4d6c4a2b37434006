"""The course opens in JupyterLab, is shown as it was committed, and runs from the top to the end."""

import urllib.request
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

ROOT = Path(__file__).parents[2]
START = "notebooks/00_start.ipynb"
# Lab draws an error as it draws stderr.
ERROR_OUTPUT = "[data-mime-type='application/vnd.jupyter.stderr']:has-text('Traceback (most recent call last)')"
ALL_DRAWN = "[...document.querySelectorAll('.jp-Notebook img')].every(p => p.complete && p.naturalWidth)"
PICTURES = """pictures => pictures.map(p => [p.alt, p.complete && p.naturalWidth > 0])"""


def cells_of(path: Path) -> tuple[int, int]:
    """How many cells, and how many code cells, a notebook has."""
    cells = nbformat.read(path, as_version=4).cells
    return len(cells), sum(cell.cell_type == "code" for cell in cells)


def choose(page: Page, menu: str, entry: str) -> None:
    """Click an entry of Lab's menu bar."""
    page.get_by_role("menuitem", name=menu, exact=True).click()
    page.get_by_role("menuitem", name=entry, exact=True).click()


def unfold(page: Page) -> None:
    """Show the code of every cell, also of those whose code is folded: there is nothing in them to click on."""
    choose(page, "View", "Expand All Code")


def check_pictures(page: Page) -> None:
    """Every picture in the notebook is drawn, and says in words what it shows. (Those of files come a little later.)"""
    page.wait_for_function(ALL_DRAWN)
    pictures = page.locator(".jp-Notebook img").evaluate_all(PICTURES)
    assert not [alt for alt, drawn in pictures if not (alt and drawn)]


@pytest.mark.usefixtures("own_kernels")
def test_start_opens_and_runs(lab: Callable[[str], str], page: Page) -> None:
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    page.goto(lab(f"lab/tree/{START}"))
    n_cells, n_code = cells_of(ROOT / START)
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(n_cells, timeout=60_000)
    expect(page.locator(ERROR_OUTPUT)).to_have_count(0)
    assert not page.locator(".jp-toastContainer, .Toastify__toast").all_inner_texts(), "nothing pops up over it"
    check_pictures(page)  # as committed: Lab does not trust these outputs yet, and cleans them

    # A notebook that is run before its kernel is there waits for ever.
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)
    unfold(page)
    choose(page, "Edit", "Clear Outputs of All Cells")
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt")
    expect(prompts).to_have_text(["[ ]:"] * n_code)
    choose(page, "Run", "Run All Cells")
    errors = page.locator(ERROR_OUTPUT)
    finished = prompts.filter(has_text=f"[{n_code}]:")
    expect(finished.or_(errors).first).to_be_visible(timeout=180_000)
    assert not errors.all_inner_texts()
    expect(prompts).to_have_text([f"[{n}]:" for n in range(1, n_code + 1)])
    check_pictures(page)
    assert not thrown


def test_lab_opens_on_the_start(lab: Callable[[str], str]) -> None:
    """`rmlab lab` sends its reader to the first notebook, and asks for the token."""
    with urllib.request.urlopen(lab("")) as answer:
        assert answer.url.split("?")[0].endswith(f"/lab/tree/{START}")
