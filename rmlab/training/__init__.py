"""Train a reward model on preference pairs.

`loop` holds the loop itself, short enough to read at once; `config` the settings; `records` what a run reports;
`training_data` the preparation of preference pairs; `mode` the changes to the model during a run; `run_state` what
changes from step to step, and `checkpoint` how it is written to disk, so that a run that was killed can be resumed.
`adapters` and `optimizer` say which weights are trained and how, `batch_order` which pairs a step takes, `faults` what
becomes of a number that is not finite, `interruption` of a signal; `logs` writes down the steps while a run goes on.
`group` makes one run of several processes, and `parallel` spreads the model over them. `linear_head` fits the head
alone.
"""

from rmlab.training.adapters import frozen_parameters
from rmlab.training.checkpoint import load_checkpoint
from rmlab.training.config import Schedule, TrainingConfig
from rmlab.training.errors import Interrupted, OtherProcessError
from rmlab.training.group import is_sharded, join_group, one_for_all
from rmlab.training.linear_head import LinearReward, fit_head, fit_linear_reward
from rmlab.training.loop import TrainingRun, train, training_steps
from rmlab.training.records import HeldOutEvaluation, History, TrainingStep
from rmlab.training.training_data import TrainingData, TrainingError, prepare

__all__ = [
    "HeldOutEvaluation",
    "History",
    "Interrupted",
    "LinearReward",
    "OtherProcessError",
    "Schedule",
    "TrainingConfig",
    "TrainingData",
    "TrainingError",
    "TrainingRun",
    "TrainingStep",
    "fit_head",
    "fit_linear_reward",
    "frozen_parameters",
    "is_sharded",
    "join_group",
    "load_checkpoint",
    "one_for_all",
    "prepare",
    "train",
    "training_steps",
]
