"""Matrix products in float32 with oneDNN.

On a CPU torch multiplies float32 with MKL, which uses only AVX2 on processors not made by Intel. oneDNN, which torch
includes for other formats, uses AVX-512 wherever the processor has it. It is twice as fast there, with the same
products up to rounding.
"""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from rmlab._compat.torch_internals import HAS_ONEDNN, onednn_linear

__all__ = ["float32_by_onednn"]


def float32_by_onednn() -> contextlib.AbstractContextManager[Any]:
    """Return a context in which linear layers use oneDNN if inputs and weights are float32 on a CPU, without gradients.

    Other linear layers, and those under autocast, are unchanged; if torch lacks oneDNN, all are.
    """
    return _Mode() if HAS_ONEDNN else contextlib.nullcontext()


class _Mode(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return (_linear if func is functional.linear else func)(*args, **(kwargs or {}))


def _linear(input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    on_cpu = input.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
    if on_cpu and input.dtype == weight.dtype == torch.float32:
        return onednn_linear(input, weight, bias)
    return functional.linear(input, weight, bias)
