"""A decoder whose scores are read wrongly, for the two faults of the lab that are in the network itself."""

from __future__ import annotations

from typing import Any

import transformers
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification

__all__ = ["FaultyConfig", "FaultyForSequenceClassification"]


class FaultyConfig(transformers.LlamaConfig):
    """The configuration of a Llama, with the name of the fault."""

    model_type = "rmlab-faulty"
    fault: str = ""
    """``"last column"``, ``"softmax"``, or empty for none."""


class FaultyModel(transformers.LlamaModel):
    """The same decoder as a Llama's; transformers wants a class for each configuration."""

    config_class = FaultyConfig


class FaultyForSequenceClassification(transformers.LlamaForSequenceClassification):
    """A decoder whose forward has the fault that its configuration names."""

    config_class = FaultyConfig

    def forward(self, input_ids: Any, attention_mask: Any, **options: Any) -> Any:  # pyright: ignore
        """Compute scores with the fault."""
        output: Any = super().forward(input_ids=input_ids, attention_mask=attention_mask, **options)
        if self.config.fault == "softmax":
            output.logits = output.logits.softmax(-1)  # (batch, n_outputs)
        elif self.config.fault == "last column":
            hidden = self.base_model(input_ids=input_ids, attention_mask=attention_mask)[0]  # (batch, length, width)
            output.logits = self.score(hidden[:, -1])
        return output


def register(config: Any, decoder: Any, model: Any) -> None:
    """Register classes with transformers, so that a folder of such a model loads like any other."""
    AutoConfig.register(config.model_type, config, exist_ok=True)
    AutoModel.register(config, decoder, exist_ok=True)
    AutoModelForSequenceClassification.register(config, model, exist_ok=True)


register(FaultyConfig, FaultyModel, FaultyForSequenceClassification)
