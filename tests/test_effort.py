"""Ratings against comparisons for the same effort: what the study does, and the claims that it is there to show."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from rmlab.course.effort import METHODS, draw_raters, standardise_ratings, study_effort
from rmlab.simulate import Rater


@pytest.fixture(scope="module")
def studies():
    return {spread: study_effort(spread=spread, n_repeats=60) for spread in (0.0, 2.0)}


def test_raters_are_alike_at_a_spread_of_nothing_and_differ_in_proportion_to_it():
    assert set(draw_raters(0.0, 7, seed=3)) == {Rater()}
    one, two = draw_raters(1.0, 500, seed=3), draw_raters(2.0, 500, seed=3)
    for read in (lambda r: r.offset, lambda r: np.log(r.scale), lambda r: r.drift):
        np.testing.assert_allclose([2 * read(r) for r in one], [read(r) for r in two])
    spreads = [np.std([r.offset for r in one]), np.std([np.log(r.scale) for r in one]), np.std([r.drift for r in one])]
    assert spreads == pytest.approx([2.0, 0.5, 1.0], rel=0.1)  # the standard error of each is 3%


def test_ratings_lose_their_raters_mean_and_their_standard_deviation():
    ratings, raters = np.array([7.0, 9.0, 2.0, 4.0, 12.0, 5.0]), np.array([0, 0, 1, 1, 1, 2])
    assert standardise_ratings(ratings, raters, divide=False).tolist() == [-1, 1, -4, -2, 6, 0]
    out = standardise_ratings(ratings, raters)
    assert out[:2].tolist() == [-1, 1]
    assert out[2:5].std() == pytest.approx(1)
    assert out[5] == 0, "one rating says nothing of its rater's scale"
    assert ratings[0] == 7, "what came in is left alone"


def test_what_differs_between_raters_falls_out_of_comparisons_and_spoils_ratings(studies):
    alike, mixed = studies[0.0], studies[2.0]
    np.testing.assert_array_equal(alike.taus["comparisons"], mixed.taus["comparisons"])
    assert alike.lead("ratings as they are", "comparisons")[1] > 0, "calibrated ratings win"
    assert mixed.lead("comparisons", "ratings as they are")[1] > 0, "those of a mixed crowd do not"
    assert mixed.lead("ratings, centred", "ratings as they are")[1] > 0, "and are mended in part"


def test_a_tau_is_that_of_an_independent_count():
    study = study_effort(spread=1.0, n_repeats=2, n_items=6, n_raters=4, per_rater=3)
    rng = np.random.default_rng(1)  # the second repeat
    rewards, raters = rng.normal(size=6), draw_raters(1.0, 4, seed=rng)
    said: dict[int, list[float]] = {}
    for rater in raters:
        items = rng.permutation(6)[:3]
        noise = rng.gumbel(-np.euler_gamma, size=3)
        for item, more, t in zip(items, noise, (0.0, 0.5, 1.0), strict=True):
            value = rater.offset + rater.scale * (rewards[item] + more) + rater.drift * t
            said.setdefault(int(item), []).append(value)
    everything = np.mean([value for values in said.values() for value in values])
    means = [np.mean(said[i]) if i in said else everything for i in range(6)]
    signs = [np.sign((rewards[i] - rewards[j]) * (means[i] - means[j])) for i, j in itertools.combinations(range(6), 2)]
    ties = sum(sign == 0 for sign in signs)
    tau_b = sum(signs) / np.sqrt(len(signs) * (len(signs) - ties))
    assert study.taus["ratings as they are"][1] == pytest.approx(tau_b)


def test_more_judgements_come_nearer_and_more_comparisons_leave_the_ratings_alone():
    few = study_effort(spread=0.0, n_repeats=30)
    more = study_effort(spread=0.0, n_repeats=30, comparisons_per_rating=4.0)
    np.testing.assert_array_equal(few.taus["ratings as they are"], more.taus["ratings as they are"])
    assert more.mean("comparisons")[0] > few.mean("comparisons")[0] + 0.1
    assert study_effort(spread=0.0, n_repeats=5, per_rater=200).mean("ratings as they are")[0] > 0.9


def test_the_interval_is_that_of_a_mean(studies):
    values = studies[0.0].taus["comparisons"]
    assert values.shape == (60,)
    mean, low, high = studies[0.0].mean("comparisons")
    assert mean == pytest.approx(np.mean(values))
    assert (
        high - mean
        == pytest.approx(mean - low)
        == pytest.approx(stats.t.ppf(0.975, 59) * np.sqrt(np.var(values, ddof=1) / 60))
    )
    assert tuple(studies[0.0].taus) == METHODS


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_repeats": 1}, "n_repeats must be at least 2"),
        ({"n_repeats": 0}, "n_repeats must be a whole number"),
        ({"comparisons_per_rating": 0.0}, "comparisons_per_rating must be above 0"),
        ({"n_raters": 0}, "n_raters must be a whole number"),
    ],
)
def test_a_study_refuses_what_it_cannot_take(settings, message):
    with pytest.raises(ValueError, match=message):
        study_effort(spread=0.0, **settings)


def test_ratings_and_raters_must_match():
    with pytest.raises(ValueError, match=r"one shape \(n_ratings,\), got \(3,\) and \(2,\)"):
        standardise_ratings(np.zeros(3), np.zeros(2))
