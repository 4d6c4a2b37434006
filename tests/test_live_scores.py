"""The model as the browser runs it, under Node: scores and features are torch's, and failures are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_in_node import as_items, run_in_node

from rmlab.explorer.bundle import DIST
from rmlab.model import RewardModel
from rmlab.model.onnx_scorer import OnnxScorer
from rmlab.simulate.replies import simulate_reply_pairs

BOUND = 1e-4  # nats
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
  const long = { prompt: "x", response: "y".repeat(200_001) };
  give({
    scores: (await scorer.score(given.items)).map((one) => one.score),
    ofIds: await scorer.scoreIds(tokens.map((one) => one.ids)),
    features: (await scorer.features(given.items)).map((row) => [...row]),
    tooLong: await kindOf(scorer.score([long])),
    damaged: await kindOf(openScorer({ ...parts, model: new Uint8Array(1000) })),
    memory: asFailure(new Error("no backend: RangeError: WebAssembly.Memory()")).kind,
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


@pytest.mark.slow
@pytest.mark.parametrize("file", ["model.onnx", "model_int8.onnx"])
def test_scores_are_those_of_torch_and_in_8_bits_of_the_same_file_in_python(
    exported: tuple[RewardModel, Path], tmp_path: Path, file: str
):
    model, folder = exported
    pairs = simulate_reply_pairs(60, seed=2).pairs
    items = [(str(pair.prompt), str(side)) for pair in pairs for side in (pair.chosen, pair.rejected)]
    items += [("", ""), ("A long one.", "word " * 500)]
    given = {"folder": str(folder), "file": file, "wasm": str(DIST / "onnxruntime.wasm"), "items": as_items(items)}
    found: dict[str, Any] = run_in_node(SCORES, given, tmp_path)
    encoded = model.encode([prompt for prompt, _ in items], [response for _, response in items])
    in_python = OnnxScorer(folder / file, pad_id=model.pad_id).score_ids(encoded)
    wanted = model.score_encoded(encoded) if file == "model.onnx" else in_python
    np.testing.assert_allclose(found["scores"], wanted, rtol=0, atol=BOUND)
    assert np.std(wanted) > 10 * BOUND, "the scores hardly differ, so this test could not fail"
    np.testing.assert_allclose(found["ofIds"], found["scores"], rtol=0, atol=1e-5)
    head = model.head
    by_hand = np.array(found["features"]) @ head.weight.detach().numpy().ravel()
    by_hand += 0.0 if head.bias is None else float(head.bias.detach())
    np.testing.assert_allclose(by_hand, found["scores"], rtol=0, atol=1e-4)
    assert (found["tooLong"], found["damaged"], found["memory"]) == ("too-long", "model", "memory")
