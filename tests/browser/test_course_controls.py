"""A reader who uses every control of a notebook as soon as it is there loses no cell, and can run on to the end.

Controls are found by their roles, so that a new one is used without a new test.
"""

from __future__ import annotations

import time
from pathlib import Path

import nbformat
import pytest
from in_lab import (
    CLOSE_ALL,
    ERROR_OUTPUT,
    NOTEBOOKS,
    SECONDS,
    Address,
    NotStartedError,
    cells_of,
    command,
    end_kernels,
    expect_idle,
    nothing_thrown,
    open_in,
    unfold,
)
from playwright.sync_api import ElementHandle, Locator, Page, expect

BEGIN = "# Controls"
CONTROL = ", ".join(
    f".jp-OutputArea-output {each}"
    for each in ("button", "input", "select", "textarea", "[role=slider]", "[role=listbox]", "[role=grid]")
)
PATIENCE = 600 * SECONDS  # for a notebook, on a busy machine or one without bf16
COMM_ERROR = "Exception in comm_msg"  # an observer raised: no cell shows it
# Whether a reader could use a control now, and with that it has the focus, as by Tab: a click on a button presses it.
USABLE = """node => {
    node.focus();
    return node === document.activeElement && node.ariaDisabled !== "true" && node.getBoundingClientRect().width > 0;
}"""
MANY = 60  # controls of one cell that are used; lists of edits and of rows have more


def with_controls(path: Path) -> list[int]:
    """Places of the cells that a reader expects controls of, among all cells."""
    cells = nbformat.read(path, as_version=4).cells
    return [i for i, cell in enumerate(cells) if cell.cell_type == "code" and cell.source.startswith(BEGIN)]


def wait_for_run(page: Page, count: int) -> None:
    """Until a code cell has this number of execution, or one shows an error."""
    errors = page.locator(ERROR_OUTPUT)
    last = page.locator(".jp-CodeCell .jp-InputPrompt").get_by_text(f"[{count}]:", exact=True)
    expect(last.or_(errors).first).to_be_visible(timeout=PATIENCE)
    assert not errors.all_inner_texts()


def move(page: Page, control: ElementHandle) -> None:
    """Change what a control that has the focus says, as a reader would."""
    kind = control.evaluate("node => node.getAttribute('role') ?? node.type")
    if kind in ("slider", "range"):
        for key in ("ArrowRight", "End", "ArrowLeft"):
            page.keyboard.press(key)
    elif kind in ("listbox", "grid"):
        for key in ("ArrowRight", "ArrowDown"):
            page.keyboard.press(key)
    elif kind == "select-one":
        control.select_option(index=control.evaluate("node => node.options.length - 1"))
    elif kind == "number":
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
    elif kind in ("text", "search", "textarea"):
        page.keyboard.type(" and more")
        page.keyboard.press("Tab")
    else:
        control.click()


def use_all(page: Page, cell: Locator, n_cells: int) -> int:
    """Use every control that a cell shows, and count them.

    Before it is moved, `d` is pressed twice: that deletes a cell where Lab hears the keys.
    """
    used = 0
    for control in cell.locator(CONTROL).element_handles()[:MANY]:
        if not control.evaluate(USABLE):
            continue  # it is off, or gone since another was used, or no control any more
        page.keyboard.press("d")
        page.keyboard.press("d")
        left = page.locator(".jp-Notebook .jp-Cell").count()
        assert left == n_cells, f"d d deleted a cell from {control.evaluate('node => node.outerHTML.slice(0, 200)')}"
        move(page, control)
        used += 1
    return used


def use_and_run(page: Page, path: Path) -> None:
    """Open a notebook, run it up to each cell with controls, use them all, and run on to its end."""
    places = with_controls(path)
    open_in(page, path)
    cells = page.locator(".jp-Notebook .jp-Cell")
    n_cells, n_code = cells_of(path)
    expect_idle(page)
    unfold(page)

    code = [i for i, cell in enumerate(nbformat.read(path, as_version=4).cells) if cell.cell_type == "code"]
    start = 0
    for place in places:
        cells.nth(code[start]).locator(".jp-InputPrompt").click()
        for _ in range(code[start], place + 1):
            page.keyboard.press("Shift+Enter")  # run the cell, and select the next
        start = code.index(place) + 1
        wait_for_run(page, start)
        expect(cells.nth(place).locator(CONTROL).first).to_be_visible(timeout=60 * SECONDS)
        # the views are drawn again until they have heard all of their kernel
        ready = time.monotonic() + PATIENCE / SECONDS
        while not (used := use_all(page, cells.nth(place), n_cells)) and time.monotonic() < ready:
            page.wait_for_timeout(500)
        assert used > 0, f"cell {place} begins with {BEGIN} and shows none that can be used"
    if start < n_code:
        cells.nth(code[start]).locator(".jp-InputPrompt").click()
        command(page, "notebook:run-all-below")
        wait_for_run(page, n_code)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_control_can_be_used_and_the_notebook_runs_on(lab_page: Page, lab: Address, lab_log: Path, path: Path):
    said_before = len(lab_log.read_text())
    try:
        with nothing_thrown(lab_page):
            use_and_run(lab_page, path)
    except NotStartedError:  # not a second time: then it is not the machine
        lab_page.evaluate(CLOSE_ALL)
        end_kernels(lab)
        with nothing_thrown(lab_page):
            use_and_run(lab_page, path)
    assert COMM_ERROR not in lab_log.read_text()[said_before:]
