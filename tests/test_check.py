"""Checks of exercises: a right answer passes in every form, and a wrong one is told which mistake it looks like."""

from importlib import import_module
from inspect import isfunction
from typing import Any

import answers
import pytest
from answers import RIGHT, WRONG

from rmlab.course import check


def cases(table: dict[str, list[Any]]) -> list[Any]:
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


def test_every_check_has_answers() -> None:
    for module in answers.MODULES:
        judged = import_module(f"rmlab.course.check.{module.__name__.split('.')[-1]}")
        checks = {name for name in judged.__all__ if isfunction(vars(judged)[name])}
        assert checks == set(module.RIGHT) == set(module.WRONG)
    checks = {name for name, value in vars(check).items() if isfunction(value) and value is not check.judge}
    assert checks == set(RIGHT) == set(WRONG)


@pytest.mark.parametrize("name", RIGHT)
def test_three_right_answers_are_tried_and_every_mistake_that_a_check_names(name, monkeypatch) -> None:
    named: set[str] = set()

    def judge(*arguments, mistakes, **options):
        named.update(mistakes)
        return check.judge(*arguments, mistakes=mistakes, **options)

    function = getattr(check, name)
    monkeypatch.setattr(import_module(function.__module__), "judge", judge)
    said = {function(answer).message for answer, _ in WRONG[name]}
    assert named - said == set()
    assert len(named) >= 6
    assert len(RIGHT[name]) >= 3


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
