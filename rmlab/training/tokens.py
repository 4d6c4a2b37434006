"""Token ids made once: in parallel, in an Arrow table that is mapped from disk, and found again by its fingerprint."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rmlab.data import PreferencePairs
from rmlab.model import Encoded, EncodedPairs, Encoder, MappedIds, RewardModel, replacing
from rmlab.training.errors import TrainingError

__all__ = ["tokenize_once"]

FORMAT = 1
SIDES = ("prompt", "chosen", "rejected")
COUNTS = ("prompt_lengths", "prompt_tokens_cut", "response_tokens_cut")


def tokenize_once(
    model: RewardModel,
    pairs: PreferencePairs,
    folder: str | Path,
    *,
    max_length: int | None = None,
    processes: int | None = None,
) -> EncodedPairs:
    """Encode pairs as `RewardModel.encode_pairs` does, with the ids on disk and not in memory.

    Parameters
    ----------
    model
        Its tokenizer makes the ids.
    pairs
        To encode.
    folder
        Where the ids are kept, in a folder named by a fingerprint of the texts, the tokenizer and `max_length`. What
        is there already is used as it is.
    max_length
        Longest sequence in tokens, at most the model's own.
    processes
        To share the work; by default this one alone.

    Raises
    ------
    TrainingError
        If the ``datasets`` package is missing, or the disk refuses, as a full one does.
    """
    try:
        import datasets
    except ImportError as error:
        raise TrainingError(
            "token ids on disk need datasets; install it with: pip install 'reward-model-lab[hub]'"
        ) from error
    max_length = model.max_length if max_length is None else max_length
    kept = Path(folder) / _fingerprint(model.encoder, pairs, max_length)
    try:
        if not kept.exists():
            with tempfile.TemporaryDirectory(dir=_made(Path(folder)), prefix=".tokens-") as scratch:
                texts = pa.table({side: pa.chunked_array(pairs.columns(side), pa.large_string()) for side in SIDES})
                encode = partial(_encode, encoder=model.encoder, max_length=max_length, messages=pairs.messages)
                made = datasets.Dataset(texts).map(
                    encode,
                    batched=True,
                    num_proc=processes,
                    remove_columns=list(SIDES),
                    cache_file_name=str(Path(scratch) / "tokens.arrow"),
                    new_fingerprint=kept.name,
                )
                with replacing(kept) as new:
                    made.save_to_disk(str(new))
        found: Any = datasets.load_from_disk(str(kept))
        table: pa.Table = found.data.table
    except (OSError, pa.ArrowException) as error:
        raise TrainingError(
            f"the token ids could not be kept in {folder}: {error}. Make room there, or choose another folder."
        ) from error
    chosen, rejected = (pa.chunked_array(pairs.columns(side), pa.large_string()) for side in SIDES[1:])
    return EncodedPairs(
        _side(table, "chosen"), _side(table, "rejected"), pc.call_function("equal", [chosen, rejected]).to_numpy()
    )


def _encode(batch: Mapping[str, list[str]], *, encoder: Encoder, max_length: int, messages: bool) -> dict[str, Any]:
    """Encode a few pairs; columns of `Encoded` under the name of each side."""
    texts = {side: [json.loads(text) if messages else text for text in batch[side]] for side in SIDES}
    n = len(texts["prompt"])
    both = encoder.encode(texts["prompt"] * 2, texts["chosen"] + texts["rejected"], max_length=max_length)
    columns: dict[str, Any] = {}
    for side, places in (("chosen", np.arange(n)), ("rejected", np.arange(n, 2 * n))):
        part = both.take(places)
        columns[f"{side}.input_ids"] = [np.asarray(ids, dtype=np.int32) for ids in part]
        columns |= {f"{side}.{name}": getattr(part, name) for name in COUNTS}
    return columns


def _side(table: pa.Table, side: str) -> Encoded:
    counts = (table[f"{side}.{name}"].to_numpy() for name in COUNTS)
    return Encoded(MappedIds(table[f"{side}.input_ids"]), *counts)


def _fingerprint(encoder: Encoder, pairs: PreferencePairs, max_length: int) -> str:
    """Name what the ids depend on: the texts in their order, how they become ids, and where they are cut."""
    tokenizer = encoder.tokenizer
    fast = getattr(tokenizer, "backend_tokenizer", None)
    rules = tokenizer.get_vocab() if fast is None else json.loads(fast.to_str())
    special = (encoder.before, encoder.between, encoder.after, encoder.pools_last_token)
    whole: Sequence[Any] = [FORMAT, rules, tokenizer.chat_template, special, max_length, pairs.messages]
    digest = hashlib.sha256(json.dumps(whole, sort_keys=True).encode())
    for side in SIDES:
        for column in pairs.columns(side):
            for text in column.to_pylist():
                encoded = text.encode()
                digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.hexdigest()[:32]


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
