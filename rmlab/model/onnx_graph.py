"""The scoring graph of a reward model as ONNX: what `RewardModel.score` computes, in float32."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import onnx
import torch
from torch import nn

from rmlab._compat.transformers_internals import attention_implementation
from rmlab.model.attention import BY_MASK
from rmlab.model.model_error import ModelError, first_line
from rmlab.model.several_heads import inputs_of

__all__ = ["INPUTS", "OUTPUTS", "scoring_graph"]

INPUTS = ("input_ids", "attention_mask")
"""int64 of shape ``(batch, length)``: token ids padded on the right, and a mask that is 1 on tokens, 0 on padding."""
OUTPUTS = ("scores", "features")
"""float32: the scores in nats, ``(batch,)``, and what the head reads, ``(batch, width)``."""


class _Scoring(nn.Module):
    """Scores of right-padded rows, and the input of the head, which the scores are linear in."""

    def __init__(self, model: Any):
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with inputs_of(self.model.head) as read:
            scores = self.model.score_right_padded(input_ids, attention_mask)
        return scores, read[0]


def scoring_graph(model: Any) -> onnx.ModelProto:
    """Return the graph by which a `RewardModel` scores a batch, with its weights.

    Raises
    ------
    ModelError
        If torch cannot write this network as ONNX.
    """
    rows = torch.arange(2 * 12, device=model.device).reshape(2, 12) % model.network.config.get_text_config().vocab_size
    mask = torch.ones_like(rows)
    mask[1, 7:] = 0
    free = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length", max=model.max_length)}
    try:
        with model.evaluating(), _plain_attention(model.network), torch.no_grad(), _quiet():
            program = torch.onnx.export(
                _Scoring(model).eval(),
                (rows, mask),
                dynamo=True,
                input_names=INPUTS,
                output_names=OUTPUTS,
                dynamic_shapes=dict.fromkeys(INPUTS, free),
                verbose=False,
            )
    except Exception as error:  # whatever somebody's network may raise in a trace
        raise ModelError(
            f"torch {torch.__version__} cannot write a {type(model.network).__name__} as ONNX "
            f"({type(error).__name__}: {_reason(error)}). docs/commands.md lists the kinds of models that were tried."
        ) from error
    assert program is not None  # it is None only with the older exporter
    return _without_traces(program.model_proto)


def _without_traces(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Remove the exporter's notes on the program behind each node: 800 kB, with paths of this machine."""
    del graph.metadata_props[:], graph.graph.metadata_props[:], graph.graph.value_info[:]
    bodies = [graph.graph.node, *(function.node for function in graph.functions)]
    while bodies:
        for node in bodies.pop():
            del node.metadata_props[:]
            node.ClearField("doc_string")
            inner = [one.g for one in node.attribute if one.HasField("g")]
            for body in inner:
                del body.metadata_props[:], body.value_info[:]
            bodies += [body.node for body in inner]
    return graph


@contextlib.contextmanager
def _plain_attention(network: Any) -> Iterator[None]:
    """Use transformers' own attention: that of packed rows (`rmlab.model.attention`) is not traced."""
    before = attention_implementation(network)
    if before == BY_MASK:
        network.set_attn_implementation("sdpa")
    try:
        yield
    finally:
        if before == BY_MASK:
            network.set_attn_implementation(before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter, which warns that torchvision is absent, and of names of axes."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _reason(error: BaseException) -> str:
    """Return the first line of the original error, which the exporter wraps in many lines of advice."""
    while error.__cause__ is not None:
        error = error.__cause__
    return first_line(error)[:200]
