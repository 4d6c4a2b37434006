"""Timings of notebooks: what a run measures, what is too much, and where the table goes."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import timings
from timings import Timing


def notebook(path: Path, source: str, printed: str) -> Path:
    output = nbformat.v4.new_output("stream", text=printed)
    cell = nbformat.v4.new_code_cell(source, execution_count=1, outputs=[output])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return path


def run_from_a_small_process(path: Path, precision: str) -> Timing:
    """Linux counts the memory of the process that starts another towards the other's peak, and pytest's is large."""
    code = """import pathlib, sys, timings
print(*vars(timings.run(pathlib.Path(sys.argv[1]), sys.argv[2])).values())"""
    command = [sys.executable, "-c", code, str(path), precision]
    done = subprocess.run(command, cwd=Path(timings.__file__).parent, check=True, stdout=subprocess.PIPE, text=True)
    passed, seconds, gib = done.stdout.split()
    return Timing(passed == "True", float(seconds), float(gib))


@pytest.mark.slow
def test_a_run_takes_one_core_and_measures_time_and_memory(tmp_path: Path) -> None:
    source = """
import os, time
end = time.process_time() + 1
held = bytearray(300 * 2**20)
while time.process_time() < end: pass
cores = getattr(os, "sched_getaffinity", lambda _: [0])(0)
print(len(cores), os.environ["OMP_NUM_THREADS"], os.environ["RMLAB_PRECISION"])
"""
    timing = run_from_a_small_process(notebook(tmp_path / "a.ipynb", source, "1 1 fp32\n"), "fp32")
    assert timing.passed
    assert 1 < timing.seconds < 60
    assert 0.3 < timing.gib < 1
    assert not timings.run(notebook(tmp_path / "b.ipynb", "print(1)", "2\n"), "auto").passed


@pytest.mark.parametrize(
    ("precision", "timing", "expected"),
    [
        ("auto", Timing(True, 59, 1.9), []),
        ("auto", Timing(True, 61, 1.9), ["a (auto): 61 s, more than 60"]),
        ("fp32", Timing(True, 61, 2.1), ["a (fp32): 2.1 GiB, more than 2"]),
        ("fp32", Timing(False, 121, 1.0), ["a (fp32): nbval fails", "a (fp32): 121 s, more than 120"]),
    ],
)
def test_too_much_is_said(precision: str, timing: Timing, expected: list[str]) -> None:
    assert timings.faults("a", precision, timing) == expected


def test_the_table_replaces_the_last_one(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(timings, "run", lambda path, precision: Timing(True, 500 if path.stem == "b" else 3, 0.5))
    target = tmp_path / "README.md"
    target.write_text(f"above\n{timings.START}\nold\n{timings.END}\nbelow\n")
    assert timings.main(target, [tmp_path / "a.ipynb"]) == 0
    text = target.read_text()
    assert text.startswith("above\n")
    assert text.endswith("below\n")
    assert "old" not in text
    assert "| a | 3 | 0.5 | 3 | 0.5 |" in text
    assert timings.main(target, [tmp_path / "a.ipynb", tmp_path / "b.ipynb"]) == 1
    target.write_text("no comments here")
    with pytest.raises(SystemExit, match="expected <!-- timings"):
        timings.main(target, [])
