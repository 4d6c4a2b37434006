"""Files and folders written whole or not at all: killed, interrupted or refused at any operation."""

import itertools
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from rmlab.atomic import holding, recover, replacing, write_text

ON_POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
OPERATIONS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree", "test.fsync")
OLDER, NEWER = {"weights": "older", "settings": "o"}, {"weights": "newer", "settings": "n", "more": "m"}


def write(folder, files):
    with replacing(folder) as new:
        new.mkdir()
        for name, text in files.items():
            (new / name).write_text(text)


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def end_at_each_operation(root, how):
    """Replace a folder in processes of which the k-th ends, or is interrupted, at its k-th operation on files."""
    fsync = os.fsync

    def audited_fsync(number):
        sys.audit("test.fsync")
        fsync(number)

    os.fsync = audited_fsync
    for k in itertools.count(1):
        place = root / f"{k:03d}"
        place.mkdir()
        write(place / "model", OLDER)
        child = os.fork()
        if child == 0:
            left, fired = iter(range(k - 1)), []

            def once(event, _, left=left, fired=fired):
                if event in OPERATIONS and not fired and next(left, None) is None:
                    fired.append(event)
                    if how == "kill":
                        os.kill(os.getpid(), signal.SIGKILL)
                    raise KeyboardInterrupt

            sys.addaudithook(once)
            try:
                write(place / "model", NEWER)
            except KeyboardInterrupt:
                os._exit(1)
            os._exit(1 if fired else 0)  # rmtree may pass over what stops it
        if os.waitpid(child, 0)[1] == 0:
            return


@ON_POSIX
@pytest.mark.parametrize("how", ["kill", "interrupt"])
def test_whatever_operation_a_save_ends_at_the_older_or_the_newer_folder_is_found(tmp_path, how):
    process = get_context("spawn").Process(target=end_at_each_operation, args=(tmp_path, how))
    process.start()
    process.join()
    assert process.exitcode == 0
    *ended, finished = sorted(tmp_path.iterdir())
    assert len(ended) >= 15, "fewer operations than a replacement takes"
    if how == "interrupt":  # needs no recovery, unless the recovery itself was interrupted
        assert sum((place / "model").exists() for place in ended) >= len(ended) - 3
    found = []
    for place in [*ended, finished]:
        recover(place / "model")
        found.append(contents(place / "model"))
        assert found[-1] in (OLDER, NEWER)
    assert found[0] == OLDER
    assert found[-1] == NEWER
    for place in ended:
        write(place / "model", NEWER)
        assert [path.name for path in place.iterdir()] == ["model"]  # and nothing half-written is left
    assert [path.name for path in finished.iterdir()] == ["model"]


def test_a_rename_that_fails_brings_the_older_folder_back(tmp_path, monkeypatch):
    write(tmp_path / "model", OLDER)
    rename = type(tmp_path).rename

    def refuse(self, target):
        if self.name == "new":
            raise OSError("Input/output error")
        return rename(self, target)

    monkeypatch.setattr(type(tmp_path), "rename", refuse)
    with pytest.raises(OSError, match="Input/output"):
        write(tmp_path / "model", NEWER)
    assert contents(tmp_path / "model") == OLDER


def test_an_empty_folder_made_after_a_kill_does_not_cost_the_older_one(tmp_path):
    write(tmp_path / ".model.saving" / "old", OLDER)
    (tmp_path / "model").mkdir()  # as `mkdir -p` in a script does
    recover(tmp_path / "model")
    assert contents(tmp_path / "model") == OLDER


def test_of_two_writers_the_second_is_refused(tmp_path):
    def other():
        write(tmp_path / "model", NEWER)

    with ThreadPoolExecutor(1) as pool:
        with holding(tmp_path / "model"):
            with pytest.raises(BlockingIOError, match=r"another run is writing to .*model"):
                pool.submit(other).result()
            write(tmp_path / "model", OLDER)  # the one that holds it may write
        assert contents(tmp_path / "model") == OLDER
        pool.submit(other).result()
    assert contents(tmp_path / "model") == NEWER


def test_a_symbolic_link_stays_one(tmp_path):
    write(tmp_path / "disk" / "model", OLDER)
    link = tmp_path / "model"
    link.symlink_to(tmp_path / "disk" / "model")
    write(link, NEWER)
    assert link.is_symlink()
    assert contents(tmp_path / "disk" / "model") == NEWER
    page = tmp_path / "page.html"
    (tmp_path / "disk" / "page.html").write_text("older")
    page.symlink_to(tmp_path / "disk" / "page.html")
    write_text(page, "newer")
    assert page.is_symlink()
    assert (tmp_path / "disk" / "page.html").read_text() == "newer"


@ON_POSIX
def test_a_full_disk_leaves_the_last_page_as_it_was(tmp_path):
    import resource

    page = tmp_path / "page.html"
    write_text(page, "the last one")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # the system refuses to write more to a file
    try:
        with pytest.raises(OSError, match="too large"):
            write_text(page, "x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert contents(tmp_path) == {"page.html": "the last one"}


@ON_POSIX
def test_a_page_keeps_its_rights_and_a_new_one_has_the_usual_ones(tmp_path):
    usual, page = tmp_path / "usual", tmp_path / "page.html"
    usual.touch()
    write_text(page, "one")
    assert page.stat().st_mode == usual.stat().st_mode
    page.chmod(0o640)
    write_text(page, "two")
    assert page.stat().st_mode & 0o777 == 0o640
