"""The explorer in JupyterLab, which would take its keys: arrows to move the cell cursor, `d d` to delete the cell."""

from __future__ import annotations

import json
import re

from accessibility import faults
from in_lab import ERROR_OUTPUT, NOTEBOOKS, cells_of, command, expect_idle, open_in, run_new_cell, unfold
from playwright.sync_api import Page, expect

MANY_PAIRS = """\
import numpy as np
from types import SimpleNamespace
from rmlab import explorer
from rmlab.data import PreferencePair
from rmlab.evaluation import evaluate
d = np.linspace(-2, 2, 9)
table = [PreferencePair(f"Prompt {i}", "yes", "no") for i in range(9)]
runs = [SimpleNamespace(step=i, evaluation=evaluate(i * d), score_differences=i * d) for i in range(3)]
history = SimpleNamespace(evaluations=runs, steps=[SimpleNamespace(step=1, loss=0.7)], held_out_ids=())
display(explorer.pairs(d, table), explorer.film(history))
"""
PATCHES = """\
from rmlab.course.patches import PatchSession, judge_patches
session = PatchSession(seconds=0.001)
display(judge_patches(session))
"""


def expect_all_ran(page: Page, n_code: int) -> None:
    errors = page.locator(ERROR_OUTPUT)
    finished = page.locator(".jp-CodeCell .jp-InputPrompt").filter(has_text=f"[{n_code}]:")
    expect(finished.or_(errors).first).to_be_visible(timeout=120_000)
    assert not errors.all_inner_texts()


def test_keys_go_to_the_handle_and_restart_and_run_all_works(watched_lab: Page):
    page, path = watched_lab, NOTEBOOKS[2]
    open_in(page, path)
    n_cells, n_code = cells_of(path)
    cells = page.locator(".jp-Notebook .jp-Cell")
    expect_idle(page)
    unfold(page)
    command(page, "notebook:run-all-cells")
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
    page.locator(".rx-bar").get_by_role("button", name="Reveal", exact=True).last.click()
    expect(page.locator(".rx-readout")).to_contain_text("0.711")

    # the views of many pairs: arrows pick, and neither move the cell cursor nor does `d d` delete a cell
    run_new_cell(page, MANY_PAIRS)
    n_cells += 1
    line = page.locator(".rx-pair-line")
    for target, keys, said in [
        (page.get_by_role("grid", name="Pairs"), ["Home", "ArrowDown", "ArrowDown"], "Pair 3:"),
        (page.get_by_role("listbox", name="against length difference"), ["Home", "ArrowUp"], "Pair 2:"),
        (page.get_by_role("listbox", name="How many pairs"), ["End", "ArrowLeft"], "Pair 8:"),
        (page.get_by_role("slider", name="recorded step"), ["End", "ArrowDown", "ArrowDown", "ArrowUp"], "at step 1"),
        (page.get_by_role("listbox", name="each held-out pair"), ["Home", "ArrowDown"], "Held-out pair 1:"),
    ]:
        target.focus()
        before = active.all_inner_texts()
        for key in (*keys, "d", "d", "x", "a"):
            page.keyboard.press(key)
        expect(line.filter(has_text=said)).to_be_visible()
        expect(cells).to_have_count(n_cells)
        assert active.all_inner_texts() == before
        assert target.evaluate("node => node === document.activeElement")
    assert faults(page, within=".jp-Notebook .rx") == []

    # a whole session of grey patches: the first round by keys, the second with the mouse; no key leaves it
    run_new_cell(page, PATCHES)
    n_cells += 1
    screen = page.locator(".rx-patches")
    for part in range(4):
        start = page.get_by_role("button", name=f"Start part {part + 1} of 4")
        start.focus()
        before = active.all_inner_texts()
        page.keyboard.press("d")
        page.keyboard.press("d")
        start.press("Enter")
        expect(screen.locator(".rx-patch")).to_have_count(2 if part % 2 else 1)
        expect(screen).to_be_focused()
        for key in ("d", "d", "x", "a", "y"):
            page.keyboard.press(key)
        expect(cells).to_have_count(n_cells)
        if part < 2:
            page.keyboard.press("ArrowLeft" if part else "5")
        else:
            page.get_by_role("button", name="left is lighter" if part % 2 else "5", exact=True).click()
        expect(screen.locator(".rx-patch")).to_have_count(0)
        assert active.all_inner_texts() == before
    expect(page.get_by_text("Done. Thank you.")).to_be_visible()
    assert faults(page, within=".jp-Notebook .rx:has(.rx-patches)") == []
    run_new_cell(page, "print(session.judgements.to_json())")
    said = json.loads(page.locator(".jp-OutputArea-output").filter(has_text='"ratings"').inner_text())
    assert [part[0][1] for part in said["ratings"]] == [5, 5]
    first, second = (part[0][:2] for part in said["comparisons"])
    assert first == second[::-1], "left was said to be lighter twice, and in the second round the sides are exchanged"

    command(page, "notebook:shutdown-kernel")
    expect(page.get_by_role("alert").filter(has_text="The kernel has stopped").first).to_be_visible()
    a.press("ArrowLeft")
    expect(a).to_have_attribute("aria-valuenow", "0.8")


def test_what_is_typed_into_the_probe_goes_to_the_model_and_not_to_lab(watched_lab: Page):
    page, path = watched_lab, NOTEBOOKS[9]
    open_in(page, path)
    n_cells, _ = cells_of(path)
    cells = page.locator(".jp-Notebook .jp-Cell")
    expect_idle(page)
    unfold(page)
    code = page.locator(".jp-CodeCell")
    for number in (0, 1):  # imports and loads the models; shows the probe
        code.nth(number).locator(".jp-InputArea-editor").click()
        page.keyboard.press("Control+Enter")
        expect(code.nth(number).locator(".jp-InputPrompt")).to_have_text(f"[{number + 1}]:", timeout=120_000)
    box = page.get_by_label("Response A")
    score = page.locator(".rx-editor.rx-a .rx-score")
    expect(score).to_have_text(re.compile(r"score [+−]\d"), timeout=120_000)
    opened, text = score.inner_text(), box.input_value()
    box.press("Control+End")
    box.press_sequentially(" dd")
    for key in ("ArrowUp", "Control+End", "Backspace", "Backspace", "Backspace"):
        box.press(key)
    box.press_sequentially(" I hope that this is of some use to you.")
    expect(score).not_to_have_text(opened, timeout=60_000)
    expect(cells).to_have_count(n_cells)
    assert box.input_value() == f"{text} I hope that this is of some use to you."
