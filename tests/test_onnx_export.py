"""Reward models as ONNX: what is written computes what torch does, and what cannot be written is refused first."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from rmlab.__main__ import main
from rmlab.data import PreferencePair
from rmlab.model import ModelError, RewardModel
from rmlab.model.model_folder import sha256
from rmlab.model.onnx_agreement import agreement
from rmlab.model.onnx_scorer import OnnxScorer
from rmlab.model.onnx_weights import BLOCK, in_eight_bits, quantize_blocks

FILES = ["model.onnx", "model_int8.onnx", "rmlab_onnx.json", "tokenizer.json"]
PAIRS = [
    PreferencePair(f"Box {i} is {'red ' * (i % 4 + 1)}", f"It is {'very ' * i}red.", f"No {'no ' * (i % 5)}blue")
    for i in range(12)
]


@pytest.fixture(scope="module", params=["tiny-encoder", pytest.param("tiny-decoder", marks=pytest.mark.slow)])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[RewardModel, Path]:
    model = RewardModel.from_pretrained(request.param, seed=3, device="cpu")
    folder = tmp_path_factory.mktemp("onnx") / "model"
    model.export_onnx(folder, PAIRS)
    return model, folder


def ran(folder: Path, file: str, ids: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    session = OnnxScorer(folder / file, pad_id=0).session
    scores, features = session.run(["scores", "features"], {"input_ids": ids, "attention_mask": mask})
    return np.asarray(scores), np.asarray(features)


@pytest.mark.parametrize(("rows", "length"), [(1, 1), (1, 2), (1, 9), (2, 7), (5, 64), (3, 200), (1, 512), (17, 3)])
def test_float32_scores_and_features_are_those_of_torch(
    exported: tuple[RewardModel, Path], rows: int, length: int
) -> None:
    model, folder = exported
    rng = np.random.default_rng(rows * length)
    lengths = rng.integers(1, length + 1, size=rows)
    lengths[0] = length
    texts = [rng.integers(4, 2000, size=n).tolist() for n in lengths]
    ids = np.full((rows, length), model.pad_id, dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, text in enumerate(texts):
        ids[row, : len(text)], mask[row, : len(text)] = text, 1
    with torch.no_grad():
        expected = model.score_ids(texts, packing="off").numpy()
    scores, features = ran(folder, "model.onnx", ids, mask)
    assert scores.shape == (rows,)
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    head = model.head.weight.detach().numpy()[0]
    bias = 0.0 if model.head.bias is None else model.head.bias.item()
    np.testing.assert_allclose(features @ head + bias, scores, atol=1e-4)  # what the head reads


def test_the_manifest_tells_how_to_score(exported: tuple[RewardModel, Path]) -> None:
    model, folder = exported
    manifest = json.loads((folder / "rmlab_onnx.json").read_text(encoding="utf-8"))
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert manifest["files"] == {name: sha256(folder / name) for name in FILES if name != "rmlab_onnx.json"}
    assert manifest["format"] == 1
    assert manifest["inputs"] == ["input_ids", "attention_mask"]
    assert manifest["pad_token_id"] == model.pad_id
    assert manifest["max_length"] == model.max_length
    assert manifest["ids"]["convention"] == model.convention.name
    assert manifest["ids"]["after"] == model.encoder.special.after
    assert manifest["ids"]["special_tokens"] == model.tokenizer.special_tokens_map
    assert manifest["head"]["weight"] == model.head.weight.flatten().tolist()
    assert manifest["precision"]["float32"]["largest_error"] < 1e-4
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    assert tokenizer("A box.", add_special_tokens=False) == model.tokenizer("A box.", add_special_tokens=False)


def test_the_stated_error_of_8_bits_is_that_of_the_file(exported: tuple[RewardModel, Path]) -> None:
    model, folder = exported
    stated = json.loads((folder / "rmlab_onnx.json").read_text(encoding="utf-8"))["precision"]["int8"]
    prompts = [pair.prompt for pair in PAIRS] * 2
    responses = [pair.chosen for pair in PAIRS] + [pair.rejected for pair in PAIRS]
    scores = OnnxScorer(folder / "model_int8.onnx", pad_id=model.pad_id).score_ids(model.encode(prompts, responses))
    errors = np.abs(scores - model.score(prompts, responses))
    assert stated["largest_error"] == pytest.approx(errors.max(), abs=1e-5)
    assert stated["mean_error"] == pytest.approx(errors.mean(), abs=1e-5)
    assert 0 < stated["largest_error"] < 0.2
    assert (stated["n_texts"], stated["n_pairs"]) == (24, 12)
    weights = [one for one in onnx.load(folder / "model_int8.onnx").graph.initializer if one.data_type == 3]
    assert sum(int(np.prod(one.dims)) for one in weights) > 0.9 * model.network.num_parameters()


def test_the_graph_holds_no_path_of_the_machine_that_wrote_it(exported: tuple[RewardModel, Path]) -> None:
    _, folder = exported
    for file in FILES:
        assert str(Path(__file__).parents[1]).encode() not in (folder / file).read_bytes()
        assert b"site-packages" not in (folder / file).read_bytes()


def test_agreement_counts_errors_within_a_pair_and_signs_that_flip() -> None:
    expected = np.array([1.0, 0.0, 2.0, 0.5, 0.5, 2.0], dtype=np.float32)  # differences 0.5, -0.5, 0
    found = np.array([1.0, 0.75, 2.0, 0.5, 0.25, 2.5], dtype=np.float32)  # 0.5, 0.5, -0.5
    told = agreement(found, expected)
    assert told.largest_error == 0.75
    assert told.mean_error == pytest.approx(1.5 / 6)
    assert told.largest_difference_error == 1.0
    assert (told.n_texts, told.n_pairs, told.n_flipped) == (6, 3, 2)


@pytest.mark.parametrize("width", [32, 64, 33, 5])
def test_a_number_in_8_bits_is_off_by_half_a_step_of_its_block(width: int) -> None:
    weight = np.random.default_rng(0).normal(size=(7, width)).astype(np.float32)
    weight[3] = 0
    numbers, scales = quantize_blocks(weight)
    assert numbers.dtype == np.int8
    assert numbers.shape == (7, -(-width // BLOCK), BLOCK)
    restored = (numbers * scales).reshape(7, -1)[:, :width]
    assert (np.abs(restored - weight) <= np.repeat(scales[:, :, 0], BLOCK, axis=1)[:, :width] * 0.5001).all()
    assert not restored[3].any()


def product_and_embedding(width: int) -> onnx.ModelProto:
    """Return a graph with an embedding, a product, and a Gemm of a turned matrix, whose widths are no whole blocks."""
    rng = np.random.default_rng(0)
    arrays = {
        "table": rng.normal(size=(200, width)),
        "plain": rng.normal(size=(width, 150)),
        "turned": rng.normal(size=(90, 150)),
    }
    constants = [onnx.numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items()]
    nodes = [
        onnx.helper.make_node("Gather", ["table", "ids"], ["hidden"]),
        onnx.helper.make_node("MatMul", ["hidden", "plain"], ["more"]),
        onnx.helper.make_node("MatMul", ["hidden", "plain"], ["same"]),
        onnx.helper.make_node("Add", ["more", "same"], ["both"]),
        onnx.helper.make_node("Gemm", ["both", "turned"], ["scores"], transB=1),
    ]
    inputs = [onnx.helper.make_tensor_value_info("ids", onnx.TensorProto.INT64, ["n"])]
    outputs = [onnx.helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, ["n", 90])]
    graph = onnx.helper.make_graph(nodes, "test", inputs, outputs, constants)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)


@pytest.mark.parametrize("width", [32, 45])
def test_products_and_embeddings_in_8_bits_are_near_those_in_float32(width: int) -> None:
    plain = product_and_embedding(width)
    small = in_eight_bits(plain)
    assert {one.name for one in plain.graph.initializer} == {"table", "plain", "turned"}  # it is a copy
    assert not {one.name for one in small.graph.initializer} & {"table", "plain", "turned"}
    ids = np.arange(20)
    one, other = (
        np.asarray(OnnxScorer(graph.SerializeToString(), pad_id=0).session.run(["scores"], {"ids": ids})[0])
        for graph in (plain, small)
    )
    assert 0 < np.abs(one - other).mean() < 0.02 * one.std()


@pytest.mark.slow
def test_several_heads_are_exported_as_their_mean(tmp_path: Path) -> None:
    model = RewardModel.from_pretrained("tiny-encoder", n_heads=3, device="cpu")
    made = model.export_onnx(tmp_path / "model", PAIRS)
    assert made.n_heads == 3
    assert made.float32.largest_error < 1e-4


def refused(model: RewardModel, folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        model.export_onnx(folder, PAIRS)
    assert list(folder.parent.iterdir()) == []
    return str(caught.value)


@pytest.mark.slow
def test_what_cannot_be_exported_is_named_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = RewardModel.from_pretrained("tiny-encoder", device="cpu")
    folder = tmp_path / "model"

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no such operator: aten::strange")

    with monkeypatch.context() as patch:
        patch.setattr(type(model.network), "forward", broken)
        assert "aten::strange" in (said := refused(model, folder))
        assert "BertForSequenceClassification" in said
    with monkeypatch.context() as patch:
        patch.setitem(model.__dict__, "padding_fault", "padding moves scores by 3")
        assert "padding moves scores by 3" in refused(model, folder)
    with monkeypatch.context() as patch:
        patch.setattr("rmlab.model.onnx_export.LARGEST", 1000)
        assert "GB" in refused(model, folder)
    with monkeypatch.context() as patch:
        found = importlib.util.find_spec
        patch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxscript" else found(name))
        assert "pip install 'reward-model-lab[onnx]'" in refused(model, folder)
    with monkeypatch.context() as patch:
        patch.setattr("rmlab.model.onnx_export.TOLERANCE", 1e-12)
        assert "differ from torch" in refused(model, folder)


@pytest.mark.slow
@pytest.mark.parametrize("exported", ["tiny-encoder"], indirect=True)
def test_an_older_export_is_replaced_and_nothing_else(
    exported: tuple[RewardModel, Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    shutil.copytree(exported[1], tmp_path / "out")
    RewardModel.from_pretrained("tiny-encoder", seed=1, device="cpu").save_pretrained(tmp_path / "saved")
    (tmp_path / "pairs.jsonl").write_text(
        "".join(json.dumps({"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected}) + "\n" for p in PAIRS)
    )
    command = ["export", str(tmp_path / "saved"), str(tmp_path / "pairs.jsonl"), "--onnx"]
    assert main([*command, str(tmp_path / "out")]) == 0
    told = json.loads((tmp_path / "out/rmlab_onnx.json").read_text(encoding="utf-8"))
    assert told["model"] == "saved"
    assert told["precision"]["int8"]["n_pairs"] == 12
    assert f"{told['precision']['int8']['largest_error']:.2g}" in capsys.readouterr().out
    (tmp_path / "out/mine.txt").write_text("mine")
    assert main([*command, str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "mine.txt" in said
    assert main([*command, str(tmp_path / "saved")]) == 2
    assert (tmp_path / "saved/model.safetensors").is_file()
    assert main(["export", str(tmp_path / "nowhere"), "--onnx", str(tmp_path / "other")]) == 2
    assert not (tmp_path / "other").exists()
