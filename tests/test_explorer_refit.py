"""Judging and refitting in a page: the same sessions, fits and files as in Python, under Node."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_explorer_scripts import node

from rmlab.bradley_terry import fit_linear_reward
from rmlab.data import PreferencePair, read_pairs
from rmlab.explorer.judge_columns import MOST_QUESTIONS, judge_columns
from rmlab.labels import Judgement, LabelStore, ask, export_pairs, fit_rewarded, import_pairs, traits_of
from rmlab.labels.desk import Desk
from rmlab.labels.guesses import GUESS_AFTER, Guesses
from rmlab.labels.judgements import standing
from rmlab.labels.sessions import GAP, REPEAT, Session
from rmlab.preference import preference_probability
from rmlab.simulate.replies import FAIR, simulate_reply_pairs

PAIRS = simulate_reply_pairs(80, seed=3).pairs
QUESTIONS = ask(PAIRS)
TRAITS = traits_of(QUESTIONS)
COLUMNS = judge_columns(PAIRS)

# A rater who sits at the desk of a page, and says one verdict after another.
SIT = """
import { labelsFile, openDesk } from "./judge/desk.js";
import { keptUnder } from "./judge/kept.js";
function held(full) {
  const items = new Map();
  return {
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, value) => { if (full) throw new Error("QuotaExceededError"); items.set(name, value); },
    removeItem: (name) => items.delete(name),
  };
}
let clicks = 0;
async function sit(desk, verdicts, session) {
  const views = [await desk.ask("join")];
  for (const verdict of verdicts) {
    const view = views.at(-1);
    const showing = verdict === "undo" ? view.undo : view.showing.number;
    clicks += 1;
    const { session, position } = view;
    views.push(await desk.ask("judge", { session, verdict, showing, position, key: `key-${clicks}`, seconds: 1 }));
  }
  return views;
}
"""


def entries_of(kept: dict[str, Any]) -> list[Judgement]:
    """Judgements as a page keeps them: each must be one that a store takes."""
    return [Judgement(**one) for one in kept["entries"]]


# The fit


@pytest.mark.parametrize(
    ("n", "width", "variance"), [(40, 384, 1.0), (384, 40, 1.0), (60, 60, 4.0), (1, 7, 0.5), (200, 12, 100.0)]
)
def test_the_fit_is_that_of_python(n: int, width: int, variance: float) -> None:
    rng = np.random.default_rng(n)
    rows = rng.normal(size=(n, width)) * 0.3
    rows[n // 2 :] = -rows[: n - n // 2]  # as ties are: the rows do not span n dimensions
    times = rng.uniform(0.1, 2, n)
    asked = rng.normal(size=(3, width))
    source = (
        'import { fitLinearReward } from "./judge/linear_reward.js";\n'
        "function main() { const { rows, times, asked, priorVariance } = given;"
        "const fit = fitLinearReward(rows, { times, priorVariance });"
        "give({ weights: [...fit.weights], loss: fit.logLoss, errors: fit.standardErrors(),"
        " later: fit.standardErrors(3), asked: asked.map(fit.difference) }); }\n"
    )
    given = {"rows": rows.tolist(), "times": times.tolist(), "asked": asked.tolist(), "priorVariance": variance}
    found = node(source, given)
    wanted = fit_linear_reward(rows, prior_variance=variance, multiplicities=times)
    np.testing.assert_allclose(found["weights"], wanted.weights, atol=1e-6, rtol=0)
    assert found["loss"] == pytest.approx(wanted.log_loss, abs=1e-8)
    np.testing.assert_allclose(found["errors"], wanted.standard_errors, rtol=1e-6)
    np.testing.assert_allclose(found["later"], np.sqrt(np.diag(wanted.covariance_after(3))), rtol=1e-6)
    for one, d in zip(found["asked"], asked, strict=True):
        assert one["value"] == pytest.approx(float(d @ wanted.weights), abs=1e-6)
        assert one["error"] == pytest.approx(math.sqrt(d @ wanted.covariance @ d), rel=1e-6)


def test_a_fit_to_differences_far_apart_converges() -> None:
    rows = np.random.default_rng(0).normal(size=(30, 20)) * 200  # P is 0 or 1 wherever a full step lands
    source = (
        'import { fitLinearReward } from "./judge/linear_reward.js";\n'
        "function main() { give([...fitLinearReward(given, { priorVariance: 100 }).weights]); }\n"
    )
    wanted = fit_linear_reward(rows, prior_variance=100.0).weights
    np.testing.assert_allclose(node(source, rows.tolist()), wanted, atol=1e-6)


@pytest.mark.parametrize("rows", [[], [[1.0], [1.0, 2.0]], [[None]]])
def test_what_cannot_be_fitted_is_refused(rows: Any) -> None:
    source = (
        'import { fitLinearReward } from "./judge/linear_reward.js";\n'
        "function main() { try { fitLinearReward(given); give('fitted'); } catch (error) { give(error.message); } }\n"
    )
    assert "finite numbers" in node(source, rows)


# The session


def test_the_page_shows_what_a_server_shows() -> None:
    with LabelStore(":memory:") as store:
        desk = Desk(store, QUESTIONS, TRAITS, rule=None, goal=40)
        wanted = desk.view(desk.sit("me"))
    source = SIT + "async function main() { give((await sit(openDesk(given, keptUnder('k', held())), [])).at(-1)); }\n"
    found = node(source, COLUMNS)
    assert set(found) == {*wanted, "guessedBy"}
    same = ("rater", "position", "judged", "goal", "seconds", "undo", "vanished", "guessAfter", "guess", "rewarded")
    assert {name: found[name] for name in same} == {name: wanted[name] for name in same}
    shown = {found["showing"][name] for name in ("left", "right")}
    prompt = found["showing"]["prompt"]
    texts = [{one["first"], one["second"]} for one in COLUMNS["questions"] if one["prompt"] == prompt]
    assert shown in texts


def test_one_in_ten_comes_back_swapped_and_sides_are_drawn() -> None:
    source = (
        SIT
        + """
async function main() {
  const kept = keptUnder("k", held());
  await sit(openDesk(given, kept), Array(80).fill("left"));
  give(kept.read());
}
"""
    )
    entries = entries_of(node(source, COLUMNS))
    first = {entry.pair: entry for entry in entries if entry.rule == "random"}
    back = [entry for entry in entries if entry.rule == REPEAT]
    assert 6 <= len(back) <= 8  # of 80 showings, one in each 11
    assert len({entry.pair for entry in back}) == len(back)
    for entry in back:
        assert entry.swapped != first[entry.pair].swapped
        assert entry.showing - first[entry.pair].showing > GAP
    assert len(first) == len(entries) - len(back)
    assert 20 <= sum(entry.swapped for entry in first.values()) <= 52


def test_a_session_goes_on_where_it_stopped_and_an_undone_pair_comes_again() -> None:
    source = (
        SIT
        + """
async function main() {
  const storage = held();
  const one = await sit(openDesk(given, keptUnder("k", storage)), ["left", "right", "tie", "skip", "left"]);
  const again = openDesk(given, keptUnder("k", storage));
  const [seen] = await sit(again, []);
  const [, undone, twice] = await sit(again, ["undo", "undo"]);
  const stands = again.stands().map((entry) => entry.verdict);
  again.forget();
  const [anew] = await sit(again, []);
  give({ before: one.slice(-3), seen, undone, twice, stands, anew });
}
"""
    )
    found = node(source, COLUMNS)
    assert found["seen"] == found["before"][-1]
    assert found["undone"]["showing"] == found["before"][1]["showing"]
    assert found["twice"]["showing"] == found["before"][0]["showing"]
    assert (found["undone"]["judged"], found["twice"]["judged"], found["stands"]) == (4, 3, ["left", "right", "tie"])
    assert found["anew"]["judged"] == 0
    assert found["anew"]["session"] != found["seen"]["session"]


def test_clicks_are_counted_once_and_what_does_not_fit_is_refused() -> None:
    source = (
        SIT
        + """
async function main() {
  const storage = held();
  const desk = openDesk(given, keptUnder("k", storage));
  const { session } = await desk.ask("join");
  const said = { session, verdict: "left", showing: 1, position: 1, key: "a", seconds: 2e9 };
  const next = { ...said, position: 2, showing: 2 };
  const tried = [said, said, { ...said, key: "b" }, { ...said, key: "c", position: 2 },
    { ...next, key: "d", verdict: "best" }, { ...next, key: "e", verdict: "undo" },
    { ...next, key: "f", session: "other" }, { ...next, key: "g", position: "2" }];
  const statuses = [];
  const told = (status) => statuses.push(status);
  for (const one of tried) await desk.ask("judge", one).then(() => told(200), (failure) => told(failure.status));
  give({ statuses, kept: keptUnder("k", storage).read() });
}
"""
    )
    found = node(source, COLUMNS)
    assert found["statuses"] == [200, 200, 409, 422, 422, 422, 409, 422]
    (entry,) = entries_of(found["kept"])
    assert (entry.key, entry.seconds) == ("a", 1e6)


def test_where_the_browser_keeps_nothing_the_page_does() -> None:
    source = (
        SIT
        + """
async function main() {
  const found = [];
  for (const storage of [held(true), null, held()]) {
    const kept = keptUnder("k", storage);
    const desk = openDesk(given, kept);
    const views = await sit(desk, ["left", "right"]);
    found.push([views.at(-1).judged, desk.lasting()]);
  }
  give(found);
}
"""
    )
    assert node(source, COLUMNS) == [[2, False], [2, False], [2, True]]


@pytest.mark.parametrize(
    "damaged",
    [
        "{", "null", "[]", '{"session": "s"}', '{"session": 1, "entries": []}', '{"session": "s", "entries": [null]}',
        '{"session": "s", "entries": [{"pair": "p", "showing": "first"}]}',
    ],
)  # fmt: skip
def test_what_is_damaged_in_the_browser_begins_anew(damaged: str) -> None:
    source = (
        SIT
        + """
async function main() {
  const storage = held();
  storage.setItem("rmlab-labels-k", given.damaged);
  const views = await sit(openDesk(given.columns, keptUnder("k", storage)), ["left"]);
  give(views.map((view) => view.judged));
}
"""
    )
    assert node(source, {"columns": COLUMNS, "damaged": damaged}) == [0, 1]


# What is said of the labels


def judged(seed: int, n: int) -> list[Judgement]:
    """Judgements of the fair judge, some of them ties and skips."""
    rng = np.random.default_rng(seed)
    entries = []
    for i, place in enumerate(rng.permutation(len(QUESTIONS))[:n], start=1):
        swapped = bool(rng.integers(2))
        d = float(TRAITS.differences[place] @ FAIR.vector * QUESTIONS.signs()[place]) * (-1 if swapped else 1)
        verdict: Any = ["tie", "skip"][int(rng.integers(2))] if rng.random() < 0.2 else "left" if d > 0 else "right"
        entries.append(
            Judgement("s", i, f"k{i}", i, "me", QUESTIONS.ids[place], swapped, verdict, 1.0, "random", "2026-01-01")
        )
    return entries


@pytest.mark.parametrize("n", [1, 5, 40, 70])
def test_what_is_rewarded_and_guessed_is_that_of_python(n: int) -> None:
    entries = judged(n, n)
    wanted = fit_rewarded(entries, QUESTIONS, TRAITS.differences, TRAITS.names)
    source = """
import { fitRewarded } from "./judge/rewarded.js";
import { guesses } from "./judge/guesses.js";
function main() {
  const { columns, entries } = given;
  const questions = { places: new Map(columns.questions.map(({ id }, place) => [id, place])), traits: columns.traits };
  const found = fitRewarded(entries, questions);
  const keeper = guesses((before, entry) => fitRewarded(before, questions)?.probabilityLeft(entry) ?? 0.5);
  give({ ...found, moreForHalf: found.moreForHalf(), score: keeper.score(entries) });
}
"""
    kept = [{name: getattr(entry, name) for name in entry.__slots__} for entry in entries]
    found = node(source, {"columns": COLUMNS, "entries": kept})
    assert (found["labels"], found["moreForHalf"]) == (wanted.n_labels, wanted.more_for_half)
    for one, other in zip(found["weights"], wanted.weights, strict=True):
        assert (one["attribute"], one["n_pairs"], one["clear"]) == (other.attribute, other.n_pairs, other.clear)
        for name in ("value", "lower", "upper"):
            assert one[name] == pytest.approx(getattr(other, name), abs=1e-5)
    with LabelStore(":memory:") as store:
        store.append(*entries)
        score = Guesses(QUESTIONS, TRAITS).score(Session(store, QUESTIONS, "me", name="s"))
    if score is None:
        assert (found["score"], n <= GUESS_AFTER) == (None, True)
        return
    for name in ("n", "n_right", "last_right"):
        assert found["score"][name] == getattr(score, name)
    for name in ("expected_right", "log_loss", "last_left"):
        assert found["score"][name] == pytest.approx(getattr(score, name), abs=1e-5)


@pytest.mark.parametrize("last", ["left", "right"])
def test_a_guess_of_exactly_one_half_is_half_right(last: Any) -> None:
    """After nothing but skips, no side is more probable."""
    verdicts: list[Any] = ["skip"] * GUESS_AFTER + ["left", last]
    entries = [
        Judgement("s", i, f"k{i}", i, "me", QUESTIONS.ids[i], False, verdict, 1.0, "random", "2026-01-01")
        for i, verdict in enumerate(verdicts, start=1)
    ]
    with LabelStore(":memory:") as store:
        store.append(*entries[:-1])
        score = Guesses(QUESTIONS, TRAITS).score(Session(store, QUESTIONS, "me", name="s"))
    assert score is not None
    assert (score.n, score.n_right, score.expected_right, score.last_left, score.last_right) == (1, 0.5, 0.5, 0.5, 0.5)
    source = """
import { guesses } from "./judge/guesses.js";
import { guessWords } from "./judge/rater.js";
function main() {
  const said = (guess, n = given.length) => guesses(guess).score(given.slice(0, n));
  const twin = said(() => 0.5, given.length - 1);
  const inWords = (guess) => guessWords({ guess, guessAfter: 20, judged: 30 });
  const words = [twin, said(() => 0.75), said(() => 0.25)].map(inWords);
  give({ twin, words });
}
"""
    kept = [{name: getattr(entry, name) for name in entry.__slots__} for entry in entries]
    found = node(source, kept)
    assert found["twin"] == {name: pytest.approx(getattr(score, name)) for name in score.__slots__}
    half, left, right = found["words"]
    assert "half right" in half
    assert "0.5 of 1 right" in half
    assert not re.search(r"said (left|right)|so did you", half)
    assert ("so did you" in left, "so did you" in right) == (last == "left", last == "right")


MESSAGES = [
    PreferencePair(
        ({"role": "user", "content": f"question {i}"},),
        ({"role": "assistant", "content": f"one {i}"},),
        ({"role": "assistant", "content": f"another {i}"},),
        group="chat",
        weight=2.5,
        margin=1.0,
    )
    for i in range(12)
]


@pytest.mark.parametrize("pairs", [PAIRS, MESSAGES], ids=["texts", "messages"])
def test_the_file_of_labels_is_read_and_imported(pairs: Any, tmp_path: Path) -> None:
    columns = judge_columns(pairs)
    source = (
        SIT
        + """
async function main() {
  const kept = keptUnder("k", held());
  const desk = openDesk(given, kept);
  await sit(desk, ["left", "right", "tie", "skip", "left", "undo", "right", "tie", "right"]);
  give({ file: labelsFile(desk.stands(), { places: desk.places, questions: given.questions }), kept: kept.read() });
}
"""
    )
    found = node(source, columns)
    path = tmp_path / "labels.jsonl"
    path.write_text(found["file"], encoding="utf-8")
    labels = read_pairs(path)
    stands = [entry for entry in standing(entries_of(found["kept"])) if entry.preferred is not None]
    assert len(labels) == len(stands) == 6
    with LabelStore(":memory:") as store:
        assert import_pairs(store, labels, rater="me") == (6, 0)
        imported = standing(store.judgements())
    for one, other in zip(imported, stands, strict=True):
        assert (one.pair, one.preferred, one.swapped) == (other.pair, other.preferred, other.swapped)
    exported, _ = export_pairs(stands, ask(pairs))
    assert list(labels) == list(exported)
    assert {(pair.weight, pair.margin) for pair in labels} == {(1.0, None)}  # those of an earlier judgement
    assert [pair.group for pair in labels] == [
        ask(pairs).pairs[ask(pairs).places[entry.pair]].group for entry in stands
    ]


def test_of_many_pairs_a_page_carries_some() -> None:
    many = [PreferencePair(f"question {i}", f"one {i}", f"two {i}") for i in range(MOST_QUESTIONS + 50)]
    columns = judge_columns(many, goal=1000)
    assert len(columns["questions"]) == len(columns["traits"]["differences"]) == columns["goal"] == MOST_QUESTIONS
    assert columns["key"] != judge_columns(many[:20])["key"]
    assert json.loads(json.dumps(columns)) == columns


# The reader's own head


def test_the_own_head_stays_the_second_needle_where_the_same_texts_are_answered_again() -> None:
    source = """
import { createStore, localModel } from "./core/store.js";
import { OWN_HEAD } from "./judge/own_head.js";
import { ownNeedle } from "./judge/own_needle.js";
const settled = () => new Promise((go) => setTimeout(go, 5));
async function main() {
  let read = 0;
  const client = { features: async (items) => { read += 1; return items.map(({ response }) => [response.length]); } };
  const head = {
    on: () => () => {}, version: () => "1", state: () => ({ fitted: true }),
    scores: ([a], [b]) => ({ scores: [a, b], value: a - b, error: 1 }),
  };
  const values = { prompt: "p", response_a: "a", response_b: "bb", request: 1, answered: 1, second: {} };
  const store = createStore(localModel(values), { live: true });
  const end = ownNeedle(store, head, client);
  const found = [];
  async function step(values) {
    store.set(values);
    await settled();
    const { name, scores, answered } = store.get("second");
    found.push([name === OWN_HEAD, scores, answered, read]);
  }
  await step({});
  await step({ request: 2 });
  await step({ answered: 2 }); // as where the reader asks what each token adds
  await step({ response_a: "aaa", request: 3, answered: 3 });
  end();
  give(found);
}
"""
    first, asked, again, other = node(source)
    assert first == asked == [True, [1, 2], 1, 1]
    assert again == [True, [1, 2], 2, 1]
    assert other == [True, [3, 2], 3, 2]


READ = """
import { ownHead, differenceOfFeatures } from "./judge/own_head.js";
import { openDesk } from "./judge/desk.js";
import { keptUnder } from "./judge/kept.js";
const settled = () => new Promise((go) => setTimeout(go, 20));
async function until(holds) { while (!holds()) await settled(); }
"""


def features_of(questions: list[dict[str, Any]], width: int = 48) -> dict[str, list[float]]:
    """Features, as a model might give them: an attribute of the world each, mixed, and noise."""
    rng = np.random.default_rng(0)
    texts = {text: rng.normal(size=width) for one in questions for text in (one["first"], one["second"])}
    return {text: values.astype(np.float32).astype(float).tolist() for text, values in texts.items()}


def test_the_own_head_is_that_of_python() -> None:
    features = features_of(COLUMNS["questions"])
    entries = judged(7, 40)
    kept = {"session": "s", "entries": [{name: getattr(one, name) for name in one.__slots__} for one in entries]}
    source = (
        READ
        + """
async function main() {
  const { columns, kept, features, asked } = given;
  let n = 0;
  const read = ({ response }) => Float32Array.from(features[response]);
  const client = { features: async (texts) => { n += 1; return texts.map(read); } };
  const desk = openDesk(columns, { read: () => kept, write() {}, lasting: () => true });
  const head = ownHead(desk, columns.questions);
  const before = head.state();
  head.use(client, asked);
  await until(() => head.state().accuracy);
  const { first, second } = columns.questions[0];
  const scored = head.scores(features[first], features[second]);
  const guesses = kept.entries.slice(20).map((entry, i) => head.guess(kept.entries.slice(0, 20 + i), entry));
  give({ before, after: head.state(), scored, n, shown: desk.shownPlace(), guesses });
}
"""
    )
    weights = np.random.default_rng(1).normal(size=48)
    found = node(source, {"columns": COLUMNS, "kept": kept, "features": features, "asked": weights.tolist()})
    rows = np.array([np.subtract(features[q["first"]], features[q["second"]]) for q in COLUMNS["questions"]])

    def fit(some: list[Judgement]):
        some = [entry for entry in some if entry.preferred is not None]
        sign = np.array([entry.preferred for entry in some], dtype=float)
        d = rows[[QUESTIONS.places[entry.pair] for entry in some]]
        won = np.concatenate([d * np.where(sign == 0, 1, sign)[:, None], -d[sign == 0]])
        times = np.concatenate([np.where(sign == 0, 0.5, 1), np.full((sign == 0).sum(), 0.5)])
        return fit_linear_reward(won, multiplicities=times)

    n_said = sum(entry.preferred is not None for entry in entries)
    assert (found["before"]["live"], found["before"]["fitted"], found["before"]["missing"]) == (False, False, 0)
    assert (found["after"]["used"], found["after"]["read"], found["after"]["fitted"]) == (n_said, n_said, True)
    assert found["n"] == len({QUESTIONS.places[entry.pair] for entry in entries} | {found["shown"]})  # each once
    assert found["scored"]["value"] == pytest.approx(float(rows[0] @ fit(entries).weights), abs=1e-6)
    assert found["scored"]["scores"][0] - found["scored"]["scores"][1] == pytest.approx(found["scored"]["value"])
    for n, guess in enumerate(found["guesses"], start=20):
        left = rows[QUESTIONS.places[entries[n].pair]] * (-1 if entries[n].swapped else 1)
        assert guess == pytest.approx(preference_probability(float(left @ fit(entries[:n]).weights)), abs=1e-6)

    sided = [entry for entry in entries if entry.preferred]
    counted = [entry for entry in entries if entry.preferred is not None]
    said = {entry.key: QUESTIONS.pairs[QUESTIONS.places[entry.pair]].prompt for entry in counted}
    prompts = list(dict.fromkeys(said.values()))
    fold = {key: prompts.index(prompt) % 10 for key, prompt in said.items()}
    right = 0
    for entry in sided:
        seen = fit([one for one in entries if one.key in fold and fold[one.key] != fold[entry.key]])
        right += np.sign(rows[QUESTIONS.places[entry.pair]] @ seen.weights) == entry.preferred
    accuracy = found["after"]["accuracy"]
    assert (accuracy["n"], accuracy["value"]) == (len(sided), pytest.approx(right / len(sided)))
    assert accuracy["lower"] < accuracy["value"] < accuracy["upper"]
    by_model = np.mean([np.sign(rows[QUESTIONS.places[e.pair]] @ weights) == e.preferred for e in sided])
    assert found["after"]["ofModel"]["value"] == pytest.approx(by_model)


def test_the_own_head_waits_for_labels_and_leaves_out_what_cannot_be_read() -> None:
    features = features_of(COLUMNS["questions"])
    source = (
        SIT
        + """
import { ownHead } from "./judge/own_head.js";
const settled = () => new Promise((go) => setTimeout(go, 20));
async function main() {
  const { columns, features } = given;
  const long = new Set(columns.questions.filter((_, i) => i % 4 === 0).map(({ first }) => first));
  const client = { features: async (texts) => texts.map(({ response }) => {
    if (long.has(response)) throw Object.assign(new Error("too long"), { kind: "too-long" });
    return Float32Array.from(features[response]);
  }) };
  const desk = openDesk(columns, keptUnder("k", held()));
  const head = ownHead(desk, columns.questions);
  head.use(client);
  const states = [];
  await sit(desk, Array(19).fill("left"));
  await settled();
  states.push(head.state());
  await sit(desk, Array(21).fill("right"));
  await settled();
  states.push(head.state());
  await sit(desk, Array(36).fill("left"));
  await settled();
  states.push(head.state());
  head.use({ features: async () => { throw new Error("the worker ran out of memory"); } });
  await sit(desk, Array(3).fill("left"));
  await settled();
  states.push(head.state());
  give(states);
}
"""
    )
    few, enough, all_, failed = node(source, {"columns": COLUMNS, "features": features})
    assert (few["missing"], few["fitted"], few["accuracy"]) == (1, False, None)
    assert (enough["missing"], enough["fitted"], enough["read"]) == (0, True, 40)
    assert enough["used"] + enough["leftOut"] == 40
    assert all_["used"] == all_["labels"] - all_["leftOut"]
    assert 10 <= all_["leftOut"] <= 30
    assert "memory" in failed["failure"]
    assert Counter(state["live"] for state in (few, enough, all_, failed)) == {True: 4}
