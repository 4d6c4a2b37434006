"""Options that several commands share."""

from __future__ import annotations

import argparse


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the model to load, and how to compute with it."""
    parser.add_argument("model", metavar="MODEL", help="folder or hub id of a reward model")
    parser.add_argument("--revision", help="pin a hub model")
    parser.add_argument(
        "--precision",
        choices=("auto", "fp32", "bf16"),
        default="fp32",
        help="auto: bf16 where the machine is faster in it (default: fp32)",
    )
