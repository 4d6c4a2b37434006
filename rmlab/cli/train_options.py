"""The options of `rmlab train`: one for each field of TrainingConfig, and those for files and folders."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_args

from rmlab.cli.options import add_skip_bad
from rmlab.model import Packing, Precision
from rmlab.model.precision import Weights
from rmlab.training import Schedule, TrainingConfig

__all__ = ["configure", "settings_of"]

LOOKS, PATIENCE = 4, 4
"""Evaluations on the held-out pairs in an epoch, and how many of them in a row without a better loss end the run."""
COMMAND_DEFAULTS: dict[str, Any] = {"epochs": 2.0}
"""Defaults that differ from those of TrainingConfig, apart from those that depend on the held-out pairs."""
FROM_HELD_OUT = {"evaluate_every": "four times an epoch", "patience": f"{PATIENCE}, or none if nothing is held out"}
"""Settings whose default depends on the held-out pairs, and that default in words."""
CHOICES = {"precision": get_args(Precision), "packing": get_args(Packing), "schedule": get_args(Schedule)}
GROUPS: dict[str, dict[str, str]] = {
    "how long and how fast": {
        "epochs": "passes over the training pairs",
        "max_steps": "optimiser steps, in place of --epochs",
        "batch_size": "pairs in one step",
        "keep_together": "shuffle prompts instead of pairs, so that each ranked response is scored once a batch",
        "learning_rate": "highest learning rate",
        "warmup_fraction": "share of the steps in which the learning rate rises",
        "schedule": "the learning rate after the warm-up",
        "weight_decay": "weight decay, for matrices only",
        "max_grad_norm": "bound on the norm of the gradient",
        "seed": "seed of the split, the head and the order of the pairs",
    },
    "the loss": {
        "label_smoothing": "share of labels that are assumed to be wrong",
        "centering": "weight of the squared sum of a pair's scores",
        "dropout": "use the dropout of the backbone",
    },
    "which weights": {
        "freeze": "do not train parameters whose names match, such as '*.embeddings.*,*.layer.[0-3].*'",
        "lora": "rank of low-rank adapters; 0 trains every weight",
        "lora_alpha": "the change of an adapter is multiplied by alpha / rank (default: twice the rank)",
        "lora_dropout": "dropout of the inputs of the adapters",
        "lora_targets": "layers that get an adapter, such as q_proj,v_proj (default: every linear layer)",
    },
    "memory and speed": {
        "max_length": "longest sequence in tokens (default: what the model allows, at most 1024)",
        "precision": "auto: bf16 if this machine computes faster in it",
        "packing": "auto: compute a prompt once for both of its responses, and pad nothing, if the model can",
        "gradient_accumulation": "number of parts to cut a batch into, to save memory",
        "gradient_checkpointing": "compute activations twice, to save memory",
        "compile": "compile the layers (torch.compile); it takes half a minute or more, and may pay in a long run",
    },
    "stopping and checkpoints": {
        "evaluate_every": "steps between evaluations on the held-out pairs",
        "patience": "evaluations without a better held-out log loss before stopping; the best weights are kept",
        "checkpoint_every": "steps between checkpoints, in FOLDER.checkpoints beside the model; 0: only if stopped",
        "checkpoint_minutes": "minutes between checkpoints",
    },
}
"""The text of `rmlab train --help` on each field of TrainingConfig."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "pairs", nargs="?", metavar="PAIRS", help="file, glob or hub id (default: everyday, which ships with rmlab)"
    )
    data = parser.add_argument_group("pairs that are not trained on")
    for part, what in (
        ("validation", "hold out, for --patience and the temperature"),
        ("test", "report on at the end"),
    ):
        data.add_argument(f"--{part}", metavar="PAIRS", help=f"pairs to {what} (default: a part of PAIRS)")
        data.add_argument(
            f"--{part}-fraction", type=float, metavar="F", help="share of PAIRS to use instead (default: 0.15); 0: none"
        )
    add_skip_bad(data)
    model = parser.add_argument_group("model and files")
    model.add_argument("--backbone", default="minilm", help="short name, folder or hub id (default: minilm)")
    model.add_argument("--revision", help="pin a hub model to a branch, tag or commit")
    model.add_argument(
        "--weights",
        choices=get_args(Weights),
        default="fp32",
        help="bf16: hold the weights that are not trained in half of the memory, and save half as much (default: fp32)",
    )
    model.add_argument(
        "--save",
        choices=("model", "adapter"),
        default="model",
        help="adapter: with --lora, save the adapter and the head alone; they are loaded with their base",
    )
    model.add_argument("--out", required=True, metavar="FOLDER", help="folder to save the model in")
    model.add_argument("--log", metavar="FILE", help="write a line of JSON to this file after each step")
    model.add_argument("--logdir", metavar="FOLDER", help="write event files for TensorBoard to this folder")
    model.add_argument(
        "--resume",
        action="store_true",
        help="resume from the last checkpoint: repeat the command unchanged, with this added; "
        "a finished run continues with more --epochs or --max-steps",
    )
    model.add_argument(
        "--tokens",
        metavar="FOLDER",
        help="keep the token ids in this folder, where later runs find them, and not in memory",
    )
    model.add_argument(
        "--token-processes", type=int, metavar="N", help="processes that make the ids of --tokens (default: one)"
    )
    known = {setting.name: setting for setting in fields(TrainingConfig)}
    for title, names in GROUPS.items():
        group = parser.add_argument_group(title)
        for name, about in names.items():
            _add_setting(group, name, about, str(known.pop(name).type), getattr(TrainingConfig, name))
    if known:
        raise AssertionError(f"no option for {', '.join(known)}")


def settings_of(options: argparse.Namespace, *, held_out: int, training: int) -> dict[str, Any]:
    """Return the fields of TrainingConfig for a run with these numbers of held-out and training pairs."""
    given: dict[str, Any] = {setting.name: getattr(options, setting.name, None) for setting in fields(TrainingConfig)}
    if not hasattr(options, "patience"):
        given["patience"] = PATIENCE if held_out else None
    if not hasattr(options, "evaluate_every"):
        given["evaluate_every"] = max(1, training // (LOOKS * given["batch_size"])) if held_out else 0
    return given


def _add_setting(group: Any, name: str, about: str, kind: str, default: Any) -> None:
    flag, default = "--" + name.replace("_", "-"), COMMAND_DEFAULTS.get(name, default)
    if isinstance(default, bool):
        group.add_argument(flag, action="store_true", help=about)
    elif name in CHOICES:
        group.add_argument(flag, choices=CHOICES[name], default=default, help=f"{about} (default: {default})")
    elif name in FROM_HELD_OUT:
        help_ = f"{about} (default: {FROM_HELD_OUT[name]})"
        group.add_argument(flag, type=_kinds()[kind], default=argparse.SUPPRESS, metavar="N", help=help_)
    elif kind.startswith("tuple"):
        group.add_argument(flag, type=_names, default=default, metavar="NAMES", help=about)
    else:
        about += "" if default is None else f" (default: {default})"
        group.add_argument(flag, type=_kinds()[kind], default=default, metavar="N", help=about)


def _kinds() -> dict[str, Callable[[str], Any]]:
    plain: dict[str, Callable[[str], Any]] = {"int": int, "float": float}
    return plain | {f"{name} | None": _or_none(kind) for name, kind in plain.items()}


def _or_none(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        return None if text.lower() == "none" else kind(text)

    read.__name__ = f"{kind.__name__} or none"  # what argparse calls it in an error
    return read


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)
