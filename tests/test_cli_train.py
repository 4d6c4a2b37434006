"""`rmlab train` on human judgements, from the file to the report: every kind of option, stopped and gone on with."""

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest

from rmlab.__main__ import main
from rmlab.model import RewardModel

HH = Path(__file__).parents[2] / "shared" / "data" / "hh_harmless_part.jsonl.gz"
WHERE = ("--validation-fraction", 0.1, "--test-fraction", 0.3, "--max-length", 256, "--seed", 3)
HOW = (
    *("--backbone", "tiny-decoder", "--lora", 4, "--lora-alpha", 4, "--lora-dropout", 0.1),
    *("--lora-targets", "q_proj,v_proj"),
    *("--schedule", "linear", "--patience", "none", "--precision", "fp32", "--batch-size", 8, "--checkpoint-every", 2),
)  # fmt: skip


def command(*arguments: object) -> None:
    assert main([str(one) for one in arguments]) == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning:torch")
def test_a_file_of_human_judgements_from_the_first_command_to_the_last(tmp_path: Path, capsys: pytest.CaptureFixture):
    if not HH.exists():
        pytest.skip("the shared human judgements are not beside this checkout")
    with gzip.open(HH, "rt", encoding="utf-8") as file:
        n_records = sum(1 for _ in file)
    out, log = tmp_path / "model", tmp_path / "steps.jsonl"
    run = ("train", HH, "--out", out, "--log", log, "--logdir", tmp_path / "board", *WHERE, *HOW)
    command(*run, "--max-steps", 4)
    command(*run, "--max-steps", 6, "--resume")
    steps = [json.loads(line) for line in log.read_text().splitlines()]
    assert [step["step"] for step in steps] == [1, 2, 3, 4, 5, 6]
    assert all(np.isfinite(step["loss"]) for step in steps)
    assert list((tmp_path / "board").rglob("events.out.tfevents.*"))
    card = (out / "README.md").read_text()
    parts = {name: int(n.replace(",", "")) for name, n in re.findall(r"^- (\S+): ([\d,]+) pairs", card, re.MULTILINE)}
    assert sum(parts.values()) == n_records - 1, "one response is empty, which is counted and left out"
    assert parts["test"] == pytest.approx(0.3 * n_records, rel=0.02)
    assert "1 empty response" in card
    assert "lora_targets = ('q_proj', 'v_proj')" in card

    model = RewardModel.from_pretrained(out, device="cpu")
    assert np.isfinite(model.score(["Human: Hi", "Human: Hi"], ["Hello!", "Go away."])).all()
    capsys.readouterr()
    command("evaluate", out, HH, "--json")
    assert json.loads(capsys.readouterr().out)["n_pairs"] == n_records


def test_parts_that_share_prompts_are_not_said_to_be_apart(tmp_path, capsys):
    own = str(tmp_path / "own.jsonl")
    pairs = [{"prompt": f"Question {i * 7919}?", "chosen": f"good {i}", "rejected": f"bad {i}"} for i in range(30)]
    Path(own).write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    command = ["train", own, "--validation", own, "--test", own, "--backbone", "tiny-decoder", "--max-steps", "1"]
    assert main([*command, "--out", str(tmp_path / "model")]) == 0
    printed = capsys.readouterr().out
    assert "30 of its 30 pairs have a prompt of the held-out part" in printed
    assert "not used for any choice" not in printed
    card = (tmp_path / "model" / "README.md").read_text()
    assert "share no prompt" not in card
    assert "30 of its 30 pairs have a prompt of the held-out part" in card
