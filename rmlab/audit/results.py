"""The results of an audit: a frozen table, one row for each check."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rmlab.data import Side

__all__ = ["Audit", "CheckResult", "CheckTable", "Example", "Status", "table_lines"]

Status = Literal["kept", "broken", "not applicable"]
WIDTH = 118


@dataclass(frozen=True)
class Example:
    """The smallest input on which a fault still shows, and the numbers that show it."""

    parts: Mapping[str, Side]
    """For example the prompt and the two responses; texts, or messages if the pairs are messages."""
    numbers: Mapping[str, float]
    """For example the score alone and in a batch, in nats."""

    def __str__(self) -> str:
        parts = [f"{name} {_short(part)}" for name, part in self.parts.items()]
        return "; ".join([*parts, *(f"{name} {value:.6g}" for name, value in self.numbers.items())])


@dataclass(frozen=True)
class CheckResult:
    """What one check found."""

    name: str
    status: Status
    found: str
    """What was measured; if the check is not applicable, why."""
    example: Example | None
    """The smallest example of a broken invariant, if an example can show it."""
    remedy: str
    """What to do if it is broken."""
    issues: tuple[str, ...]
    """Public issues, as ``repository#number``, in which people reported this fault."""


class CheckTable:
    """What the tables of an audit have in common: rows, by name, and which are broken."""

    results: tuple[CheckResult, ...]

    @property
    def broken(self) -> tuple[str, ...]:
        """The names of the checks that are broken."""
        return tuple(result.name for result in self.results if result.status == "broken")

    def __getitem__(self, name: str) -> CheckResult:
        for result in self.results:
            if result.name == name:
                return result
        raise KeyError(f"no check is named {name!r}; there are {', '.join(r.name for r in self.results)}")


@dataclass(frozen=True)
class Audit(CheckTable):
    """The results of `audit`; ``print`` shows a table and `to_dict` returns what JSON can hold."""

    model: str
    results: tuple[CheckResult, ...]
    n_pairs: int | None
    """Pairs in the sample; None if the built-in texts were read."""
    n_texts: int
    tolerance: float
    """Scores that differ by no more than this, in nats, count as the same."""
    spread: float
    """Standard deviation of the scores of the sample, in nats."""
    max_length: int | None
    """The limit that was asked for; None if the model's own limit was used."""
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Return the audit as dicts, lists, strings and numbers."""
        result = asdict(self)
        result["results"] = list(result["results"])
        return {**result, "broken": list(self.broken)}

    def __str__(self) -> str:
        drawn = (
            "built-in texts" if self.n_pairs is None else f"texts of {self.n_pairs:,} pairs drawn with seed {self.seed}"
        )
        lines = [
            f"audit of {self.model}, on {self.n_texts:,} {drawn}",
            f"scores spread by {self.spread:.3g} (standard deviation); the same means within {self.tolerance:.2g}",
            "",
        ]
        return "\n".join([*lines, *table_lines(self.results)])


def table_lines(results: Sequence[CheckResult]) -> list[str]:
    """Return the lines of a table: a row for each check, and at the end how many are kept, broken and neither."""
    lines: list[str] = []
    width = max(len(result.name) for result in results)
    indent = " " * (8 + width + 2)
    for result in results:
        word = {"kept": "kept", "broken": "BROKEN", "not applicable": "n/a"}[result.status]
        lines += _wrap(f"{word:<8}{result.name:<{width}}  ", result.found, indent)
        if result.status == "broken":
            if result.example is not None:
                lines += _wrap(f"{indent}example: ", str(result.example), f"{indent}  ")
            seen = f" (seen in {', '.join(result.issues)})" if result.issues else ""
            lines += _wrap(f"{indent}to fix: ", result.remedy + seen, f"{indent}  ")
    counts = {s: sum(r.status == s for r in results) for s in ("kept", "broken", "not applicable")}
    return [*lines, "", ", ".join(f"{count} {status}" for status, count in counts.items())]


def _wrap(first: str, text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False) or [first]


def _short(part: Side, limit: int = 60) -> str:
    said = () if isinstance(part, str) else [(m["role"], m.get("content") or m.get("tool_calls") or "") for m in part]
    text = part if isinstance(part, str) else " / ".join(f"{role}: {words}" for role, words in said)
    if len(text) <= limit:
        return repr(text)
    return f"{text[: limit // 2]!r} ... {text[-limit // 3 :]!r} ({len(text.split()):,} words)"
