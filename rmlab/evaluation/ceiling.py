"""`noise_ceiling` estimates the best accuracy that any model can reach when judges disagree with one another.

If people prefer one response of a pair with probability p, nobody can agree with more than max(p, 1 - p) of the
judgements. The ceiling is the mean of that over pairs. It cannot be measured without bias from a few judgements a pair,
but it lies between two figures that can, each an unbiased estimate:

    agreement of two judges  <=  leave-one-out majority  <=  ceiling  <=  (1 + sqrt(2 agreement - 1)) / 2

The last is reached if every pair is equally hard: each judge is right with the same probability q, and two agree
with probability q^2 + (1 - q)^2. By Jensen's inequality it is too high wherever pairs differ.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from rmlab.evaluation.inputs import check_bootstrap, codes_of, names_of, numbers
from rmlab.evaluation.intervals import bootstrap_sums, expanded_percentiles
from rmlab.preference import outcomes, preference_probability

__all__ = ["NoiseCeiling", "ceiling_from_agreement", "noise_ceiling"]


@dataclass(frozen=True)
class NoiseCeiling:
    """What repeated judgements show about the best accuracy of any model against one of the judgements."""

    n_pairs: int
    """Pairs with at least two judgements."""
    n_judgements: int
    """The number of judgements of those pairs."""
    n_single: int
    """Pairs with fewer than two judgements, which show nothing here and were left out."""
    agreement: float
    """The probability that two judgements of a pair, drawn at random, are the same: the mean over pairs."""
    agreement_interval: tuple[float, float] | None
    """95%, by drawing pairs (or clusters); None for a single one."""
    leave_one_out: float
    """How often a judgement agrees with the majority of the others of its pair (even votes: one half). This estimates
    the accuracy of a majority vote without bias. It lies below the ceiling, and nearer to it with more judgements."""
    leave_one_out_interval: tuple[float, float] | None
    upper_bound: float
    """`ceiling_from_agreement` if every pair is equally hard: above the ceiling."""
    upper_bound_interval: tuple[float, float] | None
    if_normal: float
    """The ceiling if the true score differences are normally distributed: between the two bounds."""
    n_clusters: int | None
    n_bootstrap: int
    seed: int
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the ceiling in a form that JSON can hold."""
        return {**asdict(self), "notes": list(self.notes)}

    def __str__(self) -> str:
        def row(name: str, value: float, ends: tuple[float, float] | None) -> str:
            interval = "no interval" if ends is None else f"95%: {ends[0]:.3f} to {ends[1]:.3f}"
            return f"{name:<28}  {value:.3f}   ({interval})"

        lines = [
            f"{self.n_pairs:,} pairs judged at least twice, {self.n_judgements:,} judgements",
            row("two judges agree", self.agreement, self.agreement_interval),
            row("ceiling, at least", self.leave_one_out, self.leave_one_out_interval),
            row("ceiling, at most", self.upper_bound, self.upper_bound_interval),
            f"{'if differences are normal':<28}  {self.if_normal:.3f}",
        ]
        return "\n".join(lines + [f"note: {note}" for note in self.notes])


def noise_ceiling(
    votes: Any, *, clusters: Iterable[Hashable] | None = None, n_bootstrap: int = 2000, seed: int = 0
) -> NoiseCeiling:
    """Bound the accuracy that any model can reach, from repeated judgements of the same pairs.

    Parameters
    ----------
    votes
        How many judgements preferred the first and the second response of each pair, whole numbers, ``(n_pairs, 2)``.
        It does not matter which of the two is called the first. Judgements of a tie are left out.
    clusters
        What pairs share that makes them similar, such as the prompt: hashable, ``(n_pairs,)``.
    n_bootstrap
        Draws of pairs, or of clusters, at least 100.
    seed
        Seed of the draws.

    Raises
    ------
    ValueError
        If votes are not counts of that shape, or no pair has two.

    Examples
    --------
    >>> noise_ceiling([(2, 0), (1, 1), (0, 2), (2, 0)]).agreement
    0.75
    """
    counts = np.asarray(votes)
    shape = (len(counts) if counts.ndim else 0, 2)
    counts = numbers("votes", votes, shape, "(n_pairs, 2)", beside="pairs")
    if (counts < 0).any() or (counts != np.round(counts)).any():
        raise ValueError("votes must be counts of judgements: whole numbers of at least 0")
    check_bootstrap(n_bootstrap)
    k = counts.sum(axis=1)
    used = k >= 2
    if not used.any():
        raise ValueError(f"none of the {len(k)} pairs has two judgements: a noise ceiling needs pairs judged again")
    codes = None
    if clusters is not None:
        names = names_of("clusters", clusters, len(k), beside="pairs in votes")
        codes, _ = codes_of(name for name, use in zip(names, used.tolist(), strict=True) if use)
    n, k = counts[used], k[used]
    agree = (n * (n - 1)).sum(axis=1) / (k * (k - 1))  # of two judgements drawn without replacement
    lead = n - n[:, ::-1]  # (n_pairs, 2), of each side
    # A judgement for side s sees n_s - 1 for s and the rest against: right, even or wrong.
    right = outcomes(lead - 1)
    follow = (n * right).sum(axis=1) / k
    values = np.stack([np.ones(len(n)), agree, follow], axis=1)
    sums, n_units = bootstrap_sums(values, n_bootstrap=n_bootstrap, seed=seed, clusters=codes)
    agreement_interval, follow_interval = (expanded_percentiles(sums[:, i] / sums[:, 0], n_units) for i in (1, 2))
    agreement = float(agree.mean())
    ends = agreement_interval and tuple(ceiling_from_agreement(max(end, 0.5)) for end in agreement_interval)
    return NoiseCeiling(
        n_pairs=len(n),
        n_judgements=int(k.sum()),
        n_single=int((~used).sum()),
        agreement=agreement,
        agreement_interval=agreement_interval,
        leave_one_out=float(follow.mean()),
        leave_one_out_interval=follow_interval,
        upper_bound=ceiling_from_agreement(max(agreement, 0.5)),
        upper_bound_interval=ends,  # type: ignore[arg-type]
        if_normal=ceiling_from_agreement(max(agreement, 0.5), difficulty="normal"),
        n_clusters=None if codes is None else n_units,
        n_bootstrap=n_bootstrap,
        seed=seed,
        notes=tuple(_notes(agreement, n_units)),
    )


def _notes(agreement: float, n_units: int) -> Iterable[str]:
    if agreement < 0.5:
        yield "two judges agree less often than coins do: this may be chance, or some labels are swapped"
    if n_units < 30:
        yield f"{n_units} pairs or clusters are few: the intervals are rough"


def ceiling_from_agreement(agreement: float, *, difficulty: Literal["equal", "normal"] = "equal") -> float:
    """Return the best accuracy against one judgement, if two judgements of a pair agree with this probability.

    Parameters
    ----------
    agreement
        From 1/2 to 1.
    difficulty
        ``"equal"``: each judge is right with the same probability q on every pair, so that ``q^2 + (1 - q)^2`` is the
        agreement. If pairs differ in difficulty this is too high. ``"normal"``: preferences follow Bradley-Terry,
        and the true score differences are normally distributed about 0.

    Examples
    --------
    >>> round(ceiling_from_agreement(0.726), 3), round(ceiling_from_agreement(0.63), 3)
    (0.836, 0.755)
    >>> round(ceiling_from_agreement(0.726, difficulty="normal"), 3)
    0.801
    """
    if not 0.5 <= agreement <= 1:
        raise ValueError(f"agreement must be from 0.5 (coins) to 1, got {agreement!r}")
    if difficulty == "equal":
        return (1 + math.sqrt(2 * agreement - 1)) / 2
    if difficulty != "normal":
        raise ValueError(f"difficulty must be 'equal' or 'normal', got {difficulty!r}")
    if agreement in (0.5, 1.0):
        return float(agreement)
    from scipy.optimize import brentq
    from scipy.special import ndtri

    z = np.abs(ndtri((np.arange(4000) + 0.5) / 4000))  # equally likely values of the size of a standard normal variable

    def sure(log_spread: float) -> np.ndarray:
        return preference_probability(math.exp(log_spread) * z)

    def excess(log_spread: float) -> float:
        return float(np.mean(sure(log_spread) ** 2 + (1 - sure(log_spread)) ** 2)) - agreement

    found: Any = brentq(excess, -15.0, 15.0)
    return float(np.mean(sure(found)))
