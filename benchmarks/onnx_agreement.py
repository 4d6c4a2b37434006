"""How far exported models are from torch: every sign that flips in ONNX, and the kinds of networks that export.

python benchmarks/onnx_agreement.py                      # both
python benchmarks/onnx_agreement.py signs                # the course's model on all of everyday and 1,000 reply pairs
python benchmarks/onnx_agreement.py signs --pairs 20     # the same on the first 20 of each
python benchmarks/onnx_agreement.py kinds --only t5,bert # small models of these kinds, with random weights
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from architectures import build

from rmlab.data import PreferencePair
from rmlab.datasets import course_model, course_pairs, load_everyday
from rmlab.model.onnx_agreement import agreement, both_sides
from rmlab.model.onnx_scorer import OnnxScorer

ENCODERS = (
    *("bert", "roberta", "xlm-roberta", "distilbert", "deberta", "deberta-v2", "electra", "albert", "mpnet"),
    *("modernbert", "xlnet", "t5", "bart"),
)
DECODERS = (
    *("gpt2", "gpt_neox", "opt", "bloom", "llama", "mistral", "qwen2", "qwen3", "qwen3_moe", "gemma", "gemma2"),
    *("gemma3_text", "phi", "phi3", "olmo2", "smollm3"),
)
PAIRS = [
    PreferencePair(f"Box {i} is {'red ' * (i % 4 + 1)}", f"It is {'very ' * i}red.", f"No {'no ' * (i % 5)}blue")
    for i in range(12)
]


def signs(n_pairs: int | None = None) -> None:
    """Export the course's model; list each pair whose score difference has a different sign in ONNX and in torch."""
    model = course_model()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "course"
        model.export_onnx(folder, course_pairs(n_pairs=1).pairs)
        scorers = {file: OnnxScorer(folder / file, pad_id=model.pad_id) for file in ("model.onnx", "model_int8.onnx")}
        for name, all_pairs in (("everyday", load_everyday()), ("replies", course_pairs(n_pairs=1000).pairs)):
            pairs = all_pairs[:n_pairs]
            texts = model.encode_pairs(pairs)
            expected = model.score_encoded(texts.chosen.join(texts.rejected), progress=True)
            spread = float(np.abs(np.subtract(*expected.reshape(2, -1))).mean())
            for file, scorer in scorers.items():
                found = scorer.score_ids(both_sides(texts), progress=True)
                told = agreement(found, expected)
                print(
                    f"{name}, {file}: {told.n_pairs:,} pairs, mean |difference| {spread:.3f}; error of a score "
                    f"{told.mean_error:.2g} mean, {told.largest_error:.2g} largest; of a difference "
                    f"{told.mean_difference_error:.2g}, {told.largest_difference_error:.2g}; "
                    f"{told.n_flipped} signs flip",
                    flush=True,
                )
                ours, theirs = (np.subtract(*scores.reshape(2, -1)) for scores in (found, expected))
                for i in np.flatnonzero(np.sign(ours) != np.sign(theirs)):
                    print(f"    pair {i}: torch {theirs[i]:+.4f}, {file} {ours[i]:+.4f}   {pairs[i].prompt!s:.70}")


def kinds(names: tuple[str, ...]) -> None:
    """Export a small model of each kind, with random weights, and print the result."""
    for kind in names:
        started = time.process_time()
        with tempfile.TemporaryDirectory() as place:
            try:
                model = build(kind, tokenizer_of="tiny-encoder" if kind in ENCODERS else "tiny-decoder")
                made = model.export_onnx(Path(place) / "model", PAIRS)
                said = f"float32 off by {made.float32.largest_error:.1e}, 8 bits by {made.int8.largest_error:.1e}"
            except Exception as error:  # any network may raise anything
                said = f"not exported: {type(error).__name__}: {str(error).splitlines()[0][:300]}"
        print(f"{kind:<14} {said}   ({time.process_time() - started:.0f} s)", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="signs, kinds (default: both)")
    parser.add_argument("--only", help="kinds of networks, separated by commas")
    parser.add_argument(
        "--pairs", type=int, metavar="N", help="with signs: only the first N pairs of each set (default: all)"
    )
    options = parser.parse_args()
    if options.pairs is not None and options.pairs < 1:
        parser.error(f"--pairs must be at least 1, got {options.pairs}")
    if unknown := set(options.what) - {"signs", "kinds"}:
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}; there are signs and kinds")
    if "signs" in (options.what or ["signs"]):
        signs(options.pairs)
    if "kinds" in (options.what or ["kinds"]):
        kinds(tuple(options.only.split(",")) if options.only else ENCODERS + DECODERS)


if __name__ == "__main__":
    main()
