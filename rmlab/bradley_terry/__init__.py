"""One score for each item from a table of wins: the Bradley-Terry model by maximum likelihood, with errors.

`fit` holds what users call, and `result` what it gives; `labels` turns labels into positions; `counts` gathers
comparisons by pair and says, before a fit, why there would be no finite maximum; `newton` finds the maximum and the
covariance there.
"""

from rmlab.bradley_terry.fit import fit_bradley_terry
from rmlab.bradley_terry.result import BradleyTerryFit

__all__ = ["BradleyTerryFit", "fit_bradley_terry"]
