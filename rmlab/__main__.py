"""The `rmlab` command: ``rmlab COMMAND --help`` says what each does.

Exit status: 0 done, 1 a check fell short, 2 bad input (with one line that says what and where).
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import IO, Any

BAD_INPUT = (ValueError, OSError)  # DataError, ModelError and TrainingError are ValueErrors
COMMAND_DEFAULTS: dict[str, Any] = {"epochs": 2.0, "evaluate_every": None, "patience": 4}
"""Where `rmlab train` differs from TrainingConfig: it watches the held-out pairs, and keeps the best weights."""
SETTINGS = {
    "epochs": "passes over the training pairs",
    "max_steps": "optimiser steps, in place of --epochs",
    "batch_size": "pairs in one step",
    "gradient_accumulation": "parts to cut a batch into, to save memory",
    "learning_rate": "at its highest",
    "warmup_fraction": "share of the steps in which it rises",
    "weight_decay": "of matrices",
    "max_grad_norm": "bound on the norm of the gradient",
    "max_length": "longest sequence in tokens (default: what the model allows, at most 1024)",
    "precision": "auto: bf16 where the machine has it",
    "gradient_checkpointing": "compute activations twice, to save memory",
    "dropout": "use the dropout of the backbone",
    "label_smoothing": "share of labels held to be wrong",
    "centering": "weight of the squared sum of a pair's scores",
    "lora": "rank of low-rank adapters; 0 trains every weight",
    "evaluate_every": "steps between looks at the held-out pairs (default: four looks an epoch)",
    "patience": "looks without a better held-out log loss before stopping; the best weights are kept",
    "seed": "of the split, the head and the order",
}
"""What `rmlab train --help` says of each field of TrainingConfig."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser(arguments[:1]).parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as in `rmlab score ... | head`
        sys.stderr.close()
        return 0
    except BAD_INPUT as error:
        print(f"rmlab: {error}", file=sys.stderr)
        return 2


def _lab(options: argparse.Namespace) -> int:
    """Open JupyterLab on the course."""
    import os
    import subprocess

    from rmlab.doctor import find_notebooks

    folder = find_notebooks()
    if folder is None:
        raise ValueError("no notebooks/00_start.ipynb here; clone the project and run this in its folder")
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={folder.parent}"]
    command += ["--LabApp.default_url=/lab/tree/notebooks/00_start.ipynb"]
    command += ["--no-browser"] if options.no_browser else []
    command += [f"--port={options.port}"] if options.port else []
    command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    if os.name == "posix":
        os.execv(sys.executable, command)  # so that whoever stops this process stops the server
    return subprocess.run(command).returncode


def _doctor(options: argparse.Namespace) -> int:
    """Say whether this machine is ready for the course."""
    from rmlab.doctor import examine

    findings = []
    for finding in examine():
        findings.append(finding)
        print(finding, flush=True)
    short = sum(not finding.ready for finding in findings)
    print("ready for the course" if not short else f"{short} of {len(findings)} checks fell short")
    return 1 if short else 0


def _fit(options: argparse.Namespace) -> int:
    """Fit one score for each item to a table of comparisons."""
    import rmlab

    columns = _read_comparisons(Path(options.comparisons), options)
    fit = rmlab.fit_bradley_terry(
        columns["winner"],
        columns["loser"],
        weights=columns.get("weight"),
        tied=columns.get("tied"),
        ties=options.ties,
        first=columns.get("first"),
        prior_variance=options.prior_variance,
    )
    if options.relative_to is not None:
        fit = fit.relative_to(options.relative_to)
    rows = sorted(zip(fit.items, fit.scores, fit.standard_errors, fit.intervals(), strict=True), key=lambda r: -r[1])
    if options.json:
        items = [
            {"item": item, "score": score, "standard_error": error, "interval": list(interval)}
            for item, score, error, interval in rows
        ]
        extras = {name: getattr(fit, name) for name in ("order_effect", "tie_parameter", "log_loss", "n_comparisons")}
        print(json.dumps({"items": items, **extras, "reference": fit.reference}, indent=2))
        return 0
    width = max(4, *(len(str(row[0])) for row in rows))
    print(f"{'item':<{width}}    score  std. error   95% interval")
    for item, score, error, (low, high) in rows:
        print(f"{item!s:<{width}}  {score:7.3f}     {error:7.3f}   {low:6.3f} to {high:6.3f}")
    gauge = "sum to zero" if fit.reference is None else f"are relative to {fit.reference}"
    print(f"{fit.n_comparisons:,g} comparisons; scores are log-odds and {gauge}; log loss {fit.log_loss:.4f}")
    if fit.order_effect is not None:
        print(f"effect of being first: {fit.order_effect:.3f} (std. error {fit.order_effect_standard_error:.3f})")
    if fit.tie_parameter is not None:
        print(f"tie parameter (Davidson): {fit.tie_parameter:.3f}")
    return 0


def _read_comparisons(path: Path, options: argparse.Namespace) -> dict[str, list[Any]]:
    """Read the columns that a fit needs from a CSV file, naming file and line of what cannot be read."""
    flags = {"true": True, "false": False, "1": True, "0": False}
    readers: dict[str, Callable[[str], Any]] = {
        "winner": str, "loser": str, "weight": float, "tied": lambda v: flags[v.lower()],
        "first": lambda v: {"1": 1, "+1": 1, "-1": -1, "0": 0}[v],
    }  # fmt: skip
    names = {role: getattr(options, role) for role in readers}
    with path.open(newline="", encoding="utf-8-sig") as file:
        table = csv.DictReader(file, strict=True)
        found = table.fieldnames
        if not found:
            raise ValueError(f"{path}: the file is empty; expected a header with {names['winner']},{names['loser']}")
        for role in ("winner", "loser"):
            if names[role] not in found:
                raise ValueError(
                    f"{path}: no column {names[role]!r}; it has {', '.join(found)}. Name the column with --{role}"
                )
        roles = {role: name for role, name in names.items() if name in found}
        columns: dict[str, list[Any]] = {role: [] for role in roles}
        try:
            for row in table:
                for role, name in roles.items():
                    if row[name] is None or None in row:
                        raise ValueError(f"expected {len(found)} fields, as in the header")
                    try:
                        columns[role].append(readers[role](row[name]))
                    except (KeyError, ValueError):
                        expected = {"weight": "a number", "tied": "true or false", "first": "1, 0 or -1"}[role]
                        raise ValueError(f"{name} must be {expected}, got {row[name]!r}") from None
        except (csv.Error, ValueError) as error:
            raise ValueError(f"{path}, line {table.line_num}: {error}") from None
    if not columns["winner"]:
        raise ValueError(f"{path}: no comparisons below the header")
    return columns


def _train(options: argparse.Namespace) -> int:
    """Train a reward model, report its test accuracy and save it."""
    from accelerate import PartialState

    import rmlab
    from rmlab.datasets import load_everyday
    from rmlab.model import RewardModel, check_destination
    from rmlab.training import TrainingConfig, prepare, train

    is_main = PartialState().is_main_process

    def say(*lines: object) -> None:
        if is_main:
            print(*lines, sep="\n", flush=True)

    settings: dict[str, Any] = {setting.name: getattr(options, setting.name) for setting in fields(TrainingConfig)}
    quarterly = settings["evaluate_every"] is None
    settings["evaluate_every"] = 1 if quarterly else settings["evaluate_every"]
    config = TrainingConfig(**settings)
    out = check_destination(options.out)  # before the training, not after
    pairs = rmlab.read_pairs(options.pairs) if options.pairs else load_everyday()
    say(pairs.report)
    parts = rmlab.split_by_prompt(pairs, seed=config.seed)
    model = RewardModel.from_pretrained(options.backbone, seed=config.seed, revision=options.revision)
    ready = [prepare(model, part, max_length=config.max_length) for part in parts]
    train_pairs, held_out, test = ready
    for name, part in zip(("training", "held-out", "test"), ready, strict=True):
        say(f"{name}: {part}")
    if quarterly:
        config = replace(config, evaluate_every=max(1, len(train_pairs) // (4 * config.batch_size)))
    history = train(model, train_pairs, held_out=held_out, config=config, progress=is_main)
    if history.best_step is not None:
        say(f"kept the weights of step {history.best_step}, whose held-out log loss was the lowest")
    result = rmlab.evaluate(
        model.score_differences(test.encoded, precision=config.precision), lengths=test.encoded.response_lengths
    )
    say("", "on the test part, which nothing was chosen on:", result)
    if is_main:
        model.save_pretrained(out)
        record = {"backbone": options.backbone, "pairs": options.pairs or "everyday", **history.to_dict()}
        record["test"] = result.to_dict()
        (out / "training.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    say("", f"saved to {out}; try:", f"  rmlab score {out} --prompt 'What is 2 + 2?' --response '4'")
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    """Evaluate a reward model on preference pairs."""
    import numpy as np

    import rmlab
    from rmlab.model import RewardModel

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


def _score(options: argparse.Namespace) -> int:
    """Score responses: one from the command line, or JSON lines from standard input."""
    from rmlab.model import RewardModel

    if (options.prompt is None) != (options.response is None):
        raise ValueError("give both --prompt and --response, or neither and JSON lines on standard input")
    model = RewardModel.from_pretrained(options.model, revision=options.revision)
    if options.prompt is not None:
        print(f"{model.score([options.prompt], [options.response], precision=options.precision)[0]:.6f}")
        return 0
    for records in _chunks(_records(sys.stdin), 512):
        prompts, responses = ([record[name] for record in records] for name in ("prompt", "response"))
        for record, score in zip(records, model.score(prompts, responses, precision=options.precision), strict=True):
            print(json.dumps({**record, "score": float(score)}, ensure_ascii=False))
        sys.stdout.flush()
    return 0


def _records(file: IO[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        where = f"standard input, line {number}"
        try:
            record = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{where}: not JSON ({error})") from None
        wanted = [record.get(name) for name in ("prompt", "response")] if isinstance(record, dict) else [None]
        if not all(isinstance(text, str | list) for text in wanted):
            raise ValueError(f'{where}: expected {{"prompt": ..., "response": ...}}, got {line.strip()[:80]}')
        yield record


def _chunks(records: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    for record in records:
        chunk.append(record)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _parser(chosen: Sequence[str]) -> argparse.ArgumentParser:
    """Describe the commands; the settings of a training run only where it is `chosen`, since they need torch."""
    parser = argparse.ArgumentParser(
        "rmlab", allow_abbrev=False, description="Reward models learned from pairwise preferences."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        about = (command.__doc__ or "").strip()
        sub = commands.add_parser(name, help=about, description=about, allow_abbrev=False)
        sub.set_defaults(command=command)
        return sub

    lab = add("lab", _lab)
    lab.add_argument("--no-browser", action="store_true", help="start the server only, and print its address")
    lab.add_argument("--port", type=int, help="port to listen on (default: 8888, or the next one free)")

    add("doctor", _doctor)

    fit = add("fit", _fit)
    fit.add_argument("comparisons", metavar="COMPARISONS.csv", help="one comparison a row, with a header")
    for role, about in {
        "winner": "column of the preferred item",
        "loser": "column of the other item",
        "weight": "column of counts, used if there",
        "tied": "column of true or false, used if there",
        "first": "column of 1 (winner first, or at home), -1 or 0, used if there",
    }.items():
        fit.add_argument(f"--{role}", default=role, metavar="COLUMN", help=f"{about} (default: {role})")
    fit.add_argument("--ties", choices=("half", "davidson"), help="how ties count (default: half a win each way)")
    fit.add_argument("--prior-variance", type=float, help="variance of a Gaussian prior on the scores")
    fit.add_argument("--relative-to", metavar="ITEM", help="put this item's score at zero")
    fit.add_argument("--json", action="store_true", help="print JSON")

    train = add("train", _train)
    train.add_argument("pairs", nargs="?", metavar="PAIRS", help="file, glob or hub id (default: the shipped everyday)")
    train.add_argument("--backbone", default="minilm", help="short name, folder or hub id (default: minilm)")
    train.add_argument("--revision", help="pin a hub model to a branch, tag or commit")
    train.add_argument("--out", required=True, metavar="FOLDER", help="where the model goes")
    if chosen == ["train"]:
        _add_training_options(train)

    for name, command in (("evaluate", _evaluate), ("score", _score)):
        sub = add(name, command)
        sub.add_argument("model", metavar="MODEL", help="folder or hub id of a reward model")
        sub.add_argument("--revision", help="pin a hub model")
        sub.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="fp32",
                         help="auto: bf16 where the machine has it (default: fp32)")  # fmt: skip
        if name == "evaluate":
            sub.add_argument("pairs", metavar="PAIRS", help="file, glob or hub id")
            sub.add_argument("--max-length", type=int, help="longest sequence in tokens")
            sub.add_argument("--json", action="store_true", help="print JSON")
        else:
            sub.add_argument("--prompt", help="the prompt")
            sub.add_argument("--response", help="the response to score")
    return parser


def _add_training_options(parser: argparse.ArgumentParser) -> None:
    """Make an option of each field of TrainingConfig, so that the command knows all that the library knows."""
    from rmlab.training import TrainingConfig

    for setting in fields(TrainingConfig):
        flag, about = "--" + setting.name.replace("_", "-"), SETTINGS[setting.name]
        default = COMMAND_DEFAULTS.get(setting.name, setting.default)
        if isinstance(default, bool):
            parser.add_argument(flag, action="store_true", help=about)
            continue
        about += "" if default is None else f" (default: {default})"
        if setting.name == "precision":
            parser.add_argument(flag, choices=("auto", "fp32", "bf16"), default=default, help=about)
        else:
            kind = {"float": float, "int": int, "int | None": int}[str(setting.type)]
            parser.add_argument(flag, type=kind, default=default, metavar="N", help=about)


if __name__ == "__main__":
    sys.exit(main())
