"""The number format of the computation."""

from __future__ import annotations

import os
from typing import Literal

import torch
from torch import nn

from rmlab._compat.torch_internals import cpu_capabilities, cpu_has_avx512_bf16

__all__ = ["NUMBERS", "Precision", "Weights", "autocast", "hold", "use_bf16"]

Precision = Literal["auto", "fp32", "bf16"]
Weights = Literal["fp32", "bf16"]
"""The number format in which the weights of the backbone are held; the head is always in float32."""
NUMBERS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def hold(module: nn.Module, weights: Weights) -> None:
    """Convert the parameters of a module to a number format, but not its buffers, such as rotary angles."""
    for parameter in module.parameters():
        parameter.data = parameter.data.to(NUMBERS[weights])


def use_bf16(precision: Precision, device: torch.device) -> bool:
    """Return whether to compute in bfloat16; ``"auto"`` means yes if that is faster here than float32.

    The environment variable ``RMLAB_PRECISION`` (auto, fp32 or bf16) changes the meaning of ``"auto"``.
    """
    if precision not in ("auto", "fp32", "bf16"):
        raise ValueError(f"precision must be 'auto', 'fp32' or 'bf16', got {precision!r}")
    if precision == "auto":
        precision = os.environ.get("RMLAB_PRECISION", "auto")  # pyright: ignore[reportAssignmentType]
        if precision not in ("auto", "fp32", "bf16"):
            raise ValueError(f"RMLAB_PRECISION must be auto, fp32 or bf16, got {precision!r}")
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and _cpu_is_faster_in_bf16()


def _cpu_is_faster_in_bf16() -> bool:
    """Return whether the CPU has AMX, or AVX-512 bf16 if it is not Intel's: on Intel float32 takes half the time."""
    if not cpu_has_avx512_bf16():
        return False
    known = cpu_capabilities()
    return bool(known.get("amx_bf16")) or "Intel" not in known.get("cpu_name", "")


def autocast(device: torch.device, enabled: bool) -> torch.autocast:
    """Return a context that computes matrix products in bfloat16 if `enabled`; the weights themselves do not change."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)
