"""What goes wrong in training."""

__all__ = ["TrainingError"]


class TrainingError(ValueError):
    """A run that cannot start or go on; the message names the step and the pairs at fault and says what to do."""
