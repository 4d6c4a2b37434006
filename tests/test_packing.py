from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmlab.packing import CALL_COST, Tree, best_fit, grow_trees, length_sorted_batches, pack, pad

LENGTHS = st.lists(st.integers(1, 300), max_size=60)


@given(lengths=LENGTHS, batch_tokens=st.integers(1, 2000))
def test_batches_hold_each_index_once_within_the_budget_and_longest_first(lengths, batch_tokens):
    batches = length_sorted_batches(lengths, batch_tokens=batch_tokens)
    assert sorted(int(i) for batch in batches for i in batch) == list(range(len(lengths)))
    in_order = [lengths[i] for batch in batches for i in batch]
    assert in_order == sorted(lengths, reverse=True)
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch[0]] <= batch_tokens


@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=9), batch_tokens=st.integers(1, 200))
def test_no_other_way_to_cut_the_batches_costs_less(lengths, batch_tokens):
    def cost(batches):
        return sum(len(batch) * batch[0] + CALL_COST * batch_tokens for batch in batches)

    in_order = sorted(lengths, reverse=True)
    others = []
    for cuts in range(2 ** (len(in_order) - 1)):
        places = [0, *(i for i in range(1, len(in_order)) if cuts >> (i - 1) & 1), len(in_order)]
        batches = [in_order[a:b] for a, b in pairwise(places)]
        if all(len(batch) == 1 or len(batch) * batch[0] <= batch_tokens for batch in batches):
            others.append(cost(batches))
    made = length_sorted_batches(lengths, batch_tokens=batch_tokens)
    assert cost([[lengths[i] for i in batch] for batch in made]) == pytest.approx(min(others))


def test_sequences_of_one_length_keep_their_order():
    batches = length_sorted_batches([3, 5, 3, 5], batch_tokens=10)
    assert [batch.tolist() for batch in batches] == [[1, 3], [0, 2]]


@pytest.mark.parametrize("batch_tokens", [0, -4])
def test_a_budget_below_one_token_is_an_error(batch_tokens):
    with pytest.raises(ValueError, match=f"batch_tokens must be at least 1, got {batch_tokens}"):
        length_sorted_batches([3, 4], batch_tokens=batch_tokens)


@given(sequences=st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=12), min_size=1, max_size=8))
def test_padding_stands_on_the_right_and_the_mask_gives_the_sequences_back(sequences):
    input_ids, mask = pad(sequences, pad_id=7)  # 7 is a token too: the mask alone says what is padding
    assert input_ids.shape == mask.shape == (len(sequences), max(map(len, sequences)))
    assert input_ids.dtype == mask.dtype == np.int64
    for row, row_mask, sequence in zip(input_ids, mask, sequences, strict=True):
        assert row[: len(sequence)].tolist() == sequence
        assert row_mask.tolist() == [1] * len(sequence) + [0] * (len(row) - len(sequence))
        assert set(row[len(sequence) :].tolist()) <= {7}


@pytest.mark.parametrize(("sequences", "lengths"), [([], r"\[\]"), ([[4, 5], []], r"\[2, 0\]")])
def test_a_sequence_without_a_token_is_an_error(sequences, lengths):
    with pytest.raises(ValueError, match=f"expected sequences of at least one token, got lengths {lengths}"):
        pad(sequences, pad_id=0)


def test_padding_may_be_rounded_up_to_a_bound():
    for n, at_most, expected in [(5, 100, 16), (16, 100, 16), (17, 100, 32), (17, 20, 20), (30, 20, 30), (5, 0, 5)]:
        ids, mask = pad([[1] * n, [1]], pad_id=0, multiple_of=16, at_most=at_most)
        assert ids.shape == mask.shape == (2, expected)
        assert mask.sum(1).tolist() == [n, 1]


# Packed rows

SEQUENCES = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12), min_size=1, max_size=10)


@given(sequences=SEQUENCES, data=st.data(), tree_tokens=st.integers(1, 60))
def test_trees_hold_each_sequence_once_and_share_only_what_is_equal(sequences, data, tree_tokens):
    keys = data.draw(st.lists(st.integers(0, 3), min_size=len(sequences), max_size=len(sequences)))
    trees = grow_trees(sequences, keys, tree_tokens=tree_tokens)
    assert sorted(i for tree in trees for i in tree.members) == list(range(len(sequences)))
    for tree in trees:
        texts = [sequences[i] for i in tree.members]
        assert len({keys[i] for i in tree.members}) == 1
        assert len({tuple(text[: tree.trunk]) for text in texts}) == 1
        assert all(len(text) > tree.trunk for text in texts)
        assert tree.size == tree.trunk + sum(len(text) - tree.trunk for text in texts)
        assert len(texts) <= 2 or tree.size <= tree_tokens


def test_a_pair_shares_its_prompt_and_keeps_a_token_for_each_score():
    (tree,) = grow_trees([[1, 2, 3, 9], [1, 2, 4, 4, 9]], ["a", "a"], tree_tokens=1)
    assert (tree.members, tree.trunk, tree.size) == ((0, 1), 2, 7)
    (tree,) = grow_trees([[1, 2], [1, 2]], ["a", "a"], tree_tokens=9)
    assert (tree.trunk, tree.size) == (1, 3)
    assert len(grow_trees([[1, 2], [1, 2]], ["a", "b"], tree_tokens=9)) == 2


@given(sizes=st.lists(st.integers(1, 40), max_size=50), capacity=st.integers(1, 60))
def test_rows_hold_each_size_once_and_no_two_rows_would_fit_in_one(sizes, capacity):
    rows = best_fit(sizes, capacity=capacity)
    assert sorted(i for row in rows for i in row) == list(range(len(sizes)))
    filled = sorted(sum(sizes[i] for i in row) for row in rows)
    assert all(len(row) == 1 or sum(sizes[i] for i in row) <= capacity for row in rows)
    assert len(filled) < 2 or filled[0] + filled[1] > capacity


def test_a_row_of_no_tokens_is_an_error():
    with pytest.raises(ValueError, match="capacity must be at least 1, got 0"):
        best_fit([3], capacity=0)


@given(sequences=SEQUENCES, data=st.data(), causal=st.booleans())
def test_a_token_in_a_packed_row_sees_its_own_sequence_and_nothing_else(sequences, data, causal):
    keys = data.draw(st.lists(st.integers(0, 3), min_size=len(sequences), max_size=len(sequences)))
    trees = [Tree((i,), 0, len(ids)) for i, ids in enumerate(sequences)]
    if causal:
        trees = grow_trees(sequences, keys, tree_tokens=30)
    rows = [[trees[i] for i in row] for row in best_fit([tree.size for tree in trees], capacity=25)]
    packed = pack(sequences, rows, pad_id=7, multiple_of=4)
    assert packed.input_ids.shape[1] % 4 == 0
    allowed = packed.attends(causal=causal)
    assert allowed.any(axis=2).all()
    assert sorted(packed.members.tolist()) == list(range(len(sequences)))
    for i, first, (row, column) in zip(packed.members, packed.first, packed.last, strict=True):
        seen = np.flatnonzero(allowed[row, column])  # the last token sees all of its sequence, in order, and no more
        assert packed.input_ids[row, seen].tolist() == list(sequences[i])
        assert packed.positions[row, seen].tolist() == list(range(len(sequences[i])))
        assert first.tolist() == [row, seen[0]]
        for place, token in enumerate(seen):
            expected = seen[: place + 1] if causal else seen
            assert np.flatnonzero(allowed[row, token]).tolist() == expected.tolist()
