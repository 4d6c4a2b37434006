"""Writing files and folders completely or not at all.

A folder is written in ``.NAME.saving`` beside its place, until it is complete and on the disk. It cannot replace
another in one step on every system, so the older one is first renamed into ``.NAME.saving``. If the process ends
there, the next load or save restores it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import filelock

__all__ = ["holding", "recover", "replacing", "replacing_file", "unwritable_page", "write_text"]

SECONDS_OF_A_SWAP = 10
"""How long a reader waits for a writer that is between its two renames."""


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 file completely; after an error, such as a full disk, an older file is unchanged."""
    path = Path(path).resolve()  # a symbolic link stays one
    if path.exists() and not path.is_file():  # a pipe or a device, such as /dev/stdout, has no older content to lose
        path.write_text(text, encoding="utf-8")
        return
    with replacing_file(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def replacing_file(path: str | Path) -> Iterator[Path]:
    """Yield the path of an empty file beside `path`, which takes its place at the end; after an error it is removed."""
    path = Path(path).resolve()  # a symbolic link stays one
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(number)
    scratch = Path(name)
    try:
        yield scratch
        with scratch.open("rb+") as file:
            os.fsync(file.fileno())
        scratch.chmod(mode)  # mkstemp makes a file that only its owner may read
        os.replace(scratch, path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def unwritable_page(page: Path) -> str | None:
    """Return why a page cannot be written to this path, or None; a file that is not a page must not be lost."""
    folder = page.resolve().parent
    if page.is_dir():
        return "it is a folder"
    if not folder.is_dir():
        return "its folder is missing"
    if page.is_file() and not _is_page(page):  # such as the pairs
        return "it is a file but not an HTML page, and would be lost"
    device = page.exists() and not page.is_file()
    return None if os.access(page if device else folder, os.W_OK) else "its folder is not writable"


def _is_page(file: Path) -> bool:
    with file.open("rb") as opened:
        start = opened.read(256)
    return not start.strip() or start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html"))


@contextlib.contextmanager
def holding(folder: str | Path) -> Iterator[Path]:
    """Keep every other process from writing to a folder; yield a scratch folder beside it. One thread may nest calls.

    Raises
    ------
    BlockingIOError
        If another process or thread holds the folder.
    OSError
        If nothing can be written beside it.
    """
    folder = Path(folder).resolve()
    scratch = _scratch(folder)
    scratch.mkdir(parents=True, exist_ok=True)
    lock = _lock(scratch / "lock")
    try:
        lock.acquire(timeout=0)  # the process holds the lock, which ends with the process
    except filelock.Timeout:
        raise BlockingIOError(f"another run is writing to {folder}; wait for it, or choose another folder") from None
    try:
        if lock.lock_counter == 1:
            _settle(folder)
        yield scratch
    finally:
        try:
            _settle(folder)
            if lock.lock_counter == 1:
                shutil.rmtree(scratch, ignore_errors=True)
        finally:
            lock.release()


@contextlib.contextmanager
def replacing(folder: str | Path) -> Iterator[Path]:
    """Yield the path of a folder to make and fill, which takes the place of `folder` at the end.

    After an error, a full disk or an interrupt, the older folder is unchanged. After a kill, `recover` restores it.
    """
    folder = Path(folder).resolve()  # a symbolic link stays one
    with holding(folder) as scratch:
        new, old = scratch / "new", scratch / "old"
        yield new
        _flush(new)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)  # if this fails, `holding` restores the older one
        _flush_entries(folder.parent)


def recover(folder: str | Path) -> None:
    """Restore a folder that a killed process had renamed but not yet replaced."""
    folder = Path(folder).resolve()
    scratch = _scratch(folder)
    if not (scratch / "old").exists() or not _is_absent(folder):
        return
    with _lock(scratch / "lock").acquire(timeout=SECONDS_OF_A_SWAP):
        _settle(folder)


def _settle(folder: Path) -> None:
    """Undo or finish an interrupted swap: an older folder without a newer one goes back to its place."""
    new, old = (_scratch(folder) / name for name in ("new", "old"))
    if old.exists() and _is_absent(folder):
        old.rename(folder)
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)


def _is_absent(folder: Path) -> bool:
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def _scratch(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.saving")


def _lock(path: Path) -> filelock.BaseFileLock:
    return _lock_of(path, os.getpid())


@cache  # one object for a path, whose calls may be nested; a forked process needs its own
def _lock_of(path: Path, process: int) -> filelock.BaseFileLock:
    return filelock.FileLock(path)


def _flush(folder: Path) -> None:
    """Write a folder and all its files to the disk, since a rename may reach it before the contents do."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
        else:
            _flush_entries(path)
    _flush_entries(folder)


def _flush_entries(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open folders
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
