"""Proxy against truth: the curve on the world, the laws that follow it, and what helps."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from rmlab.optimization import (
    CAREFUL_WRITERS,
    best_of_n,
    ensemble_rewards,
    fit_law,
    fit_law_until_peak,
    optimal_policy,
    optimisation_curve,
    score_replies,
    within_budget,
)
from rmlab.simulate.replies import FAIR, FLATTERED, load_questions, reply_distribution

N = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 10_000]


@pytest.fixture(scope="module")
def world():
    distributions = [
        reply_distribution(one, policy=CAREFUL_WRITERS, n_wordings=1) for one in load_questions(fresh=True)[::4]
    ]
    p = [one.probabilities for one in distributions]
    return p, score_replies(FLATTERED, distributions), score_replies(FAIR, distributions)


def test_what_likes_flattery_rises_peaks_and_falls_below_where_it_began(world) -> None:
    curve = optimisation_curve(*world, n=N)
    assert (np.diff(curve.proxy) > 0).all()
    assert 8 <= curve.strength[curve.peak] <= 32
    assert curve.true.min() < curve.true[0] < curve.true.max() - 0.5
    assert (np.diff(curve.kl) > 0).all()


def test_the_same_happens_under_the_optimal_policy(world) -> None:
    curve = optimisation_curve(*world, beta=[3.0, 1.0, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1])
    assert curve.method == "optimal"
    assert (np.diff(curve.kl) > 0).all()
    assert 0 < curve.peak < 7


def test_what_is_wanted_only_rises_where_it_is_what_is_optimised(world) -> None:
    p, _, true = world
    gold = optimisation_curve(p, true, true, n=N).true
    assert (np.diff(gold) >= 0).all()
    assert (np.diff(gold[:8]) > 0).all()


def test_a_curve_is_the_mean_over_its_questions(world) -> None:
    p, proxy, true = world
    curve = optimisation_curve(p, proxy, true, n=[4])
    apart = [best_of_n(a, b, n=4) for a, b in zip(p, proxy, strict=True)]
    assert curve.kl[0] == pytest.approx(np.mean([one.kl[0] for one in apart]))
    assert curve.true[0] == pytest.approx(np.mean([one.expectation(g)[0] for one, g in zip(apart, true, strict=True)]))


@pytest.mark.parametrize("options", [{}, {"n": [1], "beta": [1.0]}])
def test_one_way_to_optimise_must_be_named(world, options) -> None:
    with pytest.raises(ValueError, match="give either n"):
        optimisation_curve(*world, **options)


def test_questions_without_scores_are_refused(world) -> None:
    p, proxy, true = world
    with pytest.raises(ValueError, match="19, 18 and 19"):
        optimisation_curve(p, proxy[:-1], true, n=[1])


# the laws


@pytest.mark.parametrize(
    ("law", "reward", "peak", "highest"),
    [
        ("best_of_n", lambda d: d * (1.2 - 0.3 * d), 1.2 / 0.6, 1.2**2 / 1.2),
        ("rl", lambda d: d * (1.2 - 0.9 * np.log(d)), np.exp(1.2 / 0.9 - 1), 0.9 * np.exp(1.2 / 0.9 - 1)),
    ],
)
def test_a_law_is_recovered_with_its_peak(law, reward, peak, highest) -> None:
    d = np.linspace(0.2, 1.0, 9)
    fit = fit_law(np.append(0.0, d), np.append(0.0, reward(d)), law=law)
    assert fit.alpha == pytest.approx(1.2)
    assert fit.peak_distance == pytest.approx(peak)
    assert fit.peak_reward == pytest.approx(highest)
    assert fit.predict(peak) == pytest.approx(highest)
    far = np.linspace(0.01, 4, 4001)
    assert far[fit.predict(far).argmax()] == pytest.approx(peak, abs=2e-3)


@pytest.mark.parametrize("law", ["best_of_n", "rl"])
@pytest.mark.parametrize("n_curves", [1, 5])
def test_intervals_of_a_law_hold_the_truth_as_often_as_they_say(law, n_curves) -> None:
    rng, d = np.random.default_rng(0), np.linspace(0.2, 2, 12)
    cost = d if law == "best_of_n" else np.log(d)
    true = d * (1.0 - 0.4 * cost)
    peak = 1.25 if law == "best_of_n" else np.exp(1.0 / 0.4 - 1)
    held = {"alpha": 0, "beta": 0, "peak": 0}
    for _ in range(600):
        fit = fit_law(d, true + 0.05 * rng.normal(size=(n_curves, 12)), law=law)
        held["alpha"] += fit.intervals["alpha"][0] < 1.0 < fit.intervals["alpha"][1]
        held["beta"] += fit.intervals["beta"][0] < 0.4 < fit.intervals["beta"][1]
        held["peak"] += fit.peak_interval[0] < peak < fit.peak_interval[1]
    assert all(0.92 <= count / 600 <= 0.975 for count in held.values()), held


def test_what_never_turns_down_has_no_peak() -> None:
    d = np.linspace(0.1, 1, 5)
    fit = fit_law(d, d + 0.1 * d**2)
    assert fit.peak_distance == fit.peak_reward == fit.peak_n == np.inf
    assert fit.peak_interval == (0.0, np.inf)


def test_the_n_at_the_peak_is_the_inverse_of_the_bound() -> None:
    d = np.linspace(0.1, 1, 5)
    peak = np.sqrt(1.8351)
    assert fit_law(d, d * (2 * peak - d)).peak_n == pytest.approx(16, rel=1e-3)


def test_the_n_at_a_distance_is_that_of_the_measured_curve_and_larger_than_by_the_bound(world) -> None:
    curve = optimisation_curve(*world, n=np.array([1, 2, 4, 8, 16, 32]))
    assert [curve.strength_at(d) for d in curve.distance] == pytest.approx(curve.strength)
    assert 4 < curve.strength_at(curve.distance[2:4].mean()) < 8
    assert np.isnan(curve.strength_at(curve.distance[-1] + 0.1))
    law = fit_law(curve.distance, curve.distance * (2.0 * curve.distance[3] - curve.distance))
    assert curve.strength_at(law.peak_distance) == pytest.approx(8)
    assert law.peak_n < 8, "the KL is below its bound, so the bound reaches a distance sooner"
    prices = optimisation_curve(*world, beta=np.array([0.5, 1.0, 2.0]))
    assert prices.strength_at(prices.distance[1]) == pytest.approx(1.0)


def test_the_peak_is_predicted_from_small_n_and_too_late(world) -> None:
    curve = optimisation_curve(*world, n=np.unique(np.geomspace(1, 512, 60).astype(int)))
    gained = curve.true - curve.true[0]
    fits = [fit_law(curve.distance[curve.strength <= most], gained[curve.strength <= most]) for most in (4, 8, 16)]
    distances, rewards = [fit.peak_distance for fit in fits], [fit.peak_reward for fit in fits]
    assert distances == sorted(distances, reverse=True), "the more is seen, the nearer"
    assert rewards == pytest.approx([gained.max()] * 3, rel=0.2)
    assert distances[-1] == pytest.approx(curve.distance[curve.peak], rel=0.25)
    # what is wrong with the proxy is rare, so little of it shows at small n, and the law hopes for too much
    assert min(distances) > curve.distance[curve.peak]
    assert min(rewards) > gained.max()


def test_too_little_for_a_law_is_refused() -> None:
    refused = [
        (lambda: fit_law(np.arange(3.0), np.zeros(3), law="ppo"), "law must be one of best_of_n, rl"),
        (lambda: fit_law(np.array([0.0, 1.0, 2.0]), np.zeros(3)), "three or more different values above 0"),
        (lambda: fit_law(np.array([-1.0, 1.0, 2.0, 3.0]), np.zeros(4)), "at least 0"),
        (lambda: fit_law(np.arange(4.0), np.zeros(5)), r"reward must have shape \(1, 4\)"),
        (lambda: fit_law(np.arange(4.0), np.full(4, np.nan)), "reward must be finite: 4 of 4"),
    ]
    for call, message in refused:
        with pytest.raises(ValueError, match=message):
            call()


# remedies


def test_members_are_compared_without_their_constants() -> None:
    p, scores = np.array([0.5, 0.25, 0.25]), np.array([[0.0, 2.0, 4.0], [0.0, 4.0, -2.0]])
    for how in ("mean", "worst", "mean less variance"):
        found = ensemble_rewards(scores, probabilities=p, how=how)
        moved = ensemble_rewards(scores + np.array([[100.0], [-7.0]]), probabilities=p, how=how)
        np.testing.assert_allclose(found, moved, atol=1e-12)
    centred = scores - np.array([[1.5], [0.5]])
    np.testing.assert_allclose(ensemble_rewards(scores, probabilities=p, how="worst"), centred.min(axis=0))
    np.testing.assert_allclose(ensemble_rewards(scores, probabilities=p), centred.mean(axis=0))
    np.testing.assert_allclose(
        ensemble_rewards(scores, probabilities=p, how="mean less variance", variance_weight=0.5),
        centred.mean(axis=0) - 0.5 * centred.var(axis=0),
    )


def test_an_ensemble_of_one_is_refused_and_so_is_a_member_that_gives_nan() -> None:
    p = np.array([0.5, 0.5])
    for scores in (np.zeros((1, 2)), np.zeros(2)):
        with pytest.raises(ValueError, match="two members"):
            ensemble_rewards(scores, probabilities=p, how="worst")
    with pytest.raises(ValueError, match=r"scores .*1 of 4 .*index \(1, 0\)"):
        ensemble_rewards(np.array([[0.0, 1.0], [np.nan, 0.0]]), probabilities=p)
    with pytest.raises(ValueError, match=r"how .*mean, worst"):
        ensemble_rewards(np.zeros((2, 2)), probabilities=p, how="best")


def test_a_budget_stops_at_the_largest_kl_within_it() -> None:
    assert within_budget(np.array([0.0, 0.5, 1.2, 3.0]), budget=1.3) == 2
    kl = optimal_policy([0.5, 0.5], [0.0, 1.0], beta=[0.1, 1.0, 10.0]).kl
    assert within_budget(kl, budget=0.05) == 2
    with pytest.raises(ValueError, match=r"KL.*budget"):
        within_budget(np.array([0.5]), budget=0.1)


@pytest.mark.slow
def test_the_benchmark_runs_and_prints_a_row_for_every_proxy_and_remedy(monkeypatch, capsys) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1] / "benchmarks"))
    options = ["curves", "--seeds", "2", "--questions", "4", "--members", "2"]
    monkeypatch.setattr(sys, "argv", ["optimization.py", *options])
    importlib.import_module("optimization").main()
    lines = capsys.readouterr().out.splitlines()
    for name in ("flattered", "one fitted reward", "ensemble, worst", "n up to 8"):
        assert any(line.startswith(name) for line in lines), name


def test_the_law_is_fitted_until_the_peak_that_it_foretells_is_passed():
    d = np.linspace(0, 2.4, 25)
    law, used = fit_law_until_peak(d, d * (1.3 - 0.5 * d))  # its peak is at d = 1.3
    assert law.peak_distance == pytest.approx(1.3)
    assert 1.29 < d[used - 1] < 1.41
    rare = d * (1.3 - 0.4 * d) - 2.0 * np.maximum(d - 1.0, 0) ** 2  # a fault that is not met before d = 1
    top = d[rare.argmax()]
    early = fit_law(d[d <= 0.9], rare[d <= 0.9]).peak_distance
    later, used = fit_law_until_peak(d, rare)
    assert early > 1.3 * top
    assert later.peak_distance <= d[used - 1] < early
    assert abs(later.peak_distance / top - 1) < 0.25
    further = fit_law_until_peak(d, np.where(np.arange(25) < used, rare, -99.0))
    assert further[0].alpha == later.alpha, "nothing further out is looked at"
    near = d <= 0.9
    with pytest.raises(ValueError, match=r"d = 0\.9\b.*d = 1\.\d+"):
        fit_law_until_peak(d[near], rare[near])
    with pytest.raises(ValueError, match=r"d = 0\.1\b"):
        fit_law_until_peak(d[:2], rare[:2])
