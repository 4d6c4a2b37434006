"""Attribution of a score, or of a score difference, to tokens: the choice of a method, and leave-one-out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch

from rmlab.attribution.attribution_results import Attribution, DifferenceAttribution
from rmlab.attribution.integrated_gradients import integrate
from rmlab.model import RewardModel
from rmlab.model.devices import to_numpy
from rmlab.model.tokenization import Encoded, Text

__all__ = ["SHORT", "Method", "Scorer", "attribute", "attribute_difference"]

Method = Literal["auto", "leave-one-out", "integrated-gradients"]
Scorer = RewardModel | Callable[[Sequence[Text], Sequence[Text]], Any]
"""A source of n scores for n prompts with their n responses: a reward model, or any function."""

SHORT = 64
"""Up to this many response tokens, the end included, ``"auto"`` leaves each out; above it, gradients cost less."""
MOST_WORDS = 1000
"""The most words of a response to a function: each word costs the score of the text without it."""


def attribute(
    scorer: Scorer, prompt: Text, response: Text, *, method: Method = "auto", batch_tokens: int | None = None
) -> Attribution:
    """Compute what each token of a response adds to its score.

    Integrated gradients start from a baseline token, the mean of the vocabulary's embeddings: it is not a word, and
    every network has one. The start has as many tokens as the response, so the effect of length alone is in
    `Attribution.without` and not in the value of any token.

    Parameters
    ----------
    scorer
        A `RewardModel`; or a function from prompts and responses to scores, whose tokens are then words.
    prompt, response
        As `RewardModel.score` takes them; a function takes texts.
    method
        ``"auto"``: leave-one-out up to 64 tokens and for functions, else integrated gradients.
    batch_tokens
        Tokens in a batch; this affects memory and speed, but not the values (to 1e-5).

    Raises
    ------
    ValueError
        If the method is unknown or does not suit the scorer, or if a function does not give one finite score for each
        response or is given a response of over 1,000 words.
    TypeError
        If the response to a function is not a text.
    """
    if method not in ("auto", "leave-one-out", "integrated-gradients"):
        raise ValueError(f"method must be 'auto', 'leave-one-out' or 'integrated-gradients', got {method!r}")
    if not isinstance(scorer, RewardModel):
        if method == "integrated-gradients":
            raise ValueError("integrated gradients need a RewardModel; for a function use method='leave-one-out'")
        return _leave_out_words(scorer, prompt, response)
    encoded = scorer.encode([prompt], [response])
    (ids,) = encoded.input_ids
    text, spans, columns = _response_tokens(scorer, prompt, response, encoded.prompt_lengths[0], ids)
    method = _method_for(encoded) if method == "auto" else method
    compute = _leave_out_tokens if method == "leave-one-out" else integrate
    values, score, without = compute(scorer, ids, columns, batch_tokens)
    return Attribution(
        text=text,
        tokens=tuple(text[start:end] for start, end in spans),
        spans=tuple(spans),
        values=values,
        method=method,
        score=score,
        without=without,
        prompt_tokens_cut=int(encoded.prompt_tokens_cut[0]),
        response_tokens_cut=int(encoded.response_tokens_cut[0]),
    )


def attribute_difference(
    scorer: Scorer,
    prompt: Text,
    first: Text,
    second: Text,
    *,
    method: Method = "auto",
    batch_tokens: int | None = None,
) -> DifferenceAttribution:
    """Compute what each token of two responses to one prompt adds to score(first) - score(second).

    Both are treated alike: with ``"auto"``, by leave-one-out if both are short. The parameters are those of
    `attribute`.
    """
    if method == "auto" and isinstance(scorer, RewardModel):
        method = _method_for(scorer.encode([prompt] * 2, [first, second]))
    both = [attribute(scorer, prompt, one, method=method, batch_tokens=batch_tokens) for one in (first, second)]
    return DifferenceAttribution(*both)


def _method_for(encoded: Encoded) -> Literal["leave-one-out", "integrated-gradients"]:
    longest = max(len(ids) - start for ids, start in zip(encoded, encoded.prompt_lengths, strict=True))
    return "leave-one-out" if longest <= SHORT else "integrated-gradients"


def _response_tokens(
    model: RewardModel, prompt: Text, response: Text, start: int, ids: list[int]
) -> tuple[str, list[tuple[int, int]], list[int]]:
    """Return the response as the model reads it, the spans of its tokens in it, and their columns in `ids`."""
    columns = range(start, len(ids))
    text, spans = model.encoder.locate(prompt, response, len(columns))
    special = set(model.tokenizer.all_special_ids)
    kept = [i for i, (column, (_, end)) in enumerate(zip(columns, spans, strict=True))
            if end > 0 and ids[column] not in special]  # fmt: skip
    return text, [spans[i] for i in kept], [columns[i] for i in kept]


def _leave_out_tokens(
    model: RewardModel, ids: list[int], columns: list[int], batch_tokens: int | None
) -> tuple[np.ndarray, float, float]:
    gone = set(columns)
    texts = [ids, [token for i, token in enumerate(ids) if i not in gone]]
    texts += [ids[:column] + ids[column + 1 :] for column in columns]
    with model.evaluating(), model.computing(bf16=False), torch.inference_mode():
        # one key, so that the common beginning of the texts is computed once
        scores = to_numpy(model.score_ids(texts, keys=[0] * len(texts), batch_tokens=batch_tokens))
    return scores[0] - scores[2:], float(scores[0]), float(scores[1])


def _leave_out_words(scorer: Callable[..., Any], prompt: Text, response: Text) -> Attribution:
    if not isinstance(response, str):
        raise TypeError(f"expected the response to a function as a text, got {type(response).__name__}")
    spans = [match.span() for match in re.finditer(r"\S+\s*", response)]
    if len(spans) > MOST_WORDS:
        raise ValueError(f"expected a response of at most {MOST_WORDS:,} words for a function, got {len(spans):,}")
    texts = [response, "", *(response[:start] + response[end:] for start, end in spans)]
    scores = np.asarray(scorer([prompt] * len(texts), texts), dtype=np.float64)
    if scores.shape != (len(texts),) or not np.isfinite(scores).all():
        raise ValueError(f"expected {len(texts)} finite scores from the function, got {scores!r:.80}")
    return Attribution(
        response, tuple(response[a:b] for a, b in spans), tuple(spans), scores[0] - scores[2:], "leave-one-out",
        float(scores[0]), float(scores[1]), 0, 0,
    )  # fmt: skip
