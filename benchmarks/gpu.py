"""Measurements on a GPU, in three commands; each writes a JSON record with machine, date and command.

    python benchmarks/gpu.py speed  [--pairs FILE_OR_HUB_ID] [--out FILE]
    python benchmarks/gpu.py minilm [--pairs FILE_OR_HUB_ID] [--out FILE]
    python benchmarks/gpu.py bayes  [--out FILE]

speed: a decoder of Qwen2.5-0.5B's shape with random weights, trained by rmlab and by TRL's RewardTrainer on the same
token ids (pairs of at most 512 tokens) in bf16, without gradient checkpointing or dropout. Each side first tries
batches of 8 pairs, 16 and so on up to 256, until they are no faster or the memory is full. At its best batch size it is
then timed for at least a minute, without compilation. MFU is the share of the GPU's arithmetic that was needed: the
products of the weights outside the embedding with useful tokens (each prompt once), and those of attention with the
tokens that they look at, divided by 989 TFLOP/s, the dense bf16 rate of an H100 or H200.

minilm: minilm trained on the pairs as `rmlab train` does it, and its accuracy on the test part.

bayes: a decoder of 100 million weights trained from scratch on simulated texts, whose best possible accuracy is known.

Together they should take ten minutes of one H100, which has not been tried yet. With `--tiny` each runs within seconds
on a CPU, to test that it runs; the figures then mean nothing.
"""

import argparse
import datetime
import gc
import importlib.metadata
import json
import math
import multiprocessing
import platform
import resource
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _operations import needed, training_operations
from _pairs import add_pairs_option, read_or_exit
from _targets import verdict
from train_speed import decoder, timed_rmlab, timed_trl
from train_vs_trl import FIRST_LOSS_LIMIT, MAX_LENGTH, whole_pairs

if TYPE_CHECKING:
    from rmlab.data import PreferencePairs
    from rmlab.model import RewardModel
    from rmlab.training import TrainingData

PEAK = 989e12
"""Dense bf16 operations per second of an H100 or H200 (SXM), from the data sheet."""
SPEED_TARGET, MFU_TARGET = 3.0, 0.40
WARM = 6
"""Steps that are not timed, because their shapes are still being compiled."""
SHAPES = {
    # https://huggingface.co/Qwen/Qwen2.5-0.5B/blob/main/config.json
    "speed": {"vocab_size": 151_936, "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24,
              "num_attention_heads": 14, "num_key_value_heads": 2, "rope_theta": 1e6, "rms_norm_eps": 1e-6},
    "bayes": {"hidden_size": 768, "intermediate_size": 2560, "num_hidden_layers": 12, "num_attention_heads": 12,
              "num_key_value_heads": 12},
    "tiny": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
             "num_key_value_heads": 4, "initializer_range": 0.1},
}  # fmt: skip


@dataclass(frozen=True)
class Timed:
    """Steps that were timed at one batch size."""

    batch_size: int
    steps: int
    seconds: float
    first_loss: float
    pairs_per_second: float
    useful_tokens_per_second: float
    mfu: float
    peak_gib: float


def speed(options: argparse.Namespace) -> dict[str, Any]:
    """Time both sides, each in its own process."""
    pairs_of(options)  # so that a missing file is noticed here
    context = multiprocessing.get_context("spawn")
    sides = {}
    with ProcessPoolExecutor(max_workers=1, mp_context=context, max_tasks_per_child=1) as pool:
        for side in ("rmlab", "trl"):
            sides[side] = pool.submit(time_side, side, options).result()
            best = sides[side]["best"]
            print(f"{side:5} {json.dumps(best)}", flush=True)
    ours, theirs = sides["rmlab"]["best"], sides["trl"]["best"]
    ratio = ours["pairs_per_second"] / theirs["pairs_per_second"]
    apart = abs(sides["rmlab"]["tried"][0]["first_loss"] - sides["trl"]["tried"][0]["first_loss"])
    fast, busy, alike = ratio >= SPEED_TARGET, ours["mfu"] >= MFU_TARGET, apart <= FIRST_LOSS_LIMIT
    print(f"{ratio:.2f}x TRL's pairs; MFU {ours['mfu']:.3f}; first losses differ by {apart:.1e}")
    if not options.tiny:
        print(f"at least {SPEED_TARGET}x: {verdict(fast)}; MFU of at least {MFU_TARGET}: {verdict(busy)}; "
              f"first losses within {FIRST_LOSS_LIMIT:.0e}: {verdict(alike)}")  # fmt: skip
    return {"times_trl": ratio, "first_losses_apart": apart, "sides": sides}


def time_side(side: str, options: argparse.Namespace) -> dict[str, Any]:
    """Find the best batch size of a side, and time it there."""
    import torch

    from rmlab.model import RewardModel
    from rmlab.training import prepare

    quiet()
    tokenizer = RewardModel.from_pretrained(options.tokenizer, device="cpu").tokenizer
    model = decoder(tokenizer, **SHAPES["tiny" if options.tiny else "speed"])
    usable, n_too_long = whole_pairs(model, pairs_of(options))
    data = prepare(model, usable)
    tried: list[Timed] = []
    full_at = None
    for batch_size in (2, 4) if options.tiny else (8, 16, 32, 64, 128, 256):
        try:
            tried.append(time_steps(side, model, data, batch_size, 2 * WARM))
        except torch.OutOfMemoryError:
            full_at = batch_size
            gc.collect()
            torch.cuda.empty_cache()
            break
        if len(tried) > 1 and tried[-1].pairs_per_second < 1.02 * tried[-2].pairs_per_second:
            break
    best = max(tried, key=lambda run: run.pairs_per_second)
    steps = WARM + math.ceil(1.1 * options.seconds * best.pairs_per_second / best.batch_size)
    best = time_steps(side, model, data, best.batch_size, steps)
    return {
        "best": asdict(best),
        "long_enough": best.seconds >= options.seconds,
        "tried": [asdict(run) for run in tried],
        "out_of_memory_at": full_at,
        "parameters": sum(p.numel() for p in model.parameters()),
        "pairs": len(data),
        "pairs_too_long": n_too_long,
        "layout": model.layout() if side == "rmlab" else "padded",
    }


def time_steps(side: str, model: "RewardModel", data: "TrainingData", batch_size: int, steps: int) -> Timed:
    """Train for that many steps, and time those after the first few."""
    import torch

    from rmlab.training import TrainingConfig

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    places = np.resize(np.arange(len(data)), batch_size * steps)  # the pairs again and again
    data = replace(data, encoded=data.encoded.take(places), margins=data.margins[places],
                   places=tuple(data.places[i] for i in places),
                   weights=None if data.weights is None else data.weights[places])  # fmt: skip
    config = TrainingConfig(batch_size=batch_size, max_length=MAX_LENGTH, precision="bf16", learning_rate=1e-5, seed=0)
    losses, ends = (timed_rmlab if side == "rmlab" else timed_trl)(model, data, config)
    seconds = ends[-1] - ends[WARM - 1]
    order = np.random.default_rng(config.seed).permutation(len(data))  # in which both sides take the pairs
    tokens, looks = needed(data.encoded.take(order[WARM * batch_size :]))
    return Timed(
        batch_size=batch_size,
        steps=steps,
        seconds=seconds,
        first_loss=losses[0],
        pairs_per_second=(steps - WARM) * batch_size / seconds,
        useful_tokens_per_second=tokens / seconds,
        mfu=training_operations(model, tokens=tokens, looks=looks) / seconds / PEAK,
        peak_gib=peak_gib(),
    )


def minilm(options: argparse.Namespace) -> dict[str, Any]:
    """Train minilm, and evaluate it on pairs that it has not seen."""
    from rmlab.data import split_by_prompt
    from rmlab.evaluation import evaluate
    from rmlab.model import RewardModel
    from rmlab.training import TrainingConfig, prepare, train

    model = RewardModel.from_pretrained(options.backbone, seed=0)
    train_pairs, held_out, test = (prepare(model, part) for part in split_by_prompt(pairs_of(options), seed=0))
    started = time.perf_counter()
    config = TrainingConfig(epochs=options.epochs, seed=0)
    history = train(model, train_pairs, held_out=held_out, config=config, progress=not options.tiny)
    seconds = time.perf_counter() - started
    result = evaluate(model.score_differences(test.encoded))
    low, high = result.accuracy_interval
    print(f"test accuracy {result.accuracy:.3f} (95%: {low:.3f} to {high:.3f}, {result.n_pairs} pairs), "
          f"log loss {result.log_loss:.3f}, {seconds:.0f} s of training")  # fmt: skip
    return {
        "accuracy": result.accuracy,
        "accuracy_interval": [low, high],
        "log_loss": result.log_loss,
        "pairs": {"train": len(train_pairs), "held out": len(held_out), "test": result.n_pairs},
        "config": asdict(history.config),
        "layout": history.layout,
        "seconds": seconds,
        "peak_gib": peak_gib(),
    }


def bayes(options: argparse.Namespace) -> dict[str, Any]:
    """Train a decoder from scratch on texts whose true reward is known."""
    from rmlab.data import split_by_prompt
    from rmlab.model import RewardModel
    from rmlab.simulate import SimulatedTextPairs, expected_outcomes, simulate_text_pairs
    from rmlab.training import TrainingConfig, train

    quiet()
    n_pairs, epochs = (60, 1) if options.tiny else (40_000, 3)
    train_pairs, test = split_by_prompt(simulate_text_pairs(n_pairs, seed=0).pairs, fractions=(0.9, 0.1), seed=0)
    tokenizer = RewardModel.from_pretrained("tiny-decoder", device="cpu").tokenizer
    model = decoder(tokenizer, **SHAPES["tiny" if options.tiny else "bayes"])
    config = TrainingConfig(epochs=epochs, batch_size=64, learning_rate=3e-4, seed=0)
    started = time.perf_counter()
    history = train(model, train_pairs, config=config, progress=not options.tiny)
    seconds = time.perf_counter() - started
    truth = SimulatedTextPairs(test)
    accuracy = float(expected_outcomes(model.score_differences(test), truth.score_differences).mean())
    print(f"accuracy {accuracy:.4f} on average over the labels of {len(test):,} test pairs; the best possible is "
          f"{truth.bayes_accuracy:.4f}; {seconds:.0f} s of training")  # fmt: skip
    return {
        "accuracy": accuracy,
        "bayes_accuracy": truth.bayes_accuracy,
        "pairs": {"train": len(train_pairs), "test": len(test)},
        "parameters": sum(p.numel() for p in model.parameters()),
        "config": asdict(config),
        "layout": history.layout,
        "seconds": seconds,
        "peak_gib": peak_gib(),
    }


def pairs_of(options: argparse.Namespace) -> "PreferencePairs":
    """Read the pairs; with `--tiny`, return a few that ship with rmlab."""
    from rmlab.datasets import load_everyday

    return load_everyday()[:60] if options.tiny else read_or_exit(options.pairs)


def peak_gib() -> float:
    """Return the peak memory so far: of the GPU if there is one, else of this process."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)


def quiet() -> None:
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    warnings.simplefilter("ignore", FutureWarning)  # TRL sets options by names that transformers is about to drop


def about(name: str) -> dict[str, Any]:
    """Return what was run, when, on which machine and with which versions."""
    import torch

    versions = {}
    for package in ("reward-model-lab", "torch", "transformers", "trl"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "benchmark": name,
        "command": " ".join(["python benchmarks/gpu.py", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU ({platform.machine()})",
        "versions": {"python": platform.python_version(), **versions},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="name", metavar="speed | minilm | bayes")
    for measure in (speed, minilm, bayes):
        command = commands.add_parser(measure.__name__, help=measure.__doc__)
        command.set_defaults(measure=measure)
        command.add_argument("--out", type=Path, help="the record (default: build/gpu_NAME.json)")
        command.add_argument("--tiny", action="store_true", help="small sizes, also on a CPU, to test that it runs")
        if measure is not bayes:
            add_pairs_option(command)
        if measure is speed:
            command.add_argument("--seconds", type=float, default=60, help="how long each side is timed (default: 60)")
            command.add_argument(
                "--tokenizer", default="minilm", help="the model whose tokenizer is used (default: minilm)"
            )
        if measure is minilm:
            command.add_argument("--backbone", default="minilm", help="short name, folder or hub id (default: minilm)")
            command.add_argument("--epochs", type=float, default=1, help="passes over the training part (default: 1)")
    options = parser.parse_args()
    if options.name is None:
        parser.print_help()
        return
    import torch

    if not (options.tiny or torch.cuda.is_available()):
        parser.error("there is no GPU here. With --tiny it runs in a small size on a CPU, and measures nothing")
    record = {**about(options.name), "tiny": options.tiny, **options.measure(options)}
    out = options.out or Path(f"build/gpu_{options.name}.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"written to {out}")


if __name__ == "__main__":
    main()
