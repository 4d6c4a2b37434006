"""The human judgements that the benchmarks with a transformer run on. Their texts are offensive: never print one."""

import argparse
import sys
from pathlib import Path

from rmlab.data import DataError, PreferencePairs, read_pairs

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data" / "hh_harmless_part.jsonl.gz"


def add_pairs_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pairs",
        metavar="FILE_OR_HUB_ID",
        default=str(DEFAULT),
        help="preference pairs, by default ../shared/data/hh_harmless_part.jsonl.gz beside the checkout; "
        "Anthropic/hh-rlhf, say, where a network is at hand",
    )


def read_or_exit(pairs: str) -> PreferencePairs:
    """Read the pairs; end the program with status 2 and one clear line where they are not there."""
    if pairs == str(DEFAULT) and not DEFAULT.is_file():
        print(f"{DEFAULT} is not there; name the pairs to run on with --pairs FILE_OR_HUB_ID", file=sys.stderr)
        sys.exit(2)
    try:
        return read_pairs(pairs)
    except (DataError, OSError) as error:
        print(f"--pairs {pairs}: {error}", file=sys.stderr)
        sys.exit(2)
