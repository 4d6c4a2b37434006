"""Which weights a run trains: frozen parameters, and low-rank adapters in place of whole layers (Hu et al. 2021)."""

from __future__ import annotations

import copy
import fnmatch
import importlib.util
import warnings
from collections.abc import Sequence

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from rmlab.model import RewardModel
from rmlab.model.saved_adapters import Adapter, Base
from rmlab.training.config import TrainingConfig
from rmlab.training.errors import TrainingError

__all__ = ["add_adapters", "frozen_parameters", "merge_adapters", "require_peft", "score_a_text", "trained_adapter"]


def frozen_parameters(model: RewardModel, patterns: Sequence[str]) -> dict[str, nn.Parameter]:
    """Return the parameters of the network whose name matches one of the patterns.

    Raises
    ------
    TrainingError
        If a pattern matches nothing, or nothing is left to train.
    """
    named = dict(model.network.named_parameters())
    matched: dict[str, nn.Parameter] = {}
    for pattern in patterns:
        found = fnmatch.filter(named, pattern)
        if not found:
            some = ", ".join([*named][:2] + [*named][-1:])
            raise TrainingError(f"freeze: no parameter matches {pattern!r}; they have names such as {some}")
        matched |= {name: named[name] for name in found}
    if not any(p.requires_grad for name, p in named.items() if name not in matched):
        raise TrainingError("freeze: nothing is left to train; leave at least the head")
    return matched


def require_peft() -> None:
    """Raise TrainingError if peft, which makes the adapters, is not installed."""
    if importlib.util.find_spec("peft") is None:
        raise TrainingError("lora needs peft; install it with: pip install 'reward-model-lab[lora]'")


def add_adapters(model: RewardModel, config: TrainingConfig) -> None:
    """Freeze the network except its head, and add an adapter to linear layers of the backbone that are not frozen.

    Raises
    ------
    TrainingError
        If a target is not a linear layer, or the network cannot compute with adapters or merge them.
    """
    from peft import LoraConfig, inject_adapter_in_model
    from peft.tuners.lora import LoraLayer

    backbone = model.network.base_model
    linear = {name: m for name, m in backbone.named_modules() if isinstance(m, nn.Linear | Conv1D)}
    for target in config.lora_targets:
        if not any(_is_called(name, target) for name in linear):
            ends = ", ".join(sorted({name.rpartition(".")[2] for name in linear})) or "none"
            raise TrainingError(f"lora_targets: no linear layer is called {target!r}; there are {ends}")
    chosen = [
        name
        for name, layer in linear.items()
        if layer.weight.requires_grad
        and (not config.lora_targets or any(_is_called(name, target) for target in config.lora_targets))
    ]
    backbone.requires_grad_(False)
    settings = LoraConfig(
        r=config.lora,
        lora_alpha=config.lora_alpha or 2 * config.lora,  # pyright: ignore[reportArgumentType]  # peft takes fractions
        lora_dropout=config.lora_dropout,
        target_modules=chosen,
    )
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="fan_in_fan_out")  # peft sets it by itself for Conv1D
            inject_adapter_in_model(settings, backbone)
        score_a_text(model)
        for module in backbone.modules():
            if isinstance(module, LoraLayer):  # it changes no weight yet: this only tests whether it can be merged
                module.merge()
                module.unmerge()
    except Exception as error:  # whatever a custom network may raise
        _take_out(backbone, merge=False)
        raise TrainingError(
            f"low-rank adapters cannot be added to {type(model.network).__name__} "
            f"({type(error).__name__}: {str(error)[:120]}). Name other layers with lora_targets, or leave lora out."
        ) from error


def trained_adapter(model: RewardModel, base: Base) -> Adapter | None:
    """Return a copy of the adapters of a network, and of its head, before they are merged; None if there are none.

    Parameters
    ----------
    base
        The model whose weights the run began with.
    """
    from peft import get_peft_model_state_dict
    from peft.tuners.lora import LoraLayer

    network, prefix = model.network, model.network.base_model_prefix
    backbone = network.base_model
    if not any(isinstance(module, LoraLayer) for module in backbone.modules()):
        return None
    config = copy.copy(backbone.peft_config["default"])
    inside = get_peft_model_state_dict(backbone, save_embedding_layers=False)
    parts = dict(network.named_children())
    whole = {name for name, part in parts.items() if name != prefix and any(True for _ in part.parameters())}
    config.modules_to_save, config.task_type = sorted(whole), "SEQ_CLS"
    weights = {f"{prefix}.{name}": tensor for name, tensor in inside.items()}
    weights |= {name: tensor for name, tensor in network.state_dict().items() if name.split(".")[0] in whole}
    return Adapter(base, config, {f"base_model.model.{name}": t.detach().cpu().clone() for name, t in weights.items()})


def merge_adapters(model: RewardModel) -> None:
    """Add the changes of the adapters, if there are any, to the weights, and remove the adapters."""
    _take_out(model.network.base_model, merge=True)


def _take_out(backbone: nn.Module, *, merge: bool) -> None:
    from peft.tuners.lora import LoraLayer

    adapted = {name: module for name, module in backbone.named_modules() if isinstance(module, LoraLayer)}
    for module in adapted.values() if merge else ():
        module.merge()
    for name, module in adapted.items():
        # peft wraps a module that holds several stacked experts once for each of its weights, one inside another
        if name.removesuffix(".base_layer") == name or name.removesuffix(".base_layer") not in adapted:
            backbone.set_submodule(name, module.get_base_layer())
    vars(backbone).pop("peft_config", None)


def score_a_text(model: RewardModel) -> torch.Tensor:
    """Return the score of a short text in the present mode of the network, in float32 and without gradients."""
    ids = torch.tensor(model.encode(["Is it one?"], ["It is one and not two."])[:], device=model.device)  # (1, tokens)
    with torch.no_grad(), model.computing(bf16=False):
        return model(input_ids=ids, attention_mask=torch.ones_like(ids))


def _is_called(name: str, target: str) -> bool:
    return name == target or name.endswith(f".{target}")
