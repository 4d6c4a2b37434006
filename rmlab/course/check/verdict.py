"""Judge an answer: compare it with the right formula, and with the formulas of the usual mistakes.

An exercise consists of a few cases (arguments), the right formula, and a message for each mistake with the formula that
makes it. The answer may be a number, which is compared for the first case, or a function, compared for all cases.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Verdict", "judge"]

Formula = Callable[..., Any]
Cases = Sequence[tuple[Any, ...]]

NUMBER_TOLERANCE = 0.005
"""A number may be off by this, or above 1 by this share of it; of several formulas in reach the nearest counts."""

NOT_ATTEMPTED = "Not attempted yet. Put your answer in, and run the cell again."


@dataclass(frozen=True)
class Verdict:
    """The result of a check. Its message was already printed, so a verdict at the end of a cell displays nothing."""

    exercise: str
    passed: bool
    attempted: bool
    message: str

    def _ipython_display_(self) -> None:
        pass  # the message was printed above


class _NotAttempted(Exception):
    pass


class _Unusable(Exception):
    """An answer gives nothing that can be compared; the text says what it gives."""


def judge(
    exercise: str,
    answer: Any,
    *,
    cases: Cases,
    right: Formula,
    mistakes: Mapping[str, Formula | float],
    praise: str,
    hint: str,
    shows_case: bool = True,
) -> Verdict:
    """Judge an answer, print the verdict, and return it. Nothing is raised, whatever the answer does.

    Parameters
    ----------
    exercise
        The name of the exercise.
    answer
        A number, or anything that holds one (NumPy, torch), is compared for the first case. A function is compared for
        all cases, with the first kind of arguments that it accepts: floats and NumPy arrays, all cases in one array,
        or torch tensors. None and ``...`` mean no answer yet, as does a function that returns one of them or raises
        NotImplementedError.
    cases
        Arguments, by position: floats or arrays.
    right
        The right formula, called with the arguments of a case.
    mistakes
        What to say about each mistake, and the formula that makes it (or its number in the first case). The
        order matters only if two formulas give the same numbers: the first is then named.
    praise, hint
        What to say about a right answer, and about a wrong one that resembles no mistake on the list.
    shows_case
        Whether that message shows the first wrong case. False if the reader would not know its numbers.
    """
    formulas = {praise: right, **mistakes}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a naive formula may overflow; the reader should see that result
        try:
            if callable(answer):
                got = _results(answer, cases)
                message = _same_as(got, cases, formulas) or f"Not yet. {hint}"
                if shows_case and message == f"Not yet. {hint}":
                    message += _first_difference(got, cases, right)
            else:
                message = _judge_number(answer, cases[0], formulas) or f"Not yet. {hint}"
            attempted = True
        except _NotAttempted:
            message, attempted = NOT_ATTEMPTED, False
        except _Unusable as found:
            message, attempted = f"Not yet. {found}", True
    print(message)
    return Verdict(exercise, message == praise, attempted, message)


def _judge_number(answer: Any, case: tuple[Any, ...], formulas: Mapping[str, Formula | float]) -> str | None:
    number = _numbers(answer)
    expected = {message: _value(formula, case) for message, formula in formulas.items()}
    shapes = {value.shape for value in expected.values()}
    if number.size == 1 and () in shapes:
        number = number.reshape(())
    right = next(iter(expected.values()))
    if number.shape not in shapes:
        wanted = f"{right.size} numbers, or a function that gives them" if right.ndim else "one number, such as 0.5"
        raise _Unusable(f"Expected {wanted}, and got {number.size or 'none'}.")
    if not np.isfinite(number).all():
        raise _Unusable(f"Expected a finite number, such as 0.5, and got {number.tolist()}.")
    far = {
        message: np.round(np.max(np.abs(number - value) / np.maximum(1.0, np.abs(value))), 9)  # so that equals tie
        for message, value in expected.items()
        if value.shape == number.shape
    }
    nearest = min(far, key=far.__getitem__)
    if far[nearest] <= NUMBER_TOLERANCE:
        return nearest
    if np.array_equal(number, np.round(right, 1)) and not np.array_equal(number, np.round(number)):
        raise _Unusable("Rounded too far to be judged: give at least two decimals.")
    return None


def _same_as(got: list[np.ndarray], cases: Cases, formulas: Mapping[str, Formula | float]) -> str | None:
    for message, formula in formulas.items():
        if callable(formula):
            expected = [_value(formula, case) for case in cases]
            if all(_alike(one, other) for one, other in zip(got, expected, strict=True)):
                return message
    return None


def _first_difference(got: list[np.ndarray], cases: Cases, right: Formula) -> str:
    """Return where a function first goes wrong, and in which direction, without giving away the right number."""
    for case, value in zip(cases, got, strict=True):
        expected = _value(right, case)
        if _alike(value, expected):
            continue
        arguments = ", ".join(_short(argument) for argument in case)
        if value.shape != expected.shape:
            wanted = f"{expected.size} numbers" if expected.ndim else "one number"
            given = "one number" if value.size == 1 else f"{value.size} numbers"
            return f" For {arguments} yours gives {given} in place of {wanted}."
        way = ""
        if value.ndim == 0 and np.isfinite(value):
            way = ", which is too high" if value > expected else ", which is too low"
        return f" For {arguments} yours gives {_short(value)}{way}."
    return ""


def _results(answer: Formula, cases: Cases) -> list[np.ndarray]:
    """Return the results of a function for all cases, in the first form of arguments that it accepts."""
    try:
        inspect.signature(answer).bind(*cases[0])
    except TypeError:
        n = len(cases[0])
        raise _Unusable(f"Your function should take {n} value{'s' if n > 1 else ''}, by position.") from None
    except ValueError:  # some functions written in C have no signature: they are simply tried
        pass
    trouble: Exception | None = None
    for arguments, stacked in _forms(cases):
        try:
            values = [_numbers(_call(answer, one)) for one in arguments]
            if stacked and values[0].shape != (n := len(cases),):
                raise _Unusable(f"Given {n} values at once yours gives {values[0].size}; one for each was expected.")
            return list(values[0]) if stacked else [v.reshape(()) if v.size == 1 else v for v in values]
        except _NotAttempted:
            raise
        except Exception as error:
            if trouble is None or (isinstance(error, _Unusable) and not isinstance(trouble, _Unusable)):
                trouble = error  # what was returned is more informative than what could not be called
    if isinstance(trouble, _Unusable):
        raise trouble
    raise _Unusable(f"Your function stopped with {type(trouble).__name__}: {trouble}")


def _forms(cases: Cases) -> Iterator[tuple[list[tuple[Any, ...]], bool]]:
    """Yield the arguments in one form after another: as they are, all cases in one array, and both in torch.

    Arrays are copies, since an answer may write into them.
    """
    scalars = all(isinstance(argument, float) for case in cases for argument in case)
    stacks = [tuple(np.array(column) for column in zip(*cases, strict=True))] if scalars else []
    yield [tuple(np.copy(a) if isinstance(a, np.ndarray) else a for a in case) for case in cases], False
    if stacks:
        yield stacks, True
    import torch  # only if Python's and NumPy's numbers do not work

    yield [tuple(torch.from_numpy(np.array(argument)) for argument in case) for case in cases], False
    if stacks:
        yield [tuple(torch.from_numpy(np.array(column)) for column in zip(*cases, strict=True))], True


def _call(answer: Formula, arguments: tuple[Any, ...]) -> Any:
    try:
        return answer(*arguments)
    except NotImplementedError:
        raise _NotAttempted from None


def _numbers(value: Any) -> np.ndarray:
    """Return the number or numbers that an answer holds, as float64."""
    if value is None or value is ... or value is NotImplemented or isinstance(value, NotImplementedError):
        raise _NotAttempted
    if callable(getattr(value, "detach", None)):  # torch, with a gradient or without, of whatever type
        value = value.detach().cpu().double().numpy()
    if isinstance(value, list | tuple):
        parts = [_numbers(part) for part in value]
        if len({part.shape for part in parts}) == 1:
            value = np.stack(parts)
    if isinstance(value, str):
        raise _Unusable(f"Expected a number, such as 0.5, and got the text {value!r}.")
    if isinstance(value, bool):
        raise _Unusable(f"Expected a number, such as 0.5, and got {value}.")
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise _Unusable(f"Expected a number, such as 0.5, and got {type(value).__name__}.") from None


def _value(formula: Formula | float, case: tuple[Any, ...]) -> np.ndarray:
    return np.asarray(formula(*case) if callable(formula) else formula, dtype=np.float64)


def _alike(got: np.ndarray, expected: np.ndarray) -> bool:
    # float32 and other orders of summation pass; an approximate formula does not
    return got.shape == expected.shape and np.allclose(got, expected, rtol=1e-3, atol=1e-6, equal_nan=True)


def _short(value: Any) -> str:
    if np.size(value) > 12:  # more than anybody will read
        return f"an array of shape {np.shape(value)}"
    return " ".join(np.array2string(np.asarray(value), precision=4, separator=", ").split())
