"""`rmlab audit`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rmlab.atomic import write_text
from rmlab.audit import TRANSFORMS, audit, robustness
from rmlab.audit.transforms import load_transform
from rmlab.cli.options import add_skip_bad, check_page, read_given
from rmlab.data import PreferencePairs
from rmlab.datasets import load_everyday
from rmlab.printing import printable_lines

SAMPLE, ROBUSTNESS_SAMPLE = 64, 200
"""Default numbers of pairs, for the audit of invariants and for the audit of robustness."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("model", metavar="MODEL", help="folder or hub id of any reward model")
    parser.add_argument("pairs", metavar="PAIRS", nargs="?", help="file, glob or hub id (default: everyday)")
    parser.add_argument("--revision", help="pin a hub model")
    parser.add_argument("--max-length", type=int, help="longest sequence in tokens (default: the tokenizer's limit)")
    parser.add_argument(
        "--sample", type=int, help=f"pairs to score (default: {SAMPLE}; with --robustness {ROBUSTNESS_SAMPLE})"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample (default: 0)")
    parser.add_argument(
        "--robustness", action="store_true", help="measure how far scores move under changes that should not matter"
    )
    parser.add_argument(
        "--transform",
        action="append",
        default=[],
        metavar="MODULE:FUNCTION",
        help="with --robustness: a change of your own, from (prompt, response) to a response or None; may be repeated",
    )
    parser.add_argument("--html", metavar="FILE", type=Path, help="with --robustness: write a page with pictures")
    add_skip_bad(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Audit a reward model; return 1 if anything is broken, else 0."""
    if not options.robustness and (options.transform or options.html):
        raise ValueError("--transform and --html need --robustness. Add that option, or leave them out")
    pairs = read_given(options.pairs, options) if options.pairs else load_everyday()
    if options.robustness:
        return _robustness(options, pairs)
    found = audit(
        options.model,
        pairs,
        sample=SAMPLE if options.sample is None else options.sample,
        seed=options.seed,
        max_length=options.max_length,
        revision=options.revision,
        progress=not options.json,
    )
    if options.json:
        print(json.dumps({"pairs": options.pairs or "everyday", **found.to_dict()}, indent=2))
    else:
        print(printable_lines(found))
    return 1 if found.broken else 0


def _robustness(options: argparse.Namespace, pairs: PreferencePairs) -> int:
    page: Path | None = options.html
    check_page(page)
    found = robustness(
        options.model,
        pairs,
        (*TRANSFORMS, *map(load_transform, options.transform)),
        seed=options.seed,
        sample=ROBUSTNESS_SAMPLE if options.sample is None else options.sample,
        revision=options.revision,
        max_length=options.max_length,
        progress=not options.json,
    )
    if page is not None:
        from rmlab.reports.robustness_page import render_robustness  # needs Matplotlib

        write_text(page, render_robustness(found, pairs=options.pairs or "everyday"))
    if options.json:
        print(json.dumps({"pairs": options.pairs or "everyday", **found.to_dict()}, indent=2))
    else:
        print(printable_lines(found))
        if page is not None:
            print(f"\nwritten to {page}")
    return 1 if found.faults else 0
