"""Grey patches to rate and to compare, twice each and for equal times, to see how consistent a person is.

`PatchSession` asks and records, and needs no display; `PatchJudgements` holds the judgements of one person;
`judge_patches` is the session as a widget.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import anywidget
import numpy as np
from traitlets import Int, Tuple, Unicode

from rmlab.bradley_terry import fit_bradley_terry
from rmlab.explorer.bundle import style, widget_module
from rmlab.simulate import Rater

__all__ = ["GREYS", "PatchJudgements", "PatchSession", "PatchView", "judge_patches", "simulate_patch_judgements"]

Way = Literal["ratings", "comparisons"]

GREYS = tuple(range(108, 140, 4))
"""Lightness of the patches, darkest first, from 0 (black) to 255 (white)."""
N_RATINGS = 9
"""Ratings go from 1, dark, to this number."""


@dataclass(frozen=True)
class PatchJudgements:
    """The judgements of one person, round by round; a patch is given by its place in `GREYS`.

    A rating is ``(patch, rating, seconds)``, a comparison ``(lighter, darker, seconds)``.
    """

    ratings: tuple[tuple[tuple[int, int, float], ...], ...]
    comparisons: tuple[tuple[tuple[int, int, float], ...], ...]

    def to_json(self) -> str:
        """Return one line of text to send to a teacher."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> PatchJudgements:
        """Read what `to_json` returned.

        Raises
        ------
        ValueError
            If the text does not have that form.
        """
        try:
            read = json.loads(text)
            parts = [
                tuple(tuple((int(a), int(b), float(seconds)) for a, b, seconds in part) for part in read[way])
                for way in ("ratings", "comparisons")
            ]
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"expected a line that to_json gave, got {text[:40]!r}: {error}") from None
        found = cls(*parts)
        places = [a for part in found.ratings for a, _, _ in part]
        places += [place for part in found.comparisons for a, b, _ in part for place in (a, b)]
        if len(found.ratings) != 2 or len(found.comparisons) != 2 or not set(places) <= set(range(len(GREYS))):
            raise ValueError(f"expected two rounds of each, of patches from 0 to {len(GREYS) - 1}, got {text[:40]!r}")
        rated = {rating for part in found.ratings for _, rating, _ in part}
        if not rated <= set(range(1, N_RATINGS + 1)):
            raise ValueError(f"expected ratings from 1 to {N_RATINGS}, got {text[:40]!r}")
        return found

    def seconds(self, way: Way) -> float:
        """Return the median seconds that a judgement took."""
        return float(np.median([taken for part in getattr(self, way) for _, _, taken in part]))

    @property
    def n_pairs(self) -> int:
        """The number of pairs of patches that were compared and rated in both rounds, which `same_order` counts."""
        return len(self._pairs())

    def _pairs(self) -> list[list[int]]:
        compared = [{frozenset((a, b)) for a, b, _ in part} for part in self.comparisons]
        rated = set.intersection(*({patch for patch, _, _ in part} for part in self.ratings))
        return [sorted(pair) for pair in compared[0] & compared[1] if pair <= rated]

    def same_order(self) -> tuple[float, float, int]:
        """Return how often a pair of patches was put in the same order both times: by ratings, and by comparisons.

        Only pairs that were compared in both rounds and rated in both count; the third value is their number. If the
        mean ratings of a round are equal, the order is left to a coin, and the pair counts one half.
        """
        first, second = (
            {frozenset((a, b)): np.sign(a - b) for a, b, _ in part} for part in self.comparisons
        )  # +1 if the truly lighter one was said to be lighter
        means = [self._mean_ratings(part) for part in self.ratings]
        pairs = self._pairs()
        if not pairs:
            raise ValueError("no pair of patches was both rated and compared in both rounds; give the rounds more time")
        by_rating = [np.sign(means[0][b] - means[0][a]) * np.sign(means[1][b] - means[1][a]) for a, b in pairs]
        by_comparing = [first[frozenset(pair)] * second[frozenset(pair)] for pair in pairs]
        return (1 + float(np.mean(by_rating))) / 2, (1 + float(np.mean(by_comparing))) / 2, len(pairs)

    def tau(self, way: Way) -> float:
        """Return Kendall's tau between the true lightness and the order that all judgements of one kind give."""
        from scipy.stats import kendalltau

        rounds = [judgement for part in getattr(self, way) for judgement in part]
        found: dict[Any, float]
        if way == "ratings":
            found = self._mean_ratings(rounds)
        else:
            fit = fit_bradley_terry([a for a, _, _ in rounds], [b for _, b, _ in rounds], prior_variance=1.0)
            found = dict(zip(fit.items, fit.scores.round(9).tolist(), strict=True))
        patches = sorted(found)  # a patch that was never seen has no place in the order
        result: Any = kendalltau([GREYS[int(patch)] for patch in patches], [found[patch] for patch in patches])
        return float(result.statistic)

    @staticmethod
    def _mean_ratings(part: Sequence[tuple[int, int, float]]) -> dict[Any, float]:
        seen = sorted({patch for patch, _, _ in part})
        return {patch: float(np.mean([rating for one, rating, _ in part if one == patch])) for patch in seen}


class PatchSession:
    """Ask for ratings, comparisons, ratings again and comparisons again, each for the same number of seconds.

    A part begins when `start` is called, and ends with the first answer after the time is up. The second round asks the
    same questions as the first, in a new order and with left and right exchanged.

    Parameters
    ----------
    seconds
        Seconds for each of the four parts, above 0.
    first
        Which way comes first. In a class, half of the people should begin with the other way.
    seed
        Seed of the order of the questions.
    clock
        A function that returns the time in seconds.
    """

    def __init__(
        self,
        *,
        seconds: float = 30.0,
        first: Way = "ratings",
        seed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not seconds > 0:
            raise ValueError(f"seconds must be above 0, got {seconds!r}")
        if first not in ("ratings", "comparisons"):
            raise ValueError(f"first must be 'ratings' or 'comparisons', got {first!r}")
        self.seconds = seconds
        other: Way = "comparisons" if first == "ratings" else "ratings"
        self.parts: tuple[Way, ...] = (first, other, first, other)
        self._clock, self._rng = clock, np.random.default_rng(seed)
        self._answers: list[list[tuple[int, int, float]]] = [[]]
        self._asked: list[list[tuple[int, ...]]] = [[]]  # the questions of each part, in order
        self._queue: list[tuple[int, ...]] = []
        self._began: float | None = None
        self._shown = 0.0

    @property
    def part(self) -> int:
        """The part that is next or under way, from 0; 4 when all are done."""
        return len(self._answers) - 1

    @property
    def question(self) -> tuple[int, ...] | None:
        """The patch to rate, or the two to compare, left and right; None between parts."""
        return self._queue[0] if self._began is not None else None

    def start(self) -> None:
        """Begin the next part, and start its clock."""
        if self.part == len(self.parts):
            raise ValueError("the session is over; make a new one to begin again")
        self._refill()
        self._began = self._shown = self._clock()

    def answer(self, value: int) -> None:
        """Take the answer to `question`: a rating from 1 to 9, or 0 where left is lighter and 1 where right is.

        Raises
        ------
        ValueError
            If nothing was asked, or the answer is not a possible one.
        """
        question, began = self.question, self._began
        if question is None or began is None:
            raise ValueError("nothing was asked yet: call start() first")
        allowed = range(1, N_RATINGS + 1) if len(question) == 1 else range(2)
        if value not in allowed:
            raise ValueError(f"the answer must be from {allowed[0]} to {allowed[-1]}, got {value!r}")
        now = self._clock()
        taken = round(now - self._shown, 2)
        pair = (question[0], value) if len(question) == 1 else (question[value], question[1 - value])
        self._answers[-1].append((*pair, taken))
        self._asked[-1].append(question)
        del self._queue[0]
        self._shown = now
        if now - began >= self.seconds:
            self._began = None
            self._queue = []
            self._answers.append([])
            self._asked.append([])
        elif not self._queue:
            self._refill()

    def _refill(self) -> None:
        """Queue the questions of the first round at the start of the second, and otherwise all questions."""
        if self.part >= 2 and not self._asked[-1]:
            once = {frozenset(question): question[::-1] for question in self._asked[self.part - 2]}
            found = list(once.values())
        elif self.parts[self.part] == "ratings":
            found = [(patch,) for patch in range(len(GREYS))]
        else:
            pairs = zip(*np.triu_indices(len(GREYS), 1), strict=True)
            found = [(int(a), int(b)) if self._rng.random() < 0.5 else (int(b), int(a)) for a, b in pairs]
        self._queue = [found[i] for i in self._rng.permutation(len(found))]

    @property
    def judgements(self) -> PatchJudgements | None:
        """The judgements, once all four parts are done; until then None."""
        if self.part < len(self.parts):
            return None
        by_way = {
            way: tuple(tuple(self._answers[i]) for i in range(4) if self.parts[i] == way)
            for way in ("ratings", "comparisons")
        }
        return PatchJudgements(**by_way)


def simulate_patch_judgements(
    rater: Rater,
    *,
    seed: int,
    seconds: float = 30.0,
    seconds_per_rating: float = 2.0,
    seconds_per_comparison: float = 2.0,
    noise_side_by_side: float = 1.0,
) -> PatchJudgements:
    """Simulate the session of a person.

    The reward of a patch is its place in `GREYS`, counted from the middle. A rating is the reward plus the rater's
    noise, changed by the rater's scale, offset and drift (over the whole session), and rounded to
    1, 2, ... 9, where 5 means a reward of 0.

    Parameters
    ----------
    rater
        The rater who judges.
    seed
        Seed of the questions and of the noise.
    seconds
        Seconds for each part.
    seconds_per_rating, seconds_per_comparison
        How long a judgement takes.
    noise_side_by_side
        The noise of a patch in a comparison, as a multiple of that in a rating. It is below 1 for a person who sees
        better when both are in view.
    """
    now = [0.0]
    session, rng = PatchSession(seconds=seconds, seed=seed, clock=lambda: now[0]), np.random.default_rng([seed, 1])
    middle = (len(GREYS) - 1) / 2

    def perceived(patch: int, noise: float) -> float:
        return patch - middle + noise * float(rng.gumbel(-np.euler_gamma))

    while session.part < len(session.parts):
        session.start()
        while (asked := session.question) is not None:
            if len(asked) == 1:
                now[0] += seconds_per_rating
                drift = rater.drift * now[0] / (len(session.parts) * seconds)
                said = 5 + rater.offset + rater.scale * perceived(asked[0], rater.noise) + drift
                session.answer(int(np.clip(np.round(said), 1, N_RATINGS)))
            else:
                now[0] += seconds_per_comparison
                noise = rater.noise * noise_side_by_side
                left, right = (perceived(patch, noise) for patch in asked)
                session.answer(int(right > left + noise * rater.position_bias))
    judgements = session.judgements
    assert judgements is not None  # all parts are done
    return judgements


class PatchView(anywidget.AnyWidget):
    """A widget for the session of one person: one or two grey patches, a question, and buttons or keys for the answer.

    Attributes
    ----------
    greys
        The patches to show: none, one or two.
    line
        The question or the message.
    choices
        ``(text, value, key)`` of each button: the text, the argument of `press`, and the browser's name of the key that
        does the same.
    screen
        The number of screens shown so far; an answer to any but the last screen is ignored.
    """

    _esm = widget_module("patches.js")
    _css = style()
    greys = Tuple().tag(sync=True)
    line = Unicode().tag(sync=True)
    choices = Tuple().tag(sync=True)
    screen = Int().tag(sync=True)

    def __init__(self, session: PatchSession):
        super().__init__()
        self.session = session
        self.on_msg(self._hear)
        self._show()

    def __repr__(self) -> str:
        """Return what would be shown, for a notebook without a kernel."""
        return "Grey patches to rate and to compare. Run this cell to use it."

    def press(self, value: int | None) -> None:
        """Answer the question, or begin the next part with None, as a button does."""
        if value is None:
            self.session.start()
        else:
            self.session.answer(value)
        self._show()

    def _hear(self, _: Any, said: dict[str, Any], _buffers: Any) -> None:
        if said["screen"] == self.screen:
            self.press(said["value"])

    def _show(self) -> None:
        session, question = self.session, self.session.question
        choices: tuple[tuple[str, int | None, str], ...]
        if question is not None and len(question) == 1:
            line = "How light is it? 1 is dark, 9 is light. (Click, or press the number.)"
            choices = tuple((str(n), n, str(n)) for n in range(1, N_RATINGS + 1))
        elif question is not None:
            line = "Which one is lighter? (Click, or press an arrow key, ← or →.)"
            choices = (("left is lighter", 0, "ArrowLeft"), ("right is lighter", 1, "ArrowRight"))
        elif session.part == len(session.parts):
            line, choices = "Done. Thank you. Now run the cells below.", ()
        else:
            way = session.parts[session.part]
            line = (
                f"Next: {way}, for {session.seconds:g} seconds. Give one answer to each question; go by your first "
                "impression."
            )
            choices = ((f"Start part {session.part + 1} of 4", None, ""),)
        with self.hold_sync():
            self.greys = tuple(GREYS[patch] for patch in question or ())
            self.line, self.choices = line, choices
            self.screen += 1


def judge_patches(session: PatchSession) -> PatchView:
    """Return a widget that takes one person through a session."""
    return PatchView(session)
