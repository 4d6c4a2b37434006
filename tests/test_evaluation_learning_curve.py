"""Learning curves: nested subsets, one test part, and figures that `evaluate` gives too."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rmlab.data import PreferencePair, PreferencePairs
from rmlab.evaluation import LearningCurve, evaluate, learning_curve


def memoriser(calls: list):
    """A model that knows the test pairs below the number of training pairs, and guesses wrong on the others."""

    def fit(train):
        calls.append(list(train))
        return np.where(np.arange(100) < len(train), 1.0, -1.0)

    return fit


def test_each_point_is_the_mean_of_its_runs():
    rng = np.random.default_rng(0)
    runs = [rng.normal(0.3, 1, 80) for _ in range(3)]
    (point,) = LearningCurve.from_differences({50: runs}).points
    assert point.accuracies == pytest.approx([evaluate(d).accuracy for d in runs])
    assert point.accuracy == pytest.approx(np.mean(point.accuracies))
    assert point.log_losses == pytest.approx([evaluate(d).log_loss for d in runs])
    assert point.log_loss == pytest.approx(np.mean(point.log_losses))


def test_more_pairs_are_seen_to_help():
    curve = learning_curve(memoriser([]), np.arange(90), sizes=[60, 20, 90], repeats=2)
    assert [(p.n_train, p.accuracy) for p in curve.points] == [(20, 0.2), (60, 0.6), (90, 0.9)]


def test_subsets_are_nested_within_a_repeat_and_differ_between_repeats():
    calls: list = []
    learning_curve(memoriser(calls), list("abcdefghij"), sizes=[2, 5, 10], repeats=2)
    small, middle, whole, other_small, *_ = (set(call) for call in calls)
    assert small < middle < whole == set("abcdefghij")
    assert small != other_small


def test_the_seed_decides_the_subsets():
    runs = []
    for seed in (0, 0, 1):
        calls: list = []
        learning_curve(memoriser(calls), list(range(50)), sizes=[10], repeats=1, seed=seed)
        runs.append(calls)
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_preference_pairs_are_handed_on_as_preference_pairs():
    pairs = PreferencePairs.from_list([PreferencePair(f"p{i}", "a", "b") for i in range(20)])
    seen = []

    def fit(train):
        seen.append(train)
        return np.ones(5)

    learning_curve(fit, pairs, sizes=[7], repeats=1)
    assert isinstance(seen[0], PreferencePairs)
    assert len({pair.prompt for pair in seen[0]}) == 7


def test_interval_is_that_of_drawing_test_pairs():
    d = np.where(np.arange(400) < 300, 1.0, -1.0)
    (point,) = LearningCurve.from_differences({9: [d, d]}, n_bootstrap=4000).points
    low, high = point.accuracy_interval
    assert (high - low) / 2 == pytest.approx(1.96 * np.sqrt(0.75 * 0.25 / 400), rel=0.06)


def test_clusters_widen_the_interval():
    d = np.repeat(np.where(np.random.default_rng(1).random(100) < 0.7, 1.0, -1.0), 4)
    plain, clustered = (
        LearningCurve.from_differences({9: [d]}, clusters=names).points[0].accuracy_interval
        for names in (None, np.arange(400) // 4)
    )
    assert np.ptp(clustered) > 1.7 * np.ptp(plain)


def test_to_dict_is_json_and_str_shows_every_size():
    curve = learning_curve(memoriser([]), np.arange(90), sizes=[20, 60])
    restored = json.loads(json.dumps(curve.to_dict(), allow_nan=False))
    assert [point["n_train"] for point in restored["points"]] == [20, 60]
    assert "on 100 test pairs" in str(curve)
    assert "0.600 (95%:" in str(curve)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sizes": [91]}, r"sizes must be from 1 to the 90 training pairs, got \(91,\)"),
        ({"sizes": [0, 5]}, "sizes must be from 1 to the 90"),
        ({"sizes": []}, "sizes must be from 1"),
        ({"sizes": [5], "repeats": 0}, "repeats must be at least 1, got 0"),
        ({"sizes": [5], "n_bootstrap": 5}, "n_bootstrap must be at least 100"),
    ],
)
def test_bad_options_are_named(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        learning_curve(memoriser([]), np.arange(90), **options)


@pytest.mark.parametrize(
    ("recorded", "message"),
    [
        ({}, "recorded must hold at least one size"),
        ({5: []}, "at least one run of each"),
        ({5: [[1.0, 2.0]], 9: [[1.0]]}, r"every run must be of the same test pairs, got runs of \[1, 2\] pairs"),
        ({5: [[1.0, np.nan]]}, r"recorded\[5\]\[0\] must be finite, got nan at index 1"),
    ],
)
def test_bad_records_are_named(recorded: dict, message: str):
    with pytest.raises(ValueError, match=message):
        LearningCurve.from_differences(recorded)


def test_runs_of_one_size_on_other_test_parts_are_refused():
    with pytest.raises(ValueError, match="every run must be of the same test pairs"):
        LearningCurve.from_differences({5: [[1.0, 2.0], [1.0]]})


@pytest.mark.parametrize(("made", "clusters"), [(np.full(20, np.nan), None), (np.ones(20), ["a"] * 19)])
def test_a_fault_of_the_first_run_stops_a_learning_curve(made, clusters):
    fits = []

    def fit(part):
        fits.append(part)
        return made

    with pytest.raises(ValueError, match=r"recorded|clusters"):
        learning_curve(fit, np.arange(100), sizes=[10, 50], clusters=clusters)
    assert len(fits) == 1
