"""Examples to start from: each sets some traits of the state."""

from __future__ import annotations

from typing import Any

__all__ = ["NUMBERS"]


def _numbers(name: str, a: float, b: float, **more: Any) -> dict[str, Any]:
    origin = f"set by hand, for the example “{name}”"
    state = {"scores": [a, b], "scores_from": origin, "winner": "a", "temperature": 1.0}
    return {"name": name, "state": state | more}


NUMBERS = [
    _numbers("Even", 0.0, 0.0),
    _numbers("One nat apart", 1.0, 0.0),
    _numbers("Nine to one", 2.197225, 0.0),
    _numbers("Two negative scores", -3.0, -5.0),
    _numbers("The same, a hundred higher", 97.0, 95.0),
    _numbers("Sure, and wrong", 4.0, 0.0, winner="b"),
    _numbers("A tie that the model saw coming", 0.1, 0.0, winner="tie"),
    _numbers("The same scores, more doubt", 4.0, 0.0, temperature=4.0),
]
"""For the preference curve: plain numbers, no text."""
