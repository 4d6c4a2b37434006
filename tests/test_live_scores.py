"""The model as the browser runs it, under Node: scores and features are torch's, and failures are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_in_node import as_items, run_in_node

from rmlab.explorer.bundle import DIST
from rmlab.model import RewardModel
from rmlab.simulate.replies import simulate_reply_pairs

SCORES = """
import { openScorer } from "./live/scorer.js";
import { asFailure } from "./live/failure.js";
const json = (name) => JSON.parse(readFileSync(`${given.folder}/${name}`, "utf8"));
const wasm = readFileSync(given.wasm);
const parts = { manifest: json("rmlab_onnx.json"), tokenizer: json("tokenizer.json"), wasm };
const kindOf = (promise) => promise.then(() => "none", (thrown) => asFailure(thrown).kind);
async function main() {
  const scorer = await openScorer({ ...parts, model: readFileSync(`${given.folder}/${given.file}`) });
  const tokens = await Promise.all(given.items.map((item) => scorer.tokens(item)));
  const long = { prompt: "x", response: "y".repeat(1_000_001) };
  give({
    scores: (await scorer.score(given.items)).map((one) => one.score),
    ofIds: await scorer.scoreIds(tokens.map((one) => one.ids)),
    features: (await scorer.features(given.items)).map((row) => [...row]),
    tooLong: await kindOf(scorer.score([long])),
    damaged: await kindOf(openScorer({ ...parts, model: new Uint8Array(1000) })),
    memory: asFailure(new Error("std::bad_alloc")).kind,
  });
}
main();
"""


@pytest.fixture(scope="module", params=["tiny-encoder", "tiny-decoder"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[RewardModel, Path]:
    model = RewardModel.from_pretrained(request.param, seed=3, device="cpu", max_length=64)
    folder = tmp_path_factory.mktemp("live") / "model"
    model.export_onnx(folder, simulate_reply_pairs(10, seed=0).pairs)
    return model, folder


@pytest.mark.parametrize(("file", "precision"), [("model.onnx", "float32"), ("model_int8.onnx", "int8")])
def test_scores_are_those_of_torch(exported: tuple[RewardModel, Path], tmp_path: Path, file: str, precision: str):
    model, folder = exported
    pairs = simulate_reply_pairs(60, seed=2).pairs
    items = [(str(pair.prompt), str(side)) for pair in pairs for side in (pair.chosen, pair.rejected)]
    items += [("", ""), ("A long one.", "word " * 500)]
    given = {"folder": str(folder), "file": file, "wasm": str(DIST / "onnxruntime.wasm"), "items": as_items(items)}
    found: dict[str, Any] = run_in_node(SCORES, given, tmp_path)
    wanted = model.score([prompt for prompt, _ in items], [response for _, response in items])
    stated = json.loads((folder / "rmlab_onnx.json").read_text(encoding="utf-8"))["precision"][precision]
    bound = 1e-4 if precision == "float32" else 3 * stated["largest_error"]
    np.testing.assert_allclose(found["scores"], wanted, rtol=0, atol=bound)
    assert np.std(wanted) > 10 * bound, "the scores hardly differ, so this test could not fail"
    np.testing.assert_allclose(found["ofIds"], found["scores"], rtol=0, atol=1e-5)
    head = model.head
    by_hand = np.array(found["features"]) @ head.weight.detach().numpy().ravel()
    by_hand += 0.0 if head.bias is None else float(head.bias)
    np.testing.assert_allclose(by_hand, found["scores"], rtol=0, atol=1e-4)
    assert (found["tooLong"], found["damaged"], found["memory"]) == ("too-long", "model", "memory")
