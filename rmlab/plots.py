"""Still pictures on a Matplotlib Axes, and curves that move while a model trains.

Each ``plot_...(data, *, ax=None)`` draws on `ax`, or on a figure of its own, and returns the Axes. Blue and a plain
fill stand for the chosen response, orange and hatching for the rejected one, and signs or words say the same beside.
Each picture carries a description made from the numbers that it shows: `describe` gives it, and `show` displays the
picture in a notebook with that description as alt text. Nothing here touches pyplot's figures or Matplotlib's settings,
so a figure is gone when nothing refers to it.
"""

from __future__ import annotations

import base64
import html
import io
import math
import sys
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from rmlab.evaluation import Accuracy, Evaluation, checked_differences, evaluate
from rmlab.preference import preference_loss, preference_probability

__all__ = [
    "CHOSEN",
    "HELD_OUT",
    "INK",
    "NEUTRAL",
    "REJECTED",
    "describe",
    "live_curves",
    "plot_calibration",
    "plot_groups",
    "plot_preference_curve",
    "plot_score_differences",
    "plot_scores",
    "plot_training",
    "show",
]

# Each stands out from white by at least 4.5 to 1, and blue from orange in every common kind of colour blindness.
CHOSEN = "#0063b2"
REJECTED = "#b84e00"
HELD_OUT = "#6b3fa0"
NEUTRAL = "#595959"
INK = "#1f1f1f"

_TEXT, _TITLE = 13, 15  # points, on a figure about 7 inches wide: legible from the back row when it fills a slide
_Z95 = 1.959963984540054  # 97.5% quantile of the standard normal distribution
_Step = TypeVar("_Step")


def plot_preference_curve(score_difference: float | Sequence[float] | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw the probability of a preference and its loss against the score difference, side by side.

    Parameters
    ----------
    score_difference
        One or several differences, in log-odds (nats), to mark on both curves.

    Returns
    -------
    The Axes, with the two panels in its ``child_axes``.
    """
    marked = [] if score_difference is None else checked_differences(np.atleast_1d(score_difference)).tolist()
    ax = _axes(ax, 10.5, 4.2)
    limit = max(6.0, 1.25 * max(map(abs, marked), default=0.0))
    x = np.linspace(-limit, limit, 401)
    sigmoid, loss = _panels(ax, 2)
    sigmoid.plot(x, preference_probability(x), color=INK, linewidth=2.5)
    loss.plot(x, preference_loss(x), color=INK, linewidth=2.5)
    for d in marked:
        p = preference_probability(d)
        solid, dotted = ("P", "1 − P") if d == marked[0] else (None, None)
        sigmoid.plot([d, d], [0, p], color=CHOSEN, linewidth=4, solid_capstyle="butt", label=solid)
        sigmoid.plot([d, d], [p, 1], color=REJECTED, linewidth=4, linestyle=(0, (1, 0.6)), label=dotted)
        # Beside the point, on the side where the curve leaves room.
        _mark(sigmoid, d, p, f"P = {p:.3f}", *((-10, 6, "right") if d >= 0 else (10, -16, "left")))
        side = (-6, 14, "right") if d > 0.6 * limit else (10, 6, "left")
        _mark(loss, d, preference_loss(d), f"loss = {preference_loss(d):.3f}", *side)
    if marked:
        sigmoid.legend(loc="upper left", ncols=2, fontsize=_TEXT - 1, framealpha=0.9)
    for panel in (sigmoid, loss):
        panel.axvline(0, color=NEUTRAL, linewidth=1, linestyle=":")
        panel.set_xlim(-limit, limit)
    sigmoid.axhline(0.5, color=NEUTRAL, linewidth=1, linestyle=":")
    sigmoid.set_ylim(-0.11, 1.3)  # room for the words at 0 and 1 and for the legend
    sigmoid.set_yticks(np.linspace(0, 1, 6))
    loss.set_ylim(-0.05 * limit, None)
    _label(sigmoid, "P = σ(difference)", "score(chosen) − score(rejected)", "P(chosen is preferred)")
    _label(loss, "loss = −log σ(difference)", "score(chosen) − score(rejected)", "loss in nats")
    points = "".join(
        f" At a difference of {d:g}, P is {preference_probability(d):.3f} and the loss {preference_loss(d):.3f}."
        for d in marked
    )
    return _described(
        ax,
        f"Two curves against the score difference, from {-limit:g} to {limit:g}. Left, the probability rises in an S "
        f"from 0 to 1 and is one half at 0. Right, the loss falls from {preference_loss(-limit):.2f} to nearly 0 and "
        f"is 0.693 at 0.{points}",
    )


def plot_scores(fit: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the item scores of a Bradley-Terry fit with their 95% intervals, the best on top.

    Parameters
    ----------
    fit
        What `fit_bradley_terry` gives: ``items``, ``scores`` and ``standard_errors``, each of length n_items.
    """
    scores = np.asarray(fit.scores, dtype=float)
    half_width = _Z95 * np.asarray(fit.standard_errors, dtype=float)
    order = np.argsort(-scores, kind="stable")
    names = [str(fit.items[i]) for i in order]
    ax = _axes(ax, 7.2, min(1.4 + 0.42 * len(names), 14.0))
    scores, half_width = scores[order], half_width[order]
    _rows(ax, names, scores, scores - half_width, scores + half_width, [_signed(score) for score in scores])
    ax.axvline(0, color=NEUTRAL, linewidth=1, linestyle=":")
    _label(ax, "Scores with 95% intervals", "score in log-odds (nats)", "")
    shown = [
        f"{name} {_signed(score)} ({_signed(score - half)} to {_signed(score + half)})"
        for name, score, half in zip(names, scores, half_width, strict=True)
    ]
    return _described(
        ax, f"Scores of {len(names)} items with 95% intervals, from the highest to the lowest: {_listed(shown)}."
    )


def plot_score_differences(differences: Any, *, bins: int = 30, ax: Axes | None = None) -> Axes:
    """Draw a histogram of score differences, parted at zero, with the share of pairs on each side.

    Parameters
    ----------
    differences
        score(chosen) - score(rejected), in log-odds (nats), ``(n_pairs,)``.
    bins
        About how many bars; zero is always an edge between two. Exact ties stand in a thin bar of their own.
    """
    d = checked_differences(differences)
    result = evaluate(d)
    ax = _axes(ax, 7.2, 4.4)
    n_right, n_wrong, n_ties = int((d > 0).sum()), int((d < 0).sum()), result.n_ties
    width = (max(d.max(), 0.0) - min(d.min(), 0.0)) / bins or 1.0
    parted = [(d[d < 0], REJECTED, "//"), (d[d > 0], CHOSEN, None)]
    for side, colour, hatch in parted:
        # The distance from zero is counted in whole bars, so that no bar holds differences of both signs.
        counts = np.bincount((np.abs(side) / width).astype(int)) if len(side) else np.array([], dtype=int)
        edges = np.arange(len(counts)) * width if colour == CHOSEN else -np.arange(1, len(counts) + 1) * width
        ax.bar(edges, counts, width, align="edge", facecolor=colour, edgecolor="white", linewidth=0.8, hatch=hatch)
    if n_ties:
        ax.bar([0], [n_ties], width / 3, facecolor=NEUTRAL, edgecolor="white", linewidth=0.8)
    ax.axvline(0, color=INK, linewidth=2)
    ax.margins(y=0.32)  # room for the words above the bars
    reach = 1.05 * np.abs(d).max() or 1.0
    ax.set_xlim(-reach, reach)
    words = [
        (0.01, "left", REJECTED, f"− rejected scored higher\n{n_wrong / len(d):.1%}, {n_wrong:,} pairs"),
        (0.99, "right", CHOSEN, f"+ chosen scored higher\n{n_right / len(d):.1%}, {n_right:,} pairs"),
    ]
    for x, side, colour, text in words:
        ax.text(x, 0.98, text, transform=ax.transAxes, ha=side, va="top", color=colour, fontsize=_TEXT, weight="bold")
    ties = f", {n_ties:,} ties at 0 (grey)" if n_ties else ""
    _label(ax, f"Score differences of {len(d):,} pairs{ties}", "score(chosen) − score(rejected), in nats", "pairs")
    return _described(
        ax,
        f"Histogram of {len(d):,} score differences from {d.min():.2f} to {d.max():.2f}, mean {d.mean():.2f}, median "
        f"{np.median(d):.2f}. The chosen response scored higher in {n_right / len(d):.1%} of the pairs, the rejected "
        f"one in {n_wrong / len(d):.1%}; {n_ties / len(d):.1%} are ties.",
    )


def plot_calibration(evaluation: Evaluation, *, ax: Axes | None = None) -> Axes:
    """Draw how often the model was right against how sure it was, with 95% intervals and the number of pairs.

    Points below the diagonal mean over-confidence.
    """
    ax = _axes(ax, 7.2, 5.0)
    bins = evaluation.calibration
    ax.plot([0.5, 1], [0.5, 1], color=NEUTRAL, linewidth=1.5, linestyle="--")
    low = min([0.5, *(one.interval[0] for one in bins)]) - 0.1  # room for the counts
    ax.set_xlim(0.49, 1.01)
    ax.set_ylim(low, 1.03)
    if bins:
        x = [one.mean_probability for one in bins]
        y = np.array([one.observed_share for one in bins])
        ends = np.array([one.interval for one in bins])
        ax.errorbar(
            x, y, [y - ends[:, 0], ends[:, 1] - y], fmt="o-", color=CHOSEN, markersize=9, linewidth=1.5, capsize=4
        )
        for one in bins:
            ax.text(one.mean_probability, low + 0.015, f"{one.count:,}", ha="center", color=NEUTRAL, fontsize=_TEXT - 2)
        ax.text(0.5, low + 0.05, "pairs in each bin:", color=NEUTRAL, fontsize=_TEXT - 2)
        summary = f"calibration error {evaluation.calibration_error:.3f}, log loss {evaluation.log_loss:.3f}"
    else:
        summary = "Every pair is a tie: no response scores higher."
        ax.text(0.99, 0.3, summary, transform=ax.transAxes, ha="right", color=INK, fontsize=_TEXT)
    ax.text(0.52, 0.97, "under-confident", color=NEUTRAL, fontsize=_TEXT, style="italic", va="top")
    ax.text(0.99, low + 0.12, "over-confident", color=NEUTRAL, fontsize=_TEXT, style="italic", ha="right")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    scaled = "" if evaluation.temperature is None else f" at temperature {evaluation.temperature:.2f}"
    _label(ax, f"Calibration{scaled}", "how sure the model was: σ(|difference|)", "how often it was right")
    points = "; ".join(
        f"{one.mean_probability:.0%} sure, {one.observed_share:.0%} right (95%: {one.interval[0]:.0%} to "
        f"{one.interval[1]:.0%}, {one.count:,} pairs)"
        for one in bins
    )
    start = f"How often the model was right against how sure it was{scaled}, beside the diagonal: "
    return _described(ax, f"{start}{points or 'no points'}. {summary}")


def plot_groups(evaluation: Evaluation, *, ax: Axes | None = None) -> Axes:
    """Draw the accuracy of all pairs, of each group and of "the longer response wins", with 95% intervals."""
    if not evaluation.groups:
        raise ValueError("this evaluation has no groups to plot; give evaluate a name for each pair with groups=...")
    rows: list[tuple[str, Accuracy, str]] = [("all pairs", evaluation, "s")]
    rows += [(str(name), group, "o") for name, group in evaluation.groups.items()]
    if evaluation.length_baseline is not None:
        rows.append(("longer response wins", evaluation.length_baseline, "D"))
    names = [name for name, _, _ in rows]
    ends = np.array([one.accuracy_interval for _, one, _ in rows])
    ax = _axes(ax, 7.2, min(1.4 + 0.42 * len(rows), 14.0))
    values = np.array([one.accuracy for _, one, _ in rows])
    text = [f"{one.accuracy:.1%} of {one.n_pairs:,}" for _, one, _ in rows]
    _rows(ax, names, values, ends[:, 0], ends[:, 1], text, markers=[marker for _, _, marker in rows])
    ax.axvline(0.5, color=NEUTRAL, linewidth=1.5, linestyle="--")
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    _label(ax, "Accuracy with 95% intervals", "accuracy (a coin: 50%, dashed)", "")
    shown = [
        f"{name} {one.accuracy:.1%} ({low:.1%} to {high:.1%}) of {one.n_pairs:,} pairs"
        for (name, one, _), (low, high) in zip(rows, ends, strict=True)
    ]
    return _described(ax, f"Accuracy with 95% intervals: {_listed(shown)}. A coin has 50%.")


def plot_training(history: Any, *, ax: Axes | None = None) -> Axes:
    """Draw loss, accuracy and mean score difference against the pairs seen, with the held-out evaluations.

    Parameters
    ----------
    history
        What `train` gives, or the step records so far. A held-out point shows the whole held-out part: with its 95%
        interval for accuracy, and with the middle half of the pairs for the score difference.

    Returns
    -------
    The Axes, with the three panels in its ``child_axes``.
    """
    steps = list(getattr(history, "steps", history))
    if not steps:
        raise ValueError("there is no step record to plot yet: history.steps is empty")
    held_out = list(getattr(history, "evaluations", [e for s in steps for e in getattr(s, "evaluations", ())]))
    ax = _axes(ax, 12.5, 4.2)
    pairs_seen = np.array([step.pairs_seen for step in steps])
    places = np.interp([e.step for e in held_out], [0, *(s.step for s in steps)], [0, *pairs_seen])
    panels = _panels(ax, 3)
    titles = {
        "loss": ("Loss", "nats"),
        "accuracy": ("Accuracy", ""),
        "score_difference": ("Mean score difference", "nats"),
    }
    for panel, (name, (title, unit)) in zip(panels, titles.items(), strict=True):
        values = np.array([getattr(step, name) for step in steps], dtype=float)
        smooth, window = _trailing_mean(values)
        alpha, marker = (0.35, "") if window > 1 else (1.0, ".")
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
                panel.legend(handles=[bars], fontsize=_TEXT - 2, framealpha=0.85)
        _label(panel, title, "pairs seen", unit)
    panels[1].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    panels[0].legend(fontsize=_TEXT - 2, framealpha=0.85)
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
    return _described(ax, text)


def live_curves(steps: Iterable[_Step], *, seconds: float = 1.0) -> Generator[_Step, None, None]:
    """Pass step records on as they come, and in a notebook redraw `plot_training` meanwhile.

    ``for step in live_curves(training_steps(model, pairs)): ...``. Outside a notebook it only passes the records on.

    Parameters
    ----------
    steps
        Step records, as `training_steps` yields them.
    seconds
        At least so long between two drawings, and never more than about a tenth of the time goes into drawing. The
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
        close = getattr(steps, "close", None)  # of a generator, or of a run that a break has left under way
        if close is not None:
            close()


def describe(picture: Axes | Figure) -> str:
    """Give the description, in words and numbers, of a picture that this module drew."""
    axes = picture.axes if isinstance(picture, Figure) else [picture]
    found = [text for ax in axes if (text := getattr(ax, "_rmlab_description", None))]
    if not found:
        raise ValueError("this picture was not drawn by rmlab.plots; describe it in show(picture, alt=...)")
    return " ".join(found)


def show(picture: Axes | Figure, *, alt: str | None = None) -> None:
    """Display a picture in a notebook, with alt text: `alt`, or else what `describe` gives.

    A figure made through pyplot is closed, so that it does not appear twice.
    """
    from IPython.display import display

    bundle = _bundle(picture, describe(picture) if alt is None else alt)
    display(bundle, raw=True)
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(_figure(picture))  # of no effect on a figure that pyplot does not know


def _figure(picture: Axes | Figure) -> Figure:
    return picture if isinstance(picture, Figure) else picture.get_figure(root=True)  # type: ignore[return-value]


def _bundle(picture: Axes | Figure, alt: str) -> dict[str, str]:
    # Jupyter gives an image of type image/png no alt text, so that the picture travels within HTML.
    figure = _figure(picture)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=160, metadata={"Software": None})
    source = base64.b64encode(png.getvalue()).decode()
    width = round(100 * figure.get_figwidth())
    image = f'<img src="data:image/png;base64,{source}" alt="{html.escape(alt)}" width="{width}">'
    return {"text/html": image, "text/plain": alt}


def _axes(ax: Axes | None, width: float, height: float) -> Axes:
    """Give `ax`, or the Axes of a new figure, sized in inches, which a notebook shows where a cell ends with it."""
    if ax is None:
        ax = Figure(figsize=(width, height), layout="constrained", facecolor="white").subplots()
        setattr(ax, "_repr_html_", partial(_repr_html, ax))  # noqa: B010
    return ax


def _repr_html(ax: Axes) -> str:
    return _bundle(ax, describe(ax))["text/html"]


def _panels(ax: Axes, n: int) -> list[Axes]:
    """Give `n` panels side by side within `ax`, whose own frame goes."""
    ax.set_axis_off()
    gap = 0.24 / n
    width = (1 - gap * (n - 1)) / n
    return [ax.inset_axes((i * (width + gap), 0, width, 1)) for i in range(n)]


def _label(ax: Axes, title: str, x: str, y: str) -> None:
    ax.set_title(title, fontsize=_TITLE, color=INK, loc="left")
    ax.set_xlabel(x, fontsize=_TEXT, color=INK)
    ax.set_ylabel(y or ax.get_ylabel(), fontsize=_TEXT, color=INK)
    ax.tick_params(labelsize=_TEXT - 1, colors=INK)
    ax.spines[["top", "right"]].set_visible(False)


def _mark(ax: Axes, x: float, y: float, text: str, right: float, up: float, align: str) -> None:
    """Put a point at (x, y), and words as many points to the right of it and above it."""
    ax.plot([x], [y], "o", color=INK, markersize=9, zorder=3)
    ax.annotate(
        text, (x, y), (right, up), textcoords="offset points", ha=align, fontsize=_TEXT, color=INK, weight="bold",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
    )  # fmt: skip


def _rows(
    ax: Axes,
    names: Sequence[str],
    values: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    text: Sequence[str],
    *,
    markers: Sequence[str] | None = None,
) -> None:
    """Draw a point and an interval for each name, the first on top, with text at the right."""
    y = np.arange(len(names))
    ax.errorbar(values, y, xerr=[values - lower, upper - values], fmt="none", ecolor=CHOSEN, elinewidth=2, capsize=4)
    for i, marker in enumerate(markers or "o" * len(names)):
        ax.plot(values[i], y[i], marker, color=CHOSEN if marker != "D" else NEUTRAL, markersize=9)
    ax.set_ylim(len(names) - 0.4, -0.6)
    if len(names) > 40:  # beyond that the names would overlap
        ax.set_yticks([])
        ax.set_ylabel(f"{len(names)} names, the first on top")
        return
    ax.set_yticks(y, names)
    for i, words in enumerate(text):
        ax.annotate(words, (1.02, y[i]), xycoords=("axes fraction", "data"), va="center", color=INK, fontsize=_TEXT - 1)


def _trailing_mean(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Give the mean of each value and those before it, over a twentieth of the run but at least 10, and that width."""
    window = max(10, len(values) // 20) if len(values) >= 20 else 1
    total = np.cumsum(np.r_[0.0, values])
    start = np.maximum(np.arange(len(values)) + 1 - window, 0)
    stop = np.arange(len(values)) + 1
    return (total[stop] - total[start]) / (stop - start), window


def _held_out_points(name: str, held_out: Sequence[Any]) -> tuple[np.ndarray, np.ndarray | None]:
    """Give the centre, ``(n,)``, and the ends, ``(n, 2)``, of what to draw of each held-out evaluation."""
    if name == "loss":
        return np.array([e.evaluation.log_loss for e in held_out]), None
    if name == "accuracy":
        ends = np.array([e.evaluation.accuracy_interval for e in held_out])
        return np.array([e.evaluation.accuracy for e in held_out]), ends
    differences = [np.asarray(e.score_differences, dtype=float) for e in held_out]
    return np.array([d.mean() for d in differences]), np.array([np.quantile(d, [0.25, 0.75]) for d in differences])


def _notebook_display() -> Callable[..., Any] | None:
    """Give IPython's display function where code runs in a notebook's kernel, else None."""
    ipython = sys.modules.get("IPython")  # nothing is imported where it is not running
    if ipython is None or getattr(ipython.get_ipython(), "kernel", None) is None:
        return None
    from IPython.display import display

    return display


def _draw_live(seen: list[Any], display: Callable[..., Any], handle: Any) -> Any:
    """Draw the records so far, in place of the picture that `handle` stands for if there is one; give the handle."""
    ax = plot_training(seen)
    bundle = _bundle(ax, describe(ax))
    if handle is None:
        return display(bundle, raw=True, display_id=True)
    handle.update(bundle, raw=True)
    return handle


def _signed(score: float) -> str:
    return f"{score:+.2f}".replace("-", "−")


def _listed(phrases: Sequence[str]) -> str:
    """Join phrases; of many, the first and the last six."""
    if len(phrases) > 14:
        phrases = [*phrases[:6], f"{len(phrases) - 12} more", *phrases[-6:]]
    return "; ".join(phrases)


def _described(ax: Axes, text: str) -> Axes:
    setattr(ax, "_rmlab_description", text)  # noqa: B010
    return ax
