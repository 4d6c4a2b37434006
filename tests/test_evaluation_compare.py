"""Two models on the same pairs: the exact test against enumeration and SciPy, and intervals that see the pairing."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from scipy.stats import binomtest

from rmlab.evaluation import compare_models, evaluate
from rmlab.evaluation.compare import sign_flip_p_value


def two_models(n: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shared = rng.normal(0.5, 1.5, n)
    return shared + rng.normal(0.3, 0.5, n), shared + rng.normal(0, 0.5, n)


def test_figures_of_each_model_are_those_of_evaluate():
    a, b = two_models(300)
    result = compare_models(a, b, temperature_a=2.0)
    assert result.accuracy_a == evaluate(a).accuracy
    assert result.accuracy_b == evaluate(b).accuracy
    assert result.log_loss_a == pytest.approx(evaluate(a, temperature=2.0).log_loss)
    assert result.log_loss_b == pytest.approx(evaluate(b).log_loss)
    assert result.accuracy_difference == pytest.approx(result.accuracy_a - result.accuracy_b)
    assert result.log_loss_difference == pytest.approx(result.log_loss_a - result.log_loss_b)


def test_a_tie_is_half_a_win():
    result = compare_models([1.0, 2.0, -1.0, 0.5], [1.0, -2.0, -1.0, 0.0])
    assert result.accuracy_difference == 0.375
    assert (result.n_a_better, result.n_b_better, result.n_equal) == (2, 0, 2)


def test_swapping_the_models_turns_the_signs_and_keeps_the_p_value():
    a, b = two_models(200)
    one, other = compare_models(a, b), compare_models(b, a)
    assert one.accuracy_difference == -other.accuracy_difference
    assert one.accuracy_difference_interval == pytest.approx([-x for x in other.accuracy_difference_interval[::-1]])
    assert one.p_value == other.p_value


def test_without_ties_the_test_is_mcnemars_exact_one():
    a, b = two_models(400)
    result = compare_models(a, b)
    expected = binomtest(result.n_a_better, result.n_a_better + result.n_b_better).pvalue
    assert result.p_value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("values", [[2, 1, -1, 2, 0, 1], [3, -1, 2], [5], [-1, -1, -1, -1, 4], [0, 0]])
def test_the_test_counts_every_sign_pattern(values: list[int]):
    totals = [
        sum(s * v for s, v in zip(signs, values, strict=True))
        for signs in itertools.product([-1, 1], repeat=len(values))
    ]
    expected = np.mean([abs(total) >= abs(sum(values)) for total in totals])
    assert sign_flip_p_value(np.array(values, dtype=float)) == pytest.approx(expected, abs=1e-12)


def test_the_test_rejects_a_true_null_in_at_most_5_percent():
    rng = np.random.default_rng(1)
    small = 0
    for _ in range(400):
        shared = rng.normal(0.5, 1, 80)
        small += (
            compare_models(shared + rng.normal(0, 1, 80), shared + rng.normal(0, 1, 80), n_bootstrap=100).p_value
            <= 0.05
        )
    assert small / 400 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_clusters_weigh_a_copied_pair_once():
    a, b = two_models(60)
    thrice = compare_models(np.repeat(a, 3), np.repeat(b, 3), clusters=np.repeat(np.arange(60), 3))
    once = compare_models(a, b)
    assert thrice.p_value == pytest.approx(once.p_value)
    assert thrice.accuracy_difference_interval == pytest.approx(once.accuracy_difference_interval)
    assert (thrice.n_pairs, thrice.n_clusters, once.n_clusters) == (180, 60, None)


def test_overlapping_intervals_say_nothing_of_a_paired_difference():
    rng = np.random.default_rng(2)
    b = np.where(rng.random(400) < 0.7, 1.0, -1.0)
    a = b.copy()
    a[np.flatnonzero(b < 0)[:14]] = 1.0  # right wherever b is, and on 14 pairs more
    assert evaluate(a).accuracy_interval[0] < evaluate(b).accuracy_interval[1]
    result = compare_models(a, b)
    assert result.accuracy_difference_interval[0] > 0
    assert result.p_value < 0.001


def test_the_same_model_twice_differs_by_nothing():
    a, _ = two_models(50)
    result = compare_models(a, a)
    assert (result.accuracy_difference, result.accuracy_difference_interval, result.p_value) == (0.0, (0.0, 0.0), 1.0)


def test_one_pair_has_no_interval_and_says_so():
    result = compare_models([1.0], [-1.0])
    assert result.accuracy_difference_interval is None
    assert "no interval" in str(result)


def test_hundred_thousand_pairs_have_an_exact_p_value():
    rng = np.random.default_rng(3)
    values = rng.integers(-2, 3, 100_000).astype(float)
    total, spread = values.sum(), np.sqrt((values**2).sum())
    from scipy.stats import norm

    assert sign_flip_p_value(values) == pytest.approx(2 * norm.sf(abs(total) / spread), abs=0.005)


def test_to_dict_is_json_and_str_shows_the_figures():
    a, b = two_models(100)
    result = compare_models(a, b, clusters=np.arange(100) // 2, temperature_b=1.5, seed=4)
    restored = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert restored["temperature_b"] == 1.5
    assert restored["seed"] == 4
    text = str(result)
    assert "100 pairs in 50 clusters" in text
    assert f"{result.accuracy_difference:+.3f}" in text
    assert f"{result.log_loss_difference:+.3f}" in text
    assert f"{result.p_value:.3g}" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"differences_b": [1.0]}, r"differences_b must have shape \(n_pairs,\) with n_pairs = 3, as many"),
        ({"differences_a": []}, "differences_a is empty"),
        ({"differences_b": [1.0, np.nan, 2.0]}, "differences_b must be finite, got nan at index 1"),
        ({"temperature_a": 0.0}, "temperature_a must be above 0 and finite"),
        ({"n_bootstrap": 10}, "n_bootstrap must be at least 100, such as 2000, got 10"),
        ({"clusters": ["a"]}, "clusters must hold one name for each of the 3 pairs in differences_a, got 1"),
    ],
)  # fmt: skip
def test_bad_input_is_named(arguments: dict, message: str):
    with pytest.raises(ValueError, match=message):
        compare_models(**{"differences_a": [1.0, 2.0, 3.0], "differences_b": [1.0, 2.0, 3.0], **arguments})


def test_a_p_value_of_halves_is_refused():
    assert sign_flip_p_value(np.array([1.0, 1.0])) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="whole numbers"):
        sign_flip_p_value(np.array([0.5, 1.0]))
