import numpy as np
import pytest

from rmlab.data import split_by_prompt
from rmlab.evaluation import evaluate, fit_temperature
from rmlab.model import RewardModel
from rmlab.reports import Tempered
from rmlab.reports.card import model_card
from rmlab.reports.found import figures
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


def card_of(run, tempered, **options):
    model, parts, history, test = run
    return model_card(
        backbone="tiny-decoder",
        pairs="pairs.jsonl",
        parts=parts,
        history=history,
        test=test,
        tempered=tempered,
        max_length=model.max_length,
        token_ids=str(model.convention),
        **{"example": "Box 1 is red.\n\n```\nIt is red.<|eos|>", **options},
    )


def test_the_card_holds_the_data_the_settings_and_the_figures(run):
    _, parts, history, test = run
    low, high = test.accuracy_interval
    card = card_of(run, Tempered("", failure="no pair is wrong"))
    assert card.startswith("---\nlibrary_name: transformers\npipeline_tag: text-classification\n")
    for said in (
        "`tiny-decoder`, on the pairs of `pairs.jsonl`",
        *(f"- {name}: {len(part)} pairs" for name, part in parts.items()),
        f"{len(history.steps)} steps, of which the weights after step {len(history.steps)} were kept",
        "learning_rate = 0.002, precision = 'fp32'",
        "| on the test part |  | 95% interval | a coin |\n| --- | --- | --- | --- |\n| accuracy |",
        *("| " + " | ".join(row) + " |" for row in figures(test)),
        f"| accuracy | {test.accuracy:.3f} | {low:.3f} to {high:.3f} | 0.500 |",
        "No temperature was fitted: no pair is wrong.",
    ):
        assert said in card


def test_the_card_shows_how_texts_are_read_and_names_the_base_of_an_adapter(run):
    card = card_of(run, None)
    assert str(run[0].convention) in card
    assert "\n    Box 1 is red.\n    \n    ```\n    It is red.<|eos|>\n" in card
    assert "AutoModelForSequenceClassification" in card
    alone = card_of(run, None, adapter_of="Qwen/Qwen3-0.6B-Base")
    assert "needs its base, `Qwen/Qwen3-0.6B-Base`" in alone
    assert "AutoModelForSequenceClassification" not in alone


def test_the_card_says_what_a_temperature_does(run):
    differences = np.array([3.0, -3.0, 3.0, 3.0, -3.0])
    temperature = fit_temperature(differences)
    tempered = Tempered(
        "fitted to the held-out part", evaluate(differences), evaluate(differences, temperature=temperature)
    )
    assert f"divided by {temperature:.2f}, fitted to the held-out part" in card_of(run, tempered)
