"""Time `import rmlab` over bare Python, with `import numpy` beside it.

    python benchmarks/import_time.py [--rounds 21]

Every round runs the three programs in turn, each in a fresh interpreter. The figures are medians over the rounds of the
difference from bare Python in the same round. The first round, which fills the system's file cache, is not counted.
"""

import argparse
import statistics
import subprocess
import sys
import time

from _targets import verdict

TARGET_S = 0.2
PROGRAMS = {"bare Python": "pass", "import numpy": "import numpy", "import rmlab": "import rmlab"}


def seconds(program: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    rounds = [{name: seconds(program) for name, program in PROGRAMS.items()} for _ in range(options.rounds + 1)][1:]
    print(f"Python {sys.version.split()[0]}, median of {options.rounds} rounds, the three in turn")
    bare = statistics.median(times["bare Python"] for times in rounds)
    print(f"  {'bare Python':14} {bare:6.3f} s")
    for name in ("import numpy", "import rmlab"):
        over = statistics.median(times[name] - times["bare Python"] for times in rounds)
        limit = f"   (at most {TARGET_S} s: {verdict(over <= TARGET_S)})" if name == "import rmlab" else ""
        print(f"  {name:14} {over:6.3f} s over bare Python{limit}")


if __name__ == "__main__":
    main()
