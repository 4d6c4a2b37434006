"""Which weights a run trains: frozen parameters, adapters; and NaN."""

import importlib.util
import math

import numpy as np
import pytest
import torch
import transformers
from test_training import FP32, distance, fresh, make_pairs, run, weights
from test_training_config import small

from rmlab.__main__ import main
from rmlab.data import PreferencePair
from rmlab.model import RewardModel
from rmlab.training import TrainingConfig, TrainingError, train, training_steps


def test_frozen_parameters_stay_as_they_are_and_only_for_the_run():
    before = weights(fresh())
    model, _ = run(TrainingConfig(max_steps=3, batch_size=8, freeze=("*embed_tokens*", "*.layers.0.*"), **FP32))
    changed = {name for name, tensor in weights(model).items() if not torch.equal(tensor, before[name])}
    assert changed == {name for name in before if "embed_tokens" not in name and ".layers.0." not in name}
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("name", ["*.no_such.*", "*"])
def test_a_pattern_that_freezes_nothing_or_all_is_refused(name):
    with pytest.raises(TrainingError, match=r"freeze: no .*no_such" if name != "*" else r"freeze: nothing"):
        run(TrainingConfig(max_steps=1, freeze=(name,), **FP32))


def adapters(model: RewardModel) -> set[str]:
    return {name.split(".lora_")[0].split("network.model.")[-1] for name in model.state_dict() if ".lora_" in name}


def test_adapters_are_where_they_were_asked_for_and_not_on_frozen_layers():
    settings = {"lora": 2, "lora_targets": ("q_proj", "v_proj"), "freeze": ("*.layers.0.*",)}
    model = fresh()
    steps = training_steps(model, make_pairs(8), config=TrainingConfig(max_steps=2, batch_size=8, **settings, **FP32))
    next(steps)
    assert adapters(model) == {"layers.1.self_attn.q_proj", "layers.1.self_attn.v_proj"}
    steps.close()
    with pytest.raises(TrainingError, match=r"'query'.*q_proj"):
        run(TrainingConfig(lora=2, lora_targets=("query",), **FP32))


def test_alpha_and_dropout_of_the_adapters_reach_them():
    model = fresh()
    config = TrainingConfig(max_steps=2, batch_size=8, lora=4, lora_alpha=2, lora_dropout=0.5, **FP32)
    with_dropout = training_steps(model, make_pairs(8), config=config)
    next(with_dropout)
    layer = model.network.model.layers[0].self_attn.q_proj
    assert layer.scaling == {"default": 0.5}
    assert [module.p for module in layer.lora_dropout.values()] == [0.5]
    with_dropout.close()


@pytest.mark.parametrize("setting", [{"lora_alpha": 4.0}, {"lora_dropout": 0.1}, {"lora_targets": ("q_proj",)}])
def test_settings_of_adapters_without_a_rank_are_refused(setting):
    with pytest.raises(ValueError, match=r"lora .*rank"):
        TrainingConfig(**setting)


def test_conv1d_of_gpt2_gets_adapters_and_they_are_merged():
    model = small("GPT2", n_embd=32, n_layer=2, n_head=2)
    before = weights(model)
    steps = training_steps(model, make_pairs(16), config=TrainingConfig(max_steps=4, batch_size=8, lora=4, **FP32))
    for _ in steps:
        scores = model.score_differences(make_pairs(4))
    np.testing.assert_allclose(model.score_differences(make_pairs(4)), scores, atol=1e-5)
    changed = {name for name in before if not torch.equal(before[name], weights(model)[name])}
    assert {name.rpartition(".h.0.")[2] for name in changed if ".h.0." in name} >= {"attn.c_attn.weight"}
    assert isinstance(model.network.transformer.h[0].attn.c_attn, transformers.pytorch_utils.Conv1D)


def test_adapters_that_cannot_be_merged_are_refused_before_a_step(monkeypatch):
    from peft.tuners.lora import LoraLayer

    model, before = fresh(), weights(fresh())
    broken = [0]

    def merge(self, *_, **__):
        broken[0] += 1
        raise ValueError("cannot be merged")

    for kind in {LoraLayer, *LoraLayer.__subclasses__()}:
        if "merge" in vars(kind):
            monkeypatch.setattr(kind, "merge", merge)
    with pytest.raises(TrainingError, match=r"LlamaFor\w+ \(ValueError: cannot be merged\)"):
        next(training_steps(model, make_pairs(8), config=TrainingConfig(lora=2, **FP32)))
    assert broken == [1]
    assert distance(before, weights(model)) == 0


def test_lora_without_peft_is_one_line(monkeypatch, tmp_path, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "peft" else find(name, *rest))
    assert main(["train", "--backbone", "tiny-decoder", "--lora", "4", "--out", str(tmp_path / "model")]) == 2
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert "pip install 'reward-model-lab[lora]'" in said


def test_of_packed_neighbours_only_the_pair_with_nan_is_named():
    model = fresh()
    pairs = [PreferencePair(f"Box {i}?", "red", "blue", source=f"pairs.jsonl:{i + 1}") for i in range(6)]
    pairs[2] = PreferencePair("Box Z?", "red", "blue", source="pairs.jsonl:3")
    others = model.encode([pair.prompt for pair in pairs if pair.prompt != "Box Z?"] * 2, ["red"] * 5 + ["blue"] * 5)
    token = min(set(model.encode(["Box Z?"], ["red"])[0]) - {token for ids in others for token in ids})
    with torch.no_grad():
        model.network.model.embed_tokens.weight[token] = math.nan
    encoded = model.encode_pairs(pairs)
    scores = model.score_ids([*encoded.chosen, *encoded.rejected], keys=[*range(6)] * 2)
    assert int(torch.isnan(scores).sum()) > 2, "its neighbours are sound here, so that this could not fail"
    with pytest.raises(TrainingError, match=r"loss of step 1 .*finite.*pairs\.jsonl:3\."):
        train(model, pairs, config=TrainingConfig(batch_size=6, **FP32), progress=False)


def test_adapters_on_stacked_experts_are_merged_into_them():
    model = small("Mixtral", num_local_experts=4, num_experts_per_tok=2)
    before = weights(model)
    steps = training_steps(model, make_pairs(16), config=TrainingConfig(max_steps=4, batch_size=8, lora=2, **FP32))
    for _ in steps:
        scores = model.score_differences(make_pairs(4))
    assert list(weights(model)) == list(before)
    np.testing.assert_allclose(model.score_differences(make_pairs(4)), scores, atol=1e-5)


def test_scores_of_a_network_that_ignores_the_mask_do_not_depend_on_their_batch():
    model = small("FNet")
    assert "without padding" in model.layout()
    texts = ["red", "blue and " * 9, "green " * 4, "red and so", "red box"]
    together = model.score(["Which?"] * 5, texts)
    alone = [float(model.score(["Which?"], [text])[0]) for text in texts]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    ids = torch.tensor(model.encode(["Which?"], [texts[0]])[:])
    with torch.no_grad():
        plain = float(model.network(input_ids=ids).logits)
    assert alone[0] == pytest.approx(plain, abs=1e-5)
