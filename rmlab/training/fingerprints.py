"""Hashes of what a run begins with, so that a checkpoint is not taken for that of another run."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import torch

from rmlab.model import RewardModel
from rmlab.training.training_data import TrainingData

__all__ = ["data_fingerprint", "model_fingerprints"]


def model_fingerprints(model: RewardModel) -> dict[str, str]:
    """Return hashes of a model: its architecture, its tokens, and its weights."""
    settings = {
        k: v for k, v in model.network.config.to_dict().items() if k not in ("_name_or_path", "transformers_version")
    }
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    tokens = sorted(model.tokenizer.get_vocab().items())
    weights = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        weights.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        weights.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return {
        "architecture": _hash([settings, trained]),
        "tokenizer": _hash([tokens, model.tokenizer.chat_template]),
        "weights": weights.hexdigest()[:16],
    }


def data_fingerprint(data: TrainingData) -> str:
    """Return the number of pairs and a hash of their token ids, margins and, if there are any, weights."""
    ids = hashlib.sha256(np.asarray(data.margins, dtype=np.float64).tobytes())
    if data.weights is not None:  # so without weights the hash is as in older checkpoints
        ids.update(b"weights" + np.asarray(data.weights, dtype=np.float64).tobytes())
    for side in (data.encoded.chosen, data.encoded.rejected):
        for sequence in side:
            ids.update(len(sequence).to_bytes(8, "little") + np.asarray(sequence, dtype=np.int64).tobytes())
    return f"{len(data):,} pairs ({ids.hexdigest()[:16]})"


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
