"""The visual explorer: one state, many views, in a notebook or on a page.

Views observe an `ExplorerState`, which is plain Python; several that are given the same one follow each other.
"""

try:
    import anywidget as _anywidget  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "rmlab.explorers needs anywidget, which comes with the lab extra: "
        "python -m pip install 'reward-model-lab[lab]', or `make lab` in the checkout"
    ) from error

from rmlab.explorers.film_frames import head_outputs
from rmlab.explorers.linked import explore
from rmlab.explorers.pair_views import compare, film, heads, pairs
from rmlab.explorers.probe import path, probe
from rmlab.explorers.scoring import length_score
from rmlab.explorers.state import ExplorerState
from rmlab.explorers.widget import Explorer, preference_curve

__all__ = [
    "Explorer",
    "ExplorerState",
    "compare",
    "explore",
    "film",
    "head_outputs",
    "heads",
    "length_score",
    "pairs",
    "path",
    "preference_curve",
    "probe",
]
