"""PEFT adapters as others save them, merged into their base."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from rmlab.model.model_error import ModelError
from rmlab.model.model_folder import find_file, read_tensors

__all__ = ["base_of", "merge_adapter"]

WEIGHTS = "adapter_model.safetensors"


def base_of(folder: Path) -> tuple[str, str | None]:
    """Return the name and the revision of the model to which an adapter belongs.

    Raises
    ------
    ModelError
        If peft is missing, or the adapter's weights are not safetensors.
    """
    try:
        import peft
    except ImportError as error:
        raise ModelError(
            f"{folder} is a PEFT adapter, which needs peft to be read with its base; install it with: "
            "pip install 'reward-model-lab[lora]'. Or merge it: merge_and_unload(), then save_pretrained."
        ) from error
    if find_file(folder, WEIGHTS) is None:
        raise ModelError(f"{folder} is a PEFT adapter without {WEIGHTS}; save it again as safetensors, not as a pickle")
    config: Any = peft.PeftConfig.from_pretrained(str(folder))
    return str(config.base_model_name_or_path), config.revision


def merge_adapter(folder: Path, network: Any) -> tuple[Any, list[str]]:
    """Merge an adapter into the network of its base.

    Returns
    -------
    The network, and the names of the modules outside the backbone that came with the adapter, such as ``score``.

    Raises
    ------
    ModelError
        If a weight of the adapter is missing, or has no place in the network.
    """
    import peft

    config: Any = peft.PeftConfig.from_pretrained(str(folder))
    weights = read_tensors(find_file(folder, WEIGHTS))
    inside = {name for name, _ in network.named_children()} - {network.base_model_prefix}
    held = sorted({key.split(".")[2] for key in weights if key.startswith("base_model.model.")} & inside)
    config.task_type = None  # whose class would ask for a vocabulary head, or add a head to those that are saved
    config.modules_to_save = sorted({*held, *(set(config.modules_to_save or ()) & inside)}) or None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers for attributes under their old names
        model: Any = peft.get_peft_model(network, config)
        found = peft.set_peft_model_state_dict(model, weights)
        absent = [key for key in found.missing_keys if "lora_" in key or "modules_to_save" in key]
        if absent or found.unexpected_keys:
            odd = sorted([*absent, *found.unexpected_keys])
            raise ModelError(f"it and its base do not belong together: {', '.join(odd[:2])}")
        return model.merge_and_unload(), held
