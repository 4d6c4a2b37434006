"""Options that several commands share."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rmlab
from rmlab.atomic import unwritable_page
from rmlab.data import PreferencePairs
from rmlab.printing import printable

if TYPE_CHECKING:
    from rmlab.model import RewardModel


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the options for which model to load, and how to compute with it."""
    parser.add_argument("model", metavar="MODEL", help="folder or hub id of a reward model")
    parser.add_argument("--revision", help="pin a hub model")
    parser.add_argument(
        "--precision",
        choices=("auto", "fp32", "bf16"),
        default="fp32",
        help="auto: bf16 if this machine computes faster in it (default: fp32)",
    )


def load_trained(options: argparse.Namespace) -> RewardModel:
    """Return the model that the command line names. Raises ModelError for one without a head of its own."""
    from rmlab.model import RewardModel

    return RewardModel.from_pretrained(options.model, revision=options.revision, fresh_head=False)


def add_skip_bad(parser: Any) -> None:
    """Add `--skip-bad`, which leaves out records that cannot be read, to a parser or a group of it."""
    parser.add_argument(
        "--skip-bad", action="store_true", help="leave out and count records that cannot be read (default: stop)"
    )


def check_page(page: Path | None) -> None:
    """Refuse a page that cannot be written, or that would replace a file that is no page: before the work, not after.

    Raises
    ------
    ValueError
        With the reason.
    """
    if page is not None and (why := unwritable_page(page)):
        raise ValueError(f"{page} cannot be written: {why}")


def read_given(source: str, options: argparse.Namespace) -> PreferencePairs:
    """Return the pairs that the command line names, and print which bad records were left out."""
    try:
        pairs = rmlab.read_pairs(source, skip_bad=options.skip_bad)
    except ImportError as error:  # it can only be a hub id, and the hub extra is not installed
        raise ValueError(str(error)) from error
    if n := pairs.report.n_bad:
        records = "record" if n == 1 else "records"
        print(f"rmlab: {n:,} bad {records} of {printable(source)} left out; the first:", file=sys.stderr)
        print(*(f"  {printable(fault)}" for fault in pairs.report.bad), sep="\n", file=sys.stderr)
    return pairs
