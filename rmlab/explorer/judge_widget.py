"""Judging pairs in a notebook: the view of `rmlab judge` as a widget, whose labels go to a store."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anywidget

from rmlab.data import PreferencePair, PreferencePairs
from rmlab.explorer.bundle import style, widget_module
from rmlab.explorer.judge_requests import REFUSED, refusal
from rmlab.labels import LabelStore, ask, rater_name, traits_of
from rmlab.labels.desk import Desk
from rmlab.labels.judgements import Verdict
from rmlab.labels.rules import Rule

__all__ = ["JudgeView", "judge"]


class JudgeView(anywidget.AnyWidget):
    """Shows one rater pair after pair. A label that it acknowledges is in the store of the desk.

    Parameters
    ----------
    desk
        Where labels are kept.
    rater
        The name that is kept with them.
    """

    _esm = widget_module("judge_widget.js")
    _css = style()

    def __init__(self, desk: Desk, rater: str):
        super().__init__()
        self.desk, self.rater = desk, rater_name(rater)
        self.on_msg(self._hear)

    def __repr__(self) -> str:
        """Return what would be shown, for a notebook without a kernel."""
        return "Two responses to a prompt, to judge with a key each. Run this cell to use it."

    @property
    def view(self) -> dict[str, Any]:
        """What the rater sees; see `rmlab.labels.desk.Desk.view`."""
        return self.desk.view(self.desk.sit(self.rater))

    def press(self, verdict: Verdict) -> None:
        """Judge the pair that is shown, or undo the last judgement, as a key does."""
        view = self.view
        showing = view["undo"] if verdict == "undo" else view["showing"]["number"]
        said = {"verdict": verdict, "showing": showing, "position": view["position"], "key": secrets.token_hex(16)}
        self.desk.judge(view["session"], said | {"seconds": 0.0})

    def _hear(self, _: Any, said: Any, _buffers: Any) -> None:
        """Answer a request of the view, under its id; a refusal becomes an answer too."""
        if not isinstance(said, Mapping):
            return  # without an id nobody hears an answer
        answers: dict[Any, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "join": lambda _: self.view,
            "view": lambda body: self.desk.view(str(body.get("session"))),
            "judge": lambda body: self.desk.judge(str(body.get("session")), body),
        }
        path, body = said.get("path"), said.get("body")
        try:
            if not (isinstance(path, str) and path in answers and isinstance(body, Mapping)):
                raise ValueError(f"a request must have a path ({', '.join(answers)}) and a body with names")
            status, answer = 200, answers[path](body)
        except REFUSED as error:
            status, answer = refusal(error)
        self.send({"id": said.get("id"), "status": status, "said": answer})


def judge(
    pairs: PreferencePairs | Sequence[PreferencePair],
    store: LabelStore,
    *,
    rater: str = "me",
    goal: int = 40,
    rule: Rule | None = None,
) -> JudgeView:
    """Show pairs to judge, one after another, and keep the labels in a store. It continues where this rater stopped.

    Parameters
    ----------
    pairs
        The pairs to judge; which response is called chosen is not shown.
    store
        Where labels are kept.
    rater
        The name that is kept with them.
    goal
        The number of judgements after which the rater is told that the goal is reached; more are possible.
    rule
        How the next pair is drawn; at random by default.

    Raises
    ------
    ValueError
        If no pair can be judged, or the rater's name is not valid.
    StoreError
        If the store cannot be read.
    """
    questions = ask(pairs)
    desk = Desk(store, questions, traits_of(questions), rule=rule, goal=min(goal, len(questions)))
    view = JudgeView(desk, rater)
    desk.sit(view.rater)
    return view
