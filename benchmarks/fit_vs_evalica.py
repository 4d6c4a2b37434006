"""Time `rmlab.fit_bradley_terry`, including standard errors, beside evalica, which computes scores alone.

    python benchmarks/fit_vs_evalica.py

One process runs the two sides in turn, with the other side first in every second round; figures are medians of 5
rounds. Ratios carry over from one machine to another; seconds do not. Both sides get the same labels and do their own
indexing. evalica is called as in its documentation, with its Rust solver and its own stopping rule; rmlab goes on to
the maximum (1e-10). Both have one thread: evalica uses no more, and on a busy machine LAPACK's threads wait for one
another (the errors then took 1 to 10 times as long as the whole fit). For more threads, set OPENBLAS_NUM_THREADS.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy and SciPy are imported

import statistics
import time
from collections.abc import Callable

import evalica
import numpy as np
from _targets import verdict

import rmlab.bradley_terry
from rmlab.preference import preference_probability

ROUNDS = 5
TARGETS = {"integer arrays (NumPy)": 2.5, "strings in lists": 2.0, "strings in NumPy arrays": 2.0}
LARGE_FIT_S = 10


def simulate(n_items: int, n_comparisons: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return winners and losers of random pairs of items; a ring of wins makes the maximum finite."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=n_items)
    a = rng.integers(n_items, size=n_comparisons - n_items)
    b = (a + rng.integers(1, n_items, size=len(a))) % n_items
    lost = rng.random(len(a)) > preference_probability(scores[a] - scores[b])
    ring = np.arange(n_items)
    return np.append(np.where(lost, b, a), ring), np.append(np.where(lost, a, b), (ring + 1) % n_items)


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def fit(winners: object, losers: object) -> rmlab.bradley_terry.BradleyTerryFit:
    result = rmlab.bradley_terry.fit_bradley_terry(winners, losers)  # type: ignore[arg-type]
    assert np.isfinite(result.standard_errors).all()
    return result


def main() -> None:
    winners, losers = simulate(1000, 1_000_000)
    outcomes = [evalica.Winner.X] * len(winners)  # made beforehand, so that neither side's time includes it
    names = np.array([f"item {k:04d}" for k in range(1000)])
    labels = {
        "integer arrays (NumPy)": (winners, losers),
        "strings in lists": (names[winners].tolist(), names[losers].tolist()),
        "strings in NumPy arrays": (names[winners], names[losers]),
    }
    print("1,000,000 comparisons of 1,000 items: evalica's scores / rmlab's scores and standard errors")
    for kind, (won, lost) in labels.items():

        def theirs(won: object = won, lost: object = lost) -> evalica.BradleyTerryResult:
            return evalica.bradley_terry(won, lost, outcomes)  # type: ignore[arg-type]

        def ours(won: object = won, lost: object = lost) -> rmlab.bradley_terry.BradleyTerryFit:
            return fit(won, lost)

        result, peer = ours(), theirs()  # warm up both, and compare them
        scores = np.log(peer.scores[list(result.items)].to_numpy())
        difference = np.abs(result.scores - (scores - scores.mean())).max()
        times: dict[Callable[[], object], list[float]] = {ours: [], theirs: []}
        for turn in range(ROUNDS):
            for side in (ours, theirs) if turn % 2 else (theirs, ours):
                times[side].append(seconds(side))
        ratio = statistics.median(t / o for o, t in zip(times[ours], times[theirs], strict=True))
        ours_s, theirs_s = (statistics.median(times[side]) for side in (ours, theirs))
        print(
            f"  {kind:24} {ratio:5.2f}x   ({theirs_s:.3f} s / {ours_s:.3f} s; scores differ by {difference:.0e})"
            f"   at least {TARGETS[kind]}x: {verdict(ratio >= TARGETS[kind])}"
        )

    winners, losers = simulate(100_000, 1_000_000)
    times_s = [seconds(lambda: rmlab.bradley_terry.fit_bradley_terry(winners, losers)) for _ in range(ROUNDS)]
    median = statistics.median(times_s)
    print(
        f"1,000,000 comparisons of 100,000 items: {median:.2f} s for the scores "
        f"(at most {LARGE_FIT_S} s: {verdict(median <= LARGE_FIT_S)})"
    )


if __name__ == "__main__":
    main()
