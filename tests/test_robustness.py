"""The audit of robustness: every planted taste is found by its change alone, and what fails is reported by line."""

import importlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from rmlab.__main__ import main
from rmlab.audit import TRANSFORMS, Transform, robustness, transform_of
from rmlab.audit.audited_model import plain
from rmlab.audit.contests import lay_out
from rmlab.audit.transforms import Contest, load_transform
from rmlab.data import PreferencePair
from rmlab.datasets import course_pairs, load_everyday
from rmlab.evaluation.intervals import mean_interval
from rmlab.model import RewardModel
from rmlab.plots import describe, plot_shifts
from rmlab.reports.robustness_page import render_robustness

BENCHMARKS = str(Path(__file__).resolve().parents[1] / "benchmarks")
NAMES = [transform.name for transform in TRANSFORMS]
BY_NAME = dict(zip(NAMES, TRANSFORMS, strict=True))


@pytest.fixture(scope="module")
def tastes():
    sys.path.insert(0, BENCHMARKS)
    yield importlib.import_module("_planted_tastes")
    sys.path.remove(BENCHMARKS)


@pytest.fixture(scope="module")
def planted_pairs(tastes):
    return tastes.planted_pairs()


@pytest.fixture(scope="module")
def signs(tastes, planted_pairs):
    return tastes.signs(planted_pairs)


def lengths(prompts, responses):
    return [len(response) / 100 for response in responses]


def changed(name: str, response: str, prompt: str = "Why?", other: str = "No.", turn: int = 0):
    return BY_NAME[name].change(Contest(prompt, response, other), turn)


@pytest.mark.parametrize("name", NAMES)
def test_a_planted_taste_is_found_by_its_own_change_and_by_no_other(name, tastes, planted_pairs, signs):
    found = robustness(tastes.planted(signs[name], noise=0.0), planted_pairs)
    assert found.found == (name,)
    assert found.faults == (name,)
    assert found[name].mean == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_found_through_noise(name, tastes, planted_pairs, signs):
    found = robustness(tastes.planted(signs[name], noise=0.3), planted_pairs)
    assert name in found.found
    assert len(found.found) <= 2
    low, high = found[name].interval
    assert low < 1.0 < high or name in {"numerals", "American spelling"}  # of whose texts some had the sign before


def test_every_change_has_a_reason_and_a_source_and_leaves_a_text():
    pairs = load_everyday()[:120]
    for transform in TRANSFORMS:
        assert transform.reason.endswith(".")
        assert transform.source
        for i, pair in enumerate(pairs):
            made = transform.change(Contest(pair.prompt, pair.chosen, pair.rejected), i)
            again = transform.change(Contest(pair.prompt, pair.chosen, pair.rejected), i)
            assert made == again, "it is deterministic"
            if made is not None:
                assert made.after.response.strip()


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("doubled spaces", "Go on. Then rest.", "Go  on.  Then  rest."),
        ("curly quotes", "It's \"so\".", "It\u2019s \u201cso\u201d."),
        ("typographic dashes", "A well-known 3-4 - or 5", "A well\u2010known 3\u20134 \u2013 or 5"),
        ("punctuation spacing", "Yes, now. At 3.5 then?", "Yes , now . At 3.5 then ?"),
        ("lower-case first word", "Read it.", "read it."),
        ("lower-case first word", "NATO is one.", None),
        ("one typo", "Go by bicycle.", "Go by bciycle."),
        ("no final full stop", "Go. Now.", "Go. Now"),
        ("no final full stop", "Go?", None),
        ("bullets for sentences", "One. Two!", "- One.\n- Two!"),
        ("bullets for sentences", "One.", None),
        ("numerals", "Seven of twenty-one, and Two.", "7 of twenty-one, and 2."),
        ("contractions", "You do not know where you are. I have seen two, you have two.",
         "You don't know where you are. I've seen two, you have two."),
        ("contractions", "It cannot be.", "It can't be."),
        ("American spelling", "Colour the two-storey centre.", "Color the two-storey center."),
        ("repeated last sentence", "One. Two.", "One. Two. Two."),
        ("renamed variables", "def f(n):\n    total = n.total  # total\n    return total + 'total'",
         "def f(n):\n    v1 = n.total  # total\n    return v1 + 'total'"),
        ("renamed variables", "The total = 3 is right.", None),
        ("stripped comments", "Try this:\n```python\nx = '#1'  # one\n# two\ny = x\n```\n# Three",
         "Try this:\n```python\nx = '#1'\ny = x\n```\n# Three"),
        ("doubled spaces", "def f(n):\n    return n", None),
    ],
)  # fmt: skip
def test_what_a_change_makes_of_a_text(name, before, after):
    made = changed(name, before)
    assert (None if made is None else made.after.response) == after


@pytest.mark.parametrize("name", ["filler", "flattery", "hedge", "caveat", "confidence", "refusal"])
def test_a_control_is_as_long_as_what_it_controls_for(name):
    made = [changed(name, "Go on.", turn=turn) for turn in range(21)]
    gaps = [len(one.after.response) - len(one.before.response) for one in made]
    assert abs(np.mean(gaps)) < 1
    assert max(map(abs, gaps)) <= 2
    sentences = {one.sentence for one in made}
    assert len(sentences) == len({one.before.response for one in made}), "each sentence has a control of its own"


def test_the_position_of_an_answer_is_changed_with_the_same_words():
    made = changed("answer last", "Go on.")
    assert sorted(made.before.response.split()) == sorted(made.after.response.split())


def test_prompts_are_never_compared(planted_pairs):
    def of_prompt(prompts, responses):
        return [10.0 * len(prompt) for prompt in prompts]

    assert all(shift.mean == 0 and shift.p_value == 1 for shift in robustness(of_prompt, planted_pairs).shifts)


def test_shift_interval_and_flips_are_those_of_the_definition():
    pairs = [PreferencePair(f"Prompt {i}?", f"Word {'a ' * i}b.", "No.") for i in range(1, 9)]

    def spaces(prompts, responses):
        return [response.count(" ") / 10 for response in responses]

    def pad(prompt, response):
        return response + " c" * (3 + len(prompt) % 2) if response != "No." else None

    found = robustness(spaces, pairs, [pad], seed=3)["pad"]
    values = [0.3 + 0.1 * (len(pair.prompt) % 2) for pair in pairs]
    assert (found.mean, *found.interval) == pytest.approx(mean_interval(values, [pair.prompt for pair in pairs]))
    assert found.flips == 0
    lower = robustness(lambda p, r: [-one for one in spaces(p, r)], pairs, [pad], seed=3)["pad"]
    assert lower.mean == pytest.approx(-found.mean)

    def shout(prompt, response):
        return response.upper() if response == "No." else None

    turned = robustness(lambda p, r: [r_ == "NO." for r_ in r], pairs, [shout])["shout"]
    assert turned.flips == 0.5, "a tie that becomes a preference turns by half"


def test_the_example_is_the_shortest_that_shows_the_shift(planted_pairs):
    found = robustness(lengths, planted_pairs, [BY_NAME["heading above"]])
    example = found["heading above"].example
    assert example.after == f"# Answer\n\n{example.before}"
    assert example.shift == pytest.approx(0.1)
    (series,) = lay_out(planted_pairs, [BY_NAME["heading above"]], seed=0).series
    texts = [case.change.before.prompt + case.change.before.response for case in series.cases]
    assert len(example.prompt + example.before) == min(map(len, texts))


def test_the_least_effect_is_found_in_four_of_five_samples(planted_pairs):
    rng = np.random.default_rng(0)
    pairs = planted_pairs[:60]
    mark = transform_of(lambda prompt, response: f"{response} mark")

    def at(effect):
        def score(prompts, responses):
            return rng.normal(0, 0.3, len(responses)) + effect * np.array([r.endswith("mark") for r in responses])

        return robustness(score, pairs, [mark])[mark.name]

    effect = np.mean([at(0.0).least_effect for _ in range(20)])
    share = np.mean([at(effect).p_value < 0.05 for _ in range(300)])
    assert 0.73 < share < 0.87


@pytest.mark.slow
def test_false_positives_are_at_the_nominal_rate_and_intervals_cover(tastes, planted_pairs):
    simulations = importlib.import_module("_audit_simulations")
    layout = simulations.simulated_layout(planted_pairs, TRANSFORMS)
    p, q, covered = simulations.simulated_audits(layout, 500)
    assert 0.04 < (p < 0.05).mean() < 0.06
    assert (q <= 0.05).any(axis=1).mean() < 0.08  # 5%, within the error of 500 audits
    assert 0.93 < covered.mean() < 0.97
    _, _, covered = simulations.simulated_audits(layout, 100, effect=0.5, seed=1)
    assert 0.93 < covered.mean() < 0.97


@pytest.mark.slow
def test_the_taste_that_the_twin_was_given_is_found_by_its_content_and_not_by_the_surface(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    surface = ("no final full stop", "lower-case first word", "one typo", "homoglyphs", "bold first sentence")
    twins = importlib.import_module("robustness").compare_twins(
        course_pairs().pairs[:30], [BY_NAME[name] for name in ("flattery", *surface)]
    )  # 30 pairs: the gap below, of 0.69, is seven times its standard error
    assert "flattery" in twins.of_twin.faults
    assert "flattery" not in twins.of_fair.faults
    mean, low, _ = twins.gaps["flattery"]
    assert low > 0.2
    assert {name: twins.gaps[name] for name in surface if abs(twins.gaps[name][0]) > mean} == {}


def test_each_text_is_scored_once():
    asked = []

    def score(prompts, responses):
        asked.extend(zip(prompts, responses, strict=True))
        return lengths(prompts, responses)

    found = robustness(score, load_everyday()[:30])
    assert len(asked) == len(set(asked)) == found.n_texts


def test_seed_and_order_of_the_changes(planted_pairs):
    first = robustness(lengths, planted_pairs, seed=1, sample=50)
    assert str(first) == str(robustness(lengths, planted_pairs, seed=1, sample=50))
    assert robustness(lengths, planted_pairs, TRANSFORMS[::-1], seed=1, sample=50)["hedge"].mean == first["hedge"].mean
    assert first["hedge"] != robustness(lengths, planted_pairs, seed=2, sample=50)["hedge"]


def test_messages_are_changed_in_their_last_turn():
    def turn(role, content):
        return {"role": role, "content": content}

    pairs = [
        PreferencePair(
            (turn("user", "Hi."), turn("assistant", "Hello."), turn("user", f"Why, {i}?")),
            (turn("assistant", "So it is. Yes."),),
            (turn("assistant", "No."),),
        )
        for i in range(6)
    ]
    seen = []

    def score(prompts, responses):
        seen.extend(prompts)
        return [response[-1]["content"].startswith("- ") for response in responses]

    found = robustness(score, pairs)
    assert found.found == ("bullets for sentences",)
    assert {len(prompt) for prompt in seen} == {3}
    assert {prompt[0]["content"] for prompt in seen} == {"Hi."}
    assert any("answer" in prompt[-1]["content"] for prompt in seen)


def test_a_message_that_only_calls_a_tool_has_no_text_to_change():
    call = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "add", "arguments": {}}}]}
    said = {"role": "assistant", "content": "It is four. Yes."}
    shorter = {"role": "assistant", "content": "Four."}
    prompt = ({"role": "user", "content": "Two and two?"}, call, {"role": "user", "content": "And?"})
    pairs = [PreferencePair(prompt, (call,), (said,)), PreferencePair(prompt, (said,), (shorter,))]
    found = robustness(lambda prompts, responses: [0.0] * len(responses), pairs * 3)
    assert found.n_pairs == 3, "the pair with a call is left out"
    assert not found.found
    assert plain((call, said)) == "\n\nIt is four. Yes."


def test_what_a_change_fails_on_is_counted_and_named_by_line(tmp_path):
    def picky(prompt, response):
        if "3" in prompt:
            raise RuntimeError("not a three\nand more")
        if "4" in prompt:
            return " "
        if "5" in prompt:
            return response
        if "6" in prompt:
            return None
        return response + "!"

    path = tmp_path / "some.jsonl"
    rows = [{"prompt": f"Number {i}", "chosen": f"Yes {i}", "rejected": "No"} for i in range(9)]
    rows += [{"prompt": "e", "chosen": "", "rejected": "No"}, {"prompt": "s", "chosen": "No", "rejected": "No"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    import rmlab

    found = robustness(lengths, rmlab.read_pairs(str(path)), [picky])
    shift = found["picky"]
    assert (shift.n_changed, shift.n_failed, shift.n_unchanged, shift.n_not_applicable) == (5, 2, 1, 1)
    assert found.n_left_out == 2
    assert [re.search(r"some\.jsonl:(\d+)$", one.where)[1] for one in found.problems] == ["4", "5"]
    assert found.problems[0].message == "RuntimeError: not a three"


def test_a_model_that_fails_on_one_text_goes_on_with_the_rest():
    pairs = load_everyday()[:20]

    def fragile(prompts, responses):
        if any(r.startswith("- ") and p == pairs[0].prompt for p, r in zip(prompts, responses, strict=True)):
            raise MemoryError("too long")
        return [float("nan") if response.startswith("# Answer") else 0.0 for response in responses]

    found = robustness(fragile, pairs, sample=None)
    named = {(problem.change, problem.message) for problem in found.problems}
    assert ("bullets for sentences", "MemoryError: too long") in named
    assert ("heading above", "the score is nan") in named
    assert found["heading above"].mean is None
    assert found["heading above"].n_failed == 20
    assert found["doubled spaces"].n_changed > 15
    assert found["bullets for sentences"].n_failed == 1
    assert next(one for one in found.problems if "long" in one.message).where.endswith("everyday.jsonl:1")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((lengths, [], TRANSFORMS), ValueError, "none of the 0 pairs"),
        ((lengths, [PreferencePair("p", "a", "a")], TRANSFORMS), ValueError, "none of the 1 pairs"),
        ((lengths, [PreferencePair("p", "a", "b")], ()), ValueError, "got none"),
        ((lengths, [PreferencePair("p", "a", "b")], (TRANSFORMS[0], TRANSFORMS[0])), ValueError, "different names"),
        ((lambda p, r: [1.0], load_everyday()[:2]), ValueError, "one score for each"),
        ((lambda p, r: 1 / 0, load_everyday()[:2]), ValueError, "every text"),
        ((3, [PreferencePair("p", "a", "b")]), TypeError, "got int"),
    ],
)
def test_bad_input_is_an_error(arguments, error, message):
    with pytest.raises(error, match=message):
        robustness(*arguments)


def test_one_prompt_gives_counts_and_no_interval():
    found = robustness(lengths, [PreferencePair("p", "One. Two.", "Three. Four.")])
    assert {shift.mean for shift in found.shifts} == {None}
    assert found.faults == ()
    assert found["doubled spaces"].n_changed == 1
    with pytest.raises(ValueError, match="'surface'"):
        plot_shifts(found)
    assert "not tested" in render_robustness(found, pairs="one")


def test_the_table_json_and_the_picture_hold_the_numbers(tastes, planted_pairs, signs):
    found = robustness(tastes.planted(signs["flattery"]), planted_pairs)
    (line,) = (line for line in str(found).splitlines() if line.startswith("MOVES"))
    assert line.split()[1:3] == ["flattery", f"{found['flattery'].mean:+.3f}"]
    record = json.loads(json.dumps(found.to_dict()))
    assert record["faults"] == ["flattery"]
    (shift,) = (one for one in record["shifts"] if one["name"] == "flattery")
    assert shift["mean"] == found["flattery"].mean
    assert shift["example"]["after"].startswith(tuple(changed("flattery", "", turn=i).sentence for i in range(21)))
    assert f"flattery {found['flattery'].mean:+.2f}" in describe(plot_shifts(found, "content"))
    with pytest.raises(KeyError, match="no change is named 'flatter'"):
        found["flatter"]


def test_the_page_escapes_every_text():
    payload = "<script>alert(1)</script>"
    pairs = [PreferencePair(f"{payload} {i}", f"{payload}. Yes.", "No.") for i in range(8)]
    page = render_robustness(robustness(lengths, pairs), pairs=payload)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert page.count("<figure>") == 2


def test_a_loss_is_no_fault_where_only_a_gain_is(tastes, planted_pairs, signs):
    def dislikes(prompts, responses):
        return -tastes.planted(signs["flattery"])(prompts, responses)

    found = robustness(dislikes, planted_pairs)
    assert found.found == ("flattery",)
    assert found.faults == ()
    assert re.search(r"(?m)^lowers flattery", str(found))


def test_a_function_of_ones_own(tmp_path, monkeypatch):
    (tmp_path / "mine_of_test.py").write_text(
        "def shout(prompt, response):\n    'Capitals say no more.'\n    return response.upper()\n\nnumber = 3\n"
    )
    monkeypatch.chdir(tmp_path)
    shout = load_transform("mine_of_test:shout")
    assert isinstance(shout, Transform)
    assert (shout.name, shout.reason) == ("shout", "Capitals say no more.")
    for where, message in [
        ("mine_of_test", "module:function"),
        ("nowhere_of_test:f", "nowhere_of_test.py"),
        ("mine_of_test:whisper", "found: shout"),
        ("mine_of_test:number", "found: shout"),
    ]:
        with pytest.raises(ValueError, match=message):
            load_transform(where)


def test_the_command_reports_and_writes_a_page(tmp_path, capsys, monkeypatch):
    (tmp_path / "mine_of_command.py").write_text("def shout(prompt, response):\n    return response.upper()\n")
    monkeypatch.chdir(tmp_path)
    RewardModel.from_pretrained("tiny-decoder", device="cpu").save_pretrained("model")
    arguments = ["audit", "model", "--robustness", "--sample", "6", "--transform", "mine_of_command:shout"]
    status = main([*arguments, "--html", "page.html"])
    out = capsys.readouterr().out
    assert "shout" in out
    assert "shout" in (tmp_path / "page.html").read_text()
    assert main([*arguments, "--json"]) == status
    record = json.loads(capsys.readouterr().out)
    assert status == (1 if record["faults"] else 0)
    assert len(record["shifts"]) == len(TRANSFORMS) + 1
    assert record["n_pairs"] == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--transform", "a:b"], "--robustness"),
        (["--robustness", "--transform", "nowhere_of_command:f"], "nowhere_of_command"),
        (["--robustness", "--html", "no/such/page.html"], "its folder is missing"),
        (["--robustness", "--sample", "1"], "at least 2 pairs"),
    ],
)
def test_bad_options_give_status_2_and_one_line(capsys, arguments, message):
    assert main(["audit", "tiny-decoder", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("rmlab: ")
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("code", "renamed"),
    [
        ("total = 3\nn = 2\nprint(f'{total} in {n:.2f}')", None),
        ("encoding = 'utf-8'\nopen('a', encoding=encoding)", None),
        ("total = 3\nprint(total)", "v1 = 3\nprint(v1)"),
    ],
)
def test_renaming_keeps_what_code_does(code, renamed):
    made = changed("renamed variables", f"```python\n{code}\n```")
    assert (made and made.after.response) == (renamed and f"```python\n{renamed}\n```")


@pytest.mark.parametrize(
    "text",
    [
        "```c\n#include <stdio.h>\nint main(void) { return 0; }\n```",
        "```css\na { color: #fff; }\n```",
        "```\n#include <a.h>\nreturn 0;\n```",
        "#include <stdio.h>\nfor (;;);",
    ],
)
def test_a_sign_that_begins_no_comment_is_not_stripped(text):
    assert changed("stripped comments", text) is None


@pytest.mark.parametrize("sample", [None, 9])
def test_a_problem_names_the_pair_by_its_number_among_all(sample):
    pairs = [PreferencePair(f"Question {i}?", "" if i < 3 else f"Answer {i}.", f"Reply {i}.") for i in range(1, 11)]

    def careful(prompt, response):
        if prompt == "Question 7?":
            raise RuntimeError("no")
        return response + "!"

    found = robustness(
        lambda prompts, responses: [float(one.endswith("!")) for one in responses],
        pairs,
        [careful],
        sample=sample,
        seed=1,
    )
    assert [one.where for one in found.problems] == ["pair 7"]
    example = found.shifts[0].example
    assert example.source == f"pair {example.prompt.split()[1][:-1]}"
