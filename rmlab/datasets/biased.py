"""The length-biased twin of `everyday`: made from it by a rule when it is loaded, so that the two cannot fall apart."""

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
    """Load the twin of `everyday` in which the longer response is the chosen one in 88% of the pairs of each kind.

    Prompts, labels, groups and order are those of `load_everyday`. Both responses may be padded with sentences that say
    nothing, none to two for the one and more for the other, so that what tells them apart is how much there is and
    not whether there is any. A reward model trained on it learns that longer is better, which is what it is for. The
    rule is seeded by each prompt and gives the same texts on every machine; `dataset_card` says more.

    Examples
    --------
    >>> pairs = load_everyday_biased()
    >>> round(float((pairs.lengths("chosen") > pairs.lengths("rejected")).mean()), 2)
    0.88
    """
    everyday = load_everyday()
    filler = load_filler()
    # `Random.random` is promised to give the same numbers in every version of Python; `sample` and NumPy's are not.
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
    """Pad both responses, the one that is to be the longer with more sentences, and with as many as that takes."""
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
    """Put so many sentences around a text, each in front or behind by the toss of a coin, and none of them twice."""
    n_front = sum(stream.random() < 0.5 for _ in range(n_sentences))
    front, back = (sorted(bank, key=lambda _: stream.random()) for bank in (filler["front"], filler["back"]))
    return " ".join([*front[:n_front], text, *back[: n_sentences - n_front]])
