import hashlib
import importlib.util
import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertConfig,
    LlamaConfig,
    XLNetConfig,
    XLNetForSequenceClassification,
    dynamic_module_utils,
)

from rmlab.model import RewardModel, minilm
from rmlab.model.backbones import MANIFEST, ModelError, load_network, quiet_transformers
from rmlab.model.network import positions
from rmlab.simulate import simulate_text_pairs

PROMPTS = ["What is two and two?", "Name a colour."]
RESPONSES = ["It is four.", "Blue, as the sky is."]
SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """A reward model, as save_pretrained writes it."""
    return RewardModel.from_pretrained("tiny-decoder", seed=3).save_pretrained(tmp_path_factory.mktemp("saved") / "m")


@pytest.fixture(scope="session")
def language_models(tmp_path_factory):
    """Backbones without a head: a causal language model, a masked one without pooler, and a bare encoder."""
    tokenizer = load_network("tiny-decoder", seed=0)[1]
    folders = {}
    for name, auto_class, config_class in (
        ("causal", AutoModelForCausalLM, LlamaConfig),
        ("masked", AutoModelForMaskedLM, BertConfig),
        ("bare", AutoModel, BertConfig),
    ):
        folder = folders[name] = tmp_path_factory.mktemp("language") / name
        with torch.random.fork_rng(), quiet_transformers():
            torch.manual_seed(1)
            auto_class.from_config(config_class(vocab_size=2048, pad_token_id=0, **SMALL)).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folders


@pytest.fixture
def copy(saved, tmp_path):
    """A copy of the saved model to damage, without the hashes that would find the damage first."""
    folder = tmp_path / "model"
    shutil.copytree(saved, folder)
    (folder / MANIFEST).unlink()
    return folder


def head(network):
    return next(p.detach() for name, p in network.named_parameters() if name in ("score.weight", "classifier.weight"))


def body(network):
    return {name: value for name, value in network.base_model.state_dict().items() if "pooler" not in name}


def edit_json(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def edit_config(folder, **changes):
    edit_json(folder / "config.json", **changes)


def forget_special_tokens(folder):
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    single = [first, {"SpecialToken": {"id": "<|eos|>", "type_id": 0}}]
    template = {"type": "TemplateProcessing", "single": single, "pair": [first, second], "special_tokens": {}}
    edit_json(folder / "tokenizer.json", post_processor=template)


def edit_weights(folder, edit):
    path = folder / "model.safetensors"
    weights = load_file(path)
    edit(weights)
    save_file(weights, path, metadata={"format": "pt"})


# Heads


@pytest.mark.parametrize("name", ["tiny-decoder", "tiny-encoder"])
def test_the_seed_makes_all_of_a_tiny_model(name):
    first, again, other = (load_network(name, seed=seed)[0].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", ["causal", "masked", "bare"])
def test_a_backbone_keeps_its_weights_and_gets_a_head_by_its_seed(language_models, name):
    first, again, other = (load_network(language_models[name], seed=seed)[0] for seed in (0, 0, 1))
    assert head(first).shape == (1, 32)
    assert torch.equal(head(first), head(again))
    assert not torch.equal(head(first), head(other))
    loaded = load_file(language_models[name] / "model.safetensors")
    for key, value in body(first).items():
        assert torch.equal(value, body(other)[key])
        assert any(stored.endswith(key) and torch.equal(value, loaded[stored]) for stored in loaded), key


def test_a_head_does_not_depend_on_nor_disturb_the_generator_of_the_caller(language_models):
    torch.manual_seed(5)
    expected_draw = torch.rand(3)
    torch.manual_seed(5)
    first = load_network(language_models["causal"], seed=0)[0]
    assert torch.equal(torch.rand(3), expected_draw)
    torch.manual_seed(6)
    assert torch.equal(head(first), head(load_network(language_models["causal"], seed=0)[0]))


def test_a_saved_model_reloads_with_exactly_its_weights(saved):
    expected = load_network("tiny-decoder", seed=3)[0].state_dict()
    loaded = load_network(saved, seed=99)[0].state_dict()  # nothing is left for a seed to make
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[key], expected[key]) for key in expected)


def test_weights_are_read_into_float32(copy):
    edit_weights(copy, lambda weights: weights.update({k: v.bfloat16() for k, v in weights.items()}))
    edit_config(copy, dtype="bfloat16")
    assert {p.dtype for p in load_network(copy, seed=0)[0].parameters()} == {torch.float32}


def test_a_head_with_two_outputs_is_refused(copy):
    edit_config(copy, id2label={"0": "bad", "1": "good"}, label2id={"bad": 0, "good": 1})
    with pytest.raises(ModelError, match=r"2 outputs.*num_labels=1"):
        load_network(copy, seed=0)


def two_outputs_in_the_weights(weights):
    weights["score.weight"] = weights["score.weight"].repeat(2, 1)


def drop(*keys):
    return lambda weights: [weights.pop(key) for key in keys]


def add(**new):
    return lambda weights: weights.update(new)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            drop("score.weight"),
            r"lacks 1 .*score\.weight",
        ),
        (drop("model.norm.weight"), r"lacks 1 .*model\.norm\.weight"),
        (add(extra=torch.zeros(2)), r"holds 1 .*\(extra\)"),
        (
            two_outputs_in_the_weights,
            r"score\.weight .*\(2, \d+\).*config\.json .*\(1, \d+\)",
        ),
    ],
)
def test_a_classifier_whose_weights_do_not_fit_is_refused(copy, edit, message):
    edit_weights(copy, edit)
    with pytest.raises(ModelError, match=message):
        load_network(copy, seed=0)


@pytest.mark.parametrize("name", ["causal", "masked", "bare"])
def test_a_backbone_that_lacks_some_of_its_weights_is_refused(language_models, tmp_path, name):
    folder = shutil.copytree(language_models[name], tmp_path / "m")
    lost = next(key for key in load_file(folder / "model.safetensors") if "layers.1." in key or "layer.1." in key)
    edit_weights(folder, drop(lost))
    with pytest.raises(ModelError, match=rf"lacks 1 .*{re.escape(lost)}"):
        load_network(folder, seed=0)


# Names and files


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("minilmm", r"'minilmm'.*mean minilm\?.*tiny-decoder, tiny-encoder"),
        ("tiny-decodr", r"mean tiny-decoder or tiny-encoder\?"),
        ("zzz", r"'zzz'\. .*minilm, tiny-decoder, tiny-encoder"),
        ("./nowhere", r"'\./nowhere'\. .*minilm"),
        ("/nowhere/at/all", r"'/nowhere/at/all'\. .*minilm"),
        ("nobody/nothing", r"'nobody/nothing'\. .*hub.*connect"),
        ("a/b/c", r"'a/b/c'\. .*hub.*Repo id"),
    ],
)
def test_an_unknown_name_is_told_the_near_names_and_what_was_expected(name, message):
    with pytest.raises(ModelError, match=message):
        load_network(name, seed=0)


def test_a_file_is_not_a_model(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"")
    with pytest.raises(ModelError, match=rf"{re.escape(str(path))} is a file"):
        load_network(path, seed=0)


def test_a_folder_without_a_configuration_is_not_a_model(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing here")
    with pytest.raises(ModelError, match=rf"{re.escape(str(tmp_path))}.*no config\.json"):
        load_network(tmp_path, seed=0)


def test_pickles_are_refused_unread(copy):
    state = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no weights.*safetensors"):
        load_network(copy, seed=0)
    torch.save(state, copy / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"only pytorch_model\.bin.*safetensors"):
        load_network(copy, seed=0)


def write(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def change_bytes(name, start, new):
    def change(folder):
        content = bytearray((folder / name).read_bytes())
        content[start : start + len(new)] = new
        (folder / name).write_bytes(content)

    return change


def truncate(name):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-100])


def remove(*names):
    return lambda folder: [(folder / name).unlink() for name in names]


DAMAGES = {
    "weights, a header of wrong bytes": (
        change_bytes("model.safetensors", 12, b"\xff" * 9),
        "the weights of ",
    ),
    "weights, a header too long": (
        change_bytes("model.safetensors", 0, b"\xff" * 8),
        "the weights of ",
    ),
    "weights, cut short": (
        truncate("model.safetensors"),
        "the weights of ",
    ),
    "weights, empty": (write("model.safetensors", b""), "the weights of "),
    "configuration, cut short": (
        truncate("config.json"),
        r"the configuration of .*\(.*JSON",
    ),
    "configuration, not text": (write("config.json", b"\xff\x00"), "the configuration of "),
    "configuration, a list": (write("config.json", b"[]"), "the configuration of .*model_type"),
    "configuration, an unknown type": (write("config.json", b'{"model_type": "zzz"}'), "the configuration .*`zzz`"),
    "configuration, a word for a width": (lambda f: edit_config(f, hidden_size="big"), "configuration .*'hidden_size'"),
    "configuration, another width": (
        lambda f: edit_config(f, hidden_size=32),
        r"model\.embed_tokens\.weight .*\(2048, \d+\).*config\.json .*\(2048, 32\)",
    ),
    "configuration, layers without end": (
        lambda f: edit_config(f, num_hidden_layers=10**300),
        r"the weights of .*config\.json .*layers .*tensors, \d+",
    ),
    "configuration, a layer more": (lambda f: edit_config(f, num_hidden_layers=3), r"lacks 9 .*model\.layers\.2"),
    "configuration, a layer less": (
        lambda f: edit_config(f, num_hidden_layers=1),
        r"holds 9 weights .*model\.layers\.1",
    ),
    "tokenizer, cut short": (truncate("tokenizer.json"), "the tokenizer of "),
    "tokenizer, empty": (write("tokenizer.json", b""), "the tokenizer of "),
    "tokenizer, absent": (remove("tokenizer.json"), "the tokenizer of "),
    "tokenizer, a special token without its id": (
        forget_special_tokens,
        r"the tokenizer of .*native code",
    ),
    "tokenizer settings, a text for a length": (
        lambda f: edit_json(f / "tokenizer_config.json", model_max_length="5"),
        "the tokenizer of .*model_max_length .*'5'",
    ),
    "tokenizer settings, cut short": (truncate("tokenizer_config.json"), "the tokenizer of "),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_gives_one_error_that_names_it(copy, damage):
    cause, message = DAMAGES[damage]
    cause(copy)
    with pytest.raises(ModelError, match=message):
        RewardModel.from_pretrained(copy)


def test_a_decoder_whose_tokenizer_lost_its_eos_is_refused(copy):
    (copy / "tokenizer_config.json").unlink()
    with pytest.raises(ModelError, match=r"tokenizer .*no EOS token"):
        RewardModel.from_pretrained(copy)


def test_a_lost_vocabulary_is_refused(language_models, tmp_path):
    # transformers makes up a BERT tokenizer of its five special tokens, to which all words are [UNK]
    folder = shutil.copytree(language_models["bare"], tmp_path / "m")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    assert len(AutoTokenizer.from_pretrained(folder)) == 5
    with pytest.raises(ModelError, match=rf"tokenizer of {re.escape(str(folder))} .*no vocabulary"):
        load_network(folder, seed=0)


def test_the_tokenizer_of_a_larger_network_is_refused(language_models, tmp_path):
    folder = shutil.copytree(language_models["causal"], tmp_path / "m")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["zweiundzwanzig"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(ModelError, match=r"2,049 tokens .*2,048"):
        load_network(folder, seed=0)


# Hashes


def flip_a_weight(folder):
    change_bytes("model.safetensors", (folder / "model.safetensors").stat().st_size - 1, b"\x3f")(folder)


def swap_for_another_seed(folder):
    other = load_network("tiny-decoder", seed=4)[0].state_dict()
    save_file(other, folder / "model.safetensors", metadata={"format": "pt"})


def plant_another_file(folder):
    shutil.copy(folder / "model.safetensors", folder / "model-00001-of-00002.safetensors")


def change_the_epsilon(folder):
    edit_config(folder, rms_norm_eps=0.1)


def lower_the_case(folder):
    path = folder / "tokenizer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "normalizer": {"type": "Lowercase"}}))


@pytest.mark.parametrize(
    "tamper", [flip_a_weight, swap_for_another_seed, plant_another_file, change_the_epsilon, lower_the_case]
)
def test_files_other_than_those_saved_are_refused(saved, tmp_path, tamper):
    folder = shutil.copytree(saved, tmp_path / "m")
    load_network(folder, seed=0)
    tamper(folder)
    facts = r"\.(safetensors|json) .*SHA-256 .*\b(absent|[0-9a-f]{64}), got [0-9a-f]{64}\b"
    advice = r"rmlab\.json [^{]*(\{.*\})"
    with pytest.raises(ModelError, match=f"{facts}.*{advice}") as raised:
        load_network(folder, seed=0)
    if tamper is not plant_another_file:
        (folder / MANIFEST).write_text(re.search(advice, str(raised.value))[1])
        load_network(folder, seed=0)


def test_the_hashes_are_those_of_the_files(saved):
    names = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    expected = {name: hashlib.sha256((saved / name).read_bytes()).hexdigest() for name in names}
    assert json.loads((saved / MANIFEST).read_text())["sha256"] == expected


def test_what_is_written_beside_a_model_later_is_no_part_of_it(saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "m")
    (folder / "README.md").write_text("A card.")
    (folder / "notes").mkdir()
    load_network(folder, seed=0)


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[]", b"{}", b'{"sha256": 3}', b'{"sha256": ["model"]}', b"null"])
def test_a_damaged_list_of_hashes_is_refused(saved, tmp_path, content):
    folder = shutil.copytree(saved, tmp_path / "m")
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(ModelError, match=r"rmlab\.json .*damaged"):
        load_network(folder, seed=0)


# Code that comes with a model


@pytest.mark.parametrize("model_type", ["llama", "planted"])
def test_code_that_comes_with_a_model_is_never_run(copy, tmp_path, monkeypatch, model_type):
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    evidence = tmp_path / "it ran"
    source = f"from pathlib import Path\nPath({str(evidence)!r}).touch()\n"
    (copy / "planted.py").write_text(source)
    auto_map = {"AutoConfig": "planted.Config", "AutoModelForSequenceClassification": "planted.Model"}
    edit_config(copy, model_type=model_type, auto_map=auto_map)
    path = copy / "tokenizer_config.json"
    settings = {**json.loads(path.read_text()), "auto_map": {"AutoTokenizer": [None, "planted.Tokenizer"]}}
    path.write_text(json.dumps(settings))
    if model_type == "llama":  # transformers has this one itself
        assert type(load_network(copy, seed=0)[0]).__module__.startswith("transformers.")
    else:
        with pytest.raises(ModelError, match=r"configuration .*custom code"):
            load_network(copy, seed=0)
    assert not evidence.exists()
    exec(source, {})  # the trap is live
    assert evidence.exists()


# minilm


@pytest.mark.parametrize("name", ["vocab.txt", "tokenizer.json", "model.safetensors", "chat_template.jinja"])
def test_minilm_with_a_file_that_is_not_official_is_refused(tmp_path, monkeypatch, name):
    official = Path(importlib.util.find_spec(minilm.MINILM_PACKAGE).origin).parent / "model"
    package = tmp_path / minilm.MINILM_PACKAGE
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").touch()
    for file in minilm.MINILM_SHA256:
        (package / "model" / file).symlink_to(official / file)
    (package / "model" / name).unlink(missing_ok=True)
    (package / "model" / name).write_text("another")
    monkeypatch.syspath_prepend(tmp_path)
    expected = minilm.MINILM_SHA256.get(name, "absent")
    found = hashlib.sha256(b"another").hexdigest()
    with pytest.raises(ModelError, match=rf"{re.escape(name)} .*{expected}, got {found}"):
        load_network("minilm", seed=0)


@pytest.mark.parametrize("name", ["chat_template.jinja", "special_tokens_map.json", "additional_chat_templates"])
def test_a_file_that_would_be_read_and_was_not_saved_is_refused(saved, tmp_path, name):
    folder = shutil.copytree(saved, tmp_path / "m")
    (folder / name).mkdir() if "." not in name else (folder / name).write_text("{}")
    with pytest.raises(ModelError, match=rf"{re.escape(name)} .*SHA-256 .*absent"):
        load_network(folder, seed=0)


@pytest.mark.parametrize("shard", ["shard.bin", "../other/model.safetensors", "/tmp/model.safetensors", 3])
def test_an_index_names_safetensors_in_its_own_folder_alone(copy, shard):
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": shard}}))
    with pytest.raises(ModelError, match=rf"index\.json .*{re.escape(repr(shard))}"):
        load_network(copy, seed=0)


def test_a_model_that_a_killed_save_put_aside_is_found_again(saved, tmp_path):
    shutil.copytree(saved, tmp_path / ".m.saving" / "old")
    load_network(tmp_path / "m", seed=0)
    assert (tmp_path / "m" / MANIFEST).is_file()


def test_a_mistyped_folder_is_told_the_models_beside_it(saved):
    with pytest.raises(ModelError, match=rf"{re.escape(str(saved.parent))} .*\b{saved.name}\b"):
        load_network(saved.with_name(f"{saved.name}x"), seed=0)


def test_minilm_without_package_or_hub_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(minilm, "MINILM_PACKAGE", "no_such_package_is_installed")
    monkeypatch.setattr(minilm, "MINILM_ID", "nobody/nothing")
    with pytest.raises(ModelError, match=r"minilm .*not installed.*'reward-model-lab\[minilm\]'"):
        load_network("minilm", seed=0)


# The tokenizer of the tiny models


@pytest.fixture(scope="session")
def tokenizer():
    return load_network("tiny-encoder", seed=0)[1]


@given(text=st.text())
def test_any_text_comes_back_from_the_tiny_tokenizer(tokenizer, text):
    assume(not any(token in text for token in tokenizer.all_special_tokens))
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == (text if text.startswith(" ") or not text else f" {text}")
    assert not set(ids) & set(tokenizer.all_special_ids)


def test_the_tiny_tokenizer_has_2048_tokens_and_four_special_ones(tokenizer):
    assert len(tokenizer) == 2048
    special = [tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id]
    assert sorted(set(special)) == sorted(tokenizer.all_special_ids) == sorted(special)
    assert tokenizer("a", "b")["input_ids"] == [
        tokenizer.cls_token_id,
        *tokenizer("a", add_special_tokens=False)["input_ids"],
        tokenizer.sep_token_id,
        *tokenizer("b", add_special_tokens=False)["input_ids"],
        tokenizer.sep_token_id,
    ]


def test_the_words_of_simulated_texts_are_single_tokens_of_the_tiny_tokenizer(tokenizer):
    pairs = simulate_text_pairs(50, seed=1).pairs
    words = {word for pair in pairs for text in (pair.prompt, pair.chosen) for word in re.findall(r"\b[a-z]+", text)}
    assert len(words) > 50
    assert [word for word in words if len(tokenizer(word, add_special_tokens=False)["input_ids"]) > 1] == []


def test_a_network_that_says_it_has_minus_one_positions_has_no_limit() -> None:
    sizes = {"d_model": 32, "n_layer": 1, "n_head": 2, "d_inner": 48, "vocab_size": 100}
    network = XLNetForSequenceClassification(XLNetConfig(**sizes, num_labels=1))
    assert network.config.max_position_embeddings == -1
    assert positions(network) is None
