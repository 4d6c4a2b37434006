"""Pictures of fitted scores: the numbers drawn and described are those given, and what leaves the screen is marked."""

from __future__ import annotations

import numpy as np
import pytest

from rmlab.plots import ERROR, FIRST, NEUTRAL, describe
from rmlab.plots.scores import plot_intervals, plot_score_bars, plot_score_steps

ITEMS = ("ant", "bee $1$", "cat")
HISTORY = np.array([[0, 0, 0], [0.5, -0.4, -0.1], [1.0, -0.5, -0.5]])


def words_on(ax):
    return [text.get_text() for text in ax.texts]


def test_steps_draw_one_line_for_each_item():
    ax = plot_score_steps(ITEMS, HISTORY)
    drawn = np.array([line.get_ydata() for line in ax.lines[:3]])
    np.testing.assert_array_equal(drawn.T, HISTORY)


def test_steps_name_every_item_with_its_last_score():
    ax = plot_score_steps(ITEMS, HISTORY)
    assert sorted(words_on(ax)) == ["ant +1.00", "bee $1$ −0.50", "cat −0.50"]
    assert "ant +1.00; bee $1$ −0.50; cat −0.50" in describe(ax)


def test_names_of_steps_do_not_overlap():
    ax = plot_score_steps(ITEMS, HISTORY)
    heights = sorted(text.xy[1] for text in ax.texts)  # type: ignore[attr-defined]
    assert np.diff(heights).min() >= np.ptp(HISTORY) / 16 - 1e-12


def test_a_bar_that_is_too_long_ends_at_the_edge_and_says_its_number():
    ax = plot_score_bars(ITEMS, [7.25, -6, 0.5], reach=5)
    assert [bar.get_width() for bar in ax.patches] == [5, -5, 0.5]  # type: ignore[attr-defined]
    assert words_on(ax) == ["+7.25 ▶", "◀ −6.00", "+0.50"]
    assert "ant +7.25 (off the screen); bee $1$ −6.00 (off the screen); cat +0.50." in describe(ax)


def test_only_the_highlighted_bar_has_a_colour():
    from matplotlib.colors import to_hex

    ax = plot_score_bars(ITEMS, [1, 2, 3], reach=5, highlight="cat")
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches] == [NEUTRAL, NEUTRAL, FIRST]


def test_intervals_that_miss_are_counted_and_red():
    from matplotlib.colors import to_hex

    ax = plot_intervals([[0, 1], [0.6, 1], [0.2, 0.6], [-1, 0.4]], 0.5, name="bee")
    assert "2 hold it, 2 miss it" in describe(ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("repetition", "score in log-odds (nats)")
    held, missed = ax.collections
    assert [to_hex(lines.get_color()[0]) for lines in (held, missed)] == [FIRST, ERROR]  # type: ignore[attr-defined]
    assert [len(lines.get_segments()) for lines in (held, missed)] == [2, 2]  # type: ignore[attr-defined]


def test_an_interval_that_ends_at_the_truth_holds_it():
    assert "2 hold it, 0 miss it" in describe(plot_intervals([[0, 0.5], [0.5, 1]], 0.5))


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: plot_score_steps(ITEMS, [[0, 1]]), r"history must have 3 numbers in each row.*got shape \(1, 2\)"),
        (lambda: plot_score_bars(ITEMS, [0, 1], reach=5), "scores must have 3 numbers"),
        (lambda: plot_score_bars(ITEMS, [0, 1, np.inf], reach=5), "scores must be finite"),
        (lambda: plot_score_bars(ITEMS, [0, 1, 2], reach=0), "reach must be above 0"),
        (lambda: plot_intervals([0, 1], 0.5), "intervals must have 2 numbers"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_reason(draw, words):
    with pytest.raises(ValueError, match=words):
        draw()
