import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmlab.packing import length_sorted_batches, pad

LENGTHS = st.lists(st.integers(1, 300), max_size=60)


@given(lengths=LENGTHS, batch_tokens=st.integers(1, 2000))
def test_batches_hold_each_index_once_within_the_budget_and_longest_first(lengths, batch_tokens):
    batches = length_sorted_batches(lengths, batch_tokens=batch_tokens)
    assert sorted(int(i) for batch in batches for i in batch) == list(range(len(lengths)))
    in_order = [lengths[i] for batch in batches for i in batch]
    assert in_order == sorted(lengths, reverse=True)
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch[0]] <= batch_tokens


@given(lengths=LENGTHS, batch_tokens=st.integers(1, 2000))
def test_no_batch_has_room_for_the_next_sequence(lengths, batch_tokens):
    for batch in length_sorted_batches(lengths, batch_tokens=batch_tokens)[:-1]:
        assert (len(batch) + 1) * lengths[batch[0]] > batch_tokens


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
