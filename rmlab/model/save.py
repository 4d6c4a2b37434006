"""Writing a folder whole or not at all."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rmlab.backbones import MANIFEST, ModelError, sha256

__all__ = ["check_destination", "replacing", "write_manifest"]


def check_destination(folder: str | Path) -> Path:
    """Refuse, with a ModelError, a folder that holds anything but a model that `RewardModel.save_pretrained` wrote."""
    folder = Path(folder)
    is_empty = folder.is_dir() and not any(folder.iterdir())
    if folder.exists() and not is_empty and not (folder / MANIFEST).is_file():
        raise ModelError(
            f"{folder} exists and is not a model that rmlab saved; choose another folder, so that nothing is lost"
        )
    return folder


@contextlib.contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Give the path of a folder to make and fill; at the end it takes the place of `folder`, or, after an error, goes.

    A full disk or a crash leaves what stood there before as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        new, old = Path(scratch) / "new", Path(scratch) / "old"
        yield new
        if folder.exists():
            folder.rename(old)
        try:
            new.rename(folder)
        except BaseException:
            if old.exists():
                old.rename(folder)
            raise


def write_manifest(folder: Path) -> None:
    """Record the SHA-256 of every file, weights, configuration and tokenizer alike, which loading compares."""
    hashes = {path.name: sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}
    (folder / MANIFEST).write_text(json.dumps({"sha256": hashes}, indent=2) + "\n", encoding="utf-8")
