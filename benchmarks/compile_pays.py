"""Train with and without `TrainingConfig.compile`, and print after how many steps the compilation pays, if it does.

    python benchmarks/compile_pays.py [--models decoder minilm] [--batch-size 8] [--steps 60] [--pairs FILE_OR_HUB_ID]

The models and pairs are those of `train_speed.py`. Each side runs in its own process, with the same pairs in the same
order. The ratio of step times is the median over the second half of the run, step by step. The time of the compilation
is what the first half took beyond the time that it would have taken at that ratio.
"""

import argparse
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
from _pairs import add_pairs_option, read_or_exit
from train_speed import configured, make
from train_vs_trl import whole_pairs


def run(name: str, batch_size: int, steps: int, pairs: str, compiled: bool) -> tuple[list[float], list[float]]:
    """Train for some steps; return the seconds of each, and the losses."""
    from rmlab.training import prepare, training_steps

    model = make(name)
    usable, _ = whole_pairs(model, read_or_exit(pairs))
    drawn = np.sort(np.random.default_rng(0).permutation(len(usable))[: batch_size * steps])
    data = prepare(model, usable[drawn])
    seconds, losses, before = [], [], time.perf_counter()
    for step in training_steps(model, data, config=replace(configured(batch_size), compile=compiled)):
        now = time.perf_counter()
        seconds.append(now - before)
        losses.append(step.loss)
        before = now
    return seconds, losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=("decoder", "minilm"), default=["decoder", "minilm"])
    parser.add_argument("--batch-size", type=int, default=8, help="pairs in a batch (default: 8)")
    parser.add_argument("--steps", type=int, default=60, help="steps of each run (default: 60)")
    add_pairs_option(parser)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context, max_tasks_per_child=1) as pool:
        for name in options.models:
            arguments = name, options.batch_size, options.steps, options.pairs
            (plain, expected), (compiled, losses) = (pool.submit(run, *arguments, c).result() for c in (False, True))
            half = options.steps // 2
            ratio = np.median(np.array(compiled[half:]) / plain[half:])
            lost = sum(compiled[:half]) - ratio * sum(plain[:half])
            saved = (1 - ratio) * np.median(plain[half:])
            after = f"pays after {lost / saved:,.0f} steps" if saved > 0 else "does not pay"
            apart = np.abs(np.subtract(losses, expected)).max()
            print(
                f"{name}, batches of {options.batch_size}: a compiled step takes {ratio:.2f} of a plain one; "
                f"compilation took {lost:.0f} s, and {after}; losses differ by {apart:.1e} at most",
                flush=True,
            )


if __name__ == "__main__":
    main()
