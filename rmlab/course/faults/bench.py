"""The parts of a run of the fault lab: pairs from the world of replies, a tokenizer and a tiny decoder."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer

from rmlab.course.faults.faulty_decoder import FaultyConfig, FaultyForSequenceClassification
from rmlab.data import PreferencePairs, split_by_prompt
from rmlab.datasets import load_tiny_language_model
from rmlab.model import backbones
from rmlab.simulate.replies import Judge, ReplyPolicy, simulate_reply_pairs

__all__ = ["SOURCES", "Parts", "make_network", "make_parts", "make_tokenizer"]

SOURCES = ("A", "B", "A", "B", "C")
"""The files that the pairs come from, in turn: a fifth come from C, which the fault "swapped labels" reverses."""
SHORT_LIMIT = 32
"""Tokens that the fault "truncation" leaves of a text; most have 40 to 70."""
N_PAIRS, N_QUESTIONS = 1400, 32

JUDGE = Judge("plain", {"warm": 3, "curt": -3, "flattery": -4, "wrong": -4, "complies": -3, "due_refusal": 3})
"""Strict, so that a model of this size learns something within seconds."""
_CORES = {"short": 0.7, "wrong": 0.3}
POLICY = ReplyPolicy(
    cores={
        "plain": _CORES,
        "brief": _CORES,
        "uncertain": _CORES,
        "harmful": {"short": 0.3, "refusal": 0.7},
    },
    parts={"warm": 0.5, "curt": 0.5, "flattery": 0.4},
)
"""Short replies: an answer, right or wrong, or a refusal; a warm or a curt opening; and perhaps flattery."""


class Parts(NamedTuple):
    """The pairs of a run."""

    train: PreferencePairs
    test: PreferencePairs
    others: PreferencePairs
    """Pairs of questions that are in neither part, whatever the split."""


@cache
def make_parts(fault: str | None, seed: int) -> Parts:
    """Make the pairs of a run, assign each to one of three files, and split them."""
    made = simulate_reply_pairs(N_PAIRS, judge=JUDGE, policy=POLICY, n_questions=N_QUESTIONS, seed=seed).pairs
    rows = [replace(pair, group=SOURCES[i % len(SOURCES)]) for i, pair in enumerate(made)]
    if fault == "swapped labels":
        rows = [
            replace(pair, chosen=pair.rejected, rejected=pair.chosen) if pair.group == "C" else pair for pair in rows
        ]
    used, others = split_by_prompt(PreferencePairs.from_list(rows), fractions=(0.5, 0.5), seed=seed)
    if fault != "leaking prompts":
        train, test = split_by_prompt(used, fractions=(0.75, 0.25), seed=seed)
        return Parts(train, test, others)
    order = np.random.default_rng(seed).permutation(len(used))
    quarter = len(used) // 4
    return Parts(used.take(np.sort(order[quarter:])), used.take(np.sort(order[:quarter])), others)


def make_tokenizer(fault: str | None) -> Any:
    """Return the tokenizer of the tiny decoders, which ends each text in EOS, changed as the fault requires."""
    tokenizer = AutoTokenizer.from_pretrained(Path(backbones.__file__).parent / "tiny_tokenizer")
    ending = "" if fault == "no EOS" else f" {tokenizer.eos_token}"
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"$A{ending}", special_tokens=[(tokenizer.eos_token, tokenizer.eos_token_id)]
    )
    if fault == "pad is EOS":
        tokenizer.pad_token = tokenizer.eos_token
    if fault == "truncation":
        tokenizer.model_max_length = SHORT_LIMIT
    return tokenizer


def make_network(fault: str | None, tokenizer: Any, seed: int) -> FaultyForSequenceClassification:
    """Return the tiny language model of the course with a fresh head in place of its vocabulary."""
    language_model = load_tiny_language_model()
    settings = language_model.config.to_dict()
    for name in ("model_type", "architectures", "transformers_version"):
        settings.pop(name, None)
    settings |= {
        "pad_token_id": tokenizer.pad_token_id,
        "num_labels": 2 if fault == "two outputs" else 1,
        "problem_type": "regression",
    }
    misread = fault if fault in ("last column", "softmax") else ""
    with backbones.torch_seed(seed):
        network = FaultyForSequenceClassification(FaultyConfig(**settings, fault=misread))
    network.model.load_state_dict(language_model.model.state_dict())
    return network
