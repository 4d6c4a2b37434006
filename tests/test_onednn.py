"""rmlab.model.onednn: the products of torch's own linear layer, and where they are made."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from rmlab._compat.torch_internals import HAS_ONEDNN
from rmlab.model import RewardModel
from rmlab.model.onednn import float32_by_onednn

ONEDNN = "mkldnn::_linear_pointwise"


def calls(function) -> int:
    """Count the products that oneDNN makes while the function runs."""
    with torch.profiler.profile() as profile:
        function()
    return sum(event.count for event in profile.key_averages() if event.key == ONEDNN)


@pytest.mark.parametrize("shape", [(7, 24), (3, 5, 24), (1, 24), (24,), (0, 24)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_gives_what_torch_gives(shape: tuple[int, ...], bias: bool):
    layer = nn.Linear(24, 8, bias=bias)
    x = torch.randn(shape)
    with torch.inference_mode():
        expected = layer(x)
        with float32_by_onednn():
            found = layer(x)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_a_view_and_named_arguments_are_read_alike():
    x, weight, bias = torch.randn(24, 6).T, torch.randn(16, 24)[::2], torch.randn(8)
    with torch.inference_mode():
        expected = functional.linear(x, weight, bias)
        with float32_by_onednn():
            found = functional.linear(input=x, weight=weight, bias=bias)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_formats_are_left_to_torch(dtype: torch.dtype):
    layer, x = nn.Linear(4, 2).to(dtype), torch.randn(3, 4, dtype=dtype)
    with torch.inference_mode(), float32_by_onednn():
        assert calls(lambda: layer(x)) == 0
        assert layer(x).dtype == dtype


def test_autocast_is_left_to_torch():
    layer, x = nn.Linear(4, 2), torch.randn(3, 4)
    with torch.inference_mode(), float32_by_onednn(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert calls(lambda: layer(x)) == 0
        assert layer(x).dtype == torch.bfloat16


def test_scores_in_float32_are_made_by_onednn():
    model = RewardModel.from_pretrained("tiny-encoder", device="cpu")
    made = calls(lambda: model.score(["Hi"], ["There"]))
    assert made >= 6 * 2 * HAS_ONEDNN  # six layers in each of two blocks
    assert calls(lambda: functional.linear(torch.randn(2, 4), torch.randn(3, 4))) == 0  # it ends with the scoring


def test_scores_are_those_of_torch(monkeypatch: pytest.MonkeyPatch):
    model = RewardModel.from_pretrained("tiny-decoder", device="cpu")
    prompts, responses = [f"a prompt {i}" for i in range(20)], ["word " * i for i in range(20)]
    found = model.score(prompts, responses)
    monkeypatch.setattr("rmlab.model.onednn.HAS_ONEDNN", False)
    assert np.abs(found - model.score(prompts, responses)).max() < 1e-5
