"""`rmlab export`."""

from __future__ import annotations

import argparse
from pathlib import Path

from rmlab.cli.options import add_skip_bad, load_trained, read_given
from rmlab.data import PreferencePair, PreferencePairs
from rmlab.datasets import course_model, course_pairs, load_everyday
from rmlab.datasets.course_models import CourseJudge
from rmlab.model import OnnxAgreement, RewardModel

COURSE_MODELS: dict[str, CourseJudge] = {"course-fair": "fair", "course-flattered": "flattered"}
N_SHIPPED = 60
"""How many pairs of each of the two shipped sets are used to compare the scores with torch's."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("model", metavar="MODEL", help=f"folder, hub id, or {' or '.join(COURSE_MODELS)}")
    parser.add_argument(
        "pairs", metavar="PAIRS", nargs="?", help="pairs to compare the scores on (default: some that ship with rmlab)"
    )
    parser.add_argument("--onnx", metavar="FOLDER", type=Path, required=True, help="the folder to write")
    parser.add_argument("--revision", help="pin a hub model")
    add_skip_bad(parser)


def run(options: argparse.Namespace) -> int:
    """Write the model as ONNX, and print how far its scores are from torch's."""
    pairs = read_given(options.pairs, options) if options.pairs else _shipped()
    model = _load(options)
    name = Path(options.model).resolve().name if Path(options.model).exists() else options.model
    made = model.export_onnx(options.onnx, pairs, name=name, progress=True)
    print(f"written to {made.folder}")
    if made.n_heads > 1:
        print(f"the model has {made.n_heads} heads: the exported scores are those of their mean, without a spread")
    for file, found in (("model.onnx", made.float32), ("model_int8.onnx", made.int8)):
        print(f"{file:<16} {(made.folder / file).stat().st_size / 1e6:6.1f} MB, {_said(found)}")
    return 0


def _said(found: OnnxAgreement) -> str:
    return (
        f"scores differ from torch's by {found.mean_error:.2g} on average and at most {found.largest_error:.2g}, "
        f"differences by at most {found.largest_difference_error:.2g}; "
        f"{found.n_flipped} of {found.n_pairs:,} change sign"
    )


def _load(options: argparse.Namespace) -> RewardModel:
    judge = COURSE_MODELS.get(options.model)
    return load_trained(options) if judge is None else course_model(judge)


def _shipped() -> list[PreferencePair]:
    """Return some pairs of each of the two shipped sets."""
    everyday: PreferencePairs = load_everyday()
    step = max(1, len(everyday) // N_SHIPPED)
    return [*everyday[::step][:N_SHIPPED], *course_pairs(n_pairs=N_SHIPPED).pairs]
