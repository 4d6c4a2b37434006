"""A run of several processes: the same as a run of one, and ended as one. Processes meet over gloo, on the CPU."""

import dataclasses
import json
import os
import re
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
from rmlab.cli import launch
from rmlab.cli import train as train_command
from rmlab.model import RewardModel
from rmlab.simulate import simulate_text_pairs
from rmlab.training import (
    TrainingConfig,
    TrainingError,
    checkpoint,
    group,
    join_group,
    one_for_all,
    train,
    training_steps,
)
from rmlab.training.parallel import parallel

PAIRS = simulate_text_pairs(60, seed=0).pairs
TRAINING, HELD_OUT = list(PAIRS)[:43], list(PAIRS)[43:]
# Parts of 2, 2, 2 and 1 pairs: of the last, one process of two has none.
CONFIG = TrainingConfig(
    max_steps=20, batch_size=7, gradient_accumulation=4, learning_rate=1e-3, precision="fp32", evaluate_every=10
)
# Of a batch of three, and of the three held out, one process of two has twice the calls: a pair to a call.
LONG = [dataclasses.replace(pair, prompt=" ".join([pair.prompt] * 70)) for pair in TRAINING[:9]]
LONG_CONFIG = dataclasses.replace(CONFIG, max_steps=4, batch_size=3, gradient_accumulation=1, evaluate_every=2)
LIMIT = 60.0
"""Seconds within which every process has ended, of which most go into starting them."""


@pytest.fixture(scope="module")
def context():
    context = get_context("forkserver")
    context.set_forkserver_preload(["pytest", "transformers.models.llama.modeling_llama", "rmlab.training"])
    return context


def run(folder: Path, config: TrainingConfig, training=TRAINING, held_out=HELD_OUT) -> None:
    """Take one step and keep its gradient; train, and keep losses, held-out differences and weights."""

    def fresh() -> RewardModel:
        return RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")

    first = dataclasses.replace(config, max_steps=1, evaluate_every=0, max_grad_norm=float("inf"), checkpoint_every=1)
    train(fresh(), training, config=first, checkpoints=folder / "first", progress=False)
    model = fresh()
    history = train(model, training, held_out=held_out, config=config, progress=False)
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
            RewardModel.forward = lambda *_, **__: 1 / 0
        if mine and fault == "nan":
            with torch.no_grad():
                model.head.weight[:] = float("nan")
        list(steps)
    except Exception as error:
        (folder / f"error{os.environ['RANK']}").write_text(f"{type(error).__name__}: {error}", encoding="utf-8")


SHARED_OUT = {
    "ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP"
}  # fmt: skip
"""What accelerate launch --use_fsdp --fsdp_version 2 tells the processes."""


def run_fsdp(folder: Path, config: TrainingConfig) -> None:
    os.environ |= SHARED_OUT
    run(folder, config)


def run_weighted(folder: Path, config: TrainingConfig) -> None:
    weighted = [dataclasses.replace(pair, weight=0.5 + i % 4) for i, pair in enumerate(TRAINING)]
    run(folder, config, weighted)


def run_weighted_fsdp(folder: Path, config: TrainingConfig) -> None:
    os.environ |= SHARED_OUT
    run_weighted(folder, config)


def run_long(folder: Path, config: TrainingConfig) -> None:
    run(folder, config, LONG, LONG[:3])


def run_long_fsdp(folder: Path, config: TrainingConfig) -> None:
    os.environ |= SHARED_OUT
    run_long(folder, config)


def fail_fsdp(folder: Path, how: str) -> None:
    os.environ |= SHARED_OUT
    fail(folder, how)


def resume_fsdp(folder: Path, argument: tuple[str, TrainingConfig]) -> None:
    """Train once to the end, and once closed on the way and resumed; keep the weights of each, and the closed ones."""
    os.environ |= SHARED_OUT
    name, config = argument
    weights = {}

    def fresh(way: str) -> RewardModel:
        model = weights[way] = RewardModel.from_pretrained(name, seed=0, device="cpu")
        return model

    def options(way: str) -> dict:
        return {"held_out": HELD_OUT, "config": config, "checkpoints": folder / way}

    train(fresh("whole"), TRAINING, progress=False, **options("whole"))
    steps = training_steps(fresh("closed"), TRAINING, **options("parts"))
    for _ in range(config.checkpoint_every + 2):
        next(steps)
    steps.close()
    history = train(fresh("resumed"), TRAINING, progress=False, resume=True, **options("parts"))
    assert history.resumed_at == (config.checkpoint_every,)
    for way, model in weights.items():
        arrays = {key: tensor.numpy() for key, tensor in model.state_dict().items()}
        np.savez(folder / f"{way}{os.environ['RANK']}.npz", **arrays)


def stop_early(folder: Path, config: TrainingConfig) -> None:
    """Ask one process alone to stop after its second step; keep how many steps each took."""
    model = RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")
    steps = training_steps(model, TRAINING, config=config, checkpoints=folder / "kept")
    for step in steps:
        if step.step == 2 and os.environ["RANK"] == "1":
            steps.stop()
    kept = [path.name for path in (folder / "kept").glob("step-*")]
    (folder / f"stopped{os.environ['RANK']}").write_text(json.dumps([len(steps.history.steps), kept]))


def stop_early_fsdp(folder: Path, config: TrainingConfig) -> None:
    os.environ |= SHARED_OUT
    stop_early(folder, config)


def measure_parts(folder: Path, config: TrainingConfig) -> None:
    """Keep how many numbers of the model each process holds."""
    os.environ |= SHARED_OUT
    join_group()
    model = RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")
    with parallel(model, config) as spread:
        held = sum(p.to_local().numel() for p in spread.model.parameters())
    whole = sum(p.numel() for p in model.parameters())
    (folder / f"held{os.environ['RANK']}").write_text(json.dumps([held, whole]), encoding="utf-8")


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


def test_long_pairs_take_a_call_each():
    model = RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")
    encoded, calls = model.encode_pairs(LONG[:2]), []
    model.register_forward_hook(lambda *_: calls.append(1))
    assert model.packing_fault is None
    calls.clear()
    model.score_ids([*encoded.chosen, *encoded.rejected], keys=[0, 1, 0, 1])
    assert len(calls) == 2


def slow(*values: object) -> object:
    """Return the values of a case that `make check` leaves out: one case of a kind is in it."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(("action", "alone_action", "config"), [
    (run, run, CONFIG), slow(run_fsdp, run, CONFIG), slow(run_long, run_long, LONG_CONFIG),
    slow(run_long_fsdp, run_long, LONG_CONFIG), slow(run_weighted, run_weighted, CONFIG),
    slow(run_weighted_fsdp, run_weighted, CONFIG),
])  # fmt: skip
def test_two_processes_are_one_run(context, tmp_path, action, alone_action, config):
    alone, together = tmp_path / "alone", tmp_path / "together"
    alone.mkdir()
    together.mkdir()
    processes = start(context, action, together, config)
    alone_action(alone, config)
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


def test_each_process_holds_its_part_of_a_model_that_is_shared_out(context, tmp_path):
    assert end(start(context, measure_parts, tmp_path, CONFIG)) == [0, 0]
    (held, whole), (other, _) = (json.loads((tmp_path / f"held{rank}").read_text()) for rank in (0, 1))
    assert held + other == whole
    assert 0.45 * whole < held < 0.55 * whole


@pytest.mark.parametrize(("name", "options"), [
    ("tiny-decoder", {"lora": 2, "patience": 2}),
    ("tiny-encoder", {"gradient_checkpointing": True}),
])  # fmt: skip
@pytest.mark.slow
def test_a_model_that_is_shared_out_is_resumed_to_the_last_bit(context, tmp_path, name, options):
    config = dataclasses.replace(CONFIG, max_steps=9, checkpoint_every=4, evaluate_every=3, **options)
    assert end(start(context, resume_fsdp, tmp_path, (name, config))) == [0, 0]
    weights = {path.stem: np.load(path) for path in tmp_path.glob("*.npz")}
    for key in weights["whole0"].files:
        for way in ("whole1", "resumed0", "resumed1"):
            np.testing.assert_array_equal(weights[way][key], weights["whole0"][key], err_msg=f"{way} {key}")
        np.testing.assert_array_equal(weights["closed1"][key], weights["closed0"][key], err_msg=key)
    before = RewardModel.from_pretrained(name, seed=0, device="cpu").state_dict()
    for way in ("closed0", "whole0"):  # what was trained in parts is in the model that was given
        assert any(not np.array_equal(weights[way][key], before[key]) for key in before)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
@pytest.mark.parametrize(("action", "rank"), [(fail, 0), slow(fail, 1), slow(fail_fsdp, 1)])
def test_a_killed_process_ends_the_others(context, tmp_path, action, rank):
    codes = end(start(context, action, tmp_path, f"{rank} killed"))
    assert codes[rank] == -signal.SIGKILL
    error = (tmp_path / f"error{1 - rank}").read_text()
    assert re.search(rf"^TrainingError: .*killed.*Process {1 - rank} ", error)


@pytest.mark.parametrize(("action", "rank", "fault", "message"), [
    (fail, 1, "raising", "ZeroDivisionError in process 1: division by zero"),
    slow(fail, 0, "raising", "ZeroDivisionError in process 0: division by zero"),
    slow(fail, 1, "nan", "TrainingError in process 1: the loss of step 2 is not finite"),
    slow(fail_fsdp, 0, "raising", "ZeroDivisionError in process 0: division by zero"),
])  # fmt: skip
def test_an_error_in_one_process_ends_the_others_with_its_words(context, tmp_path, action, rank, fault, message):
    assert end(start(context, action, tmp_path, f"{rank} {fault}")) == [0, 0]
    own, other = ((tmp_path / f"error{r}").read_text() for r in (rank, 1 - rank))
    assert own.startswith(message.split(":")[0].split(" in ")[0])
    assert re.search(rf"^OtherProcessError: .*: {message}", other)


COMMAND = ["-m", "rmlab", "train", "--backbone", "tiny-decoder", "--precision", "fp32", "--max-steps", "4"]
TORCHRUN = ["torchrun", "--nproc-per-node", "2"]
ACCELERATE = ["accelerate", "launch", "--cpu", "--num_processes", "2"]
FSDP = ["accelerate", "launch", "--use_fsdp", "--fsdp_version", "2", "--num_processes", "2"]


def launched(launcher: list[str], *arguments: str) -> subprocess.CompletedProcess:
    program = Path(sys.executable).with_name(launcher[0])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [str(program), *launcher[1:], *COMMAND, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=3 * LIMIT, env=environment)


@pytest.mark.slow
def test_the_command_trains_in_two_processes_however_they_are_launched_as_in_one(tmp_path, capsys):
    ways = {"alone": None, "torchrun": TORCHRUN, "accelerate": ACCELERATE, "fsdp": FSDP}
    losses, differences = {}, {}
    for way, launcher in ways.items():
        options = ("--out", str(tmp_path / way), "--tokens", str(tmp_path / "ids"))
        if launcher is None:
            assert main([*COMMAND[2:], *options]) == 0
            said = capsys.readouterr().out
        else:
            done = launched(launcher, *options)
            assert done.returncode == 0, done.stderr
            said = done.stdout
        assert ("2 processes on cpu" in said) == (way != "alone")
        assert ("the model sharded across them (FSDP)" in said) == (way == "fsdp")
        assert ("accelerate started one of 2 processes" in said) == (way == "accelerate")
        assert said.count("on the test part") == said.count("saved to") == 1
        record = json.loads((tmp_path / way / "training.json").read_text())
        losses[way] = [step["loss"] for step in record["steps"]]
        model = RewardModel.from_pretrained(tmp_path / way, device="cpu")
        differences[way] = model.score_differences(HELD_OUT)
    for way in ("torchrun", "accelerate", "fsdp"):
        np.testing.assert_allclose(losses[way], losses["alone"], atol=1e-4)
        np.testing.assert_allclose(differences[way], differences["alone"], atol=1e-3)
    assert sum(path.is_dir() for path in (tmp_path / "ids").iterdir()) == 3  # of the three parts, made once


@pytest.mark.parametrize("action", [stop_early, slow(stop_early_fsdp)])
def test_all_processes_stop_after_the_same_step_with_a_checkpoint(context, tmp_path, action):
    assert end(start(context, action, tmp_path, CONFIG)) == [0, 0]
    for rank in (0, 1):
        assert json.loads((tmp_path / f"stopped{rank}").read_text()) == [3, ["step-0000000003"]]


@pytest.mark.slow
def test_a_command_that_fails_in_every_process_says_so_once(tmp_path):
    done = launched(TORCHRUN, "no_such_file.jsonl", "--out", str(tmp_path / "model"))
    assert done.returncode != 0
    assert done.stderr.count("rmlab: ") == done.stderr.count("rmlab: no file 'no_such_file.jsonl'") == 1


@pytest.mark.slow
def test_the_first_version_of_fsdp_is_refused_by_one_of_the_processes_of_accelerate(tmp_path):
    done = launched(["accelerate", "launch", "--use_fsdp", "--num_processes", "2"], "--out", str(tmp_path / "model"))
    assert done.returncode != 0
    assert done.stderr.count("rmlab: ") == done.stderr.count("--fsdp_version 2") == 1
    assert not (tmp_path / "model").exists()


def test_activations_are_checkpointed_by_rmlab_and_not_by_fsdp(monkeypatch):
    monkeypatch.setattr(group, "is_sharded", lambda: True)
    monkeypatch.setenv("FSDP_VERSION", "2")
    with one_for_all():
        pass
    monkeypatch.setenv("FSDP_ACTIVATION_CHECKPOINTING", "true")
    with pytest.raises(TrainingError, match="--gradient-checkpointing"), one_for_all():
        pass


@pytest.mark.parametrize("kind", ["DEEPSPEED", "MEGATRON_LM"])
def test_other_ways_to_train_in_several_processes_are_refused(monkeypatch, kind):
    monkeypatch.setenv(f"ACCELERATE_USE_{kind}", "true")
    with pytest.raises(TrainingError, match=kind), one_for_all():
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
    assert re.search(r"accelerate was asked for several processes and started one", said)
    assert "torchrun --nproc-per-node" in said
    assert (tmp_path / "model" / "model.safetensors").is_file()
