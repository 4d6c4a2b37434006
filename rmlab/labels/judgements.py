"""`Judgement`, one entry in the record of a session, and `standing`, the entries that count after changes and undos."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from rmlab import __version__
from rmlab.printing import printable

__all__ = ["LONGEST_NAME", "LONGEST_SECONDS", "VERDICTS", "Judgement", "Verdict", "now", "rater_name", "standing"]

Verdict = Literal["left", "right", "tie", "skip", "undo"]
VERDICTS: tuple[str, ...] = get_args(Verdict)
LONGEST_NAME = 40
"""The most characters of a rater's name."""
LONGEST_SECONDS = 1e6
_ID = re.compile(r"[0-9a-f]{16}")
_KEY = re.compile(r"[\w-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One entry. Nothing is overwritten: a change of mind is a later entry of the same showing, and so is an undo.

    Raises
    ------
    ValueError
        If a field is not valid.
    """

    session: str
    """The sitting of one rater: letters, digits, - and _."""
    position: int
    """Place of this entry in its session, from 1."""
    key: str
    """The name of this entry, chosen by the page that sent it. An entry that is sent again is counted once."""
    showing: int
    """Number of the pair that was judged, in the order in which the session showed them, from 1."""
    rater: str
    pair: str
    """The smaller of the two names that `rmlab.data.pair_ids` gives a pair and its swapped twin."""
    swapped: bool
    """Whether the second response was on the left. The first is the one that is chosen under the name in `pair`."""
    verdict: Verdict
    seconds: float
    """Time from the showing to the click."""
    rule: str
    """How the pair was drawn: "random", "disagreement", "information", "repeat", or "imported"."""
    time: str
    """When the entry was made; ISO 8601, UTC."""
    version: str = __version__
    """The version of rmlab."""

    def __post_init__(self) -> None:
        rater_name(self.rater)
        for name, pattern in (("session", _KEY), ("key", _KEY), ("rule", _KEY), ("pair", _ID)):
            _must(bool(pattern.fullmatch(getattr(self, name))), name, "a short name", getattr(self, name))
        for name in ("position", "showing"):
            _must(getattr(self, name) >= 1, name, "from 1", getattr(self, name))
        _must(self.verdict in VERDICTS, "verdict", f"one of {', '.join(VERDICTS)}", self.verdict)
        _must(
            math.isfinite(self.seconds) and 0 <= self.seconds <= LONGEST_SECONDS,
            "seconds",
            "from 0 to 1e6",
            self.seconds,
        )
        try:
            datetime.fromisoformat(self.time)
        except ValueError:
            _must(False, "time", "ISO 8601", self.time)

    @property
    def preferred(self) -> int | None:
        """+1 for the first response of the pair, -1 for the second, 0 for a tie, None for a skip or an undo."""
        if self.verdict == "tie":
            return 0
        if self.verdict not in ("left", "right"):
            return None
        return 1 if (self.verdict == "left") != self.swapped else -1


def rater_name(name: str) -> str:
    """Return a rater's name without space around it.

    Raises
    ------
    ValueError
        If it is empty, is longer than 40 characters, holds one that is not printable, or does not begin with a letter
        or digit (a spreadsheet might take it for a formula).
    """
    name = name.strip()
    if not (name and len(name) <= LONGEST_NAME and name.isprintable() and name[0].isalnum()):
        shown = printable(name[: LONGEST_NAME + 1])
        raise ValueError(
            f"a rater's name must be 1 to {LONGEST_NAME} printable characters and begin with a letter or digit, "
            f"got {shown!r}"
        )
    return name


def standing(entries: Iterable[Judgement]) -> list[Judgement]:
    """Return the last entry of each showing of a session, unless it is an undo, ordered by session and position."""
    last: dict[tuple[str, int], Judgement] = {}
    for entry in sorted(entries, key=lambda entry: (entry.session, entry.position)):
        last.pop((entry.session, entry.showing), None)  # a change takes its place at the end
        last[entry.session, entry.showing] = entry
    return [entry for entry in last.values() if entry.verdict != "undo"]


def now() -> str:
    """Return the present time in the form of `Judgement.time`."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _must(holds: bool, name: str, expected: str, got: Any) -> None:
    if not holds:
        raise ValueError(f"{name} must be {expected}, got {printable(got)!r}")
