"""The model inside a page: its files as blocks that the page's scripts read, with no network.

A block is ``<script type="application/octet-stream" id="rmlab-live-NAME">``, which a browser neither runs nor shows.
Manifest and tokenizer are JSON; model, runtime and the script of the worker are base64 of bytes compressed by gzip.

A second model of the same network takes a third of the room: the block *change* holds the difference of each byte of
its file to that of the first, modulo 256. Most are zero, since two models that were fine-tuned from one are alike.
"""

from __future__ import annotations

import base64
import gzip
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rmlab.data import PreferencePair
from rmlab.explorer.bundle import live_wasm, live_worker
from rmlab.explorer.page import as_inert_json, script_block

if TYPE_CHECKING:
    from rmlab.model import RewardModel

__all__ = ["live_blocks"]

LARGEST_FILE = 60_000_000
"""The most bytes of the blocks; a second model that does not fit is left out, and keeps its recorded scores."""
KIND = "application/octet-stream"
N_COMPARED = 50
"""The most pairs on which the model of a page is compared with the same model in torch."""


def live_blocks(
    model: RewardModel,
    pairs: Sequence[PreferencePair],
    *,
    name: str,
    second: tuple[str, RewardModel] | None = None,
    progress: bool = False,
) -> str:
    """Return the blocks that let a page score by itself.

    Parameters
    ----------
    model
        Its weights are written in 8 bits; see `RewardModel.export_onnx`.
    pairs
        The scores of some of these are compared with torch's, and the page shows the result.
    name
        What the page calls the model.
    second
        The name of another model of the same network and tokenizer, and the model; left out above `LARGEST_FILE`.
    progress
        Whether to show progress bars.

    Raises
    ------
    ModelError
        If a model cannot be exported.
    ValueError
        If the second model has another network.
    """
    if second is not None:
        _require_same_network(model, second[1])
    compared = pairs[:: max(1, len(pairs) // N_COMPARED)][:N_COMPARED]
    first = _exported(model, compared, name=name, progress=progress)
    blocks = [
        _json_block("live-manifest", first["manifest"]),
        _json_block("live-tokenizer", first["tokenizer"]),
        _packed_block("live-model", first["model"]),
        _packed_block("live-wasm", live_wasm()),
        _packed_block("live-worker", live_worker().encode()),
    ]
    if second is not None:
        other = _exported(second[1], compared, name=second[0], progress=progress)
        more = [
            _json_block("live-second-manifest", other["manifest"]),
            _packed_block("live-second-change", _change(first["model"], other["model"])),
        ]
        if sum(map(len, blocks + more)) <= LARGEST_FILE:
            blocks += more
    return "\n".join(blocks)


def _json_block(name: str, value: Any) -> str:
    return script_block(name, as_inert_json(value), kind=KIND)


def _packed_block(name: str, data: bytes) -> str:
    packed = gzip.compress(data, 9, mtime=0)
    return script_block(name, base64.b64encode(packed).decode(), kind=KIND)


def _exported(model: RewardModel, pairs: Sequence[PreferencePair], *, name: str, progress: bool) -> Mapping[str, Any]:
    """Export a model; return its manifest and tokenizer as parsed JSON, and the file of its weights in 8 bits."""
    with tempfile.TemporaryDirectory() as place:
        folder = model.export_onnx(Path(place) / "model", pairs, name=name, progress=progress).folder
        manifest, tokenizer = (
            json.loads((folder / file).read_text(encoding="utf-8")) for file in ("rmlab_onnx.json", "tokenizer.json")
        )
        return {"manifest": manifest, "tokenizer": tokenizer, "model": (folder / "model_int8.onnx").read_bytes()}


def _require_same_network(first: RewardModel, second: RewardModel) -> None:
    """Raise ValueError before anything is exported, which takes long."""
    one, other = ({name: tuple(w.shape) for name, w in model.state_dict().items()} for model in (first, second))
    if one != other:
        raise ValueError(
            f"two models in one page must have the same network, got a {type(first.network).__name__} and a "
            f"{type(second.network).__name__} with weights of other names or shapes"
        )


def _change(first: bytes, second: bytes) -> bytes:
    """Return what to add to each byte of the first, modulo 256, to have the second."""
    return (np.frombuffer(second, np.uint8) - np.frombuffer(first, np.uint8)).tobytes()
