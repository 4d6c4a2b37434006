import numpy as np
import pytest

from rmlab.packing import grow_trees, pack
from rmlab.plots import describe, plot_packed_rows


@pytest.fixture
def packed():
    prompts, tails = ([5] * 12, [6] * 9), [[1] * 6, [2] * 8, [3] * 7, [4] * 5]
    sequences = [prompts[i // 2] + tail for i, tail in enumerate(tails)]
    trees = grow_trees(sequences, [0, 0, 1, 1], tree_tokens=64)
    return pack(sequences, [trees[:1], trees[1:]], pad_id=0)


def test_the_picture_counts_what_the_rows_hold(packed):
    ax = plot_packed_rows(packed, causal=True)
    rows, mask = ax.child_axes
    padding = int((packed.trees < 0).sum())
    assert rows.get_title(loc="left") == f"2 rows, {packed.input_ids.size - padding} tokens, {padding} of padding"
    assert sum(bar.get_width() for bar in rows.patches) == packed.input_ids.size - padding
    drawn = mask.images[0].get_array()
    np.testing.assert_array_equal(~drawn, packed.attends(causal=True)[0] & (packed.trees[0] >= 0))
    assert "4 texts packed into 2 rows" in describe(ax)
    assert "triangles" in describe(ax)


def test_a_row_that_is_not_there_is_an_error(packed):
    with pytest.raises(ValueError, match="row must be from 0 to 1, got 2"):
        plot_packed_rows(packed, causal=True, row=2)
