"""Facts that the prose of a lesson states, worked out again."""

import numpy as np
import pytest
from lessons import NOTEBOOKS, Lesson
from scipy.optimize import minimize_scalar
from scipy.stats import norm

import rmlab


def largest_distance(scale: float) -> float:
    d = np.linspace(-12, 12, 24_001)
    return float(np.abs(rmlab.preference_probability(d) - norm.cdf(d / scale)).max())


def test_the_scale_of_02_brings_the_two_curves_as_near_as_can_be() -> None:
    lesson = Lesson(NOTEBOOKS / "02_sigmoid.ipynb")
    lesson.run("sigmoid-34")
    best = minimize_scalar(largest_distance, bounds=(1.5, 2), method="bounded", options={"xatol": 1e-6})
    assert round(best.x, 3) == lesson["SCALE"]
    assert round(best.fun, 4) == 0.0095
    assert largest_distance(1.6) > 0.016


def test_one_pair_fits_both_curves_of_02_and_linked_pairs_do_not() -> None:
    for share in (0.01, 0.5, 0.731, 0.99):
        by_sigmoid, by_thurstone = rmlab.score_difference_from_probability(share), float(norm.ppf(share))
        assert np.isclose(rmlab.preference_probability(by_sigmoid), share)
        assert np.isclose(rmlab.thurstone_probability(by_thurstone), share)
    lesson = Lesson(NOTEBOOKS / "02_sigmoid.ipynb")
    lesson.run("sigmoid-35a")
    assert np.isclose(lesson["by_thurstone"], norm.cdf(2 * norm.ppf(lesson["share"])))
    assert lesson["by_thurstone"] - lesson["by_sigmoid"] > 0.008
    assert 800 < lesson["n_judgements"] < 1000


def test_one_mistaken_click_costs_less_under_the_sigmoid_of_02() -> None:
    scale = 1.702  # as in the lesson, which the test above compares with the best
    assert round(float(rmlab.preference_loss(-6.0)), 1) == 6.0
    assert round(float(-norm.logcdf(-6.0 / scale)), 1) == 8.5
    assert round(rmlab.preference_probability(-6.0) / norm.cdf(-6.0 / scale)) == 12


def test_descent_in_03_needs_small_steps_and_a_bottom() -> None:
    lesson = Lesson(NOTEBOOKS / "03_loss.ipynb")
    lesson.run("loss-32a")
    lowest = rmlab.fit_bradley_terry(lesson["winner"], lesson["loser"]).log_loss
    reached = {name: losses[-1] for name, losses in lesson["rates"].items()}
    assert np.isclose(reached["learning rate 4"], lowest, atol=1e-6)
    assert reached["learning rate 20"] > lowest + 0.5
    leads = [float(line.split("difference")[1].split()[0]) for line in lesson.outputs["loss-32a"][0].splitlines()]
    assert np.allclose(np.diff(leads), np.log(10), atol=0.25), "separable judgements: no end"


@pytest.mark.slow
def test_how_many_sloppy_answers_win_in_00_does_not_hang_on_one_choice_of_prompts() -> None:
    lesson = Lesson(NOTEBOOKS / "00_start.ipynb")
    lesson.run("start-06b")
    rng = np.random.default_rng(1)

    def shares(n_sloppy: int) -> np.ndarray:
        """Mean probability per word of the sloppy and of the careful answer, over other choices than the lesson's."""
        imitators = [lesson["imitate"](lesson["demonstrations"](n_sloppy, rng.permutation(16))) for _ in range(200)]
        texts = lesson["SLOPPY"], lesson["CAREFUL"]
        return np.mean([[lesson["probability_per_word"](one, text) for text in texts] for one in imitators], axis=0)

    first = lesson["first"]
    assert first == 6
    (sloppy_below, careful_below), (sloppy, careful) = shares(first - 1), shares(first)
    assert sloppy_below < careful_below
    assert sloppy > careful
    assert "between 4 and 10)" in lesson.outputs["start-06b"][0]


def test_the_sloppy_answer_of_00_leads_with_its_stock_phrase_and_not_without_it() -> None:
    lesson = Lesson(NOTEBOOKS / "00_start.ipynb")
    lesson.run("start-06b")
    per_word, sloppy = lesson["probability_per_word"], lesson["imitate"](lesson["SLOPPY_ANSWERS"])
    careful = lesson["imitate"](lesson["CAREFUL_ANSWERS"])
    assert {step for step in sloppy if step[0] in ("i", "guess")} == {("i", "guess"), ("guess", "(end)")}
    assert len({after for before, after in careful if before == "then"}) == 12, "the text says: twelve"
    n_steps, n_words = len(lesson["steps_of"](lesson["SLOPPY"])), len(lesson["VOCABULARY"]) + 1
    phrase = (4 + 0.1) / (4 + 0.1 * n_words)  # of each of its two steps, which follow in four answers of sixteen
    whole, other = per_word(sloppy, lesson["SLOPPY"]), per_word(careful, lesson["CAREFUL"])
    rest = (whole**n_steps / phrase**2) ** (1 / (n_steps - 2))
    assert whole > 1.5 * other, "ahead with it"
    assert rest < 1.05 * other, "and level without"


@pytest.mark.slow
def test_one_comparison_in_01_equals_two_ratings_of_one_pair_and_less_in_an_order_of_many() -> None:
    lesson = Lesson(NOTEBOOKS / "01_why_compare.ipynb")
    lesson.run("why-compare-32")
    by_ratings, by_comparing = (np.mean(right) for right in lesson["better_first"](0.0))
    assert abs(by_ratings - by_comparing) < 0.015, "of one pair"
    rate = float(lesson["exchange_rate"]("ratings as they are", spread=0.0).split()[0])
    assert rate > 1.3, "of the order of twenty items"
