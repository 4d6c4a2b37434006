"""Train with `rmlab.training.train` and with TRL's `RewardTrainer`, and compare speed and memory.

    python benchmarks/train_speed.py [--models decoder minilm] [--batches 8 32] [--n-pairs 200] [--rounds 5]
        [--threads default 1] [--count] [--pairs FILE_OR_HUB_ID]

Both sides have the same weights, token ids (pairs of at most 512 tokens), order, batches, bf16, learning rate, no
gradient checkpointing and no dropout; the losses that both report for the first batch must agree. "decoder" is a Qwen2
architecture of 6 layers, 384 wide, with random weights and minilm's tokenizer. Each run is its own process, and the
sides take turns. They run with torch's default number of threads (what a user gets) and with one. Two ratios are
printed, each a median over the rounds: that of the steps from the second on, and that of the whole run, from the start
of the process. The whole run includes imports, the model, reading and tokenising the pairs, and the first step.

For comparison it prints the ratios that counting allows. Tokens: the number computed when each batch is padded to its
longest text, divided by the number of useful tokens, which are those of packed rows with a shared prompt (decoder) or
of the texts themselves (encoder). Operations: the matrix products of weights and of attention in the rows that each
side really computes, with their padding and what a dense mask hides. What does not grow with the number of tokens, such
as the optimiser's step, is in neither. `--count` counts over all pairs of the file, and trains nothing.
"""

import argparse
import importlib.metadata
import itertools
import multiprocessing
import resource
import statistics
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from _operations import training_operations
from _pairs import add_pairs_option, read_or_exit
from _targets import verdict
from train_vs_trl import FIRST_LOSS_LIMIT, MAX_LENGTH, train_trl, whole_pairs

from rmlab.model.packing import grow_trees

if TYPE_CHECKING:
    from rmlab.data import PreferencePairs
    from rmlab.model import RewardModel
    from rmlab.training import TrainingConfig, TrainingData

TARGETS = {
    ("decoder", 8): (2.8, 0.55),
    ("decoder", 32): (5.0, 0.40),
    ("minilm", 8): (2.1, None),
    ("minilm", 32): (3.2, None),
}
"""The least speed of the steps and the most peak memory, as multiples of TRL's."""


@dataclass(frozen=True)
class Result:
    """One run."""

    first_loss: float
    pairs_per_second: float
    whole_seconds: float
    """From the start of the process to the last step."""
    threads: int
    useful_tokens: int
    allowed: float
    """How many times more tokens padding computes: what counting tokens allows."""
    operations_allow: float
    n_pairs: int
    peak_gib: float
    layout: str


def make(name: str) -> "RewardModel":
    """Load minilm, or give a decoder random weights."""
    from rmlab.model import RewardModel

    minilm = RewardModel.from_pretrained("minilm", seed=0, max_length=MAX_LENGTH)
    if name == "minilm":
        return minilm
    sizes = {"hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 6, "num_attention_heads": 6}
    return decoder(minilm.tokenizer, **sizes, num_key_value_heads=6)


def decoder(tokenizer: Any, **sizes: Any) -> "RewardModel":
    """Give a Qwen2 architecture of these sizes random weights."""
    import torch
    from transformers import AutoModelForSequenceClassification, Qwen2Config

    from rmlab.model import RewardModel

    tokenizer.eos_token = tokenizer.eos_token or tokenizer.sep_token
    fixed = {"max_position_embeddings": MAX_LENGTH, "pad_token_id": tokenizer.pad_token_id, "num_labels": 1}
    config = Qwen2Config(**{"vocab_size": len(tokenizer)} | sizes | fixed)
    torch.manual_seed(0)
    return RewardModel(AutoModelForSequenceClassification.from_config(config), tokenizer, max_length=MAX_LENGTH)


def run(side: str, name: str, batch_size: int, n_pairs: int, pairs: str, threads: int | None, asked: float) -> Result:
    """Train one side on that many pairs, in its own process, which was requested at the Unix time `asked`."""
    import torch
    import transformers

    from rmlab.training import prepare

    if threads is not None:
        torch.set_num_threads(threads)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    warnings.simplefilter("ignore", FutureWarning)
    model = make(name)
    usable, _ = whole_pairs(model, read_or_exit(pairs))
    # the same pairs for both sides
    drawn = np.sort(np.random.default_rng(0).permutation(len(usable))[: n_pairs // batch_size * batch_size])
    data = prepare(model, usable[drawn])
    config = configured(batch_size)
    losses, ends = (timed_rmlab if side == "rmlab" else timed_trl)(model, data, config)
    whole = time.time() - asked
    useful, allowed, operations_allow = count(model, data, config)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
    speed = (len(losses) - 1) * batch_size / (ends[-1] - ends[0])
    layout = model.layout(config.packing)
    return Result(
        first_loss=losses[0],
        pairs_per_second=speed,
        whole_seconds=whole,
        threads=torch.get_num_threads(),
        useful_tokens=useful,
        allowed=allowed,
        operations_allow=operations_allow,
        n_pairs=len(data),
        peak_gib=peak,
        layout=layout,
    )


def configured(batch_size: int) -> "TrainingConfig":
    """Return the settings of both sides."""
    from rmlab.training import TrainingConfig

    return TrainingConfig(batch_size=batch_size, max_length=MAX_LENGTH, precision="bf16", seed=0)


def timed_rmlab(
    model: "RewardModel", data: "TrainingData", config: "TrainingConfig"
) -> tuple[list[float], list[float]]:
    """Return the loss of each step, and the second at which it ended."""
    from rmlab.training import training_steps

    losses, ends = [], []
    for step in training_steps(model, data, config=config):
        losses.append(step.loss)
        ends.append(time.perf_counter())
    return losses, ends


def timed_trl(model: "RewardModel", data: "TrainingData", config: "TrainingConfig") -> tuple[list[float], list[float]]:
    """Do the same as `timed_rmlab`, with TRL's trainer."""
    from transformers import TrainerCallback

    ends: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *arguments, **options):
            ends.append(time.perf_counter())

    losses, _ = train_trl(model, data, config, callbacks=[Clock()])
    return losses, ends


def count(model: "RewardModel", data: "TrainingData", config: "TrainingConfig") -> tuple[int, float, float]:
    """Return the useful tokens of the run, and how many times more tokens and operations padding takes."""
    order = np.random.default_rng(config.seed).permutation(len(data))
    useful = 0
    padded, packed = np.zeros(2, dtype=np.int64), np.zeros(2, dtype=np.int64)  # tokens, looks
    for start in range(0, len(order), config.batch_size):
        batch = order[start : start + config.batch_size]
        texts = [side[i] for side in (data.encoded.chosen, data.encoded.rejected) for i in batch]
        longest = max(map(len, texts))
        padded += len(texts) * longest, len(texts) * longest**2
        for rows, length in rows_of(model, texts, [*batch, *batch]):
            packed += rows * length, rows * length**2
        if model.pools_last_token:
            useful += sum(tree.size for tree in grow_trees(texts, [*batch, *batch], tree_tokens=MAX_LENGTH))
        else:
            useful += sum(map(len, texts))
    theirs, ours = (training_operations(model, tokens=int(n), looks=int(looks)) for n, looks in (padded, packed))
    return useful, int(padded[0]) / useful, theirs / ours


def rows_of(model: "RewardModel", texts: list[list[int]], keys: list[int]) -> list[tuple[int, int]]:
    """Return the rows and length of each batch in which the model scores these texts, without computing them."""
    import torch

    shapes = []

    def forward(*, input_ids: torch.Tensor, pooled: torch.Tensor | None = None, **_: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(input_ids.shape))
        return torch.zeros(len(input_ids if pooled is None else pooled), device=input_ids.device)

    model.score_ids(texts, keys=keys, forward=forward)
    return shapes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=("decoder", "minilm"), default=["decoder", "minilm"])
    parser.add_argument("--batches", nargs="+", type=int, default=[8, 32], help="pairs in a batch (default: 8 32)")
    parser.add_argument("--n-pairs", type=int, default=200, help="pairs of each run, whole batches (default: 200)")
    parser.add_argument(
        "--threads",
        nargs="+",
        type=lambda text: None if text == "default" else int(text),
        default=[None, 1],
        help="threads of each side (default: torch's own default, then 1)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="runs of each side (default: 5)")
    parser.add_argument("--count", action="store_true", help="count over all pairs of the file, and train nothing")
    add_pairs_option(parser)
    options = parser.parse_args()
    pairs = read_or_exit(options.pairs)
    if options.n_pairs < 2 * max(options.batches):
        parser.error(f"--n-pairs must be enough for two batches of {max(options.batches)}, got {options.n_pairs}")
    if any(threads is not None and threads < 1 for threads in options.threads):
        parser.error("--threads must be default, or at least 1")
    if options.count:
        count_all(options.models, options.batches, pairs)
        return
    print(", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("trl", "transformers", "torch")))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context, max_tasks_per_child=1) as pool:
        for name, batch_size, threads in itertools.product(options.models, options.batches, options.threads):
            found: dict[str, list[Result]] = {"trl": [], "rmlab": []}
            for turn in range(options.rounds):
                for side in ("rmlab", "trl") if turn % 2 else ("trl", "rmlab"):
                    job = pool.submit(run, side, name, batch_size, options.n_pairs, options.pairs, threads, time.time())
                    found[side].append(job.result())
            report(name, batch_size, found["trl"], found["rmlab"])


def count_all(models: list[str], batches: list[int], pairs: "PreferencePairs") -> None:
    from rmlab.training import prepare

    for name in models:
        model = make(name)
        usable, _ = whole_pairs(model, pairs)
        data = prepare(model, usable)
        for batch_size in batches:
            _, tokens, operations = count(model, data, configured(batch_size))
            print(f"{name}, batches of {batch_size}, all {len(data):,} pairs: counting tokens allows {tokens:.2f}x, "
                  f"counting operations {operations:.2f}x")  # fmt: skip


def report(name: str, batch_size: int, trl: list[Result], rmlab: list[Result]) -> None:
    ours, theirs = rmlab[0], trl[0]
    print(f"{name}, batches of {batch_size}, {ours.n_pairs} pairs, threads: {ours.threads}; rmlab: {ours.layout}")
    for side, results in (("TRL", trl), ("rmlab", rmlab)):
        speed, peak = (statistics.median(getattr(r, f) for r in results) for f in ("pairs_per_second", "peak_gib"))
        tokens = speed * ours.useful_tokens / ours.n_pairs
        first = results[0].first_loss
        rates = f"{speed:6.2f} pairs/s  {tokens:7.0f} useful tokens/s"
        whole = statistics.median(r.whole_seconds for r in results)
        print(f"  {side:6} {rates}  whole run {whole:.1f} s  peak {peak:.2f} GiB  first loss {first:.6f}")
    ratio = statistics.median(o.pairs_per_second / t.pairs_per_second for o, t in zip(rmlab, trl, strict=True))
    whole = statistics.median(t.whole_seconds / o.whole_seconds for o, t in zip(rmlab, trl, strict=True))
    memory = statistics.median(o.peak_gib / t.peak_gib for o, t in zip(rmlab, trl, strict=True))
    target, bound = TARGETS.get((name, batch_size), (None, None))
    wanted = "" if target is None else f" (at least {target}x: {verdict(ratio >= target)})"
    kept = "" if bound is None else f" (at most {bound}: {verdict(memory <= bound)})"
    print(f"  steps {ratio:.2f}x{wanted}; whole run {whole:.2f}x; peak memory {memory:.2f}{kept}")
    print(f"  counting tokens allows {ours.allowed:.2f}x, counting operations {ours.operations_allow:.2f}x")
    apart = abs(ours.first_loss - theirs.first_loss)
    print(
        f"  first losses differ by {apart:.1e} (limit {FIRST_LOSS_LIMIT:.0e}): {verdict(apart <= FIRST_LOSS_LIMIT)}",
        flush=True,
    )


if __name__ == "__main__":
    main()
