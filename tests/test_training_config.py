"""What `TrainingConfig` says holds, whatever the network's own code or a launcher says."""

import json

import pytest
import torch
import transformers
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from test_training import FP32, fresh, make_pairs, run

from rmlab.__main__ import main
from rmlab.data import write_pairs
from rmlab.model import ModelError, RewardModel
from rmlab.training import TrainingConfig, TrainingError, training_steps
from rmlab.training.mode import training_mode

# Networks that hand a probability to functional dropout, each under another name.
DROPS = {
    "OPT": {"dropout": 0.5, "ffn_dim": 32, "word_embed_proj_dim": 32},
    "BioGpt": {"hidden_dropout_prob": 0.5},
    "GPTBigCode": {"n_embd": 32, "n_layer": 2, "n_head": 2, "attn_pdrop": 0.5},
    "Bart": {"d_model": 32, "dropout": 0.5, "encoder_layerdrop": 0.5},
    "SeedOss": {"head_dim": 16, "residual_dropout": 0.5},
    "Esm": {"attention_probs_dropout_prob": 0.5},
    "Longformer": {"attention_window": 8, "attention_probs_dropout_prob": 0.5},
}


def small(kind: str, **settings) -> RewardModel:
    is_encoder = kind in ("Bart", "Esm", "FNet", "Longformer", "Roberta")
    name = "tiny-encoder" if is_encoder else "tiny-decoder"
    tokenizer = RewardModel.from_pretrained(name, device="cpu").tokenizer
    sizes = {
        "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 514, "num_labels": 1,
        "pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer("a")["input_ids"][-1],
        "initializer_range": 0.3, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32,
    }  # fmt: skip
    config = getattr(transformers, f"{kind}Config")(**{**sizes, **settings})
    network = transformers.AutoModelForSequenceClassification.from_config(config)
    return RewardModel(network, tokenizer).eval()


@pytest.mark.parametrize("kind", DROPS)
def test_two_passes_in_training_mode_are_equal_without_dropout(kind):
    model = small(kind, **DROPS[kind])
    ids = model.encode(["Which?"] * 4, ["red", "blue", "green box", "a b c"]).input_ids

    def difference(config: TrainingConfig) -> float:
        with training_mode(model, config):
            one, other = (model.score_ids(ids) for _ in range(2))
        return float((one - other).detach().abs().max())

    assert difference(TrainingConfig(dropout=True)) > 1e-3  # after the run without it, too: it is put back
    assert difference(TrainingConfig()) == 0
    assert difference(TrainingConfig(dropout=True)) > 1e-3


def test_a_network_that_is_random_without_dropout_is_refused_before_a_step():
    model = fresh()
    model.network.score.register_forward_hook(lambda module, _, out: out + module.training * torch.randn(out.shape))
    with pytest.raises(TrainingError, match=r"dropout .*LlamaFor\w+ .*\d"):
        next(training_steps(model, make_pairs(8), config=TrainingConfig(**FP32)))
    assert not model.training


def test_what_a_launcher_says_of_precision_and_accumulation_changes_nothing(monkeypatch):
    config = TrainingConfig(max_steps=3, batch_size=8, **FP32)
    _, expected = run(config)
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4")
    for state in (AcceleratorState, GradientState):
        state._reset_state()
    _, history = run(config)
    assert AcceleratorState().mixed_precision == "no"
    for one, other in zip(history.steps, expected.steps, strict=True):
        assert (one.loss, one.gradient_norm) == (other.loss, other.gradient_norm)


def test_an_accelerator_of_another_number_format_is_refused_with_the_setting():
    AcceleratorState._reset_state()
    try:
        Accelerator(mixed_precision="bf16", cpu=True)
        with pytest.raises(TrainingError, match=r"mixed_precision='bf16'.*TrainingConfig\.precision"):
            run(TrainingConfig(max_steps=1, **FP32))
    finally:
        AcceleratorState._reset_state()


@pytest.fixture
def long_backbone(tmp_path):
    """A decoder with more positions than rmlab takes by default."""
    model = fresh()
    model.tokenizer.model_max_length = 8192
    model.network.config.max_position_embeddings = 8192
    for part in (model.network, model.tokenizer):
        part.save_pretrained(tmp_path / "backbone")
    return tmp_path / "backbone"


def test_a_long_max_length_trains_is_saved_and_is_found_again(long_backbone, tmp_path):
    write_pairs(make_pairs(24), tmp_path / "pairs.jsonl")
    assert RewardModel.from_pretrained(long_backbone).max_length == 1024
    arguments = ["train", tmp_path / "pairs.jsonl", "--backbone", long_backbone, "--max-steps", "1"]
    arguments += ["--max-length", "4096", "--out", tmp_path / "model"]
    assert main([str(word) for word in arguments]) == 0
    assert json.loads((tmp_path / "model" / "training.json").read_text())["config"]["max_length"] == 4096
    model = RewardModel.from_pretrained(tmp_path / "model")
    assert model.max_length == 4096
    long = model.encode(["word " * 3000], ["yes"])
    assert len(long[0]) > 1024
    again = RewardModel.from_pretrained(model.save_pretrained(tmp_path / "again"))
    assert again.max_length == 4096
    assert RewardModel.from_pretrained(tmp_path / "model", max_length=64).max_length == 64
    with pytest.raises(ModelError, match="at most 8192"):
        RewardModel.from_pretrained(long_backbone, max_length=9000)


def test_roberta_counts_positions_from_its_pad_id():
    model = small("Roberta", max_position_embeddings=100)
    model.tokenizer.model_max_length = 10**30
    pad = model.network.roberta.embeddings.position_embeddings.padding_idx
    model = RewardModel(model.network, model.tokenizer)
    assert model.max_length == 100 - pad - 1
    assert torch.isfinite(torch.tensor(model.score(["word " * 300], ["word " * 300]))).all()


def test_a_network_whose_scores_depend_on_the_texts_beside_them_is_refused_by_name():
    with pytest.raises(ModelError, match="type mra"):
        small("Mra")


@pytest.mark.parametrize("bad", [{"max_steps": 2.5}, {"batch_size": 8.0}, {"seed": -1}, {"lora": True}])
def test_settings_that_no_run_could_follow_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        TrainingConfig(**bad)
