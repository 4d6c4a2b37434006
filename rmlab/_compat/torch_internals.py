"""Parts of torch that may change without notice."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

__all__ = [
    "HAS_ONEDNN",
    "cpu_capabilities",
    "cpu_has_avx512_bf16",
    "divide_gradients",
    "forget_compiled",
    "onednn_linear",
    "softmax_backward",
]

HAS_ONEDNN: bool = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
"""Whether this build of torch has oneDNN's linear layer."""


def onednn_linear(input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Return the output of a linear layer by oneDNN, in float32 on a CPU; only if `HAS_ONEDNN`.

    The public ``torch.nn.functional.linear`` uses MKL in float32, half as fast on processors not made by Intel.
    """
    return torch.ops.mkldnn._linear_pointwise(input, weight, bias, "none", [], "")


def softmax_backward(of_weights: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the gradient for the logits of a softmax over the last axis, from the gradient for its `weights`.

    Public operations would make two more tensors as large as `weights`.
    """
    return torch.ops.aten._softmax_backward_data(of_weights, weights, -1, weights.dtype)


def cpu_has_avx512_bf16() -> bool:
    """Return whether the processor multiplies bfloat16 with AVX-512; some releases of torch do not say so publicly."""
    return torch.cpu._is_avx512_bf16_supported()


def cpu_capabilities() -> dict[str, Any]:
    """Return what torch knows of the processor, such as ``amx_bf16``; empty in releases that lack the function."""
    return getattr(torch.cpu, "get_capabilities", dict)()


def forget_compiled(module: nn.Module) -> None:
    """Undo ``module.compile()``, for which torch has no call."""
    module._compiled_call_impl = None


def divide_gradients(optimizer: torch.optim.Optimizer, divisor: torch.Tensor) -> None:
    """Make the next step of a fused optimiser divide the gradients, as it does for a gradient scaler.

    Clipping in this way costs nothing; ``clip_grad_norm_`` reads and writes every gradient once more.
    """
    optimizer.grad_scale = divisor  # pyright: ignore[reportAttributeAccessIssue]
