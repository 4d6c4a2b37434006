"""Make again what the package ships: ``python -m rmlab.datasets course``, or one of `MAKERS`."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from safetensors.torch import save_file

from rmlab.atomic import replacing_file, write_text
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
from rmlab.datasets.course_scores import record_course_scores, write_course_scores
from rmlab.datasets.language_model import WEIGHTS, untrained_language_model
from rmlab.datasets.probes import record_probe_presets, write_probe_presets
from rmlab.datasets.recorded import RecordedDifferences, simulate_recorded_pairs, write_recorded
from rmlab.datasets.scored_replies import record_scored_replies, write_scored_replies
from rmlab.model import Apart, RewardModel
from rmlab.simulate import expected_outcomes
from rmlab.simulate.replies import JUDGES, simulate_reply_pairs
from rmlab.training import TrainingConfig, train

REPLIES, JUDGEMENTS = 8, 16
"""Replies to a question, each time that it is asked; and how often every two of them are judged."""
SETTINGS: dict[str, Any] = {"keep_together": True, "warmup_fraction": 0.06}
JUDGED_ONCE: dict[str, Any] = SETTINGS | {"batch_size": 8 * math.comb(REPLIES, 2)}  # eight questions a step
JUDGED_OFTEN: dict[str, Any] = SETTINGS | {"batch_size": 400}  # eight too: most were judged both ways and are two pairs
FROZEN_LAYERS = 2
RANK = 64
"""Of what is kept of the changes that training made. `course` prints what a cut to it costs."""
LANGUAGE_TEXTS_A_STEP, LANGUAGE_STEPS = 32, 1_500


def replies_of(judge: CourseJudge, times_asked: int, *, seed: int, **options: Any) -> PreferencePairs:
    """Return the pairs of so many times that a question is asked."""
    n_pairs = times_asked * math.comb(REPLIES, 2)
    return simulate_reply_pairs(n_pairs, judge=JUDGES[judge], seed=seed, replies=REPLIES, **options).pairs


def often_judged(judge: CourseJudge, times_asked: int, *, seed: int) -> PreferencePairs:
    """Return pairs with further questions and sentences, each judged so often that its weight tells how clear it is."""
    return replies_of(judge, times_asked, seed=seed, further=True, judgements=JUDGEMENTS)


def untrained(frozen_layers: int = 0) -> RewardModel:
    """Return minilm with a new head. Its embeddings, half of its weights, stay as they are; and so many layers."""
    model = RewardModel.from_pretrained("minilm", seed=0, device="cpu")
    base = model.network.base_model
    for part in (base.embeddings, *base.encoder.layer[:frozen_layers]):
        part.requires_grad_(False)
    return model


def fresh_accuracy(model: RewardModel) -> float:
    """Return the accuracy on 1,000 pairs of fresh questions and sentences, on average over the labels."""
    test = simulate_reply_pairs(1_000, seed=7, fresh=True)
    return float(expected_outcomes(model.score_differences(test.pairs), test.score_differences).mean())


def write_course_models(checkpoints: Path | None = None) -> None:
    """Train both course models and put their changes of minilm in the place of the shipped ones.

    First the upper layers are trained on pairs of the fair judge; the embeddings and the lowest two layers stay as they
    are, since with them changed the model forgets meanings that fresh questions need. From there each model is trained
    on pairs of its own judge, and what both stages changed is cut to a low rank. It takes some 60 minutes on two cores
    that are fast in bf16.

    Parameters
    ----------
    checkpoints
        A folder in which each stage writes checkpoints, and from which it goes on if it was stopped.
    """

    def learn(model: RewardModel, stage: str, pairs: PreferencePairs, learning_rate: float) -> None:
        settings: dict[str, Any] = JUDGED_OFTEN | {"learning_rate": learning_rate}
        if checkpoints is None:
            train(model, pairs, config=TrainingConfig(**settings))
        else:
            config, folder = TrainingConfig(**settings, checkpoint_minutes=5), checkpoints / stage
            train(model, pairs, config=config, checkpoints=folder, resume=folder.exists())

    learned = untrained(FROZEN_LAYERS)
    learn(learned, "first", often_judged("fair", 40_000, seed=0), 2e-4)
    print(f"first stage, on 1,000 fresh pairs: {fresh_accuracy(learned):.3f}")
    for rank in (8, RANK):
        cut = untrained()
        add_changes(cut, low_rank_changes(learned, cut, rank=rank))
        print(f"cut to rank {rank}: {fresh_accuracy(cut):.3f}")
    for judge in get_args(CourseJudge):
        model = untrained(FROZEN_LAYERS)
        model.network.load_state_dict(learned.network.state_dict())
        learn(model, judge, often_judged(judge, 3_000, seed=11), 1e-4)
        with resources.as_file(adapter_file(judge)) as path, replacing_file(path) as scratch:
            save_file(low_rank_changes(model, untrained(), rank=RANK), scratch)


def write_film() -> None:
    """Train minilm on fewer pairs, watched every ten steps, and put that history in the place of the shipped one."""
    config = TrainingConfig(**JUDGED_ONCE, learning_rate=2e-4, evaluate_every=10)
    history = train(untrained(), replies_of("fair", 1_600, seed=0), held_out=course_pairs().pairs, config=config)
    watched = replace(history, steps=tuple(step for step in history.steps if step.evaluations))
    with resources.as_file(FILM) as path:
        write_text(path, json.dumps(watched.to_dict()) + "\n")


def train_too_long() -> RewardModel:
    """Return minilm after 12 epochs on 448 pairs of a few questions: sure of itself, and often wrong."""
    model = RewardModel.from_pretrained("minilm", seed=0, device="cpu")
    model.network.base_model.embeddings.requires_grad_(False)
    pairs = simulate_reply_pairs(16 * math.comb(REPLIES, 2), seed=1, replies=REPLIES).pairs
    settings = JUDGED_ONCE | {"batch_size": math.comb(REPLIES, 2), "learning_rate": 5e-4, "precision": "fp32"}
    train(model, pairs, config=TrainingConfig(**settings, epochs=12))
    return model


def language_losses(network: Any, texts: list[list[int]]) -> torch.Tensor:
    """Return minus the log-probability of each token of some texts but the first; one axis, in nats."""
    rows = [torch.tensor(text) for text in texts]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)  # (batch, length)
    real = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
    hidden = network.model(ids, attention_mask=real)[0]  # (batch, length, width)
    predicts = real[:, 1:].bool()  # the vocabulary head is not asked about padding
    return torch.nn.functional.cross_entropy(
        network.lm_head(hidden[:, :-1][predicts]), ids[:, 1:][predicts], reduction="none"
    )


def train_language_model() -> dict[str, torch.Tensor]:
    """Train a decoder of the size of tiny-decoder to predict the next token, and print how well it does."""
    encoder = RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")  # for its way of writing a text in ids
    encoder.encoder.convention = Apart()

    def texts_of(n_texts: int, **options: Any) -> list[list[int]]:
        pairs = simulate_reply_pairs(n_texts // 2, **options).pairs
        return list(encoder.encode([*pairs.texts("prompt")] * 2, [*pairs.texts("chosen"), *pairs.texts("rejected")]))

    network = untrained_language_model(seed=0)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.01)
    batch, steps = LANGUAGE_TEXTS_A_STEP, LANGUAGE_STEPS
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps, pct_start=0.1)
    texts = texts_of(batch * steps, seed=0)
    order = np.random.default_rng(0).permutation(len(texts)).reshape(steps, batch)
    for places in order:
        optimizer.zero_grad()
        language_losses(network, [texts[i] for i in places]).mean().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    weights = {name: weight.half() for name, weight in network.state_dict().items()}
    network.load_state_dict({name: weight.float() for name, weight in weights.items()})  # what ships
    with torch.no_grad():
        for fresh in (False, True):
            loss = language_losses(network, texts_of(400, seed=1, fresh=fresh)).mean().item()
            print(f"{'fresh' if fresh else 'training'} questions: {loss:.3f} nats a token")
    return weights


def record() -> RecordedDifferences:
    """Score pairs of fresh questions with the course's two models, and with one that was trained far too long."""
    pairs, true_differences = simulate_recorded_pairs()
    models = (course_model("fair"), course_model("flattered"), train_too_long())
    return RecordedDifferences(pairs, true_differences, *(model.score_differences(pairs) for model in models))


def write_language_model() -> None:
    """Train the small language model and put its weights in the place of the shipped ones."""
    weights = train_language_model()
    with resources.as_file(WEIGHTS) as path, replacing_file(path) as scratch:
        save_file(weights, scratch)


MAKERS: dict[str, Callable[[], None]] = {
    "film": write_film,
    "decoder": write_language_model,
    "recorded": lambda: write_recorded(record()),
    "scores": lambda: write_course_scores(record_course_scores()),
    "replies": lambda: write_scored_replies(record_scored_replies()),
    "probes": lambda: write_probe_presets(record_probe_presets()),
}


def main() -> None:
    """Make what is asked for, and put it in its place."""
    parser = argparse.ArgumentParser(prog="python -m rmlab.datasets", description=__doc__)
    parser.add_argument("what", choices=["course", *MAKERS])
    parser.add_argument("--checkpoints", type=Path, help="for course: a folder from which a stopped run goes on")
    asked = parser.parse_args()
    if asked.what == "course":
        write_course_models(asked.checkpoints)
    elif asked.checkpoints:
        parser.error("--checkpoints is for course alone")
    else:
        MAKERS[asked.what]()


if __name__ == "__main__":
    main()
