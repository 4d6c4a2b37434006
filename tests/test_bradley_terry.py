import itertools
import math
from dataclasses import FrozenInstanceError
from datetime import date

import choix
import evalica
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from rmlab.bradley_terry import fit_bradley_terry, newton
from rmlab.bradley_terry import result as result_module
from rmlab.bradley_terry.counts import _negative_cycle, count_pairs, why_no_finite_maximum
from rmlab.bradley_terry.labels import index_labels
from rmlab.preference import davidson_loss, davidson_probabilities, preference_loss, preference_probability

# Agresti, Categorical Data Analysis: American League East 1987, wins of row over column
TEAMS = ["Baltimore", "Boston", "Cleveland", "Detroit", "Milwaukee", "New York", "Toronto"]
WINS = [
    [0, 1, 7, 4, 2, 3, 1],
    [12, 0, 7, 2, 6, 7, 6],
    [6, 6, 0, 4, 4, 6, 5],
    [9, 11, 9, 0, 6, 5, 7],
    [11, 7, 9, 7, 0, 7, 9],
    [10, 6, 7, 8, 6, 0, 6],
    [12, 7, 8, 6, 4, 7, 0],
]
HOME = """
Mil: Det 4-3  Tor 4-2  NY 4-3  Bos 6-1  Cle 4-2  Bal 6-0
Det: Mil 3-3  Tor 4-2  NY 4-3  Bos 6-0  Cle 6-1  Bal 4-3
Tor: Mil 2-5  Det 4-3  NY 2-4  Bos 4-3  Cle 4-2  Bal 6-0
NY:  Mil 3-3  Det 5-1  Tor 2-5  Bos 4-3  Cle 4-2  Bal 6-1
Bos: Mil 5-1  Det 2-5  Tor 3-3  NY 4-2  Cle 5-2  Bal 6-0
Cle: Mil 2-5  Det 3-3  Tor 3-4  NY 4-3  Bos 4-2  Bal 2-4
Bal: Mil 2-5  Det 1-5  Tor 1-6  NY 2-4  Bos 1-6  Cle 3-4
"""
PAIRS = list(itertools.permutations(range(7), 2))


def season(wins=WINS, **options):
    return fit_bradley_terry(
        [TEAMS[i] for i, _ in PAIRS], [TEAMS[j] for _, j in PAIRS], weights=[wins[i][j] for i, j in PAIRS], **options
    )


def home_season():
    rows = []
    for line in HOME.split("\n")[1:-1]:
        home, games = line.split(":")
        words = games.split()
        for visitor, result in zip(words[::2], words[1::2], strict=True):
            won, lost = map(int, result.split("-"))
            rows += [(home, visitor, 1, won), (visitor, home, -1, lost)]
    winners, losers, first, weights = zip(*rows, strict=True)
    return {"winners": winners, "losers": losers, "first": first, "weights": weights}


def comparisons(n_items=8, n=400, *, seed=0, spread=1.0, order_effect=0.0, tie_parameter=0.0):
    """Comparisons from known scores: winners, losers, first, tied."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=n_items) * spread
    a = rng.integers(n_items, size=n)
    b = (a + rng.integers(1, n_items, size=n)) % n_items
    first = rng.choice([-1, 0, 1], size=n)
    d = scores[a] - scores[b] + order_effect * first
    outcome = rng.random(n)
    win, tie, _ = davidson_probabilities(d, tie_parameter)
    swapped = outcome > win + tie
    tied = (outcome > win) & ~swapped
    return np.where(swapped, b, a), np.where(swapped, a, b), np.where(swapped, -first, first), tied


# ---- published figures


def test_baseball_season_gives_the_published_scores_and_errors():
    fit = season()
    relative = fit.relative_to("Baltimore")
    assert list(fit.items) == TEAMS
    expected = [0, 1.10770, 0.68385, 1.43641, 1.58136, 1.24762, 1.29449]
    errors = [0, 0.33388, 0.33188, 0.33957, 0.34326, 0.33586, 0.33667]
    np.testing.assert_allclose(relative.scores, expected, atol=5e-6)
    np.testing.assert_allclose(relative.standard_errors, errors, atol=5e-6)
    assert fit.n_comparisons == 273
    assert fit.log_loss == pytest.approx(0.6309457, abs=5e-8)
    assert relative.log_loss == fit.log_loss
    assert fit.order_effect is fit.tie_parameter is fit.order_effect_standard_error is None


def test_baseball_season_with_the_home_field():
    fit = fit_bradley_terry(**home_season())
    assert fit.order_effect == pytest.approx(0.30226, abs=5e-6)
    assert fit.order_effect_standard_error == pytest.approx(0.13094, abs=5e-6)
    # the two tables are one season: without `first` the home table gives the scores of the other
    without = fit_bradley_terry(**{k: v for k, v in home_season().items() if k != "first"})
    np.testing.assert_allclose(without.scores, season().scores, atol=1e-9)
    assert fit.log_loss < without.log_loss


def test_four_items_by_hand():
    wins = {"AB": 2, "BA": 3, "AD": 1, "DA": 4, "BC": 5, "CB": 3, "CD": 1, "DC": 3}
    fit = fit_bradley_terry([k[0] for k in wins], [k[1] for k in wins], weights=list(wins.values()))
    np.testing.assert_allclose(np.exp(fit.scores), [0.640, 1.043, 0.660, 2.270], atol=5e-4)


def test_a_chain_is_refused_with_the_reason_and_fitted_with_a_prior():
    with pytest.raises(ValueError, match=r"no finite maximum.*3 never loses; 0 never wins") as error:
        fit_bradley_terry([3, 2, 1], [2, 1, 0])
    assert "prior_variance=1.0" in str(error.value)
    fit = fit_bradley_terry([3, 2, 1], [2, 1, 0], prior_variance=1.0)
    assert list(np.argsort(fit.scores)) == [0, 1, 2, 3]
    assert fit.scores.sum() == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(fit.scores, -fit.scores[::-1], atol=1e-9)  # what is won above is lost below


# ---- the maximum, against independent answers


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_choix_and_evalica_on_random_tables(seed):
    winners, losers, _, _ = comparisons(n_items=12, n=600, seed=seed)
    fit = fit_bradley_terry(winners, losers)
    data = list(zip(winners.tolist(), losers.tolist(), strict=True))
    np.testing.assert_allclose(fit.scores, choix.opt_pairwise(12, data, tol=1e-12), atol=1e-6)
    peer = evalica.bradley_terry(winners, losers, [evalica.Winner.X] * len(data), tolerance=1e-13, limit=10_000)
    theirs = np.log(peer.scores[list(fit.items)].to_numpy())
    np.testing.assert_allclose(fit.scores, theirs - theirs.mean(), atol=1e-8)


def test_half_ties_agree_with_evalica_and_with_half_weights():
    winners, losers, _, tied = comparisons(tie_parameter=0.8, seed=4)
    fit = fit_bradley_terry(winners, losers, tied=tied)
    assert fit.ties == "half"
    outcomes = [evalica.Winner.Draw if t else evalica.Winner.X for t in tied]
    peer = evalica.bradley_terry(winners, losers, outcomes, tie_weight=0.5, tolerance=1e-13, limit=10_000)
    theirs = np.log(peer.scores[list(fit.items)].to_numpy())
    np.testing.assert_allclose(fit.scores, theirs - theirs.mean(), atol=1e-8)
    both_ways = fit_bradley_terry(
        np.concatenate([winners, losers[tied]]),
        np.concatenate([losers, winners[tied]]),
        weights=np.concatenate([np.where(tied, 0.5, 1.0), np.full(tied.sum(), 0.5)]),
    )
    np.testing.assert_allclose(fit.scores, both_ways.scores, atol=1e-9)
    assert fit.log_loss == pytest.approx(both_ways.log_loss, abs=1e-12)


@pytest.mark.parametrize("model", ["plain", "order", "davidson", "both"])
@pytest.mark.parametrize("prior_variance", [None, 0.5])
def test_agrees_with_scipy_and_the_covariance_with_finite_differences(model, prior_variance):
    winners, losers, first, tied = comparisons(
        n_items=5, n=300, seed=5, order_effect=0.4, tie_parameter=0.6 if model in ("davidson", "both") else 0.0
    )
    options = {}
    if model in ("order", "both"):
        options["first"] = first
    if model in ("davidson", "both"):
        options |= {"tied": tied, "ties": "davidson"}
    fit = fit_bradley_terry(winners, losers, prior_variance=prior_variance, **options)

    def objective(p):  # scores, the last of which closes the sum to zero; then order effect and log tie parameter
        scores = np.append(p[:4], -p[:4].sum())
        d = scores[winners] - scores[losers] + (p[4] * first if "first" in options else 0.0)
        loss = davidson_loss(d, tied, math.exp(p[-1])) if "ties" in options else preference_loss(d)
        return loss.sum() + (0.0 if prior_variance is None else scores @ scores / (2 * prior_variance))

    extras = [fit.order_effect] * ("first" in options) + [math.log(fit.tie_parameter or 1)] * ("ties" in options)
    at = np.array([*fit.scores[:4], *extras])
    gradient = [(objective(at + h) - objective(at - h)) / 2e-5 for h in np.eye(len(at)) * 1e-5]
    np.testing.assert_allclose(gradient, 0, atol=2e-6)
    found = minimize(objective, np.zeros(len(at)), method="BFGS", options={"gtol": 1e-7})
    np.testing.assert_allclose(at, found.x, atol=1e-5)

    step = np.eye(len(at)) * 1e-3
    hessian = [
        [
            (objective(at + g + h) - objective(at + g - h) - objective(at - g + h) + objective(at - g - h)) / 4e-6
            for h in step
        ]
        for g in step
    ]
    covariance = np.linalg.inv(hessian)
    np.testing.assert_allclose(fit.covariance[:4, :4], covariance[:4, :4], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(fit.covariance.sum(axis=0), 0, atol=1e-12)
    if "first" in options:
        assert fit.order_effect_standard_error == pytest.approx(covariance[4, 4] ** 0.5, rel=1e-3)
    if "ties" in options:
        assert fit.tie_parameter_standard_error == pytest.approx(
            fit.tie_parameter * covariance[-1, -1] ** 0.5, rel=1e-3
        )
    d = fit.scores[winners] - fit.scores[losers] + (fit.order_effect * first if "first" in options else 0.0)
    loss = davidson_loss(d, tied, fit.tie_parameter) if "ties" in options else preference_loss(d)
    assert fit.log_loss == pytest.approx(loss.mean(), abs=1e-12)


def test_davidson_recovers_a_simulated_truth():
    winners, losers, first, tied = comparisons(n_items=6, n=60_000, seed=6, order_effect=-0.3, tie_parameter=0.7)
    fit = fit_bradley_terry(winners, losers, first=first, tied=tied, ties="davidson")
    truth = np.random.default_rng(6).normal(size=6)  # as `comparisons` draws them
    assert np.all(np.abs(fit.scores - (truth - truth.mean())) < 4 * fit.standard_errors)
    assert abs(fit.order_effect + 0.3) < 4 * fit.order_effect_standard_error
    assert abs(fit.tie_parameter - 0.7) < 4 * fit.tie_parameter_standard_error
    assert fit.tie_parameter_standard_error < 0.02


def test_davidson_without_a_tie_is_bradley_terry():
    winners, losers, _, tied = comparisons(seed=7)
    assert not tied.any()
    fit = fit_bradley_terry(winners, losers, tied=tied, ties="davidson")
    assert fit.tie_parameter == 0.0
    assert fit.tie_parameter_standard_error is None
    np.testing.assert_array_equal(fit.scores, fit_bradley_terry(winners, losers).scores)


def test_weights_equal_repetition_and_weight_zero_counts_nothing():
    winners, losers, first, tied = comparisons(seed=8, tie_parameter=0.5, order_effect=0.5)
    counts = np.random.default_rng(8).integers(0, 4, size=len(winners))
    rows = np.repeat(np.arange(len(winners)), counts)
    weighted = fit_bradley_terry(winners, losers, weights=counts, first=first, tied=tied, ties="davidson")
    repeated = fit_bradley_terry(winners[rows], losers[rows], first=first[rows], tied=tied[rows], ties="davidson")
    np.testing.assert_allclose(weighted.scores, repeated.scores, atol=1e-10)
    np.testing.assert_allclose(weighted.covariance, repeated.covariance, atol=1e-10)
    assert weighted.n_comparisons == repeated.n_comparisons == counts.sum()
    assert weighted.tie_parameter == pytest.approx(repeated.tie_parameter)
    assert isinstance(weighted.n_comparisons, int)
    assert fit_bradley_terry(["a", "b"], ["b", "a"], weights=[0.5, 0.25]).n_comparisons == 0.75


def test_extreme_weights_still_converge():
    lopsided = fit_bradley_terry(["a", "b"], ["b", "a"], weights=[1e6, 1])
    assert lopsided.scores[0] - lopsided.scores[1] == pytest.approx(math.log(1e6), abs=1e-6)
    tiny = fit_bradley_terry(["a", "b"], ["b", "a"], weights=[3e-12, 1e-12])
    assert tiny.probability("a", "b") == pytest.approx(0.75, abs=1e-9)
    held = fit_bradley_terry(["a"] * 1000, ["b"] * 1000, prior_variance=1e-6)
    np.testing.assert_allclose(held.scores, [5e-4, -5e-4], rtol=2e-3)


@pytest.mark.parametrize("weights", [[1e308, 1e308], [1e308, 1]], ids=["the sum overflows", "a quotient may"])
def test_weights_whose_sums_may_overflow_are_refused(weights):
    with pytest.raises(ValueError, match=r"weights add up to .* more than 1e\+300"):
        fit_bradley_terry(["a", "b"], ["b", "a"], weights=weights)
    assert fit_bradley_terry(["a", "b"], ["b", "a"], weights=[3e299, 1e299]).probability("a", "b") == pytest.approx(
        0.75
    )


# ---- large fits take other ways to the same answer


@pytest.mark.parametrize("cg_limit", [200, 1], ids=["conjugate gradients", "sparse factor"])
@pytest.mark.parametrize("options", ["", "first", "first ties prior", "ties"])
def test_sparse_solvers_agree_with_the_dense_one(monkeypatch, cg_limit, options):
    winners, losers, first, tied = comparisons(n_items=40, n=2000, seed=9, order_effect=0.3, tie_parameter=0.5)
    options_given = {}
    if "first" in options:
        options_given["first"] = first
    if "ties" in options:
        options_given |= {"tied": tied, "ties": "davidson"}
    if "prior" in options:
        options_given["prior_variance"] = 2.0
    dense = fit_bradley_terry(winners, losers, **options_given)
    dense_errors = dense.order_effect_standard_error
    some = [3, 17, 39]
    covariances = [fit.covariance_of(some) for fit in (dense, dense.relative_to(17), dense.relative_to(5))]

    monkeypatch.setattr(newton, "CHOLESKY_LIMIT", 0)
    monkeypatch.setattr(newton, "CG_LIMIT", cg_limit)
    monkeypatch.setattr(result_module, "COVARIANCE_LIMIT", 0)
    calls = []
    factor = newton.splu
    monkeypatch.setattr(newton, "splu", lambda *a, **k: calls.append(1) or factor(*a, **k))
    sparse = fit_bradley_terry(winners, losers, **options_given)
    assert bool(calls) == (cg_limit == 1)
    np.testing.assert_allclose(sparse.scores, dense.scores, atol=1e-8)
    assert sparse.order_effect == pytest.approx(dense.order_effect)
    assert sparse.tie_parameter == pytest.approx(dense.tie_parameter)
    for fit, expected in zip((sparse, sparse.relative_to(17), sparse.relative_to(5)), covariances, strict=True):
        np.testing.assert_allclose(fit.covariance_of(some), expected, atol=1e-7)
    assert sparse.order_effect_standard_error == pytest.approx(dense_errors)
    with pytest.raises(ValueError, match=r"40 items .*covariance_of"):
        _ = sparse.standard_errors
    assert list(sparse.to_frame(standard_errors=False).columns) == ["item", "score"]


def test_many_items_recover_the_truth():
    rng = np.random.default_rng(10)
    n, m = 20_000, 200_000
    truth = rng.normal(size=n) * 0.7
    a = rng.integers(n, size=m)
    b = (a + rng.integers(1, n, size=m)) % n
    lost = rng.random(m) > preference_probability(truth[a] - truth[b])
    winners, losers = np.where(lost, b, a), np.where(lost, a, b)
    fit = fit_bradley_terry(winners, losers, prior_variance=0.5)
    assert len(fit.items) == n
    # at the maximum each item's expected wins, less the prior's pull, are its observed wins
    p = preference_probability(fit.scores[winners] - fit.scores[losers])
    residual = np.bincount(winners, 1 - p, n) - np.bincount(losers, 1 - p, n) - fit.scores / 0.5
    assert np.abs(residual).max() < 1e-6
    some = rng.choice(n, size=5, replace=False).tolist()
    errors = np.sqrt(np.diag(fit.covariance_of(some)))
    assert np.all(np.abs(fit.scores[some] - (truth - truth.mean())[some]) < 4 * errors)


def test_a_ladder_of_neighbours_is_solved_exactly():
    # mixes so slowly that conjugate gradients give up; each step of a path is a logit of its own
    n = 1500
    above = np.arange(n - 1)
    winners, losers = np.concatenate([above, above + 1]), np.concatenate([above + 1, above])
    fit = fit_bradley_terry(winners, losers, weights=np.repeat([3, 1], n - 1))
    np.testing.assert_allclose(-np.diff(fit.scores), math.log(3), atol=1e-8)


# ---- errors, against what they claim


@pytest.fixture(scope="module")
def thousand_seasons():
    """Fits of 1,000 seasons drawn from the fitted scores, 13 games for each two teams."""
    rng, truth = np.random.default_rng(11), season().scores
    pairs = list(itertools.combinations(range(7), 2))
    p = preference_probability(np.array([truth[i] - truth[j] for i, j in pairs]))
    wins = rng.binomial(13, p, size=(1000, 21))
    i, j = np.array(pairs).T
    winners, losers = np.concatenate([i, j]), np.concatenate([j, i])
    return truth, [fit_bradley_terry(winners, losers, weights=np.concatenate([w, 13 - w])) for w in wins]


def test_standard_errors_agree_with_the_spread_over_simulated_seasons(thousand_seasons):
    truth, fits = thousand_seasons
    scores = np.array([fit.scores for fit in fits])
    claimed = np.sqrt(np.mean([fit.standard_errors**2 for fit in fits], axis=0))
    # 1,000 draws tell a standard deviation to 2.2%; finite seasons spread a little wider than large samples
    np.testing.assert_allclose(scores.std(axis=0), claimed, rtol=0.08)
    relative = scores - scores[:, :1]
    claimed = np.sqrt(np.mean([fit.relative_to(0).standard_errors ** 2 for fit in fits], axis=0))
    np.testing.assert_allclose(relative.std(axis=0)[1:], claimed[1:], rtol=0.08)
    ends = np.array([fit.intervals() for fit in fits])  # (1000, 7, 2)
    covered = (ends[:, :, 0] < truth) & (truth < ends[:, :, 1])
    assert covered.mean() == pytest.approx(0.95, abs=0.015)


def test_bootstrap_spread_agrees_with_standard_errors():
    fit = season()
    resamples = fit.bootstrap(300, seed=1)
    assert resamples.shape == (300, 7)
    np.testing.assert_allclose(resamples.std(axis=0), fit.standard_errors, rtol=0.15)
    np.testing.assert_allclose(resamples.mean(axis=0), fit.scores, atol=0.06)
    np.testing.assert_array_equal(resamples[:3], fit.bootstrap(3, seed=1))
    relative = fit.relative_to("Boston").bootstrap(3, seed=1)
    np.testing.assert_allclose(relative, resamples[:3] - resamples[:3, 1:2], atol=1e-12)


def test_bootstrap_draws_ties_and_orders_too():
    winners, losers, first, tied = comparisons(n_items=4, n=2000, seed=12, order_effect=0.5, tie_parameter=0.5)
    fit = fit_bradley_terry(winners, losers, first=first, tied=tied, ties="davidson")
    np.testing.assert_allclose(fit.bootstrap(120, seed=2).std(axis=0), fit.standard_errors, rtol=0.2)


def test_intervals_widen_with_their_level():
    fit = season().relative_to("Detroit")
    half = fit.intervals()[:, 1] - fit.scores
    np.testing.assert_allclose(half, 1.959964 * fit.standard_errors, rtol=1e-6)
    np.testing.assert_allclose(fit.intervals(0.5)[:, 1] - fit.scores, 0.6744898 * fit.standard_errors, rtol=1e-6)
    assert half[TEAMS.index("Detroit")] == 0
    with pytest.raises(ValueError, match=r"level .*0 and 1.*95$"):
        fit.intervals(95)


def test_relative_covariance_by_hand_and_gauge_invariance():
    fit = season()
    relative = fit.relative_to("Boston")
    contrast = np.eye(7)
    contrast[:, 1] -= 1  # each score less Boston's
    np.testing.assert_allclose(relative.covariance, contrast @ fit.covariance @ contrast.T, atol=1e-12)
    assert relative.reference == "Boston"
    assert relative.scores[1] == 0
    back = relative.relative_to("Toronto").relative_to(None)
    np.testing.assert_allclose(back.scores, fit.scores, atol=1e-12)
    np.testing.assert_allclose(back.covariance, fit.covariance, atol=1e-12)
    assert relative.probability("Boston", "Detroit") == pytest.approx(fit.probability("Boston", "Detroit"))
    assert fit.probability("Boston", "Detroit") == preference_probability(float(fit.scores[1] - fit.scores[3]))
    np.testing.assert_allclose(fit.covariance_of(["Toronto", "Boston"]), fit.covariance[np.ix_([6, 1], [6, 1])])


def test_the_priors_shift_is_projected_out():
    # with a very wide prior the errors are those of maximum likelihood, not those of the prior's common shift
    wide, without = season(prior_variance=1e6), season()
    np.testing.assert_allclose(wide.covariance, without.covariance, rtol=1e-4)
    np.testing.assert_allclose(wide.scores, without.scores, atol=1e-5)
    narrow = season(prior_variance=0.1)
    assert np.all(narrow.standard_errors < without.standard_errors)
    assert narrow.scores.std() < without.scores.std()


# ---- what goes in


def test_any_column_of_labels_gives_the_same_fit():
    winners, losers, _, _ = comparisons(n_items=5, n=200, seed=13)
    names = np.array(["ant", "bee", "cat", "dög", "emu"])
    won, lost = names[winners], names[losers]
    expected = fit_bradley_terry(winners, losers)
    assert expected.items == (0, 1, 2, 3, 4)
    for kind in (np.array, list, tuple, pd.Series, pa.array, iter, lambda x: pa.chunked_array([x[:9], x[9:]]),
                 lambda x: x.astype(object), lambda x: pd.Series(x, index=range(9, 209)).astype("category"),
                 lambda x: x.astype(np.dtypes.StringDType())):  # fmt: skip
        fit = fit_bradley_terry(kind(won), kind(lost))
        assert fit.items == ("ant", "bee", "cat", "dög", "emu")
        assert all(type(item) is str for item in fit.items)
        np.testing.assert_array_equal(fit.scores, expected.scores)
    frame = pd.DataFrame({"winner": won, "loser": lost})
    np.testing.assert_array_equal(fit_bradley_terry(frame["winner"], frame["loser"]).scores, expected.scores)
    for offset, dtype in ((0, np.int8), (-100, np.int8), (10**15, np.int64), (0, np.uint64), (2**63, np.uint64)):
        fit = fit_bradley_terry(winners.astype(dtype) + dtype(offset), (losers.astype(dtype) + dtype(offset)).tolist())
        assert fit.items == tuple(range(offset, offset + 5))
        np.testing.assert_array_equal(fit.scores, expected.scores)
    thin = np.array([-(10**18), -5, 0, 7, 10**18])
    np.testing.assert_array_equal(fit_bradley_terry(thin[winners], thin[losers]).scores, expected.scores)
    for values in ([(0, "a"), (0, "b"), (1, "a"), (2, "a"), (3, "a")], [date(2020, 1, k) for k in range(1, 6)],
                   [b"a", b"b", b"c", b"d", b"e"], [0.5, 1.5, 2.5, 3.5, 9], [2**70 + k for k in range(5)]):  # fmt: skip
        fit = fit_bradley_terry([values[k] for k in winners], [values[k] for k in losers])
        assert fit.items == tuple(values)
        np.testing.assert_array_equal(fit.scores, expected.scores)
    days = np.array(["2020-01-01", "2020-01-02"], "M8[ns]")
    assert fit_bradley_terry(days, days[::-1]).items == tuple(days)


def test_labels_of_mixed_kinds_stay_apart_and_come_as_first_seen():
    fit = fit_bradley_terry([1, "1", True, b"1", (1,), type(None)], ["1", True, b"1", (1,), type(None), 1])
    assert fit.items == (1, "1", True, b"1", (1,), type(None))
    assert [type(item) for item in fit.items[:3]] == [int, str, bool]
    np.testing.assert_allclose(fit.scores, 0, atol=1e-12)
    fit = fit_bradley_terry([True, 1, 1], [1, True, True])
    assert fit.probability(1, True) == pytest.approx(2 / 3)
    assert fit_bradley_terry([1, 2], [2.0, 1.0]).items == (1, 2)  # equal numbers are one label
    assert fit_bradley_terry(np.array([1, 2]), ["1", "2"], prior_variance=1.0).items == (1, 2, "1", "2")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            *[
                st.one_of(
                    st.integers(),
                    st.text(max_size=3).map("x{}".format),
                    st.booleans(),
                    st.binary(max_size=2),
                    st.dates(),
                )
            ]
            * 2
        ),
        min_size=1,
        max_size=12,
    )
)
def test_every_label_is_found_again(pairs):
    winners, losers = map(list, zip(*pairs, strict=True))
    items, won, lost = index_labels(winners, losers)
    assert [(type(items[k]), items[k]) for k in won] == [(type(label), label) for label in winners]
    assert [(type(items[k]), items[k]) for k in lost] == [(type(label), label) for label in losers]
    assert len({(type(item), item) for item in items}) == len(items)


def test_the_result_is_frozen_and_shows_itself():
    fit = season()
    with pytest.raises(FrozenInstanceError):
        fit.scores = None
    assert repr(fit) == "BradleyTerryFit(7 items, 273 comparisons, log_loss=0.6309)"
    table = fit.to_frame()
    assert list(table.columns) == ["item", "score", "standard_error"]
    assert list(table["item"]) == TEAMS
    np.testing.assert_array_equal(table["standard_error"], fit.standard_errors)
    assert (fit.prior_variance, fit.max_iterations, fit.reference, fit.ties) == (None, 100, None, None)


# ---- what is refused


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([], []), ValueError, "winners and losers are empty; a fit needs at least one comparison"),
        ((["a"], ["a"]), ValueError, "a fit needs at least two items, got one: 'a'"),
        ((["a", "b", "b"], ["b", "a", "b"]), ValueError, "comparison 2 is of 'b' with itself; leave it out"),
        ((["a", "b"], ["b"]), ValueError, "one label for each comparison, got 2 winners and 1 losers"),
        (("ab", "ba"), TypeError, "winners must be a list, an array or a column of labels, .* got 'ab'"),
        ((["a"], 3), TypeError, "losers must be a list, an array or a column of labels, .* got 3"),
        ((np.zeros((2, 2)), ["a", "b"]), ValueError, r"winners must have shape \(n_comparisons,\), got \(2, 2\)"),
        ((["a", None], ["b", "a"]), ValueError, r"winners\[1\] is None: a label is missing"),
        ((["a", "b"], ["b", pd.NA]), ValueError, r"losers\[1\] is <NA>: a label is missing"),
        (([1.0, 2.0], [2.0, np.nan]), ValueError, r"losers\[1\] is nan: a label is missing"),
        ((pd.Series([1, None], dtype="Int64"), [2, 1]), ValueError, r"winners\[1\] is nan: a label is missing"),
        (([["a"], "b"], ["b", "a"]), TypeError, r"a label must be hashable .* got winners\[0\] = \['a'\]"),
    ],
)  # fmt: skip
def test_bad_labels_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        fit_bradley_terry(*arguments)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"weights": [1, math.nan]},
            ValueError,
            r"a weight must be a finite number, 0 or more, got weights\[1\] = nan",
        ),
        ({"weights": [1, math.inf]}, ValueError, r"got weights\[1\] = inf"),
        ({"weights": [-1, 1]}, ValueError, r"got weights\[0\] = -1.0"),
        ({"weights": [1]}, ValueError, r"weights must have shape \(2,\), one for each comparison, got \(1,\)"),
        ({"weights": [0, 0]}, ValueError, "every weight is 0"),
        ({"tied": [True, False], "ties": "hlaf"}, ValueError, "ties must be 'half' or 'davidson', got 'hlaf'"),
        ({"ties": "davidson"}, ValueError, "ties='davidson' has no effect without tied; pass tied"),
        ({"tied": [0, 1]}, TypeError, "tied must hold True or False for each comparison, got dtype int64"),
        ({"tied": [True]}, ValueError, r"tied must have shape \(2,\), one for each comparison, got \(1,\)"),
        ({"tied": [True, True], "ties": "davidson"}, ValueError, "every comparison is a tie, .* ties='half' instead"),
        ({"first": [1, 2]}, ValueError, r"first must be \+1 .* for each comparison, got \['1', '2'\]"),
        ({"first": [1, math.nan]}, ValueError, r"first must be \+1 .* got \['1.0', 'nan'\]"),
        ({"first": [True, False]}, ValueError, r"first must be \+1 .* got \['False', 'True'\]"),
        ({"first": [1]}, ValueError, r"first must have shape \(2,\)"),
        (
            {"prior_variance": 0},
            ValueError,
            "must be finite and above 0, or None for no prior, got 0",
        ),
        ({"prior_variance": math.inf}, ValueError, "prior_variance must be finite and above 0"),
        ({"max_iterations": 0}, ValueError, "max_iterations must be at least 1, got 0"),
        ({"weight": [1, 1]}, TypeError, "unexpected keyword argument 'weight'"),
    ],
)
def test_bad_options_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        fit_bradley_terry(["a", "b"], ["b", "a"], **options)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ("ab bc ca da", "no finite maximum: 'd' never loses; 'a', 'b', 'c' never win against the rest. A prior makes"),
        ("ab bc ca ad", "no finite maximum: 'a', 'b', 'c' never lose against the rest; 'd' never wins. A prior makes"),
        ("ab bc ca ad ae", "'d', 'e' never win. A prior"),
        ("ab ba xy yx xy", r"the items fall into 2 groups that never meet: \{'a', 'b'\}, \{'x', 'y'\}. A prior makes"),
        ("ab ba ax xy yx", "'a', 'b' never lose against the rest; 'x', 'y' never win against the rest. A prior"),
        ("ab cd ef gh", r"4 groups that never meet: \{'a', 'b'\}, \{'c', 'd'\}, \{'e', 'f'\}, \.\.\.\. A prior"),
        (" ".join(f"a{x}" for x in "bcdefgh"), r"'b', 'c', 'd', 'e', 'f', \.\.\. \(7 items\) never win"),
    ],
)  # fmt: skip
def test_items_at_fault_are_named_and_a_prior_helps(pairs, message):
    winners, losers = zip(*pairs.split(), strict=True)
    with pytest.raises(ValueError, match=message):
        fit_bradley_terry(winners, losers)
    assert np.isfinite(fit_bradley_terry(winners, losers, prior_variance=1.0).scores).all()


def test_an_item_known_only_by_weight_zero_has_no_score():
    with pytest.raises(ValueError, match=r"2 groups .*\{'a', 'b'\}, \{'c'\}"):
        fit_bradley_terry(["a", "b", "c"], ["b", "a", "a"], weights=[1, 1, 0])


def test_a_tie_connects_as_half_a_win_each_way():
    assert fit_bradley_terry(["a", "b"], ["b", "c"], tied=[True, True]).scores == pytest.approx([0, 0, 0])
    fit = fit_bradley_terry(["a", "a"], ["b", "b"], tied=[True, False])
    assert fit.probability("a", "b") == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("pairs", "first", "message", "prior_helps"),
    [
        ("ab ba", [0, 0], "first is 0 for every comparison, so nothing shows an order effect; leave first out", False),
        ("ab ba", [1, 1], "the item that was first won every decided .* no finite maximum; leave", False),
        ("ab ba ab", [-1, -1, 0], "the item that was first lost every decided comparison", False),
        ("ab ba ab", [1, -1, 1], "the order effect cannot be separated from the scores", True),  # a is always first
        ("ab bc ca ab", [1, 0, 0, 1], "the order effect cannot be separated from the scores|won every decided", False),
        ("ab ba bc cb", [1, 1, -1, 1], "the order effect cannot be separated from", True),  # b-c says nothing
    ],
)  # fmt: skip
def test_an_order_effect_without_a_finite_maximum_is_refused(pairs, first, message, prior_helps):
    winners, losers = zip(*pairs.split(), strict=True)
    with pytest.raises(ValueError, match=message):
        fit_bradley_terry(winners, losers, first=first)
    if prior_helps:
        assert math.isfinite(fit_bradley_terry(winners, losers, first=first, prior_variance=1.0).order_effect)


def test_the_check_for_an_order_effect_agrees_with_a_linear_programme():
    from scipy.optimize import linprog

    rng, verdicts = np.random.default_rng(14), []
    for _ in range(150):
        n = int(rng.integers(2, 6))
        m = int(rng.integers(n, 3 * n))
        tail = rng.integers(n, size=m)
        head = (tail + rng.integers(1, n, size=m)) % n
        length = rng.choice([-1, 0, 1], size=m, p=[0.2, 0.3, 0.5])
        rows = np.zeros((m, n))
        rows[np.arange(m), head], rows[np.arange(m), tail] = 1, -1
        feasible = linprog(np.zeros(n), A_ub=rows, b_ub=length, bounds=(None, None)).status == 0
        verdicts.append(feasible)
        cycle = _negative_cycle(tail, head, length, n)
        assert (cycle is None) == feasible
        if cycle is not None:  # edges of one closed walk, shorter than nothing
            np.testing.assert_array_equal(head[cycle], np.roll(tail[cycle], 1))
            assert length[cycle].sum() < 0
    assert 0.2 < np.mean(verdicts) < 0.8


def test_davidson_without_a_finite_maximum_is_refused():
    arguments = {"winners": ["a", "a"], "losers": ["b", "b"], "tied": [True, False], "ties": "davidson"}
    with pytest.raises(ValueError, match=r"tie parameter .*no finite maximum"):
        fit_bradley_terry(**arguments)
    assert fit_bradley_terry(**arguments, prior_variance=1.0).tie_parameter > 0
    # a over b over c, and a tie of a and c: no order explains that
    fit = fit_bradley_terry(["a", "b", "a"], ["b", "c", "c"], tied=[False, False, True], ties="davidson")
    assert 0 < fit.tie_parameter < math.inf
    with pytest.raises(ValueError, match=r"first won every"):
        fit_bradley_terry(["a", "b", "a"], ["b", "a", "b"], tied=[False, False, True], ties="davidson", first=[1, 1, 1],
                          prior_variance=1.0)  # fmt: skip


def rises_or_stays(n: int, rows: list[tuple[int, int, bool, int]], *, with_order: bool, davidson: bool) -> bool:
    """Return whether some direction but a common shift leaves the likelihood from falling, by linear programmes."""
    from scipy.optimize import linprog

    n_extras = with_order + davidson
    bounds = []  # rows of A x >= 0, x the scores, the order effect and the log of the tie parameter
    for winner, loser, tied, first in rows:
        d = np.zeros(n + n_extras)
        d[winner], d[loser] = 1, -1
        if with_order:
            d[n] = first
        wider = np.zeros(n + n_extras)
        if davidson:
            wider[-1] = 2
        if not tied:
            bounds += [d, d - wider]
        else:
            bounds += [wider - d, wider + d] if davidson else [d, -d]
    table = np.array(bounds)
    ground = np.zeros((1, n + n_extras))
    ground[0, 0] = 1  # the first item stays, which rules out the common shift
    for k in range(1, n + n_extras):
        for sign in (1, -1):
            aim = np.zeros(n + n_extras)
            aim[k] = -sign
            found = linprog(aim, A_ub=-table, b_ub=np.zeros(len(table)), A_eq=ground, b_eq=[0], bounds=(-1, 1))
            if -found.fun > 1e-7:
                return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize(("ties", "with_order"), [("davidson", True), ("davidson", False), ("half", True)])
def test_whether_a_maximum_exists_agrees_with_linear_programmes(ties, with_order):
    rng, verdicts = np.random.default_rng(15), []
    for _ in range(150):
        n = int(rng.integers(2, 5))
        rows = []
        for _ in range(int(rng.integers(n + 1, 12))):
            winner, loser = rng.choice(n, 2, replace=False)
            rows.append((int(winner), int(loser), bool(rng.random() < 0.35), int(rng.integers(-1, 2))))
        if not any(row[2] for row in rows) or len({item for row in rows for item in row[:2]}) < n:
            continue
        winner, loser, tied, first = map(np.array, zip(*rows, strict=True))
        counts = count_pairs(n, winner, loser, None, tied, first if with_order else None)
        davidson = ties == "davidson"
        reason = why_no_finite_maximum(range(n), counts, has_prior=False, davidson=davidson)
        verdicts.append(rises_or_stays(n, rows, with_order=with_order, davidson=davidson))
        assert (reason is not None) == verdicts[-1], (rows, reason)
        options = {"tied": tied, "ties": ties, "first": first if with_order else None}
        if reason is None:  # the fit agrees: it comes to rest at moderate scores
            fit = fit_bradley_terry(winner, loser, **options)
            assert np.abs(fit.scores).max() < 15
    assert 0.05 < np.mean(verdicts) < 0.95
    assert len(verdicts) > 60


def test_ties_with_an_order_effect_can_run_away_together():
    # the first one wins or ties, at whatever price the order effect grows with the tie parameter
    winners, losers = ["q", "q", "q", "p", "p"], ["p", "p", "p", "q", "q"]
    arguments = {"tied": [False, False, True, False, True], "first": [-1, -1, 0, 0, 1]}
    with pytest.raises(ValueError, match=r"tie parameter .*order effect.*prior_var"):
        fit_bradley_terry(winners, losers, ties="davidson", **arguments)
    assert np.abs(fit_bradley_terry(winners, losers, ties="half", **arguments).scores).max() < 5
    held = fit_bradley_terry(winners, losers, ties="davidson", prior_variance=1.0, **arguments)
    assert 0 < held.tie_parameter < math.inf


def test_a_long_way_round_is_decided_in_whole_numbers():
    # each beats the next, and ties with it in the other order: a ring of 3,000, of which no pair decides at once
    n = 3000
    here, there = np.arange(n), (np.arange(n) + 1) % n
    turns = np.where(here % 2, 1, -1)
    tied, first = np.repeat([False, True], n), np.r_[turns, -turns]
    counts = count_pairs(n, np.r_[here, here], np.r_[there, there], None, tied, first)
    assert why_no_finite_maximum(range(n), counts, has_prior=False, davidson=True) is None
    path = count_pairs(n, np.r_[here, here][: n - 1], np.r_[there, there][: n - 1], None, tied[: n - 1], None)
    assert "form a chain" in str(why_no_finite_maximum(range(n), path, has_prior=False, davidson=True))


def test_groups_that_only_the_prior_joins_are_named_in_a_note():
    winners, losers = ["oak", "elm", "cod", "eel"], ["elm", "oak", "eel", "cod"]
    (note,) = fit_bradley_terry(winners, losers, prior_variance=1.0).notes
    assert "2 groups that never meet: {'cod', 'eel'}, {'elm', 'oak'}" in note
    assert fit_bradley_terry([*winners, "oak"], [*losers, "cod"], prior_variance=1.0).notes == ()


@pytest.mark.parametrize("blank", ["", "  ", "\u200b", "\t\n"])
def test_a_label_that_shows_nothing_is_refused(blank):
    for kind in (list, np.array, pa.array):
        with pytest.raises(ValueError, match=r"losers\[1\] .*missing"):
            fit_bradley_terry(kind(["a", "b", "a"]), kind(["b", blank, "b"]))


def test_stopping_early_is_an_error_that_says_what_to_do():
    message = r"did not converge: after 1 Newton iterations .* \(prior_variance=1.0\), or raise max_iterations"
    with pytest.raises(RuntimeError, match=message):
        season(max_iterations=1)


def test_numbers_beyond_double_precision_are_an_error_not_an_answer():
    with pytest.raises(RuntimeError, match="converge"):
        fit_bradley_terry(["a", "b"], ["b", "a"], weights=[1e18, 1])


def test_an_unknown_item_is_named():
    with pytest.raises(ValueError, match=r"'Bostn' .*7 items.*'Baltimore', 'Boston', "):
        season().relative_to("Bostn")
    with pytest.raises(ValueError, match=r"'Chicago' .*7 items"):
        season().probability("Boston", "Chicago")


def test_bootstrap_refuses_what_it_cannot_draw():
    with pytest.raises(ValueError, match=r"bootstrap .*weights .*whole"):
        fit_bradley_terry(["a", "b"], ["b", "a"], weights=[0.5, 1]).bootstrap(2)
    with pytest.raises(ValueError, match=r"resample \d+ of 100 .*prior_variance=1\.0"):
        fit_bradley_terry(["a", "b"], ["b", "a"]).bootstrap(100, seed=0)
    assert np.isfinite(fit_bradley_terry(["a", "b"], ["b", "a"], prior_variance=1.0).bootstrap(100, seed=0)).all()
