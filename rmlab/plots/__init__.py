"""Still pictures on a Matplotlib Axes, and curves that are redrawn while a model trains.

Each ``plot_...(data, *, ax=None)`` draws on `ax`, or on a figure of its own, and returns the Axes. Blue and a plain
fill mean the chosen response, orange and hatching the rejected one, and neither means anything else; signs or words
repeat it. The lines of a picture are `FIRST`, `HELD_OUT` and `THIRD`, each with its own dash. Each picture has a
description made from the numbers that it shows: `describe` returns it, and `show` displays the picture in a notebook
with that description as alt text. Nothing here makes a figure of pyplot or changes Matplotlib's settings, so a
figure is deleted when nothing refers to it.
"""

from rmlab.plots.display import describe, show
from rmlab.plots.estimates import plot_estimates, plot_shares
from rmlab.plots.pictures import (
    plot_calibration,
    plot_groups,
    plot_learning_curve,
    plot_lengths,
    plot_preference_curve,
    plot_score_differences,
    plot_scores,
)
from rmlab.plots.shift_rows import plot_shifts
from rmlab.plots.style import CHOSEN, ERROR, FIRST, HELD_OUT, INK, NEUTRAL, REJECTED, SURROUND, THIRD
from rmlab.plots.token_rows import plot_batch, plot_packed_rows
from rmlab.plots.training_curves import live_curves, plot_training

__all__ = [
    "CHOSEN",
    "ERROR",
    "FIRST",
    "HELD_OUT",
    "INK",
    "NEUTRAL",
    "REJECTED",
    "SURROUND",
    "THIRD",
    "describe",
    "live_curves",
    "plot_batch",
    "plot_calibration",
    "plot_estimates",
    "plot_groups",
    "plot_learning_curve",
    "plot_lengths",
    "plot_packed_rows",
    "plot_preference_curve",
    "plot_score_differences",
    "plot_scores",
    "plot_shares",
    "plot_shifts",
    "plot_training",
    "show",
]
