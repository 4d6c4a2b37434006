"""Recorded score differences of 2,000 reply pairs, so that pictures have enough points without a wait."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib import resources

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rmlab.atomic import replacing_file
from rmlab.data import PreferencePairs
from rmlab.data.split import parts_by_prompt
from rmlab.simulate.replies import simulate_reply_pairs

RECORDED = resources.files("rmlab.datasets") / "data" / "recorded.parquet"

N_PAIRS = 2000
"""How many of the simulated pairs are recorded, from the first."""

MODELS = ("trained", "twin", "over_trained")
"""The models whose score differences are recorded, each in a column."""

_TEXTS = b"sha256_of_texts"


@dataclass(frozen=True, eq=False)
class RecordedDifferences:
    """Pairs of replies to fresh questions, and their score differences by three models. Arrays: ``(n_pairs,)``.

    None of the models saw these questions in training, nor the sentences that were added to the replies.
    """

    pairs: PreferencePairs
    """The ``group`` of each is the kind of its question."""
    true_differences: np.ndarray
    """The log-odds from which the labels were drawn, in nats; float64."""
    trained: np.ndarray
    """Score differences of the course's model (`course_model`), in nats; float32."""
    twin: np.ndarray
    """Those of its twin, trained on pairs of a judge who likes to be flattered."""
    over_trained: np.ndarray
    """Those of minilm, trained for 12 epochs on a few hundred pairs."""

    @cached_property
    def held_out(self) -> np.ndarray:
        """True for pairs on which to choose, such as a temperature; False for those to report. No shared question."""
        return parts_by_prompt(self.pairs, fractions=(1 / 3, 2 / 3), seed=0) == 0


def simulate_recorded_pairs() -> tuple[PreferencePairs, np.ndarray]:
    """Return the pairs that are recorded and their true differences: fresh questions and sentences, judge ``FAIR``."""
    simulated = simulate_reply_pairs(5000, seed=8, fresh=True)
    return simulated.pairs[:N_PAIRS], simulated.score_differences[:N_PAIRS]


def load_recorded() -> RecordedDifferences:
    """Load the recorded score differences; ``python -m rmlab.datasets recorded`` makes them again.

    Only the differences are recorded; the texts are simulated again. Training rounds differently on different machines,
    so a new recording would differ. The shipped one is the same everywhere.

    Raises
    ------
    ValueError
        If the simulated texts are not those that were recorded.
    """
    with resources.as_file(RECORDED) as path:
        table = pq.read_table(path)
    pairs, true_differences = simulate_recorded_pairs()
    expected, found = table.schema.metadata[_TEXTS].decode(), texts_sha256(pairs)
    if found != expected:
        raise ValueError(
            f"recorded.parquet belongs to texts with the SHA-256 {expected[:12]}, but simulate_reply_pairs gave texts "
            f"with {found[:12]}. Run `python -m rmlab.datasets recorded` to score the new texts."
        )
    return RecordedDifferences(pairs, true_differences, **{name: table[name].to_numpy() for name in MODELS})


def write_recorded(recorded: RecordedDifferences) -> None:
    """Replace the shipped recording by a new one."""
    table = pa.table({name: getattr(recorded, name) for name in MODELS})
    table = table.replace_schema_metadata({_TEXTS: texts_sha256(recorded.pairs)})
    with resources.as_file(RECORDED) as path, replacing_file(path) as scratch:
        pq.write_table(table, scratch, compression="zstd", compression_level=19)


def texts_sha256(pairs: PreferencePairs) -> str:
    """Return the SHA-256 of all prompts and responses, in order, as hexadecimal digits."""
    digest = hashlib.sha256()
    for column in ("prompt", "chosen", "rejected"):
        for text in pairs.texts(column):
            digest.update(f"{text}\0".encode())
    return digest.hexdigest()
