"""Loading a pretrained network and its tokenizer by a short name, a folder or a hub id.

A name is resolved in this order: a short name (`SHORT_NAMES`), a folder that exists, an id on the Hugging Face hub.
Weights are read as safetensors only, and code that comes with a model is never run.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel

from rmlab._compat.tokenizers_internals import without_panic
from rmlab.atomic import recover
from rmlab.model.heads import Head, fit_head, may_hold_a_head
from rmlab.model.minilm import minilm_folder
from rmlab.model.model_error import ModelError, first_line
from rmlab.model.model_folder import (
    MANIFEST,
    check_layers,
    checked_folder,
    find_file,
    is_adapter,
    models_in,
    read_base,
    read_manifest,
    read_tensors,
    sha256,
    weight_files,
)
from rmlab.model.precision import NUMBERS, Weights, hold
from rmlab.model.saved_adapters import base_of, check_base, merge_adapter
from rmlab.model.tiny_models import TINY_MODELS, tiny_model

__all__ = [
    "MANIFEST",
    "SHORT_NAMES",
    "LoadedNetwork",
    "ModelError",
    "load_network",
    "local_or_hub",
    "quiet_transformers",
    "read_manifest",
    "sha256",
]

SHORT_NAMES = ("minilm", *TINY_MODELS)


class LoadedNetwork(NamedTuple):
    """A network for sequence classification with one output, its tokenizer, and where its head came from."""

    network: PreTrainedModel
    tokenizer: Any
    head: Head
    source: str | Path | None
    """The folder or hub id that was read; None if nothing was."""


def load_network(
    name: str | Path, *, seed: int, revision: str | None = None, weights: Weights = "fp32"
) -> LoadedNetwork:
    """Load a sequence-classification network with one output, and its tokenizer.

    Parameters
    ----------
    name
        A short name, a folder, or a hub id. The folder may be a PEFT adapter, which is merged into its base.
    seed
        Seed for what the checkpoint does not hold: the head of a backbone, or all of a ``tiny-`` model.
    revision
        Pins a hub model to a branch, tag or commit.
    weights
        ``"bf16"`` holds the backbone in half the memory; the head stays in float32.

    Raises
    ------
    ModelError
        If there is no such model, its files are damaged or not safetensors, its head does not have one output, the
        checkpoint lacks weights other than the head's, or it holds a head that cannot be read.
    """
    if name in TINY_MODELS:
        with torch_seed(seed):
            network, tokenizer = tiny_model(str(name))
        hold(network.base_model, weights)
        return LoadedNetwork(network, tokenizer, Head.random(seed), None)
    source = minilm_folder(revision) if name == "minilm" else local_or_hub(name)
    if isinstance(source, Path) and is_adapter(source):
        return _load_adapter(source, seed=seed, weights=weights)
    with torch_seed(seed), quiet_transformers():
        # a model that comes with its own code fails here: trust_remote_code is always False
        with reading_of("configuration", source, "Copy it again, or take an architecture of transformers' own."):
            config = AutoConfig.from_pretrained(source, revision=revision, trust_remote_code=False)
        if any("Classification" in a for a in config.architectures or ()) and config.num_labels != 1:
            raise ModelError(
                f"{name} has a head with {config.num_labels} outputs; a reward model has one. "
                "Train it again with num_labels=1, or give the backbone without its head."
            )
        config.num_labels = 1
        with reading_of("weights", source):
            check_layers(source, config)
            network, info = AutoModelForSequenceClassification.from_pretrained(
                source,
                config=config,
                revision=revision,
                dtype=NUMBERS[weights],
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # fit_head refuses them, and names them
            )
        tokenizer = load_tokenizer(source, revision=revision)
        with reading_of("weights", source):
            heads = {key for key in info["unexpected_keys"] if may_hold_a_head(network, key)}
            outside = _read_outside(source, revision, heads)
            if weights == "bf16":
                _widen_head(network, source, revision)
        head = fit_head(str(name), network, info, outside, seed=seed)
    check_vocabulary(str(name), network, tokenizer)
    return LoadedNetwork(network, tokenizer, head, source)


def load_tokenizer(source: str | Path, *, revision: str | None = None) -> Any:
    """Load the tokenizer of a folder or a hub model."""
    with reading_of("tokenizer", source):
        tokenizer = without_panic(
            lambda: AutoTokenizer.from_pretrained(source, revision=revision, trust_remote_code=False)
        )
        limit = tokenizer.model_max_length
        if not (isinstance(limit, int | float) and limit > 0):
            raise ValueError(f"model_max_length must be a number of tokens, got {limit!r:.40}")
        # so that parts that do not belong together fail here, and not when a text is scored
        without_panic(lambda: tokenizer(["a"]))
        return tokenizer


def _read_outside(source: str | Path, revision: str | None, names: set[str]) -> dict[str, torch.Tensor]:
    """Read the weights of these names, and all of a separate file with a value head."""
    weights = read_tensors(find_file(source, "value_head.safetensors", revision=revision))
    if not names:
        return weights
    for path in weight_files(source, revision=revision):
        weights |= read_tensors(path, names)
    return weights


def _widen_head(network: PreTrainedModel, source: str | Path, revision: str | None) -> None:
    """Hold what is outside the backbone in float32, with the digits that it has in the files."""
    inside = f"{network.base_model_prefix}."
    outside = {name: p for name, p in network.named_parameters() if not name.startswith(inside)}
    held: dict[str, torch.Tensor] = {}
    for path in weight_files(source, revision=revision):
        held |= read_tensors(path, set(outside))
    for name, parameter in outside.items():
        exact = held.get(name)
        fits = exact is not None and exact.shape == parameter.shape  # fit_head names one that does not
        parameter.data = exact.float() if exact is not None and fits else parameter.data.float()


def _load_adapter(folder: Path, *, seed: int, weights: Weights) -> LoadedNetwork:
    """Load the base of a PEFT adapter, and merge the adapter and its head into it."""
    with reading_of("adapter", folder):
        base, revision = base_of(folder)
    record, merged = read_base(folder), weights
    if record is not None:
        merged = record.get("weights", "fp32")  # merged in the format in which it was trained
        base, revision, seed = record["base"], record["revision"], record["seed"]
        beside = folder.parent / Path(base).name
        if Path(base).is_absolute() and not Path(base).exists() and beside.is_dir():
            base = str(beside)  # both were moved
    if Path(base).exists() and Path(base).samefile(folder):
        raise ModelError(
            f"{folder} is a PEFT adapter that names itself as its base; name the model that it was trained on"
        )
    try:
        network, tokenizer, head, source = load_network(base, seed=seed, revision=revision, weights=merged)
    except ModelError as error:
        raise ModelError(
            f"{folder} is a PEFT adapter of {base}, which cannot be loaded: {first_line(error)} "
            f"Correct {'base_model_name_or_path in its adapter_config.json' if record is None else 'its rmlab.json'}."
        ) from error
    if record is not None:
        check_base(folder, record, source, revision)
        network.config.rmlab_max_length = record.get("max_length")
    with reading_of("adapter", folder), quiet_transformers():
        network, held = merge_adapter(folder, network)
        value_head = read_tensors(find_file(folder, "value_head.safetensors"))
    hold(network.base_model, weights)
    if value_head:
        info = {"missing_keys": {"score.weight"}, "unexpected_keys": set(), "mismatched_keys": set()}
        head = fit_head(str(folder), network, info, value_head, seed=seed)
    elif held:
        # a head of transformers' own class, which TRL and peft train beside an adapter; rmlab's reads as its base does
        by_pad = head.pools_by_pad if record is not None else held == ["score"]
        head = Head(f"{', '.join(held)} of the adapter, which is merged into {base}", pools_by_pad=by_pad)
    elif not head.fresh:
        head = replace(head, source=f"{head.source} of {base}, with the adapter merged into its layers")
    if find_file(folder, "tokenizer_config.json") is not None:
        tokenizer = load_tokenizer(folder)
    check_vocabulary(str(folder), network, tokenizer)
    return LoadedNetwork(network, tokenizer, head, folder)


def local_or_hub(name: str | Path) -> str | Path:
    """Return a checked folder, or a name that may be an id on the hub; raise ModelError for anything else."""
    path = Path(name)
    try:
        recover(path)  # left by a process that was killed while it saved a model there
        if path.exists():
            return checked_folder(path)
    except OSError as error:
        raise ModelError(f"{name} cannot be read: {error}") from error
    if "/" in str(name) and not path.is_absolute() and not str(name).startswith("."):
        return str(name)
    raise ModelError(unknown_model(str(name)))


def check_vocabulary(name: str, network: PreTrainedModel, tokenizer: Any) -> None:
    """Refuse a tokenizer without a vocabulary, which transformers makes in silence, or one of another network."""
    vocabulary = tokenizer.get_vocab()
    if vocabulary.keys() <= set(tokenizer.all_special_tokens):
        raise ModelError(
            f"the tokenizer of {name} has no vocabulary, so that all texts would read alike. "
            "Save it beside the weights: tokenizer.save_pretrained(folder) writes tokenizer.json."
        )
    rows = network.get_input_embeddings().num_embeddings  # pyright: ignore[reportAttributeAccessIssue]
    special = set(tokenizer.all_special_ids)  # many tokenizers have some that their network never saw
    if any(i >= rows and i not in special for i in vocabulary.values()):
        raise ModelError(
            f"the tokenizer of {name} has {len(vocabulary):,} tokens and its network {rows:,}; they do not belong "
            "together. Save the tokenizer that the network was trained with."
        )


@contextlib.contextmanager
def reading_of(part: str, source: str | Path, advice: str = "Copy or train the model again.") -> Iterator[None]:
    """Turn an error in reading one part of a model into a ModelError that names the part."""
    try:
        yield
    except Exception as error:  # a damaged file may raise anything, a bare Exception among them
        if not isinstance(source, Path):
            raise ModelError(f"{unknown_model(source)} The hub said: {first_line(error)}") from error
        raise ModelError(f"the {part} of {source} cannot be read ({first_line(error)}). {advice}") from error


def unknown_model(name: str) -> str:
    near = difflib.get_close_matches(name, SHORT_NAMES, n=2, cutoff=0.4)
    hint = f" Did you mean {' or '.join(near)}?" if near else models_in(Path(name).parent, like=Path(name).name)
    return (
        f"there is no model {name!r}.{hint} Expected a short name ({', '.join(SHORT_NAMES)}), "
        "a folder, or a hub id such as Qwen/Qwen3-0.6B-Base."
    )


@contextlib.contextmanager
def torch_seed(seed: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence transformers' progress bars and its report of a fresh head, which loading checks by itself."""
    log = transformers.logging
    verbosity, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(verbosity)
        if bars:
            log.enable_progress_bar()
