"""Train a reward model on preference pairs.

`loop` holds the loop itself, to be read in one sitting; `config` what can be set; `records` what a run tells; `pairs`
how preference pairs are made ready; `mode` what is done to the model for the time of a run.
"""

from rmlab.training.config import TrainingConfig
from rmlab.training.loop import TrainingRun, train, training_steps
from rmlab.training.pairs import TrainingData, TrainingError, prepare
from rmlab.training.records import HeldOutEvaluation, History, TrainingStep

__all__ = [
    "HeldOutEvaluation",
    "History",
    "TrainingConfig",
    "TrainingData",
    "TrainingError",
    "TrainingRun",
    "TrainingStep",
    "prepare",
    "train",
    "training_steps",
]
