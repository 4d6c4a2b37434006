"""Reward heads as others save them: read with their weights, or refused by name; none is random in silence."""

import json
import re
import shutil
import warnings

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, BertConfig, BertForTokenClassification, LlamaConfig

from rmlab.__main__ import main
from rmlab.audit.audited_model import load_audited_model
from rmlab.model import RewardModel, backbones
from rmlab.model.backbones import ModelError, quiet_transformers

WIDTH = 32
SETTINGS = {
    "vocab_size": 2048, "hidden_size": WIDTH, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 2, "max_position_embeddings": 128, "pad_token_id": 0, "eos_token_id": 1,
}  # fmt: skip
PROMPTS, RESPONSES = ["Name a colour.", "What is two and two?"], ["Blue, as the sky is.", "It is four."]
GENERATOR = torch.Generator().manual_seed(5)
HEAD, BIAS = torch.randn(1, WIDTH, generator=GENERATOR), torch.tensor([0.75])
INNER, INNER_BIAS = torch.randn(24, WIDTH, generator=GENERATOR), torch.randn(24, generator=GENERATOR)
OUTER = torch.randn(1, 24, generator=GENERATOR)


@pytest.fixture(scope="module")
def language_model(tmp_path_factory):
    """A causal language model with its vocabulary head, as people publish them."""
    folder = tmp_path_factory.mktemp("heads") / "causal"
    with torch.random.fork_rng(), quiet_transformers():
        torch.manual_seed(1)
        AutoModelForCausalLM.from_config(LlamaConfig(**SETTINGS, tie_word_embeddings=False)).save_pretrained(folder)
        RewardModel.from_pretrained("tiny-decoder", device="cpu").tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(language_model, tmp_path):
    return shutil.copytree(language_model, tmp_path / "model")


def change(folder, *, architecture=None, drop=(), config=None, **new):
    path = folder / "model.safetensors"
    weights = {key: value for key, value in load_file(path).items() if key not in drop}
    save_file(weights | {key.replace("__", "."): value for key, value in new.items()}, path, metadata={"format": "pt"})
    settings = json.loads((folder / "config.json").read_text()) | (config or {})
    settings["architectures"] = [architecture] if architecture else settings["architectures"]
    (folder / "config.json").write_text(json.dumps(settings))


def by_openrlhf(folder):
    change(folder, architecture="RewardModel", drop=["lm_head.weight"], value_head__weight=HEAD)


def by_openrlhf_under_another_name(folder):
    change(folder, architecture="RewardModel", drop=["lm_head.weight"], config={"value_head_prefix": "rm_score"},
           rm_score__weight=HEAD)  # fmt: skip


def by_openrlhf_now(folder):
    change(folder, architecture="RewardModel", drop=["lm_head.weight"], score__weight=HEAD)


def by_trl_with_value_head(folder):
    change(folder, v_head__summary__weight=HEAD, v_head__summary__bias=BIAS)


def by_llama_factory(folder):
    save_file({"v_head.summary.weight": HEAD, "v_head.summary.bias": BIAS}, folder / "value_head.safetensors")


def for_tokens(folder):
    labels = {"id2label": {"0": "reward"}, "label2id": {"reward": 0}}
    change(folder, architecture="LlamaForTokenClassification", drop=["lm_head.weight"], config=labels,
           score__weight=HEAD, score__bias=BIAS)  # fmt: skip


def of_two_layers(folder):
    change(folder, architecture="Qwen2ForRewardModel", drop=["lm_head.weight"], score__0__weight=INNER,
           score__0__bias=INNER_BIAS, score__2__weight=OUTER, score__2__bias=BIAS)  # fmt: skip


def linear(hidden):
    return hidden @ HEAD[0]


def two_layers(hidden):
    return torch.relu(hidden @ INNER.T + INNER_BIAS) @ OUTER[0] + BIAS[0]


LAYOUTS = {
    by_openrlhf: linear,
    by_openrlhf_under_another_name: linear,
    by_openrlhf_now: linear,
    by_trl_with_value_head: lambda hidden: linear(hidden) + BIAS[0],
    by_llama_factory: lambda hidden: linear(hidden) + BIAS[0],
    for_tokens: lambda hidden: linear(hidden) + BIAS[0],
    of_two_layers: two_layers,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_head_is_read_whatever_the_seed_and_is_saved_again(folder, layout, tmp_path):
    layout(folder)
    first, other = (RewardModel.from_pretrained(folder, seed=seed, fresh_head=False, device="cpu") for seed in (0, 1))
    scores = first.score(PROMPTS, RESPONSES)
    assert (scores == other.score(PROMPTS, RESPONSES)).all()
    with quiet_transformers(), torch.no_grad():
        network = AutoModelForCausalLM.from_pretrained(folder).model.eval()
        expected = [LAYOUTS[layout](network(torch.tensor([ids]))[0][0, -1]) for ids in first.encode(PROMPTS, RESPONSES)]
    torch.testing.assert_close(torch.from_numpy(scores), torch.stack(expected), atol=1e-5, rtol=1e-5)
    assert scores.std() > 0.1
    assert not first.head_source.fresh
    again = RewardModel.from_pretrained(first.save_pretrained(tmp_path / "again"), seed=9, device="cpu")
    torch.testing.assert_close(torch.from_numpy(again.score(PROMPTS, RESPONSES)), torch.from_numpy(scores))
    assert first.packing_fault is None


@pytest.mark.parametrize("layout", [by_trl_with_value_head, by_llama_factory])
def test_the_vocabulary_head_beside_a_reward_head_is_named(folder, layout):
    layout(folder)
    assert RewardModel.from_pretrained(folder, device="cpu").head_source.left_out == ("lm_head.weight",)


def test_a_vocabulary_head_which_can_be_large_is_not_read_into_memory(folder, monkeypatch):
    by_trl_with_value_head(folder)
    read: set[str] = set()
    read_tensors = backbones.read_tensors

    def noted(path, names=None):
        read.update(names or ())
        return read_tensors(path, names)

    monkeypatch.setattr(backbones, "read_tensors", noted)
    RewardModel.from_pretrained(folder, device="cpu")
    assert read == {"v_head.summary.weight", "v_head.summary.bias"}


def under_an_unknown_name(folder):
    change(folder, drop=["lm_head.weight"], judge__weight=HEAD)


def under_an_unknown_name_beside_the_vocabulary(folder):
    change(folder, my_reward__dense__weight=torch.randn(4, WIDTH))


def with_two_outputs(folder):
    change(folder, value_head__weight=torch.cat([HEAD, HEAD]))


def of_another_width(folder):
    change(folder, value_head__weight=torch.randn(1, WIDTH + 1))


def twice(folder):
    change(folder, value_head__weight=HEAD, reward_head__weight=-HEAD)


def of_two_layers_without_an_activation(folder):
    of_two_layers(folder)
    change(folder, architecture="LlamaForRewardModel")


def of_three_layers(folder):
    of_two_layers(folder)
    change(folder, score__4__weight=OUTER)


def lost(folder):
    change(folder, architecture="RewardModel", drop=["lm_head.weight"])


def in_half(folder):
    of_two_layers(folder)
    change(folder, drop=["score.2.weight"])


REFUSED = {
    under_an_unknown_name: r"judge\.weight",
    under_an_unknown_name_beside_the_vocabulary: r"my_reward\.dense\.weight",
    with_two_outputs: r"value_head\.weight of shape \(2, 32\).*\(1, 32\)",
    of_another_width: r"value_head\.weight of shape \(1, 33\)",
    twice: r"2 heads \(value_head, reward_head\)",
    of_two_layers_without_an_activation: r'"head_activation": "relu"',
    of_three_layers: r"score\.4\.weight",
    lost: r"lacks 1 of the weights that it should hold \(score\.weight\)",
    in_half: r"score\.0\.bias",
}


@pytest.mark.parametrize("layout", REFUSED)
def test_a_head_that_cannot_be_read_is_refused_by_its_name(folder, layout):
    layout(folder)
    with pytest.raises(ModelError, match=REFUSED[layout]):
        RewardModel.from_pretrained(folder, device="cpu")


def test_an_activation_that_the_config_names_is_used(folder):
    of_two_layers_without_an_activation(folder)
    change(folder, config={"head_activation": "tanh"})
    model = RewardModel.from_pretrained(folder, device="cpu")
    with quiet_transformers(), torch.no_grad():
        network = AutoModelForCausalLM.from_pretrained(folder).model.eval()
        hidden = torch.stack([network(torch.tensor([ids]))[0][0, -1] for ids in model.encode(PROMPTS, RESPONSES)])
    expected = torch.tanh(hidden @ INNER.T + INNER_BIAS) @ OUTER[0] + BIAS[0]
    torch.testing.assert_close(torch.from_numpy(model.score(PROMPTS, RESPONSES)), expected, atol=1e-5, rtol=1e-5)


def test_a_head_for_the_tokens_of_an_encoder_is_refused(tmp_path):
    settings = {key: value for key, value in SETTINGS.items() if key != "eos_token_id"}
    with quiet_transformers():
        BertForTokenClassification(BertConfig(**settings, num_labels=1)).save_pretrained(tmp_path / "m")
        RewardModel.from_pretrained("tiny-encoder").tokenizer.save_pretrained(tmp_path / "m")
    with pytest.raises(ModelError, match=r"lacks 2 .*bert\.pooler\.dense\.bias, bert\.pooler\.dense\.weight"):
        RewardModel.from_pretrained(tmp_path / "m")


def test_a_language_model_gets_a_fresh_head_only_where_one_is_asked_for(language_model, capsys):
    assert RewardModel.from_pretrained(language_model, device="cpu").head_source.fresh
    with pytest.raises(ModelError, match="has no reward head"):
        RewardModel.from_pretrained(language_model, fresh_head=False)


@pytest.mark.parametrize("name", ["minilm", "tiny-encoder", "a language model"])
@pytest.mark.parametrize("command", ["score", "evaluate", "explore", "audit", "robustness"])
def test_commands_that_score_refuse_a_model_without_a_head(language_model, tmp_path, capsys, command, name):
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text('{"prompt": "p", "chosen": "a", "rejected": "b"}\n')
    source = str(language_model) if name == "a language model" else name
    rest = {
        "score": ["--prompt", "a", "--response", "b"],
        "evaluate": [str(pairs)],
        "explore": [str(pairs), "--html", str(tmp_path / "x.html")],
        "audit": [str(pairs)],
        "robustness": [str(pairs), "--robustness"],
    }[command]
    assert main(["audit" if command == "robustness" else command, source, *rest]) == 2
    assert re.search("has no reward head", capsys.readouterr().err)


def test_train_names_the_head_that_it_makes(language_model, tmp_path, capsys):
    pairs = tmp_path / "pairs.jsonl"
    lines = [{"prompt": f"Box {i}?", "chosen": f"It is {i}.", "rejected": f"It is {i + 1}."} for i in range(12)]
    pairs.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    where = ["train", str(pairs), "--backbone", str(language_model), "--out", str(tmp_path / "m")]
    alone = ["--validation-fraction", "0", "--test-fraction", "0", "--max-steps", "1", "--seed", "3"]
    assert main([*where, *alone]) == 0
    (said,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("head: "))
    drawn = RewardModel.from_pretrained(language_model, seed=3, device="cpu").head.weight
    assert "seed 3" in said
    assert f"standard deviation {float(drawn.detach().std()):.2g}" in said


@pytest.mark.parametrize("layout", [by_openrlhf, by_trl_with_value_head, by_llama_factory, for_tokens, of_two_layers])
def test_an_audit_scores_by_the_head_that_score_reads(folder, layout):
    layout(folder)
    found = load_audited_model(folder, revision=None, max_length=None)
    reading = found.read(list(zip(PROMPTS, RESPONSES, strict=True)))
    expected = RewardModel.from_pretrained(folder, device="cpu").score(PROMPTS, RESPONSES)
    torch.testing.assert_close(torch.tensor(found.alone(reading.tokens)).float(), torch.from_numpy(expected))
    again = found.reload()
    torch.testing.assert_close(torch.tensor(again.alone(reading.tokens)).float(), torch.from_numpy(expected))


def test_an_audit_of_an_adapter_scores_as_score_does(adapter):
    folder, _ = adapter
    found = load_audited_model(folder, revision=None, max_length=None)
    expected = RewardModel.from_pretrained(folder, device="cpu").score(PROMPTS, RESPONSES)
    reading = found.read(list(zip(PROMPTS, RESPONSES, strict=True)))
    torch.testing.assert_close(torch.tensor(found.alone(reading.tokens)).float(), torch.from_numpy(expected))


# Adapters


@pytest.fixture
def adapter(language_model, tmp_path):
    """An adapter with a head, as TRL and peft save one, and the scores of its model."""
    import peft
    from transformers import AutoModelForSequenceClassification

    with torch.random.fork_rng(), quiet_transformers(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft asks transformers for attributes under their old names
        torch.manual_seed(3)
        network = AutoModelForSequenceClassification.from_pretrained(language_model, num_labels=1)
        config = peft.LoraConfig(task_type="SEQ_CLS", r=4, target_modules=["q_proj", "v_proj"])
        model = peft.get_peft_model(network, config)
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.data.normal_(std=0.3)
        model.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter", model.eval()


def test_an_adapter_is_read_with_its_base_and_head(adapter):
    folder, network = adapter
    first, other = (RewardModel.from_pretrained(folder, seed=seed, fresh_head=False, device="cpu") for seed in (0, 1))
    scores = first.score(PROMPTS, RESPONSES)
    assert (scores == other.score(PROMPTS, RESPONSES)).all()
    with torch.no_grad():
        expected = [network(torch.tensor([ids])).logits[0, 0] for ids in first.encode(PROMPTS, RESPONSES)]
    torch.testing.assert_close(torch.from_numpy(scores), torch.stack(expected), atol=1e-5, rtol=1e-5)
    assert "score" in first.head_source.source


def test_an_adapter_without_a_head_is_not_scored(adapter):
    folder, _ = adapter
    path = folder / "adapter_model.safetensors"
    save_file({key: value for key, value in load_file(path).items() if "score" not in key}, path)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "modules_to_save": None}))
    with pytest.raises(ModelError, match="has no reward head"):
        RewardModel.from_pretrained(folder, fresh_head=False)


def test_an_adapter_of_a_base_that_is_gone_names_it(adapter):
    folder, _ = adapter
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": "/gone/base"}))
    with pytest.raises(ModelError, match=r"adapter of /gone/base.*base_model_name_or_path"):
        RewardModel.from_pretrained(folder)


def test_an_adapter_whose_weights_do_not_fit_is_refused(adapter):
    folder, _ = adapter
    path = folder / "adapter_model.safetensors"
    weights = load_file(path)
    lost = next(key for key in weights if "layers.1" in key and "lora_A" in key)
    save_file({key: value for key, value in weights.items() if key != lost}, path)
    with pytest.raises(ModelError, match=r"do not belong together.*layers\.1"):
        RewardModel.from_pretrained(folder)


def test_an_adapter_with_the_value_head_of_llama_factory_is_read(adapter):
    folder, network = adapter
    path = folder / "adapter_model.safetensors"
    save_file({key: value for key, value in load_file(path).items() if "score" not in key}, path)
    config = json.loads((folder / "adapter_config.json").read_text())
    config |= {"modules_to_save": None, "task_type": "CAUSAL_LM"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    by_llama_factory(folder)
    model = RewardModel.from_pretrained(folder, fresh_head=False, device="cpu")
    with torch.no_grad():
        body = network.base_model.model.model
        expected = [linear(body(torch.tensor([ids]))[0][0, -1]) + BIAS[0] for ids in model.encode(PROMPTS, RESPONSES)]
    torch.testing.assert_close(
        torch.from_numpy(model.score(PROMPTS, RESPONSES)), torch.stack(expected), atol=1e-5, rtol=1e-5
    )
