"""Reward models with one fault each, to show that the audit finds it: tiny networks with random weights.

Each fault is planted where people found it: in the weights of a folder, a configuration, a tokenizer or a forward.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import transformers
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rmlab.course.faults.faulty_decoder import FaultyForSequenceClassification, register
from rmlab.data import PreferencePair
from rmlab.model import backbones
from rmlab.model.backbones import quiet_transformers

__all__ = ["FAULTS", "Fault", "as_conversations", "save_planted"]


@dataclass(frozen=True)
class Fault:
    """A fault, and the lines of the audit that it breaks."""

    about: str
    breaks: str
    """The line that detects it."""
    implies: tuple[str, ...] = ()
    """Other lines that break together with this one."""
    network: str = "decoder"


FAULTS = {
    "two outputs": Fault("the head has two outputs, as transformers makes it unasked", "one output"),
    "head not saved": Fault("the folder lacks the weights of the head", "reload"),
    "dropout": Fault("dropout stays on in evaluation", "repeat", ("antisymmetry",)),
    "batch size": Fault("the score grows with the number of rows", "batch size"),
    "no pad token": Fault("neither tokenizer nor network has a pad token", "batch size"),
    "two pad tokens": Fault(
        "the tokenizer fills with one token, the network looks for another", "batch size", ("padding side",)
    ),
    "leak": Fault("a row reads those before it", "order", ("batch size", "antisymmetry")),
    "learned positions": Fault("a GPT-2, whose positions count the padding", "padding side", network="gpt2"),
    "pad is EOS": Fault("the pad token is EOS", "pad token"),
    "no EOS": Fault("the chat template writes no EOS", "end of text"),
    "read at first EOS": Fault("the score is read at the first EOS, which ends the prompt", "equal scores"),
    "last column": Fault("the score is read at the last column of a batch", "batch size", ("padding side",)),
    "softmax": Fault("a softmax over the one output makes every score 1", "equal scores"),
    "constant": Fault("the head is zero", "equal scores"),
    "short limit": Fault("texts are cut to 12 tokens", "truncation", network="encoder"),
    "length": Fault("the score is the number of tokens, and a little noise", "length"),
    "NaN": Fault("a text of more than 300 tokens has no score", "finite"),
    "too few positions": Fault("128 positions, and a tokenizer that knows no limit", "finite", network="encoder"),
    "overflow": Fault("activations of a million, which the next layer divides again", "half precision"),
    "sigmoid": Fault("the configuration does not say that scores are no probabilities", "pipeline"),
}
"""The faults by name, in the order of the audit's table."""


class PlantedConfig(transformers.LlamaConfig):
    """A Llama with a fault in its forward, of those in `FAULTS`."""

    model_type = "rmlab-planted"
    fault: str = ""


class PlantedModel(transformers.LlamaModel):
    """The same decoder as a Llama's; transformers wants a class for each configuration."""

    config_class = PlantedConfig


class PlantedForSequenceClassification(FaultyForSequenceClassification):
    """A decoder whose forward has the fault that its configuration names; two of them are those of the fault lab."""

    config_class = PlantedConfig

    def forward(self, input_ids: Any, attention_mask: Any, **options: Any) -> Any:  # pyright: ignore
        """Compute scores, and spoil them."""
        output: Any = super().forward(input_ids=input_ids, attention_mask=attention_mask, **options)
        logits, fault = output.logits, self.config.fault  # (batch, n_outputs)
        n_tokens = attention_mask.sum(1, keepdim=True)
        if fault in ("dropout", "read at first EOS"):
            hidden = self.base_model(input_ids=input_ids, attention_mask=attention_mask)[0]  # (batch, length, width)
            places = attention_mask.sum(1) - 1
            if fault == "dropout":
                hidden = torch.nn.functional.dropout(hidden, 0.1, training=True)
            else:
                places = (input_ids == self.config.eos_token_id).int().argmax(1)
            logits = self.score(hidden[torch.arange(len(places)), places])
        elif fault == "batch size":
            logits = logits + 0.1 * len(logits)
        elif fault == "leak":
            logits = logits + 0.5 * (logits.cumsum(0) - logits)
        elif fault == "length":
            logits = 0.1 * n_tokens + 0.01 * logits
        elif fault == "NaN":
            logits = logits.masked_fill(n_tokens > 300, torch.nan)
        output.logits = logits
        return output


register(PlantedConfig, PlantedModel, PlantedForSequenceClassification)

TEMPLATE = "{% for message in messages %}{{ message['content'] }}{{ eos_token }}{% endfor %}"
WIDTHS = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}


def save_planted(folder: str | Path, fault: str | None, *, network: str = "decoder", seed: int = 0) -> Path:
    """Write a reward model with this fault, or a sound one, in transformers' format.

    Parameters
    ----------
    folder
        Where to write it.
    fault
        A name in `FAULTS`; None plants nothing.
    network
        ``"decoder"`` or ``"encoder"``: what to build if nothing is planted.
    seed
        Seed of the weights.
    """
    if fault is not None:
        if fault not in FAULTS:
            raise ValueError(f"there is no fault {fault!r}; there are {', '.join(FAULTS)}")
        network = FAULTS[fault].network
    tokenizer = AutoTokenizer.from_pretrained(Path(backbones.__file__).parent / "tiny_tokenizer")
    if network != "encoder":
        tokenizer.chat_template = TEMPLATE
    with backbones.torch_seed(seed), quiet_transformers():
        model: Any = AutoModelForSequenceClassification.from_config(_config(network, fault, tokenizer))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name in ("score.weight", "classifier.weight"):
                    parameter *= 0 if fault == "constant" else 10
                if fault == "overflow" and "proj" in name:
                    parameter *= {"up": 1e6, "down": 1e-6}.get(name.split(".")[-2].removesuffix("_proj"), 1)
        _spoil_tokenizer(tokenizer, fault)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    if fault == "head not saved":
        file = Path(folder) / "model.safetensors"
        weights = safetensors.torch.load_file(file)
        safetensors.torch.save_file({n: w for n, w in weights.items() if n != "score.weight"}, file, {"format": "pt"})
    return Path(folder)


def as_conversations(pairs: Iterable[PreferencePair]) -> list[PreferencePair]:
    """Return pairs of texts as pairs of messages, which a decoder reads by its chat template."""

    def said(role: str, text: Any) -> tuple[dict[str, str]]:
        return ({"role": role, "content": text},)

    return [
        PreferencePair(said("user", pair.prompt), *(said("assistant", side) for side in (pair.chosen, pair.rejected)))
        for pair in pairs
    ]


def _config(network: str, fault: str | None, tokenizer: Any) -> Any:
    pad = {"no pad token": None, "pad is EOS": tokenizer.eos_token_id, "two pad tokens": tokenizer.cls_token_id}
    settings: dict[str, Any] = {
        **WIDTHS,
        "vocab_size": len(tokenizer),
        "initializer_range": 0.1,
        "max_position_embeddings": 128 if fault == "too few positions" else 512,
        "num_labels": 2 if fault == "two outputs" else 1,
        "pad_token_id": pad.get(str(fault), tokenizer.pad_token_id),
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "problem_type": None if fault in ("sigmoid", "two outputs") else "regression",
    }
    if network == "decoder":
        return PlantedConfig(**settings, fault=fault or "")
    return {"gpt2": transformers.GPT2Config, "encoder": transformers.BertConfig}[network](**settings)


def _spoil_tokenizer(tokenizer: Any, fault: str | None) -> None:
    if fault == "no pad token":
        tokenizer.pad_token = None
    elif fault == "pad is EOS":
        tokenizer.pad_token = tokenizer.eos_token
    elif fault == "no EOS":
        tokenizer.chat_template = TEMPLATE.replace("eos_token", "'\n\n'")
    elif fault == "short limit":
        tokenizer.model_max_length = 12
    elif fault == "too few positions":
        tokenizer.model_max_length = 10**30
