"""Changes to a transformers network that make its scores trustworthy."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from rmlab.model.heads import MLPHead
from rmlab.model.model_error import ModelError

__all__ = [
    "Float32Linear",
    "dropouts",
    "ensure_pad_token",
    "keep_head_in_float32",
    "passed_over",
    "pools_last_token",
    "positions",
    "refuse_unsound",
    "set_aside",
]

PAD_TOKEN = "<|pad|>"
OTHER_SENSES = ("vision_config", "audio_config")
"""Settings of a multimodal configuration beside its text part."""
DEPENDS_ON_THE_BATCH = frozenset({"mra"})
"""Types of networks whose score of a text depends on the other texts of its batch, even without padding."""


class Float32Linear(nn.Linear):
    """A head that computes in float32 even under autocast: bf16 scores have 8 bits, and would tie by accident."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return scores, float32 of shape ``(..., 1)``."""
        with torch.autocast(input.device.type, enabled=False):
            bias = None if self.bias is None else self.bias.float()
            return nn.functional.linear(input.float(), self.weight.float(), bias)


def keep_head_in_float32(network: Any) -> None:
    """Make the head compute in float32. Raises ModelError if there is no head with one output, or more than one."""
    inside = set(network.base_model.modules())
    heads = [m for m in network.modules() if m not in inside and isinstance(m, nn.Linear) and m.out_features == 1]
    if len(heads) != 1:
        raise ModelError(f"expected a head with one output, found {len(heads)} in {type(network).__name__}")
    heads[0].__class__ = Float32Linear  # same parameters under the same names: saving and loading are unaffected


def pools_last_token(network: Any) -> bool:
    """Return whether the score is read from the last token, as in a decoder, and not from the first."""
    return isinstance(getattr(network, "score", None), nn.Linear | MLPHead)


def passed_over(network: Any, tokenizer: Any) -> int | None:
    """Return the id of tokens at the end of a text that a decoder trained by others does not read, or None.

    transformers reads a score from the last token that is not the pad token. If the pad token is EOS, as in many
    models, the score was trained on the token before EOS. The tokenizer of such a model is given its pad token.
    """
    pad = getattr(network.config.get_text_config(), "pad_token_id", None)
    if pad is None or not pools_last_token(network) or not 0 <= pad < network.get_input_embeddings().num_embeddings:
        return None
    if tokenizer.pad_token_id != pad:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(pad)
    return pad


def ensure_pad_token(network: Any, tokenizer: Any) -> None:
    """Ensure that the pad token is not EOS, since transformers pools the last token that is not the pad id."""
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        tokenizer.add_special_tokens({"pad_token": PAD_TOKEN})
    rows = network.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        network.get_input_embeddings().weight.data[rows:] = 0  # hidden by the mask
    # transformers looks for it in the text part of a multimodal configuration
    network.config.pad_token_id = network.config.get_text_config().pad_token_id = tokenizer.pad_token_id


def dropouts(network: nn.Module) -> list[tuple[nn.Module, str, float]]:
    """Return each module with dropout or routing noise, the name of its probability or size, and the value.

    Besides `nn.Dropout` these are the numbers that a network passes to functional dropout, under many names:
    ``attention_dropout``, ``activation_dropout``, ``layerdrop``, ``resid_pdrop``, ``router_jitter_noise``, ...
    """
    found = []
    for module in network.modules():
        is_layer = "dropout" in type(module).__name__.lower()
        for name, value in vars(module).items():
            if isinstance(value, float) and ("drop" in name or "jitter" in name or (is_layer and name == "p")):
                found.append((module, name, value))
    return found


def refuse_unsound(network: Any) -> None:
    """Raise ModelError if a network is of a type whose scores depend on the texts beside them."""
    kind = getattr(network.config, "model_type", None)
    if kind in DEPENDS_ON_THE_BATCH:
        raise ModelError(
            f"the scores of a network of the type {kind} depend on the texts beside them; take another architecture. "
            "docs/architectures.md lists those that were tried."
        )


def set_aside(network: Any) -> tuple[str, ...]:
    """Freeze the parts of a multimodal network that read no text, which no run would change; return their names."""
    if not any(hasattr(network.config, name) for name in OTHER_SENSES):
        return ()
    embeddings = network.get_input_embeddings()
    others = {name: child for name, child in network.base_model.named_children() if embeddings not in child.modules()}
    for child in others.values():
        child.requires_grad_(False)
    return tuple(others)


def positions(network: Any) -> int | None:
    """Return the number of positions that a network can tell apart; None if it has no such limit.

    RoBERTa and its relatives count positions from after the pad id: they use 512 of 514. XLNet gives -1 for no limit.
    """
    known = getattr(network.config.get_text_config(), "max_position_embeddings", None)
    tables = (m for name, m in network.named_modules() if name.endswith("position_embeddings"))
    offsets = [m.padding_idx + 1 for m in tables if isinstance(m, nn.Embedding) and m.padding_idx is not None]
    return known - max(offsets, default=0) if known and known > 0 else None
