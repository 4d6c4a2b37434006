"""The noise ceiling: published figures, bounds that hold in simulation, and votes worked by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rmlab.evaluation import ceiling_from_agreement, noise_ceiling


def simulated_votes(n_pairs: int, k: int, *, seed: int = 0) -> tuple[np.ndarray, float]:
    """Votes on pairs of varying difficulty, and the true ceiling."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1.5, 1.5, n_pairs)
    first = rng.binomial(k, p)
    return np.stack([first, k - first], axis=1), float(np.maximum(p, 1 - p).mean())


@pytest.mark.parametrize(("agreement", "ceiling"), [(0.726, 0.836), (0.63, 0.755), (1.0, 1.0), (0.5, 0.5)])
def test_the_published_agreements_give_their_ceilings(agreement: float, ceiling: float):
    assert ceiling_from_agreement(agreement) == pytest.approx(ceiling, abs=5e-4)


def test_normal_differences_give_the_published_ceiling():
    assert ceiling_from_agreement(0.726, difficulty="normal") == pytest.approx(0.801, abs=5e-4)


@pytest.mark.parametrize("agreement", [0.5, 0.501, 0.7, 0.99, 1.0])
def test_a_ceiling_for_pairs_that_differ_lies_between_agreement_and_the_bound(agreement: float):
    normal = ceiling_from_agreement(agreement, difficulty="normal")
    assert agreement <= normal <= ceiling_from_agreement(agreement)


def test_agreement_of_raters_who_are_right_with_one_probability():
    for q in (0.6, 0.755, 0.9):
        assert ceiling_from_agreement(q**2 + (1 - q) ** 2) == pytest.approx(q)


def test_agreement_is_worked_by_hand():
    # Of two drawn from (3, 1): the same in 3 of 6. From (2, 0): always. From (1, 1): never.
    result = noise_ceiling([(3, 1), (2, 0), (1, 1), (1, 0), (0, 0)])
    assert result.agreement == pytest.approx((0.5 + 1 + 0) / 3)
    assert (result.n_pairs, result.n_judgements, result.n_single) == (3, 8, 2)


def test_leave_one_out_is_worked_by_hand():
    # (3, 1): each of the three sees 2 against 1 for it, the one sees 0 against 3. (2, 2): each sees 1 against 2.
    # (2, 1): each of the two sees 1 against 1, a half; the one sees 0 against 2.
    assert noise_ceiling([(3, 1)]).leave_one_out == pytest.approx(3 / 4)
    assert noise_ceiling([(2, 2)]).leave_one_out == 0
    assert noise_ceiling([(2, 1)]).leave_one_out == pytest.approx((0.5 + 0.5 + 0) / 3)


@pytest.mark.parametrize("k", [2, 3, 5, 9])
def test_the_bounds_hold_the_true_ceiling(k: int):
    votes, truth = simulated_votes(20_000, k)
    result = noise_ceiling(votes)
    assert result.agreement - 0.01 <= result.leave_one_out < truth < result.upper_bound


def test_more_judgements_bring_the_lower_bound_nearer():
    found = [noise_ceiling(simulated_votes(20_000, k)[0]).leave_one_out for k in (2, 5, 9, 25)]
    assert found == sorted(found)
    assert found[-1] == pytest.approx(simulated_votes(20_000, 25)[1], abs=0.02)


def test_interval_of_the_agreement_covers_the_truth():
    rng = np.random.default_rng(1)
    truth, inside = (1.5 * 2.5 * 2) / (3 * 4), []  # E[p^2 + (1 - p)^2] of Beta(1.5, 1.5)
    for _ in range(300):
        p = rng.beta(1.5, 1.5, 150)
        first = rng.binomial(3, p)
        low, high = noise_ceiling(np.stack([first, 3 - first], axis=1), n_bootstrap=400).agreement_interval
        inside.append(low <= truth <= high)
    assert 0.912 <= np.mean(inside) <= 0.988  # three standard errors about 0.95


def test_which_response_is_called_first_does_not_matter():
    votes, _ = simulated_votes(100, 4)
    swapped = np.where(np.arange(100)[:, None] % 2 == 0, votes, votes[:, ::-1])
    assert noise_ceiling(votes) == noise_ceiling(swapped)


def test_judges_who_agree_less_than_coins_are_noted():
    result = noise_ceiling([(1, 1), (1, 1), (2, 0)])
    assert (result.upper_bound, result.if_normal) == (0.5, 0.5)
    assert "less often than coins" in result.notes[0]


def test_clusters_widen_the_interval():
    votes, _ = simulated_votes(200, 3)
    copied, names = np.repeat(votes, 4, axis=0), np.repeat(np.arange(200), 4)
    plain, clustered = noise_ceiling(copied), noise_ceiling(copied, clusters=names)
    assert np.ptp(clustered.agreement_interval) > 1.7 * np.ptp(plain.agreement_interval)
    assert clustered.n_clusters == 200


def test_to_dict_is_json_and_str_shows_the_figures():
    result = noise_ceiling(simulated_votes(50, 3)[0])
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["agreement"] == result.agreement
    for number in (result.agreement, result.leave_one_out, result.upper_bound, result.if_normal):
        assert f"{number:.3f}" in str(result)


@pytest.mark.parametrize(
    ("votes", "message"),
    [
        ([(1, 0), (0, 1)], "none of the 2 pairs has two judgements: a noise ceiling needs pairs judged again"),
        ([], "votes must have shape|none of the 0 pairs"),
        ([(1.5, 1)], "votes must be counts of judgements: whole numbers of at least 0"),
        ([(-1, 3)], "votes must be counts of judgements"),
        ([1, 2], r"votes must have shape \(n_pairs, 2\) with n_pairs = 2, as many as pairs, got \(2,\)"),
    ],
)  # fmt: skip
def test_bad_votes_are_named(votes: list, message: str):
    with pytest.raises(ValueError, match=message):
        noise_ceiling(votes)


@pytest.mark.parametrize(
    ("agreement", "options", "message"),
    [
        (0.4, {}, r"agreement must be from 0.5 \(coins\) to 1, got 0.4"),
        (0.7, {"difficulty": "hard"}, "difficulty must be 'equal' or 'normal', got 'hard'"),
    ],
)
def test_bad_agreement_is_named(agreement: float, options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        ceiling_from_agreement(agreement, **options)
