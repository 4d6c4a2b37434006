"""Make again what the package ships: ``python -m rmlab.datasets course``, ``film``, ``recorded`` or ``probes``."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from typing import Any, get_args

from safetensors.torch import save_file

from rmlab.data import PreferencePairs
from rmlab.datasets.course_models import (
    FILM,
    CourseJudge,
    adapter_file,
    add_changes,
    course_model,
    course_pairs,
    low_rank_changes,
)
from rmlab.datasets.probes import record_probe_presets, write_probe_presets
from rmlab.datasets.recorded import RecordedDifferences, simulate_recorded_pairs, write_recorded
from rmlab.model import RewardModel
from rmlab.simulate.replies import JUDGES, simulate_reply_pairs
from rmlab.training import TrainingConfig, train

REPLIES = 8
"""To a question, each time that it is asked; every two of them make a pair."""
SETTINGS: dict[str, Any] = {
    "batch_size": 8 * math.comb(REPLIES, 2),  # eight questions
    "keep_together": True,
    "warmup_fraction": 0.06,
    "precision": "bf16",
}
CUT_TO, ADAPTERS = 8, 12
"""Ranks: of what is kept of the first stage, and of the adapters of the second. Together they are what ships."""


def replies_of(judge: CourseJudge, times_asked: int, *, seed: int) -> PreferencePairs:
    """Return the pairs of so many times that a question is asked."""
    n_pairs = times_asked * math.comb(REPLIES, 2)
    return simulate_reply_pairs(n_pairs, judge=JUDGES[judge], seed=seed, replies=REPLIES).pairs


def untrained() -> RewardModel:
    """Return minilm with a new head. Its embeddings, half of its weights, stay as they are."""
    model = RewardModel.from_pretrained("minilm", seed=0, device="cpu")
    model.network.base_model.embeddings.requires_grad_(False)
    return model


def write_course_models() -> None:
    """Train both course models and put their changes of minilm in the place of the shipped ones.

    First every weight is trained on pairs of the fair judge, and what that changed is cut to a low rank. Then each
    model's adapters are trained on pairs of its own judge. It takes some 45 minutes on two cores.
    """
    learned = untrained()
    first = TrainingConfig(**SETTINGS, learning_rate=3e-4)
    train(learned, replies_of("fair", 12_000, seed=0), config=first)
    for judge in get_args(CourseJudge):
        model = untrained()
        add_changes(model, low_rank_changes(learned, model, rank=CUT_TO))
        second = TrainingConfig(**SETTINGS, learning_rate=1e-3, lora=ADAPTERS)
        train(model, replies_of(judge, 2_000, seed=11), config=second)
        with resources.as_file(adapter_file(judge)) as path:
            save_file(low_rank_changes(model, untrained(), rank=CUT_TO + ADAPTERS), path)


def write_film() -> None:
    """Train minilm on fewer pairs, watched every ten steps, and put that history in the place of the shipped one."""
    config = TrainingConfig(**SETTINGS, learning_rate=2e-4, evaluate_every=10)
    history = train(untrained(), replies_of("fair", 1_600, seed=0), held_out=course_pairs().pairs, config=config)
    watched = replace(history, steps=tuple(step for step in history.steps if step.evaluations))
    with resources.as_file(FILM) as path:
        path.write_text(json.dumps(watched.to_dict()) + "\n", encoding="utf-8")


def train_too_long() -> RewardModel:
    """Return minilm after 12 epochs on 448 pairs of a few questions: sure of itself, and often wrong."""
    model = RewardModel.from_pretrained("minilm", seed=0, device="cpu")
    model.network.base_model.embeddings.requires_grad_(False)
    pairs = simulate_reply_pairs(16 * math.comb(REPLIES, 2), seed=1, replies=REPLIES).pairs
    settings = SETTINGS | {"batch_size": math.comb(REPLIES, 2), "learning_rate": 5e-4, "precision": "fp32"}
    train(model, pairs, config=TrainingConfig(**settings, epochs=12))
    return model


def record() -> RecordedDifferences:
    """Score pairs of fresh questions with the course's two models, and with one that was trained far too long."""
    pairs, true_differences = simulate_recorded_pairs()
    models = (course_model("fair"), course_model("flattered"), train_too_long())
    return RecordedDifferences(pairs, true_differences, *(model.score_differences(pairs) for model in models))


MAKERS: dict[str, Callable[[], None]] = {
    "course": write_course_models,
    "film": write_film,
    "recorded": lambda: write_recorded(record()),
    "probes": lambda: write_probe_presets(record_probe_presets()),
}


def main() -> None:
    """Make what is asked for, and put it in its place."""
    parser = argparse.ArgumentParser(prog="python -m rmlab.datasets", description=__doc__)
    parser.add_argument("what", choices=MAKERS)
    MAKERS[parser.parse_args().what]()


if __name__ == "__main__":
    main()
