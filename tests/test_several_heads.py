"""Several heads on one backbone: the mean is the model, the rest is how far they disagree."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from rmlab.data import PreferencePair
from rmlab.model import ModelError, RewardModel
from rmlab.model.several_heads import HEADS
from rmlab.preference import preference_loss
from rmlab.simulate import simulate_text_pairs
from rmlab.training import TrainingConfig, train, training_steps
from rmlab.training.resampling import draw_again

PAIRS = simulate_text_pairs(60, seed=0).pairs
PROMPTS, RESPONSES = [p.prompt for p in PAIRS], [p.chosen for p in PAIRS]


def departures(model: RewardModel) -> torch.Tensor:
    """What each head adds to the mean of all."""
    assert model.departures is not None
    weight = model.departures.weight.detach()
    return weight - weight.mean(dim=0)


def many(name: str = "tiny-decoder", n_heads: int | None = 4, **options) -> RewardModel:
    return RewardModel.from_pretrained(name, seed=0, n_heads=n_heads, device="cpu", **options)


@pytest.mark.parametrize("name", ["tiny-decoder", "tiny-encoder"])
def test_the_mean_of_the_heads_is_the_model(name: str):
    model, single = many(name), many(name, None)
    assert (model.n_heads, single.n_heads) == (4, 1)
    scores, spreads = model.score(PROMPTS, RESPONSES, uncertainty=True)
    np.testing.assert_allclose(scores, model.score(PROMPTS, RESPONSES), atol=1e-6)
    np.testing.assert_array_equal(model.score(PROMPTS, RESPONSES), single.score(PROMPTS, RESPONSES))
    heads = model.score_heads(model.encode(PROMPTS, RESPONSES))
    assert heads.shape == (60, 4)
    np.testing.assert_allclose(spreads, heads.std(axis=1, ddof=1), atol=1e-6)
    assert spreads.min() > 1e-3


def test_heads_are_linear_in_the_features_that_the_head_reads():
    model = many()
    encoded = model.encode(PROMPTS, RESPONSES)
    expected = model.score(PROMPTS, RESPONSES)[:, None] + model.features(encoded) @ departures(model).numpy().T
    np.testing.assert_allclose(model.score_heads(encoded), expected, atol=1e-5)


def test_of_a_pair_the_spread_is_that_of_the_differences():
    model = many()
    d, spreads = model.score_differences(PAIRS, uncertainty=True)
    both = model.encode_pairs(PAIRS)
    heads = model.score_heads(both.chosen) - model.score_heads(both.rejected)
    np.testing.assert_allclose(d, model.score_differences(PAIRS), atol=1e-6)
    np.testing.assert_allclose(spreads, heads.std(axis=1, ddof=1), atol=1e-5)
    same = PreferencePair("Which?", "This one.", "This one.")
    assert model.score_differences([same], uncertainty=True).tolist() == [[0.0], [0.0]]


def test_the_loss_is_of_each_head_on_the_pairs_drawn_for_it():
    model = many()
    encoded = model.encode_pairs(PAIRS)
    d = (model.score_heads(encoded.chosen) - model.score_heads(encoded.rejected)).astype(np.float64)
    drawn = draw_again(60, 4, seed=3)
    assert drawn.sum(axis=0).tolist() == [60] * 4
    assert (drawn == 0).mean() == pytest.approx(np.exp(-1), abs=0.06)
    step = next(training_steps(many(), PAIRS, config=TrainingConfig(batch_size=60, precision="fp32", seed=3)))
    assert step.loss == pytest.approx((preference_loss(d) * drawn).mean(), abs=1e-5)
    assert step.score_difference == pytest.approx(d.mean(), abs=1e-5)


def test_weights_multiply_how_often_a_pair_was_drawn():
    model, weights = many(), np.where(np.arange(60) % 3, 1.0, 2.5)
    encoded = model.encode_pairs(PAIRS)
    d = (model.score_heads(encoded.chosen) - model.score_heads(encoded.rejected)).astype(np.float64)
    drawn = draw_again(60, 4, seed=3)
    pairs = [replace(pair, weight=weight) for pair, weight in zip(PAIRS, weights.tolist(), strict=True)]
    step = next(training_steps(many(), pairs, config=TrainingConfig(batch_size=60, precision="fp32", seed=3)))
    expected = (weights * (preference_loss(d) * drawn).mean(axis=1)).sum() / weights.sum()
    assert step.loss == pytest.approx(expected, abs=1e-5)


def test_one_step_moves_each_head_by_its_own_pairs():
    config = TrainingConfig(max_steps=1, batch_size=60, warmup_fraction=0, precision="fp32", seed=3, weight_decay=0.0)
    trained, before = many(), many()
    train(trained, PAIRS, config=config, progress=False)
    both = before.encode_pairs(PAIRS)
    gaps = torch.from_numpy(before.features(both.chosen) - before.features(both.rejected))
    weight = (before.head.weight + departures(before)).detach().requires_grad_()
    drawn = torch.from_numpy(draw_again(60, 4, seed=3)).float()
    (preference_loss(gaps @ weight.T) * drawn).mean().backward()
    assert weight.grad is not None
    moved, slope = departures(trained) - departures(before), weight.grad - weight.grad.mean(dim=0)
    clear = slope.abs() > slope.abs().median()
    assert (torch.sign(moved)[clear] == -torch.sign(slope)[clear]).float().mean() > 0.95


@pytest.mark.parametrize("name", ["tiny-decoder", "tiny-encoder"])
def test_a_saved_folder_keeps_its_heads_and_loads_in_transformers(tmp_path: Path, name: str):
    model = many(name)
    train(model, PAIRS, config=TrainingConfig(max_steps=2, batch_size=8, precision="fp32"), progress=False)
    model.save_pretrained(tmp_path / "saved")
    assert HEADS in (tmp_path / "saved" / "rmlab.json").read_text()
    again = RewardModel.from_pretrained(tmp_path / "saved", device="cpu")
    assert again.n_heads == 4
    for one, other in zip(again.score(PROMPTS, RESPONSES, uncertainty=True),
                          model.score(PROMPTS, RESPONSES, uncertainty=True), strict=True):  # fmt: skip
        np.testing.assert_allclose(one, other, atol=1e-6)
    network = AutoModelForSequenceClassification.from_pretrained(tmp_path / "saved").eval()
    encoded = model.encode(PROMPTS[:1], RESPONSES[:1])
    with torch.no_grad():
        there = network(input_ids=torch.tensor([encoded.input_ids[0]])).logits[0, 0]
    assert float(there) == pytest.approx(float(model.score(PROMPTS[:1], RESPONSES[:1])[0]), abs=1e-5)
    single = RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")
    single.save_pretrained(tmp_path / "saved")  # in its place: no heads are left over
    assert not (tmp_path / "saved" / HEADS).exists()
    assert RewardModel.from_pretrained(tmp_path / "saved", device="cpu").n_heads == 1


def test_damaged_and_foreign_heads_are_refused(tmp_path: Path):
    many().save_pretrained(tmp_path / "saved")
    path = tmp_path / "saved" / HEADS
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    with pytest.raises(ModelError, match=HEADS):
        RewardModel.from_pretrained(tmp_path / "saved")
    (tmp_path / "saved" / "rmlab.json").unlink()  # the list of hashes, which would find it first
    with pytest.raises(ModelError, match=f"{HEADS} cannot be read"):
        RewardModel.from_pretrained(tmp_path / "saved")
    torch_heads = {"departures": torch.zeros(3, 7)}
    from safetensors.torch import save_file

    save_file(torch_heads, path)
    with pytest.raises(ModelError, match=r"heads of shape \(3, 7\)"):
        RewardModel.from_pretrained(tmp_path / "saved")


def test_bad_numbers_of_heads(tmp_path: Path):
    for wrong in (0, 1, -2):
        if wrong == 1:
            assert many(n_heads=1).n_heads == 1
            continue
        with pytest.raises(ModelError, match="n_heads"):
            many(n_heads=wrong)
    with pytest.raises(ValueError, match="this model has one"):
        many(n_heads=None).score(PROMPTS, RESPONSES, uncertainty=True)
    many().save_pretrained(tmp_path / "saved")
    with pytest.raises(ModelError, match="has 4 heads"):
        RewardModel.from_pretrained(tmp_path / "saved", n_heads=3)
    assert many().score([], [], uncertainty=True).shape == (2, 0)


def test_a_resumed_run_keeps_the_heads(tmp_path: Path):
    config = TrainingConfig(max_steps=4, batch_size=8, precision="fp32", checkpoint_every=2)
    whole = many()
    train(whole, PAIRS, config=config, progress=False, checkpoints=tmp_path / "a")
    steps = training_steps(many(), PAIRS, config=config, checkpoints=tmp_path / "b")
    assert [next(steps).step, next(steps).step] == [1, 2]
    steps.close()
    resumed = many()
    train(resumed, PAIRS, config=config, progress=False, checkpoints=tmp_path / "b", resume=True)
    assert torch.equal(departures(resumed), departures(whole))
