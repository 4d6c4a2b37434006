"""Packed rows give what padded rows give: scores, losses and gradients, in every kind of network; and faults show."""

import copy
import os
import re

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForSequenceClassification

import rmlab.model.attention as attention
import rmlab.model.token_scorer as token_scorer
from rmlab.model import Encoded, EncodedPairs, RewardModel
from rmlab.preference import preference_loss
from rmlab.training import TrainingConfig, TrainingData, training_steps

VOCABULARY = 60
WIDTHS = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": VOCABULARY}
DECODERS = {
    "llama": transformers.LlamaConfig(**WIDTHS, intermediate_size=48, max_position_embeddings=128),
    "qwen": transformers.Qwen2Config(
        **WIDTHS, intermediate_size=48, num_key_value_heads=1, max_position_embeddings=128
    ),
    "gpt2": transformers.GPT2Config(
        n_embd=32, n_layer=2, n_head=2, vocab_size=VOCABULARY, n_positions=128, bos_token_id=1, eos_token_id=1
    ),
}
ENCODERS = {"bert": transformers.BertConfig(**WIDTHS, intermediate_size=48, max_position_embeddings=128)}
MODELS = {}


def model_of(kind):
    if kind not in MODELS:
        name = "tiny-encoder" if kind in ENCODERS else "tiny-decoder"
        tokenizer = RewardModel.from_pretrained(name, device="cpu").tokenizer
        config = (DECODERS | ENCODERS)[kind]
        config.num_labels, config.pad_token_id = 1, 0
        with torch.random.fork_rng():
            torch.manual_seed(3)
            network = AutoModelForSequenceClassification.from_config(config)
            with torch.no_grad():  # so that attention matters, and positions do
                for parameter in network.parameters():
                    if parameter.ndim >= 2:
                        parameter.mul_(5)
        network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        MODELS[kind] = RewardModel(network, tokenizer, max_length=64).eval()
    return MODELS[kind]


def ids(first, last, at_least, at_most):
    return st.lists(st.integers(first, last), min_size=at_least, max_size=at_most)


# The two responses are of different tokens: where gradients cancel to nothing, what is left of them is rounding.
PAIRS = st.lists(st.tuples(ids(2, 59, 0, 40), ids(2, 30, 1, 12), ids(31, 59, 1, 12)), min_size=1, max_size=6)
"""Prompts, which may be empty, and two responses of at least one token."""


def texts_of(pairs):
    """Give sequences, the chosen first and then the rejected ones, and the key of each."""
    sequences = [[*prompt, *response] for side in (1, 2) for prompt, response in ((p[0], p[side]) for p in pairs)]
    return sequences, [*range(len(pairs))] * 2


def loss_and_gradients(model, pairs, packing, **options):
    sequences, keys = texts_of(pairs)
    model.zero_grad()
    chosen, rejected = model.score_ids(sequences, keys=keys, packing=packing, **options).reshape(2, -1)
    loss = preference_loss(chosen - rejected).mean()
    loss.backward()
    return loss.item(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def in_float64(model):
    """Give a copy whose head computes in float64, too."""
    exact = copy.deepcopy(model).double()
    exact.head.__class__ = torch.nn.Linear
    return exact


def assert_equal_training(model, pairs, *, little=1e-3, **options):
    """Hold the bounds that the project promises: loss to 1e-6, each gradient to 1e-5 of its own norm and a little."""
    plain, expected = loss_and_gradients(model, pairs, "off")
    packed, found = loss_and_gradients(model, pairs, "auto", **options)
    assert packed == pytest.approx(plain, abs=1e-6 * max(1, plain))
    whole = torch.stack([g.norm() for g in expected.values()]).norm()
    unused = {name for name in expected if name not in found}
    assert all(expected[name].norm() == 0 for name in unused)
    exact = {}
    for name, gradient in found.items():
        if name.endswith(("key.bias", "classifier.bias")):
            continue  # zero in theory: softmax and a difference of scores do not see them; what is there is rounding
        reference = expected.get(name, torch.zeros_like(gradient))
        difference, bound = (gradient - reference).norm(), 1e-5 * (reference.norm() + little * whole) + 1e-12
        if difference > bound:  # two texts nearly alike: what float32 leaves of their difference is not that exact
            exact = exact or loss_and_gradients(in_float64(model), pairs, "off")[1]
            bound += 3 * (reference - exact.get(name, torch.zeros_like(reference))).norm()
        assert difference <= bound, name


@pytest.mark.parametrize("kind", [*DECODERS, *ENCODERS])
def test_the_network_takes_packed_rows(kind):
    assert model_of(kind).packing_fault is None


@pytest.mark.parametrize("kind", [*DECODERS, *ENCODERS])
@settings(max_examples=15, deadline=None)
@given(pairs=PAIRS, batch_tokens=st.integers(1, 300))
def test_packed_and_padded_rows_give_the_same_loss_and_gradients(kind, pairs, batch_tokens):
    assert_equal_training(model_of(kind), pairs, batch_tokens=batch_tokens)


@pytest.mark.parametrize("kind", [*DECODERS, *ENCODERS])
def test_pairs_at_the_limits_give_the_same_loss_and_gradients(kind):
    prompt = [5 + i % 40 for i in range(40)]
    at_the_limit = (prompt, [*range(3, 27)], [*range(27, 51)])  # 64 tokens each
    one_token = ([9, 8, 7], [5], [6])
    empty_prompt = ([], [4, 5], [6])
    a_prefix_of_the_other = ([3, 4], [5], [5, 6])
    row_full_to_the_last = (prompt[:30], [*range(3, 10)], [*range(10, 17)])
    pairs = [at_the_limit, one_token, empty_prompt, a_prefix_of_the_other, *[row_full_to_the_last] * 2]
    for batch_tokens in (44, 88, 1024):
        assert_equal_training(model_of(kind), pairs, batch_tokens=batch_tokens)


def tokens_computed(model, pairs, packing):
    computed = []
    sequences, keys = texts_of(pairs)
    model.score_ids(sequences, keys=keys, packing=packing, forward=lambda **x: computed.append(x) or model(**x))
    return sum(x["position_ids" if "position_ids" in x else "input_ids"].numel() for x in computed)


def test_a_decoder_computes_a_shared_prompt_once():
    pairs = [([*range(2, 42)], [50, 51, 52, 53], [54, 55, 56, 57])] * 4
    assert tokens_computed(model_of("llama"), pairs, "auto") == 4 * 48
    assert tokens_computed(model_of("llama"), pairs, "off") == 4 * 2 * 48  # 44 rounded up to eights
    assert tokens_computed(model_of("bert"), pairs, "auto") > 4 * 2 * 44 - 1


def a_response_that_sees_the_other(trees, branches, row, query, key, *, causal):
    allowed = trees[row, query] == trees[row, key]
    return allowed & (query >= key) if causal else allowed


@pytest.mark.parametrize("kind", DECODERS)
def test_a_response_that_sees_the_other_is_noticed(kind, monkeypatch):
    model = model_of(kind)
    pairs = [([3, 4, 5], [6, 7, 8], [9, 10])]
    assert_equal_training(model, pairs)
    with monkeypatch.context() as patch:
        patch.setattr(attention, "attends", a_response_that_sees_the_other)
        with pytest.raises(AssertionError):
            assert_equal_training(model, pairs)
        patch.delitem(vars(model), "packing_fault")
        assert "its scores differ" in (model.packing_fault or "")
    del model.packing_fault


@pytest.mark.parametrize("kind", DECODERS)
def test_positions_that_do_not_restart_are_noticed(kind, monkeypatch):
    model = model_of(kind)
    pairs = [([3, 4, 5], [6, 7, 8], [9, 10])]
    assert_equal_training(model, pairs)
    whole = token_scorer.packed_batches

    def running_on(*arguments, **options):
        batches = whole(*arguments, **options)
        for _, inputs in batches:
            inputs["position_ids"] = torch.arange(inputs["input_ids"].shape[1]).expand_as(inputs["input_ids"])
        return batches

    monkeypatch.setattr(token_scorer, "packed_batches", running_on)
    with pytest.raises(AssertionError):
        assert_equal_training(model, pairs)
    monkeypatch.delitem(vars(model), "packing_fault")
    assert "its scores differ" in (model.packing_fault or "")
    del model.packing_fault


def test_a_network_with_a_sliding_window_is_scored_in_padded_rows():
    config = transformers.MistralConfig(
        **WIDTHS, intermediate_size=48, num_key_value_heads=1, max_position_embeddings=128, sliding_window=8,
        num_labels=1, pad_token_id=0,
    )  # fmt: skip
    tokenizer = RewardModel.from_pretrained("tiny-decoder", device="cpu").tokenizer
    network = AutoModelForSequenceClassification.from_config(config)
    network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model = RewardModel(network, tokenizer, max_length=64).eval()
    assert "sliding window" in (model.packing_fault or "")
    assert re.search(r"^padded rows .*sliding window", model.layout())
    assert "sliding window" not in model.layout("off")
    assert model.score_ids([[3, 4, 5]]).shape == (1,)


def test_a_network_that_does_not_take_the_mask_is_scored_in_padded_rows(monkeypatch):
    model = RewardModel.from_pretrained("tiny-decoder", device="cpu")
    base = model.network.base_model
    whole = base.forward
    monkeypatch.setattr(
        base, "forward", lambda **inputs: whole(**{k: v for k, v in inputs.items() if k != "position_ids"})
    )
    assert model.packing_fault is not None
    monkeypatch.setattr(base, "forward", whole)
    expected = model.score_ids([[5, 6, 7], [5, 6, 8, 9]], packing="off")
    assert torch.equal(model.score_ids([[5, 6, 7], [5, 6, 8, 9]], keys=[0, 0]), expected)


def run_of(name, pairs, **options):
    """Train a tiny model on pairs; give how its rows were laid out, and what each step recorded."""
    model = RewardModel.from_pretrained(name, seed=0, device="cpu")
    run = training_steps(model, pairs, config=TrainingConfig(batch_size=6, precision="fp32", **options))
    records = [(step.loss, step.gradient_norm, step.score_difference) for step in run]
    return run.history.layout, records


@pytest.mark.parametrize("options", [{}, {"gradient_accumulation": 3}, {"gradient_checkpointing": True}, {"lora": 2},
                                     {"label_smoothing": 0.1, "centering": 0.01}])  # fmt: skip
@pytest.mark.parametrize("name", ["tiny-decoder", "tiny-encoder"])
def test_a_run_in_packed_rows_is_a_run_in_padded_ones(name, options):
    from rmlab.simulate import simulate_text_pairs

    pairs = simulate_text_pairs(24, seed=0).pairs
    records = {}
    for packing in ("auto", "off"):
        layout, records[packing] = run_of(name, pairs, packing=packing, **options)
        assert ("packed" in layout) == (packing == "auto")
    np.testing.assert_allclose(records["auto"], records["off"], rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(records["auto"][0], records["off"][0], rtol=1e-5, atol=1e-6)


def training_data(pairs, margins):
    """Make pairs of token ids ready for training, as `prepare` would."""
    sides = []
    for side in (1, 2):
        texts = tuple([*pair[0], *pair[side]] for pair in pairs)
        lengths = np.array([len(pair[0]) for pair in pairs])
        sides.append(Encoded(texts, lengths, np.arange(len(pairs)), np.zeros_like(lengths), np.zeros_like(lengths)))
    places = tuple(f"pair {i}" for i in range(len(pairs)))
    same_text = np.zeros(len(pairs), dtype=bool)
    return TrainingData(EncodedPairs(*sides, same_text), np.array(margins), places, {}, {})


# RMLAB_EXAMPLES=2000 makes the long run.
@settings(max_examples=int(os.environ.get("RMLAB_EXAMPLES", "15")), deadline=None)
@given(data=st.data())
def test_a_step_of_any_configuration_is_the_same_in_packed_and_padded_rows(data):
    kind = data.draw(st.sampled_from([*DECODERS, *ENCODERS]))
    pairs = data.draw(PAIRS)
    margins = data.draw(st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=len(pairs), max_size=len(pairs)))
    row_tokens = data.draw(st.sampled_from([16, 64, 256]))
    settings = {
        "batch_size": data.draw(st.integers(1, 8)),
        "gradient_checkpointing": data.draw(st.booleans()),
        "lora": data.draw(st.sampled_from([0, 0, 2])) if kind != "gpt2" else 0,  # whose layers are no nn.Linear
        "label_smoothing": data.draw(st.sampled_from([0.0, 0.1])),
        "centering": data.draw(st.sampled_from([0.0, 0.01])),
    }
    settings["gradient_accumulation"] = data.draw(st.integers(1, settings["batch_size"]))
    found = {}
    for packing in ("auto", "off"):
        model = copy.deepcopy(model_of(kind))
        config = TrainingConfig(precision="fp32", packing=packing, max_steps=1, **settings)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(token_scorer, "ROW_TOKENS", row_tokens)
            (step,) = training_steps(model, training_data(pairs, margins), config=config)
        found[packing] = step
    packed, plain = found["auto"], found["off"]
    assert packed.loss == pytest.approx(plain.loss, rel=1e-6, abs=1e-6)
    assert packed.gradient_norm == pytest.approx(plain.gradient_norm, rel=1e-5, abs=1e-7)
