"""The columns of the view of two models: the same pairs under two scorers, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rmlab.data import PreferencePair
from rmlab.evaluation import Comparison, compare_models
from rmlab.explorer.score_sources import as_pairs, differences_of, json_numbers, prompts_of

__all__ = ["comparison_columns"]


def comparison_columns(
    a: Any,
    b: Any,
    pairs: Sequence[PreferencePair],
    *,
    names: tuple[str, str] = ("A", "B"),
    fitted: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """Return what the view of two models shows, in a form that JSON can hold.

    Each model's scores have their own scale, and a constant of their own for each prompt. A score difference does not
    depend on the constant. Divided by the root mean square of all differences of its model, it does not depend on the
    scale either. Zero stays zero, so the sign keeps its meaning: positive agrees with the label.

    Parameters
    ----------
    a, b
        Each a model, a callable from prompts and responses to scores, or score differences, ``(n_pairs,)``.
    pairs
        The pairs that both were given.
    names
        The names of the two, as shown.
    fitted
        Whether one of the two may have been fitted to some of these pairs. ``words`` then give no verdict.
    seed
        Seed of the bootstrap in the test.

    Returns
    -------
    ``difference_a``, ``difference_b`` (each in its model's own unit); ``standard_a``, ``standard_b``; ``scales``;
    ``quadrants``, the number of pairs in each; ``tied``, the places of pairs that the raters judged a tie; ``test``,
    that of `rmlab.compare_models` by prompt on the other pairs, None if there are none; ``words``, its result;
    ``notes``; ``names`` and ``n_pairs``.

    Raises
    ------
    ValueError
        If there is not one finite score difference for each pair under both.
    """
    table = as_pairs(pairs)
    tied = table.tied
    d = np.stack([differences_of(source, table) for source in (a, b)])  # (2, n_pairs)
    scales = np.sqrt(np.mean(d**2, axis=1)) if len(table) else np.zeros(2)
    standard = d / np.where(scales > 0, scales, 1.0)[:, None]
    decided = table.decided
    test = None
    if decided.any():
        test = compare_models(d[0, decided], d[1, decided], clusters=prompts_of(table.take(decided)), seed=seed)
    notes = []
    if len(table) == 0:
        notes.append("There are no pairs here: check the file and the filter.")
    if tied.any():
        notes.append(f"{tied.sum():,} of {len(table):,} pairs were judged a tie and are not counted here.")
    notes += [
        f"{name} gives every pair a difference of zero: it cannot tell any two responses apart."
        for name, scale in zip(names, scales, strict=True)
        if len(table) and scale == 0
    ]
    return {
        "names": list(names),
        "n_pairs": len(table),
        "difference_a": json_numbers(d[0]),
        "difference_b": json_numbers(d[1]),
        "standard_a": json_numbers(standard[0]),
        "standard_b": json_numbers(standard[1]),
        "scales": scales.tolist(),
        "quadrants": _quadrants(np.sign(d[:, decided])),
        "tied": np.flatnonzero(tied).tolist(),
        "test": None if test is None else test.to_dict(),
        "words": "" if test is None else in_words(test, *names, fitted=fitted),
        "notes": notes,
    }


def _quadrants(signs: np.ndarray) -> dict[str, int]:
    a, b = signs
    return {
        "both": int(((a > 0) & (b > 0)).sum()),
        "only_a": int(((a > 0) & (b < 0)).sum()),
        "only_b": int(((a < 0) & (b > 0)).sum()),
        "neither": int(((a < 0) & (b < 0)).sum()),
        "tie": int(((a == 0) | (b == 0)).sum()),
    }


def in_words(test: Comparison, a: str, b: str, *, fitted: bool = False) -> str:
    """Return what a paired test found, in sentences; if a model was `fitted` to these pairs, without a verdict."""
    prompts = "" if test.n_clusters in (None, test.n_pairs) else f" of {test.n_clusters:,} prompts"
    said = (
        f"On {test.n_pairs:,} pairs{prompts}, {a} agrees with the label in {test.accuracy_a:.1%} and {b} in "
        f"{test.accuracy_b:.1%}, a tie of scores counted as one half. {a} agrees more on {test.n_a_better:,} "
        f"pairs and {b} on {test.n_b_better:,}; on {test.n_equal:,} they are equal. "
    )
    if fitted:
        return f"{said}{a} may have been trained on some of these pairs, so they do not show which is better on others."
    if test.accuracy_difference_interval is None:
        return f"{said}One pair, or one prompt, gives no interval, so nothing follows about others."
    p = "below 0.001" if test.p_value < 0.001 else f"= {test.p_value:.3f}"
    low, high = (100 * end for end in test.accuracy_difference_interval)
    said += (
        f"The difference is {100 * test.accuracy_difference:+.1f} points (95% interval {low:+.1f} to {high:+.1f}; "
        f"exact paired test, p {p}): "
    ).replace("-", "−")
    if test.p_value >= 0.05:
        return said + "these pairs do not separate the two."
    return said + f"{a if test.accuracy_difference > 0 else b} is better on pairs like these."
