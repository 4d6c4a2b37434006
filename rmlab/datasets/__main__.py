"""Make again what the package ships: ``python -m rmlab.datasets course``, ``decoder``, ``recorded`` or ``probes``."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import replace
from importlib import resources
from typing import Any, get_args

import numpy as np
import torch
from safetensors.torch import save_file

from rmlab.data import PreferencePairs, split_by_prompt
from rmlab.datasets.course_models import FILM, CourseJudge, adapter_file, add_changes, course_pairs, low_rank_changes
from rmlab.datasets.language_model import WEIGHTS, untrained_language_model
from rmlab.datasets.probes import record_probe_presets, write_probe_presets
from rmlab.datasets.recorded import RecordedDifferences, write_recorded
from rmlab.evaluation import evaluate
from rmlab.model import RewardModel
from rmlab.simulate import simulate_text_pairs
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
LANGUAGE_TEXTS_A_STEP, LANGUAGE_STEPS = 32, 1_500
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
    """Train two small decoders on simulated texts, one of them far too long, and score unseen pairs with both."""
    texts = simulate_text_pairs(14_000, seed=0).pairs
    pairs, held_out, test = split_by_prompt(texts, fractions=(0.58, 0.14, 0.28), seed=0)
    unseen = [*held_out, *test]
    settings = {"batch_size": 32, "learning_rate": 2e-3, "precision": "fp32"}
    differences = []
    for part, config in (
        (pairs[:8000], TrainingConfig(epochs=4, **settings)),
        (pairs[:2500], TrainingConfig(epochs=24, **settings)),
    ):
        model = RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")
        train(model, part, config=config)
        differences.append(model.score_differences(unseen))
    asked = [replace(pair, group=str(pair.prompt).split()[3]) for pair in unseen]
    return RecordedDifferences(PreferencePairs.from_list(asked), np.arange(len(unseen)) < len(held_out), *differences)


def main() -> None:
    """Make what is asked for, and put it in its place."""
    parser = argparse.ArgumentParser(prog="python -m rmlab.datasets", description=__doc__)
    parser.add_argument("what", choices=("course", "decoder", "recorded", "probes"))
    what = parser.parse_args().what
    if what == "recorded":
        write_recorded(record())
        return
    if what == "decoder":
        with resources.as_file(WEIGHTS) as path:
            save_file(train_language_model(), path)
        return
    if what == "probes":
        write_probe_presets(record_probe_presets())
        return
    write_course_models()


if __name__ == "__main__":
    main()
