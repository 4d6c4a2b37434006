"""Intervals at 95%: Wilson's for a share, its clustered form, Student's t for a mean, and the bootstrap for the rest.

Pairs with the same prompt are not independent. If their clusters are named, the share keeps the form of Wilson's
interval but with a smaller sample size: the number of independent pairs that would have the variance that the clusters
show. The bootstrap draws whole clusters.

References
----------
Wilson (1927), Probable inference, the law of succession, and statistical inference. Kish (1965), Survey Sampling (the
effective sample size). Korn and Graubard (1998), Confidence intervals for proportions with small expected number of
positive counts estimated from survey data (effective sample size with few clusters). Bell and McCaffrey (2002), Bias
reduction in standard errors for linear regression with multi-stage samples. Cameron, Gelbach and Miller (2011), Robust
inference with multiway clustering. Hesterberg (2015), What teachers should
know about the bootstrap (the expanded percentile interval).
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "Z95",
    "MeanEstimate",
    "bootstrap_sums",
    "clustered_sample_size",
    "effective_sample_size",
    "expanded_percentiles",
    "mean_estimate",
    "mean_interval",
    "sum_by_code",
    "wilson_interval",
]

Z95 = NormalDist().inv_cdf(0.975)
"""Standard errors on either side of an estimate in its 95% interval, where the estimate is normally distributed."""
MAX_UNITS = 4096
"""With more pairs or clusters than this, the bootstrap draws this many random groups of them. The width of an interval
is then known to about 1%, and a draw costs the same for a million pairs as for four thousand."""
_CHUNK = 64


def wilson_interval(successes: Any, n: Any, *, confidence: float = 0.95) -> tuple[Any, Any]:
    """Return Wilson's score interval for a share: the shares p that ``successes`` in ``n`` do not reject.

    Its ends solve ``|successes / n - p| = z sqrt(p (1 - p) / n)`` (Wilson 1927). Unlike the estimate plus or minus two
    standard errors, it stays within [0, 1] and holds its level in small samples and near the ends.

    Parameters
    ----------
    successes, n
        Counts, or arrays of them; a tie may count as one half, and n may be an effective sample size.
    confidence
        Between 0 and 1.

    Returns
    -------
    Lower and upper end: floats for numbers, else arrays. With n = 0 they are 0 and 1, since nothing is known.

    Examples
    --------
    >>> tuple(round(end, 2) for end in wilson_interval(52, 80))
    (0.54, 0.75)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, such as 0.95, got {confidence!r}")
    k, n_all = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(n, dtype=float))
    if not (np.isfinite(n_all) & (k >= 0) & (k <= n_all)).all():
        raise ValueError(f"successes must be at least 0 and at most n, got successes={successes!r} and n={n!r}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre = (k + z**2 / 2) / (n_all + z**2)
    variance = k * (n_all - k) / np.where(n_all > 0, n_all, 1) + z**2 / 4
    half_width = z * np.sqrt(variance) / (n_all + z**2)
    lower = centre - half_width  # exactly 0 where k is, since sqrt(z^2) rounds to z
    upper = np.where(k == n_all, 1.0, centre + half_width)  # exactly 1 there, not only up to rounding
    return (float(lower), float(upper)) if lower.ndim == 0 else (lower, upper)


def effective_sample_size(weights: np.ndarray) -> float:
    """Return Kish's ``sum(w)^2 / sum(w^2)``, which is n if the weights are equal."""
    scaled = weights / weights.max()  # so that no square overflows
    return float(scaled.sum() ** 2 / (scaled**2).sum())


def clustered_sample_size(
    outcome: np.ndarray, weights: np.ndarray, clusters: np.ndarray, *, confidence: float = 0.95
) -> float:
    """Return how many independent pairs would determine the share of `outcome` as well as these clusters do.

    It is ``p (1 - p) / V``, where V is the variance of the weighted share p from the sums of its residuals over each
    cluster (CR2, unbiased if there were no clustering), times ``(z / t)^2`` for the few degrees of freedom that few or
    uneven clusters leave (Korn and Graubard 1998). It is never more than without clusters. If V cannot be computed (one
    cluster; every outcome the same), each cluster counts as one pair that all its pairs repeat.

    In simulations the interval covers the truth in 93 to 97% of cases from 40 clusters on, if their sizes are similar.
    It is too wide with fewer clusters, and too narrow if a few large clusters hold most pairs.

    Parameters
    ----------
    outcome
        1 right, one half tie, 0 wrong, ``(n_pairs,)``.
    weights
        Above 0, ``(n_pairs,)``.
    clusters
        Codes from 0, ``(n_pairs,)``.
    confidence
        The confidence of the interval that is made with it, for z and t.
    """
    from scipy.special import stdtrit

    of_pairs = effective_sample_size(weights)
    distinct, clusters = np.unique(clusters, return_inverse=True)
    if len(distinct) == len(outcome):  # every pair a cluster of its own
        return of_pairs
    share = np.average(outcome, weights=weights)
    held = sum_by_code(weights, clusters) / weights.sum()
    residual = sum_by_code(weights * (outcome - share), clusters) / weights.sum()
    of_clusters = effective_sample_size(held)  # as if each cluster were one judgement
    if (np.abs(residual) < 1e-12).all():  # also for a single cluster
        return of_clusters
    variance = (residual**2 / (1 - held)).sum()
    upper = (1 + confidence) / 2
    z, t = NormalDist().inv_cdf(upper), stdtrit(max(of_clusters - 1, 1.0), upper)
    return float(min(share * (1 - share) / variance * (z / t) ** 2, of_pairs))


def mean_interval(values: Any, *clusterings: Any) -> tuple[float, float, float]:
    """Return the mean of `values` and the two ends of its 95% interval, by Student's t.

    Values that share a cluster are not independent. With two clusterings, such as the prompt and the sentence that was
    added to it, the variance of the mean is ``V_first + V_second - V_both`` (Cameron, Gelbach and Miller 2011): the two
    clustered variances minus that of the cells where both agree, which both of them count. That difference can fall
    below either variance, and even below zero; the largest of the three is then taken. The degrees of freedom are those
    of the smaller number of clusters. Without a clustering it is the ordinary interval, ``mean +- t s / sqrt(n)``.

    With normal cluster effects the interval covers the truth in 94 to 97% of simulations, even with four clusters. It
    covers more if every cell holds a value and one clustering has at most five clusters. With few clusters it covers
    less if the effects are skewed (about 75% with eight clusters whose effects are squared exponentials) or one cluster
    holds half of the values (about 89% with eight).

    Parameters
    ----------
    values
        Shape ``(n,)``.
    *clusterings
        None, one or two: the cluster of each value, shape ``(n,)``.

    Raises
    ------
    ValueError
        If there are fewer than two values or clusters, a length differs, or there are more than two clusterings.

    Examples
    --------
    >>> found = mean_interval([0.0, 2.0, 1.0, 3.0], ["a", "a", "b", "b"])  # of two values, 1 and 2, in effect
    >>> tuple(round(end, 2) for end in found)
    (1.5, -4.85, 7.85)
    """
    found = mean_estimate(values, *clusterings)
    half = found.reach(0.975)
    return found.mean, found.mean - half, found.mean + half


class MeanEstimate(NamedTuple):
    """A mean, its standard error, and the degrees of freedom of Student's t for it."""

    mean: float
    standard_error: float
    degrees: int

    def reach(self, share: float) -> float:
        """Return the distance from the mean to a quantile of its distribution: for 0.975, half a 95% interval."""
        from scipy.special import stdtrit

        return float(stdtrit(self.degrees, share) * self.standard_error)

    @property
    def p_value(self) -> float:
        """The p-value of the two-sided test that the true mean is zero; 1 if all values are zero."""
        from scipy.special import stdtr

        if self.standard_error == 0:
            return float(self.mean == 0)
        return float(2 * stdtr(self.degrees, -abs(self.mean) / self.standard_error))


def mean_estimate(values: Any, *clusterings: Any) -> MeanEstimate:
    """Return what `mean_interval` makes its interval of; the parameters and errors are the same."""
    x = np.asarray(values, dtype=float)
    if len(clusterings) > 2:
        raise ValueError(f"mean_interval takes at most two clusterings, got {len(clusterings)}")
    codes = [np.unique(np.asarray(one), return_inverse=True)[1] for one in clusterings or (np.arange(len(x)),)]
    if x.ndim != 1 or any(one.shape != x.shape for one in codes):
        raise ValueError(f"values and clusterings must have one shape (n,), got {[x.shape, *(c.shape for c in codes)]}")
    n_clusters = [len(np.unique(one)) for one in codes]
    if min(n_clusters) < 2:
        raise ValueError("an interval of a mean needs at least two values, and at least two clusters")
    mean = float(x.mean())
    variances = [_variance_of_mean(x - mean, one) for one in codes]
    if len(codes) == 2:
        cells = np.unique(np.stack(codes), axis=1, return_inverse=True)[1].ravel()
        variances.append(sum(variances) - _variance_of_mean(x - mean, cells))
    return MeanEstimate(mean, float(np.sqrt(max(variances))), min(n_clusters) - 1)


def _variance_of_mean(residuals: np.ndarray, clusters: np.ndarray) -> float:
    """Return the variance of a mean from the sums of its residuals over clusters, unbiased if those had no effect."""
    held = np.bincount(clusters) / len(clusters)
    return float(((sum_by_code(residuals, clusters) / len(clusters)) ** 2 / (1 - held)).sum())


def sum_by_code(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the sums of the rows of `values`, ``(n,)`` or ``(n, k)``, by code: ``(n_codes,)`` or ``(n_codes, k)``."""
    if values.ndim == 1:
        return np.bincount(codes, values)
    return np.stack([np.bincount(codes, column) for column in values.T], axis=1)


def bootstrap_sums(
    values: np.ndarray, *, n_bootstrap: int, seed: int, clusters: np.ndarray | None = None
) -> tuple[np.ndarray, int]:
    """Return sums of `values` over pairs, or clusters, drawn with replacement.

    A mean over a draw is the ratio of two of these sums, so that a draw need not be kept. More than `MAX_UNITS` units
    are first added up in `MAX_UNITS` random groups of nearly equal size.

    Parameters
    ----------
    values
        The values to sum, ``(n_pairs, k)``.
    n_bootstrap
        Number of draws.
    seed
        Seed of the draws.
    clusters
        Codes from 0 of the units that are drawn whole, ``(n_pairs,)``; by default each pair.

    Returns
    -------
    The sums, ``(n_bootstrap, k)``, and the number of units before they are grouped.
    """
    units = values if clusters is None else sum_by_code(values, clusters)
    n_units = len(units)
    rng = np.random.default_rng(seed)
    if n_units > MAX_UNITS:
        group = rng.permutation(np.arange(n_units) % MAX_UNITS)
        units = sum_by_code(units, group)
    m = len(units)
    sums = np.empty((n_bootstrap, units.shape[1]))
    for start in range(0, n_bootstrap, _CHUNK):
        rows = min(_CHUNK, n_bootstrap - start)
        drawn = rng.integers(m, size=(rows, m))
        drawn += m * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * m).reshape(rows, m)
        sums[start : start + rows] = counts @ units
    return sums, n_units


def expanded_percentiles(draws: np.ndarray, n_units: int) -> tuple[float, float] | None:
    """Return the percentile interval of bootstrap draws, a little wider for few units; None for a single unit.

    The plain 2.5% and 97.5% quantiles are too narrow by ``sqrt((n - 1) / n)`` and by the normal in place of Student's t
    distribution. The expanded ones are at ``Phi(-sqrt(n / (n - 1)) t)`` and its complement (Hesterberg 2015), where t
    is the 97.5% quantile with n - 1 degrees of freedom.
    """
    from scipy.special import stdtrit

    if n_units < 2:
        return None
    reach = float(np.sqrt(n_units / (n_units - 1)) * stdtrit(n_units - 1, 0.975))
    tail = NormalDist().cdf(-reach)
    lower, upper = np.quantile(draws, [tail, 1 - tail])
    return float(lower), float(upper)
