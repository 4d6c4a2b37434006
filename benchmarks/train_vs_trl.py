"""Train minilm with `rmlab.training.train` and with TRL's `RewardTrainer`, all else equal, and compare the quality.

    python benchmarks/train_vs_trl.py [--seeds 5] [--max-pairs 900] [--learning-rate 1e-4]
        [--pairs FILE_OR_HUB_ID]

For each seed both sides start from the same weights (the seed decides the head, the split by prompt and the order of
the pairs) and train for one epoch on the same token ids in the same order, in bf16. Both trained models are scored by
the same code in fp32 on the same held-out pairs, and their log losses are compared seed by seed. The losses that both
report for the first batch, before any step, must agree.

Each run is its own process (TRL and rmlab both set up `accelerate`, which is global). The sides take turns: TRL goes
first, and in the next round rmlab. Seconds and memory are printed, but have no target here: rmlab sorts a batch by
length, and TRL pads it to its longest text.
"""

import argparse
import importlib.metadata
import multiprocessing
import resource
import statistics
import sys
import tempfile
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _pairs import add_pairs_option, read_or_exit
from _targets import verdict

from rmlab.data import PreferencePairs, split_by_prompt

if TYPE_CHECKING:
    from rmlab.model import RewardModel
    from rmlab.training import TrainingConfig, TrainingData

MAX_LENGTH = 512
FRACTIONS = (0.7, 0.3)
FIRST_LOSS_LIMIT = 1e-3
LOG_LOSS_LIMIT = 0.01


@dataclass(frozen=True)
class Result:
    """One run."""

    losses: list[float]
    """The loss of each batch before its step, in nats."""
    log_loss: float
    """The mean over the held-out pairs after the last step, in nats."""
    accuracy: float
    n_train: int
    n_held_out: int
    n_too_long: int
    seconds: float
    peak_gib: float
    settings: str


def run(side: str, seed: int, pairs: str, max_pairs: int, learning_rate: float) -> Result:
    """Train and evaluate one side with one seed, in its own process."""
    import torch
    import transformers

    from rmlab.evaluation import evaluate
    from rmlab.model import RewardModel
    from rmlab.training import TrainingConfig, prepare

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    warnings.simplefilter("ignore", FutureWarning)  # TRL sets options by names that transformers is about to drop
    model = RewardModel.from_pretrained("minilm", seed=seed, max_length=MAX_LENGTH)
    usable, n_too_long = whole_pairs(model, read_or_exit(pairs))
    usable = usable[np.sort(np.random.default_rng(seed).permutation(len(usable))[:max_pairs])]
    train_pairs, held_out_pairs = split_by_prompt(usable, fractions=FRACTIONS, seed=seed)
    data, held_out = prepare(model, train_pairs), prepare(model, held_out_pairs)
    config = TrainingConfig(
        epochs=1, batch_size=16, max_length=MAX_LENGTH, precision="bf16", learning_rate=learning_rate, seed=seed
    )
    losses, seconds = (train_rmlab if side == "rmlab" else train_trl)(model, data, config)
    evaluation = evaluate(model.score_differences(held_out.encoded, precision="fp32"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
    settings = f"{config}\npairs {FRACTIONS} to train on, held out; {model.device}, {torch.get_num_threads()} threads"
    return Result(losses, evaluation.log_loss, evaluation.accuracy, len(data), len(held_out), n_too_long, seconds, peak,
                  settings)  # fmt: skip


def whole_pairs(model: "RewardModel", pairs: PreferencePairs) -> tuple[PreferencePairs, int]:
    """Return the pairs that fit the model without truncation, and how many do not."""
    encoded = model.encode_pairs(pairs)
    cuts = [
        count
        for side in (encoded.chosen, encoded.rejected)
        for count in (side.prompt_tokens_cut, side.response_tokens_cut)
    ]
    whole = np.max(cuts, axis=0) == 0
    return pairs[whole], int((~whole).sum())


def train_rmlab(model: "RewardModel", data: "TrainingData", config: "TrainingConfig") -> tuple[list[float], float]:
    from rmlab.training import train

    steps = train(model, data, config=config, progress=False).steps
    return [step.loss for step in steps], steps[-1].seconds


def train_trl(
    model: "RewardModel", data: "TrainingData", config: "TrainingConfig", *, callbacks: Sequence[Any] = ()
) -> tuple[list[float], float]:
    """Train a copy of the model with TRL, and load its weights into the model."""
    import datasets
    import torch
    from transformers import AutoModelForSequenceClassification, PrinterCallback
    from trl import RewardConfig, RewardTrainer  # pyright: ignore[reportPrivateImportUsage]

    datasets.disable_progress_bars()
    # the order in which rmlab takes the pairs
    order = np.random.default_rng(config.seed).permutation(len(data))
    rows = [
        {
            "chosen_ids": data.encoded.chosen[i],
            "rejected_ids": data.encoded.rejected[i],
            "margin": float(data.margins[i]),
        }
        for i in order
    ]
    n_steps = -(-len(rows) // config.batch_size)
    with tempfile.TemporaryDirectory() as scratch:
        folder = model.save_pretrained(Path(scratch) / "model")
        is_bert = model.network.config.model_type == "bert"
        no_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0} if is_bert else {}
        network = AutoModelForSequenceClassification.from_pretrained(folder, **no_dropout)
        arguments = RewardConfig(
            output_dir=scratch,
            num_train_epochs=1,
            per_device_train_batch_size=config.batch_size,
            train_sampling_strategy="sequential",
            max_length=MAX_LENGTH,
            bf16=True,
            gradient_checkpointing=False,
            disable_dropout=True,
            learning_rate=config.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=round(config.warmup_fraction * n_steps),
            optim="adamw_torch_fused",
            weight_decay=config.weight_decay,
            max_grad_norm=config.max_grad_norm,
            seed=config.seed,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
        )
        trainer = RewardTrainer(
            network,
            args=arguments,
            train_dataset=datasets.Dataset.from_list(rows),
            processing_class=model.tokenizer,
            callbacks=list(callbacks),
        )
        trainer.remove_callback(PrinterCallback)
        outcome = trainer.train()
    model.network.load_state_dict(network.state_dict())
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return losses, outcome.metrics["train_runtime"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="runs of each side, from seed 0 on (default: 5)")
    parser.add_argument(
        "--max-pairs", type=int, default=900, help="pairs to train on and to hold out, together (default: 900)"
    )
    parser.add_argument(
        "--learning-rate", type=float, default=1e-4, help="learning rate of both sides (default: TRL's default, 1e-4)"
    )
    add_pairs_option(parser)
    options = parser.parse_args()
    read_or_exit(options.pairs)  # so that a missing file is noticed here, and not in another process
    results: dict[str, list[Result]] = {"trl": [], "rmlab": []}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context, max_tasks_per_child=1) as pool:
        for seed in range(options.seeds):
            for side in ("rmlab", "trl") if seed % 2 else ("trl", "rmlab"):
                job = pool.submit(run, side, seed, options.pairs, options.max_pairs, options.learning_rate)
                results[side].append(job.result())
            report_seed(seed, results["trl"][-1], results["rmlab"][-1])
    report(results["trl"], results["rmlab"])


def report_seed(seed: int, trl: Result, rmlab: Result) -> None:
    if seed == 0:
        peers = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("trl", "transformers", "torch"))
        print(f"{peers}; both sides, no dropout and no gradient checkpointing:\n{rmlab.settings}")
        print(f"{rmlab.n_too_long} pairs of over {MAX_LENGTH} tokens left out")
        print(f"{'':5}{'pairs':>12}{'first loss':>18}{'largest':>11}{'held-out log loss':>20}{'accuracy':>16}"
              f"{'seconds':>14}{'peak GiB':>12}\n{'seed':5}{'(held out)':>12}{'TRL    rmlab':>18}{'difference':>11}"
              f"{'TRL   rmlab':>20}{'TRL   rmlab':>16}{'TRL  rmlab':>14}{'TRL rmlab':>12}")  # fmt: skip
    spread = max(abs(a - b) for a, b in zip(trl.losses, rmlab.losses, strict=True))
    pairs = f"{rmlab.n_train} ({rmlab.n_held_out})"
    print(f"{seed:<5}{pairs:>12}{trl.losses[0]:10.5f}{rmlab.losses[0]:8.5f}{spread:11.4f}{trl.log_loss:12.4f}"
          f"{rmlab.log_loss:8.4f}{trl.accuracy:9.3f}{rmlab.accuracy:7.3f}{trl.seconds:8.0f}{rmlab.seconds:6.0f}"
          f"{trl.peak_gib:7.1f}{rmlab.peak_gib:5.1f}", flush=True)  # fmt: skip


def report(trl: list[Result], rmlab: list[Result]) -> None:
    first = max(abs(ours.losses[0] - theirs.losses[0]) for ours, theirs in zip(rmlab, trl, strict=True))
    kept = verdict(first <= FIRST_LOSS_LIMIT)
    print(f"first loss: differs by {first:.1e} at most (limit: {FIRST_LOSS_LIMIT:.0e}): {kept}")
    worse = [ours.log_loss - theirs.log_loss for ours, theirs in zip(rmlab, trl, strict=True)]
    mean = statistics.fmean(worse)
    error = f"{statistics.stdev(worse) / len(worse) ** 0.5:.4f}" if len(worse) > 1 else "unknown"
    print(f"held-out log loss, rmlab - TRL: {mean:+.4f}, standard error {error}, {len(worse)} seeds "
          f"(limit: +{LOG_LOSS_LIMIT}): {verdict(mean <= LOG_LOSS_LIMIT)}")  # fmt: skip
    ratio = statistics.median(theirs.seconds / ours.seconds for ours, theirs in zip(rmlab, trl, strict=True))
    print(f"TRL's time / rmlab's: {ratio:.2f}x (median)")


if __name__ == "__main__":
    main()
