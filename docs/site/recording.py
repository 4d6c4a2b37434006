"""Record what the controls of a notebook show, so that the static pages can show it without a kernel.

This runs where the notebook runs: in its kernel, where a cell that the builder puts before the first one calls
`start`. After each cell the widgets that it made are written down: their traits; for a picture or a text that depends
on controls, what it shows at every setting of them; for a prediction, at the end, its answer.

    FOLDER/widgets.json    {id: what `of_widget` returns}
    FOLDER/frames/         the pictures, each named by the hash of its content, so that equal ones are kept once
"""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import math
import traceback
from pathlib import Path
from typing import Any

import ipywidgets
from IPython.core.getipython import get_ipython
from PIL import Image

from rmlab.course.patches import GREYS, N_RATINGS, PatchView
from rmlab.explorer import Explorer, ExplorerState
from rmlab.explorer.control_base import Control
from rmlab.explorer.controls import Prediction, Slider, Toggle
from rmlab.explorer.following import Following
from rmlab.explorer.judge_columns import judge_columns
from rmlab.explorer.judge_widget import JudgeView

MOST_SETTINGS = 40
"""Of one control: a slider with more of them moves in coarser steps on a page, of those that it has."""
MOST_FRAMES = 400
"""Of one picture: all settings of its controls together."""
OF_THE_NOTEBOOK = {"layout", "tabbable", "tooltip"}
"""Traits by which ipywidgets lays a widget out."""
KINDS = {Control: "control", Explorer: "explorer", PatchView: "patches"}


class TooMany(ValueError):
    """A control or a picture has more states than a page should carry."""


def grid(control: Control) -> list[Any]:
    """Return the settings of a control that are drawn: all of them, or for a long slider every so many.

    Raises
    ------
    TooMany
        If no coarser steps meet both ends and the present value.
    """
    settings = list(control.settings())
    if len(settings) <= MOST_SETTINGS:
        return settings
    present = settings.index(getattr(control, control.setting)) if isinstance(control, Slider) else 0
    common = math.gcd(len(settings) - 1, present)
    for step in range(2, common + 1):
        if common % step == 0 and (len(settings) - 1) // step < MOST_SETTINGS:
            return settings[::step]
    raise TooMany(
        f"{control.label}: {len(settings)} settings, and no step that meets both ends and {settings[present]} leaves "
        f"at most {MOST_SETTINGS}. Give it other ends or a longer step."
    )


def frames(following: Following, save: Any) -> dict[str, Any]:
    """Return what is shown at each setting of the controls: ``shown[frames[i]]`` at the i-th, the last control fastest.

    Raises
    ------
    TooMany
        If there are more than `MOST_FRAMES`.
    """
    grids = [grid(control) for control in following.controls]
    if (n_frames := math.prod(map(len, grids))) > MOST_FRAMES:
        names = ", ".join(control.label for control in following.controls)
        raise TooMany(
            f"{n_frames} pictures for the settings of {names}, and a page carries {MOST_FRAMES}: let it depend on "
            "fewer, or draw two pictures"
        )
    shown: dict[str, int] = {}
    places = []
    for settings in itertools.product(*grids):
        values = [control.value_at(each) for control, each in zip(following.controls, settings, strict=True)]
        made = dict(following.make(*values))
        if made.get("source"):
            made["source"] = save(made["source"])
        places.append(shown.setdefault(json.dumps(made, allow_nan=False), len(shown)))
    return {
        "controls": [control.model_id for control in following.controls],
        "settings": grids,
        "shown": [json.loads(each) for each in shown],
        "frames": places,
    }


def save_picture(folder: Path, address: str) -> str:
    """Write the image of a ``data:`` address, as PNG or as WebP, whichever is smaller; return the name of the file."""
    png = base64.b64decode(address.partition(",")[2])
    webp = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGBA").save(webp, "WEBP", lossless=True, quality=60, method=3)
    content, ending = min((png, "png"), (webp.getvalue(), "webp"), key=lambda each: len(each[0]))
    name = f"{hashlib.sha256(content).hexdigest()[:20]}.{ending}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return name


def of_widget(widget: Any, save: Any) -> dict[str, Any] | None:
    """Return what a page needs to show a widget; None for one that it does not show, such as a progress bar."""
    if isinstance(widget, ipywidgets.Box):
        return {"kind": "group", "children": [child.model_id for child in widget.children], "of": widget._dom_classes}
    if isinstance(widget, JudgeView):  # on a page the browser keeps the labels
        columns = judge_columns(widget.desk.questions.pairs, rater=widget.rater, goal=widget.desk.goal)
        return of_widget(Explorer(ExplorerState(view="judge"), ("judge",), {"judge": columns}), save)
    kind = next((name for of, name in KINDS.items() if isinstance(widget, of)), None)
    if kind is None:
        return None
    if isinstance(widget, Explorer) and widget.answers is not None:
        widget.answers.wait()
    names = [name for name in widget.traits(sync=True) if not name.startswith("_") and name not in OF_THE_NOTEBOOK]
    found: dict[str, Any] = {"kind": kind, "values": {name: getattr(widget, name) for name in names}}
    following = getattr(widget.state if isinstance(widget, Explorer) else widget, "following", None)
    if following is not None and following.controls:
        found["follows"] = frames(following, save)
        if isinstance(widget, Control):
            found["values"].update(
                dict.fromkeys(found["values"].keys() & {"source", "value"}, "")
            )  # it is among the frames
    if isinstance(widget, PatchView):
        session = widget.session
        found["session"] = {"greys": GREYS, "parts": session.parts, "seconds": session.seconds, "ratings": N_RATINGS}
    if isinstance(widget, Explorer):
        found["state"] = str(id(widget.state))  # explorers of one state follow each other
        found["values"] |= {"answering": False, "request": widget.answered}  # nobody answers, and nothing is awaited
        found["scored_by"] = widget.answers.name if widget.answers is not None else ""
    if isinstance(widget, Control) and widget.setting:
        found["setting"] = widget.setting
    if isinstance(widget, Slider) and len(settings := grid(widget)) < len(widget.settings()):
        step = round(settings[1] - settings[0], 9)
        found["coarse"] = (
            f"Drawn beforehand for this page, in steps of {step:g}; in the notebook it is {widget.step:g}."
        )
        found["values"] |= {"step": step}
    if isinstance(widget, Toggle) and widget.until is not None:
        found["until"] = widget.until.model_id
    return found


class Recorder:
    """Writes the widgets of one notebook down, as its cells make them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._made: list[Any] = []
        self._asked: list[Prediction] = []
        self.widgets: dict[str, Any] = {}
        ipywidgets.Widget.on_widget_constructed(self._made.append)

    def after_cell(self) -> None:
        """Write down what the last cell made."""
        made, self._made[:] = list(self._made), []
        for widget in made:
            if isinstance(widget, Prediction):
                self._asked.append(widget)
            if getattr(widget, "comm", None) is None:
                continue  # closed again
            found = of_widget(widget, lambda address: save_picture(self.folder / "frames", address))
            if found is not None:
                self.widgets[widget.model_id] = found
        self._made.clear()  # by drawing

    def finish(self) -> None:
        """Write the answers of the predictions, which later cells may have found, and then the file; record no more."""
        self.after_cell()
        ipywidgets.Widget.on_widget_constructed(None)
        for asked in self._asked:
            self.widgets[asked.model_id]["answer"] = asked.answered()
        self._made.clear()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "widgets.json").write_text(json.dumps(self.widgets, allow_nan=False), encoding="utf-8")


def start(folder: str) -> Recorder:
    """Record the notebook of this kernel from now on, into a folder."""
    recorder = Recorder(Path(folder))

    def hook(_: Any) -> None:
        try:
            recorder.after_cell()
        except Exception:  # IPython only prints what a hook of it raises
            recorder.widgets["error"] = traceback.format_exc()

    shell = get_ipython()
    assert shell is not None
    shell.events.register("post_run_cell", hook)
    return recorder
