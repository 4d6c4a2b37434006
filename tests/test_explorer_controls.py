"""Controls without a browser: values, what is refused, and what they send."""

from __future__ import annotations

import base64
import json

import pytest
from test_explorer_scripts import node
from traitlets import TraitError

from rmlab.explorer import controls
from rmlab.plots.curves import plot_votes
from rmlab.plots.display import bundle, describe


def test_a_slider_of_whole_numbers_holds_whole_ones_and_another_does_not():
    whole = controls.Slider(3, 0, 8, label="count")
    whole.value = 5.0
    assert whole.value == 5
    assert type(whole.value) is int
    share = controls.Slider(0, 0, 1, step=0.01, label="share")
    share.value = 1
    assert type(share.value) is float


@pytest.mark.parametrize("value", [-1, 8.5, float("nan")])
def test_a_value_outside_the_ends_is_refused(value: float):
    slider = controls.Slider(3, 0, 8, label="count")
    with pytest.raises(TraitError, match="count must be from 0 to 8"):
        slider.value = value
    assert slider.value == 3
    with pytest.raises(TraitError, match="count must be"):
        controls.Slider(value, 0, 8, label="count")


@pytest.mark.parametrize("ends", [{"low": 1, "high": 1}, {"low": 0, "high": 1, "step": 0}])
def test_ends_and_steps_that_make_no_slider_are_refused(ends: dict[str, float]):
    with pytest.raises(ValueError, match="low must be below high"):
        controls.Slider(1, label="count", **ends)


@pytest.mark.parametrize("kind", [controls.Menu, controls.Choice, controls.Steps])
@pytest.mark.parametrize(
    ("options", "names", "values"),
    [
        (["a", "b"], ("a", "b"), ["a", "b"]),
        ([10, 20], ("10", "20"), [10, 20]),
        ([("ten", 10), ("list", [1])], ("ten", "list"), [10, [1]]),
        ({"ten": 10, "none": None}, ("ten", "none"), [10, None]),
    ],
)
def test_value_and_index_follow_each_other(kind: type[controls.Menu], options, names, values):
    control = kind(options, label="which")
    heard = []
    control.observe(lambda change: heard.append((change.new, control.index)), "value")
    assert (control.names, control.value, control.index) == (names, values[0], 0)
    control.index = 1  # as the browser does
    control.value = values[0]
    assert heard == [(values[1], 1), (values[0], 0)]
    with pytest.raises(TraitError, match="which must be one of"):
        control.value = "another"
    assert control.index == 0
    assert kind(options, values[1], label="which").index == (0 if values[1] is None else 1)


def test_no_options_are_refused():
    with pytest.raises(ValueError, match="which: there must be at least one option"):
        controls.Menu([], label="which")


def test_a_press_reaches_every_listener_with_the_button():
    button, heard = controls.Button("Step"), []
    button.on_click(heard.append)
    button.on_click(lambda pressed: heard.append(pressed.label))
    button._handle_custom_msg({"pressed": True}, [])  # what the browser sends
    button.click()
    assert heard == [button, "Step"] * 2


def test_a_picture_is_what_a_notebook_would_store():
    shown = controls.Picture()
    ax = plot_votes({1: 0.6}, revealed=False)
    shown.show(ax)
    page = bundle(ax, describe(ax))["text/html"]
    assert f"base64,{shown.png}" in page
    assert f'width="{shown.size[0]}" height="{shown.size[1]}"' in page
    assert base64.b64decode(shown.png).startswith(b"\x89PNG")
    assert shown.value == describe(ax)
    shown.show(ax, alt="votes")
    assert shown.value == "votes"
    shown.clear()
    assert (shown.png, shown.value) == ("", "")


def test_what_is_drawn_is_sent_in_one_message(monkeypatch: pytest.MonkeyPatch):
    shown, sent = controls.Picture(), []
    monkeypatch.setattr(shown, "send_state", lambda key=None: sent.append(set(key or ())))
    shown.show(plot_votes({1: 0.6}, revealed=False))
    assert sent == [{"png", "size", "value"}]


@pytest.mark.parametrize("control", [controls.Toggle(label="Reveal"), controls.Words("two lines"), controls.Picture()])
def test_without_a_kernel_a_line_says_what_to_do(control: controls.Control):
    assert "Run this cell to use it." in repr(control)


def test_a_drag_sends_the_first_value_at_once_and_the_last_one_always():
    source = """
import { throttled } from "./controls.js";
async function main() {
  const sent = [];
  const drag = throttled((value) => sent.push(value), 20);
  for (let i = 0; i < 100; i += 1) drag.call(i);
  const waits = drag.waits();
  await new Promise((done) => setTimeout(done, 90));
  drag.call(100);
  give([sent, waits, drag.waits()]);
}
"""
    assert json.loads(json.dumps(node(source))) == [[0, 99, 100], True, False]
