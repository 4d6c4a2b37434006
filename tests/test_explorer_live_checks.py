"""Attribution by leaving tokens out, the audit's smallest checks, and a refitted head: an exported model under Node."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_explorer_scripts import WEB, node

from rmlab.attribution import attribute, attribute_difference
from rmlab.audit import context
from rmlab.audit.checks import CHECKS, numbers
from rmlab.audit.checks.numbers import equal_scores, finite, length
from rmlab.audit.transforms import SURFACE
from rmlab.bradley_terry import fit_linear_reward
from rmlab.data import PreferencePair
from rmlab.explorer.answers import pieces
from rmlab.explorer.bundle import live_wasm
from rmlab.explorer.judge_columns import judge_columns
from rmlab.model import RewardModel
from rmlab.training import fit_head

TEXTS = [
    ("How do I boil an egg?", "Lower it into boiling water. Wait six minutes 🥚!"),
    ("", "Où est la gare ?"),
    ("Name a colour.", "Blue"),
]
PAIRS = [
    PreferencePair(f"Question {i}: what is {i} and {i}?", f"It is {2 * i}" + " indeed" * (i % 7), f"{i} or so")
    for i in range(40)
]
OPEN = f"""
import {{ openScorer }} from "./live/scorer.js";
import {{ readFileSync }} from "node:fs";
const read = (name) => readFileSync(`${{given.folder}}/${{name}}`);
async function opened() {{
  const scorer = await openScorer({{
    manifest: JSON.parse(read("rmlab_onnx.json")), tokenizer: JSON.parse(read("tokenizer.json")),
    model: read("model.onnx"),
    wasm: readFileSync("{WEB.as_posix()}/dist/onnxruntime.wasm"),
  }});
  return {{ ...scorer, score: async (items) => (await scorer.score(items)).map((one) => one.score) }};
}}
"""


@pytest.fixture(scope="module", params=["tiny-encoder", "tiny-decoder"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[RewardModel, Path]:
    assert live_wasm()  # the bundles are there
    model = RewardModel.from_pretrained(request.param, seed=0)
    folder = tmp_path_factory.mktemp("exported") / request.param
    model.export_onnx(folder, PAIRS[:4])
    return model, folder


def ask(exported: tuple[RewardModel, Path], source: str, **given: Any) -> Any:
    return node(OPEN + source, {"folder": str(exported[1]), **given})


@pytest.mark.slow
def test_what_each_token_adds_is_that_of_python(exported: tuple[RewardModel, Path]) -> None:
    source = """
import { explained, leaveOut, pieces } from "./attribution/leave_out.js";
async function main() {
  const client = await opened();
  const found = [];
  for (const [prompt, response] of given.texts) {
    const one = await leaveOut(client, { prompt, response });
    found.push({ ...one, pieces: pieces(one) });
  }
  const [[prompt, a], [, b]] = given.texts;
  give([found, await explained(client, { prompt, responses: [a, b] }, () => false)]);
}
"""
    found, both = ask(exported, source, texts=TEXTS)
    for (prompt, response), one in zip(TEXTS, found, strict=True):
        wanted = attribute(exported[0], prompt, response, method="leave-one-out")
        units = [len(wanted.text[:i].encode("utf-16-le")) // 2 for i in range(len(wanted.text) + 1)]  # as JS counts
        assert one["text"] == wanted.text
        assert one["spans"] == [[units[start], units[end]] for start, end in wanted.spans]
        np.testing.assert_allclose(one["values"], wanted.values, atol=1e-3)
        assert one["score"] == pytest.approx(wanted.score, abs=1e-3)
        assert one["without"] == pytest.approx(wanted.without, abs=1e-3)
        assert [piece for piece, _ in one["pieces"]] == [piece for piece, _ in pieces(wanted)]
    wanted = attribute_difference(exported[0], TEXTS[0][0], TEXTS[0][1], TEXTS[1][1], method="leave-one-out")
    assert [both[side] is not None for side in "ab"] == [True, True]
    assert ("They add up" in both["words"]) == wanted.complete
    said = re.search(r"[+−][\d.]+", both["words"])
    assert said is not None
    assert float(said[0].replace("−", "-")) == pytest.approx(wanted.difference, abs=2e-3)


def test_an_attribution_that_nobody_waits_for_ends_and_a_long_one_is_refused() -> None:
    source = """
import { explained, leaveOut, MOST_TOKENS } from "./attribution/leave_out.js";
async function main() {
  let asked = 0;
  const client = {
    tokens: async ({ response }) => {
      const ids = [...response].map((_, i) => i);
      return { ids: [-1, ...ids], text: response, spans: [null, ...ids.map((i) => [i, i + 1])] };
    },
    scoreIds: async (lists) => { asked += lists.length; return lists.map((list) => list.length); },
  };
  const text = "x".repeat(100);
  const stale = await leaveOut(client, { prompt: "", response: text }, () => asked >= 30);
  const until = asked;
  const long = await explained(client, { prompt: "", responses: [text, "y".repeat(MOST_TOKENS)] }, () => false);
  give([stale, until, long, asked]);
}
"""
    stale, until, long, asked = node(source)
    assert stale is None
    assert 30 <= until < 102
    assert set(long) == {"words"}
    assert asked == until


def test_an_attribution_follows_the_texts_and_is_shown_again_when_they_are_answered_again() -> None:
    source = """
import { explaining } from "./attribution/leave_out.js";
import { createStore, localModel } from "./core/store.js";
const settled = () => new Promise((go) => setTimeout(go, 5));
async function main() {
  let asked = 0;
  const client = {
    tokens: async ({ response }) => ({
      ids: [...response].map((letter) => letter.codePointAt(0)), text: response,
      spans: [...response].map((_, i) => [i, i + 1]),
    }),
    scoreIds: async (lists) => {
      asked += 1;
      if (lists[0].includes(33)) throw new Error("no score");
      return lists.map((list) => list.reduce((sum, id) => sum + id, 0));
    },
  };
  const texts = { prompt: "p", response_a: "ab", response_b: "c" };
  const values = { ...texts, request: 1, answered: 0, explain: true, attribution: {} };
  const store = createStore(localModel(values), { live: true });
  const end = explaining(store, client);
  const found = [];
  async function step(values) {
    store.set(values);
    await settled();
    found.push([store.get("attribution"), asked]);
  }
  await step({});
  await step({ answered: 1 });
  await step({ request: 2, answered: 2, attribution: {} });
  await step({ response_b: "d", request: 3, answered: 3, attribution: {} });
  await step({ response_b: "!", request: 4, answered: 4, attribution: {} });
  end();
  await step({ response_b: "e", request: 5, answered: 5, attribution: {} });
  give(found);
}
"""
    early, first, again, other, failed, ended = node(source)
    assert early == [{}, 0]
    assert (first[0]["a"], first[0]["b"]) == ([["a", 97], ["b", 98]], [["c", 99]])
    assert again == first  # nothing is computed a second time
    assert (other[0]["b"], other[1] > again[1]) == ([["d", 100]], True)
    assert set(failed[0]) == {"words"}
    assert ended[0] == {}


AUDIT = """
import { audit } from "./audit/checks.js";
async function found(client, pairs) {
  const checks = [];
  const given = pairs.map(([prompt, ...responses]) => ({ prompt, responses }));
  const done = await audit(client, given, (one) => checks.push(one));
  return { ...done, checks: Object.fromEntries(checks.map((one) => [one.name, one])) };
}
"""


@pytest.mark.slow
def test_the_checks_are_kept_by_a_healthy_model(exported: tuple[RewardModel, Path]) -> None:
    source = AUDIT + "async function main() { give(await found(await opened(), given.pairs)); }\n"
    given = [(pair.prompt, pair.chosen, pair.rejected) for pair in PAIRS]
    found = ask(exported, source, pairs=given)
    checks = found["checks"]
    of_python = {check.name for check in CHECKS} | {change.name for change in SURFACE}
    assert set(checks) <= of_python
    invariants = ["repeat", "batch size", "order", "antisymmetry", "finite"]
    assert [checks[name]["status"] for name in invariants] == ["kept"] * 5
    assert checks["length"]["status"] in ("kept", "broken")
    assert found["n"] == 64
    assert found["tolerance"] > 0


FAULTS = {
    "repeat": "(one) => one + Math.random()",
    "batch size": "(one, i, all) => one + (all.length > 1 ? 0.1 : 0)",
    "order": "(one, i, all) => one + (all.length > 3 ? 0.1 * i : 0)",
    "antisymmetry": "(one, i, all) => one + (all.length === 2 ? 0.1 * i : 0)",
    "equal scores": "() => 1",
    "finite": "(one, i, all, { response }) => (response.length > 5000 ? NaN : one)",
    "length": "(one, i, all, { response }) => one + 100 * response.length",
    "doubled spaces": "(one, i, all, { response }) => one + 0.1 * response.split('  ').length",
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_breaks_its_check(name: str) -> None:
    source = (
        AUDIT
        + f"""
const fault = {FAULTS[name]};
const one = (text) => [...text].reduce((sum, letter, i) => (sum * 31 + letter.codePointAt(0)) % 1009, 7) / 500;
async function main() {{
  const client = {{
    score: async (items) => items.map((item, i) =>
      fault(one(item.prompt + item.response.replaceAll("  ", " ")), i, items, item)),
    tokens: async ({{ response }}) => ({{ spans: [...response].map((_, i) => [i, i + 1]) }}),
  }};
  give(await found(client, given));
}}
"""
    )
    checks = node(source, [(pair.prompt, pair.chosen, pair.rejected) for pair in PAIRS])["checks"]
    broken = {each for each, result in checks.items() if result["status"] == "broken"}
    # a score at random breaks all; one that depends on its row, batches too; a space is a character more
    implied = {
        "repeat": set(checks),
        "order": {"batch size"},
        "antisymmetry": {"batch size"},
        "length": {"doubled spaces"},
    }
    assert name in broken
    assert broken - {name} <= implied.get(name, set())


def test_python_has_these_checks() -> None:
    assert {finite.name, equal_scores.name, length.name} <= {check.name for check in CHECKS}


def test_the_limits_of_the_checks_are_those_of_python() -> None:
    source = (WEB / "audit" / "checks.js").read_text(encoding="utf-8")
    homes = {"SPREAD_SHARE": context, "ROUNDING": context, "TIES": numbers, "LONG": numbers, "LEAST_PAIRS": numbers}
    for name, of in homes.items():
        (written,) = re.findall(rf"^const {name} = (.+?);", source, re.MULTILINE)
        assert float(written) == getattr(of, name), name


@pytest.mark.slow
def test_a_head_refitted_on_features_of_the_page_is_that_of_python(exported: tuple[RewardModel, Path]) -> None:
    model, _ = exported
    columns = judge_columns(PAIRS)
    source = """
import { fitLinearReward } from "./judge/linear_reward.js";
import { differenceOfFeatures } from "./judge/own_head.js";
async function main() {
  const client = await opened();
  const rows = [];
  for (const { prompt, first, second } of given.questions) {
    const [one, other] = await client.features([first, second].map((response) => ({ prompt, response })));
    rows.push(differenceOfFeatures(one, other));
  }
  give([rows.map((row) => [...row]), [...fitLinearReward(rows).weights]]);
}
"""
    rows, weights = ask(exported, source, questions=columns["questions"])
    np.testing.assert_allclose(weights, fit_linear_reward(np.array(rows)).weights, atol=1e-6)  # the same features
    firsts = [PreferencePair(one["prompt"], one["first"], one["second"]) for one in columns["questions"]]
    fitted = fit_head(model, firsts)  # torch's features
    np.testing.assert_allclose(weights, fitted.weights, atol=1e-3)
