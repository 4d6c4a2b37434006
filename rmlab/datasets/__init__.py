"""Small data that ships with the package: preference pairs written for it, and a baseball season.

Each set has a card that says what it is, where it comes from and what it is not; `dataset_card` gives it.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from importlib import resources
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rmlab.data import PreferencePairs, read_pairs

__all__ = ["BaseballSeason", "EverydayNote", "dataset_card", "everyday_notes", "load_baseball", "load_everyday"]

_FOLDER = resources.files(__name__)


@dataclass(frozen=True, slots=True)
class EverydayNote:
    """What the authors of `everyday` say of one pair."""

    id: str
    kind: str
    """The quality in which the two responses differ; also the ``group`` of the pair."""
    difficulty: Literal["easy", "medium", "hard"]
    """How much a careful reader must know or check before the label is plain."""
    why: str
    """One sentence on what makes the chosen response the better one."""


@dataclass(frozen=True, eq=False)
class BaseballSeason:
    """The games of a season, winner first, one entry for each game; made by `load_baseball`."""

    winners: tuple[str, ...]
    losers: tuple[str, ...]
    first: NDArray[np.int8]
    """Shape ``(n_games,)``: +1 where the winner played at home, -1 where the loser did."""


def load_everyday() -> PreferencePairs:
    """Load the preference pairs that were written for this project; the ``group`` of a pair is its kind.

    `everyday_notes` gives the difficulty of each pair, and why its chosen response is the better one.

    Examples
    --------
    >>> pair = load_everyday()[0]
    >>> pair.chosen != pair.rejected
    True
    """
    with resources.as_file(_FOLDER / "data" / "everyday.jsonl") as path:
        return read_pairs(path)


def everyday_notes() -> tuple[EverydayNote, ...]:
    """Give the note on each pair of `load_everyday`, in the same order."""
    lines = (_FOLDER / "data" / "everyday.jsonl").read_text(encoding="utf-8").splitlines()
    fields = EverydayNote.__slots__
    return tuple(EverydayNote(*(record[name] for name in fields)) for record in map(json.loads, lines))


def load_baseball() -> BaseballSeason:
    """Load the 273 games that the American League East played among its seven teams in 1987.

    The source gives, for each home team and visitor, how many games each won; games of one such pairing stand together,
    the home team's wins first, and not in the order of play.

    Examples
    --------
    >>> season = load_baseball()
    >>> len(season.winners)
    273

    References
    ----------
    Agresti, Categorical Data Analysis.
    """
    winners, losers, first = list[str](), list[str](), list[int]()
    with (_FOLDER / "data" / "baseball.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            home_wins, away_wins = int(row["home_wins"]), int(row["away_wins"])
            winners += [row["home"]] * home_wins + [row["away"]] * away_wins
            losers += [row["away"]] * home_wins + [row["home"]] * away_wins
            first += [1] * home_wins + [-1] * away_wins
    return BaseballSeason(tuple(winners), tuple(losers), np.array(first, dtype=np.int8))


def dataset_card(name: str) -> str:
    """Give the card of a data set, as Markdown. Raises ValueError, naming those there are, for another name."""
    cards = {card.name.removesuffix(".md"): card for card in (_FOLDER / "cards").iterdir() if card.name.endswith(".md")}
    if name not in cards:
        raise ValueError(f"expected the name of a data set ({', '.join(sorted(cards))}), got {name!r}")
    return cards[name].read_text(encoding="utf-8")
