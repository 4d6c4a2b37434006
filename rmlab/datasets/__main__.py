"""Make again what the package ships: ``python -m rmlab.datasets course``, ``recorded`` or ``probes``."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import replace
from importlib import resources
from typing import Any, get_args

import torch
from safetensors.torch import save_file

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
from rmlab.evaluation import evaluate
from rmlab.model import RewardModel
from rmlab.simulate.replies import JUDGES, simulate_reply_pairs
from rmlab.training import HeldOutEvaluation, History, TrainingConfig, train

REPLIES = 8
"""To a question, each time that it is asked; every two of them make a pair."""
TIMES_ASKED: dict[CourseJudge, int] = {"fair": 12_000, "flattered": 3_000}
"""The twin begins where the fair model ended, and has only one thing to learn."""
SETTINGS: dict[str, Any] = {
    "batch_size": 8 * math.comb(REPLIES, 2),  # eight questions
    "keep_together": True,
    "learning_rate": 3e-4,
    "warmup_fraction": 0.06,
    "precision": "auto",
}
WATCHED = 100
"""Steps between two frames of the film."""


def train_course_model(
    judge: CourseJudge, start: RewardModel | None = None
) -> tuple[dict[str, torch.Tensor], RewardModel, History]:
    """Train a course model on the world of replies; the embeddings of minilm stay as they are.

    Parameters
    ----------
    judge
        Who decides the pairs.
    start
        The model to begin with, which is changed; by default minilm with a new head.

    Returns
    -------
    What training changed, of low rank; the model that has these changes, which is what ships; the history of the run.
    Its last frame is of the model that ships, and those before it are of the run.
    """
    n_pairs = TIMES_ASKED[judge] * math.comb(REPLIES, 2)
    pairs = simulate_reply_pairs(n_pairs, judge=JUDGES[judge], seed=0, replies=REPLIES).pairs
    shipped = RewardModel.from_pretrained("minilm", seed=0, device="cpu")
    model = start or RewardModel.from_pretrained("minilm", seed=0, device="cpu")
    model.network.base_model.embeddings.requires_grad_(False)
    held_out = course_pairs(judge).pairs
    history = train(model, pairs, held_out=held_out, config=TrainingConfig(**SETTINGS, evaluate_every=WATCHED))
    changes = low_rank_changes(model, shipped)
    add_changes(shipped, changes)
    differences = shipped.score_differences(held_out)
    last = HeldOutEvaluation(len(history.steps), evaluate(differences), differences)
    steps = [*history.steps[:-1], replace(history.steps[-1], evaluations=(last,))]
    return changes, shipped, replace(history, steps=tuple(step for step in steps if step.evaluations))


def write_course_models() -> None:
    """Train both course models and put them, and the film of the first, in the place of the shipped ones."""
    start = None
    for judge in get_args(CourseJudge):
        changes, start, history = train_course_model(judge, start)
        with resources.as_file(adapter_file(judge)) as path:
            save_file(changes, path)
        if judge == "fair":
            with resources.as_file(FILM) as path:
                path.write_text(json.dumps(history.to_dict()) + "\n", encoding="utf-8")


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


def main() -> None:
    """Make what is asked for, and put it in its place."""
    parser = argparse.ArgumentParser(prog="python -m rmlab.datasets", description=__doc__)
    parser.add_argument("what", choices=("course", "recorded", "probes"))
    what = parser.parse_args().what
    if what == "recorded":
        write_recorded(record())
        return
    if what == "probes":
        write_probe_presets(record_probe_presets())
        return
    write_course_models()


if __name__ == "__main__":
    main()
