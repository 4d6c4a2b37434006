"""`rmlab evaluate`: what it prints, the page it writes, and what it does with files that are odd or RewardBench's."""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path

import numpy as np
import pytest

import rmlab
from rmlab.__main__ import main
from rmlab.cli.evaluate import _ceiling
from rmlab.data import DataError
from rmlab.evaluation import evaluate, rewardbench
from rmlab.model import RewardModel
from rmlab.simulate.replies import simulate_reply_pairs

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:torch")

WORDS = ["red", "blue", "green", "oak", "elm", "ash", "fir", "yew", "box", "one", "two", "six"]


def text(rng: np.random.Generator, n: int) -> str:
    return " ".join(rng.choice(WORDS, n))


def write(path: Path, records: list[dict]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluate")


@pytest.fixture(scope="module")
def model(folder: Path) -> RewardModel:
    made = RewardModel.from_pretrained("tiny-encoder", seed=0, device="cpu")
    made.save_pretrained(folder / "model")
    return made


@pytest.fixture(scope="module")
def right(folder: Path, model: RewardModel) -> Path:
    """Pairs of which the model has three in four the right way round, two to a prompt."""
    rng = np.random.default_rng(0)
    prompts = [text(rng, 6) + f" {i // 2}" if i % 2 == 0 else "" for i in range(80)]
    prompts = [prompt or prompts[i - 1] for i, prompt in enumerate(prompts)]
    sides = [
        (text(rng, int(rng.integers(2, 9))) + f" {i}", text(rng, int(rng.integers(2, 9))) + f" {i}") for i in range(80)
    ]
    scores = [model.score(prompts, [pair[side] for pair in sides]) for side in (0, 1)]
    agree = rng.random(80) < 0.75
    records = []
    for i, (a, b) in enumerate(sides):
        first = (scores[0][i] > scores[1][i]) == agree[i]
        chosen, rejected = (a, b) if first else (b, a)
        records.append({"prompt": prompts[i], "chosen": chosen, "rejected": rejected, "group": "ab"[i % 2]})
    return write(folder / "right.jsonl", records)


def run(capsys: pytest.CaptureFixture, *arguments: object, status: int = 0):
    assert main(["evaluate", *map(str, arguments)]) == status
    return capsys.readouterr()


def run_json(capsys: pytest.CaptureFixture, *arguments: object) -> dict:
    return json.loads(run(capsys, *arguments, "--json").out)


def differences(folder: Path, path: Path) -> np.ndarray:
    loaded = RewardModel.from_pretrained(folder / "model", device="cpu")
    return loaded.score_differences(rmlab.read_pairs(path)).astype(float)


def test_figures_are_those_of_the_library_clustered_by_prompt(folder: Path, right: Path, capsys):
    record = run_json(capsys, folder / "model", right)
    prompts = [pair.prompt for pair in rmlab.read_pairs(right)]
    expected = evaluate(differences(folder, right), clusters=prompts, n_bootstrap=2000)
    assert record["accuracy"] == pytest.approx(expected.accuracy)
    assert record["n_clusters"] == 40
    assert record["accuracy_interval"] == pytest.approx(expected.accuracy_interval)
    assert record["log_loss_interval"] == pytest.approx(expected.log_loss_interval, abs=1e-5)
    assert set(record["groups"]) == {"a", "b"}
    assert len(record["length_bins"]) >= 3


def test_temperature_is_fitted_to_prompts_that_it_is_not_reported_on(folder: Path, right: Path, capsys):
    tempered = run_json(capsys, folder / "model", right)["tempered"]
    held, _ = rmlab.split_by_prompt(rmlab.read_pairs(right), fractions=(0.3, 0.7), seed=0)
    n = len(held)
    assert tempered["fitted_on"] == f"fitted to {n} of the pairs and reported on the other {80 - n}, split by prompt"
    assert tempered["after"]["n_pairs"] == 80 - n
    expected = rmlab.evaluation.fit_temperature(
        RewardModel.from_pretrained(folder / "model", device="cpu").score_differences(held)
    )
    assert tempered["temperature"] == pytest.approx(expected, rel=1e-3)
    assert tempered["before"]["accuracy"] == tempered["after"]["accuracy"]
    assert tempered["after"]["temperature"] == tempered["temperature"]


@pytest.mark.parametrize("seed", [0, 2, 17, 60])
def test_the_part_for_the_temperature_is_never_empty(folder: Path, right: Path, seed, capsys):
    # one prompt holds most of the pairs, so that no line cut through prompts leaves three in ten
    records = list(map(json.loads, right.read_text().splitlines()))
    for share in (40, 64):
        some = [{**record, "prompt": "a prompt of many"} if i < share else record for i, record in enumerate(records)]
        tempered = run_json(capsys, folder / "model", write(folder / "many.jsonl", some), "--seed", seed)["tempered"]
        fitted = int(tempered["fitted_on"].split()[2])
        assert 0 < fitted < 80
        assert tempered["failure"] or tempered["after"]["n_pairs"] == 80 - fitted


def test_held_out_pairs_serve_for_the_temperature_and_shared_prompts_are_counted(folder: Path, right: Path, capsys):
    record = run_json(capsys, folder / "model", right, "--held-out", right)["tempered"]
    assert record["fitted_on"].startswith(
        f"fitted to the 80 pairs of {right} (80 of the pairs reported on have a prompt"
    )
    expected = rmlab.evaluation.fit_temperature(differences(folder, right))
    assert record["temperature"] == pytest.approx(expected, rel=1e-3)
    assert record["after"]["n_pairs"] == 80


def test_a_temperature_at_its_bound_is_said_and_the_rest_goes_on(folder: Path, right: Path, capsys):
    swapped = [
        {**record, "chosen": record["rejected"], "rejected": record["chosen"]}
        for record in map(json.loads, right.read_text().splitlines())
    ]
    path = write(folder / "swapped.jsonl", swapped)
    printed = run(capsys, folder / "model", path).out
    assert "no temperature" in printed
    assert "accuracy" in printed
    record = run_json(capsys, folder / "model", path)
    assert "no positive temperature beats a coin" in record["tempered"]["failure"]


def test_one_pair_is_evaluated_without_a_temperature(folder: Path, right: Path, capsys):
    path = write(folder / "one.jsonl", [json.loads(right.read_text().splitlines()[0])])
    printed = run(capsys, folder / "model", path, "--html", folder / "one.html").out
    assert "one pair" in printed
    assert "--held-out" in printed
    assert "none can be held back" in (folder / "one.html").read_text()


def test_a_known_ceiling_is_named_beside_the_accuracy(folder: Path, right: Path, capsys):
    for ceiling in (0.95, 0.5):
        found = json.loads(run(capsys, folder / "model", right, "--ceiling", str(ceiling), "--json").out)
        (note,) = [note for note in found["notes"] if f"{ceiling:.3f}" in note]
        points = 100 * (ceiling - found["accuracy"])
        assert f"{abs(points):.1f} points {'above' if points >= 0 else 'below'}" in note
        assert f"--ceiling {ceiling}" in found["made"]["command"]


@pytest.mark.parametrize("ceiling", ["0.4", "80", "nan"])
def test_a_ceiling_that_is_no_accuracy_is_refused(folder: Path, right: Path, capsys, ceiling):
    assert main(["evaluate", str(folder / "model"), str(right), "--ceiling", ceiling]) == 2
    assert "--ceiling must be an accuracy from 0.5 to 1" in capsys.readouterr().err


def test_the_page_is_written_with_pictures_hashes_and_the_command(folder: Path, right: Path, capsys):
    page = folder / "report.html"
    printed = run(capsys, folder / "model", right, "--html", page).out
    assert f"written to {page}" in printed
    source = page.read_text()
    assert source.count("data:image/png;base64,") == 5
    from hashlib import sha256

    assert sha256(right.read_bytes()).hexdigest() in source
    assert sha256((folder / "model" / "model.safetensors").read_bytes()).hexdigest() in source
    assert f"rmlab evaluate {folder / 'model'} {right}" in source


@pytest.mark.parametrize(
    ("backbone", "words"),
    [("tiny-encoder", "two segments, as the tokenizer joins two texts"),
     ("tiny-decoder", "joined as TRL does, with '\\n\\n' at the end of a plain prompt")],
)  # fmt: skip
def test_the_convention_of_the_ids_and_a_text_are_named_beside_the_figures_and_on_the_page(
    folder: Path, right: Path, capsys, backbone, words
):
    RewardModel.from_pretrained(backbone, seed=0, device="cpu").save_pretrained(folder / backbone)
    page = folder / f"{backbone}.html"
    printed = run(capsys, folder / backbone, right, "--html", page).out
    assert f"token ids: {words}" in printed.splitlines()
    source = page.read_text()
    assert f"<td>token ids</td><td>{escape(words)}</td>" in source
    first = json.loads(right.read_text().splitlines()[0])
    (read,) = re.findall("<td>the first text as it is read</td><td>(.*?)</td>", source)
    assert first["prompt"] in read
    assert first["chosen"] in read


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere/report.html", "its folder is missing"),
        ("away.html", "its folder is missing"),
        ("pairs.jsonl", "would be lost"),
        (".", "it is a folder"),
    ],
)
def test_a_page_that_cannot_be_written_is_refused_before_the_model_is_loaded(tmp_path: Path, capsys, name, message):
    (tmp_path / "pairs.jsonl").write_text("{}")
    (tmp_path / "away.html").symlink_to(tmp_path / "nowhere" / "report.html")
    error = run(capsys, "no-such-model", "no-such-pairs", "--html", tmp_path / name, status=2).err
    assert message in error
    assert "no-such-model" not in error


def test_an_item_of_rewardbench_without_a_subset_costs_a_note(folder: Path, model: RewardModel, capsys):
    items = [
        {"prompt": f"{i} red", "chosen": "blue oak", "chosen_model": "m", "rejected": "elm", "rejected_model": "n",
         "subset": subset}
        for i, subset in enumerate(("hep-cpp", "math-prm", None, "hep-cpp"))
    ]  # fmt: skip
    found = run_json(capsys, folder / "model", write(folder / "odd.jsonl", items))
    assert found["n_pairs"] == 4
    assert found["rewardbench"]["subsets"]["hep-cpp"]["n_items"] == 2
    assert any("left out: 1 of the pairs" in note for note in found["rewardbench"]["notes"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_figures_are_printed_even_where_the_page_finds_a_full_disk(folder: Path, right: Path, capsys, options):
    printed = run(capsys, folder / "model", right, "--html", "/dev/full", *options, status=2)
    assert "accuracy" in printed.out
    assert printed.err.rstrip().rpartition("rmlab: ")[2].count("\n") == 0
    assert "written to" not in printed.out


def test_repeated_judgements_give_a_noise_ceiling(folder: Path, right: Path, capsys):
    records = list(map(json.loads, right.read_text().splitlines()))
    again = [
        {**r, "chosen": r["rejected"], "rejected": r["chosen"]} if i % 4 == 0 else r for i, r in enumerate(records)
    ]
    ceiling = run_json(capsys, folder / "model", write(folder / "again.jsonl", records + again))["noise_ceiling"]
    assert (ceiling["n_pairs"], ceiling["n_judgements"], ceiling["n_clusters"]) == (80, 160, 40)
    assert ceiling["agreement"] == pytest.approx(0.75)


def test_copies_are_said_to_be_no_second_judgement(folder: Path, right: Path, capsys):
    records = list(map(json.loads, right.read_text().splitlines()))
    record = run_json(capsys, folder / "model", write(folder / "copies.jsonl", records * 2))
    assert any("if these are copies, they do not show a ceiling" in note for note in record["notes"])


def test_a_few_repeats_are_too_few_for_a_ceiling(folder: Path, right: Path, capsys):
    records = list(map(json.loads, right.read_text().splitlines()))
    record = run_json(capsys, folder / "model", write(folder / "few.jsonl", records + records[:3]))
    assert record["noise_ceiling"] is None
    assert any(re.search(r"^3 .*more than once.*ceiling", note) for note in record["notes"])


def test_empty_prompts_are_no_shared_prompt(folder: Path, right: Path, capsys):
    records = [{**record, "prompt": ""} for record in map(json.loads, right.read_text().splitlines())]
    assert run_json(capsys, folder / "model", write(folder / "empty.jsonl", records))["n_clusters"] is None


def test_pairs_that_the_model_was_trained_on_are_pointed_out(folder: Path, right: Path, model, capsys):
    model.save_pretrained(folder / "trained")
    (folder / "trained" / "training.json").write_text(json.dumps({"pairs": str(right)}))
    notes = run_json(capsys, folder / "trained", right)["notes"]
    assert notes[0].startswith(f"the model was trained on a part of {right}")


def test_the_same_pairs_under_another_path_are_pointed_out_too(folder: Path, right: Path, model, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    model.save_pretrained(folder / "trained too")
    (folder / "trained too" / "training.json").write_text(json.dumps({"pairs": right.name}))
    for path in (f"./{right.name}", str(right), f"../{folder.name}/{right.name}"):
        assert "was trained on a part" in run_json(capsys, "trained too", path)["notes"][0]
    for damaged in ("{", "[" * 100_000, '{"pairs": 3}', "\udcff"):
        (folder / "trained too" / "training.json").write_text(damaged, errors="surrogateescape")
        assert not any("trained on" in note for note in run_json(capsys, "trained too", right)["notes"])


def test_lengths_are_those_of_before_the_cut(folder: Path, model, capsys):
    rng = np.random.default_rng(3)
    records = [
        {"prompt": f"{text(rng, 5)} {i}", "chosen": text(rng, 900), "rejected": text(rng, 250)} for i in range(12)
    ]
    path = write(folder / "long.jsonl", records)
    record = run_json(capsys, folder / "model", path, "--max-length", 48)
    assert record["length_baseline"]["accuracy"] == 1
    assert record["pairs with a cut response"] == 12
    assert [one["name"] for one in record["length_bins"]] == ["chosen much longer"]


def test_the_page_shows_length_by_group_and_what_counts_as_half(folder: Path, model, capsys):
    rng = np.random.default_rng(4)
    records = []
    for i in range(24):
        wordy = i % 2 == 0
        sizes = (14, 3) if wordy else (3, 7)
        chosen, rejected = (text(rng, n) for n in sizes)
        records.append({"prompt": f"{text(rng, 4)} {i}", "chosen": chosen, "rejected": rejected,
                        "group": "wordy" if wordy else "\x1b[1mterse"})  # fmt: skip
    records += [{"prompt": f"the same twice {i}", "chosen": "oak elm", "rejected": "oak elm"} for i in range(3)]
    records += [{"prompt": "nothing twice", "chosen": " ", "rejected": " "}]
    records += [{"prompt": f"nothing once {i}", "chosen": "oak elm", "rejected": ""} for i in range(2)]
    path, page = write(folder / "halves.jsonl", records), folder / "halves.html"
    out = run(capsys, folder / "model", path, "--html", page).out
    record = run_json(capsys, folder / "model", path)
    assert record["groups"]["wordy"]["length_baseline"]["accuracy"] == 1
    assert record["groups"]["\x1b[1mterse"]["length_baseline"]["accuracy"] == 0
    assert (record["pairs with equal responses"], record["pairs with one empty response"]) == (4, 2)
    assert record["n_ties"] >= 4
    source = page.read_text()
    for written in (out, source):
        assert re.search(r"4 pairs have equal responses .*half", written)
        assert "\\x1b[1mterse" in written
        assert "\x1b" not in written
    assert "<td>pairs with equal responses</td><td>4</td>" in source
    assert "<td>pairs with one empty response</td><td>2</td>" in source


def test_a_response_of_several_pairs_is_scored_once(folder: Path, model, capsys, monkeypatch):
    records = [
        {"prompt": f"prompt {p}", "response": f"red {r} oak", "rating": r} for p in range(3) for r in range(8)
    ]  # fmt: skip
    path = write(folder / "rated.jsonl", records)
    scored = []
    whole = RewardModel.score_encoded
    monkeypatch.setattr(
        RewardModel, "score_encoded", lambda self, texts, **k: scored.append(len(texts)) or whole(self, texts, **k)
    )
    record = run_json(capsys, folder / "model", path)
    assert record["n_pairs"] == 3 * 28
    assert scored == [24]
    monkeypatch.undo()
    assert record["accuracy"] == pytest.approx(evaluate(differences(folder, path)).accuracy)


def test_all_ties_are_refused(folder: Path, model, capsys):
    path = write(folder / "ties.jsonl", [{"prompt": "a", "chosen": "b", "rejected": "c", "tied": True}])
    assert (
        "all 1 pairs are ties; accuracy needs a preferred response" in run(capsys, folder / "model", path, status=2).err
    )


# RewardBench


def test_rewardbench_files_get_the_authors_scores(folder: Path, model, capsys):
    rng = np.random.default_rng(1)
    subsets = ["math-prm", "hep-go", "donotanswer"] * 12
    records = [
        {
            "prompt": text(rng, 4) + f" {i}", "chosen": text(rng, 5), "rejected": text(rng, 5), "subset": subset,
            "chosen_model": "x", "rejected_model": "y", "id": i,
        }
        for i, subset in enumerate(subsets)
    ]  # fmt: skip
    path = write(folder / "rewardbench.jsonl", records)
    record = run_json(capsys, folder / "model", path)["rewardbench"]
    expected = rewardbench(differences(folder, path), subsets)
    assert record["sections"]["Reasoning"]["score"] == pytest.approx(expected.sections["Reasoning"].score)
    assert record["overall"] is None
    assert "RewardBench, as its authors score it" in run(capsys, folder / "model", path).out


def test_rewardbench_2_files_get_the_authors_scores(folder: Path, model, capsys):
    rng = np.random.default_rng(2)
    records = [
        {
            "id": str(i), "prompt": text(rng, 4) + f" {i}", "chosen": [text(rng, 5)],
            "rejected": [text(rng, 5) for _ in range(3)], "num_correct": 1, "num_incorrect": 3,
            "total_completions": 4, "models": [], "subset": subset, "additional_metadata": None,
        }
        for i, subset in enumerate(["Math", "Focus", "Factuality", "Precise IF", "Safety"] * 4)
    ]  # fmt: skip
    ties = {}
    for prompt in range(5):
        for kind, n_correct in (("ref", 1), ("tied", 3)):
            chosen, rejected = ([text(rng, 4) for _ in range(n)] for n in (n_correct, 4))
            ties[f"{kind}:{prompt}"] = (chosen, rejected)
            records.append(
                {
                    "id": f"{kind}:{prompt}", "prompt": f"a tie {kind} {prompt}", "chosen": chosen,
                    "rejected": rejected, "num_correct": n_correct, "num_incorrect": 4,
                    "total_completions": n_correct + 4, "models": [], "subset": "Ties", "additional_metadata": None,
                }
            )  # fmt: skip
    path = write(folder / "rewardbench2.jsonl", records)
    found = run_json(capsys, folder / "model", path)["rewardbench"]
    loaded = RewardModel.from_pretrained(folder / "model", device="cpu")

    def scores(prompt: str, responses: list[str]) -> np.ndarray:
        return loaded.score([prompt] * len(responses), responses)

    won = [
        (scores(r["prompt"], r["chosen"])[0] > scores(r["prompt"], r["rejected"]).max())
        for r in records
        if r["subset"] == "Math"
    ]
    assert found["subsets"]["Math"]["score"] == pytest.approx(np.mean(won))
    lead, spread = {}, {}
    for name, (chosen, rejected) in ties.items():
        prompt = f"a tie {name.replace(':', ' ')}"
        good, bad = scores(prompt, chosen), scores(prompt, rejected)
        lead[name], spread[name] = good.min() - bad.max(), np.ptp(good)
    parts = [
        0.3 * (lead[f"tied:{p}"] > 0) + 0.3 * (lead[f"ref:{p}"] > 0)
        + 0.2 * (lead[f"tied:{p}"] > spread[f"tied:{p}"])
        + 0.2 * (min(lead[f"tied:{p}"], lead[f"ref:{p}"]) > spread[f"tied:{p}"])
        + 0.01 * np.tanh(min(lead[f"tied:{p}"], lead[f"ref:{p}"]) / spread[f"tied:{p}"] - 1)
        for p in range(5)
    ]  # fmt: skip
    assert found["subsets"]["Ties"]["score"] == pytest.approx(np.mean(parts), abs=1e-4)
    assert found["overall"]["score"] == pytest.approx(np.mean([one["score"] for one in found["subsets"].values()]))


def test_groups_that_are_called_like_subsets_make_no_benchmark(folder: Path, model, capsys):
    records = [
        {"prompt": f"prompt {p}", "response": f"red {r} oak", "rating": r, "group": ("Focus", "donotanswer", "Ties")[p]}
        for p in range(3)
        for r in range(3)
    ]
    record = run_json(capsys, folder / "model", write(folder / "groups.jsonl", records))
    assert record["rewardbench"] is None
    assert set(record["groups"]) == {"Focus", "donotanswer", "Ties"}


def second(name: str, subset: str, n_correct: int, n_wrong: int, **changes) -> dict:
    chosen, rejected = [f"oak {i} {name}" for i in range(n_correct)], [f"elm {i} {name}" for i in range(n_wrong)]
    return {
        "id": name, "prompt": f"a question {name}", "chosen": chosen, "rejected": rejected, "num_correct": n_correct,
        "num_incorrect": n_wrong, "total_completions": n_correct + n_wrong, "models": [], "subset": subset, **changes,
    }  # fmt: skip


def test_an_odd_item_costs_a_note_and_not_the_report(folder: Path, model, capsys):
    records = [second(str(i), "Focus", 1, 3) for i in range(6)]
    records += [second(f"{kind}:{i}", "Ties", n, 3) for i in range(4) for kind, n in (("ref", 1), ("tied", 3))]
    records += [second("tied:9", "Ties", 3, 3, chosen=["fir", "fir", "fir"]), second("7", "Focus", 2, 3)]
    record = run_json(capsys, folder / "model", write(folder / "odd.jsonl", records))
    scores = record["rewardbench"]
    assert scores["subsets"]["Focus"]["n_items"] == 6
    assert scores["subsets"]["Ties"]["n_items"] == 4
    (note,) = [note for note in scores["notes"] if "left out" in note]
    assert "'tied:9'" in note
    assert "'7'" in note
    assert record["n_pairs"] == 6 * 3 + 4 * (3 + 9) + 9 + 6


def test_a_file_in_the_format_of_rewardbench_with_no_subset_of_it_is_evaluated_with_a_note(folder: Path, model, capsys):
    record = {"prompt": "a", "chosen": "b", "rejected": "c", "subset": "mine", "chosen_model": "", "rejected_model": ""}
    found = run_json(capsys, folder / "model", write(folder / "mine.jsonl", [record]))
    assert found["rewardbench"] is None
    assert found["n_pairs"] == 1
    assert any(
        note.startswith("not scored as RewardBench: RewardBench has no subset 'mine'") for note in found["notes"]
    )


def test_an_item_of_very_many_responses_is_refused_with_its_line(tmp_path: Path):
    path = write(tmp_path / "wide.jsonl", [second("0", "Focus", 1, 3), second("tied:0", "Ties", 501, 500)])
    with pytest.raises(DataError, match=r"wide\.jsonl\W+(line )?2: 501 .*500 .*250,500 pairs"):
        rmlab.read_pairs(path)


def test_bad_records_stop_it_or_are_left_out_and_counted_with_their_lines(
    folder: Path, right: Path, tmp_path: Path, capsys
):
    lines = right.read_text().splitlines()
    lines[2] = json.dumps({"prompt": "p", "chosen": "a", "rejected": 1})
    damaged = tmp_path / "dam\x1b[31maged.jsonl"
    damaged.write_text("\n".join(lines) + "\n")
    assert main(["evaluate", str(folder / "model"), str(damaged)]) == 2
    stopped = capsys.readouterr()
    assert "aged.jsonl:3: rejected" in stopped.err
    assert main(["evaluate", str(folder / "model"), str(damaged), "--skip-bad"]) == 0
    told = capsys.readouterr()
    assert "79 pairs" in told.out
    assert "1 bad record of " in told.err
    assert "aged.jsonl:3: rejected" in told.err
    assert "\x1b" not in stopped.err + told.err + told.out


def test_weighted_pairs_have_no_noise_ceiling():
    pairs = simulate_reply_pairs(150, seed=0, judgements=4).pairs
    found, notes = _ceiling(pairs, {"n_bootstrap": 100, "seed": 0})
    assert found is None
    assert "weights" in notes[0]
