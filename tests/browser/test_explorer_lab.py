"""The explorer in JupyterLab, which would take its keys: arrows to move the cell cursor, `d d` to delete the cell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect
from test_course import ERROR_OUTPUT, cells_of, choose, unfold

ROOT = Path(__file__).parents[2]
NOTEBOOK = "notebooks/02_sigmoid.ipynb"
IDLE = "Python 3 (ipykernel) | Idle"


def expect_all_ran(page: Page, n_code: int) -> None:
    errors = page.locator(ERROR_OUTPUT)
    finished = page.locator(".jp-CodeCell .jp-InputPrompt").filter(has_text=f"[{n_code}]:")
    expect(finished.or_(errors).first).to_be_visible(timeout=120_000)
    assert not errors.all_inner_texts()


def test_keys_go_to_the_handle_and_restart_and_run_all_works(lab: Callable[[str], str], page: Page):
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    page.goto(lab(f"lab/workspaces/curve/tree/{NOTEBOOK}"))
    n_cells, n_code = cells_of(ROOT / NOTEBOOK)
    cells = page.locator(".jp-Notebook .jp-Cell")
    expect(cells).to_have_count(n_cells, timeout=60_000)
    expect(page.get_by_text(IDLE)).to_be_visible(timeout=60_000)
    unfold(page)
    choose(page, "Run", "Run All Cells")
    expect_all_ran(page, n_code)

    a = page.get_by_role("slider", name="Score of A")
    active = page.locator(".jp-Notebook .jp-Cell.jp-mod-active .jp-InputPrompt")
    a.focus()
    before = active.all_inner_texts()
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "Shift+ArrowRight", "d", "d", "x", "a", "Enter"):
        page.keyboard.press(key)
    expect(a).to_have_attribute("aria-valuenow", "1.9")
    expect(cells).to_have_count(n_cells)
    assert active.all_inner_texts() == before
    assert a.evaluate("node => node === document.activeElement")

    page.get_by_role("button", name="Restart the kernel and run all cells").click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    expect(page.locator(".jp-CodeCell .jp-InputPrompt").last).not_to_have_text(f"[{n_code}]:", timeout=30_000)
    expect_all_ran(page, n_code)
    expect(a).to_have_attribute("aria-valuenow", "1")
    a.press("ArrowLeft")
    expect(a).to_have_attribute("aria-valuenow", "0.9")
    page.get_by_role("button", name="Reveal", exact=True).last.click()
    expect(page.locator(".rx-readout")).to_contain_text("0.711")

    choose(page, "Kernel", "Shut Down Kernel")
    expect(page.get_by_role("alert").filter(has_text="The kernel is gone").first).to_be_visible()
    a.press("ArrowLeft")
    expect(a).to_have_attribute("aria-valuenow", "0.8")
    assert not thrown


def test_what_is_typed_into_the_probe_goes_to_the_model_and_not_to_lab(lab: Callable[[str], str], page: Page):
    page.goto(lab("lab/workspaces/probe/tree/notebooks/09_probe.ipynb"))
    cells = page.locator(".jp-Notebook .jp-Cell")
    n_cells, _ = cells_of(ROOT / "notebooks/09_probe.ipynb")
    expect(cells).to_have_count(n_cells, timeout=60_000)
    expect(page.get_by_text(IDLE)).to_be_visible(timeout=60_000)
    unfold(page)
    code = page.locator(".jp-CodeCell")
    for number in (0, 1):  # loads the models; shows the probe
        code.nth(number).locator(".jp-InputArea-editor").click()
        page.keyboard.press("Control+Enter")
        expect(code.nth(number).locator(".jp-InputPrompt")).to_have_text(f"[{number + 1}]:", timeout=120_000)
    box = page.get_by_label("Response A")
    score = page.locator(".rx-editor.rx-a .rx-score")
    expect(score).to_have_text("score −5.09", timeout=60_000)
    box.press("Control+End")
    box.press_sequentially(" dd")
    for key in ("ArrowUp", "Control+End", "Backspace", "Backspace", "Backspace"):
        box.press(key)
    box.press_sequentially(" I hope that this is of some use to you.")
    expect(score).not_to_have_text("score −5.09", timeout=60_000)
    expect(cells).to_have_count(n_cells)
    assert box.input_value().endswith("to you. I hope that this is of some use to you.")
