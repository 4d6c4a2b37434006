"""Raters, and their ratings and comparisons of items whose true reward is known."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rmlab.preference import davidson_probabilities

__all__ = ["Rater", "SimulatedComparisons", "SimulatedRatings", "simulate_comparisons", "simulate_ratings"]


@dataclass(frozen=True, kw_only=True)
class Rater:
    """A person who judges. One judgement of an item is its reward plus noise; ratings and comparisons follow from it.

    A rating is ``offset + scale * (reward + noise * G) + drift * t``. A comparison asks which of two judgements is
    higher, so offset, scale and drift cancel, and the first is preferred with probability
    ``sigmoid((reward_first - reward_second) / noise + position_bias)``: G is a Gumbel variable (mean 0, standard
    deviation pi / sqrt(6) = 1.28), and the difference of two is logistic.

    Parameters
    ----------
    scale
        Rating points for one unit of reward; above 0.
    offset
        The rating of an item with reward 0; it is high for a lenient rater.
    drift
        How far the ratings have moved between the first (t = 0) and the last (t = 1) of a session.
    noise
        How unsure a judgement is, in units of reward, at least 0. At 1 a reward is in nats, and at 0 the better item
        always wins.
    position_bias
        Log-odds (nats) in favour of the response that is shown first.
    """

    scale: float = 1.0
    offset: float = 0.0
    drift: float = 0.0
    noise: float = 1.0
    position_bias: float = 0.0

    def __post_init__(self) -> None:
        for name in ("scale", "offset", "drift", "noise", "position_bias"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be a finite number, got {getattr(self, name)!r}")
        if self.scale <= 0:
            raise ValueError(f"scale must be above 0 (rating points for one unit of reward), got {self.scale!r}")
        if self.noise < 0:
            raise ValueError(f"noise must be at least 0 (in units of reward), got {self.noise!r}")


@dataclass(frozen=True, eq=False)
class SimulatedRatings:
    """Ratings, one a row, in the order in which they were given: all of the first rater's, then the second's.

    ``values``, ``item_indices`` and ``rater_indices`` have shape ``(n_ratings,)``; ``rewards`` and ``raters`` are what
    the indices refer to. ``seed`` is None if a generator was given.
    """

    values: np.ndarray
    item_indices: np.ndarray
    rater_indices: np.ndarray
    rewards: np.ndarray
    raters: tuple[Rater, ...]
    seed: int | None


def simulate_ratings(
    rewards: Iterable[float],
    raters: Rater | Sequence[Rater] = Rater(),
    *,
    seed: int | np.random.Generator,
    n_ratings: int | None = None,
) -> SimulatedRatings:
    """Simulate ratings of items of known reward by each rater, in an order drawn for that rater.

    Parameters
    ----------
    rewards
        True rewards, shape ``(n_items,)``.
    raters
        One rater, or several.
    seed
        A whole number, or a NumPy generator to draw from.
    n_ratings
        Ratings by each rater; by default one of every item. With more, the rater goes through the items again.

    Raises
    ------
    ValueError, TypeError
        If a reward is not finite, there are no raters, or an option is out of range.
    """
    rng, values = generator(seed), _scores("rewards", list(rewards))
    judges = _raters(raters)
    n = len(values) if n_ratings is None else count("n_ratings", n_ratings)
    rounds = -(-n // len(values))
    rows, ratings = [], []
    for rater in judges:
        order = np.concatenate([rng.permutation(len(values)) for _ in range(rounds)])[:n]
        judged = values[order] + rater.noise * rng.gumbel(-np.euler_gamma, size=n)  # a standard Gumbel's mean is gamma
        rows.append(order)
        ratings.append(rater.offset + rater.scale * judged + rater.drift * np.linspace(0, 1, n))
    who = np.repeat(np.arange(len(judges)), n)
    return SimulatedRatings(
        np.concatenate(ratings),
        np.concatenate(rows),
        who,
        values,
        judges,
        None if isinstance(seed, np.random.Generator) else seed,
    )


@dataclass(frozen=True, eq=False)
class SimulatedComparisons:
    """Comparisons, winner first, as ``fit_bradley_terry(c.winners, c.losers, tied=c.tied, first=c.first)`` takes them.

    ``winners`` and ``losers`` hold labels from ``items``; ``tied`` is bool; ``first`` is +1 if the winner was shown
    first (played at home) and -1 if the loser was. In a tie the item shown first takes the place of the winner.
    ``score_differences`` are the log-odds of winner against loser from which each outcome was drawn, with noise, bias
    and order effect. All have shape ``(n_comparisons,)``. ``seed`` is None if a generator was given.
    """

    winners: np.ndarray
    losers: np.ndarray
    tied: np.ndarray
    first: np.ndarray
    rater_indices: np.ndarray
    score_differences: np.ndarray
    items: tuple[Hashable, ...]
    scores: np.ndarray
    raters: tuple[Rater, ...]
    order_effect: float
    tie_parameter: float
    seed: int | None


def simulate_comparisons(
    scores: Mapping[Hashable, float] | Iterable[float],
    *,
    seed: int | np.random.Generator,
    n_comparisons: int | None = None,
    pairs: Iterable[Sequence[Hashable]] | None = None,
    raters: Rater | Sequence[Rater] = Rater(),
    order_effect: float = 0.0,
    tie_parameter: float = 0.0,
) -> SimulatedComparisons:
    """Draw the outcomes of comparisons between items of known score.

    The first of two wins with log-odds ``(score_first - score_second) / noise + position_bias + order_effect``, where
    noise and position bias are those of the rater who judges it.

    Parameters
    ----------
    scores
        True scores: a mapping from labels, or shape ``(n_items,)``, whose labels are then 0, 1, 2, ...
    seed
        A whole number, or a NumPy generator to draw from.
    n_comparisons
        The number of comparisons; their pairs are drawn uniformly with replacement. By default each pair meets once.
    pairs
        The pairs that may meet, as labels: (first, second). By default all, with a random one of the two first.
    raters
        One rater or several; the rater of each comparison is drawn uniformly.
    order_effect
        Log-odds in favour of the item that is first (at home), for every rater.
    tie_parameter
        Davidson's nu; 0 gives no ties. See `rmlab.davidson_probabilities`.

    Raises
    ------
    ValueError, TypeError
        If a score is not finite, there are fewer than two items, a pair names an unknown item or one item twice, or
        an option is out of range.
    """
    rng = generator(seed)
    labels = tuple(scores) if isinstance(scores, Mapping) else None
    values = _scores("scores", list(scores.values() if isinstance(scores, Mapping) else scores))
    items: tuple[Hashable, ...] = labels if labels is not None else tuple(range(len(values)))
    judges = _raters(raters)
    if len(items) < 2:
        raise ValueError(f"scores must be of at least two items, got {len(items)}")
    for name, number in (("order_effect", order_effect), ("tie_parameter", tie_parameter)):
        if not math.isfinite(number):
            raise ValueError(f"{name} must be a finite number, got {number!r}")
    chosen = np.column_stack(np.triu_indices(len(items), 1)) if pairs is None else _pair_indices(pairs, items)
    if n_comparisons is not None:
        chosen = chosen[rng.integers(len(chosen), size=count("n_comparisons", n_comparisons))]  # (n, 2)
    if pairs is None:
        chosen = rng.permuted(chosen, axis=1)
    who = rng.integers(len(judges), size=len(chosen))
    noise = np.array([rater.noise for rater in judges])[who]
    bias = np.array([rater.position_bias for rater in judges])[who]
    gap = values[chosen[:, 0]] - values[chosen[:, 1]]
    with np.errstate(divide="ignore", invalid="ignore"):  # no noise: certain, unless the two are equal
        difference = np.where(gap == 0, 0.0, gap / noise) + bias + order_effect
    win, tie, _ = davidson_probabilities(difference, tie_parameter)
    drawn = rng.random(len(chosen))
    first_wins, tied = drawn < win, (drawn >= win) & (drawn < win + tie)
    sign = np.where(first_wins | tied, 1, -1)
    rows = np.arange(len(chosen))
    label_array = _label_array(items)
    return SimulatedComparisons(
        winners=label_array[chosen[rows, (sign < 0).astype(int)]],
        losers=label_array[chosen[rows, (sign > 0).astype(int)]],
        tied=tied,
        first=sign,
        rater_indices=who,
        score_differences=sign * difference,
        items=items,
        scores=values,
        raters=judges,
        order_effect=order_effect,
        tie_parameter=tie_parameter,
        seed=None if isinstance(seed, np.random.Generator) else seed,
    )


def generator(seed: int | np.random.Generator) -> np.random.Generator:
    """Return the generator for a seed, or the generator that was passed."""
    if isinstance(seed, np.random.Generator):
        return seed
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise TypeError(f"seed must be a whole number from 0 or a numpy.random.Generator, got {seed!r}")
    return np.random.default_rng(seed)


def count(name: str, value: int) -> int:
    """Return `value` as an int; raise ValueError unless it is a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
    return int(value)


def _raters(raters: Rater | Sequence[Rater]) -> tuple[Rater, ...]:
    judges = (raters,) if isinstance(raters, Rater) else tuple(raters)
    wrong = [type(judge).__name__ for judge in judges if not isinstance(judge, Rater)]
    if not judges or wrong:
        raise TypeError(f"raters must be a Rater or several, got {wrong[0] if wrong else 'none'}")
    return judges


def _scores(name: str, values: list[float]) -> np.ndarray:
    array = np.array(values, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise ValueError(f"{name} must have shape (n_items,) with at least one item, got {array.shape}")
    if not np.all(np.isfinite(array)):
        at = int(np.argmin(np.isfinite(array)))
        raise ValueError(f"{name} must be finite, got {array[at]} at position {at}")
    return array


def _pair_indices(pairs: Iterable[Sequence[Hashable]], items: tuple[Hashable, ...]) -> np.ndarray:
    """Return the positions of labels: shape (n_pairs, 2)."""
    index = {item: i for i, item in enumerate(items)}
    found = []
    for row, pair in enumerate(pairs):
        if len(pair) != 2 or pair[0] == pair[1]:
            raise ValueError(
                f"pairs must each name two different items (first, second), got {pair!r} at position {row}"
            )
        unknown = [item for item in pair if item not in index]
        if unknown:
            raise ValueError(f"pairs name {unknown[0]!r} at position {row}, which has no score; give it one in scores")
        found.append((index[pair[0]], index[pair[1]]))
    if not found:
        raise ValueError("pairs must hold at least one pair (first, second), got none")
    return np.array(found)


def _label_array(items: tuple[Hashable, ...]) -> np.ndarray:
    for kind in (str, int):
        if all(type(item) is kind for item in items):
            return np.array(items)
    labels = np.empty(len(items), dtype=object)  # NumPy would read tuples as rows, and turn 1 beside "a" into "1"
    labels[:] = items
    return labels
