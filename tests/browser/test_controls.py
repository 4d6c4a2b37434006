"""The controls of notebooks, in JupyterLab: keys stay in them, values go to the kernel and come back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from accessibility import faults
from in_lab import ERROR_OUTPUT, NOTEBOOKS, command, expect_idle, open_in, run_new_cell
from playwright.sync_api import Locator, Page, expect

CONTROLS = """\
import time
from rmlab.explorer import controls
from rmlab.plots.curves import plot_guesses
share = controls.Slider(0.5, 0, 1, step=0.01, label="share")
count = controls.Slider(3, 0, 8, label="count")
item = controls.Menu({"one": 1, "dado": 2, "three": 3}, label="item")
judge = controls.Choice(["careful", "sloppy"], label="judge")
variance = controls.Steps(["none", 10, 1], label="variance")
steps = controls.Steps(["0", "10", "1,000"], label="steps", milliseconds=150)
reveal = controls.Toggle(label="Show all")
presses = controls.Presses("Next", most=2)
picture = controls.Picture(lambda p, revealed: plot_guesses({1: p, 2: 0.5, 4: 0.5}, revealed=revealed), share, reveal)
every = (share, count, item, judge, variance, steps, reveal, presses)
words = controls.Words(lambda *values: f"{list(values[:-1])} {values[-1]}", *every)
display(share, count, controls.row(item, judge), controls.row(variance, steps))
display(controls.row(reveal, presses), words, picture)
"""
FLOOD = """\
values, slow = [], controls.Slider(0, 0, 1000, label="slow")
slow.observe(lambda change: (values.append(change.new), time.sleep(0.3)), "value")
display(slow)
"""


@pytest.fixture
def notebook(watched_lab: Page) -> Iterator[Page]:
    """A notebook in which a cell shows every kind of control."""
    open_in(watched_lab, NOTEBOOKS[2])
    expect_idle(watched_lab)
    run_new_cell(watched_lab, CONTROLS)
    expect(watched_lab.locator(".rx-control")).to_have_count(10, timeout=60_000)
    yield watched_lab
    expect(watched_lab.locator(ERROR_OUTPUT)).to_have_count(0)


def test_every_control_keeps_its_keys_and_moves_its_value(notebook: Page):
    cells, said = notebook.locator(".jp-Notebook .jp-Cell"), notebook.locator(".rx-words")
    n_cells = cells.count()
    active = notebook.locator(".jp-Notebook .jp-Cell.jp-mod-active .jp-InputPrompt")
    slider = lambda name: notebook.get_by_role("slider", name=name, exact=True)  # noqa: E731
    begins = "[0.5, 3, 1, 'careful', 'none', '0', False] 0"
    expect(said).to_have_text(begins)
    for control, keys, wanted in [
        (slider("share"), ["ArrowRight", "ArrowUp", "ArrowUp"], "[0.53, 3, 1, 'careful', 'none', '0', False] 0"),
        (slider("count"), ["End", "ArrowDown"], "[0.53, 7, 1, 'careful', 'none', '0', False] 0"),
        (notebook.get_by_role("combobox", name="item"), ["ArrowDown"], "[0.53, 7, 3, 'careful', 'none', '0', False] 0"),
        (notebook.get_by_role("radio", name="careful"), ["ArrowDown"], "[0.53, 7, 3, 'sloppy', 'none', '0', False] 0"),
        (slider("variance"), ["End"], "[0.53, 7, 3, 'sloppy', 1, '0', False] 0"),
        (slider("steps"), ["ArrowRight"], "[0.53, 7, 3, 'sloppy', 1, '10', False] 0"),
        (notebook.get_by_role("button", name="Show all"), ["Enter"], "[0.53, 7, 3, 'sloppy', 1, '10', True] 0"),
        (notebook.get_by_role("button", name="Next", exact=True), ["Space"], "[0.53, 7, 3, 'sloppy', 1, '10', True] 1"),
    ]:
        control.focus()
        before = active.all_inner_texts()
        for key in ("d", "d", "x", "a", "b", "m", *keys):
            control.press(key)
        expect(said).to_have_text(wanted)
        expect(cells).to_have_count(n_cells)
        assert active.all_inner_texts() == before
    expect(notebook.get_by_role("group", name="judge")).to_be_visible()
    expect(notebook.get_by_role("button", name="Show all")).to_have_attribute("aria-pressed", "true")
    expect(slider("variance")).to_have_attribute("aria-valuetext", "1")
    expect(notebook.locator(".rx-control img")).to_have_attribute("alt", re.compile("0.53.*0.881 at 2"))

    # a click on what is redrawn takes the keys too
    for shown in (said, notebook.locator(".rx-control img")):
        shown.click()
        for key in "ddxab":
            notebook.keyboard.press(key)
        expect(cells).to_have_count(n_cells)

    notebook.get_by_role("group", name="steps").get_by_role("button", name="Play").click()
    expect(said).to_have_text("[0.53, 7, 3, 'sloppy', 1, '1,000', True] 1")
    expect(notebook.get_by_role("button", name="Play")).to_be_visible()  # it came to the end


def test_a_value_that_python_sets_is_shown(notebook: Page):
    run_new_cell(notebook, "share.value, item.value, steps.index, reveal.value = 0.25, 3, 2, True")
    expect(notebook.get_by_role("slider", name="share")).to_have_value("0.25")
    expect(notebook.get_by_role("combobox", name="item")).to_have_value("three")
    expect(notebook.get_by_role("slider", name="steps")).to_have_attribute("aria-valuetext", "1,000")
    expect(notebook.get_by_role("button", name="Show all")).to_have_attribute("aria-pressed", "true")


def drag(page: Page, slider: Locator, n_moves: int) -> None:
    box = slider.bounding_box()
    assert box
    page.mouse.move(box["x"] + 10, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + box["height"] / 2, steps=n_moves)
    page.mouse.up()


def test_a_drag_does_not_flood_the_kernel_and_its_last_value_arrives(notebook: Page):
    run_new_cell(notebook, FLOOD)
    slider = notebook.get_by_role("slider", name="slow")
    slider.scroll_into_view_if_needed()
    drag(notebook, slider, 200)
    assert not slider.evaluate("node => node.matches(':focus') && getComputedStyle(node).outlineStyle !== 'none'")
    run_new_cell(notebook, "time.sleep(1)")
    last = slider.input_value()
    run_new_cell(notebook, "print('heard', len(values), 'last', values[-1])")
    told = notebook.locator(".jp-OutputArea-output").filter(has_text="heard")
    expect(told).to_be_visible(timeout=60_000)
    found = re.fullmatch(r"heard (\d+) last (\d+)", told.inner_text().strip())
    assert found
    assert 1 <= int(found[1]) <= 20
    assert found[2] == last


def test_without_a_kernel_the_controls_are_off_and_it_is_said(notebook: Page):
    command(notebook, "notebook:shutdown-kernel")
    expect(notebook.get_by_role("alert").filter(has_text="The kernel has stopped")).to_have_count(2)
    for control in notebook.locator(".rx-control :is(input, select, button)").all():
        expect(control).to_be_disabled()


def test_an_accessibility_engine_finds_nothing(notebook: Page):
    for light, ground in (("false", "#111111"), ("true", "white")):  # and is left light
        notebook.evaluate("""([light, ground]) => {
            document.body.dataset.jpThemeLight = light;
            document.body.style.setProperty("--jp-layout-color0", ground);
        }""", [light, ground])  # fmt: skip
        expect(notebook.locator(".rx-control").first).to_have_css(
            "color-scheme", "light" if light == "true" else "dark"
        )
        assert faults(notebook, within=".jp-Notebook .rx-control") == []
