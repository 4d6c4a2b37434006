"""Train a reward model on preference pairs.

`loop` holds the loop itself, short enough to read at once; `config` the settings; `records` what a run reports;
`pairs` the preparation of preference pairs; `mode` the changes to the model during a run; `state` what changes from
step to step, and `checkpoint` how it is written to disk, so that a run that was killed can be resumed. `group` makes
one run of several processes, and `parallel` spreads the model over them. `head` fits the head alone.
"""

from rmlab.training.checkpoint import load_checkpoint
from rmlab.training.config import TrainingConfig
from rmlab.training.errors import OtherProcessError
from rmlab.training.group import is_sharded, join_group, one_for_all
from rmlab.training.head import LinearReward, fit_head, fit_linear_reward
from rmlab.training.loop import TrainingRun, train, training_steps
from rmlab.training.pairs import TrainingData, TrainingError, prepare
from rmlab.training.records import HeldOutEvaluation, History, TrainingStep

__all__ = [
    "HeldOutEvaluation",
    "History",
    "LinearReward",
    "OtherProcessError",
    "TrainingConfig",
    "TrainingData",
    "TrainingError",
    "TrainingRun",
    "TrainingStep",
    "fit_head",
    "fit_linear_reward",
    "is_sharded",
    "join_group",
    "load_checkpoint",
    "one_for_all",
    "prepare",
    "train",
    "training_steps",
]
