import contextlib
import dataclasses
import multiprocessing
import os
import random
import re
import shutil
import signal
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator

from rmlab.__main__ import main
from rmlab.data import write_pairs
from rmlab.model import RewardModel
from rmlab.simulate import simulate_text_pairs
from rmlab.training import (
    Interrupted,
    TrainingConfig,
    TrainingError,
    checkpoint,
    load_checkpoint,
    prepare,
    train,
    training_steps,
)
from rmlab.training.checkpoint import Checkpoints
from rmlab.training.logs import StepLog
from rmlab.training.run_state import Best, RunState

PAIRS = simulate_text_pairs(40, seed=0).pairs
TRAINING, HELD_OUT = list(PAIRS)[:28], list(PAIRS)[28:]
PLAIN = TrainingConfig(
    max_steps=9, batch_size=8, learning_rate=3e-3, precision="fp32", evaluate_every=2, checkpoint_every=2
)
CONFIGS = {
    "plain": PLAIN,
    "dropout": dataclasses.replace(PLAIN, dropout=True),
    "lora": dataclasses.replace(PLAIN, lora=4),
    "accumulation": dataclasses.replace(PLAIN, gradient_accumulation=3),
    "patience": dataclasses.replace(PLAIN, patience=9),
    "all of these": dataclasses.replace(
        PLAIN, dropout=True, lora=4, patience=9, gradient_accumulation=2, gradient_checkpointing=True, centering=0.01
    ),
}
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:torch")
ON_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")


def fresh(seed: int = 0) -> RewardModel:
    """A decoder with dropout in its attention, so that random states matter where dropout is on."""
    model = RewardModel.from_pretrained("tiny-decoder", seed=seed, device="cpu")
    for module in model.modules():
        if hasattr(module, "attention_dropout"):
            module.attention_dropout = 0.1
    return model


def run(config: TrainingConfig = PLAIN, checkpoints: Path | None = None, **options):
    """Train to the end; with a folder, resume."""
    model = options.pop("model", None) or fresh()
    if checkpoints is None:
        config = dataclasses.replace(config, checkpoint_every=0)
    options = {"held_out": HELD_OUT, "resume": checkpoints is not None, "progress": False, **options}
    history = train(model, options.pop("pairs", TRAINING), config=config, checkpoints=checkpoints, **options)
    return model, history


@cache
def undisturbed(config: TrainingConfig = PLAIN):
    """Train to the end without checkpoints, once for each configuration."""
    return run(config)


def abandon(folder: Path, config: TrainingConfig = PLAIN, after: int = 5) -> None:
    """Leave a run after so many steps."""
    with contextlib.closing(
        training_steps(fresh(), TRAINING, held_out=HELD_OUT, config=config, checkpoints=folder)
    ) as steps:
        for step in steps:
            if step.step == after:
                return


def same_weights(a: RewardModel, b: RewardModel) -> bool:
    one, other = a.state_dict(), b.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def without_time(history) -> list[dict]:
    steps = [{k: v for k, v in vars(step).items() if k not in ("seconds", "evaluations")} for step in history.steps]
    for step, record in zip(history.steps, steps, strict=True):
        record["evaluations"] = [(e.step, e.evaluation, e.score_differences.tolist()) for e in step.evaluations]
    return steps


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("step-*"))


def step_folder(folder: Path, step: int) -> Path:
    return folder / f"step-{step:010d}"


@pytest.fixture(scope="module")
def left_after_5(tmp_path_factory) -> Path:
    """Checkpoints of steps 2 and 4."""
    folder = tmp_path_factory.mktemp("left") / "run"
    abandon(folder)
    return folder


@pytest.fixture
def folder(left_after_5, tmp_path) -> Path:
    return Path(shutil.copytree(left_after_5, tmp_path / "run"))


@pytest.mark.parametrize("name", CONFIGS)
def test_a_resumed_run_ends_bit_for_bit_like_one_never_disturbed(name, tmp_path):
    config = CONFIGS[name]
    expected, whole = undisturbed(config)
    abandon(tmp_path, config, after=5)
    abandoned_twice = training_steps(
        fresh(), TRAINING, held_out=HELD_OUT, config=config, checkpoints=tmp_path, resume=True
    )
    assert [next(abandoned_twice).step for _ in range(3)] == [5, 6, 7]
    abandoned_twice.close()
    model, history = run(config, tmp_path)
    assert same_weights(model, expected)
    assert without_time(history) == without_time(whole)
    assert history.best_step == whole.best_step
    assert history.resumed_at == (4, 6)
    assert (whole.resumed_at, len(whole.steps)) == ((), 9)
    assert np.all(np.diff([step.seconds for step in history.steps]) > 0)


def test_writing_checkpoints_changes_nothing(tmp_path):
    config = CONFIGS["all of these"]
    assert same_weights(undisturbed(config)[0], run(config, tmp_path)[0])


def test_dropout_matters_in_these_tests():
    assert not same_weights(undisturbed(CONFIGS["dropout"])[0], undisturbed()[0])


def test_patience_goes_on_counting_where_it_was(tmp_path):
    wrong = [dataclasses.replace(p, chosen=p.rejected, rejected=p.chosen) for p in TRAINING]
    config = dataclasses.replace(PLAIN, max_steps=40, evaluate_every=1, checkpoint_every=1, patience=3)
    expected, whole = run(config, held_out=wrong)
    stop = len(whole.steps)
    assert 3 <= stop < 40
    steps = training_steps(fresh(), TRAINING, held_out=wrong, config=config, checkpoints=tmp_path)
    for _ in range(stop - 1):
        next(steps)
    steps.close()
    model, history = run(config, tmp_path, held_out=wrong)
    assert len(history.steps) == stop
    assert same_weights(model, expected)
    again, history = run(config, tmp_path, held_out=wrong)  # a run that patience ended takes no step more
    assert len(history.steps) == stop
    assert same_weights(again, expected)


def test_a_finished_run_is_resumed_to_its_end_without_a_step(tmp_path):
    config = CONFIGS["all of these"]
    expected, _ = run(config, tmp_path)
    model, history = run(config, tmp_path)
    assert same_weights(model, expected)
    assert [step.step for step in history.steps] == list(range(1, 10))
    assert history.resumed_at == (9,)


def test_resuming_from_an_empty_folder_starts_at_the_beginning(tmp_path):
    (tmp_path / "new").mkdir()
    model, history = run(PLAIN, tmp_path / "new")
    assert same_weights(model, undisturbed()[0])
    assert history.resumed_at == ()


def test_a_run_that_was_killed_in_its_first_checkpoint_starts_at_the_beginning(tmp_path, monkeypatch):
    save_file, left = checkpoint.save_file, tmp_path / "left"

    def save(tensors, path):  # a kill would leave what the folder holds at this moment
        save_file(tensors, path)
        if not left.exists():
            shutil.copytree(tmp_path / "run", left)

    monkeypatch.setattr(checkpoint, "save_file", save)
    run(PLAIN, tmp_path / "run", resume=False)
    assert {path.name for path in left.iterdir()} == {".lock", ".owner", ".step-0000000002.saving"}
    model, history = run(PLAIN, left)
    assert same_weights(model, undisturbed()[0])
    assert history.resumed_at == ()
    assert names(left) == ["step-0000000008", "step-0000000009"]


def test_a_run_that_is_shorter_than_its_minutes_is_not_trained_again(tmp_path):
    config = dataclasses.replace(PLAIN, checkpoint_every=0, checkpoint_minutes=60)
    expected, _ = run(config, tmp_path / "stage", resume=False)
    model, history = run(config, tmp_path / "stage")
    assert same_weights(model, expected)
    assert history.resumed_at == (9,)


def test_the_two_newest_checkpoints_are_kept_and_the_last_step_has_one(tmp_path):
    run(PLAIN, tmp_path)
    assert names(tmp_path) == ["step-0000000008", "step-0000000009"]
    assert {path.name for path in (tmp_path / "step-0000000009").iterdir()} == {
        "manifest.json", "state.json", "tensors.safetensors",
    }  # fmt: skip


def test_checkpoints_by_the_clock(tmp_path, monkeypatch):
    minutes = iter(np.arange(100) * 60.0)  # each look at the clock is a minute after the one before
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: float(next(minutes)))
    config = dataclasses.replace(PLAIN, checkpoint_every=0, checkpoint_minutes=3, max_steps=7)
    run(config, tmp_path)
    assert names(tmp_path) == ["step-0000000006", "step-0000000007"]


@pytest.mark.parametrize("best", [False, True])
@pytest.mark.parametrize("name", ["plain", "lora"])
def test_the_last_and_the_best_weights_load_without_resuming(name, best, tmp_path):
    config = dataclasses.replace(CONFIGS[name], learning_rate=0.03, checkpoint_every=1)
    last, history = run(config, tmp_path)
    model = fresh()
    step = load_checkpoint(model, tmp_path, best=best)
    losses = {e.step: e.evaluation.log_loss for e in history.evaluations}
    assert step == (min(losses, key=losses.__getitem__) if best else 9)
    seen = next(e for e in history.evaluations if e.step == step)
    np.testing.assert_allclose(model.score_differences(HELD_OUT), seen.score_differences, atol=1e-4)
    assert best or same_weights(model, last)
    assert best is False or step != 9, "the last is the best here, so that this could not fail"


def test_loading_says_what_is_not_there(tmp_path):
    with pytest.raises(TrainingError, match=rf"no checkpoint .*{re.escape(str(tmp_path))}"):
        load_checkpoint(fresh(), tmp_path)
    run(PLAIN, tmp_path, held_out=None)
    with pytest.raises(TrainingError, match=r"best weights.*held-out"):
        load_checkpoint(fresh(), tmp_path, best=True)
    with pytest.raises(TrainingError, match=r"weights: expected [0-9a-f]{16}, got"):
        load_checkpoint(fresh(seed=1), tmp_path)


@pytest.mark.parametrize(("change", "message"), [
    ({"model": 1}, r"weights: expected [0-9a-f]{16}, got [0-9a-f]{16}\b"),
    ({"pairs": TRAINING[:-1]}, r"training pairs: expected 28 pairs \([0-9a-f]{16}\), got 27 pairs"),
    ({"pairs": TRAINING[::-1]}, "training pairs: expected 28 pairs .*, got 28 pairs"),
    ({"pairs": [dataclasses.replace(p, margin=0.5) for p in TRAINING]}, "training pairs: expected 28"),
    ({"pairs": [dataclasses.replace(p, weight=1.0 + (i == 3)) for i, p in enumerate(TRAINING)]},
     r"training pairs: expected 28 pairs .*, got 28 pairs"),
    ({"held_out": HELD_OUT[:-1]}, "held-out pairs: expected 12 pairs .*, got 11 pairs"),
    ({"held_out": None}, "held-out pairs: expected 12 pairs .*, got None"),
    ({"config": {"learning_rate": 1e-3}}, r"learning_rate: expected 0\.003, got 0\.001\b"),
    ({"config": {"max_steps": 10, "seed": 3}}, "max_steps: expected 9, got 10; seed: expected 0, got 3"),
])  # fmt: skip
def test_another_run_is_not_resumed(folder, change, message):
    config = dataclasses.replace(PLAIN, **change.pop("config", {}))
    change["model"] = model = fresh(change.get("model", 0))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(TrainingError, match=rf"step-0000000004\b.*\b{message}"):
        run(config, folder, **change)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert names(folder) == ["step-0000000002", "step-0000000004"]


def test_a_model_of_another_architecture_is_not_resumed(folder):
    encoder = RewardModel.from_pretrained("tiny-encoder", device="cpu")
    with pytest.raises(TrainingError, match=r"architecture: expected .*; weights: expected"):
        run(PLAIN, folder, model=encoder)


def test_a_model_with_other_tokens_is_not_resumed(folder):
    model = fresh()
    model.tokenizer.chat_template = "{{ messages }}"
    with pytest.raises(TrainingError, match="tokenizer: expected"):
        run(PLAIN, folder, model=model)


def test_settings_without_bearing_on_the_weights_may_change(folder):
    config = dataclasses.replace(PLAIN, checkpoint_every=3, checkpoint_minutes=60.0)
    assert same_weights(run(config, folder)[0], undisturbed()[0])


def test_a_folder_with_another_run_is_not_written_over(folder):
    with pytest.raises(TrainingError, match=r"another run.*step-0000000004"):
        run(PLAIN, folder, resume=False)
    assert names(folder) == ["step-0000000002", "step-0000000004"]


@pytest.mark.parametrize(
    "options", [{"config": PLAIN}, {"config": TrainingConfig(checkpoint_minutes=1)}, {"resume": True}]
)
def test_checkpoints_without_a_folder_are_refused(options):
    with pytest.raises(TrainingError, match="checkpoints"):
        training_steps(fresh(), TRAINING, **options)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [cut_short, flip_a_bit, Path.unlink])
@pytest.mark.parametrize("file", ["tensors.safetensors", "state.json", "manifest.json"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(folder, file, harm):
    harm(step_folder(folder, 4) / file)
    with pytest.warns(UserWarning, match=r"damaged .*step-0000000004 .*step-0000000002"):
        model, history = run(PLAIN, folder)
    assert same_weights(model, undisturbed()[0])
    assert history.resumed_at == (2,)
    assert names(folder) == ["step-0000000008", "step-0000000009"]


def test_where_every_checkpoint_is_damaged_nothing_is_guessed(folder):
    for path in folder.glob("step-*"):
        flip_a_bit(path / "tensors.safetensors")
    with pytest.raises(TrainingError, match=r"damaged.*step-0000000004 \(tensors"):
        run(PLAIN, folder)


def test_a_checkpoint_of_another_format_is_refused(folder, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", 2)
    with pytest.raises(TrainingError, match=r"format 1\b.*format 2\b"):
        run(PLAIN, folder)


@ON_POSIX
def test_a_full_disk_leaves_the_old_checkpoint_and_the_run_goes_on(folder):
    import resource

    model = fresh()
    steps = training_steps(model, TRAINING, held_out=HELD_OUT, config=PLAIN, checkpoints=folder, resume=True)
    next(steps)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))  # the system refuses to write more to a file
    try:
        with pytest.warns(UserWarning, match=r"step 6 .*too large.*step-0000000004"):
            next(steps)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(folder) == ["step-0000000004"]
    assert not list(folder.glob(".step-*"))
    assert [step.step for step in steps] == [7, 8, 9]
    assert names(folder) == ["step-0000000008", "step-0000000009"]
    assert same_weights(model, undisturbed()[0])


def test_a_folder_that_cannot_be_made_stops_the_run_before_its_first_step(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(TrainingError, match=re.escape(str(tmp_path / "file"))):
        run(PLAIN, tmp_path / "file", resume=False)


def test_a_resume_from_a_folder_of_no_run_is_refused(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "today.txt").touch()
    for name in ("mistyped", "notes"):
        with pytest.raises(TrainingError, match=re.escape(str(tmp_path / name))):
            run(PLAIN, tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes"]


def test_a_finished_run_goes_on_for_longer_as_if_it_had_been_longer(tmp_path):
    config = dataclasses.replace(PLAIN, schedule="constant", warmup_fraction=0, evaluate_every=0)
    longer = dataclasses.replace(config, max_steps=14)
    expected, whole = run(longer, held_out=None)
    run(config, tmp_path, held_out=None, resume=False)
    model, history = run(longer, tmp_path, held_out=None)
    assert same_weights(model, expected)
    assert without_time(history) == without_time(whole)
    assert history.resumed_at == (9,)
    with pytest.raises(TrainingError, match="max_steps: expected 14, got 13"):
        run(dataclasses.replace(longer, max_steps=13), tmp_path, held_out=None)


def test_a_run_that_was_cut_short_does_not_change_its_length(folder):
    with pytest.raises(TrainingError, match="max_steps: expected 9, got 14"):
        run(dataclasses.replace(PLAIN, max_steps=14), folder)


def test_a_run_that_patience_ended_waits_again_where_it_goes_on_for_longer(tmp_path):
    wrong = [dataclasses.replace(p, chosen=p.rejected, rejected=p.chosen) for p in TRAINING]
    config = dataclasses.replace(PLAIN, max_steps=40, evaluate_every=1, checkpoint_every=1, patience=3)
    _, first = run(config, tmp_path, held_out=wrong, resume=False)
    _, history = run(dataclasses.replace(config, max_steps=41), tmp_path, held_out=wrong)
    assert len(history.steps) == len(first.steps) + 3 < 40


def test_a_run_that_is_told_to_stop_has_a_checkpoint_and_goes_on_from_it(tmp_path):
    config = dataclasses.replace(PLAIN, checkpoint_every=0)
    expected, whole = undisturbed(config)
    steps = training_steps(fresh(), TRAINING, held_out=HELD_OUT, config=config, checkpoints=tmp_path)
    for step in steps:
        if step.step == 3:
            steps.stop()
    assert (len(steps.history.steps), steps.finished, steps.checkpoint) == (4, False, step_folder(tmp_path, 4))
    model, history = run(config, tmp_path)
    assert same_weights(model, expected)
    assert without_time(history) == without_time(whole)
    assert names(tmp_path) == ["step-0000000004"]  # none at the end, since none was asked for


@ON_POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_its_step_with_a_checkpoint(number, tmp_path, monkeypatch):
    add = StepLog.add
    monkeypatch.setattr(
        StepLog, "add", lambda log, step: add(log, step) or (os.kill(os.getpid(), number) if step.step == 3 else None)
    )
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=r"step 4 of 9.*resume=True") as caught:
        run(PLAIN, tmp_path, resume=False)
    assert (caught.value.number, caught.value.step) == (number, 4)
    assert caught.value.checkpoint == step_folder(tmp_path, 4)
    assert signal.getsignal(number) == before
    assert len(run(PLAIN, tmp_path)[1].steps) == 9


def test_a_run_that_nobody_holds_any_longer_lets_go_of_its_folder(tmp_path):
    next(training_steps(fresh(), TRAINING, held_out=HELD_OUT, config=PLAIN, checkpoints=tmp_path))
    run(PLAIN, tmp_path)


def test_two_runs_do_not_share_a_folder_and_a_closed_one_lets_go(tmp_path):
    first = training_steps(fresh(), TRAINING, held_out=HELD_OUT, config=PLAIN, checkpoints=tmp_path)
    next(first)
    with pytest.raises(TrainingError, match=rf"another run .*{re.escape(str(tmp_path))}.*process {os.getpid()}\b"):
        run(PLAIN, tmp_path)
    first.close()
    run(PLAIN, tmp_path)


# What follows ends processes. They are forked from one that has loaded the libraries and computed nothing.


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("forkserver")
    libraries = ["pytest", "peft", "transformers.models.llama.modeling_llama", "rmlab.training", "rmlab.simulate"]
    context.set_forkserver_preload(libraries)
    return context


def _train_in_process(folder: Path, config: TrainingConfig) -> None:
    torch.set_num_threads(1)
    model, _ = run(config, folder)
    model.save_pretrained(folder / "model")


def _kill_and_resume(processes, folder: Path, config: TrainingConfig, kills: int, seed: int) -> dict[str, int]:
    """Kill a run so many times and let it end; count what was hit.

    It is killed at a random moment once it has come so far, or, every second time, while it writes.
    """
    folder.mkdir(parents=True)  # a resume from a folder that is not there is refused
    generator, seen = random.Random(seed), {"kills": 0, "while writing": 0}
    for number, step in enumerate(sorted(generator.sample(range(1, config.max_steps * 3 // 4), kills))):
        process = processes.Process(target=_train_in_process, args=(folder, config))
        process.start()
        while process.is_alive() and not any(int(name[5:]) >= step for name in names(folder)):
            time.sleep(0.005)
        if number % 2 == 0:
            time.sleep(generator.uniform(0, 0.1))  # a few steps
        while number % 2 and process.is_alive() and not any(folder.glob(".step-*")):
            time.sleep(0.0002)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        seen["kills"] += process.exitcode == -signal.SIGKILL
        seen["while writing"] += any(folder.glob(".step-*"))
    process = processes.Process(target=_train_in_process, args=(folder, config))
    process.start()
    process.join()
    assert process.exitcode == 0
    return seen


@ON_POSIX
@pytest.mark.slow
def test_killed_at_20_random_moments_a_run_ends_with_the_same_weights(processes, tmp_path):
    config = dataclasses.replace(
        CONFIGS["all of these"], gradient_checkpointing=False, max_steps=60, checkpoint_every=1, patience=60
    )
    seed = int.from_bytes(os.urandom(4), "big")
    seen = _kill_and_resume(processes, tmp_path / "run", config, 20, seed)
    print(f"seed {seed}: {seen}")
    assert seen["kills"] == 20
    ends = [tmp_path / "run" / "model", run(config)[0].save_pretrained(tmp_path / "expected")]
    assert len({(end / "model.safetensors").read_bytes() for end in ends}) == 1


def _die_at_each_file_operation(left: Path, copies: Path) -> None:
    """Write one more checkpoint in copies of a folder, in processes of which the k-th dies at its k-th operation."""
    Accelerator()
    model = fresh()
    data, held_out = prepare(model, TRAINING), prepare(model, HELD_OUT)
    save_file, fsync = checkpoint.save_file, os.fsync

    def save_in_two_parts(tensors, path):
        save_file(tensors, path)
        content = path.read_bytes()
        cut_short(path)
        sys.audit("test.half_written")
        path.write_bytes(content)

    def audited_fsync(number):
        sys.audit("test.fsync")
        fsync(number)

    checkpoint.save_file, checkpoint.os.fsync = save_in_two_parts, audited_fsync
    for k in range(1, 100):
        folder = shutil.copytree(left, copies / f"{k:03d}")
        child = os.fork()
        if child == 0:
            options = {"resume": True, "model": model, "data": data, "held_out": held_out, "config": PLAIN}
            with Checkpoints(folder, **options) as checkpoints:
                optimizer = torch.optim.AdamW([{"params": model.parameters()}, {"params": []}])
                state = RunState(model, optimizer, Best(model, patience=None, keep=True))
                checkpoints.restore(state)
                records = state.progress.records
                records.append(dataclasses.replace(records[-1], step=5, evaluations=()))
                left_to_do = iter(range(k - 1))

                def hook(event: str, _: object, left_to_do=left_to_do) -> None:
                    if event in FILE_OPERATIONS and next(left_to_do, None) is None:
                        os.kill(os.getpid(), signal.SIGKILL)

                sys.addaudithook(hook)
                checkpoints.after_step(state, finished=False, stopped=True)
                os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            return


FILE_OPERATIONS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "test.half_written", "test.fsync")


@ON_POSIX
@pytest.mark.slow
def test_whatever_operation_a_process_dies_at_a_whole_checkpoint_is_found(processes, left_after_5, tmp_path):
    process = processes.Process(target=_die_at_each_file_operation, args=(left_after_5, tmp_path))
    process.start()
    process.join()
    assert process.exitcode == 0
    *died, finished = sorted(tmp_path.iterdir())
    assert len(died) >= 15, "fewer operations than a checkpoint takes"
    newest = [checkpoint._newest(folder) for folder in [*died, finished]]  # a damaged one would be a warning
    steps = [found.document["step"] for found in newest]
    assert steps == sorted(steps)
    assert set(steps) == {4, 5}
    assert names(finished) == ["step-0000000004", "step-0000000005"]
    before, after = (checkpoint._newest(folder).tensors for folder in (left_after_5, finished))
    for found in newest:
        expected = before if found.document["step"] == 4 else after
        assert found.tensors.keys() == expected.keys()
        assert all(torch.equal(found.tensors[name], expected[name]) for name in expected)


@ON_POSIX
def test_what_a_killed_run_left_half_written_is_cleared_away(folder):
    (folder / ".step-0000000006-abcd" / "new").mkdir(parents=True)
    run(PLAIN, folder)
    assert not list(folder.glob(".step-*"))


# The command.


def command(folder: Path, *options: str, status: int = 0) -> None:
    path = folder / "pairs.jsonl"
    if not path.exists():
        write_pairs(PAIRS, path)
    arguments = ["train", path, "--out", folder / "model", "--backbone", "tiny-decoder", "--precision", "fp32"]
    assert main([str(a) for a in [*arguments, "--max-steps", "6", "--batch-size", "8", *options]]) == status


def test_the_command_resumes_and_ends_with_the_same_model(tmp_path, capsys):
    command(tmp_path, "--checkpoint-every", "1")
    folder, weights = tmp_path / "model.checkpoints", tmp_path / "model" / "model.safetensors"
    assert str(folder) in capsys.readouterr().out
    expected = weights.read_bytes()
    weights.unlink()
    shutil.rmtree(step_folder(folder, 6))
    command(tmp_path, "--checkpoint-every", "1", "--resume")
    assert "resumed after step 5" in capsys.readouterr().out
    assert weights.read_bytes() == expected
    assert names(folder) == ["step-0000000005", "step-0000000006"]


def test_the_command_keeps_no_checkpoints_unless_asked_and_refuses_those_of_another_run(tmp_path, capsys):
    command(tmp_path)
    assert not (tmp_path / "model.checkpoints").exists()
    command(tmp_path, "--checkpoint-every", "3")
    capsys.readouterr()
    command(tmp_path, "--checkpoint-every", "3", status=2)
    said = capsys.readouterr().err
    assert "--resume" in said
    assert "step-0000000006" in said
    command(tmp_path, "--resume", "--learning-rate", "0.5", status=2)
    assert "learning_rate: expected 0.0001, got 0.5" in capsys.readouterr().err


def test_a_longer_run_that_is_killed_waits_as_long_as_one_that_is_not(tmp_path):
    wrong = [dataclasses.replace(pair, chosen=pair.rejected, rejected=pair.chosen) for pair in TRAINING]
    config = dataclasses.replace(PLAIN, max_steps=40, evaluate_every=2, checkpoint_every=1, patience=3)
    longer = dataclasses.replace(config, max_steps=60)
    train(fresh(), TRAINING, held_out=wrong, config=config, checkpoints=tmp_path / "a", progress=False)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    options = {"held_out": wrong, "config": longer, "resume": True}
    whole = train(fresh(), TRAINING, **options, checkpoints=tmp_path / "b", progress=False)
    steps = training_steps(fresh(), TRAINING, **options, checkpoints=tmp_path / "a")
    next(steps)
    steps.close()
    again = train(fresh(), TRAINING, **options, checkpoints=tmp_path / "a", progress=False)
    assert len(again.steps) == len(whole.steps)


def test_a_resumed_run_knows_its_checkpoint_before_it_writes_one(folder):
    steps = training_steps(fresh(), TRAINING, held_out=HELD_OUT, config=PLAIN, checkpoints=folder, resume=True)
    next(steps)
    assert steps.checkpoint is not None
    assert steps.checkpoint.parent == folder
    steps.close()
