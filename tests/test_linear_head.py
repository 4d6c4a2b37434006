"""The head alone: a convex fit on frozen features."""

import dataclasses

import numpy as np
import pytest
import torch

from rmlab.evaluation import evaluate
from rmlab.model import RewardModel
from rmlab.preference import preference_loss, preference_probability
from rmlab.simulate import simulate_text_pairs
from rmlab.training import fit_head, fit_linear_reward, prepare


@pytest.fixture(scope="module")
def truth():
    generator = np.random.default_rng(0)
    features, weights = generator.normal(size=(4000, 3)), np.array([1.0, -0.5, 0.0])
    won = generator.random(4000) < preference_probability(features @ weights)
    return np.where(won[:, None], features, -features), weights


def test_a_known_linear_reward_is_recovered(truth):
    differences, weights = truth
    fitted = fit_linear_reward(differences, prior_variance=100.0)
    np.testing.assert_allclose(fitted.weights, weights, atol=0.12)  # three standard errors of 0.04
    assert fitted.log_loss == pytest.approx(preference_loss(fitted.score_differences(differences)).mean())


def test_the_fit_is_where_the_posterior_is_flat(truth):
    differences, _ = truth
    fitted = fit_linear_reward(differences[:50], prior_variance=0.3)

    def objective(w):
        return float(preference_loss(differences[:50] @ w).sum() + w @ w / 0.6)

    slope = [(objective(fitted.weights + e) - objective(fitted.weights - e)) / 2e-5 for e in 1e-5 * np.eye(3)]
    np.testing.assert_allclose(slope, 0, atol=1e-5)


def test_separable_pairs_have_a_finite_fit_under_a_prior_and_a_margin_moves_it():
    differences = np.array([[1.0], [2.0]])
    plain = fit_linear_reward(differences, prior_variance=5.0).weights[0]
    wide = fit_linear_reward(differences, prior_variance=50.0).weights[0]
    margin = fit_linear_reward(differences, prior_variance=5.0, margins=np.array([2.0, 2.0])).weights[0]
    assert 0 < plain < wide < np.inf
    assert margin > plain


@pytest.mark.parametrize(
    ("differences", "variance", "message"),
    [
        (np.zeros(3), 1.0, r"\(n_pairs, width\).*\(3,\)"),
        (np.zeros((0, 3)), 1.0, r"\(0, 3\)"),
        (np.array([[np.nan]]), 1.0, r"feature_differences .*finite"),
        (np.ones((2, 2)), 0.0, r"prior_variance .*above 0.*0\.0"),
    ],
)
def test_bad_input_is_refused(differences, variance, message):
    with pytest.raises(ValueError, match=message):
        fit_linear_reward(differences, prior_variance=variance)


@pytest.mark.parametrize("name", ["tiny-decoder", "tiny-encoder"])
def test_scores_are_linear_in_the_features(name):
    model = RewardModel.from_pretrained(name, seed=0, device="cpu")
    encoded = model.encode(["Hi", "Hi", "What?"], ["there", "you", "no"])
    features = model.features(encoded)
    scores = features @ model.head.weight[0].detach().numpy()
    bias = 0.0 if model.head.bias is None else model.head.bias.item()
    np.testing.assert_allclose(model.score_encoded(encoded), scores + bias, atol=1e-5)


@pytest.mark.parametrize("name", ["tiny-decoder", "tiny-encoder"])
def test_fitting_the_head_leaves_the_backbone_and_beats_a_coin_on_its_pairs(name):
    model = RewardModel.from_pretrained(name, seed=0, device="cpu")
    before = {key: value.clone() for key, value in model.network.base_model.state_dict().items()}
    pairs = simulate_text_pairs(300, seed=1).pairs
    fitted = fit_head(model, pairs, prior_variance=10.0)
    assert all(torch.equal(before[key], value) for key, value in model.network.base_model.state_dict().items())
    result = evaluate(model.score_differences(pairs))
    assert result.log_loss == pytest.approx(fitted.log_loss, abs=1e-4)
    assert result.log_loss < np.log(2)


def test_a_pair_with_weight_two_is_the_pair_twice():
    pairs = list(simulate_text_pairs(40, seed=1).pairs)
    weighted = [dataclasses.replace(pair, weight=2.0 if i < 15 else 1.0) for i, pair in enumerate(pairs)]

    def fitted(given):
        return fit_head(RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu"), given)

    plain, heavy, twice = fitted(pairs), fitted(weighted), fitted([*pairs, *pairs[:15]])
    np.testing.assert_allclose(heavy.weights, twice.weights, atol=1e-6)
    assert heavy.log_loss == pytest.approx(twice.log_loss, abs=1e-9)
    assert np.abs(heavy.weights - plain.weights).max() > 1e-3
    ones = [dataclasses.replace(pair, weight=1.0) for pair in pairs]
    np.testing.assert_array_equal(fitted(ones).weights, plain.weights)


def test_equal_weights_act_on_the_prior_as_so_many_pairs_do():
    model = RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")
    pairs = list(simulate_text_pairs(30, seed=1).pairs)
    three = fit_head(model, prepare(model, [dataclasses.replace(pair, weight=3.0) for pair in pairs]))
    wide = fit_head(model, pairs, prior_variance=3.0)
    np.testing.assert_allclose(three.weights, wide.weights, atol=1e-6)
