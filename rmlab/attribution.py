"""What each token of a response adds to its score, or to the score difference of two responses.

There are two methods. *Leave-one-out* scores the response without the token, to see how much of the score is lost. It
is like an experiment, costs one score per token, and does not add up in general, since tokens also work together.
*Integrated gradients* (Sundararajan, Taly and Yan 2017) go in a straight line from a response of as many baseline
tokens to the given one, and add up the slope on the way. By the fundamental theorem of calculus they do add up, to
quadrature error. In both methods the prompt, the special tokens and what truncation left of them stay unchanged.

A result gives the part that it did not explain as `remainder`; this is never spread over the tokens.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch

from rmlab.model import ModelError, RewardModel
from rmlab.model.devices import on_device, to_numpy
from rmlab.model.tokenization import Encoded, Text

__all__ = ["Attribution", "DifferenceAttribution", "Method", "Scorer", "attribute", "attribute_difference"]

Method = Literal["auto", "leave-one-out", "integrated-gradients"]
Scorer = RewardModel | Callable[[Sequence[Text], Sequence[Text]], Any]
"""A source of n scores for n prompts with their n responses: a reward model, or any function."""

SHORT = 64
"""Up to this many response tokens, the end included, ``"auto"`` leaves each out; beyond, gradients cost less."""
TOLERANCE = 1e-3
"""Integrated gradients add up if the remainder is at most this share of the values' absolute sum, or this in nats."""
MOST_WORDS = 1000
"""The most words of a response to a function: each costs a call with the whole text but that word."""
STEPS = (24, 48, 96, 192, 384)
"""Points on the line, tried in turn until the values add up."""


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each token of one response adds to its score, in nats."""

    text: str
    """The response as the scorer reads it; `spans` count in it."""
    tokens: tuple[str, ...]
    """The piece of `text` that each token stands for; bytes of one character all show that character."""
    spans: tuple[tuple[int, int], ...]
    values: np.ndarray
    """What each token adds, float64 of shape ``(n_tokens,)``. Positive: the score is higher for it."""
    method: Literal["leave-one-out", "integrated-gradients"]
    score: float
    without: float
    """The score with all tokens at once left out, or replaced by baseline tokens."""
    prompt_tokens_cut: int
    response_tokens_cut: int
    """Tokens that truncation removed on the left; nothing here accounts for them."""

    @property
    def remainder(self) -> float:
        """The part of ``score - without`` that the tokens do not add up to, in nats."""
        return self.score - self.without - float(self.values.sum())

    @property
    def tolerance(self) -> float:
        """The largest remainder that counts as none, in nats."""
        return _tolerance(self.values)

    @property
    def complete(self) -> bool:
        """Whether the tokens add up to ``score - without``."""
        return abs(self.remainder) <= self.tolerance

    def __str__(self) -> str:
        gone = "left out" if self.method == "leave-one-out" else "replaced by baseline tokens"
        return (
            f"{len(self.tokens)} tokens add {_signed(self.values.sum())} in all ({self.method}); the score is "
            f"{_signed(self.score - self.without)} from that with all of them {gone}. {_add_up(self)}{_cut(self)}"
        )


@dataclass(frozen=True, eq=False)
class DifferenceAttribution:
    """What each token of two responses to one prompt adds to score(first) - score(second), in nats.

    A token of the first response adds its value, and one of the second subtracts its value.
    """

    first: Attribution
    second: Attribution

    @property
    def difference(self) -> float:
        """The score difference, score(first) - score(second)."""
        return self.first.score - self.second.score

    @property
    def remainder(self) -> float:
        """The part of the difference that no token adds: both remainders, and the effect of the two lengths alone."""
        return self.difference - float(self.first.values.sum() - self.second.values.sum())

    @property
    def from_length(self) -> float:
        """The difference when all tokens are baseline tokens; zero where tokens are left out, if no prompt is cut."""
        return self.first.without - self.second.without

    @property
    def tolerance(self) -> float:
        """The largest remainder that counts as none, in nats."""
        return self.first.tolerance + self.second.tolerance

    @property
    def complete(self) -> bool:
        """Whether the tokens alone add up to the difference."""
        return abs(self.remainder) <= self.tolerance

    def __str__(self) -> str:
        return self.in_words("the first", "the second")

    def in_words(self, first: str, second: str) -> str:
        """Return what the tokens add up to, in words, with these names for the two responses."""
        sums = self.first.values.sum(), -self.second.values.sum()
        text = (
            f"The difference is {_signed(self.difference)}: the tokens of {first} add {_signed(sums[0])} to it, those "
            f"of {second} {_signed(sums[1])} ({self.first.method}). {_add_up(self)}"
        )
        if self.first.method == "integrated-gradients":
            text += f" As many baseline tokens differ by {_signed(self.from_length)}, the effect of the lengths alone."
        return text + _cut(self.first) + _cut(self.second)


def _tolerance(values: np.ndarray) -> float:
    return TOLERANCE * max(1.0, float(np.abs(values).sum()))


def _add_up(found: Attribution | DifferenceAttribution) -> str:
    if found.complete:
        return f"They add up, to within {found.tolerance:.3f}."
    return f"They do not add up: {_signed(found.remainder)} remains that no single token adds."


def _signed(value: float) -> str:
    """Write a number with its sign; the minus is as wide as the plus."""
    return f"{round(float(value), 3) + 0.0:+.3f}".replace("-", "−")


def _cut(one: Attribution) -> str:
    cut = [(one.prompt_tokens_cut, "prompt"), (one.response_tokens_cut, "response")]
    parts = " and ".join(f"{n:,} of the {name}" for n, name in cut if n)
    return f" Too long: {parts} tokens on the left were cut and not read." if parts else ""


def attribute(
    scorer: Scorer, prompt: Text, response: Text, *, method: Method = "auto", batch_tokens: int | None = None
) -> Attribution:
    """Compute what each token of a response adds to its score.

    The baseline token, from which integrated gradients start, is the mean of the vocabulary's embeddings: it is no
    word, and every network has one. The start has as many tokens as the response, so the effect of length alone is in
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
        If the method is none of these, or the scorer does not give one finite score for each response.
    """
    if method not in ("auto", "leave-one-out", "integrated-gradients"):
        raise ValueError(f"method must be 'auto', 'leave-one-out' or 'integrated-gradients', got {method!r}")
    if not isinstance(scorer, RewardModel):
        if method == "integrated-gradients":
            raise ValueError("integrated gradients need a RewardModel; a function's words can be left out one by one")
        return _leave_out_words(scorer, prompt, response)
    encoded = scorer.encode([prompt], [response])
    (ids,) = encoded.input_ids
    text, spans, columns = _response_tokens(scorer, prompt, response, encoded.prompt_lengths[0], ids)
    method = _method_for(encoded) if method == "auto" else method
    compute = _leave_out_tokens if method == "leave-one-out" else _integrate
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


def _integrate(
    model: RewardModel, ids: list[int], columns: list[int], batch_tokens: int | None
) -> tuple[np.ndarray, float, float]:
    """Integrate the slope along the line, at Gauss-Legendre points and at 0 and 1, whose scores are needed too."""
    values, ends = np.zeros(len(columns)), np.zeros(2)
    for n_steps in STEPS:
        points, weights = np.polynomial.legendre.leggauss(n_steps)  # on (-1, 1)
        slopes, scores = _slopes(model, ids, columns, np.concatenate([(points + 1) / 2, [0.0, 1.0]]), batch_tokens)
        values, ends = weights / 2 @ slopes[:-2], scores[-2:]
        if abs(ends[1] - ends[0] - values.sum()) <= _tolerance(values):
            break
    return values, float(ends[1]), float(ends[0])


def _slopes(
    model: RewardModel, ids: list[int], columns: list[int], share: np.ndarray, batch_tokens: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the slope for each token at each share of the way, ``(n_points, n_tokens)``, and the score there."""
    n_rows = max(1, (batch_tokens or 4096) // len(ids))
    row = torch.tensor(ids, device=model.device)
    moved = torch.zeros(len(ids) + 1, 1, device=model.device)  # with a last column, for a token that went beyond it
    moved[columns] = 1.0
    slopes, scores = [], []
    with model.evaluating(), model.computing(bf16=False), torch.enable_grad(), contextlib.ExitStack() as hooks:
        lines = _Lines(row, moved)
        for module in _embeddings(model):
            hook = partial(lines.replace, mean=_mean_embedding(module))
            hooks.callback(module.register_forward_hook(hook).remove)
        for part in on_device(share, like=moved).split(n_rows):
            lines.begin(part)
            score = model(
                row.expand(len(part), -1), torch.ones(len(part), len(ids), dtype=torch.long, device=row.device)
            )
            slopes.append(to_numpy(lines.slopes(score))[:, columns])
            scores.append(to_numpy(score))
    return np.concatenate(slopes), np.concatenate(scores)


class _Lines:
    """The straight lines along which a forward pass moves the embeddings, in each module that reads the tokens.

    Parameters
    ----------
    row
        The token ids of the text, ``(length,)``.
    moved
        1 for the tokens that move, ``(length + 1, 1)``, 0 at the end.
    """

    def __init__(self, row: torch.Tensor, moved: torch.Tensor):
        self.row, self.moved = row, moved
        self.part = moved[:0, 0]
        self.points: list[tuple[torch.Tensor, torch.Tensor, int]] = []

    def begin(self, part: torch.Tensor) -> None:
        """Set the shares of the way, ``(points,)``, at which the next forward pass computes."""
        self.part, self.points = part, []

    def replace(
        self, _module: Any, inputs: tuple[torch.Tensor, ...], words: torch.Tensor, *, mean: torch.Tensor
    ) -> torch.Tensor:
        """Return the embeddings on the way from the mean embedding; those of a decoder may be one place later."""
        words = words.detach()  # (points, length, width)
        later = 0 if torch.equal(inputs[0][0], self.row) else 1
        if later and not torch.equal(inputs[0][0, 1:], self.row[:-1]):
            raise ModelError(
                "integrated gradients need a network that reads the tokens in their order, or one place later; this "
                "one changes them. Take leave-one-out."
            )
        way = (words - mean) * self.moved.roll(later, 0)[:-1]
        points = (words - (1 - self.part[:, None, None]) * way).requires_grad_()
        self.points.append((points, way, later))
        return points

    def slopes(self, score: torch.Tensor) -> torch.Tensor:
        """Return the slope for each token, ``(points, length)``: the sum over the modules that read it."""
        gradients = torch.autograd.grad(score.sum(), [points for points, _, _ in self.points])
        total = torch.zeros(len(score), len(self.moved), device=score.device)
        for gradient, (_, way, later) in zip(gradients, self.points, strict=True):
            slope = (gradient * way).sum(-1)  # (points, length)
            total[:, : len(self.row) - later] += slope[:, later:]
        return total


def _embeddings(model: RewardModel) -> list[torch.nn.Module]:
    """Return the modules that embed tokens with the weights of the vocabulary; with encoder and decoder, two."""
    weight = model.network.get_input_embeddings().weight
    return [m for m in model.network.modules() if isinstance(m, torch.nn.Embedding) and m.weight is weight]


def _mean_embedding(module: Any) -> torch.Tensor:
    """Return the mean of what a module makes of the tokens of the vocabulary, ``(width,)``: some scale the weights."""
    if type(module) is torch.nn.Embedding:
        return module.weight.detach().mean(0)
    tokens = torch.arange(module.num_embeddings, device=module.weight.device)
    with torch.no_grad():
        sums = [module(part[None])[0].sum(0) for part in tokens.split(8192)]  # each (width,)
    return torch.stack(sums).sum(0) / len(tokens)


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
