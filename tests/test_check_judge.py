"""How an answer is judged, whatever the exercise: nothing is raised, and what cannot be judged is explained."""

from __future__ import annotations

import dataclasses
import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from answers.nb09 import in_reverse as interval
from scipy.special import expit
from scipy.stats import kendalltau

from rmlab import bradley_terry, datasets
from rmlab.course import check


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("0.818", "Expected a number, such as 0.5, and got the text '0.818'."),
        (True, "Expected a number, such as 0.5, and got True."),
        ([0.8, 0.2], "Expected one number, such as 0.5, and got 2."),
        ([0.8, [0.2]], "Expected a number, such as 0.5, and got list."),
        ({"P": 0.8}, "Expected a number, such as 0.5, and got dict."),
        (1j, "Expected a number, such as 0.5, and got complex."),
        (math.nan, "Expected a finite number, such as 0.5, and got nan."),
        (lambda d: d, "Your function should take 2 values, by position."),
        (lambda c, r: "high", "Expected a number, such as 0.5, and got the text 'high'."),
        (lambda c, r: c.missing, "Your function stopped with AttributeError"),
        (lambda c, r: 1 // 0, "Your function stopped with ZeroDivisionError"),
        (lambda c, r: np.nan, "For 1.2, -0.3 yours gives nan."),
        (lambda c, r: [1.0, 2.0], "For 1.2, -0.3 yours gives 2 numbers in place of one number."),
        (lambda c, r: 0.0, "For 1.2, -0.3 yours gives 0., which is too low."),
    ],
)
def test_what_cannot_be_judged_is_explained(answer: Any, message: str) -> None:
    verdict = check.scores_to_probability(answer)
    assert verdict.message.startswith("Not yet")
    assert message in verdict.message
    assert (verdict.passed, verdict.attempted) == (False, True)


def test_a_function_that_averages_is_told_that_one_value_for_each_is_wanted() -> None:
    def averaged(d):
        return sum(-math.log(expit(one)) for one in d) / len(d)  # fails on a float, so that all values come at once

    assert "Given 8 values at once yours gives 1; one for each" in check.loss(averaged).message


def test_a_function_is_judged_on_all_cases_and_not_on_the_first_alone() -> None:
    assert not check.loss(lambda d: 0.1269).passed
    assert "For -3. yours gives" in check.loss(lambda d: 0.12692801).message


@pytest.mark.parametrize("as_torch", [False, True])
def test_a_function_that_writes_into_its_arguments_is_judged_by_what_it_returns(as_torch: bool) -> None:
    def in_place(chosen, rejected):
        chosen -= torch.clone(rejected) if as_torch else rejected
        return np.logaddexp(0, -np.asarray(chosen)).mean()

    assert check.batch_loss(in_place).passed


def test_a_function_is_called_once_for_each_case() -> None:
    seen = []
    check.loss(lambda d: seen.append(d) or 5.0)
    assert seen == [2.0, -3.0, -1.0, -0.4, 0.0, 0.7, 1.5, 4.0]


def test_a_naive_formula_that_overflows_warns_of_nothing() -> None:
    verdict = check.judge(
        "naive", lambda d: np.log(1 + np.exp(np.float64(-d))), cases=[(-1000.0,)], right=abs, mistakes={},
        praise="Right.", hint="Use logaddexp.",
    )  # fmt: skip
    assert verdict.message == "Not yet. Use logaddexp. For -1000. yours gives inf."


def test_the_nearest_formula_counts_where_several_are_close() -> None:
    close = partial(
        check.judge, "close", cases=[(1.0,)], right=lambda d: 0.127, mistakes={"No log.": lambda d: 0.119},
        praise="Right.", hint="",
    )  # fmt: skip
    assert [close(answer).message for answer in (0.124, 0.122)] == ["Right.", "No log."]
    assert not close(0.133).passed


def test_tau_is_judged_on_the_callers_data() -> None:
    rewards, ratings = [3.0, 1.0, 2.0], [30.0, 10.0, 5.0]
    tau = kendalltau(rewards, ratings).statistic
    assert check.kendall_tau(tau, rewards=rewards, ratings=ratings).passed
    assert "The sign" in check.kendall_tau(-tau, rewards=rewards, ratings=ratings).message


def test_three_numbers_are_judged_on_the_callers_data():
    rng = np.random.default_rng(5)
    data = (rng.normal(1, 1, 30), rng.normal(0, 1, 30), rng.normal(-1, 1, 30), np.arange(30) < 10, np.arange(30) % 6)
    assert check.flattery_effect(interval(*data), data=data).passed
    assert "control minus flattery" in check.flattery_effect(-np.array(interval(*data))[[0, 2, 1]], data=data).message
    assert check.flattery_effect(interval, data=data).passed


def test_the_answer_on_baseball_is_that_of_the_published_scores() -> None:
    season = datasets.load_baseball()
    fit = bradley_terry.fit_bradley_terry(season.winners, season.losers).relative_to("Baltimore")
    assert dict(zip(fit.items, fit.scores, strict=True))["Milwaukee"] == pytest.approx(1.58136, abs=1e-5)  # Agresti
    assert round(fit.probability("Milwaukee", "Baltimore"), 3) == 0.829


def test_a_verdict_is_frozen_and_shows_nothing_as_the_last_line_of_a_cell(capsys: pytest.CaptureFixture[str]) -> None:
    verdict = check.loss(0.127)
    capsys.readouterr()
    verdict._ipython_display_()
    assert capsys.readouterr().out == ""
    with pytest.raises(dataclasses.FrozenInstanceError):
        verdict.passed = False  # type: ignore[misc]
