"""One score for each item from a table of wins: the Bradley-Terry model by maximum likelihood, with errors.

    P(winner is preferred) = sigmoid(score(winner) - score(loser))

This is also the model, and the function, of a reward model; here each item has a score of its own. Scores are known up
to one constant: they sum to zero, or are relative to a named item.

References
----------
Bradley and Terry (1952), Rank analysis of incomplete block designs. Zermelo (1929), Die Berechnung der
Turnier-Ergebnisse. Ford (1957), Solution of a ranking problem from binary comparisons. Davidson (1970), On extending
the Bradley-Terry model to accommodate ties. Agresti, Categorical Data Analysis, for the order effect.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmlab.bradley_terry.counts import PairCounts, count_pairs, name_separate_groups, why_no_finite_maximum
from rmlab.bradley_terry.labels import index_labels
from rmlab.bradley_terry.newton import maximise
from rmlab.bradley_terry.result import BradleyTerryFit

__all__ = ["fit_bradley_terry"]


def fit_bradley_terry(
    winners: Iterable[Hashable],
    losers: Iterable[Hashable],
    *,
    weights: ArrayLike | None = None,
    tied: ArrayLike | None = None,
    ties: Literal["half", "davidson"] | None = None,
    first: ArrayLike | None = None,
    prior_variance: float | None = None,
    max_iterations: int = 100,
) -> BradleyTerryFit:
    """Fit one score to each item by maximum likelihood, from who beat whom.

    Before the fit, an exact check shows whether a finite maximum exists, whatever is fitted besides the scores.
    Comparisons are counted by pair, and Newton's method uses the counts: with a dense Cholesky factor for up to 256
    items, and with sparse conjugate gradients for more.

    Parameters
    ----------
    winners, losers
        The winner and the loser of each comparison, shape ``(n_comparisons,)``: labels of any hashable kind in a list,
        an array or a column of a table. An int is a label, not an index.
    weights
        How often each comparison was seen; 1 each if not given.
    tied
        True where the comparison was a tie; the order of winner and loser then does not matter.
    ties
        "half": a tie is half a win each way (the default if `tied` is given). "davidson": a tie has a probability of
        its own, see `rmlab.preference.davidson_probabilities`.
    first
        +1 where the winner was first (at home), -1 where the loser was, 0 where neither: fits an order effect.
    prior_variance
        Variance of a normal prior around 0 on each score. It makes the scores finite, whatever the comparisons. If it
        alone joins groups of items that never meet, a note of the fit names them.
    max_iterations
        Newton iterations after which to give up; ten is already many.

    Raises
    ------
    TypeError
        If the labels or flags are of an unsupported kind.
    ValueError
        If lengths differ, nothing is left to compare, an item meets itself, a weight is negative or not finite, or the
        likelihood has no finite maximum; the message names the items at fault.
    RuntimeError
        If the fit did not converge.

    Examples
    --------
    >>> fit = fit_bradley_terry(["a", "a", "a", "b"], ["b", "b", "b", "a"])
    >>> round(fit.probability("a", "b"), 6)
    0.75
    """
    if ties not in (None, "half", "davidson"):
        raise ValueError(f"ties must be 'half' or 'davidson', got {ties!r}")
    if ties is not None and tied is None:
        raise ValueError(f"ties={ties!r} has no effect without tied; pass tied, True for each tie")
    if prior_variance is not None and not 0 < prior_variance < np.inf:
        raise ValueError(f"prior_variance must be finite and above 0, or None for no prior, got {prior_variance!r}")
    if max_iterations < 1:
        raise ValueError(f"max_iterations must be at least 1, got {max_iterations!r}")
    items, winner, loser = index_labels(winners, losers)
    n, n_rows = len(items), len(winner)
    if n == 1:
        raise ValueError(f"a fit needs at least two items, got one: {items[0]!r}")
    if (itself := winner == loser).any():
        row = int(itself.argmax())
        raise ValueError(f"comparison {row} is of {items[winner[row]]!r} with itself; leave it out")
    weight = None if weights is None else _weights(weights, n_rows)
    is_tie = None if tied is None else _flags("tied", tied, n_rows, bool)
    order = None if first is None else _flags("first", first, n_rows, int)
    counts = count_pairs(n, winner, loser, weight, is_tie, order)

    ties = "half" if tied is not None and ties is None else ties
    # without a tie among the comparisons the likelihood is highest at tie parameter 0, the Bradley-Terry model
    davidson = ties == "davidson" and bool(counts.ties.any())
    if reason := why_no_finite_maximum(items, counts, has_prior=prior_variance is not None, davidson=davidson):
        raise ValueError(reason)
    parameters, information, n_iterations = maximise(
        counts, davidson=davidson, prior_variance=prior_variance, max_iterations=max_iterations
    )
    n_comparisons = float(counts.total.sum())
    return BradleyTerryFit(
        items=items,
        scores=parameters[:n],
        order_effect=None if first is None else float(parameters[n]),
        tie_parameter=None if ties != "davidson" else float(np.exp(parameters[-1])) if davidson else 0.0,
        n_comparisons=int(n_comparisons) if n_comparisons.is_integer() else n_comparisons,
        n_iterations=n_iterations,
        ties=ties,
        prior_variance=prior_variance,
        max_iterations=max_iterations,
        notes=_notes(items, counts) if prior_variance is not None else (),
        _parameters=parameters,
        _counts=counts,
        _information=information,
    )


def _notes(items: Sequence[Hashable], counts: PairCounts) -> tuple[str, ...]:
    separate = name_separate_groups(items, counts)
    if separate is None:
        return ()
    return (f"{separate}. Only the prior joins them, so scores of different groups cannot be compared",)


_TOTAL_WEIGHT = 1e300
"""The largest sum of the weights, so that sums and quotients of them stay finite."""


def _weights(values: ArrayLike, n_rows: int) -> NDArray[np.float64]:
    weights = np.asarray(values, np.float64)
    if weights.shape != (n_rows,):
        raise ValueError(f"weights must have shape ({n_rows},), one for each comparison, got {weights.shape}")
    wrong = ~((weights >= 0) & (weights < np.inf))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"a weight must be a finite number, 0 or more, got weights[{row}] = {weights[row]}")
    if not weights.any():
        raise ValueError("every weight is 0; a fit needs at least one comparison that counts")
    with np.errstate(over="ignore"):
        total = weights.sum()
    if total > _TOTAL_WEIGHT:
        raise ValueError(
            f"the weights add up to {total:.3g}, more than {_TOTAL_WEIGHT:.0e}; give counts of comparisons"
        )
    return weights


def _flags(name: str, values: ArrayLike, n_rows: int, kind: type) -> NDArray[Any]:
    """Check one flag for each comparison: True or False, or one of -1, 0, +1."""
    flags = np.asarray(values)
    if flags.shape != (n_rows,):
        raise ValueError(f"{name} must have shape ({n_rows},), one for each comparison, got {flags.shape}")
    if kind is bool:
        if flags.dtype != bool:
            raise TypeError(f"tied must hold True or False for each comparison, got dtype {flags.dtype}")
        return flags
    if flags.dtype.kind not in "iuf" or not np.isin(flags, (-1, 0, 1)).all():
        raise ValueError(
            "first must be +1 (the winner was first), -1 (the loser was) or 0 (neither) for each comparison, "
            f"got {np.unique(flags.astype(str))[:5].tolist()}"
        )
    return flags.astype(np.int64)
