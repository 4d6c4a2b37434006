"""The benchmarks' own arithmetic, and that what is prepared for a GPU runs."""

import contextlib
import importlib
import json
import random
import re
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from rmlab.datasets import load_everyday
from rmlab.model import RewardModel
from rmlab.model.packing import grow_trees, pack

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.mark.parametrize("name", ["tiny-decoder", "tiny-encoder"])
def test_operations_of_a_step_are_those_that_torch_counts(name, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    operations = importlib.import_module("_operations")
    model = RewardModel.from_pretrained(name, device="cpu")
    model.network.set_attn_implementation("eager")  # whose products of matrices torch counts one by one
    rows, length = 3, 40
    ids = torch.randint(5, 100, (rows, length), generator=torch.Generator().manual_seed(0))
    with FlopCounterMode(display=False) as counter:
        model(ids, torch.ones_like(ids)).sum().backward()
    counted = operations.training_operations(model, tokens=rows * length, looks=rows * length**2)
    assert counted == pytest.approx(counter.get_total_flops(), rel=0.01)  # embeddings, pooler and head aside


def test_what_pairs_need_is_what_the_mask_of_their_rows_lets_through(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    operations = importlib.import_module("_operations")
    model = RewardModel.from_pretrained("tiny-decoder", device="cpu")
    encoded = model.encode_pairs(load_everyday()[:20])
    texts, keys = [*encoded.chosen, *encoded.rejected], [*range(20)] * 2
    trees = grow_trees(texts, keys, tree_tokens=512)
    packed = pack(texts, [[tree] for tree in trees], pad_id=0)
    real = packed.trees >= 0
    looks = (packed.attends(causal=True) & real[:, :, None]).sum()
    assert operations.needed(encoded) == (real.sum(), looks)


def run(monkeypatch: pytest.MonkeyPatch, benchmark: str, *arguments: str) -> int | None:
    """Run a benchmark as its command line does, in this process, which has loaded the libraries."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setattr(sys, "argv", [f"{benchmark}.py", *arguments])
    return importlib.import_module(benchmark).main()


@pytest.mark.parametrize(
    ("command", "holds"),
    [
        ("speed --seconds 0.2 --tokenizer tiny-decoder", {"times_trl", "sides", "first_losses_apart"}),
        ("minilm --backbone tiny-encoder", {"accuracy", "accuracy_interval", "pairs", "layout"}),
        ("bayes", {"accuracy", "bayes_accuracy", "parameters"}),
    ],
)
@pytest.mark.slow
def test_what_is_prepared_for_a_gpu_runs_small_and_leaves_a_record(command, holds, tmp_path, monkeypatch):
    out = tmp_path / "record.json"
    run(monkeypatch, "gpu", *command.split(), "--tiny", "--out", str(out))
    record = json.loads(out.read_text())
    assert record.keys() >= {"benchmark", "command", "date", "machine", "versions", "tiny", *holds}
    assert record["tiny"]
    assert record["command"].startswith(f"python benchmarks/gpu.py {command}")
    if command.startswith("speed"):
        assert all(side["best"]["pairs_per_second"] > 0 for side in record["sides"].values())
        assert record["first_losses_apart"] < 0.01  # bf16


def test_without_a_gpu_nothing_is_measured(monkeypatch, capsys):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, "gpu", "bayes")
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "no GPU" in said
    assert "--tiny" in said


@pytest.mark.slow
@pytest.mark.parametrize("command", ["read_pairs", "fit"])
def test_damaged_files_end_well(command, monkeypatch, capsys):
    assert run(monkeypatch, "damaged", "--command", command, "--n", "40") == 0
    assert "0 failed" in capsys.readouterr().out


def _traceback() -> int:
    print("Traceback (most recent call last):", file=sys.stderr)
    return 0


def _two_lines() -> int:
    print("rmlab: one", "rmlab: two", sep="\n", file=sys.stderr)
    return 2


def _raise() -> int:
    raise KeyError("x")


def _endless() -> int:
    while True:
        with contextlib.suppress(Exception):
            sum(range(1000))


FAULTS = {
    "KeyError": _raise,
    "Traceback": _traceback,
    "2 lines": _two_lines,
    "Late": _endless,
    "status 3": lambda: 3,
    "was changed": lambda: (Path("pairs.csv").write_bytes(b"") and 2) or 0,
    "left behind": lambda: print("rmlab: no", file=sys.stderr) or Path("new").write_text("x") + 1,
    "not JSON": lambda: print('{"a": NaN}') or 0,
}


@pytest.mark.parametrize("said", FAULTS)
def test_a_planted_fault_is_found(said, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.chdir(tmp_path)
    damaged = importlib.import_module("damaged")
    monkeypatch.setattr(damaged, "CPU_SECONDS", 0.2)
    monkeypatch.setattr(damaged, "call", lambda *_: FAULTS[said]())
    damaged.limit_time()
    assert said in (damaged.run("fit", 0, tmp_path, tmp_path).fault or "")


def test_a_seed_makes_the_same_input_again(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    damage = importlib.import_module("_damage")
    contents = []
    for seed in (1, 1, 2, 3):
        contents.append(damage.damaged_pairs(random.Random(seed), tmp_path, n=3).read_bytes())
    assert contents[0] == contents[1]
    assert len(set(contents)) == 3


def test_the_table_of_architectures_is_read_from_its_page_and_written_again(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    architectures = importlib.import_module("architectures")
    text = architectures.PAGE.read_text(encoding="utf-8")
    found, commits, version = architectures.read_page(text)
    n_kinds = int(re.search(r"Tested: \d+ of (\d+)", text)[1])
    assert architectures.page(found, commits, n_kinds, version) == text
    assert len(found) > 100
    assert set(found) == set(commits)
    found["bert"] = {**found["bert"], "packed": "not applicable: a reason | of its own"}
    commits["bert"] = "1234567"
    again, at, _ = architectures.read_page(architectures.page(found, commits, n_kinds, version))
    assert again == {**found, "bert": {**found["bert"], "packed": "not applicable: a reason / of its own"}}
    assert at == commits


def test_no_architecture_has_a_wrong_number_in_silence(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    architectures = importlib.import_module("architectures")
    found, _, _ = architectures.read_page(architectures.PAGE.read_text(encoding="utf-8"))
    said = {
        (kind, column): words.partition(":")[0]
        for kind, result in found.items()
        for column, words in result.items()
        if column != "not built"
    }
    assert {place: words for place, words in said.items() if words not in ("kept", "refused", "not applicable")} == {}


def test_all_benchmarks_are_run_and_each_missed_target_is_listed(monkeypatch, tmp_path, capfd):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    run_all = importlib.import_module("_run_all")
    programs = {"a.py": "print('1 s: MISSED')", "b.py": "import sys; sys.exit(3)", "c.py": "print('1 s: met')"}
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
    assert run_all.main([tmp_path / name for name in programs]) == 1
    *_, summary = capfd.readouterr().out.partition("== 1 of 3 benchmarks")
    assert summary.splitlines()[1:] == ["a.py", "    1 s: MISSED", "b.py", "    exit status 3"]
    assert run_all.main([tmp_path / "c.py"]) == 0
