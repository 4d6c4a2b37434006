"""What some kinds of device cannot do, and how rmlab works around it.

Apple's GPUs (MPS) have no float64: torch raises a TypeError if a tensor of that type is moved there. Numbers are
therefore narrowed before they go to such a device, and widened after they have come back, by NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

__all__ = ["WITHOUT_FLOAT64", "default_device", "on_device", "to_numpy", "widest_float"]

WITHOUT_FLOAT64 = frozenset({"mps"})
"""Kinds of devices without float64."""


def default_device() -> torch.device:
    """Return a GPU that torch can use, Apple's included, or else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def widest_float(device: torch.device) -> torch.dtype:
    """Return float64 where the device has it, else float32."""
    return torch.float32 if device.type in WITHOUT_FLOAT64 else torch.float64


def on_device(values: Any, like: torch.Tensor) -> torch.Tensor:
    """Return numbers as a tensor with the dtype and the device of another; they are narrowed before they go there."""
    narrow = np.asarray(values, dtype=np.float64 if like.dtype == torch.float64 else np.float32)
    return torch.from_numpy(narrow).to(like.device, like.dtype)


def to_numpy(values: torch.Tensor) -> np.ndarray:
    """Return the values of a tensor in float64; they are widened after they have left the device."""
    values = values.detach().cpu()
    return (values.float() if values.dtype == torch.bfloat16 else values).numpy().astype(np.float64)
