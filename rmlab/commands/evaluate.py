"""`rmlab evaluate`."""

from __future__ import annotations

import argparse
import json

import numpy as np

import rmlab
from rmlab.commands.options import add_model
from rmlab.model import RewardModel


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    add_model(parser)
    parser.add_argument("pairs", metavar="PAIRS", help="file, glob or hub id")
    parser.add_argument("--max-length", type=int, help="longest sequence in tokens")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Evaluate a reward model on preference pairs."""
    model = RewardModel.from_pretrained(options.model, revision=options.revision)
    pairs = rmlab.read_pairs(options.pairs)
    judged = pairs.take(np.flatnonzero(~pairs.tied))
    if not len(judged):
        raise ValueError(f"{options.pairs}: all {len(pairs):,} pairs are ties; accuracy needs a preferred response")
    encoded = model.encode_pairs(judged, max_length=options.max_length)
    differences = model.score_differences(encoded, precision=options.precision, progress=not options.json)
    groups = [group or "(none)" for group in judged.groups]
    result = rmlab.evaluate(
        differences, groups=groups if len(set(groups)) > 1 else None, lengths=encoded.response_lengths
    )
    counts = {"ties left out": len(pairs) - len(judged), **encoded.truncation}
    if options.json:
        print(json.dumps({"model": str(options.model), "pairs": options.pairs, **counts, **result.to_dict()}, indent=2))
        return 0
    print(pairs.report, *(f"  {n:>7,} {name}" for name, n in counts.items() if n), "", result, sep="\n")
    return 0
