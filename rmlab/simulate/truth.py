"""What the best possible model would make of pairs whose true differences are known."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from rmlab.preference import preference_loss, preference_probability

__all__ = ["KnownTruth", "bayes_accuracy", "bayes_log_loss", "expected_outcomes"]


class KnownTruth:
    """Simulated pairs, with the ceiling that follows from their true score differences."""

    @cached_property
    def score_differences(self) -> np.ndarray:
        """True log-odds that the chosen response is preferred, in nats; shape ``(n_pairs,)``. Each kind has its own."""
        raise NotImplementedError

    @property
    def bayes_accuracy(self) -> float:
        """See `bayes_accuracy`: no model does better on average over the labels."""
        return bayes_accuracy(self.score_differences)

    @property
    def bayes_log_loss(self) -> float:
        """See `bayes_log_loss`, in nats: no model does better on average over the labels."""
        return bayes_log_loss(self.score_differences)


def bayes_accuracy(score_differences: np.ndarray) -> float:
    """Accuracy of a judge who knows the true differences, on average over the labels: the mean of max(P, 1 - P)."""
    return float(np.mean(preference_probability(np.abs(np.asarray(score_differences, dtype=np.float64)))))


def bayes_log_loss(score_differences: np.ndarray) -> float:
    """Log loss of the true probabilities, in nats, on average over the labels: the mean entropy of a label.

    With d the absolute difference, ``P loss(d) + (1 - P) loss(-d)`` is ``loss(d) + (1 - P) d``.
    """
    d = np.abs(np.asarray(score_differences, dtype=np.float64))
    d = np.minimum(d, 1e3)  # from there on a label is certain: its entropy is 0, where infinity times zero is not
    return float(np.mean(preference_loss(d) + preference_probability(-d) * d))


def expected_outcomes(score_differences: np.ndarray, true_differences: np.ndarray) -> np.ndarray:
    """Return the probability that the label of each pair agrees with a model; float64 array of shape ``(n_pairs,)``.

    The mean is the model's accuracy on average over the labels, free of the luck of those that were drawn. A tie of the
    model's scores counts one half.

    Parameters
    ----------
    score_differences
        The model's, of chosen minus rejected; shape ``(n_pairs,)``.
    true_differences
        From which the labels were drawn, in the same orientation; shape ``(n_pairs,)``.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    differences, truth = (np.asarray(d, dtype=np.float64) for d in (score_differences, true_differences))
    if differences.shape != truth.shape:
        raise ValueError(f"both must have the same shape, got {differences.shape} and {truth.shape}")
    return preference_probability(np.sign(differences) * truth)
