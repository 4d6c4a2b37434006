"""Which token attends to which in packed rows, in the form that each implementation of attention needs.

*Added*: a number for each pair of tokens, added to the logits of attention. SDPA accepts it on every device; a mask of
bools would be slower on a CPU. *Blocks*: FlexAttention's `BlockMask`, which says for each 128 by 128 tokens whether
any attends to any, so that the rest is not computed. FlexAttention has a backward pass only on a GPU, where it is
compiled; see https://pytorch.org/blog/flexattention/.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch.nn import functional
from torch.nn.attention.flex_attention import BlockMask, create_block_mask
from transformers import AttentionInterface, AttentionMaskInterface

from rmlab._compat.torch_internals import softmax_backward
from rmlab._compat.transformers_internals import (
    attention_implementation,
    flex_attention_forward,
    repeat_kv,
    sdpa_attention_forward,
    sdpa_mask,
)
from rmlab.model.packing import attends

__all__ = ["BLOCK_DEVICES", "MaskForm", "make_mask", "take_blocks", "take_masks"]

MaskForm = Literal["added", "blocks"]

BLOCK_DEVICES = ("cuda",)
"""Kinds of device on which FlexAttention has a backward pass."""

BY_MASK = "by_mask"
"""The name under which transformers finds `_attend_by_mask`."""


def make_mask(
    trees: torch.Tensor, branches: torch.Tensor, *, causal: bool, form: MaskForm, dtype: torch.dtype
) -> torch.Tensor | BlockMask:
    """Return which token of packed rows attends to which.

    Parameters
    ----------
    trees, branches
        As in `rmlab.model.packing.PackedRows`, of shape ``(rows, length)``, on the device of the model.
    causal
        Whether a token attends to none after itself.
    form
        The form of the mask; see the module.
    dtype
        The number format of attention, and the type of an added mask.

    Returns
    -------
    A mask of shape ``(rows, 1, length, length)``, for all heads alike.
    """
    rows, length = trees.shape
    if form == "blocks":

        def looks(row: torch.Tensor, head: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
            return attends(trees, branches, row, query, key, causal=causal)

        # Not compiled: it takes rows * length * length bools for a moment, and compiling would take longer.
        return create_block_mask(looks, rows, None, length, length, device=str(trees.device))
    row = torch.arange(rows, device=trees.device)[:, None, None]
    token = torch.arange(length, device=trees.device)
    allowed = attends(trees, branches, row, token[:, None], token, causal=causal)[:, None]  # (rows, 1, length, length)
    mask = torch.zeros(allowed.shape, dtype=dtype, device=trees.device)
    return mask.masked_fill_(~allowed, torch.finfo(dtype).min)


def take_masks(network: Any) -> None:
    """Make a network that attends by SDPA use the mask exactly as it is; see the module."""
    if attention_implementation(network) == "sdpa":
        AttentionInterface.register(BY_MASK, _attend_by_mask)
        AttentionMaskInterface.register(BY_MASK, sdpa_mask)  # of padded rows
        network.set_attn_implementation(BY_MASK)


def take_blocks(network: Any) -> None:
    """Make a network accept block masks as well.

    Raises
    ------
    ValueError
        If transformers has no FlexAttention for it.
    """
    try:
        network.set_attn_implementation("flex_attention")
    except (ValueError, ImportError) as error:
        raise ValueError(f"transformers has no FlexAttention for {type(network).__name__}") from error
    network.set_attn_implementation("sdpa")
    take_masks(network)


def _attend_by_mask(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | BlockMask | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **options: Any,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Compute attention, with the arguments and results of transformers' attention functions."""
    options = {"dropout": dropout, "scaling": scaling, **options}
    if isinstance(attention_mask, BlockMask):
        return flex_attention_forward(module, query, key, value, attention_mask, **options)
    in_bf16 = attention_mask is not None and attention_mask.dtype == torch.bfloat16 and query.device.type == "cpu"
    if attention_mask is None or not in_bf16 or not query.requires_grad or dropout:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    groups = getattr(module, "num_key_value_groups", 1)
    heads = query, repeat_kv(key, groups), repeat_kv(value, groups)
    query, key, value = (part.to(attention_mask.dtype) for part in heads)  # (rows, heads, length, width of a head)
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    return _Attention.apply(query, key, value, attention_mask, scaling).transpose(1, 2).contiguous(), None


class _Attention(torch.autograd.Function):
    """SDPA with a backward pass by matrix products.

    SDPA's own backward pass takes two to seven times as long on a CPU in bfloat16, mostly with short rows: it cuts
    attention into products that are too small for the processor. Neither keeps attention weights from the forward pass.
    """

    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor, scaling: float
    ) -> torch.Tensor:
        ctx.save_for_backward(query, key, value, mask)
        ctx.scaling = scaling
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scaling)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        query, key, value, mask = ctx.saved_tensors
        query = query * ctx.scaling
        weights = (query @ key.mT).add_(mask).softmax(-1)  # (rows, heads, length, length)
        of_weights = gradient @ value.mT
        of_logits = softmax_backward(of_weights, weights)
        return (of_logits @ key).mul_(ctx.scaling), of_logits.mT @ query, weights.mT @ gradient, None, None
