"""The human judgements that some benchmarks run on. The texts are offensive, so a benchmark must not print them."""

import argparse
import sys
from pathlib import Path

from rmlab.data import PreferencePairs, read_pairs

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data" / "hh_harmless_part.jsonl.gz"


def add_pairs_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pairs",
        metavar="FILE_OR_HUB_ID",
        default=str(DEFAULT),
        help="preference pairs to run on; by default ../shared/data/hh_harmless_part.jsonl.gz beside the checkout",
    )


def read_or_exit(pairs: str) -> PreferencePairs:
    """Read the pairs, or end the program with status 2 and one line on what is wrong."""
    try:
        return read_pairs(pairs)
    except (ValueError, OSError) as error:  # a DataError is a ValueError
        print(f"cannot read the pairs ({error}). Give others with --pairs FILE_OR_HUB_ID.", file=sys.stderr)
        sys.exit(2)
