"""The preference model: from a difference of two scores to a probability, and from a probability to a loss.

Everything in rmlab rests on two lines:

    P(chosen is preferred) = sigmoid(score_difference)        loss = -log sigmoid(score_difference)

with ``score_difference = score(chosen) - score(rejected)`` in log-odds (nats). The functions are elementwise and serve
Python floats, NumPy arrays and torch tensors (any device, with gradients) with one implementation: the result has the
shape, kind, dtype and device of the argument. Integers give floating-point results. Nothing is averaged here; callers
do that. NaN gives NaN.

References
----------
Bradley and Terry (1952), Rank analysis of incomplete block designs. Zermelo (1929), Die Berechnung der
Turnier-Ergebnisse. Thurstone (1927), A law of comparative judgment. Davidson (1970), On extending the Bradley-Terry
model to accommodate ties. Plackett (1975), The analysis of permutations. Luce (1959), Individual choice behavior.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from array_api_compat import array_namespace, is_torch_array

if TYPE_CHECKING:
    import torch

    Scores = TypeVar("Scores", float, np.ndarray, torch.Tensor)
else:
    Scores = TypeVar("Scores")

__all__ = [
    "ELO_POINTS_PER_NAT",
    "DavidsonProbabilities",
    "davidson_loss",
    "davidson_probabilities",
    "elo_points",
    "outcomes",
    "plackett_luce_log_likelihood",
    "preference_loss",
    "preference_odds",
    "preference_probability",
    "score_difference_from_probability",
    "thurstone_probability",
]

ELO_POINTS_PER_NAT = 400 / math.log(10)
"""Elo points per unit of score difference: 400 points are odds of ten to one, so a nat is 173.718 points."""


def outcomes(score_differences: np.ndarray) -> np.ndarray:
    """Return how far scores agree with labels: 1 if the chosen response scores higher, 0 if lower, one half if equal.

    Their mean is the accuracy. This is the only rule for equal scores.

    Parameters
    ----------
    score_differences
        ``score(chosen) - score(rejected)``, any shape.
    """
    return (np.sign(score_differences) + 1) / 2


def preference_probability(score_difference: Scores) -> Scores:
    """Return the probability that the chosen response is preferred: ``sigmoid(score_difference)``.

    Parameters
    ----------
    score_difference
        score(chosen) - score(rejected), in log-odds (nats); any shape.

    Returns
    -------
    Probabilities in [0, 1], in the shape, kind, dtype and device of the argument.

    Examples
    --------
    >>> preference_probability(1.0)
    0.7310585786300049
    """
    xp, d = _floating("score_difference", score_difference)
    zero = xp.zeros_like(d)
    # 1 / (1 + exp(-d)) above zero and exp(d) / (exp(d) + 1) below, so that no exponential overflows and a small
    # probability keeps all its digits; `where` would need both branches finite for a gradient.
    below, above = xp.exp(xp.minimum(d, zero)), xp.exp(-xp.maximum(d, zero))
    return _like(score_difference, below / (below + above))


def preference_loss(score_difference: Scores, *, margin: Scores | float = 0.0, label_smoothing: float = 0.0) -> Scores:
    """Return the negative log-likelihood of a preference, ``-log sigmoid(score_difference - margin)``, in nats.

    It is binary cross-entropy with the label "chosen". With label smoothing e, the label is taken to be wrong with
    probability e: ``(1 - e) * loss(d - m) + e * loss(-(d - m))``.

    Parameters
    ----------
    score_difference
        score(chosen) - score(rejected), in log-odds (nats); any shape.
    margin
        How much better the chosen response was judged to be, in the same unit; one number or one for each difference.
    label_smoothing
        e, at least 0 and at most 0.5.

    Returns
    -------
    One loss for each difference, in the shape, kind, dtype and device of `score_difference`.

    Examples
    --------
    >>> round(preference_loss(2.0), 4)
    0.1269
    """
    if not 0.0 <= label_smoothing <= 0.5:
        raise ValueError(
            "label_smoothing must be at least 0 and at most 0.5 (the share of labels held to be wrong), "
            f"got {label_smoothing!r}"
        )
    xp, d = _floating("score_difference", score_difference)
    if not (isinstance(margin, int | float) and margin == 0):
        d = d - _companion("margin", margin, score_difference, xp, d)
    loss = _softplus(xp, -d)
    if label_smoothing > 0:  # with e = 0 the second term is not computed at all, since infinity times zero is NaN
        loss = (1 - label_smoothing) * loss + label_smoothing * _softplus(xp, d)
    return _like(score_difference, loss)


def preference_odds(score_difference: Scores) -> Scores:
    """Return the odds on the chosen response, P / (1 - P) = ``exp(score_difference)``; 3.0 means "three to one on"."""
    xp, d = _floating("score_difference", score_difference)
    with np.errstate(over="ignore"):  # beyond 709 the odds are infinite in double precision
        return _like(score_difference, xp.exp(d))


def elo_points(score_difference: Scores) -> Scores:
    """Return a score difference in Elo points, 173.718 per nat (`ELO_POINTS_PER_NAT`): 400 are odds of 10 to 1."""
    _, d = _floating("score_difference", score_difference)
    return _like(score_difference, d * ELO_POINTS_PER_NAT)


def score_difference_from_probability(probability: Scores) -> Scores:
    """Return the score difference for a probability: its log-odds ``log(P / (1 - P))``, the inverse of the sigmoid.

    0 gives minus infinity, 1 infinity, and a number outside [0, 1] gives NaN.
    """
    xp, p = _floating("probability", probability)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _like(probability, xp.log(p) - xp.log1p(-p))


def thurstone_probability(score_difference: Scores) -> Scores:
    """Return Thurstone's probit, ``Phi(score_difference)``: the normal distribution function replaces the sigmoid.

    Its unit is the standard deviation of the difference of two judgements (Thurstone's Case V), not a nat. At zero its
    slope is ``1 / sqrt(2 pi)`` = 0.399 against 0.25, so there it agrees with the sigmoid of 1.6 times the difference.
    """
    xp, d = _floating("score_difference", score_difference)
    if is_torch_array(d):
        from torch.special import erfc
    else:
        from scipy.special import erfc
    return _like(score_difference, xp.astype(0.5 * erfc(-d * math.sqrt(0.5)), d.dtype))


class DavidsonProbabilities(NamedTuple):
    """Probabilities that the first item wins, that the two tie, and that the first item loses; they sum to one."""

    win: Any
    tie: Any
    loss: Any


def davidson_probabilities(score_difference: Scores, tie_parameter: Scores | float) -> DavidsonProbabilities:
    """Return win, tie and loss under Davidson's model (1970), as a named tuple of three shaped as `score_difference`.

    With p = sigmoid(d) and nu the tie parameter, win : tie : loss is ``p : nu sqrt(p (1 - p)) : 1 - p``. Two equal
    items tie with probability ``nu / (2 + nu)``; nu = 0 is the Bradley-Terry model; the odds of a win to a loss are
    ``exp(d)`` whatever nu is.
    """
    xp, d = _floating("score_difference", score_difference)
    win, tie = (xp.exp(-davidson_loss(d, tied, tie_parameter)) for tied in (False, True))
    loss = xp.exp(-davidson_loss(-d, False, tie_parameter))
    return DavidsonProbabilities(*(_like(score_difference, p) for p in (win, tie, loss)))


def davidson_loss(score_difference: Scores, tied: Any, tie_parameter: Scores | float) -> Scores:
    """Return the negative log-likelihood, in nats, of a win (or, where `tied`, of a tie) under Davidson's model.

    Parameters
    ----------
    score_difference
        score(winner) - score(loser), in log-odds (nats); for a tie the order does not matter.
    tied
        Whether each comparison was a tie: one bool, or an array of bool of the same shape.
    tie_parameter
        nu >= 0; see `davidson_probabilities`.
    """
    xp, d = _floating("score_difference", score_difference)
    nu = _companion("tie_parameter", tie_parameter, score_difference, xp, d)
    if bool(xp.any(nu < 0)):
        raise ValueError(f"tie_parameter must be at least 0, got {tie_parameter!r}")
    is_tie = tied if _is_array(tied) else xp.asarray(tied)
    _check_shape("tied", is_tie, d)
    if is_tie.dtype != xp.bool:
        raise TypeError(f"tied must be bool, or an array of bool, got dtype {is_tie.dtype}")
    # -log sqrt(p (1 - p)); the normalising constant is 1 + nu sqrt(p (1 - p))
    half_way = (_softplus(xp, -d) + _softplus(xp, d)) / 2
    log_normaliser = xp.log1p(nu * xp.exp(-half_way))
    with np.errstate(divide="ignore"):
        loss_of_tie = half_way - xp.log(nu)
    loss = xp.where(is_tie, loss_of_tie, _softplus(xp, -d)) + log_normaliser
    return _like(score_difference, loss)


def plackett_luce_log_likelihood(scores: Scores) -> Scores:
    """Return the log-likelihood, in nats, of a ranking under the Plackett-Luce model.

    The best is picked first with probability ``exp(s_1) / sum_k exp(s_k)``, then the best of the rest, and so on. Each
    pick is a preference of one item over the pool of those ranked below it, so for two items this is minus
    `preference_loss`.

    Parameters
    ----------
    scores
        Scores in the order of the ranking, best first, along the last axis; shape ``(..., n_items)``, finite.

    Returns
    -------
    Shape ``(...)``: one log-likelihood for each ranking.
    """
    xp, s = _floating("scores", scores)
    if s.ndim == 0 or s.shape[-1] == 0:
        raise ValueError(f"scores must have shape (..., n_items) with at least one item, got {tuple(s.shape)}")
    pool = s[..., -1]  # (...): log-sum-exp of the scores ranked below
    log_likelihood = xp.zeros_like(pool)
    for rank in range(s.shape[-1] - 2, -1, -1):
        log_likelihood = log_likelihood - _softplus(xp, pool - s[..., rank])
        pool = xp.logaddexp(pool, s[..., rank])
    return log_likelihood


def _softplus(xp: Any, x: Any) -> Any:
    with np.errstate(invalid="ignore"):  # only here does NumPy warn of NaN
        return xp.logaddexp(xp.zeros_like(x), x)  # log(1 + exp(x)), exact where exp(x) overflows


def _floating(name: str, value: Any) -> tuple[Any, Any]:
    """Return the array namespace of `value`, and `value` as a floating-point array of it."""
    if isinstance(value, bool) or not (isinstance(value, int | float) or _is_array(value)):
        raise TypeError(
            f"{name} must be a float, a NumPy array or a torch tensor, got {type(value).__name__}; "
            "convert a list or a column with numpy.asarray"
        )
    array = np.float64(value) if isinstance(value, int | float) else value
    xp = array_namespace(array)
    if xp.isdtype(array.dtype, "real floating"):
        return xp, array
    if not xp.isdtype(array.dtype, "integral"):
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    return xp, xp.astype(array, xp.asarray(1.0).dtype)


def _companion(name: str, value: Any, leader: Any, xp: Any, array: Any) -> Any:
    """Return `value`, a number or an array that goes with `array`, in its namespace, dtype and device."""
    companion_xp, companion = _floating(name, value)
    if isinstance(value, int | float):
        return xp.full_like(array, value)
    if companion_xp is not xp or isinstance(leader, int | float):
        raise TypeError(f"{name} must be a number or of the same kind as the scores ({type(leader).__name__}), "
                        f"got {type(value).__name__}")  # fmt: skip
    _check_shape(name, companion, array)
    return xp.astype(companion, array.dtype)


def _check_shape(name: str, companion: Any, array: Any) -> None:
    """Refuse what would make more losses than there are score differences, such as a column beside a row."""
    shape, wanted = tuple(companion.shape), tuple(array.shape)
    if len(shape) > len(wanted) or any(n not in (1, of) for n, of in zip(shape[::-1], wanted[::-1], strict=False)):
        raise ValueError(f"{name} must be one value or one a score difference, shape {wanted}, got shape {shape}")


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic) or is_torch_array(value)


def _like(original: Any, result: Any) -> Any:
    return float(result) if isinstance(original, int | float) else result
