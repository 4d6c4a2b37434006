"""`rmlab evaluate`."""

from __future__ import annotations

import argparse
import json
import platform
import shlex
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from rmlab.backbones import sha256
from rmlab.commands.options import add_model, add_skip_bad, read_given
from rmlab.data import PreferencePairs
from rmlab.evaluation import (
    NoiseCeiling,
    RewardBenchScores,
    evaluate,
    fit_temperature,
    noise_ceiling,
    rewardbench,
    rewardbench2,
)
from rmlab.evaluation.rewardbench import SECTIONS, SUBSETS, SUBSETS_2
from rmlab.model import RewardModel
from rmlab.report.found import Report, Tempered

N_BOOTSTRAP = 2000
HELD_BACK = 0.3
"""Share of the pairs that the temperature is fitted to where no held-out pairs are given."""
JUDGED_AGAIN = 20
"""From so many pairs judged more than once, a noise ceiling is given."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    add_model(parser)
    parser.add_argument("pairs", metavar="PAIRS", help="file, glob or hub id")
    parser.add_argument(
        "--held-out",
        metavar="PAIRS",
        help=f"other pairs to fit the temperature to (default: {100 * HELD_BACK:.0f} in 100 of PAIRS, by prompt)",
    )
    add_skip_bad(parser)
    parser.add_argument("--max-length", type=int, help="longest sequence in tokens")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap and of that split (default: 0)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a page with the figures and pictures")


def run(options: argparse.Namespace) -> int:
    """Evaluate a reward model on preference pairs."""
    page: Path | None = options.html
    if page is not None and (page.is_dir() or not page.parent.is_dir()):  # before the scoring, not after
        raise ValueError(
            f"{page} cannot be written: " + ("it is a folder" if page.is_dir() else "its folder is missing")
        )
    model = RewardModel.from_pretrained(options.model, revision=options.revision)
    pairs = read_given(options.pairs, options)
    report = _examine(model, pairs, options)
    if page is not None:
        from rmlab.report.page import render  # with Matplotlib

        page.write_text(render(report), encoding="utf-8")
    if options.json:
        print(json.dumps(report.to_dict(), indent=2))
        return 0
    print(pairs.report, *(f"  {n:>7,} {name}" for name, n in report.counts.items() if n), "", report, sep="\n")
    if page is not None:
        print(f"\nwritten to {page}")
    return 0


def _examine(model: RewardModel, pairs: PreferencePairs, options: argparse.Namespace) -> Report:
    judged, counts, chosen, rejected, lengths = _score(model, pairs, options.pairs, options)
    differences = chosen - rejected
    groups = [group or "(none)" for group in judged.groups]
    prompts: list[str | int] = [text or i for i, text in enumerate(judged.texts("prompt"))]  # empty ones share nothing
    shared = prompts if len(set(prompts)) < len(prompts) else None
    settings: dict[str, Any] = {"n_bootstrap": N_BOOTSTRAP, "seed": options.seed}
    result = evaluate(
        differences, groups=groups if len(set(groups)) > 1 else None, lengths=lengths, clusters=shared, **settings
    )
    ceiling, notes = _ceiling(judged, settings)
    return Report(
        model=str(options.model),
        pairs=options.pairs,
        evaluation=result,
        score_differences=differences,
        tempered=_tempered(model, differences, prompts, options),
        counts=counts,
        ceiling=ceiling,
        benchmark=_benchmark(judged, chosen, rejected, settings),
        made=_made(options, pairs),
        notes=(*_trained_on(options), *notes),
    )


def _score(
    model: RewardModel, pairs: PreferencePairs, name: str, options: argparse.Namespace
) -> tuple[PreferencePairs, dict[str, int], np.ndarray, np.ndarray, np.ndarray]:
    """Give the pairs with a preference, what was left out or cut, their scores, and the lengths of their responses."""
    judged = pairs.take(np.flatnonzero(~pairs.tied))
    if not len(judged):
        raise ValueError(f"{name}: all {len(pairs):,} pairs are ties; accuracy needs a preferred response")
    encoded = model.encode_pairs(judged, max_length=options.max_length)
    both = encoded.chosen.join(encoded.rejected)
    scores = model.score_encoded(both, precision=options.precision, progress=not options.json)
    chosen, rejected = scores.reshape(2, -1)
    counts = {"ties left out": len(pairs) - len(judged), **encoded.truncation}
    return judged, counts, chosen, rejected, encoded.response_lengths


def _tempered(
    model: RewardModel, differences: np.ndarray, prompts: Sequence[str | int], options: argparse.Namespace
) -> Tempered:
    """Fit a temperature to other pairs than those it is reported on: held-out ones, or a part of these by prompt."""
    if options.held_out:
        held, _, chosen, rejected, _ = _score(model, read_given(options.held_out, options), options.held_out, options)
        fitted, reported, given = chosen - rejected, np.ones(len(differences), dtype=bool), set(held.texts("prompt"))
        where = f"fitted to the {len(held):,} pairs of {options.held_out}"
        if common := sum(prompt in given for prompt in prompts):
            where += f" ({common:,} of the pairs reported on have a prompt in common with them)"
    else:
        number = {prompt: i for i, prompt in enumerate(dict.fromkeys(prompts))}
        prompt_of_pair = np.array([number[prompt] for prompt in prompts])
        order = np.random.default_rng(options.seed).permutation(len(number))
        until = np.cumsum(np.bincount(prompt_of_pair)[order])
        held_back = order[until <= HELD_BACK * len(prompts)]
        reported = ~np.isin(prompt_of_pair, held_back)
        fitted = differences[~reported]
        where = (
            f"fitted to {len(fitted):,} of the pairs and reported on the other {int(reported.sum()):,}, split by prompt"
        )
        if len(fitted) < 2:
            failure = "there are too few prompts to hold some back; give other pairs with --held-out"
            return Tempered(where, failure=failure)
    try:
        temperature = fit_temperature(fitted)
    except ValueError as error:  # the best temperature is at the end of what it can be
        return Tempered(where, failure=str(error))
    test = differences[reported]
    return Tempered(where, before=evaluate(test), after=evaluate(test, temperature=temperature))


def _ceiling(pairs: PreferencePairs, settings: dict[str, Any]) -> tuple[NoiseCeiling | None, tuple[str, ...]]:
    """Bound the best accuracy where enough of the pairs were judged more than once."""
    votes: dict[tuple[str, str, str], Counter[bool]] = {}
    for prompt, chosen, rejected in zip(*map(pairs.texts, ("prompt", "chosen", "rejected")), strict=True):
        if chosen != rejected:
            first, second = sorted((chosen, rejected))
            votes.setdefault((prompt, first, second), Counter())[chosen == first] += 1
    again = {key: count for key, count in votes.items() if count.total() > 1}
    if not again:
        return None, ()
    if len(again) < JUDGED_AGAIN:
        return None, (f"{len(again):,} of the pairs are there more than once: too few for a noise ceiling",)
    notes = ()
    if all(len(count) == 1 for count in again.values()):
        notes = (
            "every repeated pair has the same judgement each time; if those are copies, there is no ceiling to see",
        )
    table = [(count[True], count[False]) for count in again.values()]
    return noise_ceiling(table, clusters=[key[0] for key in again], **settings), notes


def _trained_on(options: argparse.Namespace) -> tuple[str, ...]:
    """Say so where the record of the training, which `rmlab train` leaves beside the model, names the same pairs."""
    try:
        record = json.loads((Path(options.model) / "training.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    if not isinstance(record, dict) or record.get("pairs") != options.pairs:
        return ()
    return (f"the model was trained on a part of {options.pairs}: these figures are better than on pairs it never saw",)


def _benchmark(
    pairs: PreferencePairs, chosen: np.ndarray, rejected: np.ndarray, settings: dict[str, Any]
) -> RewardBenchScores | None:
    """Score RewardBench 1 or 2 as their authors do, where the groups and items of the pairs are theirs."""
    groups, items = set(pairs.groups), pairs.items
    if groups <= set(SUBSETS) and any(groups & section.keys() for section in SECTIONS.values()):
        return rewardbench(chosen.astype(float) - rejected, pairs.groups, **settings)
    if not groups <= set(SUBSETS_2) or None in items:
        return None
    # Each correct response of an item is paired with each wrong one, so that both stand in several pairs.
    rows: dict[tuple[str, str], list[int]] = {}
    for i, key in enumerate(zip(pairs.groups, items, strict=True)):
        rows.setdefault(key, []).append(i)  # type: ignore[arg-type]
    good = list(pairs.texts("chosen"))
    responses: list[tuple[float, bool, str, str]] = []
    for (subset, item), places in rows.items():
        responses += [(rejected[i], False, item, subset) for i in places]  # in Ties again and again: a maximum is one
        responses += [(chosen[i], True, item, subset) for i in {good[i]: i for i in places}.values()]
    scores, correct, ids, subsets = zip(*responses, strict=True)
    return rewardbench2(scores, np.array(correct), ids, subsets, **settings)


def _made(options: argparse.Namespace, pairs: PreferencePairs) -> dict[str, str]:
    """Say how a report was made, so that it can be made again."""
    command = ["rmlab", "evaluate", str(options.model), options.pairs]
    for name in ("revision", "held_out", "max_length", "precision", "seed", "html"):
        if (value := getattr(options, name)) is not None:
            command += [f"--{name.replace('_', '-')}", str(value)]
    if options.skip_bad:
        command.append("--skip-bad")
    made = {"command": shlex.join(command), "read as": pairs.report.format}
    weights = sorted(Path(options.model).glob("*.safetensors")) if Path(options.model).is_dir() else []
    files = [Path(name) for name in pairs.report.files]
    for path in [*weights, *files[:10]]:
        if path.is_file():
            made[f"SHA-256 of {path.name}"] = sha256(path)
    packages = ("reward-model-lab", "torch", "transformers", "numpy")
    made["versions"] = ", ".join(
        [f"{name} {version(name)}" for name in packages] + [f"Python {platform.python_version()}"]
    )
    made["date"] = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return made
