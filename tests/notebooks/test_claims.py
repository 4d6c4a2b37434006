"""What a lesson's text claims holds of the numbers that the lesson prints (which nbval compares with those stored)."""

import re

from lessons import NOTEBOOKS, stored
from nbformat import NotebookNode
from reading import read

from rmlab.explorer.probe_views import probe_data

SIGNED = r"([-+]\d\.\d\d)"


def lesson(stem: str) -> NotebookNode:
    return read(NOTEBOOKS / f"{stem}.ipynb")


def printed(notebook: NotebookNode, beginning: str) -> str:
    """Return what is printed by the code cell whose source holds these words."""
    (cell,) = [cell for cell in notebook.cells if cell.cell_type == "code" and beginning in cell.source]
    return "\n".join(stored(cell))


def notice_after(notebook: NotebookNode, words: str) -> str:
    """Return the prose that follows the code cell whose source holds these words."""
    place = next(i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and words in cell.source)
    return next(cell.source for cell in notebook.cells[place:] if cell.cell_type == "markdown")


def test_06_calls_the_fitted_weight_unlucky_because_it_lies_outside_the_band_of_replays() -> None:
    notebook = lesson("06_features")
    text = printed(notebook, "def replayed(") + printed(notebook, "weights = replayed(n)")
    fitted = float(re.search(r"as they were judged: \S+ before but, (\S+) after", text)[1])  # type: ignore[index]
    (low, high) = map(float, re.findall(r"\((\S+) to (\S+)\)", text.split(" 3000 ")[1])[1])
    assert not low <= fitted <= high
    assert max(0.8 - low, high - 0.8) <= 0.05 + 1e-9, "the text says: within 0.05"
    assert f"{fitted:.2f}, outside that band" in notice_after(notebook, "weights = replayed(n)")


def test_06_chooses_the_prior_of_embeddings_on_held_out_pairs() -> None:
    notebook = lesson("06_features")
    rows = re.findall(
        r"^(embeddings|slots by question) +(\S+) +(\S+) +(\S+) ", printed(notebook, "best = min(held_out"), re.M
    )
    held_out_loss = {name: float(loss) for name, _, loss, _ in rows}
    assert 0.67 < held_out_loss["embeddings"] < 0.693, "the text says: only just below a coin's"
    assert held_out_loss["slots by question"] < 0.5


def test_09_claims_no_wrong_sign_on_fresh_texts_and_finds_less_than_the_size_of_most_effects() -> None:
    notebook = lesson("09_probe")
    text = printed(notebook, "differ = [one for one in CONTRASTS")
    rows = [
        (*map(float, row[:4]), row[4])
        for row in re.findall(rf"{SIGNED} \({SIGNED} to {SIGNED}\) {SIGNED} (right|open)", text)
    ]
    assert len(rows) == 32
    assert "31 right, 0 wrong, 1 open" in text
    assert text.split("fuller")[1].splitlines()[0].split()[5] == "open", "the text says: in the model"
    assert text.endswith("the judges differ in: flattery\n")
    for mean, low, high, truth, mark in rows:
        assert low <= mean <= high
        assert (low * high > 0) == (mark == "right")
        assert mean * truth > 0
    beyond = [row for row in rows if abs(row[0]) > abs(row[3])]  # the text says: four dots are not nearer to zero
    of_two = [text.split(f"\n{name}")[1].splitlines()[0] for name in ("warm", "due_hedge")]
    assert len(beyond) == 4
    assert all("{:+.2f} ({:+.2f} to {:+.2f})".format(*row[:3]) in "".join(of_two) for row in beyond)
    assert sum(low <= truth <= high for _, low, high, truth, _ in rows) < 16


def test_09_finds_on_fresh_texts_all_that_it_found_on_taught_ones_with_wider_intervals() -> None:
    notebook = lesson("09_probe")
    looked_at = re.findall(rf"^(\w+) .*questions +{SIGNED} +{SIGNED}$", printed(notebook, "LOOKED_AT = ("), re.M)
    text = printed(notebook, "clustered by both")
    assert len(looked_at) == 5
    for name, *taught in looked_at:
        lines = text.split(f"{name}: ")[1].splitlines()[1:3]
        for line, change in zip(lines, taught, strict=True):
            mean, low, high, naive_low, naive_high = map(float, re.findall(SIGNED, line))
            assert mean * float(change) > 0
            assert low * high > 0, "the text says: each keeps its sign"
            assert low <= naive_low < naive_high <= high
    widths = [float(width) for width in re.findall(r"x (\d\.\d)", text)]
    assert widths[:2] == [1.8, 1.6], "the text quotes them"
    assert max(widths) == widths[0]
    assert max(widths[6:8]) < 1.2, "the text says: for refusals one sentence works much like another"


def test_09_shows_a_remainder_above_zero_because_no_token_of_the_answer_is_missed() -> None:
    notebook = lesson("09_probe")
    text = printed(notebook, 'method="leave-one-out"')
    word, together, explained, remainder = map(
        float, re.findall(rf"(?:brilliant|together|response|less [^ ]+:) +{SIGNED}$", text, re.M)
    )
    changes = dict(re.findall(rf"^(\w+) +\S+ +{SIGNED}$", printed(notebook, "edits = {"), re.M))
    assert abs(explained - together - remainder) < 0.02
    assert remainder > 0.5
    prose = notice_after(notebook, 'method="leave-one-out"').replace("−", "-")
    for number in (together, explained, remainder, word, float(changes["flattery"])):
        assert f"{number:+.2f}" in prose
    assert f"it is worth {-float(changes['empty']):.2f} more to the twin than an empty response" in prose
    drawn = printed(notebook, "def draw_tokens(").split("beneath it: ")[1]
    values = [float(value) for value in re.findall(SIGNED, drawn)]
    sentence = drawn.split(", For ")[0].count(", ") + 1  # tokens of the flattery
    assert max(abs(value) for value in values[sentence:]) <= 0.16, "the text says: no token of the answer is above it"
    by_removal = float(re.search(rf"leave-one-out +flattery {SIGNED}", printed(notebook, "walked = attribute("))[1])  # type: ignore[index]
    assert f"{by_removal:+.2f} in all" in prose
    assert by_removal > float(changes["flattery"])


def test_09_says_of_each_button_of_the_probe_what_it_adds() -> None:
    notebook = lesson("09_probe")
    (shown,) = [cell.source for cell in notebook.cells if "explorer.probe(" in cell.source]
    assert "fresh=False" in shown
    (table,) = [cell.source for cell in notebook.cells if "| button |" in cell.source]
    added = {row[0]: row[1] for row in re.findall(r"^\| ([^|]+) \| [^|*]+\*(.+)\* \|$", table, re.M)}
    first = {chip["name"]: chip["texts"][0] for chip in probe_data(fresh=False)["chips"] if "texts" in chip}
    assert added == first


def test_09_says_against_what_flattery_was_measured_because_the_answer_depends_on_it() -> None:
    lines = printed(lesson("09_probe"), "for control, scores in").splitlines()
    ends = [[float(number) for number in re.findall(SIGNED, line)] for line in lines]
    assert [(low > 0, high > 0) for _, low, high in ends] == [(False, False), (True, True), (True, True), (True, True)]


def test_09_keeps_the_smallest_share_of_wrong_answers_on_either_texts() -> None:
    text = printed(lesson("09_probe"), "share of the true effect")
    kept = {name: (int(a), int(b)) for name, a, b in re.findall(r"^(\w+) +(\d+)% +(\d+)%$", text, re.M)}
    assert len(kept) == 6
    assert sum(fresh < taught for taught, fresh in kept.values()) == 5
    assert sum(taught > 100 for taught, _ in kept.values()) == 2
    for texts in (0, 1):
        assert min(kept, key=lambda name, texts=texts: kept[name][texts]) == "wrong"
    assert kept["wrong"] == (83, 46), "the text quotes them"
    assert re.findall(r"all attributes: (\d+)%", text) == ["79", "77"], "the text quotes them"
    text = printed(lesson("09_probe"), "ordered = sorted(effects")
    sentences = [float(effect) for effect in re.findall(rf"^  {SIGNED}", text, re.M)]
    assert sentences[0] == -0.60
    assert "outdone yourself" in text.splitlines()[1]
    assert 0.9 < sentences[1] < 1.4 < sentences[3]


def test_09_gets_the_sign_of_two_single_differences_wrong() -> None:
    text = printed(lesson("09_probe"), "for preset in load_probe_presets")
    rows = {line[:50].strip(): [float(n) for n in re.findall(SIGNED, line)] for line in text.splitlines()[1:]}
    wrong = [(name, i) for name, row in rows.items() for i in (0, 2) if row[i] * row[i + 1] < 0]
    many = "Many words where one was asked for"
    assert wrong == [(many, 0), (many, 2)]
    assert rows["Flattery before a wrong answer"][2:] == [-0.25, -1.0], "the text quotes them"


def test_08_reads_rewardbench_from_a_file_in_its_format() -> None:
    notebook = lesson("08_evaluate")
    assert printed(notebook, "eight = rmlab.read_pairs") == "8 pairs, read as RewardBench\n"
    scores = printed(notebook, "rmlab.rewardbench(")
    assert re.search(r"^overall .* 8 items\)$", scores, re.MULTILINE)
    assert "note: without the subsets" in scores


def test_10_says_what_its_tables_say_of_the_peak_the_law_and_the_remedies() -> None:
    notebook = lesson("10_optimise")
    curve = printed(notebook, "winners that flatter")
    rows = {int(n.replace(",", "")): (float(true), int(share)) for n, true, share in
            re.findall(r"^ *([\d,]+) +\S+ +\S+ +(\S+) +(\d+)%$", curve, re.MULTILINE)}  # fmt: skip
    assert max(rows, key=lambda n: rows[n][0]) == 11
    assert rows[448][0] < rows[1][0], "below where it began"
    assert rows[448][0] < rows[4096][0] < rows[11][0], "recovers a little"
    assert rows[67][1] == 40
    assert rows[448][1] > 90
    law = dict(re.findall(r"^n up to +(\d+)  .* (\d+) +\S+$", printed(notebook, "laws[most] = law"), re.MULTILINE))
    assert law == {"4": "97", "8": "73", "16": "33"}
    by_rule = r"^n up to +(\d+), by the rule below +(\d+) +(\S+)$"
    (found,) = re.findall(by_rule, printed(notebook, "laws[most] = law"), re.MULTILINE)
    assert found == ("21", "16", "0.84")
    models = printed(notebook, "load_scored_replies()")
    rows_of = re.findall(r"^(its twin|the model) +((?:\d\.\d\d +){6})true", models, re.MULTILINE)
    first_and_last = {name: [float(x) for x in row.split()][:: len(row.split()) - 1] for name, row in rows_of}
    assert first_and_last["its twin"] == [0.99, 0.51], "far below where it began"
    assert first_and_last["the model"] == [0.99, 1.39], "stays above its start"
    assert "1.62    1.58    1.39" in models, "falls too"
    remedies = printed(notebook, "for name in list(runs)[1:]")
    table = {row[0]: [float(x) for x in row[1].split()] for row in
             re.findall(r"^([\w, ]+?)  +((?:\d\.\d\d *){6})$", remedies, re.MULTILINE)}  # fmt: skip
    assert len(table) == 5
    assert all(max(row) - row[2] < 0.1 for row in table.values()), "every row is near its best at n = 15"
    assert min(table["cleaner labels"][2:]) > max(row[-1] for name, row in table.items() if name != "cleaner labels")
    for name, above in (("worst of 8", True), ("cleaner labels", True), ("3,000 pairs", False)):
        low, _ = map(float, re.findall(rf"{name} +less .*95%: {SIGNED} to {SIGNED}", remedies)[0])
        assert (low > 0) == above, name


def intervals(text: str) -> list[tuple[float, float]]:
    """Return the intervals that a text gives as "(95%: low to high)"."""
    return [(float(low), float(high)) for low, high in re.findall(r"\(95%: (\S+) to (\S+)\)", text)]


def test_08_shows_a_rule_whose_interval_widens_more_by_question_than_that_of_a_model() -> None:
    notebook = lesson("08_evaluate")
    text = printed(notebook, "longer_wins =")
    model, model_by_question, rule, rule_by_question = (high - low for low, high in intervals(text))
    assert model_by_question == model, "the text says: it stays as it was"
    assert 1.25 < rule_by_question / rule < 1.45, "the text says: by a third"
    for size in re.findall(r"as from (\S+) separate", text)[2:]:
        assert size in notice_after(notebook, "longer_wins =")


def test_08_compares_models_whose_intervals_overlap_and_whose_difference_is_clear() -> None:
    notebook = lesson("08_evaluate")
    text = printed(notebook, "rmlab.compare_models(a, b, clusters=asked)")
    of_a, of_b, of_difference = intervals(text)
    assert of_a[0] < of_b[1] < of_a[1]
    assert of_difference[0] > 0
    only_a, only_b = re.findall(r"right on (\d+)", text)
    assert f"{only_a} to {only_b}" in notice_after(notebook, "rmlab.compare_models(a, b, clusters=asked)")


def test_08_quotes_the_losses_at_the_temperatures_that_it_fits() -> None:
    notebook = lesson("08_evaluate")
    cooled = re.findall(r"log loss \S+ -> (\S+),", printed(notebook, "rmlab.fit_temperature(x[held_out])"))
    assert len(cooled) == 2
    assert all(loss in notice_after(notebook, "rmlab.fit_temperature(x[held_out])") for loss in cooled)
    printed_losses = printed(notebook, "mean |difference|")
    assert float(re.search(r"over-trained .* to \S+\) +(\S+)", printed_losses)[1]) > 0.693  # type: ignore[index]


def test_08_has_no_more_to_learn_where_accuracy_is_lowest_and_least_where_the_ceiling_is_highest() -> None:
    rows = re.findall(r"^(\w+) +\d+ +\S+ +(\S+) +(\S+) +(\S+)$", printed(lesson("08_evaluate"), "best possible"), re.M)
    accuracy, ceiling, below = ({row[0]: float(row[i]) for row in rows} for i in (1, 2, 3))
    assert 0.035 < below.pop("all") < 0.045
    assert min(accuracy, key=accuracy.__getitem__) == min(ceiling, key=ceiling.__getitem__) == "brief"
    assert max(ceiling, key=ceiling.__getitem__) == min(below, key=below.__getitem__) == "harmful"
    assert abs(below["brief"] - below["uncertain"]) < 0.005
    assert 0.055 < below["uncertain"] < 0.065
