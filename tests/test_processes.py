"""A run of several processes: the same as a run of one, and ended as one. Processes meet over gloo, on the CPU."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
import torch.distributed as dist
from accelerate import PartialState

from rmlab.__main__ import main
from rmlab.commands import launch
from rmlab.commands import train as train_command
from rmlab.model import RewardModel
from rmlab.simulate import simulate_text_pairs
from rmlab.training import TrainingConfig, TrainingError, checkpoint, one_for_all, train, training_steps

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
        "MASTER_PORT": str(port), "TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0",
    }  # fmt: skip
    action(folder, argument)


STORES = []


def start(context, action, folder: Path, argument) -> list:
    # as under a launcher, the store where the processes meet is not of one of them, and outlives them
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    STORES.append(store)
    places = [(action, rank, 2, store.port, folder, argument) for rank in (0, 1)]
    processes = [context.Process(target=in_a_group, args=place) for place in places]
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
    assert other.startswith(f"OtherProcessError: another process of this run stopped: {message}")


COMMAND = ["-m", "rmlab", "train", "--backbone", "tiny-decoder", "--precision", "fp32", "--max-steps", "4"]
TORCHRUN = ["torchrun", "--nproc-per-node", "2"]
ACCELERATE = ["accelerate", "launch", "--cpu", "--num_processes", "2"]


def launched(launcher: list[str], *arguments: str) -> subprocess.CompletedProcess:
    program = Path(sys.executable).with_name(launcher[0])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [str(program), *launcher[1:], *COMMAND, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=3 * LIMIT, env=environment)


@pytest.mark.slow
def test_the_command_trains_in_two_processes_however_they_are_launched_as_in_one(tmp_path):
    ways = {"alone": ["python"], "torchrun": TORCHRUN, "accelerate": ACCELERATE}
    losses, differences = {}, {}
    for way, launcher in ways.items():
        done = launched(launcher, "--out", str(tmp_path / way), "--tokens", str(tmp_path / "ids"))
        assert done.returncode == 0, done.stderr
        assert ("2 processes on cpu" in done.stdout) == (way != "alone")
        assert ("accelerate started one of 2 processes" in done.stdout) == (way == "accelerate")
        assert done.stdout.count("on the test part") == done.stdout.count("saved to") == 1
        record = json.loads((tmp_path / way / "training.json").read_text())
        losses[way] = [step["loss"] for step in record["steps"]]
        model = RewardModel.from_pretrained(tmp_path / way, device="cpu")
        differences[way] = model.score_differences(HELD_OUT)
    for way in ("torchrun", "accelerate"):
        np.testing.assert_allclose(losses[way], losses["alone"], atol=1e-4)
        np.testing.assert_allclose(differences[way], differences["alone"], atol=1e-3)
    assert sum(path.is_dir() for path in (tmp_path / "ids").iterdir()) == 3  # of the three parts, made once


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [TORCHRUN, ACCELERATE], ids=["torchrun", "accelerate"])
def test_a_command_that_fails_in_every_process_says_so_once(tmp_path, launcher):
    done = launched(launcher, "no_such_file.jsonl", "--out", str(tmp_path / "model"))
    assert done.returncode != 0
    assert done.stderr.count("rmlab: ") == done.stderr.count("rmlab: no file 'no_such_file.jsonl'") == 1


@pytest.mark.slow
def test_fsdp_is_refused_by_one_of_the_processes(tmp_path):
    done = launched(["accelerate", "launch", "--use_fsdp", "--num_processes", "2"], "--out", str(tmp_path / "model"))
    assert done.returncode != 0
    assert done.stderr.count("rmlab: ") == done.stderr.count("rmlab: accelerate was told to share the model out") == 1
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("kind", ["FSDP", "DEEPSPEED", "MEGATRON_LM"])
def test_a_model_shared_out_among_processes_is_refused(monkeypatch, kind):
    monkeypatch.setenv(f"ACCELERATE_USE_{kind}", "true")
    refusal = pytest.raises(TrainingError, match=rf"\({kind}\), and rmlab trains with the whole of it in each \(DDP\)")
    with refusal, one_for_all():
        pass


@pytest.fixture
def left_alone(monkeypatch):
    monkeypatch.setenv("MASTER_PORT", "29500")
    monkeypatch.delenv("WORLD_SIZE", raising=False)


def test_a_process_started_by_torchrun_or_by_nobody_is_not_left_alone(monkeypatch, left_alone):
    assert launch.is_left_alone(PartialState())
    monkeypatch.setenv(
        "WORLD_SIZE", "1"
    )  # torchrun, asked for one process: were it left alone, it would start for ever
    assert not launch.is_left_alone(PartialState())
    monkeypatch.delenv("WORLD_SIZE")
    monkeypatch.delenv("MASTER_PORT")
    assert not launch.is_left_alone(PartialState())


CLI = [sys.executable, "/bin/accelerate", "launch"]
TRAIN = ["-m", "rmlab", "train", "--num_processes", "9"]


@pytest.mark.parametrize(("parent", "number"), [
    ([*CLI, "--num_processes", "3", "--cpu", *TRAIN], 3),
    ([sys.executable, "/bin/accelerate-launch", "--num-processes=3", "--cpu", *TRAIN], 3),
    ([sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "3", *TRAIN], 3),
    ([*CLI, "--cpu", "--config_file", "CONFIG", *TRAIN], 4),
    ([*CLI, "--cpu", "--config_file", "CONFIG", "--num_processes", "3", *TRAIN], 3),
    ([*CLI, "--num_machines", "2", "--num_processes", "4", "--cpu", *TRAIN], None),
    ([*CLI, "--cpu", "--config_file", "MACHINES", *TRAIN], None),
    ([*CLI, "--cpu", "--config_file", "no such file", *TRAIN], None),
    (["bash"], None),
])  # fmt: skip
def test_the_number_of_processes_is_read_as_accelerate_reads_it(monkeypatch, tmp_path, parent, number):
    for name, n_machines in (("CONFIG", 1), ("MACHINES", 2)):
        config = {
            "compute_environment": "LOCAL_MACHINE", "distributed_type": "MULTI_CPU", "use_cpu": True,
            "num_processes": 4, "num_machines": n_machines, "machine_rank": 0, "mixed_precision": "no",
        }  # fmt: skip
        (tmp_path / name).write_text(json.dumps(config))  # JSON is YAML, too
    words = [str(tmp_path / word) if word in ("CONFIG", "MACHINES") else word for word in parent]
    monkeypatch.setattr(psutil.Process, "cmdline", lambda _: words)
    assert launch.number_asked_for() == number


def test_where_no_number_is_found_the_run_goes_on_alone_and_says_so(monkeypatch, left_alone, tmp_path, capsys):
    monkeypatch.setattr(train_command, "number_asked_for", lambda: None)
    assert main(["train", "--backbone", "tiny-decoder", "--max-steps", "1", "--out", str(tmp_path / "model")]) == 0
    said = capsys.readouterr().out
    assert "accelerate started one process where it was asked for several" in said
    assert "torchrun --nproc-per-node N -m rmlab train" in said
    assert (tmp_path / "model" / "model.safetensors").is_file()
