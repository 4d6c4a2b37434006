import numpy as np
import pytest

from rmlab.data import split_by_prompt
from rmlab.evaluation import evaluate, fit_temperature
from rmlab.model import RewardModel
from rmlab.reports import Tempered
from rmlab.reports.card import model_card
from rmlab.simulate import simulate_text_pairs
from rmlab.training import TrainingConfig, prepare, train


@pytest.fixture(scope="module")
def run():
    pairs = simulate_text_pairs(120, seed=0).pairs
    model = RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")
    parts = {
        name: prepare(model, part)
        for name, part in zip(("training", "held-out", "test"), split_by_prompt(pairs, seed=0), strict=True)
    }
    config = TrainingConfig(learning_rate=2e-3, precision="fp32")
    history = train(model, parts["training"], held_out=parts["held-out"], config=config, progress=False)
    return model, parts, history, evaluate(model.score_differences(parts["test"].encoded))


def card_of(run, tempered):
    model, parts, history, test = run
    return model_card(
        backbone="tiny-decoder",
        pairs="pairs.jsonl",
        parts=parts,
        history=history,
        test=test,
        tempered=tempered,
        max_length=model.max_length,
    )


def test_the_card_holds_the_data_the_settings_and_the_figures(run):
    _, parts, history, test = run
    card = card_of(run, Tempered("", failure="no pair is wrong"))
    assert card.startswith("---\nlibrary_name: transformers\npipeline_tag: text-classification\n")
    for said in (
        "`tiny-decoder`, on the pairs of `pairs.jsonl`",
        *(f"- {name}: {len(part)} pairs" for name, part in parts.items()),
        f"{len(history.steps)} steps, of which the weights after step {len(history.steps)} were kept",
        "learning_rate = 0.002, precision = 'fp32'",
        f"| accuracy | {test.accuracy:.3f} | {test.accuracy_interval[0]:.3f} to {test.accuracy_interval[1]:.3f} |",
        f"| log loss, nats (a coin: 0.693) | {test.log_loss:.3f} | |",
        "No temperature was fitted: no pair is wrong.",
    ):
        assert said in card


def test_the_card_says_what_a_temperature_does(run):
    differences = np.array([3.0, -3.0, 3.0, 3.0, -3.0])
    temperature = fit_temperature(differences)
    tempered = Tempered(
        "fitted to the held-out part", evaluate(differences), evaluate(differences, temperature=temperature)
    )
    assert f"divided by {temperature:.2f}, fitted to the held-out part" in card_of(run, tempered)
