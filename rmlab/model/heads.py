"""Reward heads as others save them: found by their names in a checkpoint, and put on a network of transformers.

transformers replaces a head whose name it does not know with a random one, and only warns of it. Here every
weight outside the backbone is accounted for: it becomes the head, or the model is refused with the weight's name. A
fresh head is made only for a backbone that holds nothing like one.

=========================================  =====================================================================
names of the weights                       written by
=========================================  =====================================================================
``score.weight``, with or without a bias   transformers' classes for sequences and tokens, TRL's RewardTrainer, rmlab
``value_head.weight``, or the name that    OpenRLHF
``value_head_prefix`` in config.json gives
``v_head.summary.weight`` and ``.bias``    TRL's models with a value head; LLaMA-Factory, in value_head.safetensors
``score.0.weight``, ``score.2.weight``     two layers with an activation between them, as in Qwen2.5-Math-RM
=========================================  =====================================================================

All of these are read from the last token of a decoder. An encoder keeps the head of its own class.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers.activations import ACT2FN

from rmlab.model.model_error import ModelError

__all__ = ["Head", "MLPHead", "fit_head", "has_head_of_others", "may_hold_a_head"]

VALUE_HEADS = ("value_head", "v_head.summary", "v_head", "reward_head", "regression_head")
"""Names under which a head with one output is saved beside ``score``."""
HEAD_ACTIVATION = "head_activation"
"""The setting in config.json with the activation of a head of two layers, which its weights do not show."""
PRETRAINING = re.compile(r"^(lm_head|embed_out|cls|generator_|discriminator_|vocab_|pred_layer|decoder|mtp)")
"""Beginnings of the names of pretraining heads, which a reward model does not need."""
LOOKS_LIKE_A_HEAD = re.compile(r"(^|[._])(score|reward|rm_|value|v_head|regress|classif|critic)")


class MLPHead(nn.Sequential):
    """A head of two linear layers with an activation between them."""

    def __init__(self, width: int, hidden: int, activation: str):
        super().__init__(nn.Linear(width, hidden), ACT2FN[activation], nn.Linear(hidden, 1))


@dataclass(frozen=True)
class Head:
    """Where the head of a network came from."""

    source: str
    fresh: bool = False
    """Whether it is random, so that the scores mean nothing before training."""
    left_out: tuple[str, ...] = ()
    """Weights of the checkpoint that the network has no use for, such as a vocabulary head."""
    pools_by_pad: bool = False
    """Whether it was trained by a class of transformers, which reads the last token that is not the pad token."""

    @classmethod
    def random(cls, seed: int, *, left_out: tuple[str, ...] = ()) -> Head:
        """Return the record of a head that was made with this seed."""
        return cls(f"fresh, with random weights of seed {seed}", fresh=True, left_out=left_out)


def may_hold_a_head(network: Any, key: str) -> bool:
    """Return whether `fit_head` may need the values of a weight: not of a pretraining head, which can be large."""
    prefix = getattr(network.config, "value_head_prefix", None)
    return not PRETRAINING.match(key) or (isinstance(prefix, str) and key.startswith(f"{prefix}."))


def fit_head(
    name: str,
    network: Any,
    info: Mapping[str, Any],
    outside: Mapping[str, torch.Tensor],
    *,
    seed: int,
) -> Head:
    """Account for every weight of a checkpoint, and put its head on the network.

    Parameters
    ----------
    name
        The name of the model, for errors.
    network
        A network of transformers for sequence classification with one output, as it was loaded.
    info
        What transformers reports of the loading: keys that are missing, unexpected or of another shape.
    outside
        The weights of the checkpoint for which the network has no place and that `may_hold_a_head`.
    seed
        The seed of a head that is missing, for the record.

    Raises
    ------
    ModelError
        If weights are missing, which would be random; are left over, which may be a head of another kind; or have
        another shape.
    """
    base = f"{network.base_model_prefix}."
    outside = {key: value for key, value in outside.items() if not key.startswith(base)}
    own = {key for key in network.state_dict() if not key.startswith(base)}
    missing = set(info["missing_keys"])
    if info["mismatched_keys"]:
        key, found_shape, expected = sorted(info["mismatched_keys"])[0]
        raise ModelError(
            f"{name} holds {key} of shape {tuple(found_shape)} where its config.json asks for {tuple(expected)}; "
            "they do not belong together. Copy or train the model again."
        )
    used: set[str] = set()
    if isinstance(getattr(network, "score", None), nn.Linear):
        used = _put_head(name, network, outside, has_own="score.weight" not in missing)
    fresh = own <= missing and not used
    may_be_missing = own if used else set()
    if fresh and not _claims_a_head(network.config):
        may_be_missing = own | {key for key in missing if key.startswith(f"{base}pooler.")}
    if lost := sorted(missing - may_be_missing):
        raise ModelError(
            f"{name} lacks {len(lost)} of the weights that it should hold ({', '.join(lost[:3])}); "
            f"they would be random. {_advice(outside)}"
        )
    rest = sorted((set(info["unexpected_keys"]) | set(outside)) - used)
    is_strange = (lambda key: _is_like_a_head(key, outside)) if fresh else (lambda key: not PRETRAINING.match(key))
    if strange := [key for key in rest if is_strange(key)]:
        raise ModelError(
            f"{name} holds {len(strange)} weights that its architecture has no place for "
            f"({', '.join(strange[:3])}); its config.json and its weights do not belong together. "
            f"{_advice(outside if fresh else {})}"
        )
    if fresh:
        return Head.random(seed, left_out=tuple(rest))
    architectures = network.config.architectures or ()
    by_pad = any("SequenceClassification" in one or one == "Qwen2ForRewardModel" for one in architectures)
    return Head(", ".join(sorted(used or own - missing)), left_out=tuple(rest), pools_by_pad=by_pad)


def has_head_of_others(network: Any, info: Mapping[str, Any]) -> bool:
    """Return whether transformers' own class cannot read the head of a checkpoint, or whether there is none to read.

    The parameters are those of `fit_head`.
    """
    base = f"{network.base_model_prefix}."
    outside = {key for key in info["unexpected_keys"] if not key.startswith(base) and not PRETRAINING.match(key)}
    return bool(outside) or (bool(info["missing_keys"]) and not _claims_a_head(network.config))


def _put_head(name: str, network: Any, outside: Mapping[str, torch.Tensor], *, has_own: bool) -> set[str]:
    """Put the head that is among these weights on a decoder; return the names of its weights, none if there is none."""
    if has_own:
        if "score.bias" not in outside:
            return set()
        _put(network, network.score.weight.detach(), outside["score.bias"])
        return {"score.weight", "score.bias"}
    prefix = getattr(network.config, "value_head_prefix", None)
    named = [prefix] if isinstance(prefix, str) and f"{prefix}.weight" in outside else []
    places = named or [one for one in VALUE_HEADS if f"{one}.weight" in outside]
    if len(places) > 1:
        raise ModelError(
            f"{name} holds {len(places)} heads ({', '.join(places)}), and nothing shows which one is the reward. "
            'Keep one, or name it as "value_head_prefix" in config.json.'
        )
    if places:
        weight, bias = f"{places[0]}.weight", f"{places[0]}.bias"
        _require_one_output(name, weight, outside[weight], network.score.in_features)
        _put(network, outside[weight], outside.get(bias))
        return {key for key in (weight, bias) if key in outside}
    layers = {f"score.{i}.{part}" for i in (0, 2) for part in ("weight", "bias")}
    if not layers <= set(outside):
        return set()
    _put_two_layers(name, network, {key: outside[key] for key in layers})
    return layers


def _put(network: Any, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
    """Make this the head of a decoder, in float32."""
    head = nn.Linear(weight.shape[1], 1, bias=bias is not None)
    head.weight.data = weight.float().clone()
    if bias is not None:
        head.bias.data = bias.float().reshape(1).clone()
    network.score = head


def _put_two_layers(name: str, network: Any, layers: Mapping[str, torch.Tensor]) -> None:
    activation = getattr(network.config, HEAD_ACTIVATION, None)
    if activation is None and "Qwen2ForRewardModel" in (network.config.architectures or ()):
        activation = "relu"
    if not isinstance(activation, str) or activation not in ACT2FN:
        raise ModelError(
            f"{name} has a head of two layers (score.0, score.2), and its weights do not show the activation between "
            f'them (found: {activation!r}). Add it to config.json, such as "{HEAD_ACTIVATION}": "relu".'
        )
    _require_one_output(name, "score.2.weight", layers["score.2.weight"], len(layers["score.0.weight"]))
    hidden, width = layers["score.0.weight"].shape
    head = MLPHead(width, hidden, activation)
    head.load_state_dict({key.removeprefix("score."): value.float() for key, value in layers.items()})
    network.score = head
    network.config.head_activation = activation  # it is saved with the model


def _require_one_output(name: str, key: str, weight: torch.Tensor, width: int) -> None:
    if tuple(weight.shape) != (1, width):
        raise ModelError(
            f"{name} holds {key} of shape {tuple(weight.shape)}; a reward head on this backbone has the shape "
            f"(1, {width}). Use a model whose head has one output."
        )


def _claims_a_head(config: Any) -> bool:
    """Return whether the class that saved a model has a head for labels or rewards, and not one for words."""
    return any(re.search("Classification|Reward|Regression|Critic", one) for one in config.architectures or ())


def _is_like_a_head(key: str, outside: Mapping[str, torch.Tensor]) -> bool:
    if key not in outside or PRETRAINING.match(key):
        return False
    return bool(LOOKS_LIKE_A_HEAD.search(key)) or (outside[key].ndim == 2 and len(outside[key]) == 1)


def _advice(outside: Mapping[str, torch.Tensor]) -> str:
    others = sorted(key for key in outside if not PRETRAINING.match(key))
    if not others:
        return "Copy or train the model again."
    return (
        f"Outside the backbone it holds {', '.join(others[:3])}; the heads that can be read are score, "
        f"{', '.join(VALUE_HEADS)} with one output, and score.0 with score.2."
    )
