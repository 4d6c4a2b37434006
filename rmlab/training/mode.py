"""Changes to a model for the time of a run: dropout, gradient checkpointing, low-rank adapters, compilation."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.distributed.fsdp import FSDPModule

from rmlab._compat.torch_internals import forget_compiled
from rmlab._compat.transformers_internals import set_gradient_checkpointing
from rmlab.model import RewardModel, autocast
from rmlab.model.network import dropouts
from rmlab.training.config import TrainingConfig
from rmlab.training.group import is_sharded
from rmlab.training.training_data import TrainingError

__all__ = ["compiled_layers", "standing_gradient", "training_mode"]


@contextlib.contextmanager
def training_mode(model: RewardModel, config: TrainingConfig) -> Iterator[None]:
    """Set dropout, checkpointing and adapters for a run; afterwards the model is plain and ready to score."""
    probabilities = dropouts(model)
    frozen = [p for p in model.parameters() if not p.requires_grad]
    try:
        if not config.dropout:
            for module, name, _ in probabilities:
                setattr(module, name, 0.0)
            model.train()
            _refuse_randomness(model)
        if config.lora:
            _add_adapters(model, config.lora)
        if config.gradient_checkpointing:
            set_gradient_checkpointing(model.network, on=True)
        model.train()
        yield
    finally:
        model.eval()
        if config.gradient_checkpointing:
            set_gradient_checkpointing(model.network, on=False)
        if config.lora:
            _merge_adapters(model)
            for parameter in model.parameters():
                parameter.requires_grad = True
            for parameter in frozen:
                parameter.requires_grad = False
        for module, name, value in probabilities:
            setattr(module, name, value)


def _refuse_randomness(model: RewardModel) -> None:
    """Refuse a network that is random in training mode even without dropout: it would judge a pair by two models."""
    ids = torch.tensor(model.encode(["Is it one?"], ["It is one and not two."])[:], device=model.device)  # (1, tokens)
    with torch.no_grad(), autocast(model.device, enabled=False):
        one, other = (model(input_ids=ids, attention_mask=torch.ones_like(ids)) for _ in range(2))
    difference, size = float((one - other).abs().max()), float(one.abs().max())
    if difference > 1e-4 * size:
        raise TrainingError(
            f"dropout is off, but two passes of {type(model.network).__name__} over the same text in training mode "
            f"differ by {difference:.2g} in score. Give dropout=True to accept that, or take another backbone."
        )


@contextlib.contextmanager
def compiled_layers(model: RewardModel) -> Iterator[None]:
    """Compile the layers of the backbone for the time of a run; they are alike, so one compilation serves them all.

    Raises
    ------
    TrainingError
        If there is no compiler, or nothing to compile.
    """
    compilers = [os.environ["CXX"]] if "CXX" in os.environ else ["g++", "clang++", "cl"]
    if model.device.type == "cpu" and not any(map(shutil.which, compilers)):
        raise TrainingError(
            f"compile needs a C++ compiler on a CPU, and there is none (looked for {', '.join(compilers)}). Install "
            "one, name it by the environment variable CXX, or leave compile out."
        )
    if is_sharded():
        raise TrainingError("compile does not work with FSDP; leave one of the two out")
    lists = [module for module in model.network.base_model.modules() if isinstance(module, nn.ModuleList)]
    if not lists:
        raise TrainingError(f"compile found no list of layers in {type(model.network).__name__}; leave compile out")
    layers = max(lists, key=len)
    for layer in layers:
        layer.compile(dynamic=True)
    try:
        yield
    finally:
        for layer in layers:
            forget_compiled(layer)


@contextlib.contextmanager
def standing_gradient(model: RewardModel) -> Iterator[Callable[[], None]]:
    """Keep one gradient of the embedding through a run; yield a function that clears all gradients after a step.

    PyTorch would otherwise make one as large as the vocabulary at each call, with zeros except in the rows of a batch's
    tokens. Here only those rows are added to the one that stays. DistributedDataParallel looks at `sparse` when it is
    made, so this comes after it: it exchanges the gradient that stays, which is dense. FSDP accepts only dense ones.
    """
    embedding = model.network.get_input_embeddings()
    plain = type(embedding.weight) is nn.Parameter and not isinstance(model, FSDPModule)
    stands = plain and embedding.weight.requires_grad
    gradient = torch.zeros_like(embedding.weight) if stands else None

    def clear() -> None:
        model.zero_grad()
        if gradient is not None:
            embedding.weight.grad = gradient.zero_()

    embedding.sparse = stands
    clear()
    try:
        yield clear
    finally:
        embedding.sparse = False
        model.zero_grad()


def _add_adapters(model: RewardModel, rank: int) -> None:
    """Freeze the network except its head, and add an adapter to every linear layer of the backbone."""
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise TrainingError("lora needs peft; install it with: pip install 'reward-model-lab[lora]'") from error
    backbone = model.network.base_model
    linear = [name for name, module in backbone.named_modules() if isinstance(module, nn.Linear)]
    for parameter in backbone.parameters():
        parameter.requires_grad = False
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=linear), backbone)


def _merge_adapters(model: RewardModel) -> None:
    """Add the changes of the adapters to the weights and remove the adapters."""
    from peft.tuners.lora import LoraLayer

    backbone = model.network.base_model
    for name, module in list(backbone.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()
            backbone.set_submodule(name, module.get_base_layer())
