"""An audit of invariants that every reward model must keep. Most of them have been found broken in practice.

`audit` takes a model as it is, scores a sample of texts in several ways, and returns a table. Each line is kept, broken
(with the smallest example that shows it) or not applicable (with the reason). No line needs to know which response is
better.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from rmlab.audit.audited_model import load_audited_model
from rmlab.audit.built_in_texts import BUILT_IN
from rmlab.audit.checks import CHECKS
from rmlab.audit.context import Context
from rmlab.audit.results import Audit, CheckResult, Example
from rmlab.data import PreferencePair
from rmlab.model import RewardModel
from rmlab.model.backbones import quiet_transformers, torch_seed

__all__ = ["Audit", "CheckResult", "Example", "audit"]

CROWD = 2000
"""How many pairs, at most, are tokenised to count those that truncation makes equal."""


def audit(
    model: RewardModel | tuple[Any, Any] | str | Path,
    pairs: Sequence[PreferencePair] | None = None,
    *,
    sample: int = 64,
    seed: int = 0,
    max_length: int | None = None,
    revision: str | None = None,
    progress: bool = False,
) -> Audit:
    """Check what any reward model must keep: the same score in every batch, a head that reloads, and a dozen more.

    Parameters
    ----------
    model
        A folder or a hub id, loaded by `transformers.AutoModelForSequenceClassification` as it is, in float32; a
        (network, tokenizer) pair; or a `RewardModel`. Token ids are those of `RewardModel`: by the convention that the
        folder records, else by TRL's. A short name, an adapter, and a model with a head that transformers does not know
        are loaded and scored by rmlab.
    pairs
        Preference pairs of the kind for which the model is used. Without them a dozen built-in texts are read, and the
        checks that depend on data are not applicable.
    sample
        Pairs to score, drawn at random. 32 of their texts, of all lengths, are scored in several ways. Truncation is
        counted on up to 2,000 pairs.
    seed
        Seed of the draw, and of anything random in the model.
    max_length
        Longest sequence in tokens; by default the limit of the `RewardModel`, or else of the tokenizer.
    revision
        Branch, tag or commit of a hub model.
    progress
        Show a bar.

    Raises
    ------
    ModelError
        If the model cannot be loaded, has no head, is not in float32, or cannot score a single text.
    ValueError
        If there are no pairs, or `sample` is not at least 1.
    """
    if sample < 1:
        raise ValueError(f"sample must be at least 1 pair, got {sample}")
    if pairs is not None and not len(pairs):
        raise ValueError("expected at least one pair, got none; leave pairs out to read the built-in texts")
    given = BUILT_IN if pairs is None else pairs
    with quiet_transformers(), torch_seed(seed):
        audited = load_audited_model(model, revision=revision, max_length=max_length)
        context = Context(
            audited, pairs=_draw(given, sample, seed), crowd=_draw(given, CROWD, seed), are_given=pairs is not None
        )
        results = []
        bar = tqdm(CHECKS, desc="audit", unit="check", disable=not progress)
        for check in bar:
            bar.set_postfix_str(check.name)
            results.append(check(context))
        return Audit(
            model=audited.name,
            results=tuple(results),
            n_pairs=None if pairs is None else len(context.pairs),
            n_texts=2 * len(context.pairs),
            tolerance=context.tolerance,
            spread=context.spread,
            max_length=max_length,
            seed=seed,
        )


def _draw(pairs: Sequence[PreferencePair], n: int, seed: int) -> list[PreferencePair]:
    """Draw n pairs at random, in their order; all pairs if there are no more than n."""
    if len(pairs) <= n:
        return list(pairs)
    drawn = np.sort(np.random.default_rng(seed).choice(len(pairs), size=n, replace=False))
    return [pairs[int(i)] for i in drawn]
