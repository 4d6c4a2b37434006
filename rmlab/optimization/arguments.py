"""Checks of the arguments of this package; an error says what was expected, what was given and what to do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rmlab.simulate.raters import count

__all__ = ["betas", "counts", "finite", "reply_probabilities"]

_TOLERANCE = 1e-6


def reply_probabilities(probabilities: np.ndarray, *, what: str = "probabilities") -> np.ndarray:
    """Return probabilities of replies as float64 that sums to one; shape ``(n_replies,)``.

    Raises
    ------
    ValueError
        If there are none, one is not above 0, or they do not sum to one. A reply without probability has no likelihood
        ratio, so no reweighting can reach it.
    """
    p = finite(what, probabilities)
    if not p.size:
        raise ValueError(f"{what} is empty; give at least one reply")
    without = np.flatnonzero(p <= 0)
    if len(without):
        raise ValueError(
            f"{what}: {len(without):,} of {len(p):,} replies have no probability (the first is reply {without[0]}, "
            f"with {p[without[0]]:g}); leave them out"
        )
    if abs(p.sum() - 1) > _TOLERANCE:
        raise ValueError(f"{what} must sum to one, got {p.sum():.6g}; divide them by their sum")
    return p / p.sum()


def finite(name: str, values: np.ndarray, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Return values as finite float64 with one axis, or with `shape`.

    Raises
    ------
    ValueError
        If they have another shape, or some are not finite; it gives their number and the place of the first.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.shape != shape if shape is not None else array.ndim != 1:
        raise ValueError(f"{name} must have shape {shape or '(n_replies,)'}, got {array.shape}")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        at = tuple(bad[0].tolist())
        place = f"index {at[0]}" if len(at) == 1 else f"index {at}"
        raise ValueError(
            f"{name} must be finite: {len(bad):,} of {array.size:,} are not (the first, at {place}, is {array[at]}); "
            "correct what computes them, or leave those replies out"
        )
    return array


def counts(n: int | Sequence[int] | np.ndarray) -> np.ndarray:
    """Return the n of best-of-n as an int array of shape ``(k,)``, each at least 1."""
    return np.array([count("n", one) for one in np.atleast_1d(np.asarray(n, dtype=object))], dtype=np.int64)


def betas(beta: float | Sequence[float] | np.ndarray) -> np.ndarray:
    """Return prices of a nat of KL as a float64 array of shape ``(k,)``, each finite and above 0."""
    values = np.atleast_1d(np.asarray(beta, dtype=np.float64))
    wrong = values[~((values > 0) & np.isfinite(values))]
    if wrong.size or values.ndim != 1:
        raise ValueError(
            f"beta must be a finite number above 0 (reward for a nat of KL), got {wrong[0] if wrong.size else beta}; "
            "without a price the optimum is the single best reply, which best_of_n approaches as n grows"
        )
    return values
