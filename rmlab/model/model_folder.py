"""What a model's folder holds: the files that loading may read, and the record that rmlab keeps of them."""

from __future__ import annotations

import difflib
import fnmatch
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers.utils.hub import cached_file

from rmlab.model.model_error import ModelError, first_line

__all__ = [
    "ADAPTER",
    "MANIFEST",
    "changed_files",
    "check_layers",
    "checked_folder",
    "find_file",
    "is_adapter",
    "models_in",
    "read_base",
    "read_manifest",
    "read_record",
    "read_tensors",
    "sha256",
    "weight_files",
]

ADAPTER = "adapter_config.json"
"""The file that makes a folder a PEFT adapter; the weights of its base are elsewhere."""
MANIFEST = "rmlab.json"
"""The file in a saved folder with the SHA-256 of its files, to find damage, and with how its token ids are made."""
READ_BY_TRANSFORMERS = (
    *("config.json", "adapter_config.json", "*.safetensors", "*.safetensors.index.json"),
    *("tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab*", "merges*", "*.model", "*.spm"),
    *("*.jinja", "chat_template*", "additional_chat_templates"),
)
"""Names of files and folders that may change what a model is or reads, wherever they come from."""


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked_folder(folder: Path) -> Path:
    """Return the folder if it holds safetensors with the hashes that were saved; raise ModelError otherwise."""
    if not folder.is_dir():
        raise ModelError(f"{folder} is a file; expected a model folder, as save_pretrained writes it")
    if not (folder / "config.json").is_file() and not (folder / ADAPTER).is_file():
        raise ModelError(f"{folder} is not a model folder: it has no config.json.{models_in(folder)}")
    if not any(folder.glob("*.safetensors")):
        pickles = [path.name for path in folder.iterdir() if path.suffix in {".bin", ".pt", ".pth", ".pkl", ".ckpt"}]
        found = f"only {', '.join(sorted(pickles))}" if pickles else "no weights"
        raise ModelError(
            f"{folder} holds {found}; weights are read as safetensors only, since a pickle can run code. "
            "Save the model again with a current transformers, which writes model.safetensors."
        )
    if (folder / MANIFEST).is_file():
        expected_files = read_manifest(folder)
        if not expected_files and not _hashes_were_removed(folder):
            raise ModelError(f"{folder / MANIFEST} is damaged; copy or train the model again")
        for name, expected, found in changed_files(folder, expected_files) if expected_files else ():
            raise ModelError(
                f"{folder / name} is not the file that was saved: its SHA-256 should be {expected}, got {found}. "
                f"Copy or train the model again; if you changed it, reduce {MANIFEST} to "
                f"{_without_hashes(folder)}."
            )
    for index in folder.glob("*.safetensors.index.json"):
        _check_index(index)
    return folder


def is_adapter(source: str | Path) -> bool:
    """Return whether a folder holds a PEFT adapter, and not the weights of its base."""
    return isinstance(source, Path) and (source / ADAPTER).is_file() and not (source / "config.json").is_file()


def check_layers(source: str | Path, config: Any) -> None:
    """Raise ValueError if a configuration asks for more layers than its folder holds tensors, before they are built."""
    n_layers = getattr(config, "num_hidden_layers", None)
    if not isinstance(source, Path) or not isinstance(n_layers, int):
        return
    n_tensors = 0
    for path in source.glob("model*.safetensors"):  # other files hold heads
        with safe_open(path, framework="pt") as weights:
            n_tensors += len(weights.keys())
    if n_layers > n_tensors > 0:
        raise ValueError(f"config.json asks for more layers than there are tensors, {n_tensors}")


def read_manifest(folder: Path) -> dict[str, str]:
    """Return the names and SHA-256 of the files that were saved to a folder; nothing if the list is damaged."""
    try:
        hashes = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["sha256"]
        return {str(name): str(value) for name, value in dict(hashes).items()}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


def _without_hashes(folder: Path) -> str:
    record = read_record(folder) or {"convention": "apart"}  # of a folder from before there was a record
    return json.dumps({"token_ids": record})


def _hashes_were_removed(folder: Path) -> bool:
    """Return whether the record lacks only the hashes, which a user who changed a file may remove."""
    try:
        record = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and "sha256" not in record and "token_ids" in record


def find_file(source: str | Path, name: str, *, revision: str | None = None) -> Path | None:
    """Return a file of a folder or of a hub model; None if there is none of that name."""
    if isinstance(source, Path):
        return source / name if (source / name).is_file() else None
    try:
        found = cached_file(source, name, revision=revision)
    except OSError:  # there is no such file, as far as can be known without the hub
        return None
    return None if found is None else Path(found)


def read_tensors(path: Path | None, names: set[str] | None = None) -> dict[str, torch.Tensor]:
    """Read tensors of a safetensors file by name, all of them if no names are given."""
    if path is None:
        return {}
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys() if names is None or name in names}  # noqa: SIM118


def read_record(source: str | Path, *, revision: str | None = None) -> dict[str, Any] | None:
    """Return rmlab's record of how token ids are made; None if rmlab did not save the model.

    The record is empty if the model was saved before there was one.
    """
    path = find_file(source, MANIFEST, revision=revision)
    if path is None:
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8")).get("token_ids", {})
        return dict(record)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{path} is damaged ({first_line(error)}); copy or train the model again") from error


def read_base(folder: Path) -> dict[str, Any] | None:
    """Return what rmlab recorded of the base of an adapter; None if the folder holds none that rmlab saved."""
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8")).get("adapter")
        return None if record is None else {**record, "base": str(record["base"]), "sha256": dict(record["sha256"])}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"{path} is damaged ({first_line(error)}); copy or train the model again") from error


def weight_files(source: str | Path, *, revision: str | None = None) -> list[Path]:
    """Return the files with the weights of a folder or of a hub model, in the order of their names."""
    if isinstance(source, Path):
        return sorted(source.glob("*.safetensors"))
    index = find_file(source, "model.safetensors.index.json", revision=revision)
    names = {"model.safetensors"}
    if index is not None:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    found = (find_file(source, name, revision=revision) for name in sorted(names))
    return [path for path in found if path is not None]


def changed_files(folder: Path, expected: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield name, expected and found SHA-256 of each file that is changed, missing, or read though not listed."""
    there = {path.name: path for path in folder.iterdir()}
    read = {name for name in there if any(fnmatch.fnmatchcase(name, kind) for kind in READ_BY_TRANSFORMERS)}
    for name in sorted(expected.keys() | read):
        path = there.get(name)
        found = "no such file" if path is None else sha256(path) if path.is_file() else "a folder"
        if found != expected.get(name):
            yield name, expected.get(name, "absent"), found


def _check_index(index: Path) -> None:
    """Refuse a list of shards that names anything but safetensors in the same folder."""
    try:
        names: Iterable[str] = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{index} is damaged ({first_line(error)}); copy or train the model again") from error
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise ModelError(
                f"{index} names {name!r} as a file of weights; expected a .safetensors file in the same folder. "
                "Copy the model again from a source that you trust."
            )


def models_in(folder: Path, like: str = "") -> str:
    """Return the names of models in a folder, those with a similar name first."""
    try:
        names = sorted(path.name for path in folder.iterdir() if (path / "config.json").is_file())
    except OSError:
        return ""
    near = difflib.get_close_matches(like, names, n=3, cutoff=0.6)
    shown = near + [name for name in names if name not in near]
    return f" The models in {folder} are: {', '.join(shown[:5])}{', ...' if len(shown) > 5 else ''}." if shown else ""
