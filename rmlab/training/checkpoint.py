"""Checkpoints, from which a killed run is resumed; it ends with the weights that it would have had.

A folder of checkpoints belongs to one run. Each checkpoint is a folder of its own, named by its step:
weights, optimiser and random states as safetensors, the rest as JSON, and the SHA-256 of both. It is written under
another name and renamed when it is complete. Before it is written, all others but the newest are deleted. So after the
first there is always a whole checkpoint, and normally there are two: damage to one does not cost the run.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import socket
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import filelock
import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from rmlab.atomic import replacing
from rmlab.evaluation import evaluate
from rmlab.model import RewardModel
from rmlab.model.backbones import sha256
from rmlab.training.config import TrainingConfig
from rmlab.training.fingerprints import data_fingerprint, model_fingerprints
from rmlab.training.mode import training_mode
from rmlab.training.run_state import RunState, put_weights
from rmlab.training.training_data import TrainingData, TrainingError

__all__ = ["Checkpoints", "load_checkpoint"]

FORMAT = 1
TENSORS, STATE, MANIFEST = "tensors.safetensors", "state.json", "manifest.json"
MAY_DIFFER = ("checkpoint_every", "checkpoint_minutes", "patience")
"""Settings that do not affect the weights of a step."""
LENGTH = ("epochs", "max_steps")
"""Settings that may change when a finished run goes on for longer."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read and is whole."""

    path: Path
    tensors: dict[str, torch.Tensor]
    document: dict[str, Any]


class Checkpoints:
    """The checkpoint folder of a run under way; entering it locks the folder and finds where to resume.

    With several processes the main one writes and all of them read, so they must share the folder.

    Parameters
    ----------
    folder
        The folder, made if needed.
    resume
        Whether to go on from the newest whole checkpoint in it, if there is one.
    model, data, held_out, config
        What the run begins with; a checkpoint keeps fingerprints of it.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        resume: bool,
        model: RewardModel,
        data: TrainingData,
        held_out: TrainingData | None,
        config: TrainingConfig,
    ):
        self.folder, self.resume = Path(folder), resume
        self.model, self.data, self.held_out, self.config = model, data, held_out, config
        self.lock = filelock.FileLock(self.folder / ".lock", thread_local=False)

    def __enter__(self) -> Checkpoints:
        self.identity = {
            **model_fingerprints(self.model),
            "training pairs": data_fingerprint(self.data),
            "held-out pairs": None if self.held_out is None else data_fingerprint(self.held_out),
            "processes": PartialState().num_processes,
            "settings": asdict(self.config),
        }
        _on_main(self._take_hold)
        try:
            self.found = _newest(self.folder) if self.resume else None
            if self.found is not None:
                _refuse_another_run(self.found, self.identity, longer=self._goes_on_for_longer(self.found))
        except BaseException:
            self.lock.release()
            raise
        self._last = None if self.found is None else self.found.path
        self._written = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.lock.release()

    def restore(self, state: RunState) -> None:
        """Bring a fresh run to where the checkpoint was taken, random states included, if one was found."""
        if self.found is None:
            return
        state.restore(self.found.tensors, self.found.document)
        state.progress.checkpoint = self.found.path
        if self._goes_on_for_longer(self.found):
            state.best.misses = 0  # a run that stopped out of patience begins to wait again
        device = self.model.device.type
        states = {
            kind: self.found.tensors.get(f"random.{PartialState().process_index}.{kind}") for kind in ("cpu", device)
        }
        for kind, random in states.items():
            if random is not None:  # None if the run has moved to another kind of device
                _random(kind).set_rng_state(random.clone())
        self.found = None  # this frees its memory

    def after_step(self, state: RunState, *, finished: bool, stopped: bool) -> None:
        """Write a checkpoint if one is due, at the end of a run that writes them, or if the run is stopped."""
        every, minutes = self.config.checkpoint_every, self.config.checkpoint_minutes
        due = [stopped or bool(every and state.step % every == 0) or (finished and bool(every or minutes))]
        if minutes is not None:
            due[0] |= time.monotonic() - self._written >= 60 * minutes
            broadcast_object_list(due)  # the clock of the main process decides
        if not due[0]:
            return
        random = gather_object([_random_states(self.model.device)])  # one for each process
        tensors = state.tensors(keep=PartialState().is_main_process)
        if PartialState().is_main_process:
            self._write(state, tensors, random, finished=finished)
        PartialState().wait_for_everyone()
        self._written = time.monotonic()

    def _write(
        self,
        state: RunState,
        tensors: dict[str, torch.Tensor],
        random: list[dict[str, torch.Tensor]],
        *,
        finished: bool,
    ) -> None:
        tensors |= {f"random.{rank}.{name}": t for rank, states in enumerate(random) for name, t in states.items()}
        document = {"format": FORMAT, "torch": torch.__version__, **self.identity, **state.document()}
        document |= {"finished": finished, "n_steps": self.config.n_steps(len(self.data))}
        path = self.folder / f"step-{state.step:010d}"
        try:
            for other in self.folder.glob("step-*"):  # before writing, so that there are never three
                if other != self._last:
                    shutil.rmtree(other)
            _write_whole(path, tensors, document)
        except (OSError, SafetensorError) as error:
            # The weights in memory are worth more than their copy: the run goes on, and tries again when next due.
            older = "there is no checkpoint yet" if self._last is None else f"{self._last.name} is as it was"
            warnings.warn(
                f"the checkpoint of step {state.step} could not be written to {self.folder}: {error}. "
                f"The run goes on; {older}. Make room there.",
                stacklevel=2,
            )
        else:
            self._last = state.progress.checkpoint = path

    def _goes_on_for_longer(self, found: Checkpoint) -> bool:
        """Return whether the run had finished and now has more steps."""
        then = found.document.get("n_steps", math.inf)  # older versions did not write it
        return found.document.get("finished", False) and self.config.n_steps(len(self.data)) > then

    def _take_hold(self) -> None:
        """Make the folder, take its lock, and remove what a killed run left half-written."""
        if self.resume and not _may_be_resumed(self.folder):
            raise TrainingError(
                f"there is nothing to resume in {self.folder}: expected the folder of a run, with checkpoints named "
                "like step-0000000100. Correct the name, or start without resume (--resume)."
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.lock.acquire(timeout=0)  # the lock belongs to the process and ends with it; the file may stay
        except filelock.Timeout:
            holder = "an unknown process"
            with contextlib.suppress(OSError):
                holder = (self.folder / ".owner").read_text(encoding="utf-8")
            raise TrainingError(
                f"another run writes its checkpoints to {self.folder}: {holder}. Wait for it, end it "
                "(by close(), if it is this process), or choose another folder."
            ) from None
        except (OSError, NotImplementedError) as error:
            raise TrainingError(f"{self.folder} cannot hold checkpoints: {error}. Choose another folder.") from error
        try:
            (self.folder / ".owner").write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
            for leftover in self.folder.glob(".step-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            present = sorted(path.name for path in self.folder.glob("step-*"))
            if present and not self.resume:
                raise TrainingError(
                    f"{self.folder} holds checkpoints of another run, the last one {present[-1]}. Resume it "
                    "(resume=True, or --resume), remove that folder, or choose another."
                )
        except BaseException:
            self.lock.release()
            raise


def load_checkpoint(model: RewardModel, folder: str | Path, *, best: bool = False) -> int:
    """Load the weights of the newest whole checkpoint into a model, for a run that will not be resumed.

    Parameters
    ----------
    model
        The model with which the run began; adapters are merged into it.
    folder
        The folder of checkpoints.
    best
        Use the weights with the lowest held-out log loss so far, instead of the last.

    Returns
    -------
    The step after which the model had these weights.

    Raises
    ------
    TrainingError
        If there is no whole checkpoint, no best one, or the model is not the one that the run began with.
    """
    found = _newest(Path(folder))
    if found is None:
        raise TrainingError(f"there is no checkpoint in {folder}; expected a folder named like step-0000000100")
    _refuse_another_run(found, model_fingerprints(model))
    prefix = "best." if best else "model."
    weights = {name[len(prefix) :]: t for name, t in found.tensors.items() if name.startswith(prefix)}
    if not weights:
        raise TrainingError(f"{found.path} has no best weights: its run had no held-out pairs. Take the last ones.")
    with training_mode(model, TrainingConfig(**found.document["settings"])):
        put_weights(model, weights)
    if not best:
        return found.document["step"]
    differences = {int(n.split(".")[1]): t for n, t in found.tensors.items() if n.startswith("held_out.")}
    return min(differences, key=lambda step: evaluate(differences[step].numpy()).log_loss)


def _write_whole(path: Path, tensors: Mapping[str, torch.Tensor], document: Mapping[str, Any]) -> None:
    """Write a checkpoint where there is none: first under another name, which is then changed in one step."""
    with replacing(path) as new:
        new.mkdir()
        save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, new / TENSORS)
        (new / STATE).write_text(json.dumps(document), encoding="utf-8")
        hashes = {name: sha256(new / name) for name in (TENSORS, STATE)}
        (new / MANIFEST).write_text(json.dumps(hashes), encoding="utf-8")


def _newest(folder: Path) -> Checkpoint | None:
    """Return the newest whole checkpoint, and warn of damaged ones; None if there are none.

    Raises TrainingError if all are damaged.
    """
    damaged = []
    for path in sorted(folder.glob("step-*"), reverse=True):
        try:
            found = _read(path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
            damaged.append(f"{path.name} ({error})")
            continue
        if damaged:
            warnings.warn(
                f"damaged checkpoints in {folder}: {', '.join(damaged)}. Going on from {path.name} instead.",
                stacklevel=2,
            )
        return found
    if damaged:
        raise TrainingError(
            f"every checkpoint in {folder} is damaged: {', '.join(damaged)}. Restore one from a copy, or start "
            "again in another folder."
        )
    return None


def _read(path: Path) -> Checkpoint:
    hashes = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    for name in (TENSORS, STATE):
        if sha256(path / name) != hashes[name]:
            raise ValueError(f"{name} is not as it was written")
    document = json.loads((path / STATE).read_text(encoding="utf-8"))
    return Checkpoint(path, load_file(path / TENSORS), document)


def _refuse_another_run(found: Checkpoint, identity: Mapping[str, Any], *, longer: bool = False) -> None:
    """Refuse to resume if what the run began with differs from what is given now, as far as `identity` shows.

    A finished run may go on for `longer`.
    """
    there, here = found.document, dict(identity)
    if there.get("format") != FORMAT:
        raise TrainingError(
            f"{found.path} is of format {there.get('format')}, and this version of rmlab reads format {FORMAT}; "
            "resume with the version that wrote it."
        )
    settings = here.pop("settings", {})
    before = asdict(TrainingConfig(**there["settings"])) if settings else {}
    may_differ = (*MAY_DIFFER, *LENGTH) if longer else MAY_DIFFER
    differences = [
        f"{name}: expected {there[name]}, got {value}" for name, value in here.items() if there[name] != value
    ]
    differences += [
        f"{name}: expected {before[name]!r}, got {value!r}"
        for name, value in settings.items()
        if name not in may_differ and before[name] != value
    ]
    if differences:
        raise TrainingError(
            f"cannot resume from {found.path}, of another run. {'; '.join(differences)}. Give the model (as it "
            "was before training), the pairs and the settings that the run began with, or choose another folder."
        )


def _may_be_resumed(folder: Path) -> bool:
    """Return whether a folder holds checkpoints, or may belong to a run that was killed before it had its first."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else {"no folder"}
    return any(name.startswith(("step-", ".step-")) for name in names) or not names - {".lock", ".owner"}


def _on_main(action: Callable[[], None]) -> None:
    """Run an action in the main process; if it raises a TrainingError, every process raises it."""
    fault: list[str | None] = [None]
    if PartialState().is_main_process:
        try:
            action()
        except TrainingError as error:
            fault[0] = str(error)
    broadcast_object_list(fault)
    if fault[0] is not None:
        raise TrainingError(fault[0])


def _random_states(device: torch.device) -> dict[str, torch.Tensor]:
    return {kind: _random(kind).get_rng_state() for kind in ("cpu", device.type)}


def _random(kind: str) -> Any:
    """Return the module with the random state of a kind of device."""
    return torch if kind == "cpu" else torch.get_device_module(kind)
