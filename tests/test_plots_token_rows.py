import numpy as np
import pytest

from rmlab.model.packing import Tree, grow_trees, pack
from rmlab.plots import describe, plot_batch, plot_packed_rows


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


def tokens_by_colour(ax):
    found: dict[str, int] = {}
    names = {text.get_facecolor(): text.get_label() for text in ax.figure.legends[0].legend_handles}
    for bar in ax.patches:
        name = names[bar.get_facecolor()]
        found[name] = found.get(name, 0) + int(bar.get_width())
    return found


def test_a_padded_batch_shows_the_prompt_twice_and_what_is_padding():
    texts = [[5] * 12 + [1] * 6, [6] * 9 + [3] * 7, [5] * 12 + [2] * 8, [6] * 9 + [4] * 5]  # chosen, then rejected
    padded = pack(texts, [[Tree((i,), 0, len(text))] for i, text in enumerate(texts)], pad_id=0)
    ax = plot_batch(padded, [12, 9], needed=47)
    assert tokens_by_colour(ax) == {"prompt": 42, "chosen": 13, "rejected": 13, "padding": 80 - 68}
    assert ax.get_title(loc="left") == "80 computed / 47 needed = 1.70"
    assert "12 of them padding" in describe(ax)


def test_a_shared_batch_shows_the_prompt_once():
    texts = [[5] * 12 + [1] * 6, [6] * 9 + [3] * 7, [5] * 12 + [2] * 8, [6] * 9 + [4] * 5]
    shared = pack(texts, [grow_trees(texts, [0, 1, 0, 1], tree_tokens=64)], pad_id=0)
    ax = plot_batch(shared, [12, 9], needed=47)
    assert tokens_by_colour(ax) == {"prompt": 21, "chosen": 13, "rejected": 13}
    assert ax.get_title(loc="left") == "47 computed / 47 needed = 1.00"


def test_a_batch_whose_pairs_were_miscounted_is_an_error(packed):
    with pytest.raises(ValueError, match="one for each pair, 2 of them, got 3"):
        plot_batch(packed, [12, 9, 4], needed=47)


def test_each_part_of_a_row_is_named_on_plain_ground_also_where_the_prompt_is_short():
    texts = [[5] * 5 + [1] * 20, [5] * 5 + [2] * 22]  # 5 of 47 tokens are too few for the word "shared" to lie in
    packed = pack(texts, [grow_trees(texts, [0, 0], tree_tokens=64)], pad_id=0)
    rows, _ = plot_packed_rows(packed, causal=True).child_axes
    assert [(word.get_text(), word.get_rotation()) for word in rows.texts] == [("shared", 90), ("1", 0), ("2", 0)]
    grounds = [word.get_bbox_patch().get_facecolor() for word in rows.texts]
    assert grounds == [bar.get_facecolor() for bar in rows.patches]


def test_shared_tokens_look_like_the_prompt_of_a_batch_and_not_like_its_padding():
    texts = [[5] * 12 + [1] * 6, [5] * 12 + [2] * 8]
    shared = pack(texts, [grow_trees(texts, [0, 0], tree_tokens=64)], pad_id=0)
    rows, _ = plot_packed_rows(shared, causal=True).child_axes
    legend = plot_batch(shared, [12], needed=26).figure.legends[0]
    looks = {text.get_label(): (text.get_facecolor(), text.get_hatch()) for text in legend.legend_handles}
    assert (rows.patches[0].get_facecolor(), rows.patches[0].get_hatch()) == looks["prompt"] != looks["padding"]
