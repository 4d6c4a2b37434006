import math

import mpmath
import numpy as np
import pytest
import scipy.optimize
import scipy.special
import torch

from rmlab import preference as pref

GRID = [0.0, 1e-300, 1e-8, 0.5, 1.0, 2.0, 10.0, 36.0, 37.5, 100.0, 700.0, 745.0, 800.0, 1e4]
DIFFERENCES = sorted({sign * value for value in GRID for sign in (-1.0, 1.0)})
KINDS = [float, np.array, torch.tensor]


def exact_probability(d: float) -> float:
    with mpmath.workdps(60):
        return float(1 / (1 + mpmath.exp(-mpmath.mpf(d))))


def exact_loss(d: float) -> float:
    with mpmath.workdps(6000 if d > 100 else 60):  # log(1 + exp(-d)) keeps digits only if exp(-d) survives beside 1
        return float(mpmath.log1p(mpmath.exp(-mpmath.mpf(d))))


def as_float64(kind, values):
    return torch.tensor(values, dtype=torch.float64) if kind is torch.tensor else kind(values)


@pytest.mark.parametrize("kind", KINDS)
def test_probability_and_loss_are_exact_to_rounding(kind):
    for d in DIFFERENCES:
        x = as_float64(kind, d)
        # exp carries half an ulp of its own, and the smallest results are subnormal
        assert float(pref.preference_probability(x)) == pytest.approx(exact_probability(d), rel=1e-15, abs=5e-324)
        assert float(pref.preference_loss(x)) == pytest.approx(exact_loss(d), rel=1e-15, abs=5e-324)


@pytest.mark.parametrize("kind", KINDS)
def test_infinite_differences(kind):
    up, down = as_float64(kind, math.inf), as_float64(kind, -math.inf)
    assert [float(pref.preference_probability(x)) for x in (up, down)] == [1.0, 0.0]
    assert [float(pref.preference_loss(x)) for x in (up, down)] == [0.0, math.inf]
    assert float(pref.preference_loss(up, margin=1.0)) == 0.0
    assert float(pref.preference_loss(up, label_smoothing=0.0)) == 0.0


def test_gradients_out_to_infinity():
    values = [*DIFFERENCES, math.inf, -math.inf]
    d = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    (slope_of_loss,) = torch.autograd.grad(pref.preference_loss(d).sum(), d)
    (slope_of_probability,) = torch.autograd.grad(pref.preference_probability(d).sum(), d)
    probability = torch.tensor(
        [exact_probability(v) if math.isfinite(v) else float(v > 0) for v in values], dtype=d.dtype
    )
    surprise = torch.tensor(
        [exact_probability(-v) if math.isfinite(v) else float(v < 0) for v in values], dtype=d.dtype
    )
    torch.testing.assert_close(slope_of_loss, -surprise, rtol=1e-6, atol=1e-300)
    torch.testing.assert_close(slope_of_probability, probability * surprise, rtol=1e-6, atol=1e-300)


@pytest.mark.parametrize("function", [
    pref.preference_probability,
    pref.preference_loss,
    lambda d: pref.preference_loss(d, margin=0.7, label_smoothing=0.2),
    lambda d: pref.davidson_loss(d, False, 0.8),
    lambda d: pref.davidson_loss(d, True, 0.8),
    pref.thurstone_probability,
    pref.plackett_luce_log_likelihood,
])  # fmt: skip
def test_autograd_agrees_with_finite_differences(function):
    d = torch.tensor([-3.0, -0.4, 0.0, 0.9, 2.5], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(function, (d,))
    numeric = scipy.optimize.approx_fprime(d.detach().numpy(), lambda x: float(function(x).sum()), 1e-7)
    np.testing.assert_allclose(torch.autograd.grad(function(d).sum(), d)[0].numpy(), numeric, atol=1e-5)


@pytest.mark.parametrize("value", [
    1.0, 2, np.float32(1.5), np.array(0.5), np.arange(3), np.ones((2, 3), np.float32), np.ones(2, np.float16),
    torch.tensor(1.0), torch.ones(2, 3, dtype=torch.float64), torch.ones(2, dtype=torch.bfloat16), torch.arange(3),
])  # fmt: skip
@pytest.mark.parametrize("function", [
    pref.preference_probability, pref.preference_loss, pref.preference_odds, pref.elo_points,
    pref.thurstone_probability, lambda d: pref.davidson_loss(d, False, 0.5),
])  # fmt: skip
def test_what_goes_in_comes_out(function, value):
    result = function(value)
    if isinstance(value, int | float):
        assert type(result) is float
        return
    assert result.shape == value.shape
    assert isinstance(result, torch.Tensor) == isinstance(value, torch.Tensor)
    floating = value.dtype.is_floating_point if isinstance(value, torch.Tensor) else value.dtype.kind == "f"
    if floating:
        assert result.dtype == value.dtype
    else:
        assert result.dtype in (np.dtype(np.float64), torch.get_default_dtype())


def test_margin_and_label_smoothing_follow_their_equation():
    d, margin, e = np.linspace(-4, 4, 9), np.linspace(0, 2, 9), 0.1
    expected = (1 - e) * pref.preference_loss(d - margin) + e * pref.preference_loss(-(d - margin))
    np.testing.assert_allclose(pref.preference_loss(d, margin=margin, label_smoothing=e), expected, rtol=1e-15)
    tensors = pref.preference_loss(torch.tensor(d), margin=torch.tensor(margin, dtype=torch.float32), label_smoothing=e)
    np.testing.assert_allclose(tensors.numpy(), expected, rtol=1e-6)


def test_nan_is_not_hidden():
    assert math.isnan(pref.preference_loss(math.nan))
    assert math.isnan(pref.preference_probability(math.nan))


def test_odds_and_elo_points():
    assert pref.elo_points(1.0) == pytest.approx(173.718, abs=5e-4)
    assert pref.preference_odds(pref.score_difference_from_probability(0.75)) == pytest.approx(3.0)
    assert pref.preference_odds(1e4) == math.inf
    assert pref.score_difference_from_probability(0.9) == pytest.approx(2.197, abs=5e-4)
    d = np.linspace(-20, 20, 41)
    np.testing.assert_allclose(pref.score_difference_from_probability(pref.preference_probability(d)), d, rtol=1e-6)
    edges = pref.score_difference_from_probability(np.array([0.0, 1.0, 1.5]))
    assert edges[0] == -math.inf
    assert edges[1] == math.inf
    assert math.isnan(edges[2])


@pytest.mark.parametrize("kind", KINDS)
def test_thurstone_is_the_normal_distribution_with_its_tails(kind):
    for d in (-30.0, -8.0, -1.0, 0.0, 1.0, 8.0):
        with mpmath.workdps(40):
            exact = float(mpmath.ncdf(d))
        assert float(pref.thurstone_probability(as_float64(kind, d))) == pytest.approx(exact, rel=1e-12)
    gaps = np.linspace(-3, 3, 61)
    assert np.abs(pref.thurstone_probability(gaps) - pref.preference_probability(1.6 * gaps)).max() < 0.02


def test_davidson_is_its_definition():
    d, nu = np.linspace(-6, 6, 25), 0.7
    strengths = np.exp(d), np.ones_like(d)
    total = strengths[0] + strengths[1] + nu * np.sqrt(strengths[0] * strengths[1])
    win, tie, loss = pref.davidson_probabilities(d, nu)
    np.testing.assert_allclose(win, strengths[0] / total, rtol=1e-14)
    np.testing.assert_allclose(tie, nu * np.sqrt(strengths[0]) / total, rtol=1e-14)
    np.testing.assert_allclose(win + tie + loss, 1, rtol=1e-14)
    assert pref.davidson_probabilities(0.0, nu).tie == pytest.approx(nu / (2 + nu))


def test_davidson_without_ties_is_bradley_terry_and_keeps_its_tails():
    d = np.array(DIFFERENCES)
    np.testing.assert_array_equal(pref.davidson_loss(d, False, 0.0), pref.preference_loss(d))
    assert pref.davidson_loss(1.0, True, 0.0) == math.inf
    assert pref.davidson_loss(1e4, True, 1.0) == pytest.approx(5000.0)  # sqrt(p (1 - p)) itself underflows to zero
    assert pref.davidson_loss(-1e4, False, 1.0) == pytest.approx(1e4)
    flags = np.array([True, False])
    mixed = pref.davidson_loss(np.array([1.0, 1.0]), flags, 0.5)
    assert mixed.tolist() == [pref.davidson_loss(1.0, True, 0.5), pref.davidson_loss(1.0, False, 0.5)]


def test_davidson_gradients_are_finite_out_to_infinity():
    d = torch.tensor([-math.inf, -1e4, 0.0, 1e4, math.inf], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(pref.davidson_loss(d, False, 1.0).sum(), d)
    torch.testing.assert_close(slope, torch.tensor([-1.0, -1.0, -0.5, 0.0, 0.0], dtype=torch.float64))


def test_plackett_luce():
    assert pref.plackett_luce_log_likelihood(np.array([1.3, 0.2])) == pytest.approx(-pref.preference_loss(1.1))
    scores = np.random.default_rng(0).normal(size=(4, 6))
    picks = [scores[:, k] - scipy.special.logsumexp(scores[:, k:], axis=1) for k in range(6)]
    np.testing.assert_allclose(pref.plackett_luce_log_likelihood(scores), np.sum(picks, axis=0), rtol=1e-13)
    np.testing.assert_allclose(pref.plackett_luce_log_likelihood(torch.tensor(scores)).numpy(), np.sum(picks, axis=0))
    assert pref.plackett_luce_log_likelihood(np.array([3.0])) == 0.0
    assert pref.plackett_luce_log_likelihood(np.array([0.0, 1e4])) == pytest.approx(-1e4)


def test_probabilities_of_all_rankings_sum_to_one():
    from itertools import permutations

    orders = np.array(list(permutations([0.3, -1.0, 2.0, 0.5])))
    assert np.exp(pref.plackett_luce_log_likelihood(orders)).sum() == pytest.approx(1.0)


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: pref.preference_loss([1.0]), TypeError, "a float, a NumPy array or a torch tensor, got list"),
    (lambda: pref.preference_loss(True), TypeError, "got bool"),
    (lambda: pref.preference_loss("1"), TypeError, "got str"),
    (lambda: pref.preference_loss(np.array(["a"])), TypeError, "must hold real numbers, got dtype <U1"),
    (lambda: pref.preference_loss(np.array([1j])), TypeError, "must hold real numbers, got dtype complex128"),
    (lambda: pref.preference_loss(1.0, label_smoothing=0.6), ValueError, "at least 0 and at most 0.5"),
    (lambda: pref.preference_loss(1.0, label_smoothing=math.nan), ValueError, "got nan"),
    (lambda: pref.preference_loss(1.0, smoothing=0.1), TypeError, "unexpected keyword"),
    (lambda: pref.preference_loss(torch.ones(2), margin=np.ones(2)), TypeError, "of the same kind as the scores"),
    (lambda: pref.davidson_loss(1.0, False, -0.1), ValueError, "at least 0, got -0.1"),
    (lambda: pref.davidson_loss(1.0, 1, 0.1), TypeError, "tied must be bool"),
    (lambda: pref.plackett_luce_log_likelihood(1.0), ValueError, r"\(\.\.\., n_items\)"),
])  # fmt: skip
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_torch_compile_and_vmap_see_one_graph():
    d = torch.linspace(-3, 3, 7)
    torch.testing.assert_close(torch.func.vmap(pref.preference_loss)(d), pref.preference_loss(d))


def test_a_margin_or_a_tie_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"margin .*\(3,\), got shape \(3, 1\)"):
        pref.preference_loss(np.zeros(3), margin=np.zeros((3, 1)))
    with pytest.raises(ValueError, match=r"tied .*\(3,\), got shape \(3, 1\)"):
        pref.davidson_loss(np.zeros(3), np.zeros((3, 1), dtype=bool), 1.0)
    assert pref.preference_loss(np.zeros((3, 2)), margin=np.zeros((3, 1))).shape == (3, 2)
