import json

import pytest
from planted_faults import save_planted

from rmlab.__main__ import main


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("audited")
    return {fault: save_planted(root / str(fault), fault) for fault in (None, "sigmoid")}


def run(capsys, *arguments, status):
    assert main(["audit", *map(str, arguments)]) == status
    return capsys.readouterr()


def test_a_sound_model_gives_status_0_and_reads_everyday(folders, capsys):
    out = run(capsys, folders[None], "--sample", 30, status=0).out
    assert "on 60 texts of 30 pairs drawn with seed 0" in out
    assert "15 kept, 0 broken, 0 not applicable" in out


def test_a_broken_line_gives_status_1(folders, capsys):
    out = run(capsys, folders["sigmoid"], "--sample", 2, status=1).out
    assert "BROKEN  pipeline" in out


def test_names_are_printed_without_what_a_terminal_obeys(folders, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "\x1b[2Jmodel").symlink_to(folders[None])
    out = run(capsys, "\x1b[2Jmodel", "--sample", 2, status=0).out
    assert "audit of \\x1b[2Jmodel, on" in out
    assert "\x1b" not in out


def test_json_can_be_read(folders, tmp_path, capsys):
    (tmp_path / "pairs.jsonl").write_text(json.dumps({"prompt": "Hi", "chosen": "No", "rejected": "Yes"}) + "\n")
    record = json.loads(run(capsys, folders["sigmoid"], tmp_path / "pairs.jsonl", "--json", status=1).out)
    assert record["broken"] == ["pipeline"]
    assert record["n_pairs"] == 1
    assert record["pairs"].endswith("pairs.jsonl")


@pytest.mark.parametrize("command", [["audit", "--robustness", "tiny-decoder"], ["explore", "tiny-decoder"], ["judge"]])
def test_a_page_does_not_replace_the_pairs(command, tmp_path, capsys):
    pairs, written = tmp_path / "pairs.jsonl", json.dumps({"prompt": "Hi", "chosen": "No", "rejected": "Yes"}) + "\n"
    pairs.write_text(written)
    assert main([*command, str(pairs), "--html", str(pairs)]) == 2
    assert "it is a file but not an HTML page" in capsys.readouterr().err
    assert pairs.read_text() == written


@pytest.mark.parametrize("option", [["--store", "a.db"], ["--port", "8123"], ["--class"], ["--rule", "information"]])
def test_a_page_to_judge_in_takes_no_option_of_a_server(option, tmp_path, capsys):
    assert main(["judge", "--html", str(tmp_path / "page.html"), *option]) == 2
    assert option[0] in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such-model"], "there is no model 'no-such-model'"),
        (["tiny-decoder", "no-such-file.jsonl"], "no-such-file.jsonl"),
        (["tiny-decoder", "--sample", "0"], "sample must be at least 1 pair, got 0"),
    ],
)
def test_bad_input_gives_status_2_and_one_line(capsys, arguments, message):
    error = run(capsys, *arguments, status=2).err
    assert error.startswith("rmlab: ")
    assert message in error
    assert error.count("\n") == 1
