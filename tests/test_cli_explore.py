"""`rmlab explore`: the single file and the served page, and what is said where neither can be had."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from rmlab.__main__ import main
from rmlab.datasets import load_probe_presets
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


def test_without_a_model_and_pairs_it_opens_on_a_clear_pair_with_film_and_twin():
    from rmlab.explorer import explore
    from rmlab.explorer.linked import OPENING_LENGTH

    shown = explore()
    assert shown.state.start["scores_from"] != "the course's model"  # those that were recorded
    shown.answers.wait()
    assert shown.state.scores_from == "the course's model"
    assert shown.state.scores == pytest.approx(shown.state.start["scores"], abs=2e-3)
    difference = np.array(shown.data["pairs"]["difference"])
    opened = (
        shown.data["pairs"]["chosen"][shown.state.selection],
        shown.data["pairs"]["rejected"][shown.state.selection],
    )
    assert max(map(len, opened)) <= OPENING_LENGTH
    assert difference[shown.state.selection] > np.median(difference)
    assert shown.state.winner == "a"
    assert shown.state.probability > 0.5
    assert shown.views == ("path", "curve", "probe", "pairs", "compare", "film", "optimise")
    assert shown.data["film"]["rows"] == list(range(len(difference)))  # each held-out pair can be read
    assert "note" not in shown.data
    assert "shorter run" in shown.data["film"]["notes"][-1]
    assert shown.data["opening"]["title"].endswith("?")
    state = shown.data["opening"]["fooled"]  # None if the twin is wrong in none
    for fooled in [each for each in load_probe_presets() if state is not None and each.prompt == state["prompt"]]:
        assert np.subtract(*fooled.scores["flattered"]) > 0 > fooled.truth["flattered"]
    assert shown.data["compare"]["names"] == ["the course's model", "its flattered twin"]


@pytest.mark.slow
def test_the_page_of_the_course_does_not_wait_for_torch():
    source = (
        "import sys; from rmlab.explorer import linked; linked.Answers = lambda *given, **options: None\n"
        "shown = linked.explore(); print('torch' in sys.modules, len(shown.data['pairs']['difference']))"
    )
    run = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert run.stdout.split() == ["False", "400"], run.stderr


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
    assert "no held-out differences" in values["data"]["note"]
    (out / "training.json").write_text("{}")
    assert main(explore) == 0
    assert "There is no film of the training, because" in views_of(page)["data"]["note"]
    capsys.readouterr()


@contextmanager
def exploring(*arguments: str, program: str = "", **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run `rmlab explore` in a process of its own, after `program`; it must end well when it is interrupted."""
    code = f"import sys; from rmlab.__main__ import main\n{program}\nsys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "explore", *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment
    )
    try:
        yield process
    except BaseException:
        process.kill()
        process.communicate()
        raise
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    try:
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()  # where it did not end, it must not outlive the test
    assert (process.returncode, errors) == (0, "")
    assert time.monotonic() - start < 2  # meant: one second, on a machine at rest


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return re.search(r"http://127\.0\.0\.1:\d+/\?token=\S{32}", process.stdout.readline())[0]


def page_at(address: str) -> str:
    """What is served when the pairs are scored."""
    for _ in range(600):
        with urllib.request.urlopen(address, timeout=20) as answer:
            page = answer.read().decode()
        if "rmlab-state" in page:
            return page
        assert 'http-equiv="refresh"' in page
        time.sleep(0.1)
    raise TimeoutError


@pytest.mark.slow
def test_a_page_on_this_machine_until_interrupted(inputs: tuple[str, str]):
    with exploring(*inputs, "--no-browser") as process:
        assert "How many legs has a spider?" in page_at(address_of(process))


SLOW_MODEL = """
from rmlab.model import RewardModel
import time
loaded = RewardModel.from_pretrained
RewardModel.from_pretrained = lambda *args, **kwargs: (time.sleep(60), loaded(*args, **kwargs))[1]
"""


@pytest.mark.slow
def test_the_address_comes_at_once_and_the_page_says_that_it_waits(inputs: tuple[str, str]):
    with (
        exploring(*inputs, "--no-browser", program=SLOW_MODEL) as process,
        urllib.request.urlopen(address_of(process), timeout=20) as answer,
    ):
        assert "being loaded" in answer.read().decode()


BUSY_SCORER = """
from rmlab.model import RewardModel
import torch
encoded = RewardModel.score_encoded
def busy(self, *args, **kwargs):
    if sys._getframe(1).f_code.co_name == "_ask":  # of the answers, not of the pairs
        a = torch.rand(1500, 1500)
        print("busy", flush=True)
        for _ in range(100_000):
            a = (a @ a) / 1500
    return encoded(self, *args, **kwargs)
RewardModel.score_encoded = busy
"""


@pytest.mark.slow
def test_it_ends_while_torch_computes(inputs: tuple[str, str]):
    with exploring(*inputs, "--no-browser", program=BUSY_SCORER) as process:
        said = [process.stdout.readline() for _ in range(3)]
        assert "busy\n" in said


@pytest.mark.slow
def test_a_browser_gets_a_file_and_not_the_token_and_may_stay_in_the_foreground(
    inputs: tuple[str, str], tmp_path: Path
):
    browser, told = tmp_path / "browser", tmp_path / "told"
    browser.write_text(f'#!/bin/sh\nprintf %s "$*" > {told}.new; mv {told}.new {told}; exec sleep 60 >/dev/null 2>&1\n')
    browser.chmod(0o755)
    with exploring(*inputs, BROWSER=f"{browser} %s") as process:
        address = address_of(process)
        assert "How many legs" in page_at(address)
        for _ in range(100):
            if told.exists():
                break
            time.sleep(0.1)
        url = told.read_text()
        assert url.startswith("file://")
        assert address.split("token=")[1] not in url
        file = Path(urllib.request.url2pathname(url.removeprefix("file://")))
        assert address.split("token=")[1] in file.read_text()
        assert file.stat().st_mode & 0o077 == 0
    assert not file.exists()


@pytest.mark.slow
def test_the_next_run_on_a_port_has_its_address(inputs: tuple[str, str], tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    addresses = []
    for _ in range(2):
        with exploring(*inputs, "--no-browser", "--port", str(port), XDG_STATE_HOME=str(tmp_path)) as process:
            addresses.append(address_of(process))
            page_at(addresses[-1])
    assert addresses[0] == addresses[1]


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
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["explore", *inputs, "--no-browser", "--port", str(port)]) == 2
    assert (
        f"port {port} is not available (Address already in use); name another, or leave --port out"
        in capsys.readouterr().err
    )
