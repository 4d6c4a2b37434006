import dataclasses
import io
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
import pytest

import rmlab
from rmlab.__main__ import main
from rmlab.atomic import holding
from rmlab.cli import COMMANDS
from rmlab.datasets import load_baseball
from rmlab.model import ModelError, RewardModel
from rmlab.training import TrainingConfig

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:torch")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    season = load_baseball()
    rows = [",".join(map(str, game)) for game in zip(season.winners, season.losers, season.first, strict=True)]
    (folder / "games.csv").write_text("\n".join(["winner,loser,first", *rows]) + "\n")
    generator = np.random.default_rng(0)
    colours = ["red", "blue", "green", "black"]
    with (folder / "pairs.jsonl").open("w") as file:
        for i in range(60):
            right, wrong = generator.choice(colours, size=2, replace=False)
            filler = " ".join(generator.choice(["oak", "elm", "ash", "fir", "yew", "box"], size=6))
            record = {"prompt": f"{i} {filler}: which colour?", "chosen": f"{right} {i}", "rejected": f"{wrong} {i}"}
            file.write(json.dumps(record) + "\n")
        file.write(json.dumps({"prompt": "an odd one", "chosen": "same", "rejected": "same"}) + "\n")
    return folder


@pytest.fixture(scope="module")
def trained(files):
    out = files / "runs" / "first"
    options = ["--backbone", "tiny-decoder", "--epochs", "2", "--evaluate-every", "2", "--precision", "fp32"]
    assert main(["train", str(files / "pairs.jsonl"), "--out", str(out), *options]) == 0
    return out


def run(capsys, *arguments, status=0):
    assert main([str(a) for a in arguments]) == status
    return capsys.readouterr()


def test_help_of_every_command(capsys):
    for command in COMMANDS:
        with pytest.raises(SystemExit) as end:
            main([command, "--help"])
        assert end.value.code == 0
        assert "usage: rmlab" in capsys.readouterr().out
    with pytest.raises(SystemExit) as end:
        main(["train", "--out", "x", "--learning-rat", "1"])
    assert end.value.code == 2
    said = "unrecognized arguments: --learning-rat; rmlab train --help lists those that exist"
    assert said in capsys.readouterr().err


def test_every_setting_of_a_run_is_an_option_with_help(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    out = capsys.readouterr().out
    for setting in dataclasses.fields(TrainingConfig):
        assert f"  --{setting.name.replace('_', '-')}" in out


def test_help_and_fit_load_nothing_heavy(files):
    code = (
        "import sys; from rmlab.__main__ import main\n"
        f"main(['fit', {str(files / 'games.csv')!r}])\n"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines()[-1] == "[]"


def test_fit_prints_the_published_season(files, capsys):
    out = run(capsys, "fit", files / "games.csv", "--relative-to", "Baltimore").out
    assert "effect of being first: 0.302 (std. error 0.131)" in out
    assert "273 comparisons" in out
    assert out.splitlines()[1].startswith("Milwaukee")
    record = json.loads(run(capsys, "fit", files / "games.csv", "--json").out)
    assert record["order_effect"] == pytest.approx(0.30226, abs=5e-6)
    assert sum(item["score"] for item in record["items"]) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("text", "message"), [
    ("", "no comparisons; expected a header"),
    ("winner,loser\n", "no comparisons; expected a header"),
    ("a,b\n1,2\n", ":1: no column 'winner'; it has a, b. Name it with --winner"),
    ("winner,loser\nA,B\nA\n", ":3: expected 2 cells"),
    ("winner,loser,weight\nA,B,1\nB,A,x\n", ":3: weight must be a finite number, 0 or more, got 'x'"),
    ("winner,loser,weight\nA,B,1\nB,A,nan\n", ":3: weight must be a finite number, 0 or more, got 'nan'"),
    ("winner,loser,weight\nA,B,inf\n", ":2: weight must be a finite number, 0 or more, got 'inf'"),
    ("winner,loser,weight\nA,B,-1\n", ":2: weight must be a finite number, 0 or more, got '-1'"),
    ("winner,loser\nA,B\nA,B\n", "A prior makes the scores finite: --prior-variance 1.0"),
    ("winner,loser,tied\nA,B,maybe\n", ":2: tied must be true or false, got 'maybe'"),
    ("winner,loser\nA,B\nB,A\n ,A\n", ":4: winner must be the name of an item, got ' '"),
    ("winner,loser\nA,B\nB,\u200b\n", ":3: loser must be the name of an item"),
    ("loser,winner,loser\nA,B,C\n", ":1: two columns have the same name: loser"),
    ("winner,loser\nA,B\n\"B,A\nA,B\n", ":3: is not valid CSV"),
    ('"winner,loser\na,b\n', ":1: is not valid CSV"),
    ("w\0i\0n\0n\0e\0r\0,\0", ":1: looks like UTF-16 text without a byte-order mark"),
    # ties and an order effect that run away together; and every comparison a win of who was second
    ("winner,loser,tied,first\nN,M,0,-1\nN,M,1,0\nM,N,0,0\nM,N,1,1\n", "no finite maximum"),
    ("winner,loser,first\nA,B,-1\nB,A,-1\n", "no finite maximum; leave it out: --first ''"),
    ("winner,loser\nA,B\nB,A\nA, A\n", ":4: compares 'A' with itself"),
    ("winner,loser\rA,B\rB,A\r", ":1: holds a carriage return outside quotation marks"),
])  # fmt: skip
def test_fit_names_file_and_line_of_bad_input(tmp_path, capsys, text, message):
    path = tmp_path / "games.csv"
    path.write_text(text)
    ties = ["--ties", "davidson"] if ",tied,first" in text else []
    error = run(capsys, "fit", path, *ties, status=2).err
    assert error.startswith(f"rmlab: {path}")
    assert error.count("\n") == 1
    assert message in error


def test_fit_takes_names_for_one_that_nobody_can_tell_apart_and_notes_those_alike(tmp_path, capsys):
    path = tmp_path / "games.csv"
    path.write_text("winner,loser\nCaf\u00e9,B\n B,Cafe\u0301 \nwinner,loser\nb,B\nB,b\n", encoding="utf-8")
    found = json.loads(run(capsys, "fit", path, "--json").out)
    assert {one["item"] for one in found["items"]} == {"Caf\u00e9", "B", "b"}
    assert found["n_comparisons"] == 4
    assert any("'B' and 'b'" in note for note in found["notes"])


def test_fit_reads_whole_numbers_written_as_floats(tmp_path, capsys):
    path = tmp_path / "games.csv"
    path.write_text("winner,loser,first,tied\nA,B,1.0,0.0\nB,A,1.0,1.0\nA,B,-1.0,0.0\nB,A,0.0,0.0\n")
    assert json.loads(run(capsys, "fit", path, "--json").out)["n_comparisons"] == 4


def test_fit_that_does_not_converge_is_one_line(tmp_path, capsys):
    path = tmp_path / "far.csv"
    path.write_text("winner,loser,weight\nA,B,1e18\nB,A,1\n")
    error = run(capsys, "fit", path, status=2).err
    assert error.count("\n") == 1
    assert "did not converge" in error
    assert "--prior-variance 1.0" in error
    assert "--max-iterations" in error


def test_fit_refuses_a_column_that_was_asked_for_and_is_not_there(tmp_path, capsys):
    path = tmp_path / "games.csv"
    path.write_text("winner,loser,count\nA,B,2\nB,A,1\n")
    assert (
        "no column 'cuont'; it has count, loser, winner" in run(capsys, "fit", path, "--weight", "cuont", status=2).err
    )
    assert "3 comparisons" in run(capsys, "fit", path, "--weight", "count").out
    path.write_text("winner,loser,first\nA,B,1\nB,A,1\n")
    assert "2 comparisons" in run(capsys, "fit", path, "--first", "").out


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_fit_reads_tables_as_spreadsheets_save_them(tmp_path, capsys, encoding, separator):
    text = "winner,loser\nZoë,Bo\nBo,Zoë\nZoë,Bo\n".replace(",", separator)
    mark = "\ufeff" if encoding.endswith("e") else ""
    path = tmp_path / "sheet.csv"
    path.write_bytes((mark + text).encode(encoding))
    record = json.loads(run(capsys, "fit", path, "--json").out)
    assert [item["item"] for item in record["items"]] == ["Zoë", "Bo"]
    assert record["n_comparisons"] == 3


def test_fit_names_an_encoding_that_it_cannot_read(tmp_path, capsys):
    path = tmp_path / "latin.csv"
    path.write_bytes("winner,loser\nZoë,Bo\n".encode("latin-1"))
    assert f"{path}:2: is not UTF-8 text" in run(capsys, "fit", path, status=2).err


def test_fit_refuses_a_wide_header_at_once(tmp_path, capsys):
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"column {i}" for i in range(2000)) + "\n" + ",".join("1" * 2000) + "\n")
    start = time.perf_counter()
    error = run(capsys, "fit", path, status=2).err
    assert time.perf_counter() - start < 1
    assert "wide.csv:1: has 2,000 columns" in error
    assert len(error) < 1000


def test_fit_notes_groups_that_the_prior_alone_joins(tmp_path, capsys):
    path = tmp_path / "apart.csv"
    path.write_text("winner,loser\nox,yak\nyak,ox\nfig,plum\nplum,fig\n")
    out = run(capsys, "fit", path, "--prior-variance", "1").out
    assert "2 groups that never meet: {'fig', 'plum'}, {'ox', 'yak'}" in out
    (note,) = json.loads(run(capsys, "fit", path, "--prior-variance", "1", "--json").out)["notes"]
    assert "Only the prior joins them" in note


def test_fit_of_more_items_than_a_covariance_can_hold_prints_scores_and_says_why(tmp_path, capsys, monkeypatch):
    import rmlab.bradley_terry.result as result

    monkeypatch.setattr(result, "COVARIANCE_LIMIT", 2)
    path = tmp_path / "many.csv"
    path.write_text("winner,loser\na,b\nb,a\nb,c\nc,b\na,c\n")
    out = run(capsys, "fit", path).out
    assert [line.split()[0] for line in out.splitlines()[1:4]] == ["a", "b", "c"]
    assert re.search(r"no standard errors.*3 items", out)
    record = json.loads(run(capsys, "fit", path, "--json").out)
    assert record["items"][0]["standard_error"] is None
    assert "covariance_of" in record["notes"][0]


def test_names_are_printed_without_what_a_terminal_obeys(tmp_path, capsys):
    path = tmp_path / "odd.csv"
    odd = "\x1b[31mred\u202e"
    path.write_text(f"winner,loser\n{odd},b\nb,{odd}\n", encoding="utf-8")
    out = run(capsys, "fit", path, "--relative-to", odd).out
    assert "\\x1b[31mred\\u202e " in out
    assert "\x1b" not in out
    assert "\u202e" not in out
    path.write_text(f"{odd},loser\nb,a\n", encoding="utf-8")
    error = run(capsys, "fit", path, status=2).err
    assert "\\x1b[31m" in error
    assert "\x1b" not in error


def test_train_reports_test_accuracy_and_what_was_left_out(files, trained, capsys):
    out = files / "again"
    arguments = ("train", files / "pairs.jsonl", "--out", out, "--backbone", "tiny-decoder", "--max-steps", "1")
    printed = run(capsys, *arguments).out
    assert "61 pairs of text" in printed
    assert "on the test part" in printed
    assert "(95%" in printed
    record = json.loads((out / "training.json").read_text())
    assert record["config"]["max_steps"] == 1
    assert 0 <= record["test"]["accuracy"] <= 1
    assert len(json.loads((trained / "training.json").read_text())["steps"]) > 1
    assert "## How good it is" in (trained / "README.md").read_text()
    left_out = sum("equal responses" in line for line in printed.splitlines())
    assert left_out >= 1


def test_train_refuses_a_folder_that_is_taken_before_it_trains(files, capsys, tmp_path):
    (tmp_path / "thesis.txt").write_text("chapter 1")
    error = run(capsys, "train", files / "pairs.jsonl", "--out", tmp_path, "--backbone", "no-such-model", status=2).err
    assert "exists and is not a model that rmlab saved" in error
    assert (tmp_path / "thesis.txt").read_text() == "chapter 1"


def test_evaluate_agrees_with_the_library(files, trained, capsys):
    record = json.loads(run(capsys, "evaluate", trained, files / "pairs.jsonl", "--json").out)
    pairs = rmlab.read_pairs(files / "pairs.jsonl")
    expected = rmlab.evaluate(RewardModel.from_pretrained(trained, device="cpu").score_differences(pairs))
    assert record["accuracy"] == pytest.approx(expected.accuracy)
    assert record["n_ties"] == 1
    assert record["length_baseline"]["n_pairs"] == 61
    assert "longer response wins" in run(capsys, "evaluate", trained, files / "pairs.jsonl").out


def test_score_one_and_many(files, trained, capsys, monkeypatch):
    model = RewardModel.from_pretrained(trained, device="cpu")
    one = run(capsys, "score", trained, "--prompt", "Which?", "--response", "red").out
    assert float(one) == pytest.approx(model.score(["Which?"], ["red"])[0], abs=2e-6)
    lines = [{"prompt": "Which?", "response": "red", "id": 7}, {"prompt": "Which?", "response": "blue"}]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(map(json.dumps, lines)) + "\n\n"))
    records = [json.loads(line) for line in run(capsys, "score", trained).out.splitlines()]
    assert records[0]["id"] == 7
    assert [r["score"] for r in records] == pytest.approx(
        model.score(["Which?"] * 2, ["red", "blue"]).tolist(), abs=1e-5
    )


@pytest.mark.parametrize(("line", "message"), [
    ("{", "standard input, line 1: is not JSON"),
    ('{"prompt": "a", "response": "b", "prompt": "c"}', "line 1: is not JSON that can be read ('prompt' occurs twice"),
    ("[1]", "line 1: expected"),
    ('{"prompt": "a"}', "line 1: expected"),
])  # fmt: skip
def test_score_names_the_line_that_is_wrong(trained, capsys, monkeypatch, line, message):
    monkeypatch.setattr(sys, "stdin", io.StringIO(line + "\n"))
    assert message in run(capsys, "score", trained, status=2).err


@pytest.mark.parametrize("bad", [
    '{"prompt": "p", "response": [{"role": "assistant"}]}',
    r'{"prompt": "p", "response": "\ud800"}',
    '{"prompt": "p", "response": "r", "id": NaN}',
    '{"prompt": "p", "response": [{"role": "assistant", "content": "", "tool_calls": [{"id": 1}]}]}',
    '{"prompt": "p", "response": ' + "[" * 100_000,
    b'{"prompt": "p", "response": "\xff"}',
])  # fmt: skip
def test_score_keeps_the_answers_before_a_bad_line(trained, capsys, monkeypatch, bad):
    bad = bad if isinstance(bad, bytes) else bad.encode()
    stdin = io.TextIOWrapper(io.BytesIO(b'{"prompt": "ok", "response": "fine"}\n' + bad + b"\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    printed = run(capsys, "score", trained, status=2)
    assert [json.loads(line)["response"] for line in printed.out.splitlines()] == ["fine"]
    assert "standard input, line 2" in printed.err
    assert printed.err.count("\n") == 1


def test_score_reads_messages_as_the_readers_of_pairs_do(trained, capsys, monkeypatch):
    turns = [{"role": "user", "content": "Which?"}], [{"role": "assistant", "content": "red"}]
    told = [{"from": "human", "value": "Which?"}], [{"role": "gpt", "content": [{"type": "text", "text": "red"}]}]
    lines = (json.dumps({"prompt": prompt, "response": response}) for prompt, response in (turns, told))
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines)))
    printed = run(capsys, "score", trained)
    one, other = map(json.loads, printed.out.splitlines())
    assert one["score"] == other["score"]
    assert other["prompt"] == told[0]
    assert "role human read as user" in printed.err


def test_score_of_a_broken_template_or_a_score_that_is_not_finite_is_one_line(trained, capsys, monkeypatch):
    record = {"prompt": "p", "response": [{"role": "assistant", "content": "r"}]}
    model = RewardModel.from_pretrained(trained, device="cpu")
    monkeypatch.setattr(RewardModel, "from_pretrained", lambda *_, **__: model)
    model.tokenizer.chat_template = "{% for"
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(record)))
    assert "line 1: the chat template" in run(capsys, "score", trained, status=2).err
    model.head.weight.data.fill_(float("nan"))
    assert "not finite" in run(capsys, "score", trained, "--prompt", "a", "--response", "b", status=2).err


def test_a_model_that_cannot_be_saved_is_kept_elsewhere(files, tmp_path, capsys, monkeypatch):
    def full(self, folder, **_):
        if str(folder).endswith("out"):
            raise ModelError("No space left on device")
        return save(self, folder)

    save = RewardModel.save_pretrained
    monkeypatch.setattr(RewardModel, "save_pretrained", full)
    arguments = ("train", files / "pairs.jsonl", "--backbone", "tiny-decoder", "--max-steps", "1")
    error = run(capsys, *arguments, "--out", tmp_path / "out", status=2).err
    (rescued,) = tmp_path.glob("out-rescued-*")
    assert str(rescued) in error
    RewardModel.from_pretrained(rescued)


def test_a_folder_that_cannot_be_written_or_resumed_or_is_in_use_stops_the_run_at_its_start(files, tmp_path, capsys):
    (tmp_path / "file").touch()
    (tmp_path / "model.checkpoints").mkdir()
    start = ("train", files / "pairs.jsonl", "--backbone", "no-such-model", "--out")
    assert "nothing can be written" in run(capsys, *start, tmp_path / "file" / "out", status=2).err
    assert "model.checkpoints" in run(capsys, *start, tmp_path / "modle", "--resume", status=2).err
    with ThreadPoolExecutor(1) as pool, ExitStack() as held:
        pool.submit(held.enter_context, holding(tmp_path / "out")).result()
        assert "another run" in run(capsys, *start, tmp_path / "out", status=2).err
        pool.submit(held.close).result()


@pytest.mark.parametrize(("arguments", "message"), [
    (["evaluate", "no-such-model", "pairs.jsonl"], "there is no model 'no-such-model'"),
    (["score", "minilmm", "--prompt", "a", "--response", "b"], "Did you mean minilm?"),
    (["score", "tiny-decoder", "--prompt", "a"], "give both --prompt and --response"),
    (["train", "no-such-file.jsonl", "--out", "x"], "no-such-file.jsonl"),
    (["train", "--out", "x", "--batch-size", "0"], "batch_size must be at least 1, got 0"),
    (["fit", "no-such-file.csv"], "no-such-file.csv"),
])  # fmt: skip
def test_bad_input_is_one_line_and_status_two(capsys, arguments, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    error = run(capsys, *arguments, status=2).err
    assert message in error
    assert "Traceback" not in error
    assert error.startswith("rmlab: ")


def test_doctor_finds_this_machine_ready(capsys):
    out = run(capsys, "doctor").out
    assert "ready for the course" in out
    assert "two steps in" in out


def test_doctor_says_what_to_fix(capsys, monkeypatch):
    import rmlab.cli.doctor

    monkeypatch.setattr(rmlab.cli.doctor, "MEMORY_GB", 1e9)
    monkeypatch.setattr(rmlab.cli.doctor, "_training", lambda: 1 / 0)
    out = run(capsys, "doctor", status=1).out
    assert "FIX   memory" in out
    assert "ZeroDivisionError" in out
    assert "checks failed" in out


def test_lab_says_where_the_notebooks_should_be(capsys, monkeypatch):
    import rmlab.cli.doctor

    monkeypatch.setattr(rmlab.cli.doctor, "find_notebooks", lambda: None)
    assert "clone the project" in run(capsys, "lab", status=2).err


def test_a_name_that_may_be_a_hub_id_without_the_hub_extra_is_bad_input(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert main(["audit", "tiny-decoder", "my_pairs"]) == 2
    assert "there is no file 'my_pairs'" in capsys.readouterr().err


def test_a_name_that_the_output_cannot_hold_is_escaped(tmp_path):
    (tmp_path / "games.csv").write_text("winner,loser\n中文,Ann\nAnn,中文\n", encoding="utf-8")
    command = [sys.executable, "-m", "rmlab", "fit", str(tmp_path / "games.csv")]
    ran = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "cp1252"})
    assert ran.returncode == 0
    assert b"\\u4e2d\\u6587" in ran.stdout


def test_scores_are_json_also_on_an_output_that_cannot_hold_every_character(trained, monkeypatch):
    asked = {"prompt": "中文 😀", "response": "red"}
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(asked).encode())))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding="cp1252", write_through=True))
    assert main(["score", str(trained)]) == 0
    assert json.loads(printed.getvalue()) == asked | {"score": pytest.approx(0, abs=100)}
