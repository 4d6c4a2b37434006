"""Networks of a few layers with random weights, for tests, first steps and the fault lab: nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import processors
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel

__all__ = ["TINY_MODELS", "TINY_TOKENIZER", "tiny_model"]

TINY_MODELS = ("tiny-decoder", "tiny-encoder")
TINY_TOKENIZER = Path(__file__).parent / "tiny_tokenizer"
"""The folder of their tokenizer, which ships with rmlab."""


def tiny_model(name: str) -> tuple[PreTrainedModel, Any]:
    """Build one of the tiny networks, with weights from torch's random generator, and load its tokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(TINY_TOKENIZER)
    config_class = transformers.LlamaConfig if name == "tiny-decoder" else transformers.BertConfig
    if name == "tiny-decoder":  # [CLS] and [SEP] are for the encoder
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single="$A", pair="$A $B")
    settings: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "initializer_range": 0.1,  # with the usual 0.02 such a small network stays near zero, and hardly learns
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 512,
        "num_labels": 1,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
    }
    config = config_class(**settings)
    return AutoModelForSequenceClassification.from_config(config, dtype=torch.float32), tokenizer
