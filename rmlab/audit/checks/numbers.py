"""Checks of the scores as numbers: finite, different, within half precision, and not just a count of words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from rmlab.audit.audited_model import first_line, plain
from rmlab.audit.built_in_texts import PARAGRAPH
from rmlab.audit.context import Context, broken, check, kept, not_applicable
from rmlab.audit.results import CheckResult, Example
from rmlab.audit.shrink import shrink
from rmlab.data import Side
from rmlab.evaluation.intervals import Z95

__all__ = ["CHECKS"]

LONGEST = 2048
"""Tokens of the longest text that is tried: one of 100,000 would take hours on a CPU."""
TIES = 0.05
"""The share of pairs with equal scores that breaks the line. In float32 chance gives one in ten thousand, whereas the
faults that we look for affect most pairs. A few exact repeats, which differ only in spaces, are accepted."""
LONG, LEAST_PAIRS = 0.5, 30
"""The length line is broken if the whole interval lies beyond a correlation of +-0.5: length alone then explains a
quarter of the variance of score differences between pairs with the same label. With fewer than thirty pairs the
interval is wider than that, so nothing is said."""
FP16_MAX = 65504.0


@check(
    "finite",
    issues=["trl#3236"],
    remedy="set tokenizer.model_max_length to what the network takes (its positions), and score in float32 or bfloat16",
)
def finite(context: Context) -> CheckResult:
    """Check that every text has a finite score, including one longer than the model accepts.

    A tokenizer that does not know its network's limit passes on more tokens than there are positions, which is an index
    error after an hour of scoring. A NaN is worse: it spreads through a mean and makes every comparison false.
    """
    bad = [i for i in range(2 * len(context.pairs)) if not context.is_finite[i]]
    tokens_wanted = min(LONGEST, int(1.25 * max(context.audited.limits, default=LONGEST)))
    words = (PARAGRAPH * (tokens_wanted // 20)).split()  # at least one token a word, over 40 words each

    def failure(n_words: int) -> tuple[str | None, int]:
        """Return what goes wrong with a text of this many words, or None, and its number of tokens."""
        text = context.audited.read([("Go on.", " ".join(words[:n_words]))]).tokens
        n_tokens = len(text[0]["input_ids"])
        try:
            score = context.audited.scores(text)[0]
        except Exception as error:
            return first_line(error), n_tokens
        return (None if np.isfinite(score) else f"a score of {score}"), n_tokens

    most = next((n for n in range(0, len(words), 64) if n and _tokens(context, words[:n]) >= tokens_wanted), len(words))
    reason, n_tokens = failure(most)
    if reason is None and not bad:
        cut = f", cut to {n_tokens:,}" if n_tokens < tokens_wanted else ""
        return kept(f"{len(context.is_finite)} texts, and one of {_tokens(context, words[:most]):,} tokens{cut}")
    left_out = (
        f"; {len(bad)} of {len(context.is_finite)} texts of the sample have no score, "
        "and the other lines leave them out"
    )
    if reason is None:
        text = context.all_texts[bad[0]]
        what = context.failures.get(bad[0], "a score that is not finite")
        parts = shrink(text, lambda some: not _is_fine(context, some))
        return broken(f"a text gives {what}{left_out}", Example({"prompt": parts[0], "response": parts[1]}, {}))
    fine, failing = 1, most  # bisect: longer texts fail as well
    if failure(fine)[0] is not None:
        failing = fine
    while failing - fine > 1:
        middle = (fine + failing) // 2
        fine, failing = (middle, failing) if failure(middle)[0] is None else (fine, middle)
    reason, n_tokens = failure(failing)
    return broken(
        f"a text of {n_tokens:,} tokens gives {reason}" + (left_out if bad else ""),
        Example({"prompt": "Go on.", "response": " ".join(words[:failing])}, {"tokens": n_tokens}),
    )


@check(
    "equal scores",
    issues=["RLHF-Reward-Modeling#49", "trl#2758"],
    remedy="look where the score is read: at the last token of the response, and not of the prompt or of the padding",
    needs=["scores"],
)
def equal_scores(context: Context) -> CheckResult:
    """Check that two responses to one prompt have different scores.

    A score that is read at the end of the prompt, or at a fixed place, is the same for both. Scores still vary from
    prompt to prompt and look sound; accuracy is exactly one half, or 0 or 1 if ties are counted one way.
    """
    pairs = [
        (pair, difference)
        for pair, chosen, rejected, difference in context.scored_pairs
        if list(chosen["input_ids"]) != list(rejected["input_ids"])
    ]
    if not pairs:
        return not_applicable("no pair of the sample has two responses that are read differently")
    equal = [pair for pair, difference in pairs if difference == 0]
    found = f"{len(equal)} of {len(pairs)} pairs that are read differently have equal scores"
    if len(equal) <= TIES * len(pairs):
        return kept(found)

    def scores(parts: tuple[Side, ...]) -> np.ndarray:
        tokens = context.audited.read([(parts[0], parts[1]), (parts[0], parts[2])]).tokens
        same = list(tokens[0]["input_ids"]) == list(tokens[1]["input_ids"])
        return np.array([math.nan, math.nan]) if same else context.audited.alone(tokens)

    pair = min(equal, key=lambda pair: len(plain(pair.chosen)) + len(plain(pair.rejected)))
    parts = shrink((pair.prompt, pair.chosen, pair.rejected), lambda some: float(np.ptp(scores(some))) == 0)
    both = scores(parts)
    return broken(
        found,
        Example(
            {"prompt": parts[0], "chosen": parts[1], "rejected": parts[2]},
            {"score of chosen": both[0], "of rejected": both[1]},
        ),
    )


@check(
    "length",
    remedy="train on pairs in which length says nothing, or compare responses of similar length",
    needs=["scores", "pairs", "steady"],
)
def length(context: Context) -> CheckResult:
    """Check that score differences are more than length differences.

    People prefer longer answers a little, and a reward model learns that first and most. A policy trained on it then
    writes long answers. The correlation is Spearman's, between score(chosen) - score(rejected) and the difference of
    their lengths in tokens. Both are written chosen minus rejected, so a model that is right about labels but ignores
    length has no correlation, even if chosen responses are longer. The interval (95%) is by Bonett and Wright (2000),
    Sample size requirements for estimating Pearson, Kendall and Spearman correlations; it assumes independent pairs.
    """
    from scipy.stats import rankdata

    rows = [
        (pair, difference, _response_tokens(context, pair.chosen) - _response_tokens(context, pair.rejected))
        for pair, _, _, difference in context.scored_pairs
    ]
    if len(rows) < LEAST_PAIRS:
        return not_applicable(f"needs {LEAST_PAIRS} pairs, got {len(rows)}")
    scores, lengths = (np.array([row[i] for row in rows], dtype=float) for i in (1, 2))
    if not np.ptp(scores) or not np.ptp(lengths):
        return not_applicable(f"all {'score' if not np.ptp(scores) else 'length'} differences are equal")
    ranks = [rankdata(values) - (len(rows) + 1) / 2 for values in (scores, lengths)]
    r = float(ranks[0] @ ranks[1] / math.sqrt((ranks[0] @ ranks[0]) * (ranks[1] @ ranks[1])))
    half = Z95 * math.sqrt((1 + r * r / 2) / (len(rows) - 3))
    z = math.atanh(min(max(r, -1 + 1e-9), 1 - 1e-9))
    low, high = math.tanh(z - half), math.tanh(z + half)
    found = f"rank correlation {r:.2f} ({low:.2f} to {high:.2f}) with the difference of lengths, {len(rows)} pairs"
    if low <= LONG and high >= -LONG:
        return kept(found)
    ranked = ranks[0] * ranks[1] * math.copysign(1, r)
    pair, score, tokens = rows[int(ranked.argmax())]
    return broken(
        found,
        Example(
            {"prompt": pair.prompt, "chosen": pair.chosen, "rejected": pair.rejected},
            {"score difference": score, "length difference in tokens": tokens},
        ),
    )


@check(
    "half precision",
    issues=["trl#3236"],
    remedy="compute in bfloat16 or float32: bfloat16 has the range of float32",
    needs=["scores"],
)
def half_precision(context: Context) -> CheckResult:
    """Check that nothing inside the network is larger than float16 can hold.

    Many networks have a few activations in the thousands, and some beyond 65,504. In float16 these are infinite, and
    NaN one layer later. The largest input or output of any layer is measured in float32, on the four longest texts.
    """
    longest = sorted(context.rows, key=lambda row: -len(row.tokens["input_ids"]))[:4]
    with _largest(context.audited.network) as largest:
        for row in longest:
            context.audited.scores([row.tokens])
    where, value = max(largest.items(), key=lambda item: item[1])
    found = f"the largest activation is {value:,.4g}, in {where}; float16 ends at 65,504"
    if value <= FP16_MAX:
        return kept(found)

    def is_broken(parts: tuple[Side, ...]) -> bool:
        with _largest(context.audited.network) as seen:
            context.audited.scores(context.audited.read([(parts[0], parts[1])]).tokens)
        return max(seen.values()) > FP16_MAX

    text = next(row.text for row in longest if is_broken(row.text))
    parts = shrink(text, is_broken)
    return broken(found, Example({"prompt": parts[0], "response": parts[1]}, {}))


@contextmanager
def _largest(network: torch.nn.Module) -> Iterator[dict[str, float]]:
    """Record the largest absolute value that goes into and comes out of each layer while the context is open."""
    largest: dict[str, float] = {}

    def note(name: str) -> Any:
        def hook(_: Any, inputs: Any, output: Any) -> None:
            for value in (*inputs, output):
                if isinstance(value, torch.Tensor) and value.is_floating_point() and value.numel():
                    largest[name] = max(largest.get(name, 0.0), float(value.abs().max()))

        return hook

    leaves = [(name, module) for name, module in network.named_modules() if not any(module.children())]
    handles = [module.register_forward_hook(note(name)) for name, module in leaves]
    try:
        yield largest
    finally:
        for handle in handles:
            handle.remove()


def _is_fine(context: Context, parts: tuple[Side, ...]) -> bool:
    tokens = context.audited.read([(parts[0], parts[1])]).tokens
    try:
        return bool(np.isfinite(context.audited.scores(tokens)[0]))
    except Exception:
        return False


def _tokens(context: Context, words: Sequence[str]) -> int:
    return len(context.audited.tokenizer(" ".join(words), truncation=False)["input_ids"])


def _response_tokens(context: Context, side: Side) -> int:
    return len(context.audited.tokenizer(plain(side), add_special_tokens=False)["input_ids"])


CHECKS = (finite, equal_scores, length, half_precision)
"""The checks of this file, in the order of the table."""
