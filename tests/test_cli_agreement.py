"""`rmlab agreement`: what the labels of a store say, as text and as JSON, and labels as files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_labels_rater_agreement import judgements
from test_labels_rewarded import QUESTIONS, WORLD, labels

import rmlab
from rmlab.__main__ import main
from rmlab.labels import LabelStore, agreement, ask, import_pairs, import_table, simulate_panel, traits_of
from rmlab.simulate.replies import FAIR, Judge, simulate_reply_pairs


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Six raters of whom the first tosses a coin and the last takes the right."""
    rng = np.random.default_rng(0)
    d, swapped = np.tile(rng.normal(0, 2.5, 150), (6, 1)), rng.integers(2, size=(6, 150))
    d[0] = 0.0
    d[5] += np.where(swapped[5], 2.5, -2.5)
    preferred = np.where(rng.random(d.shape) < rmlab.preference_probability(d), 1.0, -1.0)
    path = tmp_path / "labels.db"
    with LabelStore(path) as opened:
        opened.append(*judgements(preferred, swapped))
    return path


def test_planted_raters_are_named(store: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["agreement", str(store)]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line for line in lines if line.startswith("r") and line[1].isdigit()}
    assert "agrees less" in rows["r0"]
    assert "prefers the right" in rows["r5"]
    assert not any("!" in rows[f"r{i}"] for i in range(1, 5))
    with LabelStore(store) as opened:
        found = agreement(opened.judgements())
    assert f"two raters agree: {found.raw}" in "\n".join(lines)
    assert f"alpha: {found.alpha}" in "\n".join(lines)


def test_json_holds_the_same(store: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["agreement", str(store), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n_raters"], found["n_pairs"], found["n_judgements"]) == (6, 150, 900)
    assert [rater["stands_apart"] for rater in found["raters"]][:2] == [True, False]
    assert found["raw"]["lower"] < found["raw"]["value"] < found["raw"]["upper"]


def test_two_clear_camps_are_fitted_apart(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    questions = ask(simulate_reply_pairs(200, seed=5).pairs)
    traits = traits_of(questions)
    rmlab.write_pairs(questions.pairs, tmp_path / "pairs.jsonl")
    warm = {**FAIR.weights, "flattery": 3.0, "warm": 2.5}
    judges = [Judge(f"r{k}", FAIR.weights if k < 6 else warm) for k in range(10)]
    with LabelStore(tmp_path / "labels.db") as opened:
        opened.append(*simulate_panel(questions, traits, judges, n_judgements=200))
    command = ["agreement", str(tmp_path / "labels.db"), "--pairs", str(tmp_path / "pairs.jsonl")]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    one, other = (
        next(weight for weight in fit["weights"] if weight["attribute"] == "flattery")
        for fit in found["rewarded_by_camp"]
    )
    assert found["camps"]["members"] == [[f"r{k}" for k in range(6)], [f"r{k}" for k in range(6, 10)]]
    assert one["upper"] < 0 < other["lower"]
    assert main(command) == 0
    assert capsys.readouterr().out.count("would halve the intervals") == 3


def test_what_is_rewarded_and_the_labels_as_files(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    pairs, table, exported = tmp_path / "pairs.jsonl", tmp_path / "labels.csv", tmp_path / "labelled.jsonl"
    rmlab.write_pairs(WORLD.pairs, pairs)
    entries = labels(np.random.default_rng(0), 200, tie=0.05)
    with LabelStore(tmp_path / "labels.db") as opened:
        opened.append(*entries)
    command = ["agreement", str(tmp_path / "labels.db"), "--pairs", str(pairs), "--export", str(table)]
    assert main([*command, "--export-pairs", str(exported), "--json"]) == 0
    rewarded = json.loads(capsys.readouterr().out)["rewarded"]
    weights = {one["attribute"]: one for one in rewarded["weights"]}
    assert weights["off_topic"]["upper"] < 0 < weights["off_topic"]["upper"] - weights["off_topic"]["value"]
    assert rewarded["n_labels"] == 200
    assert rewarded["more_for_half"] > 600
    assert len(rmlab.read_pairs(str(exported))) == 200
    with LabelStore(tmp_path / "other.db") as other:
        assert import_table(other, table) == 200
    assert len(QUESTIONS) > 200


def test_weights_of_raters_reach_the_exported_pairs(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    pairs, exported = tmp_path / "pairs.jsonl", tmp_path / "labelled.jsonl"
    rmlab.write_pairs(WORLD.pairs, pairs)
    entries = labels(np.random.default_rng(0), 60)
    entries = [replace(one, rater="Bob" if i % 3 else "Ann = A") for i, one in enumerate(entries)]
    with LabelStore(tmp_path / "labels.db") as opened:
        opened.append(*entries)
    command = ["agreement", str(tmp_path / "labels.db"), "--pairs", str(pairs), "--export-pairs", str(exported)]
    assert main([*command, "--rater-weight", "Ann = A=0.5", "--rater-weight", "Bob=3"]) == 0
    found = rmlab.read_pairs(str(exported))
    assert sorted(found.weights.tolist()) == [0.5] * 20 + [3.0] * 40
    capsys.readouterr()
    exported.unlink()
    for wrong in ("Bob=heavy", "Bob=0", "Bo=2"):
        assert main([*command, "--rater-weight", wrong]) == 2
        error = capsys.readouterr().err
        assert "Ann = A, Bob" in error
        assert error.count("\n") == 1
        assert not exported.exists()


EXPORT = ["--pairs", "p.jsonl", "--export-pairs", "x.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.db"], "nowhere.db"),
        (["empty.db"], "nothing was judged"),
        (["notes.txt"], "not a store of labels"),
        (["empty.db", "--export-pairs", "x.jsonl"], "--pairs"),
        (["empty.db", "--rater-weight", "Ann=2"], "--export-pairs"),
        (["empty.db", *EXPORT, "--rater-weight", "Ann"], "NAME=NUMBER"),
        (["empty.db", *EXPORT, "--rater-weight", "Ann=2", "--rater-weight", "Ann=3"], "2 and 3"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    LabelStore("empty.db").close()
    Path("notes.txt").write_text("dear diary, " * 20)
    assert main(["agreement", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not Path("nowhere.db").exists()


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of thirty labels beside a file of their pairs, and one of twelve of these."""
    monkeypatch.chdir(tmp_path)
    pairs = WORLD.pairs[:30]
    rmlab.write_pairs(pairs, "all.jsonl")
    rmlab.write_pairs(pairs[:12], "part.jsonl")
    labelled = rmlab.PreferencePairs.from_list([replace(pair, chosen_first=True) for pair in pairs])
    with LabelStore("labels.db") as store:
        assert import_pairs(store, labelled, rater="Ann") == (30, 0)


@pytest.mark.usefixtures("judged")
def test_labels_whose_pair_is_missing_are_counted(capsys: pytest.CaptureFixture) -> None:
    assert main(["agreement", "labels.db", "--pairs", "part.jsonl", "--export-pairs", "out.jsonl"]) == 0
    assert "12 labels written to out.jsonl; 18 left out" in capsys.readouterr().err
    assert len(rmlab.read_pairs("out.jsonl")) == 12


@pytest.mark.usefixtures("judged")
@pytest.mark.parametrize("export", [["--export", "labels.db"], ["--export-pairs", "./all.jsonl"]])
def test_an_export_replaces_no_file_that_is_read(export: list[str], capsys: pytest.CaptureFixture) -> None:
    before = [Path(name).read_bytes() for name in ("labels.db", "all.jsonl")]
    assert main(["agreement", "labels.db", "--pairs", "all.jsonl", *export]) == 2
    assert "would replace" in capsys.readouterr().err
    assert [Path(name).read_bytes() for name in ("labels.db", "all.jsonl")] == before
