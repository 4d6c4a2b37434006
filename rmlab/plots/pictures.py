"""Pictures of scores, differences and evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from rmlab.evaluation import Accuracy, Evaluation, LearningCurve, checked_differences, evaluate
from rmlab.evaluation.intervals import Z95
from rmlab.plots.display import set_description
from rmlab.plots.style import (
    CHOSEN,
    FIRST,
    INK,
    NEUTRAL,
    PAGE,
    REJECTED,
    TEXT,
    draw_rows,
    label,
    listed,
    make_axes,
    make_panels,
    mark,
    signed,
)
from rmlab.preference import preference_loss, preference_probability
from rmlab.printing import printable


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
    ax = make_axes(ax, 10.5, 4.2)
    limit = max(6.0, 1.25 * max(map(abs, marked), default=0.0))
    x = np.linspace(-limit, limit, 401)
    sigmoid, loss = make_panels(ax, 2)
    sigmoid.plot(x, preference_probability(x), color=INK, linewidth=2.5)
    loss.plot(x, preference_loss(x), color=INK, linewidth=2.5)
    for d in marked:
        p = preference_probability(d)
        solid, dotted = ("P", "1 − P") if d == marked[0] else (None, None)
        sigmoid.plot([d, d], [0, p], color=CHOSEN, linewidth=4, solid_capstyle="butt", label=solid)
        sigmoid.plot([d, d], [p, 1], color=REJECTED, linewidth=4, linestyle=(0, (1, 0.6)), label=dotted)
        # Beside the point, on the side where the curve leaves room; short, so that it covers no other point's bar.
        mark(sigmoid, d, p, f"{p:.3f}", *((-10, 6, "right") if d >= 0 else (10, -16, "left")))
        side = (-6, 14, "right") if d > 0.6 * limit else (10, 6, "left")
        mark(loss, d, preference_loss(d), f"loss = {preference_loss(d):.3f}", *side)
    if marked:
        sigmoid.legend(loc="upper left", ncols=2, fontsize=TEXT - 1, framealpha=0.9)
    for panel in (sigmoid, loss):
        panel.axvline(0, color=NEUTRAL, linewidth=1, linestyle=":")
        panel.set_xlim(-limit, limit)
    sigmoid.axhline(0.5, color=NEUTRAL, linewidth=1, linestyle=":")
    sigmoid.set_ylim(-0.11, 1.3)  # room for the words at 0 and 1 and for the legend
    sigmoid.set_yticks(np.linspace(0, 1, 6))
    loss.set_ylim(-0.05 * limit, None)
    label(sigmoid, "P = σ(difference)", "score(chosen) − score(rejected)", "P(chosen is preferred)")
    label(loss, "loss = −log σ(difference)", "score(chosen) − score(rejected)", "loss in nats")
    points = "".join(
        f" At a difference of {d:g}, P is {preference_probability(d):.3f} and the loss {preference_loss(d):.3f}."
        for d in marked
    )
    return set_description(
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
        The result of `fit_bradley_terry`: ``items``, ``scores`` and ``standard_errors``, each of length n_items.
    """
    scores = np.asarray(fit.scores, dtype=float)
    half_width = Z95 * np.asarray(fit.standard_errors, dtype=float)
    order = np.argsort(-scores, kind="stable")
    names = [printable(fit.items[i]) for i in order]
    ax = make_axes(ax, 7.2, min(1.4 + 0.42 * len(names), 14.0))
    scores, half_width = scores[order], half_width[order]
    draw_rows(ax, names, scores, scores - half_width, scores + half_width, [signed(score) for score in scores])
    ax.axvline(0, color=NEUTRAL, linewidth=1, linestyle=":")
    label(ax, "Scores with 95% intervals", "score in log-odds (nats)", "")
    shown = [
        f"{name} {signed(score)} ({signed(score - half)} to {signed(score + half)})"
        for name, score, half in zip(names, scores, half_width, strict=True)
    ]
    return set_description(
        ax, f"Scores of {len(names)} items with 95% intervals, from the highest to the lowest: {listed(shown)}."
    )


def plot_score_differences(differences: Any, *, bins: int = 30, ax: Axes | None = None) -> Axes:
    """Draw a histogram of score differences, split at zero, with the share of pairs on each side.

    Parameters
    ----------
    differences
        score(chosen) - score(rejected), in log-odds (nats), ``(n_pairs,)``.
    bins
        About how many bars; zero is always an edge between two. Exact ties have a thin bar of their own.
    """
    d = checked_differences(differences)
    result = evaluate(d)
    ax = make_axes(ax, 7.2, 4.4)
    n_right, n_wrong, n_ties = int((d > 0).sum()), int((d < 0).sum()), result.n_ties
    width = (max(d.max(), 0.0) - min(d.min(), 0.0)) / bins or 1.0
    parted = [(d[d < 0], REJECTED, "//"), (d[d > 0], CHOSEN, None)]
    for side, colour, hatch in parted:
        # The distance from zero is counted in whole bars, so that no bar holds differences of both signs.
        counts = np.bincount((np.abs(side) / width).astype(int)) if len(side) else np.array([], dtype=int)
        edges = np.arange(len(counts)) * width if colour == CHOSEN else -np.arange(1, len(counts) + 1) * width
        ax.bar(edges, counts, width, align="edge", facecolor=colour, edgecolor=PAGE, linewidth=0.8, hatch=hatch)
    if n_ties:
        ax.bar([0], [n_ties], width / 3, facecolor=NEUTRAL, edgecolor=PAGE, linewidth=0.8)
    ax.axvline(0, color=INK, linewidth=2)
    ax.margins(y=0.32)  # room for the words above the bars
    reach = 1.05 * np.abs(d).max() or 1.0
    ax.set_xlim(-reach, reach)
    words = [
        (0.01, "left", REJECTED, f"− rejected scored higher\n{n_wrong / len(d):.1%}, {n_wrong:,} pairs"),
        (0.99, "right", CHOSEN, f"+ chosen scored higher\n{n_right / len(d):.1%}, {n_right:,} pairs"),
    ]
    for x, side, colour, text in words:
        ax.text(x, 0.98, text, transform=ax.transAxes, ha=side, va="top", color=colour, fontsize=TEXT, weight="bold")
    ties = f", {n_ties:,} ties at 0 (grey)" if n_ties else ""
    label(ax, f"Score differences of {len(d):,} pairs{ties}", "score(chosen) − score(rejected), in nats", "pairs")
    return set_description(
        ax,
        f"Histogram of {len(d):,} score differences from {d.min():.2f} to {d.max():.2f}, mean {d.mean():.2f}, median "
        f"{np.median(d):.2f}. The chosen response scored higher in {n_right / len(d):.1%} of the pairs, the rejected "
        f"one in {n_wrong / len(d):.1%}; {n_ties / len(d):.1%} are ties.",
    )


def plot_calibration(evaluation: Evaluation, *, down_to: float = 0.5, ax: Axes | None = None) -> Axes:
    """Draw how often the model was right against how sure it was, with 95% intervals and the number of pairs.

    Points below the diagonal mean over-confidence.

    Parameters
    ----------
    evaluation
        The evaluation of one model.
    down_to
        The lowest share of right pairs on the axis, unless an interval goes lower. Give pictures that are shown in turn
        the same value, so that the diagonal does not move.
    """
    ax = make_axes(ax, 7.2, 5.0)
    bins = evaluation.calibration
    ax.plot([0.5, 1], [0.5, 1], color=NEUTRAL, linewidth=1.5, linestyle="--")
    low = min([down_to, *(one.interval[0] for one in bins)]) - 0.1  # room for the counts
    ax.set_xlim(0.49, 1.01)
    ax.set_ylim(low, 1.03)
    if bins:
        x = [one.mean_probability for one in bins]
        y = np.array([one.observed_share for one in bins])
        ends = np.array([one.interval for one in bins])
        ax.errorbar(
            x, y, [y - ends[:, 0], ends[:, 1] - y], fmt="o-", color=FIRST, markersize=9, linewidth=1.5, capsize=4
        )
        foot = {"color": NEUTRAL, "fontsize": TEXT - 2, "transform": ax.get_xaxis_transform()}  # y from 0 to 1
        for one in bins:
            ax.text(one.mean_probability, 0.025, f"{one.count:,}", ha="center", **foot)
        ax.text(0.5, 0.08, "pairs in each bin:", **foot)
        summary = f"calibration error {evaluation.calibration_error:.3f}, log loss {evaluation.log_loss:.3f}"
    else:
        summary = "Every pair is a tie: no response scores higher."
        ax.text(0.99, 0.3, summary, transform=ax.transAxes, ha="right", color=INK, fontsize=TEXT)
    ground = {"facecolor": PAGE, "edgecolor": "none", "alpha": 0.8, "pad": 1}  # words may cover part of an interval
    words = {"color": NEUTRAL, "fontsize": TEXT, "style": "italic", "bbox": ground, "zorder": 4}
    ax.text(0.52, 0.97, "under-confident", va="top", **words)
    height = 1.03 - low
    lowest = [one.interval[0] for one in bins if one.mean_probability > 0.86]  # of the intervals where the words are
    y_words = min([low + 0.2 * height, *(end - 0.05 * height for end in lowest)])
    ax.text(0.99, y_words, "over-confident", ha="right", **words)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    scaled = "" if evaluation.temperature is None else f" at temperature {evaluation.temperature:.2f}"
    label(ax, f"Calibration{scaled}", "how sure the model was: σ(|difference|)", "how often it was right")
    points = "; ".join(
        f"{one.mean_probability:.0%} sure, {one.observed_share:.0%} right (95%: {one.interval[0]:.0%} to "
        f"{one.interval[1]:.0%}, {one.count:,} pairs)"
        for one in bins
    )
    start = f"How often the model was right against how sure it was{scaled}, beside the diagonal: "
    return set_description(ax, f"{start}{points or 'no points'}. {summary}")


def plot_groups(evaluation: Evaluation, *, ax: Axes | None = None) -> Axes:
    """Draw the accuracy of all pairs, of each group and of "the longer response wins", with 95% intervals."""
    if not evaluation.groups:
        raise ValueError("this evaluation has no groups to plot; pass a name for each pair to evaluate as groups=...")
    rows: list[tuple[str, Accuracy, str]] = [("all pairs", evaluation, "s")]
    rows += [(printable(name), group, "o") for name, group in evaluation.groups.items()]
    if evaluation.length_baseline is not None:
        rows.append(("longer response wins", evaluation.length_baseline, "D"))
    names = [name for name, _, _ in rows]
    ends = np.array([one.accuracy_interval for _, one, _ in rows])
    ax = make_axes(ax, 7.2, min(1.4 + 0.42 * len(rows), 14.0))
    values = np.array([one.accuracy for _, one, _ in rows])
    text = [f"{one.accuracy:.1%} of {one.n_pairs:,}" for _, one, _ in rows]
    draw_rows(ax, names, values, ends[:, 0], ends[:, 1], text, markers=[marker for _, _, marker in rows])
    ax.axvline(0.5, color=NEUTRAL, linewidth=1.5, linestyle="--")
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    label(ax, "Accuracy with 95% intervals", "accuracy (a coin: 50%, dashed)", "")
    shown = [
        f"{name} {one.accuracy:.1%} ({low:.1%} to {high:.1%}) of {one.n_pairs:,} pairs"
        for (name, one, _), (low, high) in zip(rows, ends, strict=True)
    ]
    return set_description(ax, f"Accuracy with 95% intervals: {listed(shown)}. A coin has 50%.")


def plot_lengths(evaluation: Evaluation, *, ax: Axes | None = None) -> Axes:
    """Draw the accuracy by how much longer the chosen response is, beside that of "the longer response wins"."""
    if not evaluation.length_bins:
        raise ValueError("this evaluation has no lengths; pass those of both responses to evaluate as lengths=...")
    bins = evaluation.length_bins
    ax = make_axes(ax, 7.2, 1.4 + 0.42 * len(bins))
    values = np.array([one.model.accuracy for one in bins])
    ends = np.array([one.model.accuracy_interval for one in bins])
    text = [f"{one.model.accuracy:.1%} of {one.model.n_pairs:,}" for one in bins]
    draw_rows(ax, [one.name for one in bins], values, ends[:, 0], ends[:, 1], text)
    by_length = [one.longer_wins.accuracy for one in bins]
    ax.plot(by_length, range(len(bins)), "D", color=NEUTRAL, markersize=9)
    ax.axvline(0.5, color=NEUTRAL, linewidth=1.5, linestyle="--")
    ax.set_xlim(-0.03, 1.03)
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    label(ax, "Accuracy by length", "accuracy (dashed: a coin; ◆ the longer response wins)", "")
    shown = [
        f"{one.name} {one.model.accuracy:.1%} ({low:.1%} to {high:.1%}) of {one.model.n_pairs:,} pairs, the longer "
        f"response wins in {one.longer_wins.accuracy:.1%}"
        for one, (low, high) in zip(bins, ends, strict=True)
    ]
    return set_description(ax, f"Accuracy by the length of the chosen response beside the rejected: {listed(shown)}.")


def plot_learning_curve(curve: LearningCurve, *, ceiling: float | None = None, ax: Axes | None = None) -> Axes:
    """Draw accuracy on the test part against the number of training pairs, with 95% intervals and every run.

    Parameters
    ----------
    curve
        From `learning_curve`.
    ceiling
        An accuracy that no model can pass, to draw as a dashed line, such as a `noise_ceiling`.
    """
    ax = make_axes(ax, 7.2, 4.4)
    n = [point.n_train for point in curve.points]
    mean = [point.accuracy for point in curve.points]
    bars = [(p.n_train, *p.accuracy_interval) for p in curve.points if p.accuracy_interval is not None]
    for point in curve.points:
        runs = point.accuracies
        ax.plot([point.n_train] * len(runs), runs, "_", color=NEUTRAL, markersize=14, markeredgewidth=1.5)
    for x, low, high in bars:
        ax.plot([x, x], [low, high], color=FIRST, linewidth=2.5, alpha=0.6)
    ax.plot(n, mean, "o-", color=FIRST, markersize=9, linewidth=2, label="mean of the runs, 95% interval")
    ax.plot([], [], "_", color=NEUTRAL, markersize=14, markeredgewidth=1.5, label="each run")
    if ceiling is not None:
        ax.axhline(ceiling, color=INK, linewidth=1.5, linestyle="--", label=f"ceiling {ceiling:.1%}")
    ax.axhline(0.5, color=NEUTRAL, linewidth=1, linestyle=":", label="a coin")
    ax.set_xscale("log")
    ax.set_xticks(n, [f"{size:,}" for size in n])
    ax.minorticks_off()
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.legend(fontsize=TEXT - 2, framealpha=0.85)
    label(ax, f"Learning curve on {curve.n_test:,} test pairs", "training pairs", "accuracy")
    shown = [
        f"{p.n_train:,} pairs {p.accuracy:.1%}"
        + ("" if p.accuracy_interval is None else " ({:.1%} to {:.1%})".format(*p.accuracy_interval))
        for p in curve.points
    ]
    limit = "" if ceiling is None else f" The ceiling is {ceiling:.1%}."
    return set_description(ax, f"Accuracy against the number of training pairs: {listed(shown)}.{limit}")
