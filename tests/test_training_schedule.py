"""The learning rate of each step under each schedule."""

import math
from typing import get_args

import pytest
from test_training import FP32, fresh, make_pairs

from rmlab.training import Schedule, TrainingConfig, training_steps


@pytest.mark.parametrize("schedule", get_args(Schedule))
def test_schedules(schedule):
    config = TrainingConfig(max_steps=8, batch_size=4, warmup_fraction=0.25, schedule=schedule, **FP32)
    rates = [step.learning_rate for step in training_steps(fresh(), make_pairs(8), config=config)]
    after = {
        "cosine": [(1 + math.cos(math.pi * k / 6)) / 2 for k in range(6)],
        "linear": [(6 - k) / 6 for k in range(6)],
        "constant": [1.0] * 6,
    }[schedule]
    assert rates == pytest.approx([0.0, 0.5e-3, *(1e-3 * share for share in after)])
