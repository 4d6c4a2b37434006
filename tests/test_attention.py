"""Attention in bfloat16 on a CPU: SDPA's values, and gradients by products of our own."""

import copy

import pytest
import torch
from test_packed_scores import loss_and_gradients, model_of
from torch.nn import functional

from rmlab.model import RewardModel, attention, autocast

PAIRS = [
    ([3, 8, 5, 20, 33, 41], [6, 7, 12, 9], [40, 50]),
    ([9] * 30, [4, 5, 6, 22], [31, 58, 44, 32, 47]),
    ([2, 3, 4, 2, 3], [11, 12], [35, 36, 37]),
]


@pytest.fixture
def calls(monkeypatch):
    """Give the types that our attention was called with."""
    types = []
    whole = attention._Attention.apply

    def noted(query, *arguments):
        types.append(query.dtype)
        return whole(query, *arguments)

    monkeypatch.setattr(attention._Attention, "apply", noted)
    return types


def arguments(dtype, *, seed=0):
    generator = torch.Generator().manual_seed(seed)
    query, key, value = (
        torch.randn(2, 3, 7, 4, generator=generator, dtype=torch.float64).to(dtype).requires_grad_() for _ in range(3)
    )
    hidden = torch.rand(2, 1, 7, 7, generator=generator) < 0.4
    hidden &= ~torch.eye(7, dtype=torch.bool)  # no token is left with nothing to look at
    mask = torch.zeros(2, 1, 7, 7, dtype=dtype).masked_fill(hidden, torch.finfo(dtype).min)
    return query, key, value, mask


def test_its_gradients_are_those_of_finite_differences():
    *parts, mask = arguments(torch.float64)
    assert torch.autograd.gradcheck(lambda *parts: attention._Attention.apply(*parts, mask, 0.3), parts)


def test_its_values_are_those_of_sdpa_to_the_last_bit():
    *parts, mask = arguments(torch.bfloat16)
    expected = functional.scaled_dot_product_attention(*parts, attn_mask=mask, scale=0.3)
    torch.testing.assert_close(attention._Attention.apply(*parts, mask, 0.3), expected, rtol=0, atol=0)


def apart(found, expected):
    """Say how far gradients are from others, as a share of the norm of these."""
    away = torch.stack([(found[name] - g).norm() for name, g in expected.items()]).norm()
    return float(away / torch.stack([g.norm() for g in expected.values()]).norm())


@pytest.mark.parametrize("kind", ["llama", "qwen", "gpt2", "bert"])
def test_training_in_bf16_is_as_near_to_float32_as_with_sdpa_alone(kind, calls):
    model = copy.deepcopy(model_of(kind))
    assert model.packing_fault is None
    _, exact = loss_and_gradients(model, PAIRS, "auto")
    assert calls == []
    with autocast(model.device, enabled=True):
        loss, found = loss_and_gradients(model, PAIRS, "auto")
        assert set(calls) == {torch.bfloat16}
        calls.clear()
        model.network.set_attn_implementation("sdpa")
        expected, others = loss_and_gradients(model, PAIRS, "auto")
        assert calls == []
    assert loss == expected
    assert apart(found, exact) < 1.3 * apart(others, exact)


def test_scoring_and_dropout_are_left_to_sdpa(calls):
    model = copy.deepcopy(model_of("bert"))
    with autocast(model.device, enabled=True):
        with torch.no_grad():
            model.score_ids([[3, 4, 5], [6, 7]])
        model.train()
        assert model.network.config.attention_probs_dropout_prob > 0
        model.score_ids([[3, 4, 5], [6, 7]])
        assert calls == []
        model.eval()
        model.score_ids([[3, 4, 5], [6, 7]])
        assert calls


def test_a_network_that_was_told_to_attend_otherwise_is_left_alone():
    model = copy.deepcopy(model_of("llama"))
    model.network.set_attn_implementation("eager")
    vars(model).pop("packing_fault", None)
    assert model.packing_fault is None
    assert model.network.config._attn_implementation == "eager"


def test_a_saved_model_does_not_ask_for_an_attention_of_ours(tmp_path):
    model = RewardModel.from_pretrained("tiny-decoder", seed=0, device="cpu")
    assert model.packing_fault is None
    assert model.network.config._attn_implementation == attention.BY_MASK
    folder = model.save_pretrained(tmp_path / "saved")
    assert attention.BY_MASK not in (folder / "config.json").read_text()
    assert RewardModel.from_pretrained(folder, device="cpu").network.config._attn_implementation == "sdpa"
