"""How good is a reward model? Accuracy, log loss and calibration, from the score differences of labelled pairs alone.

A pair is written (chosen, rejected), so every label is "chosen" and the score difference says it all: positive where
the model agrees with the human, and its sigmoid is the probability that the model gave to what the human did. An
interval is Wilson's, at 95%, and takes the pairs to be independent: where a prompt has several pairs it is too narrow.

References
----------
Wilson (1927), Probable inference, the law of succession, and statistical inference. Kish (1965), Survey Sampling (the
effective sample size). Brier (1950), Verification of forecasts expressed in terms of probability. Guo, Pleiss, Sun and
Weinberger (2017), On calibration of modern neural networks (temperature, expected calibration error).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import compress
from statistics import NormalDist
from typing import Any

import numpy as np
from array_api_compat import is_torch_array

from rmlab.preference import preference_loss, preference_probability

__all__ = ["Accuracy", "CalibrationBin", "Evaluation", "evaluate", "fit_temperature", "wilson_interval"]


@dataclass(frozen=True)
class Accuracy:
    """The share of pairs on which something agrees with the human, a tie counted as one half."""

    n_pairs: int
    n_ties: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    """Wilson's, 95%, from `effective_sample_size`. It counts a tie as half a success, which makes it a little wide."""
    effective_sample_size: float
    """Kish's ``sum(w)^2 / sum(w^2)``; without weights, `n_pairs`."""


@dataclass(frozen=True)
class CalibrationBin:
    """The pairs to which the model gave about the same probability, and how often it was right."""

    lower: float
    upper: float
    """The bin holds probabilities from `lower` up to `upper`, which belongs to the next bin (1 to the last)."""
    count: int
    mean_probability: float
    """Mean of sigmoid(|score_difference|): how sure the model was of the response that it scores higher."""
    observed_share: float
    """Share of these pairs in which the response that it scores higher was the chosen one."""
    interval: tuple[float, float]
    """Wilson's, 95%, for `observed_share`."""


@dataclass(frozen=True)
class Evaluation(Accuracy):
    """What `evaluate` found; ``print`` shows a table and `to_dict` gives what JSON can hold."""

    log_loss: float
    """Mean of -log sigmoid(score_difference), in nats. Always saying one half costs log 2 = 0.693."""
    brier: float
    """Mean of (1 - sigmoid(score_difference))^2. Always saying one half costs 0.25."""
    calibration: tuple[CalibrationBin, ...]
    """Bins that hold a pair, in order. A tie has no higher score and is in none; empty if every pair is a tie."""
    calibration_error: float | None
    """Expected calibration error: mean over pairs of ``|observed_share - mean_probability|`` of their bin.

    Noise alone keeps it above zero in a small sample. None if every pair is a tie.
    """
    temperature: float | None
    """What the differences were divided by before log loss, Brier and calibration; None if by nothing."""
    groups: Mapping[Hashable, Accuracy] | None
    length_baseline: Accuracy | None
    """How often the longer response was the chosen one."""
    n_bins: int

    def to_dict(self) -> dict[str, Any]:
        """Give the evaluation as dicts, lists, strings and numbers; the names of groups become strings."""
        result = asdict(self)
        result["calibration"] = list(result["calibration"])
        if self.groups is not None:
            distinct = len({str(name) for name in self.groups}) == len(self.groups)  # 1 and "1" would fall together
            as_text = str if distinct else repr
            result["groups"] = {as_text(name): asdict(group) for name, group in self.groups.items()}
        return result

    def __str__(self) -> str:
        lines = [f"{self.n_pairs:,} pairs, {self.n_ties:,} with equal scores (each counted as one half)"]
        if not math.isclose(self.effective_sample_size, self.n_pairs):
            lines += [f"weighted: intervals are for an effective sample of {self.effective_sample_size:,.1f} pairs"]
        rows: list[tuple[str, Accuracy]] = [("accuracy", self)]
        if self.length_baseline is not None:
            rows += [("longer response wins", self.length_baseline)]
        group_rows = [(f"  {name}", group) for name, group in (self.groups or {}).items()]
        width = max(len("calibration error"), *(len(name) for name, _ in [*rows, *group_rows]))
        lines += [_row(name, one, width) for name, one in rows]
        error = "undefined (every pair is a tie)" if self.calibration_error is None else f"{self.calibration_error:.3f}"
        lines += [
            f"{'log loss':<{width}}  {self.log_loss:.3f}   (a coin: 0.693)",
            f"{'Brier score':<{width}}  {self.brier:.3f}   (a coin: 0.250)",
            f"{'calibration error':<{width}}  {error}",
        ]
        if self.temperature is not None:
            lines += [f"{'temperature':<{width}}  {self.temperature:.3f}   (divides the differences in the last three)"]
        if group_rows:
            lines += [
                "accuracy by group",
                *(_row(name, one, width, f", {one.n_pairs:,} pairs") for name, one in group_rows),
            ]
        return "\n".join(lines)


def evaluate(
    score_differences: Any,
    *,
    groups: Iterable[Hashable] | None = None,
    lengths: Any = None,
    weights: Any = None,
    temperature: float | None = None,
    n_bins: int = 10,
) -> Evaluation:
    """Measure how well score differences agree with the human preferences.

    Parameters
    ----------
    score_differences
        score(chosen) - score(rejected), in log-odds (nats); shape ``(n_pairs,)``; a list, an array or a tensor.
    groups
        The name of the group that each pair belongs to, ``(n_pairs,)``; a NaN counts as None.
    lengths
        Lengths of the chosen and of the rejected response, in tokens or characters, ``(n_pairs, 2)``.
    weights
        What each pair counts for, ``(n_pairs,)``. Point estimates are those of each pair repeated `weights` times; the
        intervals take Kish's effective sample size, since a pair of weight 3 is not three independent pairs. A pair of
        weight zero is left out.
    temperature
        Divides the differences before log loss, Brier score and calibration; accuracy does not depend on it. Take it
        from `fit_temperature` on held-out pairs, not on these.
    n_bins
        Bins of equal width that the calibration cuts the probabilities from 0.5 to 1 into.

    Raises
    ------
    ValueError
        If anything has the wrong shape, is NaN or infinite, or if no pair is left.

    Examples
    --------
    >>> evaluate([2.0, 1.0, 0.0, -1.0]).accuracy
    0.625
    """
    d = checked_differences(score_differences)
    n = len(d)
    w = np.ones(n) if weights is None else _numbers("weights", weights, (n,), "(n_pairs,)")
    if (w < 0).any() or w.sum() == 0:
        raise ValueError(
            f"weights must be at least 0 and not all 0, got a smallest of {w.min()} and a sum of {w.sum()}"
        )
    if temperature is not None and not 0 < temperature < math.inf:
        raise ValueError(f"temperature must be above 0 and finite (1 changes nothing), got {temperature!r}")
    if n_bins < 1:
        raise ValueError(f"n_bins must be at least 1, got {n_bins!r}")
    names = None if groups is None else _names(groups, n)
    sizes = None if lengths is None else _numbers("lengths", lengths, (n, 2), "(n_pairs, 2)")

    used = w > 0
    d, w = d[used], w[used]
    outcome = (np.sign(d) + 1) / 2  # (n_pairs,): 1 right, 1/2 tie, 0 wrong
    logits = d if temperature is None else d / temperature
    calibration, calibration_error = _calibration(logits, w, n_bins)
    return Evaluation(
        **vars(_accuracy(outcome, w)),
        log_loss=float(np.average(preference_loss(logits), weights=w)),
        brier=float(np.average(preference_probability(-logits) ** 2, weights=w)),  # sigmoid(-d) keeps 1 - P exact
        calibration=calibration,
        calibration_error=calibration_error,
        temperature=None if temperature is None else float(temperature),
        groups=None if names is None else _by_group(list(compress(names, used)), outcome, w),
        length_baseline=None if sizes is None else _accuracy((np.sign(sizes[used] @ [1, -1]) + 1) / 2, w),
        n_bins=n_bins,
    )


def fit_temperature(score_differences: Any) -> float:
    """Give the temperature T for which differences divided by T have the least log loss.

    T above 1 says that the model is over-confident. Fit T on held-out pairs and report the log loss of test pairs
    (``evaluate(test_differences, temperature=T)``). On the pairs that T was fitted to, the log loss can only have
    fallen, so that it says nothing about others. Pairs used for early stopping serve for T as well, but not for the
    report.

    Parameters
    ----------
    score_differences
        score(chosen) - score(rejected) of held-out pairs, in log-odds (nats), ``(n_pairs,)``.

    Raises
    ------
    ValueError
        If the best T is not positive and finite: no pair is wrong (T = 0), or the mean difference is not positive
        (no T beats a coin).
    """
    from scipy.optimize import minimize_scalar

    d = checked_differences(score_differences)
    if d.mean() <= 0:
        raise ValueError(
            f"no positive temperature beats a coin: the mean score difference is {d.mean():.4g}, not above 0; the "
            "model has learned nothing, or its chosen and rejected columns are swapped"
        )
    if d.min() >= 0:
        raise ValueError(
            f"the best temperature is 0: none of the {len(d)} pairs is scored the wrong way round, so log loss only "
            "falls as the differences grow; use more held-out pairs"
        )
    # The loss is convex in 1/T, hence has one minimum in log T. The unit is the mean absolute difference; the bounds
    # are wide enough for a mean that is zero up to rounding on one side and for errors that small on the other.
    unit = np.abs(d).mean()
    found = minimize_scalar(
        lambda log_t: float(preference_loss(d / (unit * math.exp(log_t))).mean()),
        bounds=(-36.0, 36.0), method="bounded", options={"xatol": 1e-9},
    )  # fmt: skip
    return float(unit * math.exp(found.x))


def wilson_interval(successes: Any, n: Any, *, confidence: float = 0.95) -> tuple[Any, Any]:
    """Wilson's score interval for a share: the shares p that ``successes`` in ``n`` do not reject.

    Its ends solve ``|successes / n - p| = z sqrt(p (1 - p) / n)`` (Wilson 1927). Unlike the estimate plus or minus two
    standard errors, it stays within [0, 1] and holds its level in small samples and near the ends.

    Parameters
    ----------
    successes, n
        Counts, or arrays of them; a tie may count as half, and n may be an effective sample size.
    confidence
        Between 0 and 1.

    Returns
    -------
    Lower and upper end: floats for numbers, else arrays. With n = 0 they are 0 and 1: nothing is known.

    Examples
    --------
    >>> tuple(round(end, 2) for end in wilson_interval(52, 80))
    (0.54, 0.75)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, such as 0.95, got {confidence!r}")
    k, n_all = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(n, dtype=float))
    if not (np.isfinite(n_all) & (k >= 0) & (k <= n_all)).all():
        raise ValueError(f"successes must be at least 0 and at most n, got successes={successes!r} and n={n!r}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre = (k + z**2 / 2) / (n_all + z**2)
    variance = k * (n_all - k) / np.where(n_all > 0, n_all, 1) + z**2 / 4
    half_width = z * np.sqrt(variance) / (n_all + z**2)
    lower = centre - half_width  # exactly 0 where k is, since sqrt(z^2) rounds to z
    upper = np.where(k == n_all, 1.0, centre + half_width)  # exactly 1 there, not only up to rounding
    return (float(lower), float(upper)) if lower.ndim == 0 else (lower, upper)


def _accuracy(outcome: np.ndarray, w: np.ndarray) -> Accuracy:
    share = float(np.average(outcome, weights=w))
    effective = _effective_sample_size(w)
    return Accuracy(
        n_pairs=len(outcome),
        n_ties=int((outcome == 0.5).sum()),
        accuracy=share,
        accuracy_interval=wilson_interval(share * effective, effective),
        effective_sample_size=effective,
    )


def _effective_sample_size(w: np.ndarray) -> float:
    scaled = w / w.max()  # so that no square overflows
    return float(scaled.sum() ** 2 / (scaled**2).sum())


def _by_group(names: list[Hashable], outcome: np.ndarray, w: np.ndarray) -> dict[Hashable, Accuracy]:
    codes: dict[Hashable, int] = {}
    code_of_pair = np.array([codes.setdefault(name, len(codes)) for name in names])
    rows_by_code = np.split(np.argsort(code_of_pair, kind="stable"), np.cumsum(np.bincount(code_of_pair))[:-1])
    try:
        order = sorted(codes)  # type: ignore[type-var]
    except TypeError:  # names of several kinds: as first seen
        order = list(codes)
    return {name: _accuracy(outcome[rows_by_code[codes[name]]], w[rows_by_code[codes[name]]]) for name in order}


def _calibration(d: np.ndarray, w: np.ndarray, n_bins: int) -> tuple[tuple[CalibrationBin, ...], float | None]:
    d, w = d[d != 0], w[d != 0]
    sure = preference_probability(np.abs(d))
    right = d > 0
    bin_of_pair = np.minimum(((sure - 0.5) * 2 * n_bins).astype(int), n_bins - 1)
    bins: list[CalibrationBin] = []
    error = 0.0
    for i in np.unique(bin_of_pair).tolist():
        inside = bin_of_pair == i
        one = _accuracy(right[inside].astype(float), w[inside])
        mean_probability = float(np.average(sure[inside], weights=w[inside]))
        error += abs(one.accuracy - mean_probability) * float(w[inside].sum() / w.sum())
        edges = (0.5 + 0.5 * i / n_bins, 0.5 + 0.5 * (i + 1) / n_bins)
        bins.append(CalibrationBin(*edges, one.n_pairs, mean_probability, one.accuracy, one.accuracy_interval))
    return tuple(bins), (error if bins else None)


def checked_differences(score_differences: Any) -> np.ndarray:
    """Give score differences as float64 of shape ``(n_pairs,)``, or say what is wrong with them."""
    d = _numbers("score_differences", score_differences, None, "(n_pairs,)")
    if len(d) == 0:
        raise ValueError(
            "score_differences is empty: there is no pair to evaluate; check what the pairs were filtered by"
        )
    return d


def _numbers(name: str, values: Any, shape: tuple[int, ...] | None, shape_in_words: str) -> np.ndarray:
    """Give `values` as finite float64 of this shape (None: any one axis), or say what is wrong with them."""
    if is_torch_array(values):
        values = values.detach().cpu().double().numpy()  # NumPy has no bfloat16, and takes no gradient
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "iufO":
            raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
        array = array.astype(float)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name} must be numbers of shape {shape_in_words}: {error}") from None
    if (array.ndim != 1) if shape is None else (array.shape != shape):
        pairs = "" if shape is None else f" with n_pairs = {shape[0]}, as many as score_differences"
        raise ValueError(f"{name} must have shape {shape_in_words}{pairs}, got {array.shape}")
    bad = np.unique(np.nonzero(~np.isfinite(array))[0])
    if len(bad):
        where = ", ".join(map(str, bad[:5])) + (f" and {len(bad) - 5} more" if len(bad) > 5 else "")
        raise ValueError(
            f"{name} must be finite, got {array[bad[0]]} at index {where}; look at those pairs and at what made the "
            "number, or leave them out and report how many"
        )
    return array


def _names(groups: Iterable[Hashable], n: int) -> list[Hashable]:
    if isinstance(groups, str | bytes):
        raise TypeError(f"groups must hold one name for each pair, got the single name {groups!r}")
    names = groups.tolist() if hasattr(groups, "tolist") else list(groups)  # type: ignore[attr-defined]
    if len(names) != n:
        raise ValueError(f"groups must hold one name for each of the {n} pairs in score_differences, got {len(names)}")
    names = [None if isinstance(name, float) and math.isnan(name) else name for name in names]
    unhashable = next((name for name in names if not isinstance(name, Hashable)), None)
    if unhashable is not None:
        raise TypeError(
            f"groups must hold hashable names, such as strings, got {type(unhashable).__name__}: {unhashable!r}"
        )
    return names


def _row(name: str, one: Accuracy, width: int, more: str = "") -> str:
    lower, upper = one.accuracy_interval
    return f"{name:<{width}}  {one.accuracy:.3f}   (95%: {lower:.3f} to {upper:.3f}{more})"
