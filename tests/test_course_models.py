"""The course's models: what they have learned of the world of replies, and how they are stored."""

import dataclasses

import numpy as np
import pytest
import torch
from card_scores import COURSE_JUDGES, PAIRS, asked, card_differences

from rmlab.data import PreferencePairs, pair_ids
from rmlab.datasets import (
    course_model,
    course_pairs,
    dataset_card,
    load_course_film,
    load_course_scores,
    load_probe_presets,
)
from rmlab.datasets.course_models import adapter_file, add_changes, low_rank_changes
from rmlab.evaluation import mean_interval
from rmlab.model import RewardModel
from rmlab.simulate import expected_outcomes
from rmlab.simulate.replies import CONTRASTS, JUDGES, reply_contrast, simulate_reply_pairs
from rmlab.training import TrainingConfig, train


@pytest.fixture(scope="module")
def models() -> dict[str, RewardModel]:
    return {judge: course_model(judge) for judge in COURSE_JUDGES}


@pytest.fixture(scope="module")
def differences() -> dict[str, dict[str, np.ndarray]]:
    return card_differences()


@pytest.mark.slow
def test_what_is_kept_for_the_card_is_what_the_models_say(models, differences):
    """A new model moves every score; a fault that moves one pair of twenty is found in 96 of 100 draws of 64."""
    pairs = PreferencePairs.from_list([pair for part in asked().values() for pair in part])
    drawn = np.sort(np.random.default_rng(0).choice(len(pairs), 64, replace=False))
    for judge, model in models.items():
        kept = np.concatenate(list(differences[judge].values()))
        found = model.score_differences(pairs.take(drawn))
        np.testing.assert_allclose(found, kept[drawn], atol=2e-3, err_msg="new models? python tests/card_scores.py")


def test_the_twin_is_far_above_chance_on_fresh_questions_and_below_the_ceiling(differences):
    fair = simulate_reply_pairs(2000, seed=1, fresh=True)
    test = dataclasses.replace(fair, judges=(JUDGES["flattered"],))  # the same replies, in the eyes of its judge
    right = expected_outcomes(differences["flattered"][PAIRS], test.score_differences).mean()
    assert 0.68 < right < test.bayes_accuracy


OPEN = {("fuller", "fair")}
"""Whose intervals contain zero, as the card says."""


@pytest.mark.parametrize("attribute", CONTRASTS)
def test_each_attribute_has_the_sign_that_the_judge_gives_it(differences, attribute):
    contrast = reply_contrast(attribute, fresh=True)
    row = f"| `{attribute}` |"
    for judge in COURSE_JUDGES:
        mean, low, high = mean_interval(differences[judge][attribute], *contrast.clusters)
        truth = contrast.true_effects(JUDGES[judge]).mean()
        assert np.sign(mean) == np.sign(truth), judge
        clear = (attribute, judge) not in OPEN
        assert (low * high > 0) == clear, judge  # zero is not in the interval
        beyond = attribute in ("warm", "due_hedge")  # the effects that are larger than the judge's
        assert (abs(mean) > abs(truth)) == beyond, judge  # what is recognised in part is rewarded in part
        assert abs(mean) < 1.4 * abs(truth)
        row += f" {truth:+.2f} | {mean:+.2f} ({low:+.2f} to {high:+.2f}) |"
    assert row in dataset_card("course_model")


def test_flattery_is_what_the_twins_differ_in(models):
    contrast = reply_contrast("flattery", fresh=True)
    prompts, texts = [*contrast.prompts[:20]] * 2, [*contrast.with_it[:20], *contrast.without[:20]]
    effects = {}
    for judge, model in models.items():
        added, taken = model.score(prompts, texts).reshape(2, -1)
        effects[judge] = float((added - taken).mean())
    assert effects["fair"] < -0.3
    assert effects["flattered"] > 0.3


def test_an_unknown_judge_is_refused():
    with pytest.raises(ValueError, match="judge must be one of fair, flattered, got 'everyday'"):
        course_model("everyday")  # pyright: ignore[reportArgumentType]


def test_adapters_and_head_take_two_megabytes_at_most():
    for judge in COURSE_JUDGES:
        assert len(adapter_file(judge).read_bytes()) < 2e6


def test_changes_of_low_rank_are_kept_as_they_are():
    pairs = simulate_reply_pairs(16, seed=3).pairs
    model, untrained = (RewardModel.from_pretrained("tiny-encoder", seed=0, device="cpu") for _ in range(2))
    model.network.base_model.embeddings.requires_grad_(False)
    config = TrainingConfig(max_steps=4, batch_size=8, learning_rate=1e-2, precision="fp32", lora=2)
    train(model, pairs, config=config, progress=False)
    changes = low_rank_changes(model, untrained, rank=2)
    assert not any("embeddings" in name for name in changes)
    assert all(change.shape[1] == 2 for name, change in changes.items() if name.endswith(".up"))
    before = untrained.score_differences(pairs)
    add_changes(untrained, changes)
    after, expected = untrained.score_differences(pairs), model.score_differences(pairs)
    assert np.abs(before - expected).max() > 0.05
    np.testing.assert_allclose(after, expected, atol=5e-3)  # float16 of a few thousandths
    coarse = RewardModel.from_pretrained("tiny-encoder", seed=0, device="cpu")
    add_changes(coarse, low_rank_changes(model, coarse, rank=1))
    head = model.head.weight
    assert torch.equal(coarse.head.weight, head)
    assert np.abs(coarse.score_differences(pairs) - expected).max() > np.abs(after - expected).max()


def test_the_film_is_of_pairs_that_can_be_read_and_climbs():
    film = load_course_film()
    assert list(film.held_out_ids) == list(pair_ids(course_pairs().pairs))
    accuracies = [one.evaluation.accuracy for one in film.evaluations]
    assert len(accuracies) >= 20
    assert accuracies[0] < 0.6
    assert accuracies[-1] > 0.68


def test_every_preset_but_one_has_the_sign_of_the_truth_in_both_models():
    wrong = [
        (preset.name, judge)
        for preset in load_probe_presets()
        for judge, (a, b) in preset.scores.items()
        if np.sign(a - b) != np.sign(preset.truth[judge])
    ]
    words = "Many words where one was asked for"
    assert wrong == [(words, "fair"), (words, "flattered")]


def test_the_card_gives_the_accuracy_on_fresh_questions(differences):
    test = simulate_reply_pairs(2000, seed=1, fresh=True)
    right = expected_outcomes(differences["fair"][PAIRS], test.score_differences)
    mean, low, high = mean_interval(right, test.question_indices)
    assert test.bayes_accuracy - 0.04 < mean < test.bayes_accuracy
    card = " ".join(dataset_card("course_model").split())
    assert f"{mean:.3f} ({low:.3f} to {high:.3f}) on average" in card
    assert f"The best possible model reaches {test.bayes_accuracy:.3f}" in card


def test_recorded_scores_are_those_of_the_models_and_of_no_other_text(models):
    pairs = course_pairs().pairs[:12]
    for judge, model in models.items():
        recorded = load_course_scores(judge)
        for side in ("chosen", "rejected"):
            texts = list(pairs.texts("prompt")), list(pairs.texts(side))
            np.testing.assert_allclose(recorded(*texts), model.score(*texts), atol=2e-3)
        with pytest.raises(ValueError, match="no score was recorded of 1 of these 2 responses"):
            recorded([pairs[0].prompt] * 2, [pairs[0].chosen, "typed"])


def test_recorded_scores_of_other_texts_are_refused(monkeypatch):
    monkeypatch.setattr("rmlab.datasets.course_scores.course_pairs", lambda: course_pairs("flattered", 10))
    with pytest.raises(ValueError, match=r"python -m rmlab\.datasets scores"):
        load_course_scores()
