"""Best of n and the optimum at a price for KL, against published figures, brute force and simulation."""

import time
from itertools import product

import numpy as np
import pytest

from rmlab.optimization import (
    best_of_n,
    best_of_n_kl_bound,
    estimate_best_of_n,
    n_at_kl,
    optimal_policy,
    reward_with_error,
)

PROBABILITIES = np.array([0.3, 0.05, 0.25, 0.3, 0.1])
REWARDS = np.array([1.0, 3.0, 1.0, -2.0, 2.0])  # two are tied


def three_standard_errors(draws: np.ndarray) -> np.ndarray:
    return 3 * draws.std(axis=0, ddof=1) / np.sqrt(len(draws))


# the figures


def test_the_published_bounds() -> None:
    bounds = best_of_n_kl_bound([2, 4, 16, 64, 1000])
    np.testing.assert_allclose(bounds, [0.1931, 0.6363, 1.8351, 3.1745, 5.9088], atol=5e-5)


def test_two_equally_likely_replies_stay_below_the_bound_as_published() -> None:
    found = best_of_n([0.5, 0.5], [0.0, 1.0], n=8)
    assert found.kl[0] == pytest.approx(0.6676, abs=5e-5)
    assert found.kl_bound[0] == pytest.approx(1.2044, abs=5e-5)


def test_a_normal_error_never_turns_down_and_a_heavy_tailed_one_peaks_near_sixteen() -> None:
    n = 2 ** np.arange(13)
    p, proxy, true = reward_with_error()
    gold = best_of_n(p, proxy, n=n).expectation(true)
    assert (np.diff(gold) > 0).all()
    p, proxy, true = reward_with_error(degrees_of_freedom=2)
    gold = best_of_n(p, proxy, n=n).expectation(true)
    assert n[gold.argmax()] == 16
    assert gold[-1] < gold.max() / 5


def test_with_a_normal_error_half_of_what_is_gained_is_real() -> None:
    # both have variance 1, so E[true | proxy] = proxy / 2
    p, proxy, true = reward_with_error()
    found = best_of_n(p, proxy, n=[4, 64, 1024])
    np.testing.assert_allclose(found.expectation(true), found.expectation(proxy) / 2, rtol=2e-3)


# exactness


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_best_of_n_is_what_all_draws_give_with_ties_broken_at_random(n: int) -> None:
    expected = np.zeros(5)
    for drawn in product(range(5), repeat=n):
        rewards = REWARDS[list(drawn)]
        best = [i for i, r in zip(drawn, rewards, strict=True) if r == rewards.max()]
        for i in best:
            expected[i] += PROBABILITIES[list(drawn)].prod() / len(best)
    found = best_of_n(PROBABILITIES, REWARDS, n=n)
    np.testing.assert_allclose(found.probabilities[0], expected, atol=1e-14)
    q = found.probabilities[0]
    assert found.kl[0] == pytest.approx((q * np.log(q / PROBABILITIES)).sum(), abs=1e-14)
    assert found.expectation(REWARDS)[0] == pytest.approx(expected @ REWARDS)


def test_the_exact_kl_never_exceeds_its_bound_and_reaches_it_without_ties_or_probable_replies() -> None:
    n = [1, 2, 7, 100, 10_000]
    rng = np.random.default_rng(0)
    for size in (2, 10, 1000):
        found = best_of_n(rng.dirichlet(np.ones(size)), rng.normal(size=size).round(1), n=n)
        assert (found.kl <= found.kl_bound + 1e-12).all()
        np.testing.assert_allclose(found.distance**2, found.kl, atol=1e-12)
    many = best_of_n(np.full(200_000, 1 / 200_000), np.arange(200_000.0), n=[2, 16, 100])
    np.testing.assert_allclose(many.kl, many.kl_bound, atol=1e-3)


def test_small_probabilities_at_the_top_keep_their_digits() -> None:
    # F(r-) rounds to 1 - 1e-13: a difference of powers would leave three digits
    p = np.array([1 - 1e-13, 1e-13])
    found = best_of_n(p, [0.0, 1.0], n=[1, 10_000])
    np.testing.assert_allclose(found.probabilities[:, 1], [1e-13, 1e-9], rtol=1e-8)


def test_five_thousand_replies_and_two_hundred_n_take_less_than_a_second() -> None:
    rng = np.random.default_rng(0)
    p, r = rng.dirichlet(np.ones(5000)), rng.normal(size=5000)
    n = np.unique(np.geomspace(1, 10_000, 260).astype(int))[:200]
    started = time.perf_counter()
    found = best_of_n(p, r, n=n)
    assert time.perf_counter() - started < 1
    assert found.probabilities.shape == (len(n), 5000)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)


def test_n_at_kl_is_the_inverse_of_the_bound() -> None:
    for n in (1, 2, 16, 1000):
        assert n_at_kl(float(best_of_n_kl_bound(n)[0])) == pytest.approx(n, rel=1e-6)


def test_the_optimal_policy_beats_every_other_at_its_price() -> None:
    found = optimal_policy(PROBABILITIES, REWARDS, beta=[0.3, 1.0, 5.0])
    rng = np.random.default_rng(0)
    others = np.concatenate([rng.dirichlet(np.ones(5), size=2000), found.probabilities * 0.99 + 0.002])
    for q, beta, kl in zip(found.probabilities, found.beta, found.kl, strict=True):
        assert kl == pytest.approx((q * np.log(q / PROBABILITIES)).sum())
        best = q @ REWARDS - beta * kl
        # the value at the optimum is beta log Z
        assert best == pytest.approx(beta * np.log(PROBABILITIES @ np.exp(REWARDS / beta)))
        assert (others @ REWARDS - beta * (others * np.log(others / PROBABILITIES)).sum(axis=1) < best).all()


def test_at_no_price_worth_naming_the_optimum_is_the_best_reply_and_nothing_overflows() -> None:
    found = optimal_policy(PROBABILITIES, 1e6 * REWARDS, beta=1e-6)
    np.testing.assert_allclose(found.probabilities[0], [0, 1, 0, 0, 0], atol=1e-12)
    assert found.kl[0] == pytest.approx(-np.log(0.05))


def test_the_middle_reply_splits_the_rewards_and_only_climbs() -> None:
    found = best_of_n(PROBABILITIES, REWARDS, n=[1, 2, 5, 100])
    assert found.middle_replies.tolist() == [0, 0, 4, 1]  # of the two that tie, the more probable
    rng = np.random.default_rng(0)
    many = best_of_n(rng.dirichlet(np.ones(300)), rng.normal(size=300), n=2 ** np.arange(12))
    rewards = many.rewards[many.middle_replies]
    assert (np.diff(rewards) >= 0).all()
    assert (many.probabilities @ (many.rewards[:, None] <= rewards)).diagonal().min() >= 0.5
    assert (many.probabilities @ (many.rewards[:, None] < rewards)).diagonal().max() <= 0.5


# the estimator from samples


def test_the_estimator_averages_over_all_subsets() -> None:
    from itertools import combinations

    rng = np.random.default_rng(0)
    rewards, values = rng.normal(size=9), rng.normal(size=9)
    for n in (1, 2, 5, 9):
        best = [max(subset, key=rewards.__getitem__) for subset in combinations(range(9), n)]
        assert estimate_best_of_n(rewards, values, n=n)[0] == pytest.approx(values[best].mean())


def test_the_estimator_is_unbiased_with_ties_and_drawing_again_from_the_samples_is_not() -> None:
    rng, n, true = np.random.default_rng(0), [2, 4, 16], np.array([0.5, -1.0, 0.0, 2.0, 1.0])
    exact = best_of_n(PROBABILITIES, REWARDS, n=n).expectation(true)
    estimates, again = [], []
    for _ in range(3000):
        drawn = rng.choice(5, size=20, p=PROBABILITIES)
        estimates.append(estimate_best_of_n(REWARDS[drawn], true[drawn], n=n))
        again.append(best_of_n(np.full(20, 0.05), REWARDS[drawn], n=n).expectation(true[drawn]))
    bias, bias_again = np.mean(estimates, axis=0) - exact, np.mean(again, axis=0) - exact
    assert (np.abs(bias) < three_standard_errors(np.array(estimates))).all()
    assert np.abs(bias_again[-1]) > 2 * three_standard_errors(np.array(again))[-1]


def test_the_estimator_of_many_samples_is_fast_and_near_the_exact_value() -> None:
    rng = np.random.default_rng(1)
    p, proxy, true = reward_with_error(n_steps=100)
    drawn = rng.choice(len(p), size=50_000, p=p)
    n = [1, 16, 256]
    np.testing.assert_allclose(
        estimate_best_of_n(proxy[drawn], true[drawn], n=n), best_of_n(p, proxy, n=n).expectation(true), atol=0.1
    )


# bad input


@pytest.mark.parametrize("n", [0, -3, 2.5, True, [4, 0]])
def test_an_n_below_one_is_refused(n) -> None:
    for call in (lambda: best_of_n(PROBABILITIES, REWARDS, n=n), lambda: best_of_n_kl_bound(n)):
        with pytest.raises(ValueError, match="n must be a whole number of at least 1"):
            call()


@pytest.mark.parametrize("beta", [0, 0.0, -1, np.nan, np.inf, [1.0, 0.0]])
def test_a_beta_of_zero_is_refused(beta) -> None:
    with pytest.raises(ValueError, match="beta must be a finite number above 0"):
        optimal_policy(PROBABILITIES, REWARDS, beta=beta)


@pytest.mark.parametrize(
    ("p", "message"),
    [
        ([0.5, 0.5, 0.0], r"1 of 3 replies have no probability \(the first is reply 2"),
        ([0.5, 0.6, -0.1], "no probability"),
        ([0.5, 0.2, 0.2], "must sum to one, got 0.9"),
        ([0.5, np.nan, 0.5], r"1 of 3 are not \(the first, at index 1, is nan"),
        ([], "is empty"),
        ([[0.5, 0.25, 0.25]], r"must have shape \(n_replies,\)"),
    ],
)
def test_replies_without_probability_are_refused(p, message) -> None:
    for call in (lambda: best_of_n(p, np.zeros(3), n=2), lambda: optimal_policy(p, np.zeros(3), beta=1.0)):
        with pytest.raises(ValueError, match=message):
            call()


def test_rewards_that_are_no_numbers_are_counted() -> None:
    for reward in (np.nan, np.inf):
        rewards = np.array([0.0, reward, 1.0, reward, 0.0])
        with pytest.raises(ValueError, match=r"rewards .*2 of 5 .*index 1"):
            best_of_n(PROBABILITIES, rewards, n=2)
    with pytest.raises(ValueError, match=r"rewards must have shape \(5,\)"):
        best_of_n(PROBABILITIES, REWARDS[:4], n=2)


def test_more_than_there_are_samples_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^n .*5, got 6"):
        estimate_best_of_n(REWARDS, REWARDS, n=[2, 6])
