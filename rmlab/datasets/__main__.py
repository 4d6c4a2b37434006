"""Make again what the package ships: ``python -m rmlab.datasets heads``, ``recorded`` or ``probes``."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from importlib import resources

import numpy as np

from rmlab.data import PreferencePairs, split_by_prompt
from rmlab.datasets import load_everyday, load_everyday_biased
from rmlab.datasets.course import HEADS
from rmlab.datasets.probes import record_probe_presets, write_probe_presets
from rmlab.datasets.recorded import RecordedDifferences, write_recorded
from rmlab.model import RewardModel
from rmlab.simulate import simulate_text_pairs
from rmlab.training import TrainingConfig, fit_head, train

PRIOR_VARIANCE = 10.0
"""Of 1, 10, ..., 10,000 the one with the lowest five-fold log loss on the twin; the same for both, to compare them."""


def fit_course_heads() -> dict[str, np.ndarray]:
    """Fit the head of `course_model` to each of the two sets; float64 arrays of shape ``(384,)``."""
    # in double precision: the fit magnifies what rounding does to its features, which is another on each machine
    model = RewardModel.from_pretrained("minilm", device="cpu").double()
    sets = {"everyday": load_everyday(), "everyday_biased": load_everyday_biased()}
    return {
        name: fit_head(model, pairs, prior_variance=PRIOR_VARIANCE, progress=True).weights
        for name, pairs in sets.items()
    }


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
    parser.add_argument("what", choices=("heads", "recorded", "probes"))
    what = parser.parse_args().what
    if what == "recorded":
        write_recorded(record())
        return
    if what == "probes":
        write_probe_presets(record_probe_presets())
        return
    heads = {name: [float(f"{w:.7g}") for w in weights] for name, weights in fit_course_heads().items()}
    with resources.as_file(HEADS) as path:
        path.write_text(json.dumps(heads) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
