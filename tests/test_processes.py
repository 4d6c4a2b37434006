"""A run of several processes: the same as a run of one, and ended as one. Processes meet over gloo, on the CPU."""

import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch

from rmlab.model import RewardModel
from rmlab.simulate import simulate_text_pairs
from rmlab.training import TrainingConfig, checkpoint, train, training_steps

PAIRS = simulate_text_pairs(60, seed=0).pairs
TRAINING, HELD_OUT = list(PAIRS)[:43], list(PAIRS)[43:]
# Parts of 2, 2, 2 and 1 pairs: of the last, one process of two has none.
CONFIG = TrainingConfig(
    max_steps=20, batch_size=7, gradient_accumulation=4, learning_rate=1e-3, precision="fp32", evaluate_every=10
)
LIMIT = 60.0
"""Seconds within which every process has ended, of which most go into starting them."""


@pytest.fixture(scope="module")
def context():
    context = get_context("forkserver")
    context.set_forkserver_preload(["pytest", "transformers.models.llama.modeling_llama", "rmlab.training"])
    return context


def run(folder: Path, config: TrainingConfig) -> None:
    """Take one step and keep its gradient; train, and keep losses, held-out differences and weights."""

    def fresh() -> RewardModel:
        return RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")

    first = dataclasses.replace(config, max_steps=1, evaluate_every=0, max_grad_norm=float("inf"))
    train(fresh(), TRAINING, config=first, checkpoints=folder / "first", progress=False)
    model = fresh()
    history = train(model, TRAINING, held_out=HELD_OUT, config=config, progress=False)
    rank = os.environ.get("RANK", "0")
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    differences = np.stack([e.score_differences for e in history.evaluations])
    np.savez(
        folder / f"rank{rank}.npz", **weights, losses=[s.loss for s in history.steps], differences=differences,
        accuracies=[s.accuracy for s in history.steps],
    )  # fmt: skip


def fail(folder: Path, how: str) -> None:
    """Meet a fault in one process: `how` is its rank, and what befalls it after the first step."""
    rank, fault = how.split()
    mine = os.environ["RANK"] == rank
    model = RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")
    steps = training_steps(model, TRAINING, config=CONFIG)
    try:
        next(steps)
        if mine and fault == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if mine and fault == "raising":
            model.register_forward_pre_hook(lambda *_: 1 / 0)
        if mine and fault == "nan":
            with torch.no_grad():
                model.head.weight[:] = float("nan")
        list(steps)
    except Exception as error:
        (folder / f"error{os.environ['RANK']}").write_text(f"{type(error).__name__}: {error}", encoding="utf-8")


def in_a_group(action, rank: int, world: int, port: int, folder: Path, argument) -> None:
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }  # fmt: skip
    action(folder, argument)


def start(context, action, folder: Path, argument) -> list:
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    processes = [context.Process(target=in_a_group, args=(action, rank, 2, port, folder, argument)) for rank in (0, 1)]
    for process in processes:
        process.start()
    return processes


def end(processes) -> list[int]:
    """Give the exit codes; a process that hangs is a failure."""
    latest = time.monotonic() + LIMIT
    for process in processes:
        process.join(max(0.0, latest - time.monotonic()))
    hanging = [process for process in processes if process.is_alive()]
    for process in hanging:
        process.kill()
    assert not hanging, f"still there after {LIMIT:.0f} s"
    return [process.exitcode for process in processes]


def gradient(folder: Path) -> dict[str, torch.Tensor]:
    """Give the first gradient, times a number: after one step it is what Adam's mean of gradients holds."""
    found = checkpoint._newest(folder / "first")
    return {name: tensor for name, tensor in found.tensors.items() if name.endswith("exp_avg")}


def test_two_processes_are_one_run(context, tmp_path):
    alone, together = tmp_path / "alone", tmp_path / "together"
    alone.mkdir()
    together.mkdir()
    processes = start(context, run, together, CONFIG)
    run(alone, CONFIG)
    assert end(processes) == [0, 0]
    one, zero, other = (np.load(p) for p in (alone / "rank0.npz", together / "rank0.npz", together / "rank1.npz"))
    np.testing.assert_allclose(zero["losses"], one["losses"], atol=1e-4)
    np.testing.assert_allclose(zero["accuracies"], one["accuracies"])
    np.testing.assert_allclose(zero["differences"], one["differences"], atol=1e-3)
    for name in zero.files:  # the processes agree to the last bit
        np.testing.assert_array_equal(zero[name], other[name], err_msg=name)
    expected, found = gradient(alone), gradient(together)
    assert expected.keys() == found.keys()
    whole = torch.stack([g.norm() for g in expected.values()]).norm()
    apart = torch.stack([(found[name] - g).norm() for name, g in expected.items()]).norm()
    assert whole > 0
    assert apart <= 1e-5 * whole


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_ends_the_others(context, tmp_path, rank):
    codes = end(start(context, fail, tmp_path, f"{rank} killed"))
    assert codes[rank] == -signal.SIGKILL
    error = (tmp_path / f"error{1 - rank}").read_text()
    assert error.startswith("TrainingError: another process of this run has gone without a word: it was killed, or")
    assert f"Process {1 - rank} stops too" in error


@pytest.mark.parametrize(("rank", "fault", "message"), [
    (1, "raising", "ZeroDivisionError in process 1: division by zero"),
    (0, "raising", "ZeroDivisionError in process 0: division by zero"),
    (1, "nan", "TrainingError in process 1: the loss of step 2 is not finite"),
])  # fmt: skip
def test_an_error_in_one_process_ends_the_others_with_its_words(context, tmp_path, rank, fault, message):
    assert end(start(context, fail, tmp_path, f"{rank} {fault}")) == [0, 0]
    own, other = ((tmp_path / f"error{r}").read_text() for r in (rank, 1 - rank))
    assert own.startswith(message.split(":")[0].split(" in ")[0])
    assert other.startswith(f"TrainingError: another process of this run stopped: {message}")


def launched(folder: Path, *launcher: str) -> tuple[str, Path]:
    out = folder / "model"
    command = [*launcher, "-m", "rmlab", "train", "--backbone", "tiny-decoder", "--max-steps", "2", "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=3 * LIMIT, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout, out


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


@pytest.mark.slow
def test_the_command_trains_in_two_processes_and_one_of_them_speaks(tmp_path):
    said, out = launched(tmp_path, program("torchrun"), "--nproc-per-node", "2")
    assert "2 processes on cpu" in said
    assert said.count("on the test part") == 1
    assert said.count("saved to") == 1
    assert RewardModel.from_pretrained(out, device="cpu").score(["a"], ["b"]).shape == (1,)


@pytest.mark.slow
def test_accelerate_launch_runs_the_command_and_it_says_if_it_is_alone(tmp_path):
    said, out = launched(tmp_path, program("accelerate"), "launch", "--num_processes", "2", "--cpu")
    assert "accelerate started one process where it was asked for several" in said
    assert "torchrun --nproc-per-node N -m rmlab train" in said
    assert (out / "model.safetensors").is_file()
