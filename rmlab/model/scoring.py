"""Scoring many texts: each distinct text is scored once, in evaluation mode and without gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from tqdm.auto import tqdm

from rmlab.model.model_error import ModelError
from rmlab.model.onednn import float32_by_onednn
from rmlab.model.precision import Precision, use_bf16
from rmlab.model.token_scorer import TokenScorer
from rmlab.model.tokenization import Encoded

__all__ = ["score_in_chunks"]

CHUNK = 2048
"""How many texts are laid out together."""


def score_in_chunks(
    model: TokenScorer,
    encoded: Encoded,
    forward: Callable[..., torch.Tensor],
    *,
    precision: Precision,
    batch_tokens: int | None,
    progress: bool,
) -> np.ndarray:
    """Return the result of `forward` for each text: ``(n,)`` or ``(n, width)``."""
    place: dict[tuple[int, ...], int] = {}  # equal texts are scored once, so that their difference is exactly zero
    index = [place.setdefault(tuple(ids), len(place)) for ids in encoded]
    _require_known(model, place)
    distinct = np.unique(index, return_index=True)[1]  # where each was first seen
    keys = encoded.prompt_keys[distinct]
    order = np.argsort(keys, kind="stable")  # responses to one prompt side by side
    outputs = [np.zeros(0, dtype=np.float32)] * (not len(order))
    with (
        model.evaluating(),
        model.computing(bf16=use_bf16(precision, model.device)),
        torch.inference_mode(),
        float32_by_onednn(),
        tqdm(total=len(distinct), desc="scoring", unit="text", disable=not progress) as bar,
    ):

        def counted(**inputs: torch.Tensor) -> torch.Tensor:
            made = forward(**inputs)
            bar.update(len(made))
            return made

        for start in range(0, len(order), CHUNK):
            chunk = order[start : start + CHUNK]
            ids = encoded.take(distinct[chunk]).input_ids
            made = model.score_ids(ids, keys=keys[chunk].tolist(), batch_tokens=batch_tokens, forward=counted)
            outputs.append(made.cpu().numpy())
    return np.concatenate(outputs)[np.argsort(order)[index]]


def _require_known(model: TokenScorer, texts: Iterable[tuple[int, ...]]) -> None:
    """Raise ModelError for a token id without an embedding: the tokenizer belongs to another network."""
    embeddings = getattr(model.network, "get_input_embeddings", lambda: None)()
    rows = getattr(embeddings, "num_embeddings", None)
    highest = max((max(ids) for ids in texts if ids), default=-1)
    if rows is not None and highest >= rows:
        raise ModelError(
            f"the tokenizer gave the token id {highest}, and the network has {rows:,} embeddings; they do not belong "
            "together. Save the tokenizer that the network was trained with."
        )
