"""The result of a Bradley-Terry fit: scores, their errors in any gauge, intervals, and a bootstrap."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from rmlab.bradley_terry.counts import PairCounts, why_no_finite_maximum
from rmlab.bradley_terry.labels import label_key
from rmlab.bradley_terry.newton import Information, maximise, total_loss
from rmlab.preference import preference_probability

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BradleyTerryFit"]

COVARIANCE_LIMIT = 10_000
"""Up to this many items the whole covariance matrix is made (800 MB, and for a moment as much again)."""


@dataclass(frozen=True, eq=False, repr=False)
class BradleyTerryFit:
    """Scores of items, their errors, and the settings of the fit; see `fit_bradley_terry`.

    Errors are computed when first asked for, from the information at the maximum. With a prior they are those of the
    posterior, by Laplace's approximation.
    """

    items: tuple[Hashable, ...]
    """The items, sorted if they can be, otherwise as first seen."""
    scores: NDArray[np.float64]
    """In log-odds (nats), shape ``(n_items,)``; they sum to zero, or are relative to `reference`."""
    order_effect: float | None
    """What being first (at home) adds to the log-odds; None if no `first` was given."""
    tie_parameter: float | None
    """Davidson's nu: equal items tie with probability ``nu / (2 + nu)``; None unless ``ties="davidson"``."""
    n_comparisons: float
    """The sum of the weights: the number of comparisons, if weights are counts."""
    n_iterations: int
    """The number of Newton iterations."""
    ties: Literal["half", "davidson"] | None
    prior_variance: float | None
    max_iterations: int
    reference: Hashable | None = None
    """The item at zero; None if scores sum to zero."""
    notes: tuple[str, ...] = ()
    """Warnings for a reader of these scores, in sentences."""
    _parameters: NDArray[np.float64] = field(kw_only=True)
    _counts: PairCounts = field(kw_only=True)
    _information: Information = field(kw_only=True)

    def __repr__(self) -> str:
        size = f"{len(self.items):,} items, {self.n_comparisons:,} comparisons"
        return f"BradleyTerryFit({size}, log_loss={self.log_loss:.4f})"

    @cached_property
    def log_loss(self) -> float:
        """The mean negative log-likelihood of a comparison, in nats, without the prior."""
        return total_loss(self._counts, self._parameters, davidson=bool(self.tie_parameter)) / self.n_comparisons

    @cached_property
    def covariance(self) -> NDArray[np.float64]:
        """The covariance of the scores in this fit's gauge, ``(n_items, n_items)``; up to 10,000 items."""
        n = len(self.items)
        if n > COVARIANCE_LIMIT:
            raise ValueError(
                f"the covariance of {n:,} items would take {n * n * 8 / 1e9:,.0f} GB (the limit is "
                f"{COVARIANCE_LIMIT:,} items); ask for the items of interest: covariance_of([...])"
            )
        covariance = self._information.covariance[:n, :n]
        if self.reference is None:
            return covariance
        k = self._position(self.reference)
        return covariance - covariance[:, [k]] - covariance[[k], :] + covariance[k, k]

    @cached_property
    def standard_errors(self) -> NDArray[np.float64]:
        """The standard errors of the scores in this fit's gauge, ``(n_items,)``; up to 10,000 items."""
        return _roots(np.diag(self.covariance))

    def covariance_of(self, items: Iterable[Hashable]) -> NDArray[np.float64]:
        """Return the covariance of some items' scores, ``(n_chosen, n_chosen)``; a large fit solves for each."""
        chosen = [self._position(item) for item in items]
        n = len(self.items)
        if n <= COVARIANCE_LIMIT:
            return self.covariance[np.ix_(chosen, chosen)]
        columns = []
        for k in chosen:
            right = np.zeros(n + self._information.border.shape[1])
            right[k] = 1.0
            if self.reference is None:
                right[:n] -= 1 / n
            else:
                right[self._position(self.reference)] -= 1.0
            solution = self._information.solve(right)
            shift = 0.0 if self.reference is None else solution[self._position(self.reference)]
            columns.append(solution[chosen] - shift)
        return np.stack(columns, axis=1)

    @property
    def order_effect_standard_error(self) -> float | None:
        """The standard error of `order_effect`."""
        return None if self.order_effect is None else self._extra_standard_error(0)

    @property
    def tie_parameter_standard_error(self) -> float | None:
        """The standard error of `tie_parameter`, by the delta method from that of its logarithm."""
        if not self.tie_parameter:  # not fitted; or 0, on the edge of its range, where there is none
            return None
        return self.tie_parameter * self._extra_standard_error(-1)

    def intervals(self, level: float = 0.95) -> NDArray[np.float64]:
        """Return the ends of normal intervals for the scores, ``(n_items, 2)``; 95% by default."""
        from scipy.special import ndtri

        if not 0 < level < 1:
            raise ValueError(f"level must be between 0 and 1, such as 0.95, got {level!r}")
        reach = ndtri((1 + level) / 2) * self.standard_errors
        return np.stack([self.scores - reach, self.scores + reach], axis=1)

    def relative_to(self, item: Hashable | None) -> BradleyTerryFit:
        """Return the same fit with that item's score at 0 and errors to match; for None, scores that sum to zero."""
        shift = self.scores.mean() if item is None else self.scores[self._position(item)]
        return replace(self, scores=self.scores - shift, reference=item)

    def probability(self, first: Hashable, second: Hashable) -> float:
        """Return the probability that `first` beats `second` on neutral ground, ties left out."""
        return preference_probability(float(self.scores[self._position(first)] - self.scores[self._position(second)]))

    def bootstrap(self, n_resamples: int = 1000, *, seed: int | None = None) -> NDArray[np.float64]:
        """Fit to comparisons drawn with replacement; return scores in this fit's gauge, ``(n_resamples, n_items)``.

        Raises
        ------
        ValueError
            If weights were not whole numbers, or a resample has no finite maximum: leaving it out would bias the rest.
        """
        counts = self._counts
        cells = np.stack([counts.wins, counts.losses, counts.ties])  # (3, n_rows)
        if (cells != np.round(cells)).any():
            raise ValueError("bootstrap draws whole comparisons, and this fit's weights are not whole numbers")
        rng = np.random.default_rng(seed)
        n, k = len(self.items), None if self.reference is None else self._position(self.reference)
        resamples = np.empty((n_resamples, n))
        for row in range(n_resamples):
            drawn = rng.multinomial(round(self.n_comparisons), (cells / cells.sum()).ravel()).reshape(cells.shape)
            wins, losses, ties = drawn.astype(np.float64)
            resample = replace(counts, wins=wins, losses=losses, ties=ties)
            davidson = self.ties == "davidson" and bool(ties.any())
            if reason := why_no_finite_maximum(
                self.items, resample, has_prior=self.prior_variance is not None, davidson=davidson
            ):
                raise ValueError(f"resample {row + 1} of {n_resamples} cannot be fitted ({reason})")
            parameters, _, _ = maximise(
                resample, davidson=davidson, prior_variance=self.prior_variance, max_iterations=self.max_iterations
            )
            resamples[row] = parameters[:n] if k is None else parameters[:n] - parameters[k]
        return resamples

    def to_frame(self, *, standard_errors: bool = True) -> pd.DataFrame:
        """Return a pandas table with columns item, score and, by default, standard_error."""
        import pandas as pd

        table = pd.DataFrame({"item": list(self.items), "score": self.scores})
        return table.assign(standard_error=self.standard_errors) if standard_errors else table

    @cached_property
    def _positions(self) -> dict[Hashable, int]:
        return {label_key(item): k for k, item in enumerate(self.items)}

    def _position(self, item: Hashable) -> int:
        position = self._positions.get(label_key(item))
        if position is None:
            near = ", ".join(map(repr, self.items[:5])) + (", ..." if len(self.items) > 5 else "")
            raise ValueError(f"{item!r} is not one of the {len(self.items):,} items fitted: {near}")
        return position

    def _extra_standard_error(self, which: int) -> float:
        n, n_extras = self._information.border.shape
        which %= n_extras
        if n <= COVARIANCE_LIMIT:
            return float(_roots(self._information.covariance[n + which, n + which]))
        right = np.zeros(n + n_extras)
        right[n + which] = 1.0
        return float(_roots(self._information.solve(right)[n + which]))


def _roots(variances: Any) -> Any:
    return np.sqrt(np.maximum(variances, 0.0))  # rounding can leave the reference item's zero below zero
