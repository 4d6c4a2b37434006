"""Intervals: coverage of known truths in simulation, and the properties that make them what they are said to be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from rmlab.bradley_terry import fit_bradley_terry
from rmlab.evaluation import compare_models, evaluate, mean_interval, wilson_interval
from rmlab.evaluation.intervals import (
    MAX_UNITS,
    bootstrap_sums,
    clustered_sample_size,
    effective_sample_size,
    expanded_percentiles,
)
from rmlab.preference import preference_probability

N_SIMULATIONS = 400
BAND = (0.917, 0.983)
"""Three standard errors (0.0109) about 0.95: what 400 simulations may show of an interval that covers 95%. One that
covers less than 90% is caught nearly always. benchmarks/coverage.py runs 2,000 and asks for 0.93 to 0.97 itself."""


def covered(intervals: list, truth: float) -> float:
    return float(np.mean([low <= truth <= high for low, high in intervals]))


def clustered_outcomes(rng: np.random.Generator, *, n_clusters: int, truth: float, correlation: float):
    """Right (1) or wrong (-1), with clusters of 1 to 5 pairs that succeed alike; and the clusters."""
    clusters = np.repeat(np.arange(n_clusters), rng.integers(1, 6, n_clusters))
    strength = (1 - correlation) / correlation
    share = rng.beta(truth * strength, (1 - truth) * strength, n_clusters)
    return np.where(rng.random(len(clusters)) < share[clusters], 1.0, -1.0), clusters


# Coverage


def test_clustered_accuracy_interval_covers_the_truth():
    rng = np.random.default_rng(0)
    drawn = [clustered_outcomes(rng, n_clusters=60, truth=0.7, correlation=0.3) for _ in range(N_SIMULATIONS)]
    intervals = [evaluate(d, clusters=c).accuracy_interval for d, c in drawn]
    assert BAND[0] <= covered(intervals, 0.7) <= BAND[1]


def test_without_the_clusters_the_interval_would_be_too_narrow():
    rng = np.random.default_rng(0)
    drawn = [clustered_outcomes(rng, n_clusters=60, truth=0.7, correlation=0.3) for _ in range(N_SIMULATIONS)]
    assert covered([evaluate(d).accuracy_interval for d, _ in drawn], 0.7) < 0.9


def test_bootstrap_interval_of_the_log_loss_covers_the_truth():
    rng = np.random.default_rng(1)
    loss = np.log1p(np.exp(-rng.normal(0.6, 1.2, 10**6))).mean()
    results = [evaluate(rng.normal(0.6, 1.2, 60), n_bootstrap=400) for _ in range(N_SIMULATIONS)]
    assert BAND[0] <= covered([one.log_loss_interval for one in results], loss) <= BAND[1]


@pytest.mark.parametrize("clustered", [False, True])
def test_interval_of_a_paired_difference_covers_the_truth(clustered: bool):
    rng = np.random.default_rng(2)
    n, size = 120, 3 if clustered else 1
    intervals = []
    for _ in range(N_SIMULATIONS):
        # Right where the pair's ease and the model's own luck are above a bar; pairs of a cluster share their ease.
        ease = np.repeat(rng.normal(0, 1, n // size), size)
        a, b = (np.where(ease + rng.normal(0, 1, n) > bar, 1.0, -1.0) for bar in (-0.8, -0.5))
        clusters = np.arange(n) // size if clustered else None
        intervals.append(compare_models(a, b, clusters=clusters, n_bootstrap=400).accuracy_difference_interval)
    truth = _share_above(-0.8) - _share_above(-0.5)
    assert BAND[0] <= covered(intervals, truth) <= BAND[1]


def _share_above(bar: float) -> float:
    return 0.5 * math.erfc(bar / math.sqrt(2) / math.sqrt(2))


def test_bradley_terry_intervals_cover_the_truth():
    rng = np.random.default_rng(3)
    truth = np.array([-1.0, -0.4, 0.0, 0.5, 0.9])
    first, second = (np.repeat(part, 24) for part in np.triu_indices(5, 1))
    inside = []
    for _ in range(200):  # each of five scores: 1,000 intervals
        first_wins = rng.random(len(first)) < preference_probability(truth[first] - truth[second])
        fit = fit_bradley_terry(np.where(first_wins, first, second), np.where(first_wins, second, first))
        low, high = fit.intervals().T
        inside.append((low <= truth) & (truth <= high))
    assert BAND[0] <= np.mean(inside) <= BAND[1]


# The clustered share


def test_clusters_of_one_pair_are_no_clusters():
    d = np.r_[np.ones(30), -np.ones(12)]
    with_clusters, without = evaluate(d, clusters=range(42)), evaluate(d)
    assert with_clusters.accuracy_interval == without.accuracy_interval
    assert with_clusters.n_clusters == 42


def test_pairs_repeated_within_a_cluster_add_nothing():
    rng = np.random.default_rng(4)
    once = np.where(rng.random(200) < 0.7, 1.0, 0.0)
    thrice, clusters = np.repeat(once, 3), np.repeat(np.arange(200), 3)
    size = clustered_sample_size(thrice, np.ones(600), clusters)
    assert size == pytest.approx(200, rel=0.03)  # fewer by the few degrees of freedom


def test_clusters_never_make_an_interval_narrower():
    # Every cluster is half right: its pairs are less alike than chance would have them.
    outcome, clusters = np.tile([1.0, 0.0], 50), np.repeat(np.arange(50), 2)
    outcome[0] = 0.0
    assert clustered_sample_size(outcome, np.ones(100), clusters) == 100


@pytest.mark.parametrize(("outcome", "clusters"), [(np.ones(12), np.repeat([0, 1, 2], 4)), (np.eye(4)[0], np.zeros(4))])
def test_where_no_variance_can_be_had_a_cluster_counts_as_one_pair(outcome: np.ndarray, clusters: np.ndarray):
    size = clustered_sample_size(outcome, np.ones(len(outcome)), clusters.astype(int))
    assert size == pytest.approx(len(set(clusters)))


def test_clustered_size_agrees_with_the_design_effect_of_survey_statistics():
    # With equal clusters and no ties, the variance is that of the mean of cluster means: s^2 / G.
    rng = np.random.default_rng(5)
    outcome = (rng.random((400, 4)) < rng.beta(2, 1, 400)[:, None]).astype(float)
    share, variance = outcome.mean(), outcome.mean(axis=1).var(ddof=1) / 400
    size = clustered_sample_size(outcome.ravel(), np.ones(1600), np.repeat(np.arange(400), 4))
    assert size == pytest.approx(share * (1 - share) / variance, rel=0.01)


def test_effective_sample_size_survives_huge_weights():
    assert effective_sample_size(np.array([1e200, 1e200])) == pytest.approx(2)


# The mean, clustered in two ways


def means_of_crossed_values(
    rng: np.random.Generator, n_prompts: int, n_sentences: int, *, clustered: bool, one_each: bool = False
) -> list[tuple[float, float, float]]:
    """Intervals of a true mean of 0, from an effect of each prompt, one of each sentence, and noise."""
    prompts, sentences = (one.ravel() for one in np.indices((n_prompts, n_sentences)))
    if one_each:  # every prompt meets one sentence, as in notebook 09
        prompts, sentences = np.arange(n_prompts), np.arange(n_prompts) % n_sentences
    found = []
    for _ in range(N_SIMULATIONS):
        effects = rng.normal(size=n_prompts)[prompts] + rng.normal(size=n_sentences)[sentences]
        values = effects + rng.normal(size=len(prompts))
        found.append(mean_interval(values, prompts, sentences) if clustered else mean_interval(values))
    return found


@pytest.mark.parametrize(
    ("n_prompts", "n_sentences", "one_each"), [(20, 20, False), (72, 8, False), (72, 8, True), (72, 4, True)]
)
def test_mean_interval_clustered_in_two_ways_covers_the_truth(n_prompts: int, n_sentences: int, one_each: bool):
    rng, sizes = np.random.default_rng(9), (n_prompts, n_sentences)
    clustered = means_of_crossed_values(rng, *sizes, clustered=True, one_each=one_each)
    assert BAND[0] <= covered([ends for _, *ends in clustered], 0.0) <= BAND[1]
    without = means_of_crossed_values(rng, *sizes, clustered=False, one_each=one_each)
    assert covered([ends for _, *ends in without], 0.0) < 0.8, "values that share a cluster are taken for independent"


def test_mean_interval_without_clusters_is_the_t_interval():
    values = np.random.default_rng(10).normal(size=23)
    mean, *ends = mean_interval(values)
    assert mean == pytest.approx(values.mean())
    assert ends == pytest.approx(stats.t.interval(0.95, 22, values.mean(), stats.sem(values)))


def test_mean_interval_of_equal_clusters_is_that_of_their_means():
    rng = np.random.default_rng(11)
    sentences = np.arange(72) % 8
    values = rng.normal(size=8)[sentences] + rng.normal(size=72)
    means = [values[sentences == k].mean() for k in range(8)]
    expected = stats.t.interval(0.95, 7, np.mean(means), stats.sem(means))
    assert mean_interval(values, sentences)[1:] == pytest.approx(expected)
    # Each prompt met one sentence: the cells are the prompts, so that V_prompt - V_both is 0.
    assert mean_interval(values, np.arange(72), sentences)[1:] == pytest.approx(expected)
    assert mean_interval(values, sentences.astype(str), np.arange(72))[1:] == pytest.approx(expected)


def test_mean_interval_adds_the_two_variances_and_takes_that_of_the_cells_away():
    rng = np.random.default_rng(12)
    first, second = np.repeat([0, 1, 2, 3], 6), np.tile(np.repeat([0, 1, 2], 2), 4)
    values = np.array([-1.5, -0.5, 0.5, 1.5])[first] + np.array([-1.0, 0.0, 1.0])[second] + 0.1 * rng.normal(size=24)

    def half_width(*codes: np.ndarray) -> float:
        return mean_interval(values, *codes)[2] - values.mean()

    t = {n: stats.t.ppf(0.975, n - 1) for n in (3, 4, 12)}
    variance = (half_width(first) / t[4]) ** 2 + (half_width(second) / t[3]) ** 2
    variance -= (half_width(3 * first + second) / t[12]) ** 2
    assert half_width(first, second) == pytest.approx(t[3] * np.sqrt(variance))


def test_a_two_way_variance_below_zero_gives_way_to_the_larger_of_the_two():
    # Every row and every column adds up to 0, while the cells do not.
    values, first, second = np.array([1.0, -1, -1, 1] * 2), [0, 0, 1, 1] * 2, [0, 1, 0, 1] * 2
    assert mean_interval(values, first, second) == (0, 0, 0)
    values[0] = 1.5
    half_widths = [mean_interval(values, *codes)[2] - values.mean() for codes in ([first, second], [first], [second])]
    assert max(half_widths[1:]) > 0
    assert half_widths[0] == pytest.approx(max(half_widths[1:]))


@pytest.mark.parametrize(
    ("values", "clusterings", "message"),
    [
        ([1.0], [], "at least two"),
        ([1.0, 2.0], [["a", "a"]], "at least two"),
        ([1.0, 2.0], [["a"]], "one shape"),
        ([[1.0, 2.0]], [], "one shape"),
        ([1.0, 2.0], [[0, 1]] * 3, "at most two"),
    ],
)
def test_mean_interval_refuses_what_has_none(values: list, clusterings: list, message: str):
    with pytest.raises(ValueError, match=message):
        mean_interval(values, *clusterings)


# The bootstrap


def test_draws_are_those_of_resampling_pairs():
    values = np.random.default_rng(6).exponential(size=(50, 1))
    sums, n_units = bootstrap_sums(np.c_[np.ones(50), values], n_bootstrap=20_000, seed=0)
    assert n_units == 50
    assert (sums[:, 0] == 50).all()
    assert sums[:, 1].mean() / 50 == pytest.approx(values.mean(), rel=0.01)
    assert (sums[:, 1] / 50).std() == pytest.approx(values.std() / math.sqrt(50), rel=0.02)


def test_many_pairs_are_drawn_in_random_groups_with_the_same_spread():
    n = 5 * MAX_UNITS + 7
    values = np.random.default_rng(7).exponential(size=n)
    sums, n_units = bootstrap_sums(np.c_[np.ones(n), values], n_bootstrap=2000, seed=0)
    assert n_units == n
    assert (sums[:, 1] / sums[:, 0]).std() == pytest.approx(values.std() / math.sqrt(n), rel=0.06)


def test_clusters_are_drawn_whole():
    values, clusters = np.array([1.0, 10.0, 100.0, 1000.0]), np.array([0, 0, 1, 1])
    sums, n_units = bootstrap_sums(values[:, None], n_bootstrap=200, seed=0, clusters=clusters)
    assert n_units == 2
    assert set(np.unique(sums).tolist()) == {22.0, 1111.0, 2200.0}


def test_draws_depend_on_the_seed_alone():
    values = np.random.default_rng(8).normal(size=(40, 2))
    first, again, other = (bootstrap_sums(values, n_bootstrap=100, seed=seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_percentiles_are_wider_for_few_units_and_plain_for_many():
    draws = np.linspace(0, 1, 10_001)
    assert expanded_percentiles(draws, 10**9) == pytest.approx((0.025, 0.975), abs=1e-4)
    low, high = expanded_percentiles(draws, 10)
    assert low < 0.012
    assert high > 0.988


def test_a_single_unit_has_no_bootstrap_interval():
    assert expanded_percentiles(np.ones(100), 1) is None


def test_wilson_takes_an_effective_size_that_is_no_whole_number():
    low, high = wilson_interval(0.7 * 41.6, 41.6)
    assert wilson_interval(0.7 * 41, 41)[0] < low < high < wilson_interval(0.7 * 41, 41)[1]
