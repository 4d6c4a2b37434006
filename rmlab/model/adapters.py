"""PEFT adapters as others save them: read with their base, and merged into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rmlab.model.backbones import LoadedNetwork, check_vocabulary, load_network, load_tokenizer, quiet_transformers
from rmlab.model.backbones import read_tensors, reading_of
from rmlab.model.heads import VALUE_HEADS, Head, fit_head
from rmlab.model.model_error import ModelError, first_line
from rmlab.model.model_folder import find_file

__all__ = ["load_with_base"]

WEIGHTS = "adapter_model.safetensors"


def load_with_base(folder: Path, *, seed: int) -> LoadedNetwork:
    """Load the base of an adapter, and merge the adapter and its head into it.

    Parameters
    ----------
    folder
        A folder with ``adapter_config.json`` and ``adapter_model.safetensors``.
    seed
        The seed of a head that neither the adapter nor its base holds.

    Raises
    ------
    ModelError
        If peft is missing, the base cannot be found, or the adapter's weights and the base do not belong together.
    """
    try:
        import peft
    except ImportError as error:
        raise ModelError(
            f"{folder} is a PEFT adapter, which needs peft to be read with its base; install it with: "
            "pip install 'reward-model-lab[lora]'. Or merge it: merge_and_unload(), then save_pretrained."
        ) from error
    path = find_file(folder, WEIGHTS)
    if path is None:
        raise ModelError(f"{folder} is a PEFT adapter without {WEIGHTS}; save it again as safetensors, not as a pickle")
    with reading_of("adapter", folder):
        config: Any = peft.PeftConfig.from_pretrained(str(folder))
        weights = read_tensors(path)
    base, of_base = config.base_model_name_or_path, None
    try:
        of_base = load_network(str(base), seed=seed, revision=config.revision)
    except ModelError as error:
        raise ModelError(
            f"{folder} is a PEFT adapter of {base}, which cannot be loaded: {first_line(error)} "
            "Correct base_model_name_or_path in its adapter_config.json."
        ) from error
    network: Any = of_base.network
    inside = {name for name, _ in network.named_modules() if "." not in name and name != network.base_model_prefix}
    held = {key.split(".")[2] for key in weights if key.startswith("base_model.model.")} & inside
    config.task_type = None  # whose class would ask for a vocabulary head, or add a head to those that are saved
    config.modules_to_save = sorted(held | set(config.modules_to_save or ()) & inside) or None
    with reading_of("adapter", folder), quiet_transformers():
        model = peft.get_peft_model(network, config)
        found = peft.set_peft_model_state_dict(model, weights)
        absent = [key for key in found.missing_keys if "lora_" in key or "modules_to_save" in key]
        if absent or found.unexpected_keys:
            odd = sorted([*absent, *found.unexpected_keys])
            raise ModelError(f"its weights and its base {base} do not belong together ({', '.join(odd[:2])})")
        network = model.merge_and_unload()
    value_head = read_tensors(find_file(folder, "value_head.safetensors"))
    head = of_base.head
    if value_head:
        missing = set(network.state_dict()) & {"score.weight"}
        info = {"missing_keys": missing, "unexpected_keys": set(), "mismatched_keys": set()}
        head = fit_head(str(folder), network, info, value_head, seed=seed)
    elif held:
        head = Head(f"{', '.join(sorted(held))} of the adapter, merged into {base}")
    elif not head.fresh:
        head = Head(f"{head.source} of {base}, with the adapter merged into its layers")
    tokenizer = of_base.tokenizer if find_file(folder, "tokenizer_config.json") is None else load_tokenizer(folder)
    check_vocabulary(str(folder), network, tokenizer)
    return LoadedNetwork(network, tokenizer, head, folder)
