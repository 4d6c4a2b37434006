"""Checks of exercises: a right answer passes in every form, each usual mistake is named, and nothing is raised."""

from __future__ import annotations

import dataclasses
import inspect
import math
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit, logit, ndtr
from scipy.stats import kendalltau, spearmanr

from rmlab import bradley_terry, check, datasets
from rmlab.check import items, scores, tokens

X, RATERS = check.TAU_REWARDS, np.array(check.TAU_RATINGS)
TAUS = [kendalltau(X, row).statistic for row in RATERS]


def backwards(mask):
    return mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)


def by_loop(mask):
    return [max(i for i, real in enumerate(row) if real) for row in mask.tolist()]


def only_masks(d):
    """Serves arrays alone, since it indexes."""
    p = np.empty_like(d)
    p[d < 0] = np.exp(d[d < 0]) / (1 + np.exp(d[d < 0]))
    p[d >= 0] = 1 / (1 + np.exp(-d[d >= 0]))
    return p


def loss_by_loop(winners, losers):
    return sum(math.log(1 + math.exp(b - a)) for a, b in zip(winners, losers, strict=True)) / len(winners)


RIGHT = {
    "scores_to_probability": [
        0.818, 0.82, 0.8175744761936437, np.float32(0.8176), np.array([0.8176]), Fraction(818, 1000),
        Decimal("0.818"), torch.tensor(0.8176, requires_grad=True), torch.tensor([0.8176], dtype=torch.bfloat16),
        lambda chosen, rejected: 1 / (1 + math.exp(rejected - chosen)),
        lambda a, b: np.exp(a) / (np.exp(a) + np.exp(b)),
        lambda a, b: torch.sigmoid(a - b),
    ],
    "difference_to_probability": [
        0.731, lambda gap: 1 / (1 + math.exp(-gap)), lambda x: math.exp(x) / (1 + math.exp(x)), expit, torch.sigmoid,
        torch.nn.Sigmoid(), only_masks, np.vectorize(lambda x: 1 / (1 + math.exp(-x))),
        lambda x, base=math.e: 1 / (1 + base**-x), lambda x: np.float32(expit(x)), lambda x: (1 + np.tanh(x / 2)) / 2,
    ],
    "gap_for_probability": [2.197, 2.2, math.log(9), np.log(0.9 / 0.1), lambda p: math.log(p / (1 - p)), logit,
                            lambda q: -np.log(1 / q - 1),
                            lambda p: np.log(np.float32(p) / (1 - np.float32(p))),
                            lambda p: torch.log(p) - torch.log1p(-p)],
    "loss": [0.127, 0.13, -math.log(expit(2)), lambda gap: math.log(1 + math.exp(-gap)), lambda d: np.logaddexp(0, -d),
             lambda d: -torch.nn.functional.logsigmoid(d), lambda d: -np.log(1 / (1 + np.exp(-d)))],
    "loss_gradient": [-0.953, -0.95, lambda d: -1 / (1 + math.exp(d)), lambda d: expit(d) - 1,
                      lambda d: -torch.sigmoid(-d)],
    "batch_loss": [0.753, lambda c, r: np.mean(np.log(1 + np.exp(r - c))), loss_by_loop,
                   lambda c, r: -torch.nn.functional.logsigmoid(c - r).mean(),
                   lambda c, r: np.logaddexp(0, r - c).mean(keepdims=True)],
    "kendall_tau": [np.mean(TAUS), round(np.mean(TAUS), 2), lambda x, y: kendalltau(x, y).statistic,
                    lambda a, b: sum(np.sign((a[i] - a[j]) * (b[i] - b[j])) for i in range(len(a)) for j in range(i))
                    / (len(a) * (len(a) - 1) / 2)],
    "win_probability": [0.829, 0.83, expit(1.58136), lambda a, b: 1 / (1 + math.exp(b - a)),
                        lambda a, b: np.exp(a) / (np.exp(a) + np.exp(b)), lambda a, b: torch.sigmoid(a - b)],
    "last_real_position": [
        backwards, by_loop, lambda m: (m * np.arange(1, 6)).argmax(axis=1), lambda m: backwards(m) - 5,
        lambda m: m.shape[1] - 1 - m.flip(1).argmax(dim=1),
    ],
    "shared_tokens": [160, np.int64(160), 100 + 20 + 40, lambda p, a, b: p + a + b, lambda *sizes: sum(sizes),
                      lambda p, a, b: (p + a) + (p + b) - p],
}  # fmt: skip

WRONG: dict[str, list[tuple[Any, str]]] = {
    "scores_to_probability": [
        (0.182, "Swapped"), (0.769, "chosen score alone"), (0.426, "rejected score alone"), (0.711, "sum"),
        (1.5, "No sigmoid yet"), (4.48, "odds"), (0.201, "loss"), (0.933, "Thurstone"), (81.8, "per cent"),
        (lambda c, r: expit(r - c), "Swapped"), (lambda c, r: c - r, "No sigmoid yet"),
        (lambda c, r: c / (c + r), "share of the sum"), (0.1, "difference, chosen minus rejected"),
    ],
    "difference_to_probability": [
        (lambda d: 1 / (1 + math.exp(d)), "Swapped"), (lambda d: d, "No sigmoid yet"), (math.exp, "odds, e"),
        (lambda d: math.exp(-d), "odds against"), (lambda d: 1 + math.exp(-d), "upside down"),
        (lambda d: math.log(1 + math.exp(-d)), "loss"), (lambda d: -math.log(1 + math.exp(-d)), "log P"),
        (lambda d: 1 / (1 + 10**-d), "10 in place of e"), (lambda d: 1 / (1 + 2**-d), "2 in place of e"),
        (math.tanh, "tanh"), (ndtr, "Thurstone"), (lambda d: expit(abs(d)), "loses its sign"),
        (lambda d: 0.5 + d / 4, "straight line"), (0.269, "Swapped"), (lambda d: 0.3, "too low"),
    ],
    "gap_for_probability": [
        (-2.197, "Swapped"), (0.954, "base 10"), (0.9, "P itself"), (0.711, "sigmoid of P"), (9, "odds"),
        (-0.105, "log P."), (0.105, "loss"), (2.303, "-log(1 - P)"), (3.17, "base 2"), (381.7, "Elo"),
        (lambda p: math.log10(p / (1 - p)), "base 10"), (lambda p: math.log((1 - p) / p), "Swapped"),
        (5.0, "Turn P into odds"),
    ],
    "loss": [
        (2.127, "Swapped"), (0.119, "No logarithm yet"), (0.12, "No logarithm yet"), (0.055, "base 10"),
        (0.183, "base 2"), (0.881, "This is P."), (-0.127, "minus is missing"), (-0.119, "gradient"),
        (-0.693, "No sigmoid"), (0.0142, "squared error"), (lambda d: math.log(1 + math.exp(d)), "Swapped"),
        (lambda d: 1 - expit(d), "No logarithm yet"), (lambda d: np.log10(1 + np.exp(-d)), "base 10"),
        (lambda d: -np.log(d), "No sigmoid"), (lambda d: max(0, 1 - d), "hinge"),
    ],
    "loss_gradient": [
        (0.953, "The sign"), (lambda d: 1 - expit(d), "The sign"), (lambda d: -expit(d), "This is -P"),
        (expit, "This is P."), (3.049, "loss itself"), (-3.049, "log P"),
        (lambda d: expit(d) * expit(-d), "slope of the sigmoid"), (lambda d: -expit(d) * expit(-d), "not finished"),
        (lambda d: -1 / expit(d), "-1 / P"), (lambda d: -0.5, "Multiply them"),
    ],
    "batch_loss": [
        (0.886, "swapped"), (2.259, "sum"), (0.629, "loss of the mean difference"), (0.521, "mean probability"),
        (0.133, "mean difference"), (0.597, "chosen scores alone"), (0.327, "base 10"), (-0.753, "minus is missing"),
        (lambda c, r: np.logaddexp(0, r - c).sum(), "sum"),
        (lambda c, r: np.logaddexp(0, r - c), "losses of the pairs"),
        (lambda c, r: np.logaddexp(0, c - r).mean(), "swapped"), (lambda c, r: expit(r - c).mean(), "mean of 1 - P"),
        (lambda c, r: -np.log(expit(c - r).mean()), "logarithm of the mean probability"),
        (lambda c, r: [1.0, 2.0], "2 numbers in place of one number"),
    ],
    "kendall_tau": [
        (-np.mean(TAUS), "The sign"), ((1 + np.mean(TAUS)) / 2, "concordant fraction"),
        ((1 - np.mean(TAUS)) / 2, "discordant fraction"),
        (kendalltau(np.tile(X, 2), RATERS.ravel()).statistic, "ranked the ratings of all raters together"),
        (kendalltau(X, RATERS.mean(axis=0)).statistic, "tau of the mean ratings"),
        (np.mean([np.corrcoef(X, row)[0, 1] for row in RATERS]), "Pearson"),
        (lambda x, y: -kendalltau(x, y).statistic, "The sign"), (lambda x, y: np.corrcoef(x, y)[0, 1], "Pearson"),
        (lambda x, y: (1 + kendalltau(x, y).statistic) / 2, "concordant fraction"),
        (lambda x, y: spearmanr(x, y).statistic, "Spearman"),
        (lambda x, y: kendalltau(x, y).statistic * len(x) * (len(x) - 1) / 2, "Not divided yet"),
        (lambda x, y: kendalltau(x, y).statistic * (len(x) - 1) / len(x), "n^2"), (0.03, "mean over the raters"),
    ],
    "win_probability": [
        (0.846, "raw share, 11 wins of 13"), (0.171, "Swapped"), (1.0, "No exp"), (1.581, "No sigmoid yet"),
        (4.86, "odds"), (0.187, "loss"), (0.943, "Thurstone"), (0.872, "Milwaukee's home"),
        (0.835, "with a home effect"), (0.629, "average team"), (82.9, "per cent"),
        (lambda a, b: a / (a + b), "No exp"), (lambda a, b: expit(a + b), "sum"), (0.3, "Take the score of Milwaukee"),
    ],
    "last_real_position": [
        (lambda m: np.full(len(m), -1), "last column"), (lambda m: -1, "last column"),
        (lambda m: m.sum(axis=1) - 1, "Counting the real tokens"), (lambda m: m.sum(axis=1), "n real tokens"),
        (lambda m: m.argmin(axis=1) - 1, "first pad minus 1"), (lambda m: backwards(m) + 1, "one position too far"),
        (lambda m: backwards(m) - 1, "before the last real one"), (lambda m: m.argmax(axis=1), "first real token"),
        (lambda m: m.sum(), "last 1 in each row"),
    ],
    "shared_tokens": [
        (260, "packed, but not shared"), (280, "padded pair"), (180, "shorter response is padded"),
        (140, "longer of the two texts"), (120, "shorter of the two texts"), (60, "responses alone"),
        (100, "prompt alone"), (130, "mean of the two texts"), (300, "longest piece"),
        (lambda p, a, b: 2 * p + a + b, "packed, but not shared"), (lambda p, a, b: 2 * (p + max(a, b)), "padded pair"),
        (lambda p, a, b: a + b, "responses alone"), (200, "Write down one row"),
    ],
}  # fmt: skip


def cases(table):
    return [pytest.param(name, one, id=f"{name}-{i}") for name, rows in table.items() for i, one in enumerate(rows)]


@pytest.mark.parametrize(("name", "answer"), cases(RIGHT))
def test_a_right_answer_passes_in_any_form(name: str, answer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    verdict = getattr(check, name)(answer)
    assert verdict.passed, verdict.message
    assert verdict.attempted
    assert capsys.readouterr().out == verdict.message + "\n"
    assert verdict.message.startswith("Right")


@pytest.mark.parametrize(("name", "case"), cases(WRONG))
def test_a_wrong_answer_is_told_which_mistake_it_looks_like(name: str, case: tuple[Any, str]) -> None:
    answer, diagnosis = case
    verdict = getattr(check, name)(answer)
    assert diagnosis in verdict.message
    assert not verdict.passed
    assert verdict.attempted


def test_every_check_has_six_wrong_answers_and_three_right_ones() -> None:
    checks = {
        name for module in (items, scores, tokens) for name in module.__all__ if inspect.isfunction(vars(check)[name])
    }
    assert checks == set(RIGHT) == set(WRONG)
    assert all(len(RIGHT[name]) >= 3 and len({words for _, words in WRONG[name]}) >= 6 for name in checks)


def stub(*arguments):
    """Your answer here."""


def unwritten(*arguments):
    raise NotImplementedError


@pytest.mark.parametrize("answer", [None, ..., NotImplemented, NotImplementedError(), stub, unwritten, lambda *a: ...])
@pytest.mark.parametrize("name", RIGHT)
def test_what_is_not_attempted_is_said_and_breaks_nothing(name: str, answer: Any) -> None:
    verdict = getattr(check, name)(answer)
    assert verdict.message == "Not attempted yet. Put your answer in, and run the cell again."
    assert (verdict.passed, verdict.attempted) == (False, False)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("0.818", "Expected a number, such as 0.5, and got the text '0.818'."),
        (True, "Expected a number, such as 0.5, and got True."),
        ([0.8, 0.2], "Expected one number, such as 0.5, and got 2 of them."),
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
