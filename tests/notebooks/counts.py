"""Count the exercises of the course, and the wrong answers that tests try on their checks.

python tests/notebooks/counts.py                                        (make corruption)
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
from exercises import exercises_of

ROOT = Path(__file__).parents[2]
WRONG = "test_a_wrong_answer_is_told_which_mistake_it_looks_like"


def n_exercises() -> int:
    """Exercises of all notebooks."""
    paths = sorted(ROOT.glob("notebooks/*.ipynb"))
    return sum(len(exercises_of(nbformat.read(path, as_version=4))) for path in paths)


def n_wrong_answers() -> int:
    """Wrong answers, as pytest collects them: each is tried on a check that must name the mistake."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-k", WRONG, "-p", "no:cacheprovider"]
    command += [str(path) for path in sorted(ROOT.glob("tests/test_check*.py"))]
    plain = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}  # -v lists another way
    collected = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, check=True).stdout
    return len(re.findall(rf"::{WRONG}\[", collected))


if __name__ == "__main__":
    print(f"exercises: {n_exercises()}; wrong answers tried on their checks: {n_wrong_answers()}")
