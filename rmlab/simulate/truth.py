"""What the best possible model would give for pairs whose true differences are known."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from rmlab.preference import outcomes, preference_loss, preference_probability

__all__ = ["KnownTruth", "bayes_accuracy", "bayes_log_loss", "expected_outcomes"]


class KnownTruth:
    """Simulated pairs, with the ceiling that follows from their true score differences."""

    @cached_property
    def score_differences(self) -> np.ndarray:
        """The true log-odds that the chosen response is preferred, in nats; ``(n_pairs,)``. Subclasses define it."""
        raise NotImplementedError

    @property
    def label_counts(self) -> np.ndarray | None:
        """How many labels each pair stands for, ``(n_pairs,)``; None if each stands for one."""
        return None

    @property
    def bayes_accuracy(self) -> float:
        """The best accuracy on average over the labels; see the function `bayes_accuracy`."""
        return bayes_accuracy(self.score_differences, weights=self.label_counts)

    @property
    def bayes_log_loss(self) -> float:
        """The lowest log loss on average over the labels, in nats; see the function `bayes_log_loss`."""
        return bayes_log_loss(self.score_differences, weights=self.label_counts)


def bayes_accuracy(score_differences: np.ndarray, *, weights: np.ndarray | None = None) -> float:
    """Return the accuracy of a judge who knows the true differences, on average over labels: mean of max(P, 1 - P)."""
    d = np.abs(np.asarray(score_differences, dtype=np.float64))
    return float(np.average(preference_probability(d), weights=weights))


def bayes_log_loss(score_differences: np.ndarray, *, weights: np.ndarray | None = None) -> float:
    """Return the log loss of the true probabilities, in nats, on average over labels: the mean entropy of a label.

    With d the absolute difference, ``P loss(d) + (1 - P) loss(-d)`` is ``loss(d) + (1 - P) d``.
    """
    d = np.abs(np.asarray(score_differences, dtype=np.float64))
    d = np.minimum(d, 1e3)  # beyond this a label is certain: its entropy is 0, not infinity times zero
    return float(np.average(preference_loss(d) + preference_probability(-d) * d, weights=weights))


def expected_outcomes(score_differences: np.ndarray, true_differences: np.ndarray) -> np.ndarray:
    """Return the probability that the label of each pair agrees with a model; float64 array of shape ``(n_pairs,)``.

    The mean is the model's accuracy on average over the labels, without the luck of those that were drawn. A tie of the
    model's scores counts one half.

    Parameters
    ----------
    score_differences
        The model's differences, chosen minus rejected; shape ``(n_pairs,)``.
    true_differences
        The differences from which the labels were drawn, in the same orientation; shape ``(n_pairs,)``.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    differences, truth = (np.asarray(d, dtype=np.float64) for d in (score_differences, true_differences))
    if differences.shape != truth.shape:
        raise ValueError(
            "score_differences and true_differences must have the same shape, "
            f"got {differences.shape} and {truth.shape}"
        )
    right, wrong = outcomes(differences), outcomes(-differences)  # if the label names the first response; the other
    return right * preference_probability(truth) + wrong * preference_probability(-truth)
