"""The checks of an audit: a file for each family of them."""

from rmlab.audit.checks.numbers import equal_scores, finite, half_precision, length
from rmlab.audit.checks.reading import end_of_text, one_output, pad_token, pipeline, truncation
from rmlab.audit.checks.scored_twice import antisymmetry, batch_size, order, padding_side, reload, repeat

__all__ = ["CHECKS"]

CHECKS = (
    one_output, reload, repeat, batch_size, order, padding_side, antisymmetry, pad_token, end_of_text, equal_scores,
    truncation, length, finite, half_precision, pipeline,
)  # fmt: skip
"""The checks, in the order of the table."""
