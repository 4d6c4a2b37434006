"""The store of a reader's labels: a file beside the notebooks, or a database that a class shares."""

from __future__ import annotations

import os
from collections.abc import Iterable

from rmlab.labels import Judgement, LabelStore, standing

__all__ = ["labels_of", "open_own_labels"]

STORE, RATER = "RMLAB_STORE", "RMLAB_RATER"


def open_own_labels() -> tuple[LabelStore, str]:
    """Open the reader's store, and return it with the reader's name.

    The store is named by the environment variable RMLAB_STORE, such as the address of a PostgreSQL database for a
    class; by default it is ``labels.db`` in this folder. The name is RMLAB_RATER, or that in JupyterHub, or "me".

    Raises
    ------
    StoreError
        If it cannot be opened.
    """
    rater = os.environ.get(RATER) or os.environ.get("JUPYTERHUB_USER") or "me"
    return LabelStore(os.environ.get(STORE) or "labels.db"), rater


def labels_of(store: LabelStore, rater: str, pairs: Iterable[str], *, at_least: int) -> list[Judgement] | None:
    """Return a rater's entries on the pairs with these names; None if too few of them stand and prefer a side."""
    names = set(pairs)
    entries = [entry for entry in store.judgements() if entry.rater == rater and entry.pair in names]
    decided = [entry for entry in standing(entries) if entry.preferred]  # neither a skip nor a tie
    return entries if len(decided) >= at_least else None
