"""`rmlab audit`."""

from __future__ import annotations

import argparse
import json

from rmlab.audit import audit
from rmlab.cli.options import add_skip_bad, read_given
from rmlab.datasets import load_everyday
from rmlab.printing import printable_lines


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("model", metavar="MODEL", help="folder or hub id of any reward model")
    parser.add_argument("pairs", metavar="PAIRS", nargs="?", help="file, glob or hub id (default: everyday)")
    parser.add_argument("--revision", help="pin a hub model")
    parser.add_argument("--max-length", type=int, help="longest sequence in tokens (default: the tokenizer's limit)")
    parser.add_argument("--sample", type=int, default=64, help="pairs to score (default: 64)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw of the sample (default: 0)")
    add_skip_bad(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Audit a reward model; the exit status shows whether anything is broken."""
    pairs = read_given(options.pairs, options) if options.pairs else load_everyday()
    found = audit(
        options.model,
        pairs,
        sample=options.sample,
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
