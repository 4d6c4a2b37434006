from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmlab.model.packing import CALL_COST, Tree, best_fit, grow_trees, length_sorted_batches, pack, pad

LENGTHS = st.lists(st.integers(1, 300), max_size=60)


@given(
    lengths=LENGTHS,
    batch_tokens=st.integers(1, 2000),
    multiple_of=st.integers(1, 130),
    at_most=st.none() | st.integers(1, 400),
)
def test_batches_hold_each_index_once_within_the_bounds_and_longest_first(lengths, batch_tokens, multiple_of, at_most):
    bounds = {"batch_tokens": batch_tokens, "multiple_of": multiple_of, "at_most": at_most}
    batches = length_sorted_batches(lengths, **bounds)
    assert sorted(int(i) for members, _ in batches for i in members) == list(range(len(lengths)))
    in_order = [lengths[i] for members, _ in batches for i in members]
    assert in_order == sorted(lengths, reverse=True)
    for members, length in batches:
        longest = lengths[members[0]]
        assert longest <= length
        if length > longest:
            assert len(members) * length <= batch_tokens
            assert at_most is None or length <= at_most
        assert len(members) == 1 or len(members) * length <= batch_tokens
        bounded = length in (at_most, longest) or length == batch_tokens
        assert bounded or len(members) * length % min(multiple_of, batch_tokens) == 0
        assert length - longest < multiple_of


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=9),
    batch_tokens=st.integers(1, 200),
    multiple_of=st.sampled_from([1, 8, 12]),
)
def test_no_other_way_to_cut_the_batches_costs_less(lengths, batch_tokens, multiple_of):
    def tokens(batch):  # of the longest row, rounded up
        step = min(multiple_of, batch_tokens)
        filled = next(n for n in range(batch[0], batch[0] + step) if len(batch) * n % step == 0)
        return max(batch[0], min(filled, batch_tokens)) if len(batch) == 1 else len(batch) * filled

    def cost(batches):
        return sum(tokens(batch) + CALL_COST * batch_tokens for batch in batches)

    in_order = sorted(lengths, reverse=True)
    others = []
    for cuts in range(2 ** (len(in_order) - 1)):
        places = [0, *(i for i in range(1, len(in_order)) if cuts >> (i - 1) & 1), len(in_order)]
        batches = [in_order[a:b] for a, b in pairwise(places)]
        if all(len(batch) == 1 or tokens(batch) <= batch_tokens for batch in batches):
            others.append(cost(batches))
    made = length_sorted_batches(lengths, batch_tokens=batch_tokens, multiple_of=multiple_of)
    assert [len(members) * length for members, length in made] == [tokens([lengths[i] for i in m]) for m, _ in made]
    assert cost([[lengths[i] for i in members] for members, _ in made]) == pytest.approx(min(others))


def test_sequences_of_one_length_keep_their_order():
    batches = length_sorted_batches([3, 5, 3, 5], batch_tokens=10)
    assert [members.tolist() for members, _ in batches] == [[1, 3], [0, 2]]


def test_batches_are_filled_up_to_few_numbers_of_tokens():
    lengths = np.random.default_rng(0).integers(20, 250, size=400)
    batches = length_sorted_batches(lengths, batch_tokens=1024, multiple_of=64)
    assert {len(members) * length % 64 for members, length in batches} == {0}
    filled = sum(len(members) * length for members, length in batches)
    assert filled < 1.1 * lengths.sum()


@pytest.mark.parametrize("batch_tokens", [0, -4])
def test_a_budget_below_one_token_is_an_error(batch_tokens):
    with pytest.raises(ValueError, match=rf"batch_tokens .*got {batch_tokens}$"):
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
    with pytest.raises(ValueError, match=rf"at least one token.*{lengths}"):
        pad(sequences, pad_id=0)


def test_rows_may_be_padded_to_a_length_of_ones_own():
    ids, mask = pad([[1] * 5, [1]], pad_id=0, length=16)
    assert ids.shape == mask.shape == (2, 16)
    assert mask.sum(1).tolist() == [5, 1]


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
    with pytest.raises(ValueError, match=r"capacity .*got 0$"):
        best_fit([3], capacity=0)


@given(sequences=SEQUENCES, data=st.data(), causal=st.booleans())
def test_a_token_in_a_packed_row_sees_its_own_sequence_and_nothing_else(sequences, data, causal):
    keys = data.draw(st.lists(st.integers(0, 3), min_size=len(sequences), max_size=len(sequences)))
    trees = [Tree((i,), 0, len(ids)) for i, ids in enumerate(sequences)]
    if causal:
        trees = grow_trees(sequences, keys, tree_tokens=30)
    rows = [[trees[i] for i in row] for row in best_fit([tree.size for tree in trees], capacity=25)]
    packed = pack(sequences, rows, pad_id=7, length=40)
    assert packed.input_ids.shape == (len(rows), 40)
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
