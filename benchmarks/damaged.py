"""Does a damaged file ever lead to a traceback, an endless run or a changed file? Thousands are made at random.

    OMP_NUM_THREADS=1 python benchmarks/damaged.py [--command read_pairs --n 3000 --seed 0]

A run makes a small valid input, damages it up to five times, and calls the command in this process. It must end within
5 s of CPU time, with status 0, or with 2 and one line on standard error (an audit may end with 1). It must not change
its input files, and a refused run must leave nothing behind. With the printed seed, ``--command COMMAND --n 1 --seed
SEED`` repeats a run and shows all its output. The exit status is 1 if any run failed.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

os.environ["HF_HUB_OFFLINE"] = "1"

from _damage import COMPARISONS, ENOUGH, TO_SCORE, damage_model, damaged_file, damaged_pairs, make_records
from _targets import MISSED

from rmlab.__main__ import BAD_INPUT
from rmlab.__main__ import main as rmlab
from rmlab.data import check_pairs, read_pairs, write_pairs
from rmlab.printing import printable, printable_lines

CPU_SECONDS, SECONDS = 5, 60
SHOWN = 10
MAY_FALL_SHORT = "audit"
LEFT_OUT = re.compile(r"rmlab: [\d,]+ bad records? of ")


class Late(BaseException):
    """The time is over. Not an Exception, since a command may catch those."""


class Run(NamedTuple):
    outcome: str
    fault: str | None
    out: str
    err: str


# --- The inputs: each makes files in a folder, and returns the command line -----------------------------------------


def for_read_pairs(rng: random.Random, folder: Path, _: Path) -> list[str]:
    path = damaged_pairs(rng, folder, n=rng.choice([1, 3, 8]))
    return [str(path), *(["--skip-bad"] if rng.random() < 0.2 else [])]


def for_fit(rng: random.Random, folder: Path, _: Path) -> list[str]:
    path = damaged_file(rng, folder, copy.deepcopy(COMPARISONS), "csv", separators=",;\t")
    values = {"--ties": ["half", "davidson"], "--prior-variance": ["1", "1e-300", "1e300"], "--relative-to": ["b", "d"]}
    options = [f"{name}={rng.choice(some)}" for name, some in values.items() if rng.random() < 0.4]
    return [str(path), *options, *(["--json"] if rng.random() < 0.3 else [])]


def for_score(rng: random.Random, folder: Path, model: Path) -> list[str]:
    damaged_file(rng, folder, make_records(TO_SCORE, rng.choice([1, 3, 8])), "jsonl")
    return [_model(rng, folder, model, whole=rng.random() < 0.6)]


def for_evaluate(rng: random.Random, folder: Path, model: Path) -> list[str]:
    page = ["--html", str(folder / "new.html")] if rng.random() < 0.3 else ["--json"]
    return [*_model_and_pairs(rng, folder, model), *page]


def for_audit(rng: random.Random, folder: Path, model: Path) -> list[str]:
    return [*_model_and_pairs(rng, folder, model), "--json"]


def for_train(rng: random.Random, folder: Path, model: Path) -> list[str]:
    backbone, *pairs = _model_and_pairs(rng, folder, model)
    where = ["--backbone", rng.choice(["tiny-decoder", backbone]), "--out", str(folder / "new")]
    return [*pairs, *where, "--max-steps", "1", "--evaluate-every", "1"]


def for_explore(rng: random.Random, folder: Path, model: Path) -> list[str]:
    return [*_model_and_pairs(rng, folder, model), "--html", str(folder / "new.html")]


COMMANDS: dict[str, tuple[Callable[[random.Random, Path, Path], list[str]], int]] = {
    "read_pairs": (for_read_pairs, 3000),
    "fit": (for_fit, 500),
    "score": (for_score, 300),
    "evaluate": (for_evaluate, 40),
    "audit": (for_audit, 30),
    "train": (for_train, 30),
    "explore": (for_explore, 20),
}
"""For each command what makes its input, and the default number of runs."""


def _model_and_pairs(rng: random.Random, folder: Path, model: Path) -> list[str]:
    """Make a model and pairs, one or both of them damaged."""
    damaged = rng.choice([("pairs",), ("pairs",), ("model",), ("model", "pairs")])
    path = damaged_pairs(rng, folder, n=12, kinds=ENOUGH, whole="pairs" not in damaged)
    options = ["--skip-bad"] if rng.random() < 0.4 else []
    return [_model(rng, folder, model, whole="model" not in damaged), str(path), *options]


def _model(rng: random.Random, folder: Path, model: Path, *, whole: bool) -> str:
    there = folder / "model"
    shutil.copytree(model, there)
    if not whole:
        damage_model(rng, there)
    return str(there)


# --- One run --------------------------------------------------------------------------------------------------------


def call(command: str, arguments: list[str]) -> int:
    return read(*arguments) if command == "read_pairs" else rmlab([command, *arguments])


def read(path: str, *options: str) -> int:
    """Read all pairs and check them. As a command would, refuse a bad file with one line that names it."""
    try:
        pairs = read_pairs(path, skip_bad=bool(options))
    except BAD_INPUT as error:
        if path not in str(error):
            raise AssertionError("the file is not named") from error
        print(f"rmlab: {printable(error)}", file=sys.stderr)
        return 2
    assert len(list(pairs)) == len(pairs) == pairs.report.n_pairs > 0
    print(printable_lines(pairs.report), printable_lines(check_pairs(pairs)))
    again = Path(path).with_name("again.jsonl")
    write_pairs(pairs, again)
    assert list(read_pairs(again)) == list(pairs), "the pairs differ after they were written and read again"
    return 0


def run(command: str, seed: int, folder: Path, model: Path) -> Run:
    """Make the input of a seed in an empty folder, call the command, and return what happened."""
    arguments = COMMANDS[command][0](random.Random(f"{command} {seed}"), folder, model)
    before = hashes(folder)
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", errors) for errors in ("strict", "backslashreplace"))
    stdin = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO((folder / "pairs.jsonl").read_bytes() if command == "score" else b""))
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    signal.alarm(SECONDS)
    status: int | None = None
    outcome = ""
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = call(command, arguments)
    except BaseException as error:  # a panic of native code is not an Exception
        if isinstance(error, KeyboardInterrupt):
            raise
        place = traceback.extract_tb(error.__traceback__)[-1]
        outcome = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}: {printable(error)[:160]}"
        traceback.print_exc(file=err)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        sys.stdin = stdin
    out.flush(), err.flush()
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
    fault = outcome or _fault(command, status, *texts, before, hashes(folder))
    return Run(f"status {status}" if status is not None else "no status", fault, *texts)


def _fault(
    command: str, status: int | None, out: str, err: str, before: dict[str, str], after: dict[str, str]
) -> str | None:
    told = [line for line in err.splitlines() if line.startswith("rmlab: ") and not LEFT_OUT.match(line)]
    if status == 0 and (fault := _not_json(command, out)):
        return fault
    if status not in (0, 2) and (command, status) != (MAY_FALL_SHORT, 1):
        return f"status {status}"
    if unasked := next((line for line in err.splitlines() if "Traceback" in line or "Warning: " in line), None):
        return f"on standard error: {unasked}"
    if len(told) != (status == 2) or (told and not err.endswith(f"{told[0]}\n")):
        return f"status {status} and {len(told)} lines on standard error: {printable(err[-200:])}"
    if before != {name: after.get(name) for name in before}:
        return "a file was changed: " + ", ".join(name for name in before if before[name] != after.get(name))
    if status == 2 and (left := after.keys() - before.keys()):
        return f"refused, and left behind {', '.join(sorted(left)[:3])}"
    return None


def _not_json(command: str, out: str) -> str | None:
    """Return what is wrong with printed JSON, in which no number may be NaN or infinite."""
    texts = out.removesuffix("\n").split("\n") if out and command == "score" else [out] if out.startswith("{") else []
    try:
        for text in texts:
            json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        return f"printed something that is not JSON ({error}): {printable(out[-200:])}"
    return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def hashes(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def limit_time() -> None:
    signal.signal(signal.SIGPROF, _end)
    signal.signal(signal.SIGALRM, _end)


def _end(*_: object) -> None:
    raise Late(f"not done after {CPU_SECONDS} s of CPU time or {SECONDS} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", choices=COMMANDS, help="only this one (default: all)")
    parser.add_argument("--n", type=int, help="runs of each command (default: " + _counts() + ")")
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the first run; each further run adds 1 (default: 0)"
    )
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="keep the files of the last run there")
    options = parser.parse_args()
    limit_time()
    warnings.simplefilter("always", RuntimeWarning)  # those of arithmetic, every time
    failures: list[tuple[str, int, Run]] = []
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "tiny"
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            rmlab(["train", "--backbone", "tiny-decoder", "--out", str(model), "--max-steps", "2"])
        for command in [options.command] if options.command else COMMANDS:
            outcomes: Counter[str] = Counter()
            started = time.process_time()
            for seed in range(options.seed, options.seed + (options.n or COMMANDS[command][1])):
                folder = options.keep or Path(scratch) / "run"
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                found = run(command, seed, folder, model)
                outcomes[found.outcome] += 1
                if found.fault:
                    failures.append((command, seed, found))
                    print(f"  FAILED {command} --seed {seed}: {found.fault}", flush=True)
                if options.n == 1:
                    print(found.out, found.err, sep="\n")
            counts = ", ".join(f"{n:,} {outcome}" for outcome, n in sorted(outcomes.items()))
            bad = sum(name == command for name, _, _ in failures)
            failed = f"{bad} failed: {MISSED}" if bad else "0 failed"
            print(f"{command:11} {counts}; {failed}; {time.process_time() - started:.0f} CPU seconds", flush=True)
    return 1 if failures else 0


def _counts() -> str:
    return ", ".join(f"{n:,} {name}" for name, (_, n) in COMMANDS.items())


if __name__ == "__main__":
    sys.exit(main())
