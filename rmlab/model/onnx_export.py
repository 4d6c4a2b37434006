"""Writing a reward model for browsers and other runtimes: ONNX graphs, the tokenizer, and a manifest."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rmlab.atomic import replacing
from rmlab.data import PreferencePair
from rmlab.model.model_error import ModelError, first_line
from rmlab.model.model_folder import sha256
from rmlab.model.onnx_agreement import OnnxAgreement, agreement, both_sides
from rmlab.model.saving import check_room
from rmlab.simulate.replies import simulate_reply_pairs

__all__ = ["FILES", "ONNX_MANIFEST", "OnnxExport", "export_onnx"]

ONNX_MANIFEST: Final = "rmlab_onnx.json"
FILES: Final = {"float32": "model.onnx", "int8": "model_int8.onnx"}
"""The graphs by the precision of their weights; both compute in float32."""
TOKENIZER: Final = "tokenizer.json"
TOLERANCE: Final = 1e-4
"""How far float32 scores may be from torch's, in nats, or as a part of the largest score if that is above 1."""
LARGEST: Final = 1_900_000_000
"""Bytes of weights: one ONNX file holds 2 GiB, like any message of protobuf."""
N_PAIRS: Final = 50
"""How many pairs of the world of replies are compared with torch if no pairs are given."""


@dataclass(frozen=True)
class OnnxExport:
    """What `RewardModel.export_onnx` wrote."""

    folder: Path
    float32: OnnxAgreement
    """How far the scores of ``model.onnx`` are from torch's."""
    int8: OnnxAgreement
    """The same for ``model_int8.onnx``."""
    n_heads: int
    """Heads of the model; the exported scores are those of their mean."""


def export_onnx(
    model: Any,
    folder: str | Path,
    pairs: Sequence[PreferencePair] | None = None,
    *,
    name: str | None = None,
    progress: bool = False,
) -> OnnxExport:
    """Write a `RewardModel` to a folder; see its `export_onnx`."""
    folder = Path(folder)
    _require_exporter()
    _check_folder(folder)
    _require_exportable(model)
    check_room(model, folder)
    from rmlab.model.onnx_graph import scoring_graph
    from rmlab.model.onnx_scorer import OnnxScorer
    from rmlab.model.onnx_weights import in_eight_bits

    texts = model.encode_pairs(simulate_reply_pairs(N_PAIRS, fresh=True).pairs if pairs is None else pairs)
    if not len(texts.chosen):
        raise ValueError("there are no pairs on which to compare the exported scores with torch's; give at least one")
    graph = scoring_graph(model)  # first, so that a network that cannot be traced fails at once
    expected = model.score_encoded(texts.chosen.join(texts.rejected), progress=progress)
    written: dict[str, bytes] = {}
    found: dict[str, OnnxAgreement] = {}
    for precision, made in (("float32", graph), ("int8", in_eight_bits(graph))):
        written[precision] = made.SerializeToString()
        try:
            scorer = OnnxScorer(written[precision], pad_id=model.pad_id)
            scores = scorer.score_ids(both_sides(texts), progress=progress)
        except Exception as error:  # ONNX Runtime has no class of errors of its own
            raise ModelError(
                f"ONNX Runtime cannot compute the graph of a {type(model.network).__name__} "
                f"({first_line(error)[:200]}). docs/commands.md lists the kinds of models that were tried."
            ) from error
        found[precision] = agreement(scores, expected)
    allowed = TOLERANCE * max(1.0, float(abs(expected).max()))
    if not found["float32"].largest_error <= allowed:
        raise ModelError(
            f"as ONNX a {type(model.network).__name__} gives scores that differ from torch's by up to "
            f"{found['float32'].largest_error:.2g} nats; at most {allowed:.2g} was expected. Nothing was written."
        )
    with replacing(folder) as new:
        new.mkdir()
        for precision, file in FILES.items():
            (new / file).write_bytes(written[precision])
        (new / TOKENIZER).write_text(model.tokenizer.backend_tokenizer.to_str(), encoding="utf-8")
        manifest = _manifest(model, name or folder.resolve().name, found)
        manifest["files"] = {file: sha256(new / file) for file in (*FILES.values(), TOKENIZER)}
        text = json.dumps(manifest, ensure_ascii=False, indent=2)
        (new / ONNX_MANIFEST).write_text(text + "\n", encoding="utf-8")
    return OnnxExport(folder, found["float32"], found["int8"], model.n_heads)


def _manifest(model: Any, name: str, found: dict[str, OnnxAgreement]) -> dict[str, Any]:
    """Return what a program needs to know to score by an exported graph."""
    from rmlab.model.onnx_graph import INPUTS, OUTPUTS

    tokenizer, special, head = model.tokenizer, model.encoder.special, model.head
    return {
        "format": 1,
        "model": name,
        "architecture": type(model.network).__name__,
        "n_parameters": sum(parameter.numel() for parameter in model.parameters()),
        "n_heads": model.n_heads,
        "inputs": list(INPUTS),
        "outputs": list(OUTPUTS),
        "padding_side": "right",
        "pad_token_id": model.pad_id,
        "max_length": model.max_length,
        "ids": {
            "separator": "",
            "ends": True,
            **model.convention.to_dict(),
            "before": special.before,
            "between": special.between,
            "after": special.after,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "special_tokens": dict(tokenizer.special_tokens_map),  # by the names that a template knows them by
            "chat_template": None if tokenizer.chat_template is None else tokenizer.get_chat_template(),
        },
        "head": {
            "weight": head.weight.detach().float().flatten().tolist(),
            "bias": 0.0 if head.bias is None else float(head.bias.detach()),
        },
        "precision": {precision: asdict(one) for precision, one in found.items()},
    }


def _require_exporter() -> None:
    missing = [one for one in ("onnx", "onnxscript", "onnxruntime") if importlib.util.find_spec(one) is None]
    if missing:
        raise ModelError(
            f"exporting needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed. "
            "Install the extra: pip install 'reward-model-lab[onnx]'"
        )


def _check_folder(folder: Path) -> None:
    """Refuse a folder with anything that `export_onnx` did not write."""
    if not folder.exists():
        return
    ours = {*FILES.values(), TOKENIZER, ONNX_MANIFEST}
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else {folder.name}
    if there and not (ONNX_MANIFEST in there and there <= ours):
        others = sorted(there - ours) or sorted(there)
        raise ModelError(
            f"{folder} exists and holds {', '.join(others[:3])}, which `rmlab export` did not write. "
            "Choose another folder, so that nothing is lost."
        )


def _require_exportable(model: Any) -> None:
    if getattr(model.tokenizer, "backend_tokenizer", None) is None:
        raise ModelError(
            f"the tokenizer {type(model.tokenizer).__name__} is not a fast one, so it has no {TOKENIZER} for other "
            "runtimes. Use a model whose folder holds that file."
        )
    size = 4 * sum(parameter.numel() for parameter in model.parameters())
    if size > LARGEST:
        raise ModelError(
            f"the weights take {size / 1e9:.1f} GB in float32, and one ONNX file holds {LARGEST / 1e9:.1f} GB. "
            "Use a smaller model."
        )
    if model.padding_fault is not None:
        raise ModelError(
            f"a {type(model.network).__name__} cannot be exported for padded batches: {model.padding_fault}. "
            "Use a network that respects the attention mask."
        )
