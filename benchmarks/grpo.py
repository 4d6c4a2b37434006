"""Train the small language model by TRL's GRPO, with a course model as the reward, and print what it writes.

    python benchmarks/grpo.py [--judge flattered] [--steps 60] [--questions 8]

The policy is `rmlab.datasets.load_tiny_language_model`, which imitates the replies of the world of replies. The reward
is the score of the course's model, or of its twin. With such a small policy this shows only that the parts work
together, and the direction of the change: its sentences are not those of the world, so their true reward is unknown.
"""

import argparse
import shutil
import tempfile
import time
import warnings
from typing import Any

import datasets
import numpy as np
import torch
from transformers import AutoModelForCausalLM

from rmlab.datasets import course_model, load_tiny_language_model
from rmlab.model import RewardModel
from rmlab.simulate.replies import load_questions


def main() -> None:
    """Train, and print before and after."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", choices=("fair", "flattered"), default="flattered")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument(
        "--questions", type=int, default=8, help="how many of the questions that the policy was trained on (default: 8)"
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    datasets.disable_progress_bars()
    from trl import GRPOConfig, GRPOTrainer

    reward, policy = course_model(options.judge), load_tiny_language_model()
    tokenizer: Any = RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu").tokenizer
    tokenizer.padding_side = "left"
    prompts = [question.prompt for question in load_questions(fresh=False)[: options.questions]]
    means: list[float] = []

    def score(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
        scores = reward.score(prompts, completions)
        means.append(float(scores.mean()))
        return scores.tolist()

    def written(n: int = 8) -> tuple[list[str], float]:
        """Return a reply to each question, and the mean score of n replies to each."""
        torch.manual_seed(0)
        ids = tokenizer(prompts, return_tensors="pt", padding=True)
        made = policy.generate(
            input_ids=ids["input_ids"], attention_mask=ids["attention_mask"], do_sample=True, max_new_tokens=48,
            num_return_sequences=n, pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
        )  # fmt: skip
        texts = tokenizer.batch_decode(made[:, ids["input_ids"].shape[1] :], skip_special_tokens=True)
        scores = reward.score([prompt for prompt in prompts for _ in range(n)], texts)
        return texts[::n], float(np.mean(scores))

    before, at_first = written()
    started = time.perf_counter()
    folder = tempfile.mkdtemp(prefix="rmlab-grpo-")  # the trainer loads its reference model from there
    policy.save_pretrained(folder)
    policy = AutoModelForCausalLM.from_pretrained(folder)
    trainer = GRPOTrainer(
        policy,
        reward_funcs=score,
        args=GRPOConfig(
            output_dir=folder, max_steps=options.steps, per_device_train_batch_size=16, num_generations=8,
            max_completion_length=48, learning_rate=2e-4, beta=0.02, temperature=1.0, seed=0, use_cpu=True, bf16=False,
            report_to="none", disable_tqdm=True, save_strategy="no", logging_steps=options.steps,
        ),
        train_dataset=datasets.Dataset.from_dict({"prompt": prompts}),
        processing_class=tokenizer,
    )  # fmt: skip
    trainer.train()
    policy.eval()
    shutil.rmtree(folder)
    after, at_last = written()
    print(f"\n{options.steps} steps of 16 replies in {time.perf_counter() - started:.0f} s; reward: {options.judge}")
    print(f"mean score of 8 replies to each question: {at_first:+.2f} before, {at_last:+.2f} after")
    tenth = max(1, len(means) // 10)
    print("mean score along the way: " + " ".join(f"{np.mean(means[i : i + tenth]):+.2f}" for i in
                                                    range(0, len(means), tenth)))  # fmt: skip
    for prompt, first, last in list(zip(prompts, before, after, strict=True))[:4]:
        print(f"\n{prompt}\n  before: {first}\n  after:  {last}")


if __name__ == "__main__":
    main()
