"""How often does the interval of the gap between two reported camps contain the true gap, and are camps invented?

    python benchmarks/camps.py [--simulations 500]

Raters share one taste. Those of the smaller camp differ from the others in a second one, by a small, medium or large
gap. A line runs until `--simulations` camps have been called clear. The true gap is that of the camps as reported,
including wrong members. Then come classes without camps: all raters alike, two who toss a coin, three who are far surer
than the others. The exit status is 1 if a coverage is outside 93 to 97%, or if camps are found in more than 5% of the
classes without them, plus a margin for the number of simulations.
"""

import argparse
import math
import sys
import time
from collections.abc import Sequence

import numpy as np
from _targets import MISSED

from rmlab.labels import Camps, find_camps
from rmlab.preference import preference_probability

ASKED = (0.93, 0.97)
SPREAD = 1.5
"""Standard deviation of each taste over pairs, in nats; the gap multiplies that of the second."""
GAPS = {"small": 0.5, "medium": 0.75, "large": 1.2}
CLASSES = ((8, 3, 80), (16, 7, 60), (30, 10, 40))
"""The numbers of raters, of raters in the smaller camp, and of pairs."""
MOST = 20
"""The most simulations for each camp that is called clear."""


def drawn(rng: np.random.Generator, d: np.ndarray) -> np.ndarray:
    return np.where(rng.random(d.shape) < preference_probability(d), 1.0, -1.0)


def camps(rng: np.random.Generator, in_smaller: np.ndarray, n_pairs: int, gap: float) -> np.ndarray:
    shared, apart = rng.normal(0, SPREAD, (2, n_pairs))
    return drawn(rng, shared + gap * np.where(in_smaller, -1, 1)[:, None] * apart)


def agreement_of_two(gap: float) -> tuple[float, float]:
    """Return how often two raters agree on average: two of one camp, and one of each camp."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    shared, apart = SPREAD * nodes[:, None], gap * SPREAD * nodes
    p, q = preference_probability(shared + apart), preference_probability(shared - apart)
    both = np.outer(weights, weights) / weights.sum() ** 2
    return float((both * (p**2 + (1 - p) ** 2)).sum()), float((both * (p * q + (1 - p) * (1 - q))).sum())


def true_gap(found: Camps, in_smaller: np.ndarray, of_two: tuple[float, float]) -> float:
    """Return the true gap between the camps as reported."""
    larger, smaller = (in_smaller[[int(name) for name in part]] for part in found.members)
    same = np.where(smaller[:, None] == smaller, *of_two)[~np.eye(len(smaller), dtype=bool)]
    return float(same.mean() - np.where(smaller[:, None] == larger, *of_two).mean())


def covered(simulations: int, n_raters: int, n_smaller: int, n_pairs: int, gap: float) -> np.ndarray:
    """Return rows of (clear, covered, members right) until that many are clear."""
    in_smaller = np.arange(n_raters) >= n_raters - n_smaller
    of_two, names = agreement_of_two(gap), [str(k) for k in range(n_raters)]
    rows, n_clear = [], 0
    for rng in np.random.default_rng([n_raters, round(100 * gap)]).spawn(MOST * simulations):
        found = find_camps(camps(rng, in_smaller, n_pairs, gap), names)
        if found is not None:
            holds = found.gap[1] <= true_gap(found, in_smaller, of_two) <= found.gap[2]
            right = set(found.members[1]) == set(names[-n_smaller:])
            rows.append((found.clear, holds, right))
            n_clear += found.clear
        if n_clear == simulations:
            break
    return np.array(rows, dtype=bool)


def found_without(simulations: int, decided: Sequence[float], n_pairs: int) -> float:
    """Return how often clear camps are found among raters with one taste, who follow it more or less."""
    names = [str(k) for k in range(len(decided))]
    rngs = np.random.default_rng(len(decided)).spawn(simulations)
    found = [find_camps(drawn(r, np.outer(decided, r.normal(0, 2.0, n_pairs))), names) for r in rngs]
    return float(np.mean([one is not None and one.clear for one in found]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=500, help="clear camps for each line (default: 500)")
    simulations = parser.parse_args().simulations
    started, outside = time.process_time(), 0
    error = math.sqrt(0.95 * 0.05 / simulations)
    print(f"{simulations} clear camps per line; the standard error of a coverage of 95% is {error:.1%}")
    print(f"{'':34}  true gap  called clear  covered: all  clear   members right: all  clear")
    for n_raters, n_smaller, n_pairs in CLASSES:
        for name, gap in GAPS.items():
            rows = covered(simulations, n_raters, n_smaller, n_pairs, gap)
            clear, holds, right = rows.T
            bad = not all(ASKED[0] <= share <= ASKED[1] for share in (holds.mean(), holds[clear].mean()))
            outside += bad
            of_one, of_two = agreement_of_two(gap)
            print(
                f"{n_raters - n_smaller:2} and {n_smaller:2} raters, {n_pairs} pairs, {name:6}{of_one - of_two:15.2f}"
                f"{clear.mean():14.0%}{holds.mean():14.1%}{holds[clear].mean():7.1%}{right.mean():21.0%}"
                f"{right[clear].mean():7.0%}{f'  {MISSED}' if bad else ''}",
                flush=True,
            )
    most = 0.05 + 2.33 * error
    for what, decided in (
        ("8 alike", (1.0,) * 8),
        ("2 of 8 toss a coin", (0.0,) * 2 + (1.0,) * 6),
        ("3 of 8 are far surer", (0.3,) * 5 + (2.0,) * 3),
        ("30 alike", (1.0,) * 30),
    ):
        share = found_without(simulations, decided, 80)
        outside += share > most
        print(f"no camps, {what:24} called clear in {share:.1%}{f'  {MISSED}' if share > most else ''}", flush=True)
    print(f"{outside} missed; {time.process_time() - started:.0f} CPU seconds")
    return 1 if outside else 0


if __name__ == "__main__":
    sys.exit(main())
