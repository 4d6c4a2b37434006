"""`rmlab train`."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import PartialState

import rmlab
from rmlab.atomic import holding
from rmlab.cli.launch import is_left_alone, number_asked_for, start_again
from rmlab.cli.options import add_skip_bad, read_given
from rmlab.datasets import load_everyday
from rmlab.evaluation import fit_temperature
from rmlab.model import ModelError, RewardModel, check_destination, check_room, rescue
from rmlab.printing import printable_lines
from rmlab.reports import Tempered
from rmlab.reports.card import model_card
from rmlab.training import (
    OtherProcessError,
    TrainingConfig,
    TrainingError,
    is_sharded,
    join_group,
    one_for_all,
    prepare,
    train,
)

COMMAND_DEFAULTS: dict[str, Any] = {"epochs": 2.0, "evaluate_every": None, "patience": 4}
"""Where `rmlab train` differs from TrainingConfig: it evaluates the held-out pairs, and keeps the best weights."""
PARTS = ("training", "held-out", "test")
CHOICES = {"precision": ("auto", "fp32", "bf16"), "packing": ("auto", "off")}
SETTINGS = {
    "epochs": "passes over the training pairs",
    "max_steps": "optimiser steps, in place of --epochs",
    "batch_size": "pairs in one step",
    "keep_together": "shuffle prompts and not pairs, so that ranked responses are each scored once a batch",
    "gradient_accumulation": "parts to cut a batch into, to save memory",
    "learning_rate": "at its highest",
    "warmup_fraction": "share of the steps in which it rises",
    "weight_decay": "of matrices",
    "max_grad_norm": "bound on the norm of the gradient",
    "max_length": "longest sequence in tokens (default: what the model allows, at most 1024)",
    "precision": "auto: bf16 where the machine is faster in it",
    "gradient_checkpointing": "compute activations twice, to save memory",
    "dropout": "use the dropout of the backbone",
    "label_smoothing": "share of labels taken to be wrong",
    "centering": "weight of the squared sum of a pair's scores",
    "lora": "rank of low-rank adapters; 0 trains every weight",
    "packing": "auto: compute a prompt once for both of its responses, and pad nothing, where the model can",
    "compile": "compile the layers of the backbone (torch.compile): half a minute or more, which a long run may regain",
    "evaluate_every": "steps between looks at the held-out pairs (default: four looks an epoch)",
    "patience": "looks without a better held-out log loss before stopping; the best weights are kept",
    "checkpoint_every": "steps between checkpoints, in FOLDER.checkpoints beside the model; 0: none",
    "checkpoint_minutes": "minutes between checkpoints",
    "seed": "of the split, the head and the order",
}
"""What `rmlab train --help` says about each field of TrainingConfig."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command, one for each field of TrainingConfig, so that none is missing."""
    parser.add_argument(
        "pairs", nargs="?", metavar="PAIRS", help="file, glob or hub id (default: the shipped everyday)"
    )
    add_skip_bad(parser)
    parser.add_argument("--backbone", default="minilm", help="short name, folder or hub id (default: minilm)")
    parser.add_argument("--revision", help="pin a hub model to a branch, tag or commit")
    parser.add_argument("--out", required=True, metavar="FOLDER", help="where the model goes")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="resume from the last checkpoint; repeat the command unchanged, with this added",
    )
    parser.add_argument(
        "--tokens",
        metavar="FOLDER",
        help="keep the token ids in this folder, and find them again: made once, and not held in memory",
    )
    parser.add_argument(
        "--token-processes", type=int, metavar="N", help="processes to make the ids of --tokens with (default: one)"
    )
    for setting in fields(TrainingConfig):
        flag, about = "--" + setting.name.replace("_", "-"), SETTINGS[setting.name]
        default = COMMAND_DEFAULTS.get(setting.name, setting.default)
        if isinstance(default, bool):
            parser.add_argument(flag, action="store_true", help=about)
            continue
        about += "" if default is None else f" (default: {default})"
        if setting.name in CHOICES:
            parser.add_argument(flag, choices=CHOICES[setting.name], default=default, help=about)
        else:
            kind = {"float": float, "int": int, "int | None": int, "float | None": float}[str(setting.type)]
            parser.add_argument(flag, type=kind, default=default, metavar="N", help=about)


def run(options: argparse.Namespace) -> int:
    """Train a reward model, report its test accuracy and save it."""
    group = join_group()
    if is_left_alone(group):
        n = number_asked_for()
        if n is not None and n > 1:
            print(
                f"accelerate started one of {n} processes: on a CPU it needs MPI for more. torchrun starts all {n}.",
                flush=True,
            )
            return start_again(n)
        print(
            "accelerate started one process where it was asked for several: on a CPU it needs MPI for that. This run "
            "has one; for N of them: torchrun --nproc-per-node N -m rmlab train ..."
        )
    try:
        with one_for_all(), _held(options.out) if group.is_main_process else contextlib.nullcontext():
            return _train(options, group)
    except OtherProcessError:  # which says why
        return 2


def _train(options: argparse.Namespace, group: PartialState) -> int:
    is_main = group.is_main_process

    def say(*lines: object) -> None:
        if is_main:
            print(*map(printable_lines, lines), sep="\n", flush=True)

    if group.num_processes > 1:
        shared_out = ", the model sharded across them (FSDP)" if is_sharded() else ""
        say(f"{group.num_processes} processes on {group.device}{shared_out}")

    settings: dict[str, Any] = {setting.name: getattr(options, setting.name) for setting in fields(TrainingConfig)}
    quarterly = settings["evaluate_every"] is None
    settings["evaluate_every"] = 1 if quarterly else settings["evaluate_every"]
    config = TrainingConfig(**settings)
    out = Path(options.out)
    # beside the model, since saving replaces the model's whole folder
    checkpoints = out.resolve().with_name(f"{out.resolve().name}.checkpoints")
    if options.resume and not checkpoints.is_dir():
        raise TrainingError(_nothing_to_resume(checkpoints))
    kept = options.resume or config.checkpoint_every or config.checkpoint_minutes
    pairs = read_given(options.pairs, options) if options.pairs else load_everyday()
    say(pairs.report)
    parts = rmlab.split_by_prompt(pairs, seed=config.seed)
    model = RewardModel.from_pretrained(
        options.backbone, seed=config.seed, revision=options.revision, max_length=config.max_length
    )
    check_room(model, out)
    tokens = {"tokens": options.tokens, "processes": options.token_processes}
    ready = [prepare(model, part, max_length=config.max_length, **tokens) for part in parts]
    train_pairs, held_out, test = ready
    for name, part in zip(PARTS, ready, strict=True):
        say(f"{name}: {part}")
    if quarterly:
        config = replace(config, evaluate_every=max(1, len(train_pairs) // (4 * config.batch_size)))
    say(f"laid out in {model.layout(config.packing)}")
    history = train(
        model,
        train_pairs,
        held_out=held_out,
        config=config,
        checkpoints=checkpoints if kept else None,
        resume=options.resume,
        progress=is_main,
    )
    if history.resumed_at:
        say(f"resumed after step {history.resumed_at[-1]}")
    if history.best_step is not None:
        say(f"kept the weights of step {history.best_step}, whose held-out log loss was the lowest")
    if not is_main:
        return 0
    with _rescued(model, out):
        test_differences = model.score_differences(test.encoded, precision=config.precision)
        result = rmlab.evaluate(test_differences, lengths=test.encoded.response_lengths)
        say("", "on the test part, on which no choice was made:", result)
        held_out_differences = model.score_differences(held_out.encoded, precision=config.precision)
        card = model_card(
            backbone=options.backbone,
            pairs=options.pairs or "everyday",
            parts=dict(zip(PARTS, ready, strict=True)),
            history=history,
            test=result,
            tempered=_tempered(held_out_differences, test_differences),
            max_length=config.max_length or model.max_length,
        )
        record = {"backbone": options.backbone, "pairs": options.pairs or "everyday", **history.to_dict()}
        record["test"] = result.to_dict()
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in record.items())  # one for each
        model.save_pretrained(out, beside={"README.md": card, "training.json": f"{{\n{lines}\n}}\n"})
    if kept:
        say(f"its checkpoints are in {checkpoints}; remove that folder when you no longer need them")
    say("", f"saved to {out}; try:", f"  rmlab score {out} --prompt 'What is 2 + 2?' --response '4'")
    return 0


@contextlib.contextmanager
def _held(out: str) -> Iterator[None]:
    """Check before training that the model can be saved, and keep other runs from its folder until it is."""
    check_destination(out)
    with contextlib.ExitStack() as held:
        try:
            scratch = held.enter_context(holding(out))
            (scratch / "new").mkdir()
            (scratch / "new" / "probe").write_bytes(bytes(1 << 16))
            (scratch / "new" / "probe").unlink()
            (scratch / "new").rmdir()
        except BlockingIOError:
            raise
        except OSError as error:
            raise ModelError(f"nothing can be written to {out}: {error}. Choose another folder.") from error
        check_destination(out)  # recovery may have restored an older model that a killed process had moved aside
        yield


@contextlib.contextmanager
def _rescued(model: RewardModel, out: Path) -> Iterator[None]:
    """After an error, save the weights if they can be saved, and name the place."""
    try:
        yield
    except Exception as error:
        place = rescue(model, out)
        said = f"the weights are in {place}" if place else "no other folder could take the weights"
        raise ModelError(f"the training is done, but: {error} Of this run {said}.") from error


def _nothing_to_resume(checkpoints: Path) -> str:
    others = [path.name for path in checkpoints.parent.glob("*.checkpoints")] if checkpoints.parent.is_dir() else []
    near = difflib.get_close_matches(checkpoints.name, others, n=1, cutoff=0.5) or others[:1]
    hint = (
        f" There is {checkpoints.with_name(near[0])}: did you mean --out {near[0].removesuffix('.checkpoints')}?"
        if near
        else ""
    )
    return f"there is nothing to resume: {checkpoints} is missing.{hint} Correct --out, or leave --resume out."


def _tempered(held_out: np.ndarray, test: np.ndarray) -> Tempered:
    """Fit a temperature on the held-out part, and report its effect on the test part."""
    where = "fitted to the held-out part"
    try:
        temperature = fit_temperature(held_out)
    except ValueError as error:  # the best temperature is at the end of its range
        return Tempered(where, failure=str(error))
    return Tempered(where, before=rmlab.evaluate(test), after=rmlab.evaluate(test, temperature=temperature))
