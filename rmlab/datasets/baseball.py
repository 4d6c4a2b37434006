"""The American League East of 1987: a classic small table of wins, at home and away."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class BaseballSeason:
    """The games of a season, winner first, one entry for each game; made by `load_baseball`."""

    winners: tuple[str, ...]
    losers: tuple[str, ...]
    first: NDArray[np.int8]
    """Shape ``(n_games,)``: +1 where the winner played at home, -1 where the loser did."""


def load_baseball() -> BaseballSeason:
    """Load the 273 games that the American League East played among its seven teams in 1987.

    The source gives, for each home team and visitor, how many games each won. The games of one such pairing are
    adjacent, with the home team's wins first; they are not in the order of play.

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
    with (resources.files("rmlab.datasets") / "data" / "baseball.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            home_wins, away_wins = int(row["home_wins"]), int(row["away_wins"])
            winners += [row["home"]] * home_wins + [row["away"]] * away_wins
            losers += [row["away"]] * home_wins + [row["home"]] * away_wins
            first += [1] * home_wins + [-1] * away_wins
    return BaseballSeason(tuple(winners), tuple(losers), np.array(first, dtype=np.int8))
