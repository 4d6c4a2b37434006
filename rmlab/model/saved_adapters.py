"""PEFT adapters: merging those of others into their base, and saving one of rmlab's without its base.

A folder with an adapter alone holds what PEFT writes, and in `rmlab.json` the base: its name, its revision and the
SHA-256 of its weights. It is read back only with that base.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from rmlab.model.model_error import ModelError
from rmlab.model.model_folder import find_file, read_tensors, sha256, weight_files
from rmlab.model.precision import Weights

__all__ = ["Adapter", "Base", "base_of", "check_base", "merge_adapter", "save_adapter"]

WEIGHTS = "adapter_model.safetensors"


@dataclass(frozen=True)
class Base:
    """The model from whose weights a run begins."""

    name: str
    """A short name, a folder or a hub id."""
    source: str | Path | None
    """The folder or hub id that was read; None if its weights are random."""
    revision: str | None = None
    """The branch, tag or commit of a hub model that was asked for."""
    seed: int = 0
    """The seed of the weights that it does not hold."""
    weights: Weights = "fp32"
    """The number format in which its backbone was held."""

    files: Mapping[str, tuple[int, int]] = field(init=False, compare=False, repr=False)
    """Size and time of the weight files of a folder, as they were read."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", _state_of(self.source))

    @property
    def commit(self) -> str | None:
        """The commit of a hub model, which is the name of its folder in the hub's cache; if unknown, the revision."""
        files = [] if self.source is None else weight_files(self.source, revision=self.revision)
        snapshot = files[0].parent if files else Path()
        return snapshot.name if snapshot.parent.name == "snapshots" else self.revision

    def to_dict(self) -> dict[str, Any]:
        """Return the record for the folder of an adapter; a folder is named by its whole path."""
        files = [] if self.source is None else weight_files(self.source, revision=self.revision)
        if _state_of(self.source) != self.files:
            raise ModelError(f"{self.source} has changed since the run began with it; save the whole model")
        name = str(self.source) if self.source is not None and Path(self.name).is_dir() else self.name
        hashes = {path.name: sha256(path) for path in files}
        return {"base": name, "revision": self.commit, "seed": self.seed, "weights": self.weights, "sha256": hashes}


def _state_of(source: str | Path | None) -> dict[str, tuple[int, int]]:
    states = [(path.name, path.stat()) for path in weight_files(source)] if isinstance(source, Path) else []
    return {name: (state.st_size, state.st_mtime_ns) for name, state in states}


@dataclass(frozen=True)
class Adapter:
    """A low-rank adapter that a run has trained, with its head, as it was before it was merged."""

    base: Base
    config: Any
    """The `LoraConfig` of PEFT."""
    weights: Mapping[str, torch.Tensor]
    """Tensors by their names in PEFT."""


def save_adapter(adapter: Adapter, folder: Path) -> None:
    """Write an adapter to a folder as PEFT does."""
    source = adapter.base.source
    adapter.config.base_model_name_or_path = adapter.base.name if source is None else str(source)
    adapter.config.revision, adapter.config.inference_mode = adapter.base.commit, True
    adapter.config.save_pretrained(str(folder))
    save_file({name: tensor.contiguous() for name, tensor in adapter.weights.items()}, folder / WEIGHTS)


def check_base(folder: Path, record: Mapping[str, Any], source: str | Path | None, revision: str | None) -> None:
    """Raise ModelError if a weight file of a base is not the one on which an adapter was trained."""
    files = [] if source is None else weight_files(source, revision=revision)
    found = {path.name: sha256(path) for path in files}
    for name, expected in dict(record["sha256"]).items():
        if found.get(name) != expected:
            raise ModelError(
                f"{folder} is an adapter of {record['base']}, whose {name} is not the one that it was trained on: its "
                f"SHA-256 should be {expected}, got {found.get(name, 'no such file')}. Copy that base again."
            )


def base_of(folder: Path) -> tuple[str, str | None]:
    """Return the name and the revision of the model to which an adapter belongs.

    Raises
    ------
    ModelError
        If peft is missing, or the adapter's weights are not safetensors.
    """
    try:
        import peft
    except ImportError as error:
        raise ModelError(
            f"{folder} is a PEFT adapter, which needs peft to be read with its base; install it with: "
            "pip install 'reward-model-lab[lora]'. Or merge it: merge_and_unload(), then save_pretrained."
        ) from error
    if find_file(folder, WEIGHTS) is None:
        raise ModelError(f"{folder} is a PEFT adapter without {WEIGHTS}; save it again as safetensors, not as a pickle")
    config: Any = peft.PeftConfig.from_pretrained(str(folder))
    return str(config.base_model_name_or_path), config.revision


def merge_adapter(folder: Path, network: Any) -> tuple[Any, list[str]]:
    """Merge an adapter into the network of its base.

    Returns
    -------
    The network, and the names of the modules outside the backbone that came with the adapter, such as ``score``.

    Raises
    ------
    ModelError
        If a weight of the adapter is missing, or has no place in the network.
    """
    import peft

    config: Any = peft.PeftConfig.from_pretrained(str(folder))
    weights = read_tensors(find_file(folder, WEIGHTS))
    inside = {name for name, _ in network.named_children()} - {network.base_model_prefix}
    named = {name.rpartition(".")[2] for name, _ in network.named_modules()}
    held = sorted({key.split(".")[2] for key in weights if key.startswith("base_model.model.")} & inside)
    config.base_model_name_or_path = None  # else peft warns of a base that has moved
    config.task_type = None  # a task's class would need a vocabulary head, or add a head to those saved
    config.modules_to_save = sorted({*held, *(set(config.modules_to_save or ()) & named)}) or None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers for attributes under their old names
        model: Any = peft.get_peft_model(network, config)
        found = peft.set_peft_model_state_dict(model, weights)
        absent = [key for key in found.missing_keys if "lora_" in key or "modules_to_save" in key]
        if absent or found.unexpected_keys:
            odd = sorted([*absent, *found.unexpected_keys])
            raise ModelError(f"it and its base do not belong together: {', '.join(odd[:2])}")
        merged = model.merge_and_unload()
    for module in merged.modules():
        vars(module).pop("peft_config", None)  # else peft would take the next adapter for a second one beside it
    return merged.requires_grad_(True), held
