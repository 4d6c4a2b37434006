"""What rmlab takes from the inside of torch is still there, and does what it did."""

import re
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from rmlab._compat.torch_internals import (
    HAS_ONEDNN,
    cpu_capabilities,
    cpu_has_avx512_bf16,
    divide_gradients,
    forget_compiled,
    onednn_linear,
    softmax_backward,
)


def test_onednn_is_found_wherever_torch_was_built_with_it() -> None:
    assert torch.backends.mkldnn.is_available() == HAS_ONEDNN


@pytest.mark.parametrize("has_bias", [True, False])
def test_onednn_multiplies_as_linear_does(has_bias: bool) -> None:
    if not HAS_ONEDNN:
        pytest.skip("this torch was built without oneDNN, and rmlab does not call it then")
    input, weight, bias = torch.randn(7, 24), torch.randn(8, 24), torch.randn(8) if has_bias else None
    torch.testing.assert_close(onednn_linear(input, weight, bias), functional.linear(input, weight, bias))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_gradient_of_a_softmax_is_that_of_autograd(dtype: torch.dtype) -> None:
    logits = torch.randn(2, 3, 5, 5, dtype=dtype, requires_grad=True)
    weights, gradient = logits.softmax(-1), torch.randn(2, 3, 5, 5, dtype=dtype)
    (expected,) = torch.autograd.grad(weights, logits, gradient)
    found = softmax_backward(gradient, weights.detach())
    assert found.dtype == dtype
    torch.testing.assert_close(found, expected)


def test_the_processor_is_described_as_the_system_describes_it() -> None:
    assert isinstance(cpu_has_avx512_bf16(), bool)
    known = cpu_capabilities()
    assert known == {} or isinstance(known["cpu_name"], str)
    if sys.platform == "linux" and (flags := re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.M)):
        assert cpu_has_avx512_bf16() == ("avx512_bf16" in flags[1].split())
        assert bool(known.get("amx_bf16")) == ("amx_bf16" in flags[1].split()) or known == {}


class Layer(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x + 1


def test_a_compiled_module_can_be_made_plain_again() -> None:
    compiled = []

    def backend(graph: torch.fx.GraphModule, inputs: object) -> object:
        compiled.append(graph)
        return graph.forward

    layer = Layer()
    layer.compile(backend=backend)
    layer(torch.ones(3))
    assert len(compiled) == 1
    layer(torch.ones(4, 3))  # another number of axes is compiled anew
    assert len(compiled) == 2
    forget_compiled(layer)
    layer(torch.ones(2, 4, 3))
    assert len(compiled) == 2


def test_a_fused_step_divides_the_gradients() -> None:
    steps = []
    for divisor, scale in ((None, 1.0), (4.0, 4.0)):
        weight = nn.Parameter(torch.ones(3))
        optimizer = torch.optim.AdamW([weight], lr=0.1, eps=1.0, fused=True)  # a large eps: the step has the size of
        weight.grad = torch.tensor([1.0, -2.0, 3.0]) * scale  # the gradient, which Adam would else divide out
        if divisor is not None:
            divide_gradients(optimizer, torch.tensor(divisor))
        optimizer.step()
        steps.append(weight.detach().clone())
    torch.testing.assert_close(steps[0], steps[1])
