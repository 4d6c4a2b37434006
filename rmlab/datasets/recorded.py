"""Score differences of a larger simulated set, recorded, so that pictures have points enough and nobody waits."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rmlab.data import PreferencePair, PreferencePairs
from rmlab.simulate import SimulatedTextPairs

RECORDED = resources.files("rmlab.datasets") / "data" / "recorded.parquet"


@dataclass(frozen=True, eq=False)
class RecordedDifferences:
    """Simulated pairs, and what two models made of them that never saw them. All arrays are of shape ``(n_pairs,)``."""

    pairs: PreferencePairs
    """The ``group`` of each is what was asked: "take" or "avoid"."""
    held_out: np.ndarray
    """Pairs to choose on, such as a temperature; the others are to report on. bool."""
    trained: np.ndarray
    """Score differences of a model trained on 8,000 pairs, in nats; float32."""
    over_trained: np.ndarray
    """Of one that went over 2,500 of them 24 times, in nats; float32."""

    @property
    def true_differences(self) -> np.ndarray:
        """What the labels were drawn from, in nats."""
        return SimulatedTextPairs(self.pairs).score_differences


def load_recorded() -> RecordedDifferences:
    """Load the recorded score differences; ``python -m rmlab.datasets recorded`` trains the models again.

    Training differs in rounding between machines, and so would a new recording; the shipped one is the same everywhere.
    """
    with resources.as_file(RECORDED) as path:
        table = pq.read_table(path)
    columns = {name: table[name].to_numpy() for name in ("held_out", "trained", "over_trained")}
    texts = (table[name].to_pylist() for name in ("prompt", "chosen", "rejected", "group"))
    pairs = [PreferencePair(*sides, group=group) for *sides, group in zip(*texts, strict=True)]
    return RecordedDifferences(PreferencePairs.from_list(pairs), **columns)


def write_recorded(recorded: RecordedDifferences) -> None:
    """Put a new recording in the place of the shipped one."""
    columns: dict[str, object] = {name: list(recorded.pairs.texts(name)) for name in ("prompt", "chosen", "rejected")}
    columns["group"] = recorded.pairs.groups
    columns |= {name: getattr(recorded, name) for name in ("held_out", "trained", "over_trained")}
    with resources.as_file(RECORDED) as path:
        pq.write_table(pa.table(columns), path, compression="zstd", compression_level=19)
