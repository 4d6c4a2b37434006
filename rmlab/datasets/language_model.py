"""A small language model trained on the world of replies: a decoder before it becomes a reward model."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

__all__ = ["WEIGHTS", "load_tiny_language_model"]

WEIGHTS: Final[Traversable] = resources.files("rmlab.datasets") / "data" / "tiny_language_model.safetensors"


def load_tiny_language_model() -> LlamaForCausalLM:
    """Load a decoder of the size of ``tiny-decoder`` that was trained to predict the next token of the world's replies.

    Its tokenizer is that of ``RewardModel.from_pretrained("tiny-decoder")``, and its token ids follow the convention
    `rmlab.model.Apart`. It was trained on training questions and training sentences only.
    ``python -m rmlab.datasets decoder`` trains it again, and `dataset_card("tiny_language_model")` gives its loss.

    Returns
    -------
    The network in evaluation mode, float32: ``.model`` is the stack of layers, ``.lm_head`` the vocabulary head.
    """
    from safetensors.torch import load

    network = untrained_language_model(seed=0)
    network.load_state_dict({name: weight.float() for name, weight in load(WEIGHTS.read_bytes()).items()})
    return network.eval()


def untrained_language_model(seed: int) -> LlamaForCausalLM:
    """Return the same network with random weights."""
    import torch
    from transformers import LlamaForCausalLM

    from rmlab.model import RewardModel

    config = RewardModel.from_pretrained("tiny-decoder", seed=seed, device="cpu").network.config
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)
