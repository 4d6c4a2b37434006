"""rmlab: reward models learned from pairwise preferences, from two numbers to a transformer.

The names below are loaded when first used, so that ``import rmlab`` is fast. `rmlab.model`, `rmlab.training`,
`rmlab.attribution` and `rmlab.audit` need torch. Small data sets are in `rmlab.datasets`, and plots in `rmlab.plots`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rmlab.bradley_terry import (
        BradleyTerryFit,
        fit_bradley_terry,
    )
    from rmlab.data import (
        DataError,
        PreferencePair,
        PreferencePairs,
        check_pairs,
        read_pairs,
        split_by_prompt,
        write_pairs,
    )
    from rmlab.evaluation import (
        Comparison,
        Evaluation,
        compare_models,
        evaluate,
        fit_temperature,
        learning_curve,
        noise_ceiling,
        rewardbench,
        rewardbench2,
    )
    from rmlab.preference import (
        davidson_loss,
        davidson_probabilities,
        elo_points,
        plackett_luce_log_likelihood,
        preference_loss,
        preference_odds,
        preference_probability,
        score_difference_from_probability,
        thurstone_probability,
    )

_HOMES = {
    "preference": (
        "davidson_loss",
        "davidson_probabilities",
        "elo_points",
        "plackett_luce_log_likelihood",
        "preference_loss",
        "preference_odds",
        "preference_probability",
        "score_difference_from_probability",
        "thurstone_probability",
    ),
    "data": (
        "DataError",
        "PreferencePair",
        "PreferencePairs",
        "check_pairs",
        "read_pairs",
        "split_by_prompt",
        "write_pairs",
    ),
    "bradley_terry": (
        "BradleyTerryFit",
        "fit_bradley_terry",
    ),
    "evaluation": (
        "Comparison",
        "Evaluation",
        "compare_models",
        "evaluate",
        "fit_temperature",
        "learning_curve",
        "noise_ceiling",
        "rewardbench",
        "rewardbench2",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = (
    *_HOMES,
    *("attribution", "audit", "course", "datasets", "explorer", "labels", "model"),
    *("optimization", "plots", "reports", "simulate", "training"),
)

__all__ = [
    "BradleyTerryFit",
    "Comparison",
    "DataError",
    "Evaluation",
    "PreferencePair",
    "PreferencePairs",
    "__version__",
    "check_pairs",
    "compare_models",
    "davidson_loss",
    "davidson_probabilities",
    "elo_points",
    "evaluate",
    "fit_bradley_terry",
    "fit_temperature",
    "learning_curve",
    "noise_ceiling",
    "plackett_luce_log_likelihood",
    "preference_loss",
    "preference_odds",
    "preference_probability",
    "read_pairs",
    "rewardbench",
    "rewardbench2",
    "score_difference_from_probability",
    "split_by_prompt",
    "thurstone_probability",
    "write_pairs",
]


def __getattr__(name: str) -> object:
    if name in _HOME_OF:
        value = getattr(importlib.import_module(f"rmlab.{_HOME_OF[name]}"), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f"rmlab.{name}")
    raise AttributeError(f"module 'rmlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF, *_MODULES})
