"""FlexAttention's block masks: the same rule, scores and gradients as padded rows; and faults show.

FlexAttention has a backward pass on a GPU alone. torch refuses it on a CPU, although its formulas are there in plain
tensor operations: the tests lift that refusal. They trace it as on a GPU (dynamo), and make no kernels of what was
traced. The kernels of a GPU are tried by `TokenScorer.block_fault` where they are to be used.
"""

import copy
import re

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_packed_scores import PAIRS, a_response_that_sees_the_other, assert_equal_training, model_of, run_of, texts_of
from torch._dynamo.utils import counters
from torch.nn.attention import flex_attention
from torch.nn.attention.flex_attention import create_mask

import rmlab.model.attention as attention
import rmlab.model.token_scorer as token_scorer
from rmlab.model import RewardModel
from rmlab.model.packing import Tree, best_fit, grow_trees, pack
from rmlab.simulate import simulate_text_pairs
from rmlab.training import TrainingConfig, training_steps

# torch's own, when it traces
pytestmark = pytest.mark.filterwarnings(
    "ignore:`torch.jit:DeprecationWarning", "ignore:The .grad attribute of a Tensor:UserWarning"
)

LITTLE = 1e-2
"""FlexAttention subtracts large numbers where a text of one token has, in theory, no gradient at all of its query."""
FLEX = ["llama", "qwen"]
"""The kinds for which transformers has FlexAttention."""


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """Let a CPU pass for a GPU: block masks are taken where gradients are on, and FlexAttention runs in plain torch."""
    monkeypatch.setattr(token_scorer, "BLOCK_DEVICES", ("cpu",))
    monkeypatch.setattr(flex_attention, "_validate_device", lambda *tensors: None)
    torch.compiler.reset()  # what was traced for another test
    with torch.compiler.set_stance(force_backend="eager"):
        yield


@pytest.fixture
def blocks_taken(monkeypatch):
    """Give the shapes of the queries that FlexAttention was called with."""
    shapes = []
    whole = attention.flex_attention_forward

    def noted(module, query, *arguments, **options):
        shapes.append(tuple(query.shape))
        return whole(module, query, *arguments, **options)

    monkeypatch.setattr(attention, "flex_attention_forward", noted)
    return shapes


def fresh(kind):
    """Give a copy of a model that has not yet been tried."""
    model = copy.deepcopy(model_of(kind))
    for name in ("packing_fault", "block_fault"):
        vars(model).pop(name, None)
    return model


def rows_of(pairs, *, causal, row_tokens, multiple_of=1):
    sequences, keys = texts_of(pairs)
    if causal:
        trees = grow_trees(sequences, keys, tree_tokens=row_tokens)
    else:
        trees = [Tree((i,), 0, len(ids)) for i, ids in enumerate(sequences)]
    rows = best_fit([tree.size for tree in trees], capacity=row_tokens)
    longest = max(sum(trees[i].size for i in row) for row in rows)
    length = -(-longest // multiple_of) * multiple_of
    return pack(sequences, [[trees[i] for i in row] for row in rows], pad_id=0, length=length)


@settings(max_examples=50)
@given(pairs=PAIRS, causal=st.booleans(), row_tokens=st.integers(1, 300), multiple_of=st.sampled_from([1, 128, 200]))
def test_both_forms_of_mask_say_what_the_rows_say(pairs, causal, row_tokens, multiple_of):
    packed = rows_of(pairs, causal=causal, row_tokens=row_tokens, multiple_of=multiple_of)
    parts = torch.from_numpy(packed.trees), torch.from_numpy(packed.branches)
    expected = packed.attends(causal=causal)
    added = attention.make_mask(*parts, causal=causal, form="added", dtype=torch.float32)
    np.testing.assert_array_equal(added[:, 0].numpy() == 0, expected)
    assert set(added.unique().tolist()) <= {0.0, torch.finfo(torch.float32).min}
    blocks = attention.make_mask(*parts, causal=causal, form="blocks", dtype=torch.float32)
    rows, length = packed.trees.shape
    whole = create_mask(blocks.mask_mod, rows, 1, length, length, device="cpu")  # the rule, token by token
    np.testing.assert_array_equal(whole[:, 0].numpy(), expected)
    seen = np.zeros((rows, -(-length // 128) * 128, -(-length // 128) * 128), dtype=bool)
    seen[:, :length, :length] = expected
    seen = seen.reshape(rows, -(-length // 128), 128, -(-length // 128), 128).any((2, 4))
    np.testing.assert_array_equal(blocks.to_dense()[:, 0].numpy().astype(bool), seen)  # no block too few or too many


@pytest.mark.parametrize("kind", FLEX)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=PAIRS)
@pytest.mark.slow
def test_blocks_and_padded_rows_give_the_same_loss_and_gradients(kind, pairs, as_on_a_gpu, blocks_taken):
    model = fresh(kind)
    assert model.block_fault is None
    blocks_taken.clear()
    assert_equal_training(model, pairs, little=LITTLE)
    assert len(blocks_taken) == 2  # layers
    assert {shape[2] for shape in blocks_taken} == {token_scorer.BLOCK_ROW_TOKENS}
    assert re.search(r"^packed rows.*by FlexAttention", model.layout())


@pytest.mark.slow
def test_rows_of_blocks_are_whole_blocks_whatever_the_bound(as_on_a_gpu, blocks_taken):
    pairs = [([3] * 30, [4] * 12, [5] * 11)] * 30  # 19 to a row
    model = fresh("llama")
    for batch_tokens in (300, 4096):
        assert_equal_training(model, pairs, little=LITTLE, batch_tokens=batch_tokens)
    assert {shape[0] for shape in blocks_taken} == {1, 2}
    assert {shape[2] for shape in blocks_taken} == {1024}


@pytest.mark.slow
def test_a_number_of_rows_that_changes_compiles_no_more_than_three_graphs(as_on_a_gpu):
    model = fresh("llama")
    assert model.block_fault is None
    counters.clear()
    for n_rows in (2, 1, 3, 4):
        sequences, keys = texts_of([([3 + i % 40] * 40, [4] * 12, [5] * 12) for i in range(16 * n_rows)])
        model.score_ids(sequences, keys=keys, batch_tokens=8192).sum().backward()
    assert counters["stats"]["unique_graphs"] <= 3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny-decoder", "tiny-encoder"])
@pytest.mark.parametrize("options", [{}, {"gradient_checkpointing": True}, {"lora": 2}])
def test_a_run_by_blocks_is_a_run_in_padded_rows(name, options, as_on_a_gpu, blocks_taken):
    pairs = simulate_text_pairs(12, seed=0).pairs
    records = {}
    for packing in ("auto", "off"):
        layout, records[packing] = run_of(name, pairs, packing=packing, **options)
        assert ("FlexAttention" in layout) == (packing == "auto")
        assert bool(blocks_taken) == (packing == "auto")
        blocks_taken.clear()
    np.testing.assert_allclose(records["auto"], records["off"], rtol=2e-4, atol=2e-5)


def test_scoring_and_dropout_take_the_mask_that_is_added(as_on_a_gpu, blocks_taken):
    model = RewardModel.from_pretrained("tiny-encoder", seed=0, device="cpu")
    assert model.block_fault is None
    blocks_taken.clear()
    model.score(["a question"], ["an answer"])
    with torch.no_grad():
        model.score_ids([[3, 4, 5]])
    pairs = simulate_text_pairs(6, seed=0).pairs
    list(training_steps(model, pairs, config=TrainingConfig(max_steps=1, precision="fp32", dropout=True)))
    assert blocks_taken == []
    list(training_steps(model, pairs, config=TrainingConfig(max_steps=1, precision="fp32")))
    assert blocks_taken


def test_a_saved_model_does_not_ask_for_an_attention_of_ours(as_on_a_gpu, tmp_path):
    model = RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")
    assert model.block_fault is None
    folder = model.save_pretrained(tmp_path / "saved")
    assert attention.BY_MASK not in (folder / "config.json").read_text()
    assert RewardModel.from_pretrained(folder, device="cpu").network.config._attn_implementation == "sdpa"


def assert_trained_without_blocks(model, blocks_taken):
    assert "(FlexAttention cannot be used: " in model.layout()
    assert model.packing_fault is None
    assert model.network.config._attn_implementation == attention.BY_MASK
    blocks_taken.clear()
    assert_equal_training(model, [([3, 4, 5], [6, 7, 8], [9, 10])])
    assert blocks_taken == []


def test_a_network_that_transformers_has_no_flexattention_for_takes_the_other_mask(as_on_a_gpu, blocks_taken):
    model = fresh("gpt2")
    assert re.search(r"FlexAttention .*GPT2ForSequenceClassification", model.block_fault or "")
    assert_trained_without_blocks(model, blocks_taken)


def test_where_flexattention_has_no_backward_pass_the_other_mask_is_taken(monkeypatch, blocks_taken):
    monkeypatch.setattr(token_scorer, "BLOCK_DEVICES", ("cpu",))
    model = fresh("llama")
    assert re.search(r"NotImplementedError: .*backward", model.block_fault or "")
    assert_trained_without_blocks(model, blocks_taken)


@pytest.mark.parametrize("kind", FLEX)
def test_blocks_where_a_response_sees_the_other_are_noticed(kind, as_on_a_gpu, blocks_taken, monkeypatch):
    model, whole = fresh(kind), attention.create_block_mask

    def without_branches(rule, *arguments, **options):
        def looks(row, head, query, key):
            return a_response_that_sees_the_other(trees, branches, row, query, key, causal=True)

        trees, branches = (
            rule.__closure__[rule.__code__.co_freevars.index(n)].cell_contents for n in ("trees", "branches")
        )
        return whole(looks, *arguments, **options)

    monkeypatch.setattr(attention, "create_block_mask", without_branches)
    assert "its scores differ by" in (model.block_fault or "")
    assert_trained_without_blocks(model, blocks_taken)


def test_a_gradient_that_is_wrong_is_noticed(as_on_a_gpu, blocks_taken, monkeypatch):
    whole = attention.flex_attention_forward

    def with_no_gradient_of_keys(module, query, key, *arguments, **options):
        return whole(module, query, key.detach(), *arguments, **options)

    monkeypatch.setattr(attention, "flex_attention_forward", with_no_gradient_of_keys)
    model = fresh("llama")
    assert "its gradients differ by" in (model.block_fault or "")
    assert_trained_without_blocks(model, blocks_taken)


@pytest.mark.slow
def test_a_rule_that_is_wrong_in_both_masks_leaves_padded_rows(as_on_a_gpu, monkeypatch):
    monkeypatch.setattr(attention, "attends", a_response_that_sees_the_other)
    model = fresh("llama")
    assert "its scores differ by" in (model.block_fault or "")
    assert re.search(r"^padded rows .*scores differ by \S*\d", model.layout())
    assert_equal_training(model, [([3, 4, 5], [6, 7, 8], [9, 10])])
