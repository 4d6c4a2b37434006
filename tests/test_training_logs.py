"""What a run writes down while it goes on, and the parts of `rmlab train`."""

import json
import os
import signal
from pathlib import Path

import pytest
from test_training import FP32, fresh, make_pairs, run

from rmlab.__main__ import main
from rmlab.data import PreferencePair, write_pairs
from rmlab.training import TrainingConfig, TrainingError, training_steps
from rmlab.training.logs import StepLog

CONFIG = TrainingConfig(max_steps=4, batch_size=8, evaluate_every=2, **FP32)


def lines(file) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_the_log_holds_each_step_when_it_is_done(tmp_path):
    file = tmp_path / "steps.jsonl"
    steps = training_steps(fresh(), make_pairs(24), held_out=make_pairs(4), config=CONFIG)
    with StepLog(lambda: steps.history.steps, file, None, resume=False) as log:
        for n, step in enumerate(steps, start=1):
            log.add(step)
            assert len(lines(file)) == n
    recorded = lines(file)
    assert [(r["step"], r["loss"]) for r in recorded] == [(s.step, s.loss) for s in steps.history.steps]
    evaluations = [e for r in recorded for e in r["evaluations"]]
    assert [(e["step"], e["log_loss"]) for e in evaluations] == [
        (e.step, e.evaluation.log_loss) for e in steps.history.evaluations
    ]
    with pytest.raises(TrainingError, match=r"steps\.jsonl exists"):
        run(CONFIG, log=file)
    assert lines(file) == recorded


def test_tensorboard_reads_back_what_the_history_holds(tmp_path):
    _, history = run(CONFIG, held_out=make_pairs(4), logdir=tmp_path / "events")
    assert scalars(tmp_path / "events", "training/loss") == pytest.approx({s.step: s.loss for s in history.steps})
    assert scalars(tmp_path / "events", "held-out/log_loss") == pytest.approx(
        {e.step: e.evaluation.log_loss for e in history.evaluations}
    )


def scalars(folder, tag: str) -> dict[int, float]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {event.step: event.value for event in events.Scalars(tag)}


def test_a_resumed_run_has_one_log(tmp_path):
    pairs, file = make_pairs(24), tmp_path / "steps.jsonl"
    config = TrainingConfig(max_steps=6, batch_size=8, checkpoint_every=2, **FP32)
    options = {"log": file, "logdir": tmp_path / "events", "checkpoints": tmp_path / "kept"}
    steps = training_steps(fresh(), pairs, config=config, checkpoints=tmp_path / "kept")
    with StepLog(lambda: steps.history.steps, file, tmp_path / "events", resume=False) as log:
        for step in steps:
            log.add(step)
            if step.step == 3:
                break
    steps.close()
    _, history = run(config, pairs, resume=True, **options)
    assert history.resumed_at == (2,)
    assert [record["step"] for record in lines(file)] == [1, 2, 3, 4, 5, 6]
    assert sorted(scalars(tmp_path / "events", "training/loss")) == [1, 2, 3, 4, 5, 6]


def test_a_log_that_cannot_be_written_is_refused_before_the_first_step(tmp_path):
    with pytest.raises(TrainingError, match=r"steps\.jsonl"):
        run(CONFIG, log=tmp_path / "no such folder" / "steps.jsonl")


# The command.


def pairs_named(name: str, n: int) -> list[PreferencePair]:
    return [PreferencePair(f"{name} {i} of {name * (i + 1)}?", "red", "blue") for i in range(n)]


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, n in (("training", 40), ("validation", 6), ("test", 7)):
        write_pairs(pairs_named(name, n), tmp_path / f"{name}.jsonl")
    return tmp_path


def command(capsys, *words: str, status: int = 0) -> tuple[str, dict]:
    fixed = ["train", "training.jsonl", "--backbone", "tiny-decoder", "--max-steps", "2", "--out", "model"]
    assert main([*fixed, *words]) == status
    printed = capsys.readouterr()
    return (printed.err, {}) if status else (printed.out, json.loads(Path("model/training.json").read_text()))


def test_parts_come_from_files(files, capsys):
    _, record = command(capsys, "--validation", "validation.jsonl", "--test", "test.jsonl")
    assert (record["n_pairs"], record["held_out_pairs"], record["test_pairs"]) == (40, "validation.jsonl", "test.jsonl")
    assert record["evaluations"][0]["n_pairs"] == 6
    assert record["test"]["n_pairs"] == 7
    assert record["config"]["patience"] == 4


def test_a_fraction_of_zero_leaves_a_part_out_and_all_is_trained_on(files, capsys):
    _, record = command(capsys, "--validation-fraction", "0", "--test-fraction", "0")
    assert record["n_pairs"] == 40
    assert (record["evaluations"], record["config"]["patience"], record["best_step"]) == ([], None, None)
    assert "test" not in record
    assert "No pairs were kept" in Path("model/README.md").read_text()
    _, record = command(capsys, "--test-fraction", "0.5", "--validation", "validation.jsonl", "--patience", "none")
    assert record["test"]["n_pairs"] + record["n_pairs"] == 40
    assert record["evaluations"][0]["n_pairs"] == 6
    assert (record["config"]["patience"], record["best_step"]) == (None, None)


def test_pairs_of_a_file_that_have_a_training_prompt_are_counted(files, capsys):
    write_pairs([*pairs_named("test", 3), *pairs_named("training", 2)], files / "mixed.jsonl")
    said, _ = command(capsys, "--test", "mixed.jsonl", "--validation-fraction", "0")
    assert "2 of the 5 pairs of mixed.jsonl" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--test", "test.jsonl", "--test-fraction", "0.1"], "--test-fraction"),
        (["--validation-fraction", "0.6", "--test-fraction", "0.5"], "less than 1, got 1.1"),
        (["--validation-fraction", "0", "--patience", "3"], "held_out"),
        (["--freeze", "no_such_*"], "'no_such_*'"),
        (["--schedule", "constant", "--lora-alpha", "4"], "lora_alpha"),
    ],
)
def test_parts_and_settings_that_do_not_go_together_are_one_line(files, capsys, words, message):
    said, _ = command(capsys, *words, status=2)
    assert message in said
    assert len(said.strip().splitlines()) == 1


def test_the_command_counts_what_is_frozen_and_writes_its_logs(files, capsys):
    said, record = command(capsys, "--freeze", "*embed_tokens*,*.layers.0.*", "--log", "steps.jsonl", "--logdir", "tb")
    model = fresh()
    frozen = sum(p.numel() for n, p in model.named_parameters() if "embed_tokens" in n or ".layers.0." in n)
    assert f"frozen: {frozen:,} of {sum(p.numel() for p in model.parameters()):,} weights" in said
    assert [line["loss"] for line in lines(files / "steps.jsonl")] == [step["loss"] for step in record["steps"]]
    assert len(scalars(files / "tb", "training/loss")) == 2
    assert record["config"]["freeze"] == ["*embed_tokens*", "*.layers.0.*"]


def test_a_command_that_is_interrupted_says_how_to_go_on(files, capsys, monkeypatch):
    add = StepLog.add
    monkeypatch.setattr(
        StepLog, "add", lambda log, step: add(log, step) or (step.step == 1 and os.kill(os.getpid(), signal.SIGTERM))
    )
    said, _ = command(capsys, "--max-steps", "5", status=128 + signal.SIGTERM)
    assert "--resume" in said
    assert "step 2 of 5" in said
    monkeypatch.setattr(StepLog, "add", add)
    said, record = command(capsys, "--max-steps", "5", "--resume")
    assert record["resumed_at"] == [2]
    assert [step["step"] for step in record["steps"]] == [1, 2, 3, 4, 5]
