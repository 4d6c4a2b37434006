"""Parts of transformers that may change without notice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# The functions behind "sdpa" and "flex_attention": the attention of packed rows (`rmlab.model.attention`) calls them
# where it has nothing to add. transformers documents how such a function is called, but not where its own ones are.
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
    """Return the name of a network's attention, such as ``"sdpa"``, which transformers lets one set but not read."""
    return getattr(network.config, "_attn_implementation", None)


def layers_kept_whole(network: Any) -> Any:
    """Return the classes of layers that a network does not allow to be split; FSDP shards each such layer as a unit."""
    return network._no_split_modules


def set_input_names(tokenizer: Any, names: Sequence[str]) -> None:
    """Make a tokenizer return only these inputs of a network, even after it is saved and loaded.

    The contents of ``init_kwargs`` are saved; the attribute alone is not.
    """
    tokenizer.model_input_names = tokenizer.init_kwargs["model_input_names"] = list(names)


def set_gradient_checkpointing(network: Any, *, on: bool) -> None:
    """Switch gradient checkpointing on or off; a later release of transformers 5 renamed its methods."""
    verb = "enable" if on else "disable"
    new, old = f"activation_checkpointing_{verb}", f"gradient_checkpointing_{verb}"
    switch = getattr(network, new, None) or getattr(network, old)
    switch(*([{"use_reentrant": False}] if on else []))
