"""Evaluation: figures worked by hand, independent implementations, and what simulation says of the claims."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from scipy.stats import binomtest, bootstrap
from sklearn.metrics import brier_score_loss, log_loss

from rmlab.evaluation import Evaluation, evaluate, fit_temperature, wilson_interval
from rmlab.preference import preference_loss, preference_probability


def simulated_differences(n: int, *, scale: float = 1.0, seed: int = 0) -> np.ndarray:
    """Differences of a model whose true log-odds are `scale` times smaller: at scale 1 it is perfectly calibrated."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(0, 1.5, n)  # of the response shown first
    first_chosen = rng.random(n) < preference_probability(log_odds)
    return scale * np.where(first_chosen, log_odds, -log_odds)


# Accuracy


def test_accuracy_counts_a_tie_as_one_half():
    result = evaluate([2, 1, 0, -1])
    assert result.accuracy == 0.625
    assert (result.n_pairs, result.n_ties) == (4, 1)


def test_eighty_pairs_at_65_percent_mean_54_to_75_percent():
    differences = np.r_[np.ones(52), -np.ones(28)]
    assert [round(100 * end) for end in evaluate(differences).accuracy_interval] == [54, 75]


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("n", [1, 2, 7, 80, 5000])
def test_wilson_agrees_with_scipy(n: int, confidence: float):
    successes = np.unique(np.linspace(0, n, 9).astype(int))
    expected = [binomtest(int(k), n).proportion_ci(confidence, method="wilson") for k in successes]
    lower, upper = wilson_interval(successes, n, confidence=confidence)
    np.testing.assert_allclose(lower, [e.low for e in expected], atol=1e-12)
    np.testing.assert_allclose(upper, [e.high for e in expected], atol=1e-12)


def test_wilson_gives_floats_for_numbers_and_knows_nothing_of_no_trials():
    assert wilson_interval(0, 0) == (0.0, 1.0)
    n = np.arange(1, 1000)
    for confidence in (0.5, 0.8, 0.9, 0.95, 0.99):
        assert (wilson_interval(0 * n, n, confidence=confidence)[0] == 0).all()
        assert (wilson_interval(n, n, confidence=confidence)[1] == 1).all()
    assert all(type(end) is float for end in wilson_interval(1.5, 3))
    assert np.shape(wilson_interval(np.ones((2, 3)), 5)) == (2, 2, 3)


def test_accuracy_interval_covers_the_truth_in_95_percent_of_simulations():
    rng = np.random.default_rng(1)
    for truth in (0.6, 0.75):
        intervals = [evaluate(np.where(rng.random(150) < truth, 1.0, -1.0)).accuracy_interval for _ in range(2000)]
        covered = np.mean([low <= truth <= high for low, high in intervals])
        assert 0.93 <= covered <= 0.97


def test_weighted_interval_covers_the_truth_in_95_percent_of_simulations():
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(2000):
        weights = rng.exponential(size=200)
        low, high = evaluate(np.where(rng.random(200) < 0.7, 1.0, -1.0), weights=weights).accuracy_interval
        covered.append(low <= 0.7 <= high)
    assert 0.93 <= np.mean(covered) <= 0.97


# Probabilities


def test_log_loss_and_brier_agree_with_scikit_learn():
    rng = np.random.default_rng(3)
    d, weights = rng.normal(0.4, 2, 500), rng.random(500)
    chosen, probability = np.ones(500), preference_probability(d)
    for w in (None, weights):
        result = evaluate(d, weights=w)
        assert result.log_loss == pytest.approx(log_loss(chosen, probability, labels=[0, 1], sample_weight=w))
        assert result.brier == pytest.approx(brier_score_loss(chosen, probability, labels=[0, 1], sample_weight=w))


def test_log_loss_is_exact_far_from_zero():
    assert evaluate([-1e4, 1e4]).log_loss == 5000.0
    assert evaluate([40.0]).brier == pytest.approx(math.exp(-80), rel=1e-12, abs=0)  # 1 - sigmoid(40) rounds to zero


def test_a_calibrated_model_lies_within_noise_of_the_diagonal():
    bins = evaluate(simulated_differences(50_000)).calibration
    assert len(bins) == 10
    for one in bins:
        noise = math.sqrt(one.mean_probability * (1 - one.mean_probability) / one.count)
        assert abs(one.observed_share - one.mean_probability) < 4 * noise
        assert one.lower <= one.mean_probability <= one.upper


def test_calibration_bins_hold_every_pair_that_is_not_a_tie_and_agree_with_a_plain_count():
    d = np.r_[simulated_differences(500, seed=4), 0.0, 0.0]
    bins = evaluate(d, n_bins=5).calibration
    assert sum(one.count for one in bins) == 500
    sure = preference_probability(np.abs(d))
    for one in bins:
        inside = (sure >= one.lower) & ((sure < one.upper) | (one.upper == 1)) & (d != 0)
        assert one.count == inside.sum()
        assert one.observed_share == pytest.approx((d[inside] > 0).mean())
        assert one.mean_probability == pytest.approx(sure[inside].mean())
        assert one.interval == pytest.approx(wilson_interval((d[inside] > 0).sum(), inside.sum()))


def test_calibration_error_is_the_mean_gap_over_pairs():
    d = simulated_differences(2000, scale=2, seed=5)
    result = evaluate(d)
    gaps = [one.count * abs(one.observed_share - one.mean_probability) for one in result.calibration]
    assert result.calibration_error == pytest.approx(sum(gaps) / 2000)


def test_an_over_confident_model_lies_below_the_diagonal_and_a_temperature_mends_it():
    held_out, test = simulated_differences(20_000, scale=3, seed=6), simulated_differences(20_000, scale=3, seed=7)
    before = evaluate(test)
    assert all(one.observed_share < one.mean_probability for one in before.calibration if one.lower >= 0.6)
    assert before.calibration_error > 0.1
    temperature = fit_temperature(held_out)
    assert temperature == pytest.approx(3, rel=0.05)
    after = evaluate(test, temperature=temperature)
    assert after.calibration_error < 0.02
    assert after.log_loss < before.log_loss
    assert after.accuracy == before.accuracy
    assert after.temperature == temperature
    assert before.temperature is None


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_fit_temperature_stands_at_the_minimum_and_scales_with_the_differences(scale: float):
    d = simulated_differences(300, seed=8)
    temperature = fit_temperature(scale * d)
    # At the minimum the derivative with respect to 1/T, -mean(d sigmoid(-d/T)), vanishes.
    assert np.mean(d * preference_probability(-scale * d / temperature)) == pytest.approx(0, abs=1e-6)
    least = preference_loss(scale * d / temperature).mean()
    assert all(preference_loss(scale * d / (temperature * f)).mean() > least for f in (0.9, 1.1))


def test_fit_temperature_finds_a_minimum_far_from_the_typical_difference():
    d = np.r_[np.full(99, 1.0), -1e-4]
    temperature = fit_temperature(d)
    assert np.mean(d * preference_probability(-d / temperature)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("differences", "message"),
    [
        ([1.0, 2.0], "the best temperature is 0: none of the 2 pairs is scored the wrong way round"),
        ([1.0, -2.0], "the mean score difference is -0.5, not above 0"),
        ([0.0, 0.0], "not above 0"),
    ],
)
def test_fit_temperature_says_when_there_is_none(differences: list[float], message: str):
    with pytest.raises(ValueError, match=message):
        fit_temperature(differences)


def test_all_ties_have_accuracy_one_half_and_no_calibration():
    result = evaluate(np.zeros(5))
    assert (result.accuracy, result.n_ties) == (0.5, 5)
    assert result.log_loss == pytest.approx(math.log(2))
    assert result.calibration == ()
    assert result.calibration_error is None
    assert "undefined (every pair is a tie)" in str(result)


# Groups, lengths, weights


def test_groups_are_what_evaluate_gives_on_each_alone():
    d = simulated_differences(60, seed=9)
    names = ["b", "a", "c"] * 19 + ["a", "b", "alone"]
    result = evaluate(d, groups=names)
    assert list(result.groups) == ["a", "alone", "b", "c"]
    for name, group in result.groups.items():
        alone = evaluate(d[[other == name for other in names]])
        assert dataclasses.astuple(group)[:5] == (
            alone.n_pairs, alone.n_ties, alone.accuracy, alone.accuracy_interval, alone.effective_sample_size,
        )  # fmt: skip
        # of four groups each interval misses in 1.25 of 100, so that all four hold in 95 of 100 at least
        assert group.simultaneous_interval == wilson_interval(
            group.accuracy * group.n_pairs, group.n_pairs, confidence=1 - 0.05 / 4
        )
        assert group.length_baseline is None
    assert result.groups["alone"].n_pairs == 1


def test_simultaneous_intervals_hold_together_where_separate_ones_do_not():
    rng, n_groups, n_pairs = np.random.default_rng(16), 12, 40
    names = np.repeat(np.arange(n_groups), n_pairs)
    apart = together = 0
    for _ in range(300):
        # no model tells these apart: the accuracy of every group is one half, and two pairs share a prompt
        result = evaluate(rng.normal(size=names.size), groups=names, clusters=np.arange(names.size) // 2)
        held = [(low <= 0.5 <= high) for low, high in (g.accuracy_interval for g in result.groups.values())]
        all_held = [(low <= 0.5 <= high) for low, high in (g.simultaneous_interval for g in result.groups.values())]
        apart += all(held)
        together += all(all_held)
    assert apart / 300 < 0.75
    assert together / 300 > 0.92  # 95 in 100, less what 300 repetitions leave open


def test_length_is_measured_in_each_group():
    # in one group the longer response always wins, in the other never: together half and half
    lengths = np.array([(21, 4), (4, 9)] * 20)
    result = evaluate(np.ones(40), groups=["wordy", "terse"] * 20, lengths=lengths)
    assert result.length_baseline.accuracy == 0.5
    assert {name: g.length_baseline.accuracy for name, g in result.groups.items()} == {"wordy": 1.0, "terse": 0.0}
    text = str(result)
    assert "longer wins 1.000" in text
    assert "longer wins 0.000" in text
    assert any("the longer response wins every pair, as in: wordy" in note for note in result.notes)
    assert any("the shorter response wins every pair, as in: terse" in note for note in result.notes)
    assert Evaluation.from_dict(json.loads(json.dumps(result.to_dict()))) == result


def test_many_groups_bring_a_note_on_chance():
    d = simulated_differences(400, seed=4)
    (note,) = evaluate(d, groups=np.arange(400) % 40).notes
    assert re.search(r"\b40 .*\b2 ", note)
    assert evaluate(d, groups=np.arange(400) % 4).notes == ()


def test_names_of_groups_are_printed_escaped():
    text = str(evaluate([1.0, -1.0], groups=["\x1b[2Jx", "line\nbreak"]))
    assert "\\x1b[2Jx" in text
    assert "line\\nbreak" in text
    assert "\x1b" not in text


def test_group_names_of_any_kind_stay_apart():
    result = evaluate([1.0, -1.0, 1.0, 2.0], groups=[1, "1", None, float("nan")])
    assert {name: group.n_pairs for name, group in result.groups.items()} == {1: 1, "1": 1, None: 2}
    assert list(result.to_dict()["groups"]) == ["1", "'1'", "None"]
    assert list(evaluate([1.0, 2.0], groups=np.array([7, 3])).groups) == [3, 7]


def test_length_baseline_is_how_often_the_longer_response_was_chosen():
    baseline = evaluate(np.ones(4), lengths=[(9, 2), (2, 9), (5, 5), (3, 1)]).length_baseline
    assert (baseline.accuracy, baseline.n_ties) == (0.625, 1)
    assert baseline.accuracy_interval == pytest.approx(wilson_interval(2.5, 4))


def test_whole_weights_give_the_point_estimates_of_repeated_pairs():
    rng = np.random.default_rng(10)
    d, counts = simulated_differences(80, seed=10), rng.integers(0, 4, 80)
    groups, lengths = rng.choice(["a", "b"], 80), rng.integers(1, 5, (80, 2))
    options = {"groups": groups, "lengths": lengths}
    weighted = evaluate(d, weights=counts, **options)
    repeated = evaluate(np.repeat(d, counts), **{k: np.repeat(v, counts, axis=0) for k, v in options.items()})
    for name in ("accuracy", "log_loss", "brier", "calibration_error"):
        assert getattr(weighted, name) == pytest.approx(getattr(repeated, name))
    assert weighted.length_baseline.accuracy == pytest.approx(repeated.length_baseline.accuracy)
    for one, other in zip(weighted.calibration, repeated.calibration, strict=True):
        assert one.observed_share == pytest.approx(other.observed_share)
        assert one.mean_probability == pytest.approx(other.mean_probability)
    for name in ("a", "b"):
        assert weighted.groups[name].accuracy == pytest.approx(repeated.groups[name].accuracy)


def test_weights_widen_the_interval_by_the_effective_sample_size_and_say_so():
    d, weights = simulated_differences(100, seed=11), np.r_[np.ones(90), np.full(10, 9.0)]
    result = evaluate(d, weights=weights)
    effective = 180**2 / (90 + 10 * 81)
    assert result.effective_sample_size == pytest.approx(effective)
    assert result.accuracy_interval == pytest.approx(wilson_interval(result.accuracy * effective, effective))
    assert "effective sample of 36.0 pairs" in str(result)
    assert evaluate(d, weights=np.full(100, 0.1)).effective_sample_size == pytest.approx(100)
    assert "effective" not in str(evaluate(d, weights=np.full(100, 0.1)))


def test_a_pair_of_weight_zero_is_left_out():
    assert evaluate([1.0, -1.0], weights=[1, 0], groups=["a", "b"], lengths=[(2, 1), (1, 2)]) == evaluate(
        [1.0], groups=["a"], lengths=[(2, 1)]
    )


# Length bins


def test_length_bins_part_pairs_by_the_ratio_and_mirror_a_swapped_pair():
    lengths = [(10, 10), (11, 10), (12, 10), (15, 10), (16, 10), (10, 12), (10, 16), (0, 5), (5, 0), (0, 0)]
    counts = {one.name: one.model.n_pairs for one in evaluate(np.ones(10), lengths=lengths).length_bins}
    assert counts == {
        "chosen much shorter": 2, "chosen shorter": 1, "about equal": 3, "chosen longer": 2, "chosen much longer": 2
    }  # fmt: skip
    swapped = evaluate(np.ones(10), lengths=[pair[::-1] for pair in lengths]).length_bins
    assert [one.model.n_pairs for one in swapped] == [2, 2, 3, 1, 2]


def test_a_model_that_likes_length_is_no_better_than_length_in_any_bin():
    rng = np.random.default_rng(13)
    lengths = rng.integers(1, 300, (2000, 2))
    result = evaluate(lengths[:, 0] - lengths[:, 1], lengths=lengths)
    assert len(result.length_bins) == 5
    for one in result.length_bins:
        assert one.model == one.longer_wins
    by_name = {one.name: one.model.accuracy for one in result.length_bins}
    assert by_name["chosen much shorter"] == 0
    assert by_name["chosen much longer"] == 1


def test_each_length_bin_is_what_evaluate_gives_on_its_pairs():
    rng = np.random.default_rng(14)
    d, lengths = simulated_differences(400, seed=14), rng.integers(1, 100, (400, 2))
    ratio = lengths[:, 0] / lengths[:, 1]
    about_equal = next(one for one in evaluate(d, lengths=lengths).length_bins if one.name == "about equal")
    inside = (ratio <= 1.1) & (1 / ratio <= 1.1)
    assert about_equal.model.n_pairs == inside.sum()
    assert about_equal.model.accuracy_interval == evaluate(d[inside]).accuracy_interval
    assert about_equal.longer_wins == evaluate(d[inside], lengths=lengths[inside]).length_baseline


# Clusters and the bootstrap


def test_clusters_change_intervals_and_no_estimate():
    d, clusters = np.repeat(simulated_differences(100, seed=15), 4), np.repeat(np.arange(100), 4)
    plain, clustered = evaluate(d, n_bootstrap=500), evaluate(d, clusters=clusters, n_bootstrap=500)
    for name in ("accuracy", "log_loss", "brier", "calibration_error"):
        assert getattr(plain, name) == getattr(clustered, name)
    for name in ("accuracy_interval", "log_loss_interval", "brier_interval"):
        assert np.ptp(getattr(clustered, name)) > 1.7 * np.ptp(getattr(plain, name))
    assert clustered.n_clusters == 100
    assert "in 100 clusters" in str(clustered)


def test_groups_and_length_bins_are_clustered_too():
    d, clusters = np.repeat(simulated_differences(100, seed=16), 4), np.repeat(np.arange(100), 4)
    options = {"groups": ["x"] * 400, "lengths": np.ones((400, 2))}
    plain, clustered = evaluate(d, **options), evaluate(d, clusters=clusters, **options)
    assert np.ptp(clustered.groups["x"].accuracy_interval) > 1.7 * np.ptp(plain.groups["x"].accuracy_interval)
    assert clustered.length_bins[0].model.accuracy_interval == clustered.accuracy_interval


def test_bootstrap_interval_of_the_log_loss_is_that_of_its_standard_error():
    d = simulated_differences(3000, seed=17)
    result = evaluate(d, n_bootstrap=4000)
    half_width = np.ptp(result.log_loss_interval) / 2
    assert half_width == pytest.approx(1.96 * preference_loss(d).std() / math.sqrt(3000), rel=0.05)
    low, high = result.brier_interval
    assert low < result.brier < high


def test_bootstrap_agrees_with_scipy_on_a_weighted_mean():
    d, w = simulated_differences(200, seed=18), np.random.default_rng(18).integers(1, 4, 200)

    def weighted(loss, weight, axis=-1):
        return (loss * weight).sum(axis) / weight.sum(axis)

    expected = bootstrap(
        (preference_loss(d), w), weighted, paired=True, n_resamples=4000, method="percentile", rng=0
    ).confidence_interval  # fmt: skip
    found = evaluate(d, weights=w, n_bootstrap=4000).log_loss_interval
    assert found == pytest.approx((expected.low, expected.high), abs=0.012)


def test_a_hundred_thousand_pairs_take_well_under_the_two_seconds_allowed():
    d, clusters = simulated_differences(100_000, seed=19), np.random.default_rng(19).integers(0, 30_000, 100_000)
    started = time.process_time()
    evaluate(d, clusters=clusters, n_bootstrap=2000)
    assert time.process_time() - started < 2


def test_calibration_error_by_chance_is_what_a_calibrated_model_shows():
    found = [evaluate(simulated_differences(300, seed=seed)) for seed in range(100, 160)]
    by_chance = np.mean([one.calibration_error_by_chance for one in found])
    assert np.mean([one.calibration_error for one in found]) == pytest.approx(by_chance, rel=0.1)


# What must be said


@pytest.mark.parametrize(
    ("differences", "options", "note"),
    [
        (
            np.zeros(50),
            {},
            "every pair has equal scores: an accuracy of one half is a convention here, and calibration",
        ),
        (np.r_[np.ones(40), np.zeros(10)], {}, "20% of the pairs have equal scores; where the responses differ, look"),
        ([1.0], {}, "one pair says almost nothing"),
        ([1.0], {"n_bootstrap": 100}, "one pair says almost nothing: it has no bootstrap interval"),
        (np.ones(60), {"clusters": ["p"] * 60}, "one cluster says almost nothing"),
        (np.ones(60), {"clusters": np.arange(60) // 6}, "10 clusters are few: the intervals are rough"),
        (np.ones(60), {"groups": ["a"] * 59 + ["b"]}, "one pair says almost nothing of its group: b"),
        (np.ones(60), {"groups": range(60)}, "of its group: 0, 1, 2, 3, 4 and 55 more"),
    ],
)
def test_what_a_reader_might_miss_is_said_in_text_and_json(differences: list[float], options: dict, note: str):
    result = evaluate(differences, **options)
    assert any(note in one for one in result.notes)
    assert note in str(result)
    assert result.to_dict()["notes"] == list(result.notes)


def test_nothing_is_noted_of_ordinary_figures():
    assert evaluate(simulated_differences(100), groups=["a", "b"] * 50).notes == ()


def test_one_pair_has_no_bootstrap_interval():
    assert evaluate([1.0], n_bootstrap=100).log_loss_interval is None


# What goes in and comes out


def test_lists_arrays_and_tensors_give_the_same():
    values = [2.0, 1.0, 0.0, -1.5]
    expected = evaluate(values)
    assert evaluate(np.array(values, dtype=np.float32)) == expected
    assert evaluate(torch.tensor(values, dtype=torch.bfloat16, requires_grad=True)) == expected
    assert evaluate(tuple(values)) == expected


def test_to_dict_is_json_and_str_shows_every_figure():
    result = evaluate(
        simulated_differences(50, seed=12), groups=["x", "y"] * 25, lengths=np.ones((50, 2)), temperature=1.25, n_bins=4
    )
    restored = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert set(restored) == {field.name for field in dataclasses.fields(result)}
    assert restored["accuracy_interval"] == list(result.accuracy_interval)
    assert restored["calibration"][0] == {
        **dataclasses.asdict(result.calibration[0]), "interval": list(result.calibration[0].interval)
    }  # fmt: skip
    assert restored["groups"]["x"]["n_pairs"] == 25
    assert (restored["n_bins"], restored["temperature"]) == (4, 1.25)
    assert Evaluation.from_dict(restored) == result
    text = str(result)
    shown = (result.accuracy, *result.accuracy_interval, result.log_loss, result.brier, result.calibration_error, 1.25)
    assert all(f"{number:.3f}" in text for number in shown)
    assert "longer response wins  0.500" in text
    assert "  x " in text
    assert max(map(len, text.splitlines())) < 80


def test_result_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        evaluate([1.0]).accuracy = 1.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"score_differences": np.ones((3, 2))}, ValueError,
         r"score_differences must have shape \(n_pairs,\), got \(3, 2\)"),
        ({"score_differences": 1.0}, ValueError, r"score_differences must have shape \(n_pairs,\), got \(\)"),
        ({"score_differences": []}, ValueError, "score_differences is empty: there is no pair to evaluate"),
        ({"score_differences": [1, math.nan, 2, math.nan]}, ValueError,
         "score_differences must be finite, got nan at index 1, 3; look at those pairs .* or leave them out"),
        ({"score_differences": [math.nan] * 8}, ValueError, "at index 0, 1, 2, 3, 4 and 3 more"),
        ({"score_differences": [1, -math.inf]}, ValueError, "must be finite, got -inf at index 1"),
        ({"score_differences": ["a", "b"]}, TypeError, "score_differences must hold real numbers, got dtype <U1"),
        ({"score_differences": [True, False]}, TypeError, "score_differences must hold real numbers, got dtype bool"),
        ({"score_differences": [[1], [2, 3]]}, ValueError, r"score_differences must be numbers of shape \(n_pairs,\)"),
        ({"groups": ["a"]}, ValueError,
         "groups must hold one name for each of the 3 pairs in score_differences, got 1"),
        ({"groups": "abc"}, TypeError, "got the single name 'abc'"),
        ({"groups": [["a"], ["b"], ["c"]]}, TypeError, "groups must hold hashable names, such as strings, got list"),
        ({"lengths": [1, 2, 3]}, ValueError,
         r"lengths must have shape \(n_pairs, 2\) with n_pairs = 3, as many as score_differences, got \(3,\)"),
        ({"lengths": np.ones((2, 2))}, ValueError, r"n_pairs = 3, as many as score_differences, got \(2, 2\)"),
        ({"lengths": [(1, 2), (1, math.nan), (1, 2)]}, ValueError, "lengths must be finite, got .* at index 1"),
        ({"weights": [1, 2]}, ValueError, r"weights must have shape \(n_pairs,\) with n_pairs = 3.*got \(2,\)"),
        ({"weights": [1, -2, 3]}, ValueError, "weights must be at least 0 and not all 0, got a smallest of -2.0"),
        ({"weights": [0, 0, 0]}, ValueError, "not all 0, got a smallest of 0.0 and a sum of 0.0"),
        ({"weights": [1, math.nan, 3]}, ValueError, "weights must be finite, got nan at index 1"),
        ({"temperature": 0.0}, ValueError, r"temperature must be above 0 and finite \(1 changes nothing\), got 0.0"),
        ({"temperature": math.nan}, ValueError, "temperature must be above 0 and finite"),
        ({"n_bins": 0}, ValueError, "n_bins must be at least 1, got 0"),
        ({"clusters": ["p"]}, ValueError, "clusters must hold one name for each of the 3 pairs"),
        ({"clusters": "abc"}, TypeError, "clusters must hold one name for each pair, got the single name 'abc'"),
        ({"lengths": [(1, 2), (3, -1), (1, 1)]}, ValueError, "lengths must be at least 0, got -1.0 at index 1"),
        ({"n_bootstrap": 50}, ValueError, "n_bootstrap must be at least 100, such as 2000, got 50"),
        ({"weight": [1, 1, 1]}, TypeError, "unexpected keyword argument 'weight'"),
    ],
)  # fmt: skip
def test_bad_input_is_named(arguments: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        evaluate(**{"score_differences": [1.0, 2.0, 3.0], **arguments})


@pytest.mark.parametrize(
    ("successes", "n", "options", "message"),
    [
        (3, 2, {}, "successes must be at least 0 and at most n, got successes=3 and n=2"),
        (-1, 2, {}, "at least 0 and at most n"),
        (math.nan, 2, {}, "at least 0 and at most n"),
        (1, math.inf, {}, "at least 0 and at most n"),
        (1, 2, {"confidence": 95}, "confidence must be between 0 and 1, such as 0.95, got 95"),
    ],
)
def test_wilson_names_bad_input(successes: float, n: float, options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        wilson_interval(successes, n, **options)


def test_evaluate_loads_neither_torch_nor_scipy():
    code = "import sys, rmlab.evaluation as e; e.evaluate([1.0, -1.0]); print({'torch', 'scipy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
