"""Run all benchmarks, one after the other, and list at the end which of them missed a target or failed.

    python benchmarks/_run_all.py

A line with the word MISSED reports a missed target. The exit status is 1 if there was such a line, or if a benchmark
itself ended with another status than 0.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from _targets import MISSED


def run(program: Path) -> list[str]:
    """Run a benchmark, print what it prints, and return what went wrong, a line each."""
    print(f"== {program.name}", flush=True)
    found = []
    with subprocess.Popen([sys.executable, "-u", program], stdout=subprocess.PIPE, encoding="utf-8") as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if MISSED in line:
                found.append(line.strip())
    return [*found, *([f"exit status {process.returncode}"] if process.returncode else [])]


def main(programs: Sequence[Path]) -> int:
    wrong = {program.name: found for program in programs if (found := run(program))}
    print(f"== {len(programs) - len(wrong)} of {len(programs)} benchmarks ended without a fault")
    for name, lines in wrong.items():
        print(name, *lines, sep="\n    ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sorted(Path(__file__).parent.glob("[a-z]*.py"))))
