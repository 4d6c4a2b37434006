"""Saving a model to a folder, the checks of that folder, and the list of the files that were saved."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from rmlab.atomic import replacing
from rmlab.model.backbones import quiet_transformers
from rmlab.model.model_error import ModelError
from rmlab.model.model_folder import MANIFEST, read_manifest, sha256
from rmlab.model.saved_adapters import save_adapter
from rmlab.model.several_heads import save_departures

__all__ = ["BESIDE", "SAVED_MAX_LENGTH", "check_destination", "check_room", "rescue", "save_model", "write_manifest"]

SAVED_MAX_LENGTH = "rmlab_max_length"
"""The entry of config.json that keeps the longest sequence of a model that rmlab saved."""

BESIDE = ("README.md", "training.json")
"""Files that `rmlab train` writes beside a model, and which anyone may edit: its card and its training record."""


def save_model(model: Any, folder: str | Path, *, beside: Mapping[str, str], only_adapter: bool) -> Path:
    """Write a `RewardModel` to a folder, as `RewardModel.save_pretrained` says."""
    folder = check_destination(folder)
    if only_adapter and model.adapter is None:
        raise ModelError(
            "there is no adapter to save alone: expected a model that one run with lora has trained since it was "
            "loaded. Train it with lora, or save the whole model."
        )
    alone = model.adapter if only_adapter else None
    if alone is not None and isinstance(alone.base.source, Path) and alone.base.source.resolve() == folder.resolve():
        raise ModelError(f"{folder} holds the base of this adapter, which is needed to load it; choose another folder")
    try:
        with replacing(folder) as new:
            setattr(model.network.config, SAVED_MAX_LENGTH, model.max_length)
            with quiet_transformers():
                model.network.save_pretrained(new) if alone is None else save_adapter(alone, new)
            model.tokenizer.padding_side = "right"
            model.tokenizer.model_max_length = model.max_length
            model.tokenizer.save_pretrained(new)
            save_departures(model.departures, new)
            base = {} if alone is None else {"adapter": {**alone.base.to_dict(), "max_length": model.max_length}}
            write_manifest(new, model.convention.to_dict(), **base)
            for name, text in beside.items():
                (new / name).write_text(text, encoding="utf-8")
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"the model could not be saved to {folder}: {error}. Make room or choose another folder; "
            "an older model there is unchanged."
        ) from error
    return folder


def check_destination(folder: str | Path) -> Path:
    """Refuse, with a ModelError, a folder that holds anything but a model that `RewardModel.save_pretrained` wrote."""
    folder = Path(folder)
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return folder
    if not (folder / MANIFEST).is_file():
        raise ModelError(
            f"{folder} exists and is not a model that rmlab saved; choose another folder, so that nothing is lost"
        )
    known = {*read_manifest(folder), MANIFEST, *BESIDE}
    if others := sorted(path.name for path in folder.iterdir() if path.name not in known):
        raise ModelError(
            f"{folder} holds a model and also {', '.join(others[:3])}, which rmlab did not write. Move that away, or "
            "choose another folder, so that nothing is lost."
        )
    return folder


def check_room(model: Any, folder: str | Path) -> None:
    """Refuse, with a ModelError, a disk without room for the weights of a model."""
    needed = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    there = Path(folder).resolve()
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    if free < needed:
        raise ModelError(
            f"{folder} has {free / 1e6:,.0f} MB of free space, and the model takes {needed / 1e6:,.0f} MB. "
            "Make room, or choose another folder."
        )


def rescue(model: Any, folder: Path) -> Path | None:
    """Save a model whose folder cannot be written to another: beside it, in the working directory, or a temporary one.

    Returns
    -------
    The folder, or None if none can be written.
    """
    for place in (folder.resolve().parent, Path.cwd(), Path(tempfile.gettempdir())):
        try:
            new = Path(tempfile.mkdtemp(prefix=f"{folder.name}-rescued-", dir=place))
        except OSError:
            continue
        try:
            return model.save_pretrained(new)
        except ModelError:
            shutil.rmtree(new, ignore_errors=True)
    return None


def write_manifest(folder: Path, token_ids: Mapping[str, Any], **more: Any) -> None:
    """Record the SHA-256 of every file, which loading compares, how token ids are made, and `more` if there is any."""
    hashes = {path.name: sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}
    (folder / MANIFEST).write_text(
        json.dumps({"sha256": hashes, "token_ids": token_ids, **more}, indent=2) + "\n", encoding="utf-8"
    )
