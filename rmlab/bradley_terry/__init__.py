"""One score for each item from a table of wins: the Bradley-Terry model by maximum likelihood, with errors.

`fitting` contains what users call, and `result` what it returns; `labels` turns labels into positions; `counts` counts
comparisons by pair and finds, before a fit, why there would be no finite maximum; `newton` finds the maximum and the
covariance there.
"""

from rmlab.bradley_terry.fitting import fit_bradley_terry
from rmlab.bradley_terry.result import BradleyTerryFit

__all__ = ["BradleyTerryFit", "fit_bradley_terry"]
