"""Scores from comparisons by the Bradley-Terry model: one for each item, or a reward that is linear in features.

`fitting` contains what users call for items, and `result` what it returns; `labels` turns labels into positions;
`counts` counts comparisons by pair and finds, before a fit, why there would be no finite maximum; `newton` finds the
maximum and the covariance there. `linear` fits the weights of features.
"""

from rmlab.bradley_terry.fitting import fit_bradley_terry
from rmlab.bradley_terry.linear import LinearReward, fit_linear_reward
from rmlab.bradley_terry.result import BradleyTerryFit

__all__ = ["BradleyTerryFit", "LinearReward", "fit_bradley_terry", "fit_linear_reward"]
