"""Time `evaluate` with 2,000 bootstrap draws on 100,000 score differences, alone and with all its options.

OMP_NUM_THREADS=1 python benchmarks/evaluate_speed.py [--pairs 100000] [--draws 2000] [--rounds 5]
"""

import argparse
import statistics
import time

import numpy as np
from _targets import verdict

from rmlab.evaluation import compare_models, evaluate

TARGET_S = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    n = options.pairs
    d, other = rng.normal(0.6, 1.2, (2, n))
    prompts = [f"prompt {i}" for i in rng.integers(0, n // 3 + 1, n)]
    everything = {
        "groups": rng.choice(["chat", "code", "maths", "safety"], n).tolist(),
        "lengths": rng.integers(1, 300, (n, 2)),
        "clusters": prompts,
        "weights": rng.random(n),
    }
    tasks = {
        "evaluate, plain": lambda: evaluate(d, n_bootstrap=options.draws),
        "evaluate, groups, lengths, clusters, weights": lambda: evaluate(d, n_bootstrap=options.draws, **everything),
        "compare_models, clusters": lambda: compare_models(d, other, clusters=prompts, n_bootstrap=options.draws),
    }
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(options.rounds):  # in turn
        for name, task in tasks.items():
            started = time.perf_counter()
            task()
            seconds[name].append(time.perf_counter() - started)
    print(f"{n:,} pairs, {options.draws:,} draws, median of {options.rounds} rounds")
    for name, times in seconds.items():
        median = statistics.median(times)
        limit = f"   at most {TARGET_S} s: {verdict(median <= TARGET_S)}" if name.startswith("evaluate") else ""
        print(f"  {name:46} {median:6.2f} s   (worst {max(times):.2f}){limit}")


if __name__ == "__main__":
    main()
