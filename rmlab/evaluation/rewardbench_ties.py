"""The subset Ties of RewardBench 2: what a prompt in two versions adds to its score, and the score from the sums."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["ties_prompt", "ties_score"]

TIES_WEIGHTS = {"tied": 0.30, "ref": 0.30, "preferred": 0.20, "preferred_hard": 0.20, "margin": 0.01}


def ties_prompt(kinds: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> list[float]:
    """Return what a prompt of Ties adds to the sums behind its score, in the order that `ties_score` reads."""
    lead = {kind: float(good.min() - bad.max()) for kind, (good, bad) in kinds.items()}
    row = [float(kind in lead) for kind in ("tied", "ref")]
    row += [float(lead.get(kind, 0.0) > 0) for kind in ("tied", "ref")]
    if len(lead) < 2:
        return [*row, 0.0, 0.0, 0.0, 0.0]
    spread = float(np.ptp(kinds["tied"][0]))
    least = min(lead.values())
    with np.errstate(divide="ignore", invalid="ignore"):
        margin = float(np.nan_to_num(np.tanh(np.float64(least) / spread - 1), nan=0.0))  # 0 / 0 counts as 0
    return [*row, 1.0, float(lead["tied"] > spread), float(least > spread), margin]


def ties_score(sums: np.ndarray) -> np.ndarray:
    """Return the score of Ties from sums over prompts, ``(n, 8)``."""
    n_tied, n_ref, tied, ref, n_both, preferred, hard, margin = sums.T
    w = TIES_WEIGHTS
    on_both = w["preferred"] * preferred + w["preferred_hard"] * hard + w["margin"] * margin
    parts = ((w["tied"] * tied, n_tied), (w["ref"] * ref, n_ref), (on_both, n_both))
    return np.sum([np.divide(a, n, out=np.zeros_like(a), where=n > 0) for a, n in parts], axis=0)
