"""Reward models change hands with TRL: its trainers take rmlab's as rewards, and rmlab loads what they trained."""

import copy
import warnings

import datasets
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, Qwen2Config

from rmlab.datasets import load_everyday
from rmlab.model import RewardModel

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from trl import GRPOConfig, GRPOTrainer, RewardConfig, RewardTrainer

pytestmark = [
    pytest.mark.usefixtures("no_bars"),
    pytest.mark.filterwarnings("ignore"),  # what TRL and the trainer below it warn of is theirs
    pytest.mark.parametrize("name", ["tiny-decoder", "tiny-encoder"]),
]

ON_A_CPU = {"use_cpu": True, "bf16": False, "report_to": "none", "disable_tqdm": True, "save_strategy": "no"}


def test_a_trainer_of_trl_is_rewarded_by_the_scores(name, tmp_path):
    model = RewardModel.from_pretrained(name, seed=1)
    folder = model.save_pretrained(tmp_path / "reward")
    config = Qwen2Config(
        vocab_size=len(model.tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, pad_token_id=model.tokenizer.pad_token_id, eos_token_id=None,
    )  # fmt: skip
    tokenizer = copy.deepcopy(model.tokenizer)
    tokenizer.eos_token = tokenizer.eos_token or tokenizer.sep_token
    scored = []

    def score(prompts, completions, **_):  # as the README has it
        scored.extend(model.score(prompts, completions).tolist())
        return scored

    trainer = GRPOTrainer(
        AutoModelForCausalLM.from_config(config),
        reward_funcs=[str(folder), score],
        args=GRPOConfig(
            str(tmp_path / "policy"),
            per_device_train_batch_size=4,
            num_generations=4,
            max_completion_length=6,
            max_steps=1,
            **ON_A_CPU,
        ),
        train_dataset=datasets.Dataset.from_list([{"prompt": pair.prompt} for pair in load_everyday()[:8]]),
        processing_class=tokenizer,
    )
    asked, given = [], []

    def keep(module, arguments, inputs, output):
        asked.extend(
            row[mask.bool()].tolist() for row, mask in zip(inputs["input_ids"], inputs["attention_mask"], strict=True)
        )
        given.extend(output.logits[:, 0].tolist())

    trainer.reward_funcs[0].register_forward_hook(keep, with_kwargs=True)
    trainer.train()
    assert len(given) == 4
    with torch.no_grad():
        torch.testing.assert_close(torch.tensor(given), model.score_ids(asked), atol=1e-5, rtol=1e-5)
    assert len(set(given)) > 1
    assert len(scored) == 4


def test_a_reward_model_trained_by_trl_is_loaded_with_its_scores(name, tmp_path):
    start = RewardModel.from_pretrained(name, seed=1)
    network = AutoModelForSequenceClassification.from_pretrained(start.save_pretrained(tmp_path / "start"))
    rows = [{"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in load_everyday()[:16]]
    arguments = RewardConfig(
        str(tmp_path / "work"), per_device_train_batch_size=8, max_steps=2, learning_rate=1e-2, **ON_A_CPU
    )
    tokenizer = copy.deepcopy(start.tokenizer)
    tokenizer.eos_token = tokenizer.eos_token or tokenizer.sep_token
    trainer = RewardTrainer(
        network, args=arguments, train_dataset=datasets.Dataset.from_list(rows), processing_class=tokenizer
    )
    trainer.train()
    trainer.save_model(str(tmp_path / "trained"))

    model = RewardModel.from_pretrained(tmp_path / "trained")
    pairs = load_everyday()[:6]
    encoded = model.encode([pair.prompt for pair in pairs], [pair.chosen for pair in pairs])
    network.eval()
    with torch.no_grad():
        theirs = torch.cat([network(torch.tensor([ids])).logits[:, 0] for ids in encoded])
    torch.testing.assert_close(torch.from_numpy(model.score_encoded(encoded)), theirs, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(theirs, torch.from_numpy(start.score_encoded(encoded)), atol=1e-3)  # it was trained
