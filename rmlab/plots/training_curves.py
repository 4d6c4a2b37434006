"""The curves of a training run, during it and after it."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from rmlab.plots.display import bundle, describe, set_description
from rmlab.plots.style import HELD_OUT, INK, NEUTRAL, TEXT, label, make_axes, make_panels

_Step = TypeVar("_Step")


def plot_training(history: Any, *, ax: Axes | None = None) -> Axes:
    """Draw loss, accuracy and mean score difference against the pairs seen, with the held-out evaluations.

    Parameters
    ----------
    history
        The result of `train`, or the step records so far. A held-out point shows the whole held-out part: with its 95%
        interval for accuracy, and with the middle half of the pairs for the score difference.

    Returns
    -------
    The Axes, with the three panels in its ``child_axes``.
    """
    steps = list(getattr(history, "steps", history))
    if not steps:
        raise ValueError("there is no step record to plot yet: history.steps is empty")
    held_out = list(getattr(history, "evaluations", [e for s in steps for e in getattr(s, "evaluations", ())]))
    held_out = [e for e in held_out if len(e.score_differences)]  # an old file of a history holds none
    ax = make_axes(ax, 12.5, 4.6)  # the legends are below the panels, where they cover nothing
    pairs_seen = np.array([step.pairs_seen for step in steps])
    places = np.interp([e.step for e in held_out], [0, *(s.step for s in steps)], [0, *pairs_seen])
    panels = make_panels(ax, 3)
    titles = {
        "loss": ("Loss", "nats"),
        "accuracy": ("Accuracy", ""),
        "score_difference": ("Mean score difference", "nats"),
    }
    below = {"fontsize": TEXT - 2, "frameon": False, "loc": "upper center", "bbox_to_anchor": (0.5, -0.19)}
    for panel, (name, (title, unit)) in zip(panels, titles.items(), strict=True):
        values = np.array([getattr(step, name) for step in steps], dtype=float)
        smooth, window = _trailing_mean(values)
        alpha, marker = (0.65, "") if window > 1 else (1.0, ".")
        panel.plot(pairs_seen, values, color=NEUTRAL, linewidth=1, alpha=alpha, marker=marker, label="each batch")
        if window > 1:
            panel.plot(pairs_seen, smooth, color=INK, linewidth=2.5, label=f"mean of last {window}")
        coin = {"loss": math.log(2), "accuracy": 0.5, "score_difference": 0.0}[name]
        panel.axhline(coin, color=NEUTRAL, linewidth=1.5, linestyle="--", label="a coin")
        if held_out:
            centre, ends = _held_out_points(name, held_out)
            panel.plot(places, centre, "D--", color=HELD_OUT, markersize=7, linewidth=1.5, label="held-out")
            if ends is not None:
                what = "95% interval" if name == "accuracy" else "middle half of pairs"
                bars = panel.vlines(places, ends[:, 0], ends[:, 1], HELD_OUT, linewidth=2.5, alpha=0.6, label=what)
                panel.legend(handles=[bars], **below)
        label(panel, title, "pairs seen", unit)
    panels[1].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    panels[0].legend(ncols=2, **below)
    last, n = steps[-1], _trailing_mean(np.ones(len(steps)))[1]
    recent = steps[-n:]
    end = f"mean of the last {n} batches" if n > 1 else "last batch"
    text = (
        f"Three curves of training over {last.pairs_seen:,} pairs in {last.step:,} steps. At the end ({end}) the loss "
        f"is {np.mean([s.loss for s in recent]):.3f}, the accuracy {np.mean([s.accuracy for s in recent]):.1%}, the "
        f"mean score difference {np.mean([s.score_difference for s in recent]):.2f}."
    )
    for when, e in (("first", held_out[:1]), ("last", held_out[-1:] if len(held_out) > 1 else [])):
        for one in e:
            text += (
                f" Held-out pairs, {when} evaluation (step {one.step:,}): loss {one.evaluation.log_loss:.3f}, accuracy "
                f"{one.evaluation.accuracy:.1%}, mean score difference {np.mean(one.score_differences):.2f}."
            )
    return set_description(ax, text)


def live_curves(steps: Iterable[_Step], *, seconds: float = 1.0) -> Generator[_Step, None, None]:
    """Yield step records as they come, and in a notebook redraw `plot_training` meanwhile.

    ``for step in live_curves(training_steps(model, pairs)): ...``. Outside a notebook it only passes the records on.

    Parameters
    ----------
    steps
        Step records, as `training_steps` yields them.
    seconds
        At least this long between two drawings; drawing never takes more than about a tenth of the time. The
        last state is drawn whether the loop ends, breaks or fails.
    """
    display = _notebook_display()
    seen: list[_Step] = []
    drawn, due, update = 0, -math.inf, None
    try:
        for step in steps:
            seen.append(step)
            began = time.monotonic()
            if display is not None and began >= due:
                update, drawn = _draw_live(seen, display, update), len(seen)
                took = time.monotonic() - began
                due = time.monotonic() + max(seconds, 9 * took)
            yield step
    finally:
        if display is not None and drawn < len(seen):
            _draw_live(seen, display, update)
        close = getattr(steps, "close", None)  # of a generator, or of a run that a break has left unfinished
        if close is not None:
            close()


def _trailing_mean(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Return trailing means and their width: a twentieth of the run, at least 10; 1 in a run of fewer than 20 steps."""
    window = max(10, len(values) // 20) if len(values) >= 20 else 1
    total = np.cumsum(np.r_[0.0, values])
    start = np.maximum(np.arange(len(values)) + 1 - window, 0)
    stop = np.arange(len(values)) + 1
    return (total[stop] - total[start]) / (stop - start), window


def _held_out_points(name: str, held_out: Sequence[Any]) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the centre, ``(n,)``, and the ends, ``(n, 2)``, of what to draw for each held-out evaluation."""
    if name == "loss":
        return np.array([e.evaluation.log_loss for e in held_out]), None
    if name == "accuracy":
        ends = np.array([e.evaluation.accuracy_interval for e in held_out])
        return np.array([e.evaluation.accuracy for e in held_out]), ends
    differences = [np.asarray(e.score_differences, dtype=float) for e in held_out]
    return np.array([d.mean() for d in differences]), np.array([np.quantile(d, [0.25, 0.75]) for d in differences])


def _notebook_display() -> Callable[..., Any] | None:
    """Return IPython's display function if code runs in a notebook's kernel, else None."""
    ipython = sys.modules.get("IPython")  # nothing is imported if it is not running
    if ipython is None or getattr(ipython.get_ipython(), "kernel", None) is None:
        return None
    from IPython.display import display

    return display


def _draw_live(seen: list[Any], display: Callable[..., Any], handle: Any) -> Any:
    """Draw the records so far, in place of the picture of `handle` if there is one; return the handle."""
    ax = plot_training(seen)
    shown = bundle(ax, describe(ax))
    if handle is None:
        return display(shown, raw=True, display_id=True)
    handle.update(shown, raw=True)
    return handle
