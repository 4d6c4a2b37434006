"""Lines with bands, and paired measurements: what is drawn and described are the numbers given."""

from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from rmlab.plots import describe
from rmlab.plots.bands import plot_bands, plot_paired

X = [10, 100, 1000]
BANDS = {
    "training": [[0.9, 0.8, 1.0], [0.8, 0.75, 0.85], [0.78, 0.76, 0.8]],
    "test": [[0.5, 0.4, 0.6], [0.6, 0.55, 0.65], [0.7, 0.68, 0.72]],
}


def curves(bands: Any = BANDS, **settings: Any):
    return plot_bands(X, bands, title="Curves", x_label="pairs", y_label="accuracy", **settings)


def test_lines_and_bands_are_those_given():
    ax = curves()
    for line, (name, table) in zip(ax.lines, BANDS.items(), strict=True):
        assert line.get_label() == name
        np.testing.assert_array_equal(line.get_ydata(), np.array(table)[:, 0])
    heights = np.asarray(ax.collections[0].get_paths()[0].vertices)[:, 1]
    assert (heights.min(), heights.max()) == (0.75, 1.0)


def test_each_line_differs_in_more_than_its_colour():
    ax = curves()
    for look in ("get_color", "get_linestyle", "get_marker"):
        assert len({str(getattr(line, look)()) for line in ax.lines}) == 2


def test_what_is_drawn_up_to_a_point_keeps_the_axes_and_says_the_heights_there():
    part, whole = (curves(up_to=up_to, percent=True) for up_to in (100, None))
    assert part.get_xlim() == whole.get_xlim()
    assert part.get_ylim() == whole.get_ylim()
    assert [len(line.get_xdata()) for line in part.lines] == [2, 2]  # type: ignore[arg-type]
    assert [line.get_label() for line in part.lines] == ["training 80.0%", "test 60.0%"]
    assert "test 50.0% (40.0% to 60.0%) at 10, 60.0% (55.0% to 65.0%) at 100." in describe(part)


def test_a_band_over_one_x_is_a_bar_from_its_lowest_to_its_highest():
    bars = [one for one in curves(up_to=10).collections if isinstance(one, LineCollection)]
    ends = [one.get_segments()[0].tolist() for one in bars]
    np.testing.assert_allclose(ends, [[[10, 0.8], [10, 1.0]], [[10, 0.4], [10, 0.6]]])
    assert not any(isinstance(one, LineCollection) for one in curves(up_to=100).collections)


def test_a_level_is_drawn_across_and_named():
    ax = curves(level=("ceiling", 0.83), log_x=True, percent=True)
    assert ax.lines[-1].get_label() == "ceiling 83.0%"
    assert set(ax.lines[-1].get_ydata()) == {0.83}  # type: ignore[arg-type]
    assert describe(ax).endswith("Dashed across: ceiling 83.0%.")


def test_ticks_in_per_cent_are_at_whole_numbers():
    bands = {"a": np.array([[0.701, 0.655, 0.755], [0.82, 0.81, 0.828]])}
    ax = plot_bands([100, 3000], bands, title="t", x_label="x", y_label="y", log_x=True, percent=True)
    ticks = 100 * ax.get_yticks()
    np.testing.assert_allclose(ticks, ticks.round(), atol=1e-9)
    assert len(ticks) > 3


def test_pairs_are_drawn_from_left_to_right_with_their_means():
    ax = plot_paired(
        [0.5, 0.7, 0.9], [0.8, 0.6, 1.0], names=("one", "other"), title="Two", y_label="share", highlight=1
    )
    drawn = [tuple(line.get_ydata()) for line in ax.lines]  # type: ignore[arg-type]
    np.testing.assert_allclose(sorted(drawn), [(0.5, 0.8), (0.7, 0.6), (0.7, 0.8), (0.9, 1.0)])
    assert "Means 0.70 and 0.80, difference +0.10; 2 lines rise. You: 0.70 and 0.60." in describe(ax)


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: curves({}), "bands must be 1 to 4"),
        (lambda: curves({"a": [[1, 2, 3]]}), r"band 'a' must have shape \(3, 3\)"),
        (lambda: curves(up_to=5), "up_to must be at least 10"),
        (lambda: plot_paired([], [], names=("a", "b"), title="", y_label=""), "must have one shape"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_reason(draw, words):
    with pytest.raises(ValueError, match=words):
        draw()
