"""How often do 95% intervals contain the true value? Simulations with known values, 2,000 of each setting.

    python benchmarks/coverage.py [--simulations 2000] [--draws 1000]

Accuracy: Wilson's interval, and with clusters its effective sample size. Paired differences: the bootstrap over pairs
or clusters, expanded for few of them. Bradley-Terry: normal intervals for each score, where the scores sum to zero.
Log loss: the bootstrap. Agreement of raters: the bootstrap over pairs. Clusters are prompts with 1 to 5 pairs, whose
outcomes have the stated correlation. The exit status is 1 if any coverage is outside 93 to 97%.
"""

import argparse
import math
import sys
import time
from collections.abc import Iterator

import numpy as np
from _targets import MISSED

from rmlab.bradley_terry import fit_bradley_terry
from rmlab.evaluation import compare_models, evaluate, noise_ceiling
from rmlab.preference import preference_loss, preference_probability

ASKED = (0.93, 0.97)
Interval = tuple[float, float]


def outcomes(rng: np.random.Generator, truth: float, clusters: np.ndarray, correlation: float) -> np.ndarray:
    """Return 1 (right) or -1 (wrong), correlated within clusters: each has its own share, from a beta distribution."""
    share = np.full(clusters.max() + 1, truth)
    if correlation:
        strength = (1 - correlation) / correlation
        share = rng.beta(truth * strength, (1 - truth) * strength, len(share))
    return np.where(rng.random(len(clusters)) < share[clusters], 1.0, -1.0)


def prompts(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.repeat(np.arange(n), rng.integers(1, 6, n))


def accuracy(rng: np.random.Generator, n: int, truth: float) -> Interval:
    return evaluate(outcomes(rng, truth, np.arange(n), 0.0)).accuracy_interval


def clustered_accuracy(rng: np.random.Generator, n: int, truth: float, correlation: float) -> Interval:
    clusters = prompts(rng, n)
    return evaluate(outcomes(rng, truth, clusters, correlation), clusters=clusters).accuracy_interval


def log_loss(rng: np.random.Generator, n: int, draws: int) -> Interval | None:
    return evaluate(rng.normal(0.6, 1.2, n), n_bootstrap=draws, seed=int(rng.integers(2**31))).log_loss_interval


def two_models(rng: np.random.Generator, clusters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return differences of two models on pairs; how easy a pair is, is shared by the models and within a cluster."""
    ease = rng.normal(0, 0.7, clusters.max() + 1)[clusters] + rng.normal(0, 0.5, len(clusters))
    return ease + rng.normal(0.8, 1, len(ease)), ease + rng.normal(0.5, 1, len(ease))


def paired(
    rng: np.random.Generator, n: int, draws: int, *, clustered: bool, ties: bool = False
) -> Iterator[Interval | None]:
    clusters = prompts(rng, n) if clustered else np.arange(n)
    a, b = two_models(rng, clusters)
    if ties:
        a, b = np.round(a / 2), np.round(b / 2)
    result = compare_models(
        a, b, clusters=clusters if clustered else None, n_bootstrap=draws, seed=int(rng.integers(2**31))
    )
    yield result.accuracy_difference_interval
    yield result.log_loss_difference_interval


def paired_truth(*, ties: bool = False) -> tuple[float, float]:
    a, b = two_models(np.random.default_rng(99), np.arange(4_000_000))
    if ties:
        a, b = np.round(a / 2), np.round(b / 2)
    return float((np.sign(a) - np.sign(b)).mean() / 2), float((preference_loss(a) - preference_loss(b)).mean())


def agreement(rng: np.random.Generator, n: int, draws: int) -> Interval | None:
    first = rng.binomial(3, rng.beta(1.5, 1.5, n))
    return noise_ceiling(np.stack([first, 3 - first], axis=1), n_bootstrap=draws).agreement_interval


def bradley_terry(rng: np.random.Generator, truth: np.ndarray, games: int) -> np.ndarray | None:
    """Return which intervals contain their score; None if there is no finite fit."""
    first, second = (np.repeat(part, games) for part in np.triu_indices(len(truth), 1))
    won = rng.random(len(first)) < preference_probability(truth[first] - truth[second])
    try:
        fit = fit_bradley_terry(np.where(won, first, second), np.where(won, second, first))
    except ValueError:
        return None
    low, high = fit.intervals().T
    return (low <= truth) & (truth <= high)


def holds(interval: Interval | None, truth: float) -> bool:
    return interval is not None and interval[0] <= truth <= interval[1]


def measure(simulations: int, draws: int) -> Iterator[tuple[str, float, str]]:
    """Yield what was simulated, the share of intervals that contain the true value, and a remark."""
    seeds = iter(range(1000))

    def rngs() -> Iterator[np.random.Generator]:
        return iter(np.random.default_rng([next(seeds), 7]).spawn(simulations))

    for n, truth in ((80, 0.65), (500, 0.65), (500, 0.9)):
        yield f"accuracy {truth}, {n} pairs", np.mean([holds(accuracy(r, n, truth), truth) for r in rngs()]), ""
    for n, truth, correlation in ((60, 0.65, 0.0), (60, 0.65, 0.3), (60, 0.65, 0.6), (200, 0.65, 0.3), (200, 0.8, 0.3)):
        found = np.mean([holds(clustered_accuracy(r, n, truth, correlation), truth) for r in rngs()])
        yield f"accuracy {truth}, {n} prompts, correlation {correlation}", found, ""
    loss = float(preference_loss(np.random.default_rng(9).normal(0.6, 1.2, 4_000_000)).mean())
    for n in (60, 500):
        yield f"log loss, {n} pairs", np.mean([holds(log_loss(r, n, draws), loss) for r in rngs()]), ""
    for n, clustered, ties in (
        (100, False, False),
        (500, False, False),
        (500, False, True),
        (60, True, False),
        (200, True, False),
    ):
        truths = paired_truth(ties=ties)
        kept = [
            [holds(i, t) for i, t in zip(paired(r, n, draws, clustered=clustered, ties=ties), truths, strict=True)]
            for r in rngs()
        ]
        shares = np.mean(kept, axis=0)
        what = f"{n} {'prompts' if clustered else 'pairs'}{', with ties' if ties else ''}"
        yield f"difference in accuracy, {what}", shares[0], ""
        yield f"difference in log loss, {what}", shares[1], ""
    for n in (60, 300):
        yield (
            f"agreement of raters, {n} pairs judged 3 times",
            np.mean([holds(agreement(r, n, draws), 0.625) for r in rngs()]),
            "",
        )
    for n, games, spread in ((5, 20, 0.7), (12, 8, 0.7), (7, 13, 0.4)):
        truth = np.random.default_rng(5).normal(0, spread, n)
        truth -= truth.mean()
        fits = [bradley_terry(r, truth, games) for r in rngs()]
        kept = [fit for fit in fits if fit is not None]
        remark = f"{len(fits) - len(kept)} had no finite fit" if len(kept) < len(fits) else ""
        yield f"Bradley-Terry scores, {n} items, {games} games per pair", np.mean(kept), remark


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=1000, help="draws of each bootstrap (default: 1000)")
    options = parser.parse_args()
    error = math.sqrt(0.95 * 0.05 / options.simulations)
    print(f"{options.simulations:,} simulations per line; the standard error of a coverage of 95% is {error:.1%}")
    started = time.process_time()
    outside = 0
    for name, share, remark in measure(options.simulations, options.draws):
        bad = not ASKED[0] <= share <= ASKED[1]
        outside += bad
        print(f"  {name:52} {share:6.1%}{f'  {MISSED}' if bad else ''}{'  ' + remark if remark else ''}", flush=True)
    print(f"{outside} outside {ASKED[0]:.0%} to {ASKED[1]:.0%}; {time.process_time() - started:.0f} CPU seconds")
    return 1 if outside else 0


if __name__ == "__main__":
    sys.exit(main())
