"""The picture of a run of the fault lab: the same six panels for every run, so that runs can be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from rmlab.course.faults.catalogue import PANELS
from rmlab.course.faults.fault_runs import FaultRun
from rmlab.plots import CHOSEN, ERROR, FIRST, HELD_OUT, INK, NEUTRAL, REJECTED
from rmlab.plots.display import set_description
from rmlab.plots.style import PAGE
from rmlab.preference import preference_loss

__all__ = ["plot_dashboard", "plot_panel"]

COIN = float(preference_loss(0.0))
SIZE = 11.5
AROUND = 5
"""How many tokens at the end of the text are drawn; up to two tokens of padding follow."""


def plot_dashboard(run: FaultRun, *, title: str) -> Figure:
    """Draw what a run shows, in six panels under a title."""
    figure = Figure(figsize=(8.0, 8.8), layout="constrained", facecolor=PAGE)
    figure.suptitle(title, fontsize=15, color=INK, x=0.01, ha="left")
    for ax, panel in zip(figure.subplots(3, 2).flat, PANELS, strict=True):
        words = f"{title}. " if panel == next(iter(PANELS)) else ""
        _draw(ax, run, panel, PANELS[panel], words)
    return figure


def plot_panel(runs: Mapping[str, FaultRun], panel: str) -> Figure:
    """Draw one panel of several runs side by side.

    Parameters
    ----------
    runs
        The runs by their titles.
    panel
        A key of `PANELS`.
    """
    figure = Figure(figsize=(4.6 * len(runs), 3.7), layout="constrained", facecolor=PAGE)
    figure.suptitle(PANELS[panel], fontsize=15, color=INK, x=0.01, ha="left")
    for ax, (title, run) in zip(figure.subplots(1, len(runs), squeeze=False)[0], runs.items(), strict=True):
        _draw(ax, run, panel, title, "")
    return figure


def _draw(ax: Axes, run: FaultRun, panel: str, title: str, before: str) -> None:
    words = _DRAWN[panel](ax, run)
    ax.set_title(title, fontsize=SIZE + 2, loc="left", color=INK)
    ax.tick_params(labelsize=SIZE - 1, colors=INK)
    ax.spines[["top", "right"]].set_visible(False)
    set_description(ax, f"{before}{title}: {words}.")


def _loss(ax: Axes, run: FaultRun) -> str:
    finite = np.isfinite(run.losses)
    steps = np.arange(1, len(run.losses) + 1)
    ax.plot(steps[finite], run.losses[finite], color=FIRST, linewidth=2)
    ax.axhline(COIN, color=NEUTRAL, linewidth=1.5, linestyle="--")
    ax.set_xlim(0, 61)
    ax.set_ylim(0, max(1.3, 1.1 * float(run.losses[finite].max(initial=0.0))))
    ax.annotate("a coin", (60, COIN), (0, 3), textcoords="offset points", ha="right", fontsize=SIZE - 1, color=INK)
    _label(ax, "step", "loss, in nats")
    last = run.signs["last loss"]
    if finite.all():
        return f"from {run.losses[0]:.2f} to {last:.2f} in {len(steps)} steps, {run.losses.max():.2f} at most"
    if not finite.any():
        ax.annotate("not finite from the first step", (1, 0.5), fontsize=SIZE, color=ERROR, weight="bold")
        return "not finite at step 1, where the run ends"
    ax.plot([finite.sum()], [run.losses[finite][-1]], "X", color=ERROR, markersize=11)
    ax.annotate("not finite", (finite.sum() + 1, run.losses[finite][-1]), (6, 8), textcoords="offset points",
                fontsize=SIZE, color=ERROR, weight="bold")  # fmt: skip
    return f"from {run.losses[0]:.2f}, and not finite at step {len(steps)}, where the run ends"


def _differences(ax: Axes, run: FaultRun) -> str:
    d = run.differences
    ties = float(np.mean(d == 0))
    reach = float(np.abs(d).max()) or 1.0
    edges = np.linspace(-reach, reach, 21).tolist()
    for side, colour, hatch in ((d[d < 0], REJECTED, "//"), (d[d > 0], CHOSEN, None)):
        ax.hist(side, edges, facecolor=colour, edgecolor=PAGE, linewidth=0.6, hatch=hatch)
    if ties:
        ax.bar([0], [(d == 0).sum()], reach / 20, color=NEUTRAL)
        ax.margins(y=0.2)
        ax.text(0.97, 0.96, f"{ties:.0%} ties (grey)", transform=ax.transAxes, ha="right", va="top", fontsize=SIZE,
                color=INK)  # fmt: skip
    ax.axvline(0, color=INK, linewidth=1)
    _label(ax, "score(chosen) − score(rejected)", "pairs")
    return f"from {d.min():.1f} to {d.max():.1f}, {np.mean(d > 0):.0%} above zero, {ties:.0%} exact ties"


def _accuracy(ax: Axes, run: FaultRun) -> str:
    rows = {
        "training": run.training_accuracy,
        "test": run.test_accuracy,
        "other questions": run.signs["others"],
        **{f"  source {name}": share for name, share in run.by_source.items()},
        "as reported": run.reported_accuracy,
    }
    colours = [FIRST, FIRST, FIRST, *[HELD_OUT] * len(run.by_source), NEUTRAL]
    places = np.arange(len(rows))
    ax.barh(places, list(rows.values()), 0.68, color=colours)
    for place, share in zip(places, rows.values(), strict=True):
        ax.annotate(f"{share:.0%}", (share, place), (5, 0), textcoords="offset points", va="center", fontsize=SIZE - 1,
                    color=INK, bbox={"facecolor": PAGE, "edgecolor": "none", "pad": 1})  # fmt: skip
    ax.axvline(0.5, color=NEUTRAL, linewidth=1.5, linestyle="--", zorder=0.5)
    ax.set_yticks(places, list(rows))
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlim(0, 1.08)
    ax.set_xticks([0, 0.5, 1])
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return ", ".join(f"{name.strip()} {share:.0%}" for name, share in rows.items())


def _batch(ax: Axes, run: FaultRun) -> str:
    _scatter(ax, run.alone, run.in_batch, "score alone", "score in a batch")
    return f"the scores of {len(run.alone)} texts differ by up to {np.abs(run.alone - run.in_batch).max():.2f} nats"


def _reload(ax: Axes, run: FaultRun) -> str:
    _scatter(ax, run.alone, run.loaded, "score before saving", "score when loaded")
    return f"the scores of {len(run.alone)} texts differ by up to {np.abs(run.alone - run.loaded).max():.2f} nats"


def _read(ax: Axes, run: FaultRun) -> str:
    """Draw the end of a row of a batch, and an arrow to the token that its score depends on."""
    n_text = run.n_text
    first = max(0, n_text - AROUND)
    places = [*range(first, min(n_text + 2, len(run.tokens)))]
    if run.read_at is not None and run.read_at not in places:
        places.append(run.read_at)
    for x, place in enumerate(places):
        is_read, padding = place == run.read_at, place >= n_text
        box = Rectangle((x - 0.42, -0.75), 0.84, 1.5, facecolor=FIRST if is_read else PAGE, edgecolor=NEUTRAL)
        ax.add_patch(box)
        colour = PAGE if is_read else NEUTRAL if padding else INK
        style = "italic" if padding else "normal"
        ax.text(x, 0, _word(run.tokens[place]), rotation=90, ha="center", va="center", fontsize=SIZE, color=colour,
                style=style)  # fmt: skip
        if is_read:
            ax.annotate("read here", (x, 0.8), (x, 1.45), ha="center", fontsize=SIZE, color=INK, weight="bold",
                        arrowprops={"arrowstyle": "->", "color": INK, "linewidth": 2})  # fmt: skip
    if run.read_at is None:
        ax.text(0.5, 0.88, "the score depends on no token", transform=ax.transAxes, ha="center", fontsize=SIZE,
                color=INK, weight="bold")  # fmt: skip
    ax.set_xlim(-0.8, max(7, len(places)) - 0.2)
    ax.set_ylim(-1.3, 1.8)
    ax.set_axis_off()
    shown = " ".join(_word(run.tokens[place]) for place in places)
    where = "the score depends on no token" if run.read_at is None else f"read at {_word(run.tokens[run.read_at])}"
    return f"the end of a row of a batch, {shown}; {where}"


def _scatter(ax: Axes, x: np.ndarray, y: np.ndarray, x_label: str, y_label: str) -> None:
    ends = [float(min(x.min(), y.min())), float(max(x.max(), y.max()))]
    ends = [ends[0] - 0.5, ends[1] + 0.5]
    ax.plot(ends, ends, color=NEUTRAL, linewidth=1.5, linestyle="--")
    ax.plot(x, y, "o", color=FIRST, markersize=6, alpha=0.8)
    ax.set_xlim(*ends)
    ax.set_ylim(*ends)
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.yaxis.set_major_locator(MaxNLocator(4))
    _label(ax, x_label, y_label)


def _label(ax: Axes, x: str, y: str) -> None:
    ax.set_xlabel(x, fontsize=SIZE, color=INK)
    ax.set_ylabel(y, fontsize=SIZE, color=INK)


def _word(token: str) -> str:
    text = {"<|eos|>": "EOS", "<|pad|>": "pad"}.get(token, token.replace("Ġ", "").replace("Ċ", "↵"))
    return text if text.isalnum() else f"“{text}”"  # a full stop alone is easily overlooked


_DRAWN: dict[str, Callable[[Axes, FaultRun], str]] = {
    "loss": _loss,
    "differences": _differences,
    "accuracy": _accuracy,
    "batch": _batch,
    "reload": _reload,
    "read": _read,
}
