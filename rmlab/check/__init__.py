"""Checks of the answers to the exercises of the course: one function for each exercise, named after it.

    from rmlab import check
    check.gap_for_probability(2.197)

A right answer passes in any equivalent form: a number, or a function on floats, NumPy arrays or torch tensors. For a
wrong one the message says which mistake it looks like, and for a missing one that it was not attempted. Nothing is
raised: each function prints a message and returns a `Verdict` with ``passed``. A new check is a call of `judge`.
"""

# The checks are called as `check.loss`. They are not in `__all__`, since notebooks may use none of its names otherwise.
from rmlab.check.effects import flattery_effect, remainder_of_removal  # noqa: F401
from rmlab.check.errors import standard_error_of_difference  # noqa: F401
from rmlab.check.evaluations import accuracy_of_differences, loss_at_temperature  # noqa: F401
from rmlab.check.features import linear_score_difference, reported_loss  # noqa: F401
from rmlab.check.heads import scores_from_hidden  # noqa: F401
from rmlab.check.items import TAU_RATINGS, TAU_REWARDS, kendall_tau, last_real_position, win_probability  # noqa: F401
from rmlab.check.judge import Verdict, judge  # noqa: F401
from rmlab.check.ratings import centred_ratings  # noqa: F401
from rmlab.check.scores import (  # noqa: F401
    batch_loss,
    difference_to_probability,
    gap_for_probability,
    judges_for_rejected,
    loss,
    loss_gradient,
    scores_to_probability,
)
from rmlab.check.tokens import shared_tokens, training_memory  # noqa: F401

__all__ = ["Verdict"]
