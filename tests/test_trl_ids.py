"""Models that TRL trained are read on the token ids that TRL trained them on, and TRL reads rmlab's likewise."""

import copy
import json
import re
import shutil
import warnings

import datasets
import numpy as np
import pytest
import torch
from chat_templates import CHATML, EOS_INSIDE
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    LlamaConfig,
    Qwen2Config,
)

from rmlab.__main__ import main
from rmlab.audit.audited_model import load_audited_model
from rmlab.data import PreferencePair
from rmlab.datasets import load_everyday
from rmlab.model import TRL, Apart, Joined, ModelError, RewardModel
from rmlab.model.backbones import MANIFEST
from rmlab.model.tiny_models import TINY_TOKENIZER
from rmlab.training import TrainingConfig, prepare, train

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from trl import GRPOConfig, GRPOTrainer, RewardConfig, RewardTrainer

pytestmark = [
    pytest.mark.usefixtures("no_bars"),
    pytest.mark.filterwarnings("ignore"),  # what TRL and the trainer below it warn of is theirs
]

ON_A_CPU = {"use_cpu": True, "bf16": False, "report_to": "none", "disable_tqdm": True, "save_strategy": "no"}
N_PAIRS = 30
GEMMA = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "<|sep|>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content | trim }}<|sep|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|sep|>model\n{% endif %}"
)
# name: chat template, pad token, whether the tokenizer adds BOS
WAYS = {
    "plain": (None, "<|pad|>", False),
    "chatml, eos at the end of a turn": (CHATML, "<|pad|>", False),
    "pad is eos": (None, "<|eos|>", False),
    "eos inside turns": (EOS_INSIDE, "<|eos|>", False),
    "gemma-like, with bos": (GEMMA, "<|pad|>", True),
}


def tokenizer_of(way, folder):
    template, pad, adds_bos = WAYS[way]
    settings = json.loads((TINY_TOKENIZER / "tokenizer_config.json").read_text())
    tokenizer = json.loads((TINY_TOKENIZER / "tokenizer.json").read_text())
    settings["pad_token"] = pad
    tokenizer["post_processor"] = None
    if adds_bos:
        settings["bos_token"] = bos = settings.pop("cls_token")
        pieces = [{"SpecialToken": {"id": bos, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
        numbers = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
        special = {bos: {"id": bos, "ids": [numbers[bos]], "tokens": [bos]}}
        tokenizer["post_processor"] = {
            "type": "TemplateProcessing", "single": pieces, "pair": pieces, "special_tokens": special,
        }  # fmt: skip
    folder.mkdir(parents=True)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    made = AutoTokenizer.from_pretrained(folder)
    made.chat_template = template
    return made


def turn(role, text):
    return {"role": role, "content": text}


def pairs_of(way):
    """Plain pairs, or conversations of which some have three turns before the response."""
    pairs = [PreferencePair(p.prompt, p.chosen, p.rejected) for p in list(load_everyday())[:N_PAIRS]]
    if WAYS[way][0] is None:
        return pairs
    before = [turn("user", " Hello there "), turn("assistant", "Hello.")]
    return [
        PreferencePair(
            (*(before if i % 2 else ()), turn("user", pair.prompt)),
            (turn("assistant", pair.chosen),),
            (turn("assistant", pair.rejected),),
        )
        for i, pair in enumerate(pairs)
    ]


def rows_of(pairs, separator=""):
    def plain(side):
        return side if isinstance(side, str) else list(side)

    return datasets.Dataset.from_list(
        [
            {
                "prompt": p.prompt + separator if isinstance(p.prompt, str) else list(p.prompt),
                "chosen": plain(p.chosen),
                "rejected": plain(p.rejected),
            }
            for p in pairs
        ]
    )


def trainer_of(network, tokenizer, rows, folder, **settings):
    arguments = RewardConfig(
        str(folder),
        per_device_train_batch_size=N_PAIRS,
        per_device_eval_batch_size=N_PAIRS,
        max_length=None,
        **ON_A_CPU,
        **settings,
    )
    return RewardTrainer(
        network, args=arguments, train_dataset=rows, eval_dataset=rows, processing_class=copy.deepcopy(tokenizer)
    )


def ids_of(trainer):
    rows = trainer.eval_dataset
    return [*rows["chosen_ids"], *rows["rejected_ids"]]


@pytest.fixture(scope="session", params=WAYS)
def trained(request, tmp_path_factory):
    """A decoder that TRL trained in one of these ways: its trainer, and the folder that it saved."""
    folder = tmp_path_factory.mktemp("trl")
    tokenizer = tokenizer_of(request.param, folder / "tokenizer")
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=512, num_labels=1, initializer_range=0.1, pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = AutoModelForSequenceClassification.from_config(config)
    rows = rows_of(pairs_of(request.param))
    trainer = trainer_of(network, tokenizer, rows, folder / "work", max_steps=1, learning_rate=1e-3)
    trainer.train()
    trainer.save_model(str(folder / "model"))
    return request.param, trainer, folder / "model"


def test_60_of_60_texts_have_the_ids_of_trl_and_the_accuracy_is_trls(trained):
    way, trainer, folder = trained
    pairs = pairs_of(way)
    model = RewardModel.from_pretrained(folder, fresh_head=False, device="cpu")
    encoded = model.encode_pairs(pairs)
    ours = [*encoded.chosen, *encoded.rejected]
    assert model.convention == TRL
    assert sum(one == other for one, other in zip(ours, ids_of(trainer), strict=True)) == 2 * N_PAIRS == len(ours)
    found = trainer.evaluate()
    differences = model.score_differences(pairs)
    assert 0.4 < found["eval_accuracy"] < 1
    assert (differences > 0).mean() == pytest.approx(found["eval_accuracy"], abs=1e-6)
    assert np.log1p(np.exp(-differences.astype(float))).mean() == pytest.approx(found["eval_loss"], abs=1e-5)
    assert differences.mean() == pytest.approx(found["eval_margin"], abs=1e-5)


def test_packed_and_padded_rows_and_a_second_saving_give_the_scores_of_trl(trained, tmp_path):
    way, trainer, folder = trained
    pairs = pairs_of(way)
    model = RewardModel.from_pretrained(folder, device="cpu")
    trainer.model.eval()
    with torch.no_grad():
        one_by_one = [trainer.model(torch.tensor([ids])).logits[0, 0] for ids in ids_of(trainer)]
    expected = torch.stack(one_by_one)
    encoded = model.encode_pairs(pairs)
    ids = list(encoded.chosen.join(encoded.rejected))
    with torch.no_grad():
        for packing in ("auto", "off"):
            torch.testing.assert_close(model.score_ids(ids, packing=packing), expected, atol=2e-5, rtol=1e-5)
        assert model.packing_fault is None
        width = max(map(len, ids))
        rows = torch.tensor([one + [7] * (width - len(one)) for one in ids])  # padded with a token of text
        mask = torch.tensor([[1] * len(one) + [0] * (width - len(one)) for one in ids])
        torch.testing.assert_close(model(rows, mask), expected, atol=2e-5, rtol=1e-5)
    saved = model.save_pretrained(tmp_path / "again")
    again = RewardModel.from_pretrained(saved, device="cpu")
    assert again.convention == TRL
    assert list(again.encode_pairs(pairs).chosen) == list(encoded.chosen)
    np.testing.assert_array_equal(again.score_differences(pairs), model.score_differences(pairs))


def test_a_cut_text_keeps_its_bos_and_its_end(trained):
    way, _, folder = trained
    model = RewardModel.from_pretrained(folder, device="cpu")
    pair = pairs_of(way)[1]
    ((whole,), encoded) = (
        model.encode([pair.prompt], [pair.chosen]),
        model.encode([pair.prompt], [pair.chosen], max_length=16),
    )
    front = whole[:1] if whole[0] == model.tokenizer.bos_token_id else []
    assert encoded[0] == [*front, *whole[len(whole) - 16 + len(front) :]]
    assert encoded.prompt_tokens_cut[0] + encoded.response_tokens_cut[0] == len(whole) - 16
    assert len(encoded[0]) - encoded.prompt_lengths[0] + encoded.response_tokens_cut[0] == len(whole) - int(
        model.encode([pair.prompt], [pair.chosen]).prompt_lengths[0]
    )


def test_a_token_across_the_border_is_the_responses_and_the_prompt_is_known_again(trained):
    _, _, folder = trained
    model = RewardModel.from_pretrained(folder, device="cpu")
    encoded = model.encode(["Name a colo"] * 2 + ["Name"], ["ur.", " and more", "ur."])
    whole = model.tokenizer("Name a colour.<|eos|>")["input_ids"]
    assert encoded[0] == whole
    assert encoded.prompt_keys[0] == encoded.prompt_keys[1] != encoded.prompt_keys[2]
    text = "Name a colour."
    reached = model.tokenizer.decode(whole[: encoded.prompt_lengths[0]], skip_special_tokens=True).strip()
    assert text.startswith(reached)
    assert len(reached) < len("Name a colo")
    shown, spans = model.encoder.locate("Name a colo", "ur.", len(whole) - int(encoded.prompt_lengths[0]))
    assert shown == "ur."
    assert spans[0] == (0, 2)  # "colour" is one token


def test_the_report_of_evaluate_says_how_ids_are_made_and_shows_a_text(trained, tmp_path, capsys):
    way, trainer, folder = trained
    pairs = pairs_of(way)[:4]
    path = tmp_path / "pairs.jsonl"
    rows = [{"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in pairs]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert main(["evaluate", str(folder), str(path), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)["made"]
    assert made["token ids"] == str(TRL)
    text = trainer.processing_class.decode(ids_of(trainer)[0])
    shown = made["the first text as it is read"]
    assert text.startswith(shown.split(" ... ")[0])
    assert text.endswith(shown.split(" ... ")[-1])


def test_an_audit_reads_the_ids_of_trl(trained):
    way, trainer, folder = trained
    pairs = pairs_of(way)
    found = load_audited_model(folder, revision=None, max_length=None)
    texts = [(p.prompt, p.chosen) for p in pairs] + [(p.prompt, p.rejected) for p in pairs]
    reading = found.read(texts)
    assert [one["input_ids"] for one in reading.tokens] == ids_of(trainer)
    assert not reading.cut.any()
    scored = RewardModel.from_pretrained(folder, device="cpu").score(*zip(*texts, strict=True))
    np.testing.assert_allclose(found.alone(reading.tokens), scored, atol=2e-5)


# What rmlab trains, in TRL


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    model = RewardModel.from_pretrained("tiny-decoder", seed=1, device="cpu")
    pairs = pairs_of("plain")
    train(
        model, prepare(model, pairs), config=TrainingConfig(max_steps=4, batch_size=8, precision="fp32"), progress=False
    )
    return model, model.save_pretrained(tmp_path_factory.mktemp("own") / "model")


def test_a_folder_of_rmlab_has_its_ids_and_accuracy_in_trl(own, tmp_path):
    model, folder = own
    pairs = pairs_of("plain")
    assert model.convention == Joined("\n\n")
    network = AutoModelForSequenceClassification.from_pretrained(folder)
    rows = rows_of(pairs, separator=model.convention.separator)
    trainer = trainer_of(network, AutoTokenizer.from_pretrained(folder), rows, tmp_path)
    encoded = model.encode_pairs(pairs)
    assert [*encoded.chosen, *encoded.rejected] == ids_of(trainer)
    found, differences = trainer.evaluate(), model.score_differences(pairs)
    assert (differences > 0).mean() == pytest.approx(found["eval_accuracy"], abs=1e-6)
    assert differences.mean() == pytest.approx(found["eval_margin"], abs=1e-5)


def test_a_folder_of_rmlab_rewards_conversations_in_trl_by_its_own_scores(own, tmp_path):
    model = RewardModel.from_pretrained(own[1], device="cpu")
    model.tokenizer.chat_template = CHATML
    folder = model.save_pretrained(tmp_path / "reward")
    config = Qwen2Config(
        vocab_size=len(model.tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, pad_token_id=model.tokenizer.pad_token_id, eos_token_id=None,
    )  # fmt: skip
    asked, given = [], []
    prompts = [[turn("user", pair.prompt)] for pair in pairs_of("plain")[:8]]
    seen = []

    def score(prompts, completions, **_):
        seen.extend(zip(prompts, completions, strict=True))
        return model.score(prompts, completions).tolist()

    trainer = GRPOTrainer(
        AutoModelForCausalLM.from_config(config),
        reward_funcs=[str(folder), score],
        args=GRPOConfig(
            str(tmp_path / "policy"), per_device_train_batch_size=4, num_generations=4, max_completion_length=6,
            max_steps=1, **ON_A_CPU,
        ),
        train_dataset=datasets.Dataset.from_list([{"prompt": prompt} for prompt in prompts]),
        processing_class=copy.deepcopy(model.tokenizer),
    )  # fmt: skip

    def keep(module, arguments, inputs, output):
        asked.extend(
            row[mask.bool()].tolist() for row, mask in zip(inputs["input_ids"], inputs["attention_mask"], strict=True)
        )
        given.extend(output.logits[:, 0].tolist())

    trainer.reward_funcs[0].register_forward_hook(keep, with_kwargs=True)
    trainer.train()
    assert list(model.encode([p for p, _ in seen], [c for _, c in seen])) == asked
    np.testing.assert_allclose(model.score([p for p, _ in seen], [c for _, c in seen]), given, atol=1e-5)
    assert len(set(given)) > 1


# Folders from before there was a record


def test_a_folder_without_the_record_keeps_its_own_way(own, tmp_path):
    model, folder = own
    old = shutil.copytree(folder, tmp_path / "old")
    record = json.loads((old / MANIFEST).read_text())
    assert record.pop("token_ids") == {"convention": "joined", "separator": "\n\n"}
    (old / MANIFEST).write_text(json.dumps(record))
    found = RewardModel.from_pretrained(old, device="cpu")
    assert isinstance(found.convention, Apart)

    def ids(text):
        return found.tokenizer(text, add_special_tokens=False)["input_ids"]

    eos = found.tokenizer.eos_token_id
    assert found.encode(["Name a colour."], ["Blue."])[0] == [*ids("Name a colour."), *ids("\n\nBlue."), eos]
    assert found.encode(["Name a colour."], ["Blue."])[0] != model.encode(["Name a colour."], ["Blue."])[0]
    again = RewardModel.from_pretrained(found.save_pretrained(tmp_path / "again"), device="cpu")
    assert isinstance(again.convention, Apart)
    record["token_ids"] = {"convention": "tomorrow's"}
    (old / MANIFEST).write_text(json.dumps(record))
    with pytest.raises(ModelError, match=re.escape('the convention "tomorrow\'s"')):
        RewardModel.from_pretrained(old)


def test_a_change_that_the_owner_allows_keeps_the_convention(own, tmp_path):
    folder = shutil.copytree(own[1], tmp_path / "m")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "note": "mine"}))
    advice = r"rmlab\.json [^{]*(\{.*\})"
    with pytest.raises(ModelError, match=advice) as raised:
        RewardModel.from_pretrained(folder)
    found = re.search(advice, str(raised.value))
    assert found
    (folder / MANIFEST).write_text(found[1])
    assert RewardModel.from_pretrained(folder, device="cpu").convention == Joined("\n\n")
