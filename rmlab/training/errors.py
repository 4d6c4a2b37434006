"""The errors of training."""

__all__ = ["OtherProcessError", "TrainingError"]


class TrainingError(ValueError):
    """A run that cannot start or go on; the message names the step and the pairs at fault and says what to do."""


class OtherProcessError(TrainingError):
    """Another process of this run stopped, and so this one stopped too; the message is that of the other."""
