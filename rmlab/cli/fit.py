"""`rmlab fit`."""

from __future__ import annotations

import argparse
import json
import math
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import rmlab
from rmlab.bradley_terry import BradleyTerryFit
from rmlab.data.csv_files import read_csv
from rmlab.data.formats import NoPairError
from rmlab.data.rows import listed, named
from rmlab.printing import is_blank, printable

_ROLES = {
    "winner": "column of the preferred item",
    "loser": "column of the other item",
    "weight": "column of counts, used if present",
    "tied": "column of true (a tie) or false, used if present",
    "first": "column of 1 (winner first, or at home), -1 (loser first) or 0 (neither), used if present",
}
_AS_OPTIONS = {
    "prior_variance=1.0": "--prior-variance 1.0",
    "ties='half'": "--ties half",
    "leave first out": "leave it out: --first ''",
    "Leave first out": "Leave it out (--first '')",
    "raise max_iterations": "raise --max-iterations",
}
"""Words of the library's advice, and the options that replace them on the command line."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("comparisons", metavar="COMPARISONS.csv", help="a header, and one comparison a row")
    for role, about in _ROLES.items():
        without = "; '' for none" if about.endswith("used if present") else ""
        parser.add_argument(f"--{role}", metavar="COLUMN", help=f"{about} (default: {role}{without})")
    parser.add_argument("--ties", choices=("half", "davidson"), help="how ties count (default: half a win for each)")
    parser.add_argument("--prior-variance", type=float, help="variance of a Gaussian prior on the scores")
    parser.add_argument("--max-iterations", type=int, default=100, help="most Newton iterations (default: 100)")
    parser.add_argument("--relative-to", metavar="ITEM", help="set this item's score to zero")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Fit one score for each item to a table of comparisons."""
    columns = _read_comparisons(Path(options.comparisons), options)
    try:
        fit = rmlab.fit_bradley_terry(
            columns["winner"],
            columns["loser"],
            weights=columns.get("weight"),
            tied=columns.get("tied"),
            ties=options.ties,
            first=columns.get("first"),
            prior_variance=options.prior_variance,
            max_iterations=options.max_iterations,
        )
    except (ValueError, RuntimeError) as error:  # no finite maximum, or no convergence
        advice = str(error)
        for argument, option in _AS_OPTIONS.items():
            advice = advice.replace(argument, option)
        raise ValueError(f"{options.comparisons}: {advice}") from error
    if options.relative_to is not None:
        fit = fit.relative_to(options.relative_to)
    print(_as_json(fit) if options.json else _as_text(fit))
    return 0


def _rows(fit: BradleyTerryFit) -> tuple[list[tuple[Any, float, Any, Any]], tuple[str, ...]]:
    """Return item, score, standard error and interval of each, best first, and notes; too many items get no errors."""
    errors: Any = [None] * len(fit.items)
    intervals, notes = errors, (*fit.notes, *_alike(map(str, fit.items)))
    try:
        errors, intervals = fit.standard_errors, fit.intervals()
    except ValueError as error:  # more items than a covariance matrix can hold
        notes = (*notes, f"no standard errors: {error} (a method of the fit in Python)")
    return sorted(zip(fit.items, fit.scores, errors, intervals, strict=True), key=lambda row: -row[1]), notes


def _as_json(fit: BradleyTerryFit) -> str:
    rows, notes = _rows(fit)
    items = [
        {"item": item, "score": score, "standard_error": error, "interval": None if ends is None else list(ends)}
        for item, score, error, ends in rows
    ]
    extras = {name: getattr(fit, name) for name in ("order_effect", "tie_parameter", "log_loss", "n_comparisons")}
    return json.dumps({"items": items, **extras, "reference": fit.reference, "notes": list(notes)}, indent=2)


def _as_text(fit: BradleyTerryFit) -> str:
    rows, notes = _rows(fit)
    names = [printable(row[0]) for row in rows]
    width = max(4, *map(len, names))
    lines = [f"{'item':<{width}}    score  std. error   95% interval"]
    for name, (_, score, error, ends) in zip(names, rows, strict=True):
        known = "" if error is None else f"     {_number(error, 7)}   {_number(ends[0], 6)} to {_number(ends[1], 6)}"
        lines.append(f"{name:<{width}}  {_number(score, 7)}{known}")
    gauge = "sum to zero" if fit.reference is None else f"are relative to {printable(fit.reference)}"
    lines.append(f"{fit.n_comparisons:,g} comparisons; scores are log-odds and {gauge}; log loss {fit.log_loss:.4f}")
    if fit.order_effect is not None:
        error = fit.order_effect_standard_error
        lines.append(f"effect of being first: {fit.order_effect:.3f} (std. error {error:.3f})")
    if fit.tie_parameter is not None:
        lines.append(f"tie parameter (Davidson): {fit.tie_parameter:.3f}")
    return "\n".join([*lines, *(f"note: {note}" for note in notes)])


def _number(value: float, width: int) -> str:
    return f"{value:{width}.3f}" if abs(value) < 1e6 else f"{value:{width}.2e}"


def _alike(items: Iterable[str]) -> Iterable[str]:
    """Yield a note on every two names that a reader would take for the same."""
    first: dict[str, str] = {}
    for item in items:
        shown = "".join(one for one in item if unicodedata.category(one) not in ("Cc", "Cf"))
        same = first.setdefault(" ".join(shown.casefold().split()), item)
        if same != item:
            yield f"{same!r} and {item!r} are different items, but differ only in case, spaces or invisible characters"


def _read_label(text: str) -> str:
    if is_blank(text):
        raise ValueError
    return unicodedata.normalize("NFC", text.strip())  # spellings that look the same are one name


def _read_weight(text: str) -> float:
    weight = float(text)
    if not 0 <= weight < math.inf:
        raise ValueError
    return weight


def _whole(text: str) -> str:
    return text.strip().removesuffix(".0")  # a column of whole numbers with gaps is written as floats


_FLAGS = {"true": True, "false": False, "1": True, "0": False}
_READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "winner": (_read_label, "the name of an item"),
    "loser": (_read_label, "the name of an item"),
    "weight": (_read_weight, "a finite number, 0 or more"),
    "tied": (lambda text: _FLAGS[_whole(text.lower())], "true or false"),
    "first": (lambda text: {"1": 1, "+1": 1, "-1": -1, "0": 0}[_whole(text)], "1, 0 or -1"),
}
"""How a cell of each role is read, and what it must be."""


def _read_comparisons(path: Path, options: argparse.Namespace) -> dict[str, list[Any]]:
    """Return the columns that a fit needs, by role. Raises ValueError, with file and line, for what cannot be read."""
    if not path.is_file():
        found = f"{path}: is not a regular file" if path.exists() else f"no file {str(path)!r} in {str(Path.cwd())!r}"
        raise ValueError(f"{found}; expected a CSV file of comparisons")
    names: dict[str, str] = {}
    columns: dict[str, list[Any]] = {}
    for place, row in read_csv(path, list).rows:
        if isinstance(row, NoPairError):  # a blank row is not a comparison
            continue
        if isinstance(row, ValueError):
            raise row
        if not names:
            names = _column_names([*row], options, f"{path}:1")
            columns = {role: [] for role in names}
        for role, name in names.items():
            read, expected = _READERS[role]
            try:
                columns[role].append(read(row[name]))
            except (KeyError, ValueError):
                raise ValueError(f"{place}: {name} must be {expected}, got {named(row[name])}") from None
        if columns["winner"][-1] == columns["loser"][-1]:
            raise ValueError(f"{place}: compares {named(columns['winner'][-1])} with itself; leave the row out")
    if not columns:
        raise ValueError(f"{path}: no comparisons; expected a header, such as winner,loser, and a row per comparison")
    return columns


def _column_names(header: list[str], options: argparse.Namespace, place: str) -> dict[str, str]:
    """Return the column of each role; weight, tied and first may be absent unless an option names them."""
    names = {}
    for role in _ROLES:
        asked = getattr(options, role)
        name = role if asked is None else asked
        if name in header:
            names[role] = name
        elif role in ("winner", "loser") or asked:
            raise ValueError(f"{place}: no column {named(name)}; it has {listed(header)}. Name it with --{role}")
    return names
