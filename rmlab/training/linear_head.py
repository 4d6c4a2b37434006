"""Fitting the head alone, on the features of a frozen backbone: logistic regression, which has one optimum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from rmlab.bradley_terry import LinearReward, fit_linear_reward
from rmlab.data import PreferencePair
from rmlab.model import Encoded, RewardModel
from rmlab.model.devices import on_device
from rmlab.training.training_data import TrainingData, TrainingError, prepare

__all__ = ["LinearReward", "fit_head", "fit_linear_reward"]


def fit_head(
    model: RewardModel,
    pairs: Sequence[PreferencePair] | TrainingData,
    *,
    prior_variance: float = 1.0,
    progress: bool = False,
) -> LinearReward:
    """Fit the head of `model` in place to pairs, with a frozen backbone, and return the fit.

    It takes seconds where training takes minutes.

    Parameters
    ----------
    model
        The model whose head is overwritten; a bias is set to 0.
    pairs
        The pairs to fit to, or the result of `prepare` for them. A pair counts as often as its weight says, against
        the prior too.
    prior_variance
        As in `fit_linear_reward`.
    progress
        Show a bar while the backbone reads the texts.

    Raises
    ------
    TrainingError
        If nothing is left to fit to, the features are not finite, or the model has several heads.
    """
    if model.n_heads > 1:
        raise TrainingError(f"fit_head fits one head, and this model has {model.n_heads}; load it with one")
    data = pairs if isinstance(pairs, TrainingData) else prepare(model, pairs)
    both: Encoded = data.encoded.chosen.join(data.encoded.rejected)
    features = model.features(both, progress=progress).astype(np.float64).reshape(2, len(data), -1)
    if not np.isfinite(features).all():
        raise TrainingError("the backbone gives features that are not finite; its weights are damaged or too large")
    fitted = fit_linear_reward(
        features[0] - features[1], prior_variance=prior_variance, margins=data.margins, multiplicities=data.weights
    )
    with torch.no_grad():
        model.head.weight.copy_(on_device(fitted.weights[None], like=model.head.weight))
        if model.head.bias is not None:
            model.head.bias.zero_()
    model.adapter = None  # it holds the head as it was
    return fitted
