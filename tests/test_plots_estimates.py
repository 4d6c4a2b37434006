"""Estimates with intervals and squares of shares: what is drawn is what the description says."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from test_theme import luminance

from rmlab.plots import FIRST, INK, describe, plot_estimates, plot_shares

ROWS = {"flattery": (0.5, 0.1, 0.9), "a $b$ list": (-1.0, -1.5, -0.5)}


def test_each_row_is_drawn_with_its_interval_and_said() -> None:
    ax = plot_estimates({"yours": ROWS}, title="Weights", x_label="nats")
    assert "yours: flattery +0.50 (+0.10 to +0.90); a $b$ list −1.00 (−1.50 to −0.50)" in describe(ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(ROWS)
    np.testing.assert_allclose(ax.lines[-1].get_xdata(), [0.5, -1.0])
    (bars,) = (one for one in ax.collections if len(one.get_paths()) == 2)
    np.testing.assert_allclose([path.vertices[:, 0] for path in bars.get_paths()], [[0.1, 0.9], [-1.5, -0.5]])


def test_two_series_have_marks_of_their_own_and_shares_are_in_per_cent() -> None:
    ax = plot_estimates({"one": ROWS, "other": ROWS}, title="T", x_label="x", at=0.5, percent=True)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "other"]
    assert {line.get_marker() for line in ax.lines} >= {"o", "s"}
    assert "flattery 50% (10% to 90%)" in describe(ax)


@pytest.mark.parametrize(
    "series", [{}, {"one": {}}, {"one": ROWS, "other": {"x": (0, 0, 0)}}, dict.fromkeys("abc", ROWS)]
)
def test_series_with_other_rows_are_refused(series) -> None:
    with pytest.raises(ValueError, match="same rows"):
        plot_estimates(series, title="T", x_label="x")


def test_a_square_says_how_its_parts_agree() -> None:
    shares = np.array([[np.nan, 0.8, 0.5], [0.8, np.nan, 0.6], [0.5, 0.6, np.nan]])
    ax = plot_shares(shares, ["a", "b", "c"], title="Agreement", parts=[2])
    assert describe(ax).endswith("among a, b 80%; between the parts of a and c 55%.")
    assert sorted(text.get_text() for text in ax.texts) == ["50", "50", "60", "60", "80", "80"]
    (image,) = ax.images
    assert to_hex(image.cmap(1.0)) == FIRST  # not blue, which means chosen
    darkest = to_hex(image.cmap(image.norm(0.8)))
    assert (luminance(darkest) + 0.05) / (luminance(INK) + 0.05) > 4.5
    with pytest.raises(ValueError, match=r"\(2, 2\)"):
        plot_shares(shares, ["a", "b"], title="Agreement")
