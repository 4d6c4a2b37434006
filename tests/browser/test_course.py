"""The course opens in JupyterLab, is shown as it was committed, and runs from the top to the end."""

import urllib.request
from collections.abc import Callable

import pytest
from in_lab import ALL_DRAWN, ERROR_OUTPUT, ROOT, cells_of, command, expect_idle, nothing_thrown, unfold
from playwright.sync_api import Page, expect

START = "notebooks/00_start.ipynb"
PICTURES = """pictures => pictures.map(p => [p.alt, p.complete && p.naturalWidth > 0])"""


def check_pictures(page: Page) -> None:
    """Every picture in the notebook is drawn, and says in words what it shows. (Those of files come a little later.)"""
    page.wait_for_function(ALL_DRAWN)
    pictures = page.locator(".jp-Notebook img").evaluate_all(PICTURES)
    assert not [alt for alt, drawn in pictures if not (alt and drawn)]


@pytest.mark.usefixtures("own_kernels")
def test_start_opens_and_runs(lab: Callable[[str], str], page: Page) -> None:
    with nothing_thrown(page):
        open_and_run(page, lab(f"lab/tree/{START}"))


def open_and_run(page: Page, address: str) -> None:
    page.goto(address)
    n_cells, n_code = cells_of(ROOT / START)
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(n_cells, timeout=60_000)
    expect(page.locator(ERROR_OUTPUT)).to_have_count(0)
    assert not page.locator(".jp-toastContainer, .Toastify__toast").all_inner_texts(), "nothing pops up over it"
    check_pictures(page)  # as committed: Lab does not trust these outputs yet, and cleans them

    expect_idle(page)
    unfold(page)
    command(page, "notebook:clear-all-cell-outputs")
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt")
    expect(prompts).to_have_text(["[ ]:"] * n_code)
    command(page, "notebook:run-all-cells")
    errors = page.locator(ERROR_OUTPUT)
    finished = prompts.filter(has_text=f"[{n_code}]:")
    expect(finished.or_(errors).first).to_be_visible(timeout=180_000)
    assert not errors.all_inner_texts()
    expect(prompts).to_have_text([f"[{n}]:" for n in range(1, n_code + 1)])
    check_pictures(page)


def test_lab_opens_on_the_start(lab: Callable[[str], str]) -> None:
    """`rmlab lab` sends its reader to the first notebook, and asks for the token."""
    with urllib.request.urlopen(lab("")) as answer:
        assert answer.url.split("?")[0].endswith(f"/lab/tree/{START}")
