"""`rmlab train`."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from accelerate import PartialState

import rmlab
from rmlab.atomic import holding
from rmlab.cli.launch import is_left_alone, number_asked_for, start_again
from rmlab.cli.options import read_given
from rmlab.cli.train_options import configure, settings_of
from rmlab.cli.train_parts import divide
from rmlab.datasets import load_everyday
from rmlab.model import ModelError, RewardModel, check_destination, check_room, rescue
from rmlab.model.shown import shown
from rmlab.printing import printable, printable_lines
from rmlab.reports.card import model_card
from rmlab.reports.found import temper
from rmlab.training import (
    Interrupted,
    OtherProcessError,
    TrainingConfig,
    TrainingError,
    frozen_parameters,
    is_sharded,
    join_group,
    one_for_all,
    prepare,
    train,
)

__all__ = ["configure", "run"]


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
            "accelerate was asked for several processes and started one: on a CPU it needs MPI for more. This run "
            "continues with one; for N, use: torchrun --nproc-per-node N -m rmlab train ..."
        )
    try:
        with one_for_all(), _held(options.out) if group.is_main_process else contextlib.nullcontext():
            return _train(options, group)
    except OtherProcessError:  # the process at fault prints why
        return 2
    except Interrupted as error:
        if group.is_main_process:
            print(f"rmlab: {printable(error)}", file=sys.stderr)
        return 128 + error.number


def _train(options: argparse.Namespace, group: PartialState) -> int:
    is_main = group.is_main_process

    def say(*lines: object) -> None:
        if is_main:
            print(*map(printable_lines, lines), sep="\n", flush=True)

    if group.num_processes > 1:
        shared_out = ", the model sharded across them (FSDP)" if is_sharded() else ""
        say(f"{group.num_processes} processes on {group.device}{shared_out}")

    out = Path(options.out)
    # beside the model, since saving replaces the model's whole folder
    checkpoints = out.resolve().with_name(f"{out.resolve().name}.checkpoints")
    if options.resume and not checkpoints.is_dir():
        raise TrainingError(_nothing_to_resume(checkpoints))
    if options.save == "adapter" and not options.lora:
        raise ValueError("--save adapter needs --lora. Give its rank, or leave --save out")
    TrainingConfig(**settings_of(options, held_out=0, training=0))  # checks the settings before any file is read
    pairs = read_given(options.pairs, options) if options.pairs else load_everyday()
    say(pairs.report)
    parts, notes = divide(pairs, options)
    model = RewardModel.from_pretrained(
        options.backbone,
        seed=options.seed,
        revision=options.revision,
        max_length=options.max_length,
        weights=options.weights,
    )
    say(f"head: {_head_in_words(model)}")
    check_room(model, out)
    tokens = {"tokens": options.tokens, "processes": options.token_processes}
    ready = {name: prepare(model, part, max_length=options.max_length, **tokens) for name, part in parts.items()}
    say(*(f"{name}: {part}" for name, part in ready.items()), *notes)
    training, held_out, test = ready["training"], ready.get("held-out"), ready.get("test")
    n_held_out = 0 if held_out is None else len(held_out)
    config = TrainingConfig(**settings_of(options, held_out=n_held_out, training=len(training)))
    if config.freeze:
        frozen = sum(p.numel() for p in frozen_parameters(model, config.freeze).values())
        say(f"frozen: {frozen:,} of {sum(p.numel() for p in model.parameters()):,} weights")
    say(f"laid out in {model.layout(config.packing)}")
    history = train(
        model,
        training,
        held_out=held_out,
        config=config,
        checkpoints=checkpoints,
        resume=options.resume,
        log=options.log,
        logdir=options.logdir,
        progress=is_main,
    )
    if history.resumed_at:
        say(f"resumed after step {history.resumed_at[-1]}")
    if history.best_step is not None:
        say(f"kept the weights of step {history.best_step}, whose held-out log loss was the lowest")
    if not is_main:
        return 0
    with _rescued(model, out):
        record: dict[str, Any] = {"backbone": options.backbone, "pairs": options.pairs or "everyday"}
        own = {"held_out_pairs": options.validation, "test_pairs": options.test}
        record |= {name: file for name, file in own.items() if file is not None}
        record |= history.to_dict()
        result = tempered = None
        only_adapter = options.save == "adapter"
        if test is not None:
            test_differences = model.score_differences(test.encoded, precision=config.precision)
            result = rmlab.evaluate(test_differences, lengths=test.encoded.response_lengths)
            unused = "" if any(note.startswith("test:") for note in notes) else ", which was not used for any choice"
            say("", f"on the test part{unused}:", result)
            record["test"] = result.to_dict()
            if held_out is not None:
                held_out_differences = model.score_differences(held_out.encoded, precision=config.precision)
                tempered = temper(held_out_differences, test_differences, "fitted to the held-out part")
        card = model_card(
            backbone=options.backbone,
            pairs=options.pairs or "everyday",
            parts=ready,
            notes=notes,
            history=history,
            test=result,
            tempered=tempered,
            max_length=model.max_length,
            token_ids=str(model.convention),
            example=shown(model, parts["training"][0].prompt, parts["training"][0].chosen),
            adapter_of=options.backbone if only_adapter else None,
        )
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in record.items())  # one for each
        model.save_pretrained(
            out, only_adapter=only_adapter, beside={"README.md": card, "training.json": f"{{\n{lines}\n}}\n"}
        )
    if any(checkpoints.glob("step-*")):
        say(f"its checkpoints are in {checkpoints}; remove that folder when you no longer need them")
    else:
        shutil.rmtree(checkpoints, ignore_errors=True)  # it has none: it was there in case the run was stopped
    say("", f"saved to {out}; try:", f"  rmlab score {out} --prompt 'What is 2 + 2?' --response '4'")
    return 0


def _head_in_words(model: RewardModel) -> str:
    head = model.head_source
    if not head.fresh:
        return f"{head.source}, trained further"
    return f"{head.source}, with standard deviation {float(model.head.weight.detach().std()):.2g}"


@contextlib.contextmanager
def _held(out: str) -> Iterator[None]:
    """Check that the model can be saved, and keep other runs from writing to its folder meanwhile."""
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
        check_destination(out)  # an older model may be back, which a killed process had moved aside
        yield


@contextlib.contextmanager
def _rescued(model: RewardModel, out: Path) -> Iterator[None]:
    """After an error, save the weights elsewhere if possible. Raises ModelError, which names the folder."""
    try:
        yield
    except Exception as error:
        place = rescue(model, out)
        said = f"The weights are in {place}." if place else "The weights could not be saved in another folder."
        raise ModelError(f"the training is done, but not all results were saved: {error} {said}") from error


def _nothing_to_resume(checkpoints: Path) -> str:
    others = [path.name for path in checkpoints.parent.glob("*.checkpoints")] if checkpoints.parent.is_dir() else []
    near = difflib.get_close_matches(checkpoints.name, others, n=1, cutoff=0.5) or others[:1]
    hint = (
        f" There is {checkpoints.with_name(near[0])}: did you mean --out {near[0].removesuffix('.checkpoints')}?"
        if near
        else ""
    )
    return f"there is nothing to resume: {checkpoints} is missing.{hint} Correct --out, or leave --resume out."
