"""What the pages of the site show of controls without a kernel: every state, once, and within bounds."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import pytest
import recording
from PIL import Image

from rmlab.explorer import Explorer, ExplorerState, controls
from rmlab.explorer.control_base import Control
from rmlab.plots.curves import plot_guesses


def unsaved(address: str) -> str:
    return address


@pytest.mark.parametrize(
    ("control", "drawn"),
    [
        (controls.Slider(3, 0, 8, label="count"), list(range(9))),
        (controls.Slider(0.5, 0, 1, step=0.01, label="share"), [round(0.05 * i, 2) for i in range(21)]),
        (controls.Slider(1, 0.5, 15, step=0.1, label="temperature"), [round(0.5 + 0.5 * i, 1) for i in range(30)]),
        (controls.Toggle(label="Reveal"), [False, True]),
        (controls.Menu(["a", "b"], label="which"), [0, 1]),
    ],
)
def test_a_long_slider_is_drawn_in_coarser_steps_that_meet_its_value(control: Control, drawn: list[float]) -> None:
    assert recording.grid(control) == drawn
    assert getattr(control, control.setting) in drawn


def test_a_slider_whose_value_no_coarser_step_meets_is_refused() -> None:
    with pytest.raises(recording.TooMany, match="share: 101 settings"):
        recording.grid(controls.Slider(0.53, 0, 1, step=0.01, label="share"))


def test_a_picture_of_too_many_settings_is_refused() -> None:
    sliders = [controls.Slider(0, 0, 20, label=f"slider {i}") for i in range(2)]
    words = controls.Words(lambda *values: f"{values}", *sliders)
    assert words.following
    with pytest.raises(recording.TooMany, match="441 pictures for the settings of slider 0, slider 1"):
        recording.frames(words.following, unsaved)


def test_every_setting_has_its_frame_and_equal_frames_are_kept_once() -> None:
    number, which = controls.Slider(2, 0, 3, label="n"), controls.Menu({"ten": 10, "twenty": 20}, label="which")
    words = controls.Words(lambda n, value: f"{min(n, 1) * value}", number, which)
    found = recording.frames(words.following, unsaved)
    assert found["settings"] == [[0, 1, 2, 3], [0, 1]]
    shown = [found["shown"][place]["value"] for place in found["frames"]]
    assert shown == ["0", "0", "10", "20", "10", "20", "10", "20"], "the last control fastest"
    assert len(found["shown"]) == 3
    assert found["controls"] == [number.model_id, which.model_id]
    assert (number.value, which.value) == (2, 10), "nothing was set"


def test_a_picture_is_written_in_the_smaller_form_and_equal_ones_once(tmp_path: Path) -> None:
    shown = [controls.Picture(lambda: plot_guesses({1: 0.6}, revealed=False)) for _ in range(2)]
    names = {recording.save_picture(tmp_path, each.source) for each in shown}
    (name,) = names
    assert [path.name for path in tmp_path.iterdir()] == [name]
    png = base64.b64decode(shown[0].source.partition(",")[2])
    assert (tmp_path / name).stat().st_size <= len(png)
    original, written = (Image.open(each).convert("RGBA") for each in (io.BytesIO(png), tmp_path / name))
    assert written.tobytes() == original.tobytes(), "nothing is lost"


def test_a_prediction_answers_for_each_of_its_values_as_a_notebook_does() -> None:
    asked = [controls.predict("P", lambda: 0.25, step=0.05), controls.predict("which", "b", options=["a", "b"])]
    for one in asked:
        answered = one.answered()
        for step in range(len(answered["words"]) - 1):
            live = type(one)(one.label, one._answer, low=one.low, high=one.high, step=one.step, names=one.names)
            live.value = one.low + step * one.step
            live.revealed = True
            assert live.words.startswith(answered["words"][step])
            assert live.truth == answered["truth"]
        assert answered["words"][-1].startswith("It is")
        assert (one.value, one.revealed) == (None, False)


def test_a_notebook_is_recorded_as_its_cells_run(tmp_path: Path) -> None:
    recorder = recording.Recorder(tmp_path)
    menu = controls.Menu(["a", "b"], label="which")
    told = controls.Toggle(label="Tell", until=menu)
    state = ExplorerState(prompt="first")
    explorer = Explorer(state, ("curve",))
    controls.follow(state, lambda name: {"prompt": name}, menu)
    later: dict[str, float] = {}
    asked = controls.predict("how much", lambda: later["found"])
    box = controls.row(menu, told)
    recorder.after_cell()
    later["found"] = 0.5
    recorder.finish()
    written = json.loads((tmp_path / "widgets.json").read_text(encoding="utf-8"))
    assert written[box.model_id]["children"] == [menu.model_id, told.model_id]
    assert written[told.model_id]["until"] == menu.model_id
    assert written[asked.model_id]["answer"]["truth"] == 0.5, "a later cell found it"
    follows = written[explorer.model_id]["follows"]
    assert [follows["shown"][place]["prompt"] for place in follows["frames"]] == ["a", "b"]
    assert follows["shown"][1]["start"]["prompt"] == "b", "Reset goes back to what is chosen"
    assert not [values for one in written.values() for values in one.get("values", {}) if values.startswith("_")]
    assert controls.Toggle(label="after").model_id not in recorder.widgets
