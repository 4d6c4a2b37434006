"""`compare_models` tests whether one model is better than another on the same pairs, or only luckier.

Whether two intervals overlap does not answer that. Both models meet the same hard pairs, so their difference is known
better than either accuracy. Only the pairs on which they disagree count.

References
----------
McNemar (1947), Note on the sampling error of the difference between correlated proportions. Efron and Tibshirani
(1993), An Introduction to the Bootstrap, chapters 13 and 15.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rmlab.evaluation.inputs import check_bootstrap, checked_differences, codes_of, names_of, numbers
from rmlab.evaluation.intervals import bootstrap_sums, expanded_percentiles, sum_by_code
from rmlab.preference import outcomes, preference_loss

__all__ = ["Comparison", "compare_models"]


@dataclass(frozen=True)
class Comparison:
    """Two models on the same pairs; every difference is a minus b."""

    n_pairs: int
    n_clusters: int | None
    """How many clusters were taken as the independent units; None if every pair is one."""
    accuracy_a: float
    accuracy_b: float
    accuracy_difference: float
    """A tie of scores counts as one half for the model that has it. Positive: a agrees with the labels more often."""
    accuracy_difference_interval: tuple[float, float] | None
    """95%, by the paired bootstrap; None for a single pair or cluster."""
    p_value: float
    """Two-sided, for no difference: the exact sign-flip test on `accuracy_difference`; see `compare_models`."""
    n_a_better: int
    """Pairs on which a did better than b: right where b was wrong or tied, or tied where b was wrong."""
    n_b_better: int
    n_equal: int
    log_loss_a: float
    log_loss_b: float
    log_loss_difference: float
    """Positive: a is the worse forecaster."""
    log_loss_difference_interval: tuple[float, float] | None
    temperature_a: float | None
    temperature_b: float | None
    n_bootstrap: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison in a form that JSON can hold."""
        return asdict(self)

    def __str__(self) -> str:
        clusters = "" if self.n_clusters is None else f" in {self.n_clusters:,} clusters"

        def row(name: str, a: float, b: float, difference: float, ends: tuple[float, float] | None) -> str:
            interval = "no interval" if ends is None else f"95%: {ends[0]:+.3f} to {ends[1]:+.3f}"
            return f"{name:<9} {a:7.3f}  {b:7.3f}  {difference:+.3f}   ({interval})"

        return "\n".join(
            [
                f"{self.n_pairs:,} pairs{clusters}: a does better on {self.n_a_better:,}, b on {self.n_b_better:,}, "
                f"both alike on {self.n_equal:,}",
                f"{'':<9} {'a':>7}  {'b':>7}   a - b",
                row(
                    "accuracy", self.accuracy_a, self.accuracy_b,
                    self.accuracy_difference, self.accuracy_difference_interval,
                ),
                row(
                    "log loss", self.log_loss_a, self.log_loss_b,
                    self.log_loss_difference, self.log_loss_difference_interval,
                ),
                f"p-value of no difference in accuracy (exact sign-flip test): {self.p_value:.3g}",
            ]
        )  # fmt: skip


def compare_models(
    differences_a: Any,
    differences_b: Any,
    *,
    clusters: Iterable[Hashable] | None = None,
    temperature_a: float | None = None,
    temperature_b: float | None = None,
    n_bootstrap: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Compare two models by the score differences that they gave to the same pairs.

    The intervals come from drawing pairs, or clusters, with replacement, the same for both models. The p-value is that
    of the exact sign-flip test. If the models were exchangeable, each cluster's difference in accuracy would be as
    likely with the other sign; the p-value is the share of all sign patterns with a total at least as far from 0. A tie
    counts as half. Without ties and clusters this is McNemar's exact test, the sign test on the discordant pairs.

    Parameters
    ----------
    differences_a, differences_b
        score(chosen) - score(rejected) under each model, in log-odds (nats), ``(n_pairs,)``, in the same order.
    clusters
        What pairs share that makes their outcomes similar, such as the prompt: hashable, ``(n_pairs,)``.
    temperature_a, temperature_b
        Divide the differences before the log loss. Scores of two models are on different scales. Without a
        temperature of its own, from `fit_temperature` on held-out pairs, the more cautious model may win by its scale.
    n_bootstrap
        Number of draws, at least 100.
    seed
        Seed of the draws.

    Raises
    ------
    ValueError
        If anything has the wrong shape, or is NaN or infinite.

    Examples
    --------
    >>> compare_models([1.0, 2.0, -1.0, 0.5], [1.0, -2.0, -1.0, 0.0]).accuracy_difference
    0.375
    """
    a = checked_differences(differences_a, name="differences_a")
    b = numbers("differences_b", differences_b, (len(a),), "(n_pairs,)", beside="differences_a")
    for name, t in (("temperature_a", temperature_a), ("temperature_b", temperature_b)):
        if t is not None and not 0 < t < np.inf:
            raise ValueError(f"{name} must be above 0 and finite (1 changes nothing), got {t!r}")
    check_bootstrap(n_bootstrap)
    codes = None
    if clusters is not None:
        codes, _ = codes_of(names_of("clusters", clusters, len(a), beside="pairs in differences_a"))
    right_a, right_b = outcomes(a), outcomes(b)
    twice = 2 * (right_a - right_b)  # -2, -1, 0, 1 or 2
    losses_a = preference_loss(a if temperature_a is None else a / temperature_a)
    losses_b = preference_loss(b if temperature_b is None else b / temperature_b)
    values = np.stack([np.ones(len(a)), twice / 2, losses_a - losses_b], axis=1)
    sums, n_units = bootstrap_sums(values, n_bootstrap=n_bootstrap, seed=seed, clusters=codes)
    return Comparison(
        n_pairs=len(a),
        n_clusters=None if codes is None else n_units,
        accuracy_a=float(right_a.mean()),
        accuracy_b=float(right_b.mean()),
        accuracy_difference=float(twice.mean() / 2),
        accuracy_difference_interval=expanded_percentiles(sums[:, 1] / sums[:, 0], n_units),
        p_value=sign_flip_p_value(twice if codes is None else sum_by_code(twice, codes)),
        n_a_better=int((twice > 0).sum()),
        n_b_better=int((twice < 0).sum()),
        n_equal=int((twice == 0).sum()),
        log_loss_a=float(losses_a.mean()),
        log_loss_b=float(losses_b.mean()),
        log_loss_difference=float((losses_a - losses_b).mean()),
        log_loss_difference_interval=expanded_percentiles(sums[:, 2] / sums[:, 0], n_units),
        temperature_a=temperature_a,
        temperature_b=temperature_b,
        n_bootstrap=n_bootstrap,
        seed=seed,
    )


def sign_flip_p_value(values: np.ndarray) -> float:
    """Return the share of sign patterns of whole numbers whose total is at least as far from zero as the observed one.

    It is exact: numbers of one size k add ``k (2 Binomial(n_k, 1/2) - n_k)`` to the total.
    """
    from scipy.signal import fftconvolve
    from scipy.stats import binom

    if (values != np.round(values)).any():
        raise ValueError("the values must be whole numbers; a tie of equal scores counts one half, so double them")
    sizes, counts = np.unique(np.abs(values[values != 0]).astype(int), return_counts=True)
    distribution = np.ones(1)  # of the number of +, weighted by size: (total + sum of sizes) / 2
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        spread = np.zeros(size * count + 1)
        spread[::size] = binom.pmf(np.arange(count + 1), count, 0.5)
        distribution = fftconvolve(distribution, spread) if len(distribution) > 1 else spread
    largest = len(distribution) - 1  # the sum of the sizes
    total = 2 * np.arange(largest + 1) - largest
    extreme = np.abs(total) >= abs(int(values.sum()))
    return float(min(1.0, distribution[extreme].clip(min=0).sum()))
