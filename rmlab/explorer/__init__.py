"""The visual explorer: one state, many views, in a notebook or on a page.

Views observe an `ExplorerState`, which is plain Python; views that are given the same state follow each other. Views
that need a model or a database are loaded when first used, so that the preference curve does not wait for torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

try:
    import anywidget as _anywidget  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "rmlab.explorer needs anywidget, which comes with the lab extra: "
        "python -m pip install 'reward-model-lab[lab]', or `make lab` in the checkout"
    ) from error

from rmlab.explorer.film_frames import head_outputs
from rmlab.explorer.pair_views import compare, film, heads, pairs
from rmlab.explorer.robustness_view import robustness
from rmlab.explorer.score_sources import length_score
from rmlab.explorer.state import ExplorerState
from rmlab.explorer.widget import Explorer, preference_curve

if TYPE_CHECKING:
    from rmlab.explorer.judge_widget import judge
    from rmlab.explorer.linked import explore
    from rmlab.explorer.optimise_views import optimise
    from rmlab.explorer.probe_views import path, probe

__all__ = [
    "Explorer",
    "ExplorerState",
    "compare",
    "explore",
    "film",
    "head_outputs",
    "heads",
    "judge",
    "length_score",
    "optimise",
    "pairs",
    "path",
    "preference_curve",
    "probe",
    "robustness",
]

_WHEN_USED = {
    "judge": "judge_widget",
    "explore": "linked",
    "optimise": "optimise_views",
    "path": "probe_views",
    "probe": "probe_views",
}


def __getattr__(name: str) -> object:
    if name in _WHEN_USED:
        return getattr(importlib.import_module(f"rmlab.explorer.{_WHEN_USED[name]}"), name)
    raise AttributeError(f"module 'rmlab.explorer' has no attribute {name!r}")
