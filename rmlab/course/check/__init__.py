"""Checks of the answers to the exercises of the course: one function for each exercise, named after it.

    from rmlab.course import check
    check.gap_for_probability(2.197)

A right answer passes in any equivalent form: a number, or a function on floats, NumPy arrays or torch tensors. For a
wrong answer the message names the mistake that it resembles, and for a missing one it says that nothing was attempted.
No function raises: each prints a message and returns a `Verdict` with ``passed``. To add a check, call `judge`.
"""

# Called as `check.loss`. Left out of `__all__`: a notebook may not define a name that is in one.
from rmlab.course.check.nb00 import judges_for_rejected, scores_to_probability  # noqa: F401
from rmlab.course.check.nb01 import TAU_RATINGS, TAU_REWARDS, centred_ratings, kendall_tau  # noqa: F401
from rmlab.course.check.nb02 import difference_to_probability, gap_for_probability  # noqa: F401
from rmlab.course.check.nb03 import batch_loss, loss, loss_gradient  # noqa: F401
from rmlab.course.check.nb04 import standard_error_of_difference, win_probability  # noqa: F401
from rmlab.course.check.nb05 import cleaned_lines, leakless_split  # noqa: F401
from rmlab.course.check.nb06 import linear_score_difference, reported_loss  # noqa: F401
from rmlab.course.check.nb07 import last_real_position, scores_from_hidden, training_loop  # noqa: F401
from rmlab.course.check.nb08 import accuracy_of_differences, loss_at_temperature  # noqa: F401
from rmlab.course.check.nb09 import flattery_effect, remainder_of_removal  # noqa: F401
from rmlab.course.check.nb10 import kl_bound, loss_of_log_ratios, optimal_probabilities  # noqa: F401
from rmlab.course.check.nb11 import shared_tokens, training_memory  # noqa: F401
from rmlab.course.check.nb12 import FORM_MODELS, batch_gap, change_of_form  # noqa: F401
from rmlab.course.check.nb13 import report_sentences  # noqa: F401
from rmlab.course.check.verdict import Verdict, judge  # noqa: F401

__all__ = ["Verdict"]
