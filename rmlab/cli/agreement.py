"""`rmlab agreement`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rmlab.cli.options import add_skip_bad, read_given
from rmlab.printing import printable

if TYPE_CHECKING:
    from rmlab.labels import Agreement, Estimate, Judgement, RaterRecord, Rewarded


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("store", metavar="STORE", help="file of labels, or the address of a PostgreSQL database")
    parser.add_argument(
        "--pairs",
        metavar="PAIRS",
        help="the pairs that were judged (file, glob or hub id); adds what the raters reward",
    )
    parser.add_argument("--export", metavar="FILE", help="write every entry as a table (.csv)")
    parser.add_argument("--export-pairs", metavar="FILE", help="write the labels as pairs (.jsonl); needs --pairs")
    parser.add_argument(
        "--rater-weight",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="with --export-pairs: how often the pairs of a rater count in training (default: 1); may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_skip_bad(parser)


def run(options: argparse.Namespace) -> int:
    """Print how the raters of a store judged, and write the labels to files if asked."""
    from pathlib import Path

    try:
        import rmlab.labels as labels
    except ModuleNotFoundError as error:  # the lab extra is not installed; the message says so
        raise ValueError(str(error)) from error
    if options.export_pairs and not options.pairs:
        raise ValueError("--export-pairs needs the texts of the pairs. Name their file with --pairs")
    if options.rater_weight and not options.export_pairs:
        raise ValueError("--rater-weight needs --export-pairs. Add that option, or leave --rater-weight out")
    weights = _rater_weights(options.rater_weight)
    if "://" not in options.store and not Path(options.store).is_file():
        raise ValueError(f"no file {options.store!r}: name the store that `rmlab judge --store` wrote")
    read = {Path(one).resolve() for one in (options.store, options.pairs) if one}
    for option, file in (("--export", options.export), ("--export-pairs", options.export_pairs)):
        if file and Path(file).resolve() in read:
            raise ValueError(f"{option} {file} would replace a file that is read; name another")
    with labels.LabelStore(options.store) as store:
        entries = store.judgements()
    found = labels.agreement(entries)
    rewarded, of_camps = _rewarded(entries, found, options, weights) if options.pairs else (None, ())
    print(_as_json(found, rewarded, of_camps) if options.json else "\n".join(_as_text(found, rewarded, of_camps)))
    if options.export:
        labels.export_table(entries, options.export)
    return 0


def _rewarded(
    entries: list[Judgement], found: Agreement, options: argparse.Namespace, weights: dict[str, str]
) -> tuple[Rewarded, tuple[Rewarded, ...]]:
    """Fit what all raters and each of two clear camps reward, and write the labels as pairs if asked."""
    import rmlab
    from rmlab.labels import ask, export_pairs, fit_camps, fit_rewarded, traits_of

    questions = ask(read_given(options.pairs, options))
    traits = traits_of(questions)
    rewarded = fit_rewarded(entries, questions, traits.differences, traits.names)
    if options.export_pairs:
        pairs, n_vanished = export_pairs(entries, questions, rater_weights=weights)
        rmlab.write_pairs(pairs, options.export_pairs)
        left_out = f"; {n_vanished:,} left out, whose pairs are not in {printable(options.pairs)}" if n_vanished else ""
        print(f"rmlab: {len(pairs):,} labels written to {printable(options.export_pairs)}{left_out}", file=sys.stderr)
    if found.camps is None or not found.camps.clear:
        return rewarded, ()
    return rewarded, fit_camps(entries, found.camps, questions, traits.differences, traits.names)


def _rater_weights(given: list[str]) -> dict[str, str]:
    """Return the weight of each rater that the command line names, as text, which `export_pairs` converts."""
    weights: dict[str, str] = {}
    for one in given:
        rater, equals, weight = one.rpartition("=")  # a name may contain one
        if not equals:
            raise ValueError(f"--rater-weight {one!r}: expected NAME=NUMBER, such as Ann=0.5")
        if rater in weights:
            raise ValueError(f"--rater-weight gives {rater!r} two weights, {weights[rater]} and {weight}; give one")
        weights[rater] = weight
    return weights


def _as_json(found: Agreement, rewarded: Rewarded | None, of_camps: tuple[Rewarded, ...]) -> str:
    written: dict[str, Any] = asdict(found)
    if rewarded is not None:
        written["rewarded"] = _fit_as_json(rewarded)
        written["rewarded_by_camp"] = [_fit_as_json(one) for one in of_camps]
    return json.dumps(written, indent=2, allow_nan=False)


def _fit_as_json(rewarded: Rewarded) -> dict[str, Any]:
    return {
        "weights": [asdict(weight) for weight in rewarded.weights],
        "n_labels": rewarded.n_labels,
        "n_ties": rewarded.n_ties,
        "more_for_half": rewarded.more_for_half,
    }


def _as_text(found: Agreement, rewarded: Rewarded | None, of_camps: tuple[Rewarded, ...]) -> Iterator[str]:
    yield (
        f"{found.n_judgements:,} judgements of {found.n_pairs:,} pairs by {_counted(found.n_raters, 'rater')}; "
        f"{found.n_skips:,} skipped, {found.n_taken_back:,} changed or undone (intervals: 95%, by pair)"
    )
    yield from _raters(found.raters)
    if found.consistency:
        pairs = _counted(found.consistency.n_pairs, "pair")
        yield f"same judgement when a pair came back swapped: {found.consistency}, {pairs}"
    if found.raw:
        yield f"two raters agree: {found.raw}, {_counted(found.raw.n_pairs, 'pair')}"
    if found.alpha:
        yield f"Krippendorff's alpha: {found.alpha}"
    if found.ceiling:
        at_least, at_most = found.ceiling.leave_one_out, found.ceiling.upper_bound
        yield f"ceiling of any model's accuracy against one judgement: between {at_least:.2f} and {at_most:.2f}"
    if found.camps and found.camps.clear:
        one, other = (", ".join(map(printable, part)) for part in found.camps.members)
        mean, lower, upper = found.camps.gap
        yield f"two camps: {one} | {other} (p = {found.camps.p_value:.3f} against no camps)"
        yield (
            f"  two raters of the smaller camp agree more often than raters of different camps, by {mean:.2f} "
            f"({lower:.2f} to {upper:.2f}), on {_counted(found.camps.n_pairs, 'pair')} not used to find the camps"
        )
    if rewarded is not None:
        yield ""
        yield str(rewarded)
    if found.camps is not None:
        for members, fit in zip(found.camps.members, of_camps, strict=False):
            yield f"\nthe camp of {', '.join(map(printable, members))}:"
            yield str(fit)


def _raters(raters: tuple[RaterRecord, ...]) -> Iterator[str]:
    names = [printable(one.rater) for one in raters]
    width = max(5, *map(len, names))
    yield f"{'rater':<{width}}  labels  seconds  left preferred        same again            agrees with others"
    for name, one in zip(names, raters, strict=True):
        cells = [f"{_cell(given):<20}" for given in (one.left, one.consistency, one.with_others)]
        remarks = [f"prefers the {one.side}"] if one.side else []
        remarks += ["agrees less with the others than they do with each other"] if one.stands_apart else []
        note = f"  ! {'; '.join(remarks)}" if remarks else ""
        row = f"{name:<{width}}  {one.n_judgements:6,}  {one.median_seconds:7.1f}  {'  '.join(cells)}{note}"
        yield row.rstrip()


def _cell(given: Estimate | None) -> str:
    return "-" if given is None else str(given)


def _counted(n: int, name: str) -> str:
    return f"{n:,} {name}" if n == 1 else f"{n:,} {name}s"
