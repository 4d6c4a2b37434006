"""Controls without a browser: values, what is refused, and what they send."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image
from test_explorer_scripts import node
from traitlets import TraitError

from rmlab.explorer import ExplorerState, controls
from rmlab.plots.curves import plot_guesses
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


def test_presses_are_counted_up_to_the_last_one():
    presses = controls.Presses("Step", most=2)
    assert list(presses.settings()) == [0, 1, 2]
    presses.value = 2
    with pytest.raises(TraitError, match="Step must be from 0 to 2"):
        presses.value = 3
    assert presses.value == 2


def test_another_control_releases_a_toggle_before_what_follows_both_hears_of_it():
    menu = controls.Menu(["a", "b"], label="which")
    told = controls.Toggle(label="Tell me", until=menu)
    heard = []
    controls.Words(lambda which, tell: heard.append((which, tell)) or "", menu, told)
    told.value = True
    menu.value = "b"
    assert not told.value
    assert ("b", True) not in heard
    assert heard[-1] == ("b", False)


@pytest.mark.parametrize(
    ("control", "n_settings"),
    [
        (controls.Slider(0.5, 0, 1, step=0.01, label="share"), 101),
        (controls.Slider(1, 0.5, 15, step=0.1, label="temperature"), 146),
        (controls.Slider(3, 0, 8, label="count"), 9),
        (controls.Steps(["none", 10, [1]], label="variance"), 3),
        (controls.Toggle(label="Reveal"), 2),
        (controls.Presses("Step", most=4), 5),
    ],
)
def test_a_control_names_everything_that_it_can_be_set_to(control: controls.Slider, n_settings: int):
    settings = control.settings()
    assert len(settings) == n_settings
    assert getattr(control, control.setting) in settings
    for setting in settings:
        setattr(control, control.setting, setting)
        assert control.value == control.value_at(setting)


def test_what_depends_on_controls_is_made_again_from_their_values():
    share, reveal = controls.Slider(0.5, 0, 1, step=0.01, label="share"), controls.Toggle(label="Reveal")
    picture = controls.Picture(lambda p, revealed: plot_guesses({1: p}, revealed=revealed), share, reveal)
    words = controls.Words(lambda p: f"you said {p}", share)
    share.value, reveal.value = 0.66, True
    assert picture.value == describe(plot_guesses({1: 0.66}, revealed=True))
    assert words.value == "you said 0.66"


def test_an_explorer_follows_a_control_and_reset_goes_back_to_what_was_chosen():
    menu = controls.Menu({"first": (1.0, 0.0), "second": (0.0, 3.0)}, label="pair")
    state = ExplorerState()
    controls.follow(state, lambda scores: {"scores": scores, "prompt": f"{scores}"}, menu)
    menu.index = 1
    assert (state.scores, state.prompt) == ((0.0, 3.0), "(0.0, 3.0)")
    state.scores = (9.0, 9.0)
    state.reset()
    assert state.scores == (0.0, 3.0)


def test_a_picture_is_what_a_notebook_would_store():
    ax = plot_guesses({1: 0.6}, revealed=False)
    shown = controls.Picture(lambda: ax)
    page = bundle(ax, describe(ax))["text/html"]
    assert f'src="{shown.source}"' in page
    assert f'width="{shown.size[0]}" height="{shown.size[1]}"' in page
    assert base64.b64decode(shown.source.split(",")[1]).startswith(b"\x89PNG")
    assert shown.value == describe(ax)
    assert controls.Picture(lambda: (ax, "votes")).value == "votes"
    nothing = controls.Picture(lambda: None)
    assert (nothing.source, nothing.value) == ("", "")


def test_a_layer_is_as_large_as_its_ground_and_shows_it_through():
    pictures = [
        controls.Picture(lambda g=g: plot_guesses({2: 0.6} if not g else {}, revealed=True, ground=g)) for g in (1, 0)
    ]
    ground, layer = (Image.open(io.BytesIO(base64.b64decode(each.source.split(",")[1]))) for each in pictures)
    assert ground.size == layer.size
    opaque = np.array(layer.convert("RGBA"))[..., 3] > 0
    assert 0.001 < opaque.mean() < 0.05
    assert (np.array(ground.convert("RGBA"))[..., 3] == 255).all()


def test_what_is_drawn_is_sent_in_one_message(monkeypatch: pytest.MonkeyPatch):
    share = controls.Slider(0.5, 0, 1, step=0.01, label="share")
    shown, sent = controls.Picture(lambda p: plot_guesses({1: p}, revealed=False), share), []
    monkeypatch.setattr(shown, "send_state", lambda key=None: sent.append(set(key or ())))
    share.value = 0.75
    assert sent == [{"source", "value"}], "the size is the same"


@pytest.mark.parametrize(
    "control", [controls.Toggle(label="Reveal"), controls.Words("two lines"), controls.Picture(lambda: None)]
)
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
