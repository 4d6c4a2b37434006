"""Rejection curves and the calibration of a spread, against cases whose answer is known."""

import numpy as np
import pytest

from rmlab.evaluation import calibrate_spread, evaluate, rejection_curve
from rmlab.plots.display import describe
from rmlab.plots.rejection import plot_rejection

RNG = np.random.default_rng(0)


def test_an_order_that_knows_each_error_and_one_that_knows_nothing():
    d = np.where(np.arange(1000) < 700, 1.0, -1.0)
    known = rejection_curve(d, np.where(d > 0, 0.0, 1.0))
    assert known.accuracy[0] == 0.7
    assert known.accuracy[known.share_kept <= 0.7].tolist() == [1.0] * int((known.share_kept <= 0.7).sum())
    assert known.area == pytest.approx(known.best_area)
    assert known.gain == pytest.approx(1)
    assert known.best_area == pytest.approx((700 + 700 * np.sum(1 / np.arange(701, 1001))) / 1000)
    nothing = rejection_curve(d, np.zeros(1000))
    np.testing.assert_allclose(nothing.accuracy, 0.7)
    assert nothing.gain == pytest.approx(0, abs=1e-9)
    assert rejection_curve(d, -known.share_kept[0] * np.where(d > 0, 0.0, 1.0)).gain < 0


def test_on_all_pairs_it_is_the_accuracy_of_evaluate_and_its_interval():
    d = RNG.normal(0.5, 1, 200)
    d[:3] = 0
    curve, found = rejection_curve(d, -np.abs(d)), evaluate(d)
    assert curve.accuracy[0] == pytest.approx(found.accuracy)
    assert (curve.lower[0], curve.upper[0]) == pytest.approx(found.accuracy_interval)
    assert curve.share_kept[0] == 1
    assert (np.diff(curve.share_kept) < 0).all()
    # a hand count: the half of which the differences are largest
    half = np.argsort(-np.abs(d), kind="stable")[:100]
    at = int(np.argmin(np.abs(rejection_curve(d, -np.abs(d), n_points=201).share_kept - 0.5)))
    assert rejection_curve(d, -np.abs(d), n_points=201).accuracy[at] == pytest.approx(np.mean(d[half] > 0), abs=0.01)


def test_a_calibrated_spread_is_as_large_as_the_error():
    truth, spread = RNG.normal(0, 1.5, 20_000), RNG.uniform(0.1, 2, 20_000)
    signs = np.where(RNG.random(20_000) < 1 / (1 + np.exp(-truth)), 1.0, -1.0)  # winner first
    d = signs * (truth + spread * RNG.normal(size=20_000))
    bins = calibrate_spread(d, spread, true_differences=signs * truth)
    assert [one.count for one in bins] == [4000] * 5
    assert [one.lower for one in bins[1:]] >= [one.upper for one in bins[:-1]]
    for one in bins:
        assert one.error == pytest.approx(one.mean_spread, rel=0.05)
        assert one.accuracy_interval[0] < one.accuracy < one.accuracy_interval[1]
    assert bins[0].accuracy > bins[-1].accuracy
    half = calibrate_spread(d, spread / 2, true_differences=signs * truth)
    assert [one.error for one in half] == pytest.approx([2 * one.mean_spread for one in half], rel=0.05)
    assert calibrate_spread(d, spread)[0].error is None


def test_the_picture_has_a_line_for_each_order_and_the_interval_of_the_first():
    d = RNG.normal(0.5, 1, 100)
    ax = plot_rejection({"spread": rejection_curve(d, RNG.random(100)), "difference": rejection_curve(d, -np.abs(d))})
    assert [line.get_label() for line in ax.lines] == ["spread", "difference"]
    assert len(ax.collections) == 1
    assert "spread" in describe(ax)
    with pytest.raises(ValueError, match="the same shares kept"):
        plot_rejection({"a": rejection_curve(d, d), "b": rejection_curve(d, d, n_points=5)})
    with pytest.raises(ValueError, match="empty"):
        plot_rejection({})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rejection_curve([1.0, 2.0], [0.1]), r"uncertainties must .*\(n_pairs,\)"),
        (lambda: rejection_curve([1.0], [np.nan]), "uncertainties must"),
        (lambda: rejection_curve([], []), "score_differences is empty"),
        (lambda: rejection_curve([1.0], [0.1], n_points=1), "n_points must be at least 2, got 1"),
        (lambda: calibrate_spread([1.0], [-0.1]), "spreads must be at least 0, got -0.1"),
        (lambda: calibrate_spread([1.0], [0.1], n_bins=2), "n_bins must be between 1 and the 1 pairs, got 2"),
    ],
)
def test_bad_input(call, message: str):
    with pytest.raises(ValueError, match=message):
        call()
