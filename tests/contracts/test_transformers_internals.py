"""What rmlab takes from the inside of transformers is still there, and does what it did."""

import torch
from torch.nn import functional
from transformers import AutoTokenizer
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from rmlab._compat.transformers_internals import (
    attention_implementation,
    flex_attention_forward,
    layers_kept_whole,
    repeat_kv,
    sdpa_attention_forward,
    sdpa_mask,
    set_gradient_checkpointing,
    set_input_names,
)
from rmlab.model.backbones import load_network


def test_the_attention_of_a_network_is_what_it_was_set_to() -> None:
    network = load_network("tiny-decoder", seed=0).network
    for name in ("eager", "sdpa"):
        network.set_attn_implementation(name)
        assert attention_implementation(network) == name


def test_the_functions_are_those_that_transformers_itself_calls() -> None:
    assert ALL_ATTENTION_FUNCTIONS["sdpa"] is sdpa_attention_forward
    assert ALL_ATTENTION_FUNCTIONS["flex_attention"] is flex_attention_forward
    assert ALL_MASK_ATTENTION_FUNCTIONS["sdpa"] is sdpa_mask


def test_sdpa_takes_an_added_mask_and_gives_heads_before_widths() -> None:
    query, key, value = torch.randn(3, 1, 4, 6, 8).unbind()  # (rows, heads, length, width)
    mask = torch.zeros(1, 1, 6, 6).masked_fill_(torch.ones(6, 6).triu(1).bool(), torch.finfo(torch.float32).min)
    module = torch.nn.Module()
    found, weights = sdpa_attention_forward(module, query, key, value, mask, dropout=0.0, scaling=0.5)
    expected = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=0.5)
    torch.testing.assert_close(found, expected.transpose(1, 2))
    assert weights is None


def test_heads_of_keys_are_repeated_side_by_side() -> None:
    key = torch.randn(2, 3, 5, 4)
    torch.testing.assert_close(repeat_kv(key, 2), key.repeat_interleave(2, dim=1))


def test_the_layers_kept_whole_are_those_of_the_network() -> None:
    for name in ("tiny-decoder", "tiny-encoder"):
        network = load_network(name, seed=0).network
        assert set(layers_kept_whole(network)) & {type(module).__name__ for module in network.modules()}


def test_the_names_of_inputs_outlive_saving(tmp_path) -> None:
    tokenizer = load_network("tiny-encoder", seed=0).tokenizer
    for names in (["input_ids", "token_type_ids", "attention_mask"], ["input_ids", "attention_mask"]):
        set_input_names(tokenizer, names)
        tokenizer.save_pretrained(tmp_path)
        for one in (tokenizer, AutoTokenizer.from_pretrained(tmp_path)):
            assert set(one("a")) == set(names)


def test_gradient_checkpointing_is_switched_on_and_off() -> None:
    network = load_network("tiny-decoder", seed=0).network
    for on in (True, False):
        set_gradient_checkpointing(network, on=on)
        assert any(getattr(module, "gradient_checkpointing", False) for module in network.modules()) == on
