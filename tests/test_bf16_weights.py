"""Weights held in bfloat16: half of the memory and of the file, and the same scores before saving and after loading."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from test_training import make_pairs

from rmlab.attribution import attribute
from rmlab.audit import audit
from rmlab.model import RewardModel
from rmlab.training import TrainingConfig, TrainingError, load_checkpoint, train

pytestmark = pytest.mark.usefixtures("no_bars")
PAIRS = make_pairs(16)
WAYS = {
    "every weight": {},
    "adapters": {"lora": 2},
    "some layers": {"freeze": ("*embed*", "*layer*.0.*")},
}


def held(name="tiny-decoder", **options):
    return RewardModel.from_pretrained(name, weights="bf16", device="cpu", **options)


def size(model):
    return sum(p.numel() * p.element_size() for p in model.network.base_model.parameters())


@pytest.mark.parametrize("name", ["tiny-decoder", "tiny-encoder"])
@pytest.mark.parametrize("way", WAYS)
def test_scores_before_saving_and_after_loading_are_equal_to_the_digit(name, way, tmp_path):
    model = held(name)
    before = model.score_differences(PAIRS)
    assert 2 * size(model) == size(RewardModel.from_pretrained(name, device="cpu"))
    settings = {"max_steps": 3, "batch_size": 8, "learning_rate": 1e-2, "precision": "bf16", **WAYS[way]}
    train(model, PAIRS, config=TrainingConfig(**settings), progress=False)
    assert {p.dtype for p in model.network.base_model.parameters()} == {torch.bfloat16}
    saved = model.save_pretrained(tmp_path / "model")
    backbone = {key: value.dtype for key, value in load_file(saved / "model.safetensors").items()}
    assert backbone.pop("score.weight" if name == "tiny-decoder" else "classifier.weight") == torch.float32
    backbone.pop("classifier.bias", None)
    assert set(backbone.values()) == {torch.bfloat16}
    wide, narrow = (RewardModel.from_pretrained(saved, weights=w, device="cpu") for w in ("fp32", "bf16"))
    for precision in ("fp32", "bf16"):
        scores = model.score_differences(PAIRS, precision=precision)
        assert not np.array_equal(scores, before)
        np.testing.assert_array_equal(narrow.score_differences(PAIRS, precision=precision), scores)
    np.testing.assert_array_equal(wide.score_differences(PAIRS), model.score_differences(PAIRS))
    assert (size(narrow), size(wide)) == (size(model), 2 * size(model))


def test_small_steps_count():
    settings = {"max_steps": 40, "batch_size": len(PAIRS), "learning_rate": 2e-5, "schedule": "constant"}
    history = train(held(), PAIRS, config=TrainingConfig(**settings, precision="bf16"), progress=False)
    assert history.steps[-1].loss < history.steps[0].loss - 0.005


@pytest.mark.parametrize("way", WAYS)
def test_what_is_trained_is_held_in_float32_meanwhile(way):
    model, seen = held(), {}
    handle = model.network.base_model.register_forward_pre_hook(
        lambda *_: seen.update({name: (p.dtype, p.requires_grad) for name, p in model.network.named_parameters()})
    )
    config = TrainingConfig(max_steps=1, batch_size=8, precision="bf16", **WAYS[way])
    train(model, PAIRS, config=config, progress=False)
    handle.remove()
    trained = {dtype for dtype, learns in seen.values() if learns}
    kept = {dtype for dtype, learns in seen.values() if not learns}
    assert trained == {torch.float32}
    assert kept == (set() if way == "every weight" else {torch.bfloat16})


def test_an_adapter_saved_alone_is_added_up_as_it_was(tmp_path):
    folder = RewardModel.from_pretrained("tiny-decoder", device="cpu").save_pretrained(tmp_path / "base")
    model = held(folder)
    config = TrainingConfig(max_steps=3, batch_size=8, learning_rate=1e-2, precision="bf16", lora=2)
    train(model, PAIRS, config=config, progress=False)
    alone = model.save_pretrained(tmp_path / "adapter", only_adapter=True)
    for weights in ("fp32", "bf16"):
        again = RewardModel.from_pretrained(alone, weights=weights, device="cpu")
        np.testing.assert_array_equal(again.score_differences(PAIRS), model.score_differences(PAIRS))


def test_a_run_is_resumed_bit_for_bit(tmp_path):
    def config(steps):
        return TrainingConfig(max_steps=steps, batch_size=8, precision="bf16", lora=2, checkpoint_every=2)

    whole, cut, again = held(), held(), held()
    train(whole, PAIRS, config=config(4), checkpoints=tmp_path / "whole", progress=False)
    train(cut, PAIRS, config=config(4), checkpoints=tmp_path / "cut", progress=False)
    newest = max((tmp_path / "cut").glob("step-*"))
    for path in newest.iterdir():
        path.unlink()
    newest.rmdir()
    history = train(again, PAIRS, config=config(4), checkpoints=tmp_path / "cut", resume=True, progress=False)
    assert history.resumed_at == (2,)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    loaded = held()
    load_checkpoint(loaded, tmp_path / "whole")
    np.testing.assert_array_equal(loaded.score_differences(PAIRS), whole.score_differences(PAIRS))


def test_packing_audits_and_attributions_are_those_of_the_same_weights_in_float32(tmp_path):
    narrow = held()
    wide = RewardModel.from_pretrained(narrow.save_pretrained(tmp_path / "m"), device="cpu")
    assert narrow.packing_fault is None
    assert audit(narrow, PAIRS, sample=4).broken == audit(wide, PAIRS, sample=4).broken
    for method in ("leave-one-out", "integrated-gradients"):
        one, other = (attribute(m, "Name a colour.", "Blue, I think.", method=method) for m in (narrow, wide))
        np.testing.assert_array_equal(one.values, other.values)
    assert {p.dtype for p in narrow.network.base_model.parameters()} == {torch.bfloat16}


def test_float32_is_refused_where_weights_stay_in_bfloat16():
    with pytest.raises(TrainingError, match=r"bf16.*fp32"):
        train(held(), PAIRS, config=TrainingConfig(max_steps=1, precision="fp32"), progress=False)
    with pytest.raises(ValueError, match=r"weights .*'fp32' or 'bf16'"):
        RewardModel.from_pretrained("tiny-decoder", weights="fp16")
