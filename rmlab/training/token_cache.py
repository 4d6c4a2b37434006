"""Token ids that are made once and kept in an Arrow table on disk, which is found again by its fingerprint."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rmlab.atomic import replacing
from rmlab.data import PreferencePairs
from rmlab.model import COUNTS, Encoded, EncodedPairs, Encoder, MappedIds, RewardModel
from rmlab.training.errors import TrainingError

__all__ = ["tokenize_once"]

FORMAT = 3
CHECKSUMS = "checksums.json"
"""CRC-32 of each file that was written: it finds damage, and takes a fraction of the time of reading the ids."""
SIDES = ("prompt", "chosen", "rejected")


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
        The model, whose tokenizer makes the ids.
    pairs
        The pairs to encode.
    folder
        Where the ids are stored, in a folder named by a fingerprint of the texts, the tokenizer, the convention and
        `max_length`. Ids that are already there are used again.
    max_length
        Longest sequence in tokens, at most the model's own.
    processes
        Processes that share the work; by default only this one.

    Raises
    ------
    TrainingError
        If the ``datasets`` package is missing, the folder cannot be written to, or the ids in it are damaged.
    """
    try:
        import datasets
    except ImportError as error:
        raise TrainingError(
            "token ids on disk need datasets; install it with: pip install 'reward-model-lab[hub]'"
        ) from error
    max_length = model.bound(max_length)
    kept = Path(folder) / _fingerprint(model.encoder, pairs, max_length)
    try:
        if not kept.exists():
            Path(folder).mkdir(parents=True, exist_ok=True)
            # another process that needs these ids waits for them and then finds them
            with filelock.FileLock(Path(folder) / f".{kept.name}.lock"):
                if not kept.exists():
                    _make(kept, model.encoder, pairs, max_length, processes)
        _refuse_damage(kept)
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


def _make(kept: Path, encoder: Encoder, pairs: PreferencePairs, max_length: int, processes: int | None) -> None:
    """Write the ids and their checksums to a folder, which gets its name when it is complete."""
    import datasets

    texts = pa.table({side: pa.chunked_array(pairs.columns(side), pa.large_string()) for side in SIDES})
    with replacing(kept) as new:
        made = (
            datasets.Dataset(texts)
            .with_format("arrow")
            .map(
                partial(_encode, encoder=encoder, max_length=max_length, messages=pairs.messages),
                batched=True,
                num_proc=None if processes == 1 else processes,  # for one, it would start a second process
                remove_columns=list(SIDES),
                cache_file_name=str(new.with_name("tokens.arrow")),
                new_fingerprint=kept.name,
            )
        )
        made.save_to_disk(str(new))
        checksums = {path.name: _checksum(path) for path in new.iterdir()}
        (new / CHECKSUMS).write_text(json.dumps(checksums), encoding="utf-8")


def _refuse_damage(kept: Path) -> None:
    """Raise TrainingError if a file differs from its checksum."""
    try:
        checksums = dict(json.loads((kept / CHECKSUMS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        checksums = {CHECKSUMS: None}
    for name, expected in checksums.items():
        if not (kept / name).is_file() or _checksum(kept / name) != expected:
            raise TrainingError(
                f"{kept / name} is not as it was written: token ids there are damaged. Remove {kept}, and they will be "
                "made again."
            )


def _checksum(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            value = zlib.crc32(part, value)
    return value


def _encode(texts: pa.Table, *, encoder: Encoder, max_length: int, messages: bool) -> pa.Table:
    """Encode a few pairs, and return the columns of `Encoded` under the name of each side."""
    read = json.loads if messages else str
    rendered = []
    for pair in zip(*(texts[side].to_pylist() for side in SIDES), strict=True):
        rendered += encoder.render(*map(read, pair))
    both = encoder.encode_rendered(rendered[::2] + rendered[1::2], max_length=max_length)
    n = len(texts)
    made: dict[str, Any] = {}
    for side, part in (("chosen", slice(n)), ("rejected", slice(n, None))):
        ids = both.input_ids[part]
        offsets = np.cumsum([0, *map(len, ids)], dtype=np.int32)
        values = np.fromiter(chain.from_iterable(ids), dtype=np.int32, count=int(offsets[-1]))
        made[f"{side}.input_ids"] = pa.ListArray.from_arrays(pa.array(offsets), pa.array(values))
        made |= {f"{side}.{name}": getattr(both, name)[part] for name in COUNTS}
    return pa.table(made)


def _side(table: pa.Table, side: str) -> Encoded:
    counts = (table[f"{side}.{name}"].to_numpy() for name in COUNTS)
    return Encoded(MappedIds(table[f"{side}.input_ids"]), *counts)


def _fingerprint(encoder: Encoder, pairs: PreferencePairs, max_length: int) -> str:
    """Return a hash of what the ids depend on: the texts in order, the tokenizer, the convention and `max_length`."""
    tokenizer = encoder.tokenizer
    fast = getattr(tokenizer, "backend_tokenizer", None)
    rules = tokenizer.get_vocab() if fast is None else fast.to_str()
    special = (encoder.special, encoder.convention.to_dict())
    whole: Sequence[Any] = [FORMAT, rules, tokenizer.chat_template, special, max_length, pairs.messages]
    digest = hashlib.sha256(json.dumps(whole, sort_keys=True).encode())
    for side in SIDES:
        lengths, characters = hashlib.sha256(), hashlib.sha256()  # apart: the pieces of a column must not matter
        for column in pairs.columns(side):
            lengths.update(pc.call_function("binary_length", [column]).to_numpy().tobytes())
            characters.update(_characters(column))
        digest.update(lengths.digest() + characters.digest())
    return digest.hexdigest()[:32]


def _characters(texts: pa.Array) -> pa.Buffer | bytes:
    """Return the texts of a column as they are in memory, one after another."""
    _, offsets, characters = texts.buffers()
    first, end = np.frombuffer(offsets, np.int64)[texts.offset :][[0, len(texts)]].tolist()
    return b"" if characters is None else characters[first:end]
