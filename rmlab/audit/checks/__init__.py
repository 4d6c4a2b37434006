"""The checks of an audit: a file for each family of them, which lists its checks at its end."""

from rmlab.audit.checks import numbers, reading, scored_twice

__all__ = ["CHECKS"]

CHECKS = (*scored_twice.CHECKS, *reading.CHECKS, *numbers.CHECKS)
"""The checks, in the order of the table."""
