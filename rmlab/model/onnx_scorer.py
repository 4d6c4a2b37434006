"""Scoring token ids by an exported graph in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from tqdm.auto import tqdm

from rmlab.model.batches import padded_batches

__all__ = ["OnnxScorer"]

BATCH_TOKENS = 2048


class OnnxScorer:
    """Scores token ids by an exported graph, on the CPU.

    Parameters
    ----------
    graph
        The path of a file, or its bytes.
    pad_id
        The id that fills rows.
    """

    def __init__(self, graph: Path | bytes, *, pad_id: int):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        source = graph if isinstance(graph, bytes) else str(graph)
        self.session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        self.pad_id = pad_id

    def score_ids(self, input_ids: Sequence[list[int]], *, progress: bool = False) -> np.ndarray:
        """Score n sequences of ids, as `RewardModel.encode` returns them; float32 of shape ``(n,)``.

        Each distinct text is scored once, so that equal texts differ by exactly zero.
        """
        texts = list(dict.fromkeys(map(tuple, input_ids)))
        known: dict[tuple[int, ...], float] = {}
        longest = max(map(len, texts), default=0)
        batches = padded_batches(
            [list(ids) for ids in texts], batch_tokens=BATCH_TOKENS, pad_id=self.pad_id, at_most=longest
        )
        with tqdm(total=len(texts), desc="scoring by ONNX Runtime", unit="text", disable=not progress) as bar:
            for members, arrays in batches:
                rows = {name: array.numpy() for name, array in arrays.items()}
                scores = np.asarray(self.session.run(["scores"], rows)[0])
                known.update(zip([texts[i] for i in members], scores, strict=True))
                bar.update(len(members))
        return np.array([known[tuple(ids)] for ids in input_ids], dtype=np.float32)
