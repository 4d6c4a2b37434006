"""Score dialogues with `RewardModel.score` and with transformers' text-classification pipeline, from the same folder.

    python benchmarks/score_vs_pipeline.py [--texts 128] [--pairs FILE_OR_HUB_ID]

One process runs the sides in turn, in reverse order in every second round; figures are medians of 5 rounds. The model
is minilm with a seeded head. The texts are drawn at random from those that need no truncation. Each side gets the same
prompts and responses and tokenises them itself; the benchmark checks that the token ids are the same. The pipeline runs
with its default batch size (1), to which the targets refer, and with batches of 8 and 32.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from _pairs import add_pairs_option, read_or_exit
from _targets import verdict

from rmlab.data import PreferencePairs
from rmlab.model import RewardModel

ROUNDS = 5
SEED = 0
TARGETS = {"fp32": 2.3, "bf16": 5.0}
LARGEST_DIFFERENCE = 1e-5
"""The largest difference between the scores in fp32."""


def draw_texts(pairs: PreferencePairs, model: RewardModel, n_texts: int) -> tuple[list[str], list[str]]:
    """Return n prompts and responses as plain text: each once, none too long for the model, in random order."""
    sides = (zip(pairs.texts("prompt"), pairs.texts(side), strict=True) for side in ("chosen", "rejected"))
    texts = dict.fromkeys(itertools.chain(*sides))
    prompts, responses = map(list, zip(*texts, strict=True))
    encoded = model.encode(prompts, responses)
    whole = np.flatnonzero((encoded.prompt_tokens_cut == 0) & (encoded.response_tokens_cut == 0))
    drawn = np.random.default_rng(SEED).permutation(whole)[:n_texts]
    return [prompts[i] for i in drawn], [responses[i] for i in drawn]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=128, help="how many to score (default: 128)")
    add_pairs_option(parser)
    options = parser.parse_args()
    pairs = read_or_exit(options.pairs)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as scratch:
        folder = RewardModel.from_pretrained("minilm", seed=SEED, device="cpu").save_pretrained(Path(scratch) / "model")
        model = RewardModel.from_pretrained(folder, device="cpu")
        pipeline: Any = transformers.pipeline(
            "text-classification", model=str(folder), function_to_apply="none", device="cpu", dtype=torch.float32
        )
    prompts, responses = draw_texts(pairs, model, options.texts)
    inputs = [{"text": p, "text_pair": r} for p, r in zip(prompts, responses, strict=True)]
    encoded = model.encode(prompts, responses)
    assert [pipeline.tokenizer(**text)["input_ids"] for text in inputs] == list(encoded), "the sides read different ids"
    lengths = np.array([len(ids) for ids in encoded])

    def piped(batch_size: int | None) -> Callable[[], np.ndarray]:
        options = {} if batch_size is None else {"batch_size": batch_size}
        return lambda: np.array([result["score"] for result in pipeline(inputs, **options)])

    sides: dict[str, Callable[[], np.ndarray]] = {
        "pipeline": piped(None),
        "pipeline, batches of 8": piped(8),
        "pipeline, batches of 32": piped(32),
        "rmlab, fp32": lambda: model.score(prompts, responses, precision="fp32"),
        "rmlab, bf16": lambda: model.score(prompts, responses, precision="bf16"),
    }
    print(
        f"minilm (head seeded with {SEED}), {len(lengths)} texts of {lengths.min()} to {lengths.max()} tokens "
        f"(mean {lengths.mean():.0f}), CPU, {torch.get_num_threads()} threads\n"
        f"transformers {transformers.__version__}, torch {torch.__version__}; the pipeline in fp32; "
        f"median of {ROUNDS} rounds in turn"
    )
    scores = {name: side() for name, side in sides.items()}  # warms up each side
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(ROUNDS):
        for name in list(sides) if turn % 2 else list(sides)[::-1]:
            start = time.perf_counter()
            sides[name]()
            times[name].append(time.perf_counter() - start)

    def ratio(ours: str, theirs: str) -> float:
        return statistics.median(t / o for t, o in zip(times[theirs], times[ours], strict=True))

    reference = scores["pipeline"]
    print(f"{'':26}{'texts/s':>9}{'largest difference of scores':>32}")
    for name in sides:
        difference = np.abs(scores[name] - reference).max()
        print(f"  {name:24}{len(lengths) / statistics.median(times[name]):9.1f}{difference:32.0e}")
    for precision, target in TARGETS.items():
        against = {peer: ratio(f"rmlab, {precision}", peer) for peer in sides if peer.startswith("pipeline")}
        shown = "; ".join(f"{value:.2f}x {peer}" for peer, value in against.items())
        print(f"{precision}: {shown}   (at least {target}x pipeline: {verdict(against['pipeline'] >= target)})")
    difference = np.abs(scores["rmlab, fp32"] - reference).max()
    kept = verdict(difference <= LARGEST_DIFFERENCE)
    print(f"fp32 scores differ by {difference:.0e} at most (limit: {LARGEST_DIFFERENCE:.0e}): {kept}")


if __name__ == "__main__":
    main()
