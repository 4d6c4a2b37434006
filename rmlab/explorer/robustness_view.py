"""The view of an audit of robustness: changes as rows, shifts as intervals, the text before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rmlab.explorer.state import ExplorerState
from rmlab.explorer.widget import Explorer

if TYPE_CHECKING:
    from rmlab.audit import Robustness, Shift

__all__ = ["robustness", "robustness_columns"]

LONGEST = 4000
"""The most characters of each text of an example."""


def robustness(found: Robustness, *, state: ExplorerState | None = None) -> Explorer:
    """Show an audit of robustness: each change with its mean shift and interval, and an example to open in the probe.

    Parameters
    ----------
    found
        The results of `rmlab.audit.robustness`.
    state
        A state to share with other views, such as a probe that then shows the text before and after; by default the
        view has its own.
    """
    shared = ExplorerState() if state is None else state
    return Explorer(shared, ("robustness",), {"robustness": robustness_columns(found)})


def robustness_columns(found: Robustness) -> dict[str, Any]:
    """Return what the view shows, in a form that JSON can hold.

    Returns
    -------
    ``rows``, one for each change, in each kind with the untested changes last: ``name``, ``kind``, ``expected``,
    ``reason``, ``source``, ``mean``, ``interval``, ``least_effect``, ``flips``, ``q_value``, ``n_changed``,
    ``n_pairs``, ``verdict``, ``found``, ``is_fault`` and ``example``; ``words``, the result; ``spread`` and ``digits``,
    the scale of the model; ``rate``, that of false discoveries; ``notes``, sentences.
    """
    tested = sum(shift.mean is not None for shift in found.shifts)
    words = (
        f"{len(found.faults)} of {tested} changes move the scores of {found.model} and should not, on "
        f"{found.n_pairs:,} pairs. The two scores of a pair differ by {found.spread:.3g} nats (root mean square)."
    )
    notes = []
    if found.n_left_out:
        notes.append(f"{found.n_left_out:,} pairs with an empty response or two equal ones were left out.")
    if found.problems:
        notes.append(f"{len(found.problems):,} texts failed; the first is {found.problems[0]}.")
    rows = sorted(found.shifts, key=lambda shift: (shift.kind != "surface", shift.mean is None))
    return {
        "rows": [_row(shift) for shift in rows],
        "words": words,
        "spread": found.spread,
        "digits": found.digits,
        "rate": found.false_discovery_rate,
        "notes": notes,
    }


def _row(shift: Shift) -> dict[str, Any]:
    names = ("name", "kind", "expected", "reason", "source", "mean", "least_effect", "flips", "q_value", "n_changed")
    row = {name: getattr(shift, name) for name in (*names, "verdict", "found", "is_fault")}
    row["interval"] = None if shift.interval is None else list(shift.interval)
    row["n_pairs"] = shift.n_changed + shift.n_not_applicable + shift.n_unchanged + shift.n_failed
    example = shift.example
    row["example"] = example and {
        "prompt": example.prompt[:LONGEST],
        "prompt_before": example.prompt_before[:LONGEST],
        "before": example.before[:LONGEST],
        "after": example.after[:LONGEST],
        "other": example.other[:LONGEST],
        "scores_before": list(example.scores_before),
        "scores_after": list(example.scores_after),
        "shift": example.shift,
        "source": example.source.rpartition("/")[2],
    }
    return row
