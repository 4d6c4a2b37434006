"""Curves for the first notebooks: what is drawn and described are the numbers given."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrow

from rmlab.plots import describe
from rmlab.plots.curves import plot_guesses, plot_lines, plot_pushes, plot_two_scores
from rmlab.preference import preference_probability

X = np.linspace(-4, 4, 9)


def draw_lines(ax=None):
    lines = {"plain": X, "squared": X**2}
    return plot_lines(X, lines, title="Two", x_label="x", y_label="y", points=[(2, 4, "a corner")], ax=ax)


PICTURES = {
    "lines": draw_lines,
    "hidden guesses": lambda ax=None: plot_guesses({1: 0.6, 4: 0.9}, revealed=False, ax=ax),
    "revealed guesses": lambda ax=None: plot_guesses({1: 0.6, 4: 0.9}, revealed=True, ax=ax),
    "two scores": lambda ax=None: plot_two_scores(101, 100, ax=ax),
    "swapped scores": lambda ax=None: plot_two_scores(-0.5, 9, ax=ax),
    "pushes": lambda ax=None: plot_pushes([-1.5, 0, 1.5], [1.5, 0, -1.5], ax=ax),
}


def words_of(ax):
    return [text.get_text() for one in (ax, *ax.child_axes) for text in one.texts]


@pytest.mark.parametrize("name", PICTURES)
def test_each_picture_draws_on_the_axes_it_is_given_and_says_what_it_shows(name: str) -> None:
    figure = Figure(figsize=(9, 5))
    given = figure.subplots()
    ax = PICTURES[name](given)
    assert ax is given
    FigureCanvasAgg(figure).draw()
    assert describe(ax) == describe(PICTURES[name]())
    assert len(describe(ax)) > 60


def test_lines_differ_in_colour_and_in_dash() -> None:
    lines = plot_lines(X, {str(i): X * i for i in range(6)}, title="t", x_label="x", y_label="y").get_lines()
    assert len({(line.get_color(), str(line._unscaled_dash_pattern)) for line in lines}) == 6  # type: ignore[attr-defined]
    assert len({str(line._unscaled_dash_pattern) for line in lines}) == 6  # type: ignore[attr-defined]


@pytest.mark.parametrize("bend", [1, -1])
@pytest.mark.parametrize("beyond", [100, 2])  # of another line, which is far beyond the point, or near it
def test_words_beside_a_lowest_or_highest_point_stand_on_no_line_nor_out_of_the_axes(bend: int, beyond: float) -> None:
    x = np.linspace(-4, 4, 801)
    lines = {"bent": bend * x**2, "other": np.full_like(x, -bend * beyond)}
    ax = plot_lines(x, lines, title="t", x_label="x", y_label="y", points=[(0, 0, "stop at 70")])
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.canvas.draw()
    box = ax.texts[0].get_window_extent(renderer)
    on_lines = [ax.transData.transform(np.stack([x, y], axis=1)) for y in lines.values()]
    assert not any(box.contains(*point) for line in on_lines for point in line)
    assert ax.bbox.y0 < box.y0 < box.y1 < ax.bbox.y1


def test_lines_are_described_by_both_ends_and_the_middle() -> None:
    expected = "squared, 16 at -4, 0 at 0, 16 at 4. Marked: a corner."
    assert describe(draw_lines()).endswith(expected)
    np.testing.assert_array_equal(draw_lines().get_lines()[1].get_ydata(), X**2)


@pytest.mark.parametrize(("rest", "words"), [(5e-16, "0"), (-5e-16, "0"), (0.123456, "0.12"), (math.inf, "inf")])
def test_what_rounding_leaves_of_a_zero_is_described_as_zero(rest: float, words: str) -> None:
    ax = plot_lines([0, 1, 2], {"a": [rest, 5.0, 2.5]}, title="t", x_label="x", y_label="y")
    assert f"a, {words} at 0, 5 at 1, 2.5 at 2" in describe(ax)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ({}, "lines must be 1 to 6, so that each has its own look, got 0"),
        ({str(i): X for i in range(7)}, "got 7"),
        ({"short": X[:3]}, r"line 'short' must have shape \(9,\), as x has, got \(3,\)"),
    ],
)
def test_lines_that_cannot_be_told_apart_or_do_not_fit_are_refused(lines: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot_lines(X, lines, title="t", x_label="x", y_label="y")


def test_hidden_guesses_give_no_probability_away() -> None:
    ax = plot_guesses({1: 0.6, 2: 0.7}, revealed=False)
    seen = " ".join([*words_of(ax), describe(ax)])
    assert "P is hidden" in seen
    assert not any(f"{preference_probability(gap):.3f}" in seen for gap in (1.0, 2.0))
    assert not any(len(line.get_xdata()) > 2 for line in ax.get_lines())  # type: ignore[arg-type]


def test_revealed_guesses_show_the_curve_and_each_probability() -> None:
    ax = plot_guesses({1: 0.6, 2: 0.7, 4: 0.8}, revealed=True)
    assert {"0.731", "0.881", "0.982"} <= set(words_of(ax))
    assert "0.731 at 1; 0.881 at 2; 0.982 at 4" in describe(ax)


def test_adding_to_both_scores_moves_the_number_line_and_not_the_probability() -> None:
    near, far = plot_two_scores(1, 0), plot_two_scores(101, 100)
    curves = [ax.child_axes[1].get_lines()[-1].get_xydata() for ax in (near, far)]
    np.testing.assert_array_equal(curves[0], curves[1])
    assert "P = 0.731" in words_of(far)
    limits = [ax.child_axes[0].get_xlim() for ax in (near, far)]
    assert limits[1] == (limits[0][0] + 100, limits[0][1] + 100)


def test_pushes_are_one_minus_p_up_and_down() -> None:
    ax = plot_pushes([-1.5, 0, 1.5], [1.5, 0, -1.5])
    under = [tick.get_text().split("\n")[1] for tick in ax.get_xticklabels()]
    assert under == ["1 − P = 0.95", "1 − P = 0.50", "1 − P = 0.05"]
    corners = [arrow.get_xy() for arrow in ax.patches if isinstance(arrow, FancyArrow)]
    tails = np.outer([-1.5, 0, 1.5], [1, -1]).ravel()
    tips = np.array(
        [max(arrow[:, 1], key=lambda y, tail=tail: abs(y - tail)) for arrow, tail in zip(corners, tails, strict=True)]
    )
    np.testing.assert_allclose(tips - tails, np.outer([0.952574, 0.5, 0.047426], [1, -1]).ravel(), atol=1e-6)
    assert "mean loss is 1.263" in describe(ax)


def test_pushes_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one shape \(n_pairs,\), got \(2,\) and \(1,\)"):
        plot_pushes([1, 2], [1])
