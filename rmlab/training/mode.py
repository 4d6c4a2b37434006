"""Changes to a model for the duration of a run: dropout, gradient checkpointing, low-rank adapters, compilation."""

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
from rmlab.model import RewardModel
from rmlab.model.network import dropouts
from rmlab.training.adapters import (
    add_adapters,
    frozen_parameters,
    merge_adapters,
    require_peft,
    score_a_text,
    trained_adapter,
)
from rmlab.training.config import TrainingConfig
from rmlab.training.errors import TrainingError
from rmlab.training.group import is_sharded

__all__ = ["compiled_layers", "standing_gradient", "training_mode"]


@contextlib.contextmanager
def training_mode(model: RewardModel, config: TrainingConfig) -> Iterator[None]:
    """Set dropout, frozen weights, checkpointing and adapters for a run; afterwards the model is ready to score.

    Raises
    ------
    TrainingError
        If peft is missing, a name matches nothing, or the network is random without dropout or cannot have adapters.
    """
    if config.lora:
        require_peft()
    with model.evaluating():
        score_a_text(model)  # BigBird replaces its attention at its first text, dropout included
    base, model.base, model.adapter = model.base, None, None  # its weights will no longer be those of a base
    probabilities = dropouts(model)
    frozen = [p for p in model.parameters() if not p.requires_grad]
    widened: list[nn.Parameter] = []
    try:
        for parameter in frozen_parameters(model, config.freeze).values():
            parameter.requires_grad = False

        if not config.dropout:
            for module, name, _ in probabilities:
                setattr(module, name, 0.0)
            model.train()
            _refuse_randomness(model)
        if config.lora:
            add_adapters(model, config)
        if config.gradient_checkpointing:
            set_gradient_checkpointing(model.network, on=True)
        for parameter in model.parameters():
            if parameter.requires_grad and parameter.dtype == torch.bfloat16:
                # a step is smaller than the last of bfloat16's eight significant bits, so it would change nothing
                parameter.data = parameter.data.float()
                widened.append(parameter)
        model.train()
        yield
    finally:
        model.eval()
        if config.gradient_checkpointing:
            set_gradient_checkpointing(model.network, on=False)
        if config.lora:
            model.adapter = None if base is None else trained_adapter(model, base)
            merge_adapters(model)
        for parameter in widened:
            parameter.data = parameter.data.bfloat16()
        for parameter in model.parameters():
            parameter.requires_grad = True
        for parameter in frozen:
            parameter.requires_grad = False
        for module, name, value in probabilities:
            setattr(module, name, value)


def _refuse_randomness(model: RewardModel) -> None:
    """Raise TrainingError if a network is random without dropout: it would judge the texts of a pair by two models."""
    one, other = (score_a_text(model) for _ in range(2))
    difference, size = float((one - other).abs().max()), float(one.abs().max())
    if difference > 1e-4 * size:
        raise TrainingError(
            f"dropout is off, but two passes of {type(model.network).__name__} over the same text in training mode "
            f"differ by {difference:.2g} in score. Give dropout=True to accept that, or take another backbone."
        )


@contextlib.contextmanager
def compiled_layers(model: RewardModel) -> Iterator[None]:
    """Compile the layers of the backbone for the duration of a run; they are alike, so one compilation serves them all.

    Raises
    ------
    TrainingError
        If there is no compiler, or nothing to compile.
    """
    compilers = [os.environ["CXX"]] if "CXX" in os.environ else ["g++", "clang++", "cl"]
    if model.device.type == "cpu" and not any(map(shutil.which, compilers)):
        raise TrainingError(
            f"compile needs a C++ compiler on a CPU, and there is none (looked for {', '.join(compilers)}). Install "
            "one, name it in the environment variable CXX, or leave compile out."
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
    tokens. Here only those rows are added to the gradient that is kept. DistributedDataParallel reads `sparse` when it
    is made. This context is entered later, so that it exchanges the kept gradient, which is dense. FSDP accepts only
    dense gradients.
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
