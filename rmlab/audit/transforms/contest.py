"""What a change of a text is: a response before and after it, each against the other response to the same prompt."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

__all__ = ["Change", "Contest", "Expected", "Transform", "load_transform", "of_response", "transform_of"]

Expected = Literal["no shift", "no gain"]
"""What a sound model shows: the same score on both texts, or no higher one for the changed text."""


@dataclass(frozen=True)
class Contest:
    """A response and the other one to the same prompt; its score difference is score(response) - score(other)."""

    prompt: str
    response: str
    other: str


@dataclass(frozen=True)
class Change:
    """Two contests to compare: with the change, and without it (or with its control)."""

    before: Contest
    after: Contest
    sentence: str | None = None
    """The sentence that was added, if it comes from a bank; changes that share it are not independent."""


@dataclass(frozen=True)
class Transform:
    """A change that any pair may be given, with the reason for it and its source.

    Attributes
    ----------
    name
        As in the table.
    kind
        ``"surface"``: the meaning stays. ``"content"``: something is said that should not pay, against a control of
        the same length.
    expected
        What a sound model shows.
    reason
        Why a model may fall for it, in a sentence.
    source
        Where the change was tried before, or ``"this project"``.
    change
        Takes a contest and a turn, a number that selects the sentence of a bank; returns the change, or None if it
        does not apply.
    side
        Which response is changed: either, drawn at random, or always the chosen one.
    """

    name: str
    kind: Literal["surface", "content"]
    expected: Expected
    reason: str
    source: str
    change: Callable[[Contest, int], Change | None]
    side: Literal["either", "chosen"] = "either"


def of_response(edit: Callable[[str], str | None]) -> Callable[[Contest, int], Change | None]:
    """Return a change of the response alone from a function of its text, which returns None if it does not apply."""

    def change(contest: Contest, _turn: int) -> Change | None:
        edited = edit(contest.response)
        return None if edited is None else Change(contest, replace(contest, response=edited))

    return change


def transform_of(function: Callable[[str, str], Any]) -> Transform:
    """Return a transform made of a function of your own.

    Parameters
    ----------
    function
        Takes the prompt and a response, and returns the changed response, or None if it does not apply. Its name is
        that of the change, and the first line of its docstring the reason.
    """

    def change(contest: Contest, _turn: int) -> Change | None:
        edited = function(contest.prompt, contest.response)
        if edited is None:
            return None
        if not isinstance(edited, str):
            raise TypeError(f"expected the changed response as text, or None, got {type(edited).__name__}")
        return Change(contest, replace(contest, response=edited))

    name = getattr(function, "__name__", type(function).__name__)
    reason = (inspect.getdoc(function) or "").partition("\n")[0]
    return Transform(name, "surface", "no shift", reason, "given by the user", change)


def load_transform(where: str) -> Transform:
    """Return the transform that ``module:function`` names; the module may be a file in the current folder.

    Raises
    ------
    ValueError
        If there is no such module or function.
    """
    module_name, separator, name = where.partition(":")
    if not separator or not module_name or not name:
        raise ValueError(f"a transform is named as module:function, such as my_changes:shout, got {where!r}")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name.partition(".")[0] and error.name != module_name:
            raise  # something that the module itself imports
        raise ValueError(
            f"there is no module {module_name!r}; run in the folder of {module_name}.py, or install it"
        ) from error
    finally:
        sys.path.pop(0)
    found = getattr(module, name, None)
    if isinstance(found, Transform):
        return found
    if not callable(found):
        functions = [n for n, value in vars(module).items() if inspect.isfunction(value) and not n.startswith("_")]
        raise ValueError(f"{module_name} has no function {name!r} (found: {', '.join(functions) or 'none'})")
    return transform_of(found)
