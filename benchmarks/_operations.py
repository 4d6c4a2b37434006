"""Operations of a training step: the matrix products of weights and of attention, forwards and backwards."""

from typing import TYPE_CHECKING

from torch import nn

from rmlab.model.packing import grow_trees

if TYPE_CHECKING:
    from rmlab.model import EncodedPairs, RewardModel

__all__ = ["needed", "training_operations"]


def needed(encoded: "EncodedPairs") -> tuple[int, int]:
    """Count what a decoder needs at least: tokens, with each prompt once, and looks (see `training_operations`)."""
    tokens = looks = 0
    for texts in zip(encoded.chosen, encoded.rejected, strict=True):
        (tree,) = grow_trees(texts, [0, 0], tree_tokens=0)
        branches = [len(text) - tree.trunk for text in texts]
        tokens += tree.size
        looks += sum(n * tree.trunk + n * (n + 1) // 2 for n in branches) + tree.trunk * (tree.trunk + 1) // 2
    return tokens, looks


def training_operations(model: "RewardModel", *, tokens: int, looks: int) -> int:
    """Count the additions and multiplications of a step, without embeddings, pooler and head, which cost little.

    Parameters
    ----------
    tokens
        The number of tokens that go through the layers.
    looks
        The number of pairs of a token and a token that it attends to. A row of n tokens with a dense mask has n * n.
    """
    config = model.network.config
    layers = model.network.base_model.named_modules()
    weights = sum(m.weight.numel() for name, m in layers if isinstance(m, nn.Linear) and not name.startswith("pooler"))
    width = config.num_attention_heads * (
        getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    )
    forward = 2 * weights * tokens + 2 * 2 * config.num_hidden_layers * width * looks  # queries by keys, and by values
    return 3 * forward  # backwards each product is computed twice, once for each factor
