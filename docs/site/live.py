"""The models that answer in pages of the site: each a folder of files, loaded when a reader asks for them.

A page is told how many bytes that is, so that it can say so before.

live/NAME/    rmlab_onnx.json, tokenizer.json, model_int8.onnx, onnxruntime.wasm, live.worker.js
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rmlab.datasets import course_model, course_pairs
from rmlab.explorer.bundle import live_wasm, live_worker
from rmlab.explorer.probe_views import MODELS

if TYPE_CHECKING:
    from rmlab.data import PreferencePair
    from rmlab.model import RewardModel

EXPORTED = ("rmlab_onnx.json", "tokenizer.json", "model_int8.onnx")
LANDING = "fair"
NOTEBOOKS = {"the twin": "flattered"}
"""By what a notebook calls the model of a probe, the model that answers there; others show what was recorded."""
N_COMPARED = 100
"""Pairs on which a model's scores are compared with torch's, which the page shows."""
Models = Mapping[str, Callable[[], "RewardModel"]]
COURSE: Models = {"fair": course_model, "flattered": lambda: course_model("flattered")}


def write_all(folder: Path, kept: Path, library: str, models: Models = COURSE) -> dict[str, int]:
    """Write every model, from where it was kept if the library is the same; return the bytes of each, with its runtime.

    Parameters
    ----------
    folder
        The folder ``live`` of the site.
    kept
        Where exports are kept from one build to the next.
    library
        The hash of what they are exported with.
    models
        Functions that load them, by name.
    """
    sizes = {}
    for name, load in models.items():
        export = kept / f"{name}-{library[:16]}"
        if not export.is_dir():
            for older in kept.glob(f"{name}-*"):
                shutil.rmtree(older)
            _export(load(), course_pairs().pairs[:N_COMPARED], MODELS[name], export)
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        for file in export.iterdir():
            shutil.copy(file, target)
        (target / "onnxruntime.wasm").write_bytes(live_wasm())
        (target / "live.worker.js").write_text(live_worker(), encoding="utf-8")
        sizes[name] = sum(file.stat().st_size for file in target.iterdir())
    return sizes


def offer(name: str, sizes: Mapping[str, int], *, up: str = "") -> dict[str, Any]:
    """Return what a page's script is told of a model; `up` leads from the page to the first one."""
    return {"folder": f"{up}live/{name}/", "bytes": sizes[name]}


def _export(model: RewardModel, pairs: Sequence[PreferencePair], name: str, export: Path) -> None:
    export.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=export.parent) as place:
        written = model.export_onnx(Path(place) / "whole", pairs, name=name).folder
        chosen = Path(place) / "chosen"
        chosen.mkdir()
        for file in EXPORTED:
            shutil.copy(written / file, chosen)
        chosen.rename(export)
