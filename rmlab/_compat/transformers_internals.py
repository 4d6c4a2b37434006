"""Parts of transformers that it does not promise to keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# What "sdpa" and "flex_attention" stand for: the attention of packed rows (`rmlab.model.attention`) hands over to them
# where it has nothing to add. transformers documents how such a function is called, but not where it keeps its own.
from transformers.integrations.flex_attention import flex_attention_forward
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

__all__ = [
    "attention_implementation",
    "flex_attention_forward",
    "layers_kept_whole",
    "repeat_kv",
    "sdpa_attention_forward",
    "sdpa_mask",
    "set_gradient_checkpointing",
    "set_input_names",
]


def attention_implementation(network: Any) -> str | None:
    """Return the name of a network's attention, such as ``"sdpa"``, which transformers can only be told."""
    return getattr(network.config, "_attn_implementation", None)


def layers_kept_whole(network: Any) -> Any:
    """Return the classes of layers that a network says are not to be split, which FSDP shares out one by one."""
    return network._no_split_modules


def set_input_names(tokenizer: Any, names: Sequence[str]) -> None:
    """Let a tokenizer return only these of a network's inputs, also when it is saved and loaded.

    What stands in ``init_kwargs`` is saved, and the attribute alone is not.
    """
    tokenizer.model_input_names = tokenizer.init_kwargs["model_input_names"] = list(names)


def set_gradient_checkpointing(network: Any, *, on: bool) -> None:
    """Switch the checkpointing of gradients, whose methods transformers 5 renamed on its way."""
    verb = "enable" if on else "disable"
    new, old = f"activation_checkpointing_{verb}", f"gradient_checkpointing_{verb}"
    switch = getattr(network, new, None) or getattr(network, old)
    switch(*([{"use_reentrant": False}] if on else []))
