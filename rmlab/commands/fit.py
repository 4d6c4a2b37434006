"""`rmlab fit`."""

from __future__ import annotations

import argparse
import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rmlab

_EXPECTED = {"weight": "a finite number, 0 or more", "tied": "true or false", "first": "1, 0 or -1"}
_AS_OPTIONS = {"prior_variance=1.0": "--prior-variance 1.0", "ties='half'": "--ties half"}
"""How the advice of the library reads on the command line."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument("comparisons", metavar="COMPARISONS.csv", help="one comparison a row, with a header")
    for role, about in {
        "winner": "column of the preferred item",
        "loser": "column of the other item",
        "weight": "column of counts, used if there",
        "tied": "column of true or false, used if there",
        "first": "column of 1 (winner first, or at home), -1 or 0, used if there",
    }.items():
        parser.add_argument(f"--{role}", default=role, metavar="COLUMN", help=f"{about} (default: {role})")
    parser.add_argument("--ties", choices=("half", "davidson"), help="how ties count (default: half a win each way)")
    parser.add_argument("--prior-variance", type=float, help="variance of a Gaussian prior on the scores")
    parser.add_argument("--relative-to", metavar="ITEM", help="put this item's score at zero")
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
        )
    except ValueError as error:
        advice = str(error)
        for argument, option in _AS_OPTIONS.items():
            advice = advice.replace(argument, option)
        raise ValueError(advice) from error
    if options.relative_to is not None:
        fit = fit.relative_to(options.relative_to)
    rows = sorted(zip(fit.items, fit.scores, fit.standard_errors, fit.intervals(), strict=True), key=lambda r: -r[1])
    if options.json:
        items = [
            {"item": item, "score": score, "standard_error": error, "interval": list(interval)}
            for item, score, error, interval in rows
        ]
        extras = {name: getattr(fit, name) for name in ("order_effect", "tie_parameter", "log_loss", "n_comparisons")}
        print(json.dumps({"items": items, **extras, "reference": fit.reference}, indent=2))
        return 0
    width = max(4, *(len(str(row[0])) for row in rows))
    print(f"{'item':<{width}}    score  std. error   95% interval")
    for item, score, error, (low, high) in rows:
        print(f"{item!s:<{width}}  {score:7.3f}     {error:7.3f}   {low:6.3f} to {high:6.3f}")
    gauge = "sum to zero" if fit.reference is None else f"are relative to {fit.reference}"
    print(f"{fit.n_comparisons:,g} comparisons; scores are log-odds and {gauge}; log loss {fit.log_loss:.4f}")
    if fit.order_effect is not None:
        print(f"effect of being first: {fit.order_effect:.3f} (std. error {fit.order_effect_standard_error:.3f})")
    if fit.tie_parameter is not None:
        print(f"tie parameter (Davidson): {fit.tie_parameter:.3f}")
    return 0


def _read_weight(text: str) -> float:
    weight = float(text)
    if not 0 <= weight < math.inf:
        raise ValueError
    return weight


def _read_comparisons(path: Path, options: argparse.Namespace) -> dict[str, list[Any]]:
    """Read the columns that a fit needs from a CSV file, naming file and line of what cannot be read."""
    flags = {"true": True, "false": False, "1": True, "0": False}
    readers: dict[str, Callable[[str], Any]] = {
        "winner": str, "loser": str, "weight": _read_weight, "tied": lambda v: flags[v.lower()],
        "first": lambda v: {"1": 1, "+1": 1, "-1": -1, "0": 0}[v],
    }  # fmt: skip
    names = {role: getattr(options, role) for role in readers}
    if not path.is_file():
        raise ValueError(f"no file {str(path)!r} in {str(Path.cwd())!r}; expected a CSV file of comparisons")
    with path.open(newline="", encoding="utf-8-sig") as file:
        table = csv.DictReader(file, strict=True)
        found = table.fieldnames
        if not found:
            raise ValueError(f"{path}: the file is empty; expected a header with {names['winner']},{names['loser']}")
        for role in ("winner", "loser"):
            if names[role] not in found:
                raise ValueError(
                    f"{path}: no column {names[role]!r}; it has {', '.join(found)}. Name the column with --{role}"
                )
        roles = {role: name for role, name in names.items() if name in found}
        columns: dict[str, list[Any]] = {role: [] for role in roles}
        try:
            for row in table:
                for role, name in roles.items():
                    if row[name] is None or None in row:
                        raise ValueError(f"expected {len(found)} fields, as in the header")
                    try:
                        columns[role].append(readers[role](row[name]))
                    except (KeyError, ValueError):
                        expected = {
                            "weight": "a finite number, 0 or more",
                            "tied": "true or false",
                            "first": "1, 0 or -1",
                        }[role]
                        raise ValueError(f"{name} must be {expected}, got {row[name]!r}") from None
        except (csv.Error, ValueError) as error:
            raise ValueError(f"{path}, line {table.line_num}: {error}") from None
    if not columns["winner"]:
        raise ValueError(f"{path}: no comparisons below the header")
    return columns
