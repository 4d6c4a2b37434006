"""The maximum of the Bradley-Terry and Davidson likelihoods by Newton's method, from comparisons counted by pair.

The parameters are one vector ``(n_items + n_extras,)``: the scores, then the order effect if there is one, then the log
of Davidson's tie parameter if there is one. Every probability and loss comes from `rmlab.preference`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.linalg.lapack import dpotrf, dpotri  # pyright: ignore[reportAttributeAccessIssue]
from scipy.sparse import block_array, csc_array, csr_array, diags_array
from scipy.sparse.linalg import LinearOperator, cg, splu

from rmlab.bradley_terry.counts import PairCounts
from rmlab.preference import davidson_loss, davidson_probabilities, preference_loss, preference_probability

__all__ = ["Information", "maximise", "total_loss"]

Floats = NDArray[np.float64]

CHOLESKY_LIMIT = 256
"""Up to this many items every Newton step is solved by a dense Cholesky factor; beyond, by conjugate gradients."""
CG_LIMIT = 200
"""If conjugate gradients need more iterations than this, a sparse factor is used. Comparisons that mix well need about
ten, and would fill a factor; those that mix badly (a ladder of neighbours) have a factor with few entries."""
STEP_TOLERANCE = 1e-6
"""The last Newton step moves no parameter by more than this; the remaining error is of the order of its square."""


@dataclass(frozen=True, eq=False)
class Information:
    """Second derivative of minus the log posterior: a weighted graph Laplacian, bordered by the other parameters."""

    pairs: csr_array  # (n, n), above the diagonal: what each pair shows about its score difference
    diagonal: Floats  # (n,): its row sums both ways, and the prior's precision
    border: Floats  # (n, n_extras)
    corner: Floats  # (n_extras, n_extras)
    prior_precision: float

    @cached_property
    def covariance(self) -> Floats:
        """The covariance of all parameters where scores sum to zero, ``(n + n_extras, n + n_extras)``."""
        matrix, anchor = self._anchored()
        factor, failed = dpotrf(matrix, overwrite_a=True)
        if not failed:
            factor, failed = dpotri(factor, overwrite_c=True)
        if failed:
            raise LinAlgError("the information matrix is singular")
        n = len(self.diagonal)
        covariance = factor + factor.T  # LAPACK leaves zeros below the diagonal
        covariance[np.diag_indices_from(covariance)] /= 2
        # the direction in which all scores move together is not part of this gauge, nor is the prior's hold on it
        covariance[:n, :n] -= 1 / (n * (n * anchor + self.prior_precision))
        return covariance

    def solve(self, right: Floats, *, rtol: float = 1e-10) -> Floats:
        """Solve for one right-hand side whose first n entries sum to zero; so do those of the solution."""
        n = len(self.diagonal)
        # exactly zero, or conjugate gradients would chase the rounding error
        right = np.concatenate([right[:n] - right[:n].mean(), right[n:]])
        if n <= CHOLESKY_LIMIT:
            solution = cho_solve(cho_factor(self._anchored()[0], check_finite=False), right, check_finite=False)
        else:
            jacobi = 1 / np.concatenate([self.diagonal, np.diag(self.corner)])
            shape = (len(right), len(right))
            matrix = LinearOperator(shape, matvec=self._times, dtype=np.float64)  # pyright: ignore
            scaling = LinearOperator(shape, matvec=lambda v: jacobi * v, dtype=np.float64)  # pyright: ignore
            solution, failed = cg(matrix, right, rtol=rtol, maxiter=CG_LIMIT, M=scaling)
            if failed:
                solution = self._solve_by_sparse_factor(right)
        solution[:n] -= solution[:n].mean()
        return solution

    def _times(self, vector: Floats) -> Floats:
        n = len(self.diagonal)
        scores, extras = vector[:n], vector[n:]
        pull = self.diagonal * scores - self.pairs @ scores - self.pairs.T @ scores
        return np.concatenate([pull + self.border @ extras, self.border.T @ scores + self.corner @ extras])

    def _anchored(self) -> tuple[Floats, float]:
        """Return the upper triangle with a constant added for all items, which makes it definite, and the constant."""
        n, n_extras = self.border.shape
        anchor = self.diagonal.mean() / n
        matrix = np.zeros((n + n_extras, n + n_extras), order="F")
        matrix[:n, :n] = anchor - self.pairs.toarray()
        matrix[np.arange(n), np.arange(n)] = anchor + self.diagonal
        matrix[:n, n:], matrix[n:, n:] = self.border, self.corner
        return matrix, anchor

    def _solve_by_sparse_factor(self, right: Floats) -> Floats:
        laplacian = diags_array(self.diagonal) - self.pairs - self.pairs.T
        matrix = csc_array(laplacian)
        if self.border.shape[1]:
            matrix = csc_array(block_array([[laplacian, self.border], [self.border.T, self.corner]]))
        grounded = slice(0 if self.prior_precision else 1, None)  # without a prior the first item stays at zero
        factor = splu(
            matrix[grounded, grounded],
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
        solution = np.zeros_like(right)
        solution[grounded] = factor.solve(right[grounded])
        return solution


def maximise(
    counts: PairCounts, *, davidson: bool, prior_variance: float | None, max_iterations: int
) -> tuple[Floats, Information, int]:
    """Return the parameters at the maximum, the information there, and the number of Newton iterations.

    Raises
    ------
    RuntimeError
        If it has not converged after `max_iterations` steps.
    """
    precision = 0.0 if prior_variance is None else 1 / prior_variance
    parameters = _start(counts, davidson, precision)
    gradient, information = _derivatives(counts, parameters, davidson, precision)
    n, iteration, moved = counts.n_items, 0, math.inf
    for iteration in range(1, max_iterations + 1):
        with np.errstate(divide="ignore", invalid="ignore"):
            jacobi_step = np.abs(gradient[:n] / information.diagonal).max()
        try:
            step = information.solve(-gradient, rtol=min(0.1, max(jacobi_step, 1e-7)))
        except (LinAlgError, RuntimeError):  # not definite to working precision
            break
        moved = np.abs(step).max()
        if moved < STEP_TOLERANCE:
            return parameters + step, information, iteration
        fall = -gradient @ step
        for length in 0.5 ** np.arange(30):
            trial = parameters + length * step
            gradient, information = _derivatives(counts, trial, davidson, precision)
            # the loss is convex along the step: a slope upward of half its first fall, or more, means it went too far
            if gradient @ step <= fall / 2:
                break
        else:  # no step helps, because of rounding
            break
        parameters = trial
    raise RuntimeError(
        f"the fit did not converge: after {iteration} Newton iterations the next step would still move a parameter by "
        f"{moved:.2g}. Give a prior (prior_variance=1.0), or raise max_iterations"
    )


def total_loss(counts: PairCounts, parameters: Floats, *, davidson: bool) -> float:
    """Return minus the log likelihood, in nats, without the prior.

    A win by j costs ``loss(-d) = loss(d) + d`` and a tie costs ``loss(d) + d / 2 - log(tie parameter)``, so one
    evaluation serves all three outcomes. With ties="half", a tie is half a win each way, without the last term.
    """
    d = _differences(counts, parameters)
    loss = davidson_loss(d, False, math.exp(parameters[-1])) if davidson else preference_loss(d)
    ties = float(counts.ties.sum() * parameters[-1]) if davidson else 0.0
    return float(counts.total @ loss + (counts.losses + counts.ties / 2) @ d) - ties


def _differences(counts: PairCounts, parameters: Floats) -> Floats:
    d = parameters.take(counts.i) - parameters.take(counts.j)  # (n_rows,)
    return d if counts.first is None else d + parameters[counts.n_items] * counts.first


def _onto_items(counts: PairCounts, values: Floats) -> Floats:
    """Add a value of each row, ``(n_rows,)``, to its i and subtract it from its j: shape ``(n_items,)``."""
    matrix, ones = counts.matrix(values), np.ones(counts.n_items)
    return matrix @ ones - matrix.T @ ones  # many times as fast as two calls of bincount


def _derivatives(
    counts: PairCounts, parameters: Floats, davidson: bool, prior_precision: float
) -> tuple[Floats, Information]:
    """Return the gradient of minus the log posterior, ``(n_items + n_extras,)``, and the information.

    Win, tie and loss have the odds ``exp(d / 2) : tie parameter : exp(-d / 2)``, an exponential family in
    (wins - losses) / 2 and ties. The gradient is expected minus observed, and the information is their covariance.
    """
    n, d, total = counts.n_items, _differences(counts, parameters), counts.total  # d and total: (n_rows,)
    if davidson:
        win, tie, loss = davidson_probabilities(d, math.exp(parameters[-1]))
        expected, variance = (win - loss) / 2, win * loss + tie * (1 - tie) / 4
    else:
        win, tie = preference_probability(d), None
        expected, variance = win - 0.5, win * (1 - win)
    residual = total * expected - counts.surplus
    curvature = total * variance
    extras = []  # for each: its slope, and the covariance of each row's (wins - losses) / 2 with its statistic
    if counts.first is not None:
        extras.append((residual @ counts.first, curvature * counts.first))
    if tie is not None:
        extras.append((total @ tie - counts.ties.sum(), -total * tie * expected))
    gradient = np.concatenate(
        [_onto_items(counts, residual) + prior_precision * parameters[:n], [g for g, _ in extras]]
    )
    border = np.stack([_onto_items(counts, c) for _, c in extras], axis=1) if extras else np.empty((n, 0))
    corner = np.empty((len(extras), len(extras)))
    if counts.first is not None:
        corner[0] = corner[:, 0] = [covariance @ counts.first for _, covariance in extras]
    if tie is not None:
        corner[-1, -1] = total @ (tie * (1 - tie))
    pairs = counts.matrix(curvature)
    diagonal = pairs @ np.ones(n) + pairs.T @ np.ones(n) + prior_precision
    return gradient, Information(pairs, diagonal, border, corner, prior_precision)


def _start(counts: PairCounts, davidson: bool, prior_precision: float) -> Floats:
    """Return a better start than zeros: log-odds of each item's share of wins, clipped to where the loss is curved."""
    matrix, ones = counts.matrix(counts.total / 2), np.ones(counts.n_items)
    half, surplus = matrix @ ones + matrix.T @ ones, _onto_items(counts, counts.surplus)
    held = 0.5 + 2 * prior_precision
    scores = np.log((half + surplus + held) / (half - surplus + held)).clip(-3, 3)
    extras = [] if counts.first is None else [0.0]
    if davidson:  # two equal items tie with probability nu / (2 + nu)
        extras.append(math.log(2 * counts.ties.sum() / (counts.wins.sum() + counts.losses.sum())))
    return np.concatenate([scores - scores.mean(), extras])
