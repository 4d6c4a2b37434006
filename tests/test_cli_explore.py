"""`rmlab explore`: the single file and the served page, and what is said where neither can be had."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from rmlab.__main__ import main
from rmlab.datasets import load_everyday
from rmlab.model import RewardModel

PAIRS = [
    {"prompt": "How many legs has a spider?", "chosen": "Eight.", "rejected": "Six legs, as all insects have."},
    {"prompt": "Name a prime.", "chosen": "7", "rejected": "</script><b>nine</b>"},
]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("explore")
    RewardModel.from_pretrained("tiny-encoder", seed=0).save_pretrained(folder / "model")
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in PAIRS))
    return str(folder / "model"), str(folder / "pairs.jsonl")


def test_one_file_with_everything_inside(inputs: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture):
    target = tmp_path / "explorer.html"
    assert main(["explore", *inputs, "--html", str(target)]) == 0
    assert re.fullmatch(rf"written to {target} \(0\.\d MB\): .*\n", capsys.readouterr().out)
    page = target.read_text(encoding="utf-8")
    values = json.loads(page.split('id="rmlab-state">')[1].split("</script>")[0])
    assert values["views"] == ["path", "curve", "probe", "pairs", "compare"]
    assert values["data"]["pairs"]["rejected"] == [pair["rejected"] for pair in PAIRS]
    assert values["prompt"] == PAIRS[0]["prompt"]
    a, b = values["scores"]
    assert a - b == pytest.approx(values["data"]["pairs"]["difference"][0], abs=1e-5)
    assert values["scores_from"] == "model"
    assert "<title>model on pairs.jsonl" in page
    assert str(Path(inputs[0]).parent) not in page  # where it lay is nobody's business to whom it is sent
    assert "note" not in values["data"]


def test_a_model_that_was_fitted_to_the_pairs_is_said_to_be(monkeypatch: pytest.MonkeyPatch):
    from rmlab.explorers import explore, linked

    monkeypatch.setattr(linked, "load_everyday", lambda: load_everyday()[:4])
    assert "says nothing of pairs that it has not seen" in explore().data["note"]
    assert "note" not in explore(pairs=load_everyday()[:4]).data


def views_of(page: Path) -> dict:
    return json.loads(page.read_text(encoding="utf-8").split('id="rmlab-state">')[1].split("</script>")[0])


def test_the_film_of_the_run_that_trained_the_model(tmp_path: Path, capsys: pytest.CaptureFixture):
    pairs, out, page = tmp_path / "pairs.jsonl", tmp_path / "run", tmp_path / "explorer.html"
    names = ("red", "blue", "green", "black", "white", "brown", "grey", "pink", "gold", "plum", "rose", "teal")
    written = [{"prompt": f"Say {name}, please.", "chosen": name, "rejected": f"not {name}"} for name in names]
    pairs.write_text("".join(json.dumps(pair) + "\n" for pair in written))
    training = ("--backbone", "tiny-encoder", "--max-steps", "2", "--batch-size", "4", "--evaluate-every", "1")
    assert main(["train", str(pairs), "--out", str(out), *training]) == 0
    explore = ["explore", str(out), str(pairs), "--html", str(page)]
    assert main(explore) == 0
    values = views_of(page)
    assert values["views"] == ["path", "curve", "probe", "pairs", "compare", "film"]
    film, table = values["data"]["film"], values["data"]["pairs"]
    assert film["steps"] == [0, 1, 2]
    assert film["notes"] == []
    # --patience has put the best weights back, and those of the last step are not always these
    best = min(range(3), key=lambda i: film["evaluations"][i]["log_loss"])
    for row, difference in zip(film["rows"], film["differences"][best], strict=True):
        assert difference == pytest.approx(table["difference"][row], abs=0.02)  # trained in bf16 where there is one

    other = tmp_path / "other.jsonl"
    other.write_text("".join(json.dumps(pair) + "\n" for pair in PAIRS))
    assert main(["explore", str(out), str(other), "--html", str(page)]) == 0
    film = views_of(page)["data"]["film"]
    assert film["rows"] == [None] * len(film["rows"])
    assert film["notes"][0].startswith("None of the")

    record = json.loads((out / "training.json").read_text())
    for one in record["evaluations"]:
        del one["score_differences"]  # as it was once written
    (out / "training.json").write_text(json.dumps(record))
    assert main(explore) == 0
    values = views_of(page)
    assert "film" not in values["views"]
    assert "holds no held-out differences. Train again for one." in values["data"]["note"]
    (out / "training.json").write_text("{}")
    assert main(explore) == 0
    assert "There is no film of the training, because" in views_of(page)["data"]["note"]
    capsys.readouterr()


def test_a_page_on_this_machine_until_interrupted(inputs: tuple[str, str]):
    command = [sys.executable, "-m", "rmlab", "explore", *inputs, "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S{32}", server.stdout.readline())[0]
        with urllib.request.urlopen(address) as answer:
            assert "How many legs has a spider?" in answer.read().decode()
    finally:
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=30)
    assert server.returncode == 0, errors


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--html", "missing/folder/x.html"], "missing/folder/x.html cannot be written: its folder is missing"),
        (["--html", "."], ". cannot be written: it is a folder"),
        (["--port", "70000"], "--port must be between 0 (any that is free) and 65535, got 70000"),
        (["no/such/model"], "no/such/model"),
    ],
)
def test_what_cannot_be_done_is_one_line(options: list[str], said: str, capsys: pytest.CaptureFixture):
    assert main(["explore", *options]) == 2
    found = capsys.readouterr().err.splitlines()
    assert said in found[-1]


def test_a_port_in_use_is_said(inputs: tuple[str, str], capsys: pytest.CaptureFixture):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["explore", *inputs, "--no-browser", "--port", str(port)]) == 2
    assert (
        f"port {port} cannot be had (Address already in use); name another, or leave --port out"
        in capsys.readouterr().err
    )
