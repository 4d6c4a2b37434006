"""The model inside a page: its blocks, the policy that lets them run, and the command that writes the file."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from rmlab.__main__ import main
from rmlab.data import PreferencePair
from rmlab.explorer import ExplorerState, live_files
from rmlab.explorer.live_files import live_blocks
from rmlab.explorer.page import render_page
from rmlab.model import RewardModel
from rmlab.model.onnx_scorer import OnnxScorer

pytestmark = pytest.mark.slow  # exporting a model takes seconds
PAIRS = [PreferencePair(f"Box {i} is", "It is " + "very " * i + "red.", "No.") for i in range(6)]
HOSTILE = "</script><!--<script>alert(1)</script>"


def blocks_of(page: str) -> dict[str, str]:
    return dict(re.findall(r'<script type="[^"]+" id="rmlab-([^"]+)">([^<]*)</script>', page))


def unpacked(text: str) -> bytes:
    return gzip.decompress(base64.b64decode(text))


@pytest.fixture(scope="module")
def twins() -> tuple[RewardModel, RewardModel]:
    model, twin = (RewardModel.from_pretrained("tiny-encoder", seed=3, device="cpu") for _ in range(2))
    with torch.no_grad():
        twin.head.weight.add_(0.1)
        twin.network.bert.encoder.layer[0].intermediate.dense.weight.mul_(1.5)
    return model, twin


@pytest.fixture(scope="module")
def live(twins: tuple[RewardModel, RewardModel]) -> str:
    return live_blocks(twins[0], PAIRS, name=HOSTILE, second=("twin", twins[1]))


@pytest.fixture(autouse=True, scope="module")
def small_runtime() -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(live_files, "live_wasm", lambda: b"\0asm runtime")
    patch.setattr(live_files, "live_worker", lambda: "postMessage(1) // é")
    exported, made = live_files._exported, {}

    def once(model: RewardModel, *given: object, **options: object) -> object:
        return made.get(model) or made.setdefault(model, exported(model, *given, **options))

    patch.setattr(live_files, "_exported", once)
    yield
    patch.undo()


def test_the_blocks_hold_the_model_and_its_runtime(live: str, twins: tuple[RewardModel, RewardModel]):
    found = blocks_of(live)
    assert unpacked(found["live-wasm"]) == b"\0asm runtime"
    assert unpacked(found["live-worker"]).decode() == "postMessage(1) // é"
    manifest = json.loads(found["live-manifest"])
    assert manifest["model"] == HOSTILE
    assert manifest["precision"]["int8"]["n_pairs"] == len(PAIRS)
    assert json.loads(found["live-tokenizer"])["model"]["vocab"]
    texts = twins[0].encode(["Is it red?"], ["It is."])
    score = OnnxScorer(unpacked(found["live-model"]), pad_id=manifest["pad_token_id"]).score_ids(texts)
    assert score == pytest.approx(twins[0].score_encoded(texts), abs=0.02)


def test_the_second_model_is_the_first_and_a_change_of_its_bytes(live: str, twins: tuple[RewardModel, RewardModel]):
    found = blocks_of(live)
    change = np.frombuffer(unpacked(found["live-second-change"]), np.uint8)
    both = np.frombuffer(unpacked(found["live-model"]), np.uint8) + change
    texts = twins[1].encode(["Is it red?"] * 2, ["It is.", "No, it is blue."])
    score = OnnxScorer(both.tobytes(), pad_id=twins[1].pad_id).score_ids(texts)
    assert score == pytest.approx(twins[1].score_encoded(texts), abs=0.02)
    assert np.abs(score - twins[0].score_encoded(texts)).max() > 0.1
    assert json.loads(found["live-second-manifest"])["model"] == "twin"
    assert len(found["live-second-change"]) < 0.9 * len(found["live-model"])


def test_a_second_model_that_does_not_fit_is_left_out(
    twins: tuple[RewardModel, RewardModel], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(live_files, "LARGEST_FILE", 1000)
    found = blocks_of(live_blocks(twins[0], PAIRS, name="one", second=("twin", twins[1])))
    assert set(found) == {"live-manifest", "live-tokenizer", "live-model", "live-wasm", "live-worker"}


def test_models_of_other_networks_do_not_share_a_page(twins: tuple[RewardModel, RewardModel]):
    other = RewardModel.from_pretrained("tiny-decoder", device="cpu")
    with pytest.raises(ValueError, match=r"same network, got a BertFor\w+ and a LlamaFor"):
        live_blocks(twins[0], PAIRS, name="one", second=("other", other))


def policy_of(page: str) -> str:
    return re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1].replace("&#x27;", "'")


def test_the_policy_adds_what_a_worker_and_webassembly_need_and_nothing_else(live: str):
    still, alive = (render_page(ExplorerState(), ("curve",), {}, title="t", live=given) for given in ("", live))
    hashes = "'sha256-[^']+'"
    assert re.fullmatch(
        rf"default-src 'none'; script-src {hashes}; style-src {hashes}; base-uri 'none'; form-action 'none'",
        policy_of(still),
    )
    assert re.fullmatch(
        rf"default-src 'none'; script-src {hashes} 'wasm-unsafe-eval'; worker-src blob:; style-src {hashes}; "
        "base-uri 'none'; form-action 'none'",
        policy_of(alive),
    )
    assert "rmlab-live" not in still.split("<script>")[0]
    assert alive.count("<script") == still.count("<script") + 7  # each block is one, whatever it holds
    assert alive.count(HOSTILE) == 0


def test_the_command_writes_one_file_that_holds_its_model(tmp_path: Path, capsys: pytest.CaptureFixture):
    RewardModel.from_pretrained("tiny-encoder", seed=0, device="cpu").save_pretrained(tmp_path / "model")
    lines = [{"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in PAIRS]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    given = ["explore", str(tmp_path / "model"), str(tmp_path / "pairs.jsonl")]
    assert main([*given, "--html", str(tmp_path / "live.html"), "--live"]) == 0
    found = blocks_of((tmp_path / "live.html").read_text(encoding="utf-8"))
    manifest = json.loads(found["live-manifest"])
    assert manifest["model"] == "model"
    assert manifest["precision"]["int8"]["n_pairs"] == len(PAIRS)
    assert "live-second-manifest" not in found
    capsys.readouterr()
    assert main([*given, "--live"]) == 2
    assert "--html" in capsys.readouterr().err
