"""Train a reward model on preference pairs.

`start_run` begins a run, and `loop` takes its steps. A run takes its settings from `config` and its pairs from
`training_data`, sets the model as `mode` describes, and yields `records`. `run_state` holds what changes from step to
step, and `checkpoint` writes it to disk, so that a killed run can be resumed. `adapters` decides which weights are
trained, `optimizer` how, `schedule` the learning rate of each step, and `batch_order` its pairs. `faults` handles
numbers that are not finite, and `interruption` handles signals. `logs` records the steps while a run goes on. `group`
makes one run of several processes, and `parallel` spreads the model over them. `linear_head` fits the head alone.
"""

from rmlab.training.adapters import frozen_parameters
from rmlab.training.checkpoint import load_checkpoint
from rmlab.training.config import TrainingConfig
from rmlab.training.errors import Interrupted, OtherProcessError
from rmlab.training.group import is_sharded, join_group, one_for_all
from rmlab.training.linear_head import LinearReward, fit_head, fit_linear_reward
from rmlab.training.records import HeldOutEvaluation, History, TrainingStep
from rmlab.training.schedule import Schedule
from rmlab.training.start_run import TrainingRun, train, training_steps
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
