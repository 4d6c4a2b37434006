"""`evaluate` computes all that score differences of labelled pairs show about a model, as one frozen result.

References
----------
Brier (1950), Verification of forecasts expressed in terms of probability.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import compress
from typing import Any

import numpy as np

from rmlab.evaluation.accuracy import (
    Accuracy,
    GroupAccuracy,
    LengthBin,
    accuracy_by_group,
    accuracy_by_length,
    accuracy_of,
    longer_by,
)
from rmlab.evaluation.calibration import CalibrationBin, calibrate
from rmlab.evaluation.inputs import check_bootstrap, checked_differences, codes_of, names_of, numbers
from rmlab.evaluation.intervals import bootstrap_sums, expanded_percentiles
from rmlab.evaluation.notes import notes_on
from rmlab.preference import preference_loss, preference_probability
from rmlab.printing import printable

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True)
class Evaluation(Accuracy):
    """The result of `evaluate`; ``print`` shows a table and `to_dict` returns what JSON can hold."""

    n_clusters: int | None
    """How many clusters the intervals take as the independent units; None if every pair is one."""
    log_loss: float
    """Mean of -log sigmoid(score_difference), in nats. Always predicting one half gives log 2 = 0.693."""
    log_loss_interval: tuple[float, float] | None
    """95%, by the bootstrap; None without one, or for a single pair or cluster."""
    brier: float
    """Mean of (1 - sigmoid(score_difference))^2. Always predicting one half gives 0.25."""
    brier_interval: tuple[float, float] | None
    calibration: tuple[CalibrationBin, ...]
    """The bins that hold a pair, in order. A tie is in none of them; empty if every pair is a tie."""
    calibration_error: float | None
    """Expected calibration error: mean over pairs of ``|observed_share - mean_probability|`` of their bin.

    None if every pair is a tie.
    """
    calibration_error_by_chance: float | None
    """The error that a perfectly calibrated model, as sure as this one, would show on as many pairs, by noise alone."""
    temperature: float | None
    """The number that divided the differences before log loss, Brier score and calibration; None if there was none."""
    groups: Mapping[Hashable, GroupAccuracy] | None
    length_baseline: Accuracy | None
    """How often the longer response was the chosen one."""
    length_bins: tuple[LengthBin, ...] | None
    """Accuracy if the chosen response is shorter, about as long and longer, beside that of `length_baseline`."""
    n_bins: int
    n_bootstrap: int
    seed: int
    notes: tuple[str, ...]
    """Notes that a reader of these figures needs and might miss, in sentences."""

    def to_dict(self) -> dict[str, Any]:
        """Return the evaluation as dicts, lists, strings and numbers; the names of groups become strings."""
        result = asdict(self)
        result["calibration"], result["notes"] = list(result["calibration"]), list(self.notes)
        if self.groups is not None:
            distinct = len({str(name) for name in self.groups}) == len(self.groups)  # else 1 and "1" would become one
            as_text = str if distinct else repr
            result["groups"] = {as_text(name): asdict(group) for name, group in self.groups.items()}
        if self.length_bins is not None:
            bins = [asdict(one) for one in self.length_bins]
            result["length_bins"] = [
                {**one, "upper": one["upper"] if one["upper"] < math.inf else None} for one in bins
            ]
        return result

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Evaluation:
        """Read what `to_dict` returned; the names of groups stay strings.

        Raises
        ------
        ValueError
            If it is anything else, or from a version with other figures.
        """
        try:
            values = {name: _tupled(value) for name, value in record.items()}
            values["calibration"] = tuple(CalibrationBin(**_tupled_values(one)) for one in record["calibration"])
            if record["groups"] is not None:
                values["groups"] = {name: _group(one) for name, one in record["groups"].items()}
            if record["length_baseline"] is not None:
                values["length_baseline"] = Accuracy(**_tupled_values(record["length_baseline"]))
            if record["length_bins"] is not None:
                values["length_bins"] = tuple(_length_bin(one) for one in record["length_bins"])
            return cls(**values)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"an evaluation must be what Evaluation.to_dict gives: {error}") from error

    def __str__(self) -> str:
        lines = [f"{self.n_pairs:,} pairs, {self.n_ties:,} with equal scores (each counted as one half)"]
        if self.n_clusters is not None:
            lines += [
                f"in {self.n_clusters:,} clusters: intervals are for {self.effective_sample_size:,.1f} separate pairs"
            ]
        elif not math.isclose(self.effective_sample_size, self.n_pairs):
            lines += [f"weighted: intervals are for an effective sample of {self.effective_sample_size:,.1f} pairs"]
        rows: list[tuple[str, Accuracy]] = [("accuracy", self)]
        if self.length_baseline is not None:
            rows += [("longer response wins", self.length_baseline)]
        group_rows = [(f"  {printable(name)}", group) for name, group in (self.groups or {}).items()]
        length_rows = [(f"  {one.name}", one.model) for one in self.length_bins or ()]
        width = max(len("calibration error"), *(len(name) for name, _ in [*rows, *group_rows, *length_rows]))
        lines += [_row(name, one, width) for name, one in rows]
        lines += [
            f"{'log loss':<{width}}  {self.log_loss:.3f}   ({_ends(self.log_loss_interval)}a coin: 0.693)",
            f"{'Brier score':<{width}}  {self.brier:.3f}   ({_ends(self.brier_interval)}a coin: 0.250)",
        ]
        if self.calibration_error is None:
            lines += [f"{'calibration error':<{width}}  undefined (every pair is a tie)"]
        else:
            chance = f"   (by chance alone: {self.calibration_error_by_chance:.3f})"
            lines += [f"{'calibration error':<{width}}  {self.calibration_error:.3f}{chance}"]
        if self.temperature is not None:
            lines += [f"{'temperature':<{width}}  {self.temperature:.3f}   (divides the differences in the last three)"]
        for title, some in (("accuracy by group", group_rows), ("accuracy by length", length_rows)):
            if some:
                lines += [title, *(_row(name, one, width, f", {one.n_pairs:,} pairs") for name, one in some)]
            if some is group_rows and len(some) > 1:
                lines += ["by group, 95% that all intervals hold at once"]
                lines += [f"{name:<{width}}  {_of_group(group)}" for name, group in group_rows]
        return "\n".join(lines + [f"note: {note}" for note in self.notes])


def _tupled(value: Any) -> Any:
    """Return a tuple for a list, since JSON makes lists of tuples."""
    return tuple(value) if isinstance(value, list) else value


def _tupled_values(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _tupled(value) for name, value in record.items()}


def _group(record: Mapping[str, Any]) -> GroupAccuracy:
    by_length = record["length_baseline"]
    baseline = None if by_length is None else Accuracy(**_tupled_values(by_length))
    return GroupAccuracy(**{**_tupled_values(record), "length_baseline": baseline})


def _length_bin(record: Mapping[str, Any]) -> LengthBin:
    sides = {name: Accuracy(**_tupled_values(record[name])) for name in ("model", "longer_wins")}
    return LengthBin(**{**record, **sides, "upper": math.inf if record["upper"] is None else record["upper"]})


def evaluate(
    score_differences: Any,
    *,
    groups: Iterable[Hashable] | None = None,
    lengths: Any = None,
    weights: Any = None,
    clusters: Iterable[Hashable] | None = None,
    temperature: float | None = None,
    n_bins: int = 10,
    n_bootstrap: int = 0,
    seed: int = 0,
) -> Evaluation:
    """Measure how well score differences agree with the labels.

    Parameters
    ----------
    score_differences
        score(chosen) - score(rejected), in log-odds (nats); shape ``(n_pairs,)``; a list, an array or a tensor.
    groups
        The name of the group that each pair belongs to, ``(n_pairs,)``; a NaN counts as None.
    lengths
        Lengths of the chosen and of the rejected response, in tokens or characters, before anything was cut,
        ``(n_pairs, 2)``.
    weights
        What each pair counts for, ``(n_pairs,)``. Point estimates are those of each pair repeated `weights` times. The
        intervals use Kish's effective sample size, since a pair of weight 3 is not three independent pairs. A pair of
        weight zero is left out.
    clusters
        What pairs share that makes their outcomes similar, such as the prompt: hashable, ``(n_pairs,)``. Intervals of
        shares then use the effective sample size that the clusters show (see `clustered_sample_size`), and the
        bootstrap draws whole clusters. Point estimates do not depend on it.
    temperature
        Divides the differences before log loss, Brier score and calibration; accuracy does not depend on it. Take it
        from `fit_temperature` on held-out pairs, not on these.
    n_bins
        Bins of equal width into which the calibration divides the probabilities from 0.5 to 1.
    n_bootstrap
        Draws for the intervals of log loss and Brier score, such as 2000; 0 leaves these intervals out.
    seed
        Seed of the draws.

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
    w = np.ones(n) if weights is None else numbers("weights", weights, (n,), "(n_pairs,)")
    if (w < 0).any() or w.sum() == 0:
        raise ValueError(
            f"weights must be at least 0 and not all 0, got a smallest of {w.min()} and a sum of {w.sum()}"
        )
    if temperature is not None and not 0 < temperature < math.inf:
        raise ValueError(f"temperature must be above 0 and finite (1 changes nothing), got {temperature!r}")
    if n_bins < 1:
        raise ValueError(f"n_bins must be at least 1, got {n_bins!r}")
    check_bootstrap(n_bootstrap, may_be_none=True)
    names = None if groups is None else names_of("groups", groups, n)
    shared = None if clusters is None else names_of("clusters", clusters, n)
    sizes = None if lengths is None else numbers("lengths", lengths, (n, 2), "(n_pairs, 2)")
    if sizes is not None and (sizes < 0).any():
        raise ValueError(f"lengths must be at least 0, got {sizes.min()} at index {int(sizes.min(axis=1).argmin())}")

    used = w > 0
    d, w = d[used], w[used]
    codes = None if shared is None else codes_of(compress(shared, used))[0]
    names = None if names is None else list(compress(names, used))
    sizes = None if sizes is None else sizes[used]
    logits = d if temperature is None else d / temperature
    losses, squares = preference_loss(logits), preference_probability(-logits) ** 2  # sigmoid(-d) keeps 1 - P exact
    intervals: list[tuple[float, float] | None] = [None, None]
    if n_bootstrap:
        values = np.stack([w, w * losses, w * squares], axis=1)
        sums, n_units = bootstrap_sums(values, n_bootstrap=n_bootstrap, seed=seed, clusters=codes)
        intervals = [expanded_percentiles(sums[:, i] / sums[:, 0], n_units) for i in (1, 2)]
    calibration, calibration_error, by_chance = calibrate(logits, w, codes, n_bins)
    accuracy = accuracy_of(d, w, codes)
    by_group = None if names is None else accuracy_by_group(names, d, w, codes, sizes)
    n_clusters = None if codes is None else int(codes.max()) + 1
    return Evaluation(
        **vars(accuracy),
        n_clusters=n_clusters,
        log_loss=float(np.average(losses, weights=w)),
        log_loss_interval=intervals[0],
        brier=float(np.average(squares, weights=w)),
        brier_interval=intervals[1],
        calibration=calibration,
        calibration_error=calibration_error,
        calibration_error_by_chance=by_chance,
        temperature=None if temperature is None else float(temperature),
        groups=by_group,
        length_baseline=None if sizes is None else accuracy_of(longer_by(sizes), w, codes),
        length_bins=None if sizes is None else accuracy_by_length(sizes, d, w, codes),
        n_bins=n_bins,
        n_bootstrap=n_bootstrap,
        seed=seed,
        notes=tuple(notes_on(accuracy, n_clusters, by_group, bool(n_bootstrap))),
    )


def _row(name: str, one: Accuracy, width: int, more: str = "") -> str:
    lower, upper = one.accuracy_interval
    return f"{name:<{width}}  {one.accuracy:.3f}   (95%: {lower:.3f} to {upper:.3f}{more})"


def _of_group(one: GroupAccuracy) -> str:
    low, high = one.simultaneous_interval
    length = "" if one.length_baseline is None else f"   longer wins {one.length_baseline.accuracy:.3f}"
    return f"{low:.3f} to {high:.3f}{length}"


def _ends(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f"95%: {interval[0]:.3f} to {interval[1]:.3f}; "
