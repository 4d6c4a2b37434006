"""How long each notebook takes and how much memory, on one core, with and without bf16; the table in docs/measured.md.

    python tests/notebooks/timings.py docs/measured.md notebooks/*.ipynb           (make notebook-timings)

Each notebook runs under nbval, so what it prints is compared too, in a process that may use one core and one thread.
The table goes between the two `timings` comments of the file named first. The exit status is 1 where a notebook fails,
or takes more than a public Binder gives.
"""

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
MAX_GIB = 2.0
MAX_SECONDS = {"auto": 60.0, "fp32": 120.0}
MAX_ALL_SECONDS = 2 * 8 * 60.0  # eight minutes on two cores
START, END = "<!-- timings: written by `make notebook-timings` -->", "<!-- end of timings -->"
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Timing:
    """One run of one notebook: seconds of a core, and GiB at the peak of its largest process, the kernel."""

    passed: bool
    seconds: float
    gib: float


def run(path: Path, precision: str) -> Timing:
    """Run a notebook under nbval on one core."""
    environment = {**os.environ, **dict.fromkeys(THREADS, "1"), "RMLAB_PRECISION": precision}
    command = [sys.executable, "-m", "pytest", str(path), "--nbval", "-q", "-p", "no:cacheprovider"]
    command += ["--nbval-sanitize-with", str(HERE / "sanitize.cfg")]
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else None  # inherited; Linux alone has it
    if cores:
        os.sched_setaffinity(0, {min(cores)})
    try:
        process = subprocess.Popen(command, env=environment, stdout=sys.stderr)
    finally:
        if cores:
            os.sched_setaffinity(0, cores)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 2**30 if sys.platform == "darwin" else 2**20  # bytes there, KiB elsewhere
    # The time that the core worked for it: what it takes by the clock where nothing else runs.
    return Timing(process.returncode == 0, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def faults(name: str, precision: str, timing: Timing) -> list[str]:
    """What one run falls short of."""
    found = [] if timing.passed else [f"{name} ({precision}): nbval fails"]
    if timing.seconds > MAX_SECONDS[precision]:
        found.append(f"{name} ({precision}): {timing.seconds:.0f} s, more than {MAX_SECONDS[precision]:.0f}")
    if timing.gib > MAX_GIB:
        found.append(f"{name} ({precision}): {timing.gib:.1f} GiB, more than {MAX_GIB:.0f}")
    return found


def table(timings: dict[str, dict[str, Timing]]) -> str:
    """Seconds and GiB of each notebook, and of all, as Markdown."""
    lines = ["| notebook | seconds | GiB | seconds without bf16 | GiB without bf16 |", "|---|---|---|---|---|"]
    for name, by_precision in timings.items():
        cells = [f"{t.seconds:.0f} | {t.gib:.1f}" for t in by_precision.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    sums = [sum(t[p].seconds for t in timings.values()) for p in MAX_SECONDS]
    peaks = [max(t[p].gib for t in timings.values()) for p in MAX_SECONDS]
    cells = [f"{seconds:.0f} | {peak:.1f}" for seconds, peak in zip(sums, peaks, strict=True)]
    lines.append(f"| all, one after another | {' | '.join(cells)} |")
    version = ".".join(platform.python_version_tuple()[:2])
    import torch  # only now: what a child takes at its peak counts what its parent had

    from rmlab.model import use_bf16

    faster = use_bf16("auto", torch.device("cpu"))
    numbers = "bf16" if faster else "float32, in which this machine is faster"
    lines += [
        "",
        f"Seconds of one core, one thread, Python {version}, {platform.machine()}, the start of the kernel included.",
        f"The first two columns are computed in {numbers}.",
    ]
    return "\n".join(lines)


def replace(text: str, new: str) -> str:
    """Put the table between the two comments."""
    if text.count(START) != 1 or text.count(END) != 1:
        raise SystemExit(f"expected {START} and {END}, once each")
    before, rest = text.split(START)
    return f"{before}{START}\n{new}\n{END}{rest.split(END)[1]}"


def main(target: Path, paths: list[Path]) -> int:
    """Run all, write the table, and say what falls short."""
    text = target.read_text(encoding="utf-8")
    replace(text, "")  # before the long run
    timings = {path.stem: {precision: run(path, precision) for precision in MAX_SECONDS} for path in paths}
    target.write_text(replace(text, table(timings)), encoding="utf-8")
    print(table(timings))
    found = [fault for name, runs in timings.items() for p, timing in runs.items() for fault in faults(name, p, timing)]
    together = sum(runs["auto"].seconds for runs in timings.values())
    if together > MAX_ALL_SECONDS:
        found.append(f"all together: {together:.0f} s of one core, more than {MAX_ALL_SECONDS:.0f}")
    print(*found, sep="\n", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]]))
