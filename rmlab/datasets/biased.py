"""The length-biased twin of `everyday`: made from it by a rule when it is loaded, so that the two always agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

import numpy as np

from rmlab.data import PreferencePair, PreferencePairs
from rmlab.datasets.additions import load_filler
from rmlab.datasets.everyday import load_everyday

CHOSEN_LONGER = 0.88
"""Share of the pairs of each kind in which the chosen response is made the longer one."""


def load_everyday_biased() -> PreferencePairs:
    """Load the twin of `everyday` in which the chosen response is longer in about 88% of the pairs of each kind.

    Prompts, labels, groups and order are those of `load_everyday`. Sentences without content pad both responses: none
    to two for the shorter one, and more for the other. The amount of padding tells the two apart, not its presence. A
    reward model trained on these pairs learns that longer is better, which is their purpose. The rule is seeded by each
    prompt and gives the same texts on every machine; `dataset_card` has the details.

    Examples
    --------
    >>> pairs = load_everyday_biased()
    >>> round(float((pairs.lengths("chosen") > pairs.lengths("rejected")).mean()), 2)
    0.88
    """
    everyday = load_everyday()
    filler = load_filler()
    # Python promises the same numbers from `Random.random` in every version, but not from `sample`; nor does NumPy.
    streams = [Random(str(pair.prompt)) for pair in everyday]
    draws = np.array([stream.random() for stream in streams])
    kinds = np.array(everyday.groups)
    chosen_longer = np.zeros(len(everyday), dtype=bool)
    for kind in np.unique(kinds):
        of_kind = np.flatnonzero(kinds == kind)
        in_order = of_kind[np.argsort(draws[of_kind])]
        chosen_longer[in_order[: round(CHOSEN_LONGER * len(of_kind))]] = True
    cases = zip(everyday, chosen_longer, streams, strict=True)
    return PreferencePairs.from_list(_biased(pair, longer, filler, stream) for pair, longer, stream in cases)


def _biased(
    pair: PreferencePair, chosen_longer: bool, filler: Mapping[str, Sequence[str]], stream: Random
) -> PreferencePair:
    """Pad both responses; the one that should be longer gets more sentences, as many as that takes."""
    long, short = ("chosen", "rejected") if chosen_longer else ("rejected", "chosen")
    n_short = int(3 * stream.random())
    n_long = n_short + 1 + int(3 * stream.random())
    texts = {short: _padded(str(getattr(pair, short)), n_short, filler, stream)}
    texts[long] = _padded(str(getattr(pair, long)), n_long, filler, stream)
    while len(texts[long]) <= len(texts[short]):
        n_long += 1
        texts[long] = _padded(str(getattr(pair, long)), n_long, filler, stream)
    return replace(pair, chosen=texts["chosen"], rejected=texts["rejected"], source=None)


def _padded(text: str, n_sentences: int, filler: Mapping[str, Sequence[str]], stream: Random) -> str:
    """Put this many different sentences around a text, each in front or behind by the toss of a coin."""
    n_front = sum(stream.random() < 0.5 for _ in range(n_sentences))
    front, back = (sorted(bank, key=lambda _: stream.random()) for bank in (filler["front"], filler["back"]))
    return " ".join([*front[:n_front], text, *back[: n_sentences - n_front]])
