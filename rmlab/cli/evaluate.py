"""`rmlab evaluate`."""

from __future__ import annotations

import argparse
import json
import platform
import shlex
from collections import Counter
from datetime import UTC, datetime
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from rmlab.atomic import write_text
from rmlab.cli.options import add_model, add_skip_bad, check_page, load_trained, read_given
from rmlab.data import PreferencePairs
from rmlab.data.formats.rewardbench_files import REWARDBENCH, REWARDBENCH_2
from rmlab.data.quality.flags import find_unusable
from rmlab.data.split import parts_by_prompt
from rmlab.evaluation import (
    Evaluation,
    NoiseCeiling,
    RewardBenchScores,
    evaluate,
    noise_ceiling,
    rewardbench,
    rewardbench2,
)
from rmlab.evaluation.inputs import codes_of
from rmlab.model import Encoded, RewardModel
from rmlab.model.backbones import sha256
from rmlab.model.shown import shown
from rmlab.printing import printable_lines
from rmlab.reports.found import Report, Tempered, counted, temper

N_BOOTSTRAP = 2000
HELD_BACK = 0.3
"""The share of the pairs to which the temperature is fitted if no held-out pairs are given."""
EMPTY, EQUAL = "pairs with one empty response", "pairs with equal responses"
JUDGED_AGAIN = 20
"""The least number of pairs judged more than once for which a noise ceiling is reported."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_model(parser)
    parser.add_argument("pairs", metavar="PAIRS", help="file, glob or hub id")
    parser.add_argument(
        "--held-out",
        metavar="PAIRS",
        help=f"other pairs to fit the temperature to (default: {100 * HELD_BACK:.0f}%% of PAIRS, split by prompt)",
    )
    add_skip_bad(parser)
    parser.add_argument("--max-length", type=int, help="longest sequence in tokens (default: the model's own)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the bootstrap and of that split (default: 0)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--ceiling", type=float, metavar="P", help="the accuracy of the best possible model, if it is known"
    )
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a page with the figures and pictures")


def run(options: argparse.Namespace) -> int:
    """Evaluate a reward model on preference pairs."""
    page: Path | None = options.html
    check_page(page)
    if options.seed < 0:
        raise ValueError(f"--seed must be 0 or more, got {options.seed}")
    if options.ceiling is not None and not 0.5 <= options.ceiling <= 1:
        raise ValueError(f"--ceiling must be an accuracy from 0.5 to 1, got {options.ceiling}")
    model = load_trained(options)
    pairs = read_given(options.pairs, options)
    report = _examine(model, pairs, options)
    if options.json:
        print(json.dumps(report.to_dict(), indent=2))
    else:
        counts = [f"  {n:>7,} {name}" for name, n in report.counts.items() if n]
        read_as = f"token ids: {report.made['token ids']}"
        print(*map(printable_lines, (pairs.report, *counts, read_as, "", report)), sep="\n")
    if page is not None:  # last: on a full disk the figures are printed, and only the page is missing
        from rmlab.reports.evaluation_page import render  # needs Matplotlib

        try:
            write_text(page, render(report))
        except OSError as error:
            raise ValueError(f"{page} cannot be written: {error.strerror}; the figures above are complete") from None
        if not options.json:
            print(f"\nwritten to {page}")
    return 0


def _examine(model: RewardModel, pairs: PreferencePairs, options: argparse.Namespace) -> Report:
    judged, counts, chosen, rejected, lengths = _score(model, pairs, options.pairs, options)
    differences = chosen - rejected
    groups = [group or "(none)" for group in judged.groups]
    prompts: list[str | int] = [text or i for i, text in enumerate(judged.texts("prompt"))]  # empty ones all differ
    shared = prompts if len(set(prompts)) < len(prompts) else None
    settings: dict[str, Any] = {"n_bootstrap": N_BOOTSTRAP, "seed": options.seed}
    result = evaluate(
        differences, groups=groups if len(set(groups)) > 1 else None, lengths=lengths, clusters=shared, **settings
    )
    ceiling, notes = _ceiling(judged, settings)
    benchmark, not_scored = _benchmark(judged, pairs.report.format, chosen, rejected, settings)
    return Report(
        model=str(options.model),
        pairs=options.pairs,
        evaluation=result,
        score_differences=differences,
        tempered=_tempered(model, judged, differences, options),
        counts=counts,
        ceiling=ceiling,
        benchmark=benchmark,
        made=_made(options, pairs, model),
        notes=(*_known_ceiling(result, options), *_trained_on(options), *_half_wins(counts), *notes, *not_scored),
    )


def _known_ceiling(result: Evaluation, options: argparse.Namespace) -> tuple[str, ...]:
    """Return a note that compares the accuracy with the known ceiling, if one was given."""
    if options.ceiling is None:
        return ()
    points = 100 * (options.ceiling - result.accuracy)
    side = f"{abs(points):.1f} points {'above' if points >= 0 else 'below'} this accuracy"
    return (f"the best possible model is right on {options.ceiling:.3f} of such pairs, {side}",)


def _score(
    model: RewardModel, pairs: PreferencePairs, name: str, options: argparse.Namespace
) -> tuple[PreferencePairs, dict[str, int], np.ndarray, np.ndarray, np.ndarray]:
    """Return the pairs with a preference, counts of what was left out or cut, and scores and lengths of responses."""
    judged = pairs.take(pairs.decided)
    if not len(judged):
        raise ValueError(f"{name}: all {len(pairs):,} pairs are ties; accuracy needs a preferred response")
    encoded = model.encode_pairs(judged, max_length=options.max_length)
    both = encoded.chosen.join(encoded.rejected)
    chosen, rejected = _score_each_once(model, both, options).reshape(2, -1)
    _, empty, equal = find_unusable(judged)
    counts = {
        "ties left out": len(pairs) - len(judged),
        EMPTY: int((empty & ~equal).sum()),
        EQUAL: int(equal.sum()),
        **encoded.truncation,
    }
    return judged, counts, chosen, rejected, encoded.response_lengths


def _score_each_once(model: RewardModel, encoded: Encoded, options: argparse.Namespace) -> np.ndarray:
    """Return the scores of texts, ``(n_texts,)``; each distinct text is scored once, since rated sets repeat texts."""
    digests = (blake2b(np.asarray(ids, np.int64).tobytes(), digest_size=16).digest() for ids in encoded)
    codes, distinct = codes_of(digests)
    first = np.full(len(distinct), len(codes))
    np.minimum.at(first, codes, np.arange(len(codes)))
    scores = model.score_encoded(encoded.take(first), precision=options.precision, progress=not options.json)
    return scores[codes]


def _half_wins(counts: dict[str, int]) -> tuple[str, ...]:
    """Return a note on the pairs that count as half a win because no model can tell their responses apart."""
    if not counts[EQUAL]:
        return ()
    one = counts[EQUAL] == 1
    which = f"{counted(counts[EQUAL], 'pair')} {'has' if one else 'have'} equal responses (or two empty ones)"
    return (f"{which}, and {'counts' if one else 'count'} as half a win, whatever the model",)


def _tempered(
    model: RewardModel, pairs: PreferencePairs, differences: np.ndarray, options: argparse.Namespace
) -> Tempered:
    """Fit a temperature to pairs that it is not reported on: held-out pairs, or a part split off by prompt."""
    if options.held_out:
        held, _, chosen, rejected, _ = _score(model, read_given(options.held_out, options), options.held_out, options)
        fitted, reported, given = chosen - rejected, np.ones(len(differences), dtype=bool), set(held.texts("prompt"))
        where = f"fitted to the {len(held):,} pairs of {options.held_out}"
        if common := sum(prompt in given for prompt in pairs.texts("prompt")):
            where += f" ({common:,} of the pairs reported on have a prompt in common with them)"
    else:
        try:
            parts = parts_by_prompt(pairs, fractions=(HELD_BACK, 1 - HELD_BACK), seed=options.seed)
        except ValueError:  # one group of prompts cannot be in two parts
            why = "all pairs have the same prompt or near-equal ones, so none can be held back"
            return Tempered("fitted to no pairs", failure=f"{why}; give other pairs with --held-out")
        reported = parts == 1
        fitted = differences[~reported]
        where = (
            f"fitted to {len(fitted):,} of the pairs and reported on the other {int(reported.sum()):,}, split by prompt"
        )
    return temper(fitted, differences[reported], where)


def _ceiling(pairs: PreferencePairs, settings: dict[str, Any]) -> tuple[NoiseCeiling | None, tuple[str, ...]]:
    """Return the noise ceiling if enough pairs were judged more than once, and notes on it."""
    if (pairs.weights != 1).any():
        return None, ("there is no noise ceiling: the pairs have weights, so a line need not be one judgement",)
    votes: dict[tuple[str, str, str], Counter[bool]] = {}
    for prompt, chosen, rejected in zip(*map(pairs.texts, ("prompt", "chosen", "rejected")), strict=True):
        if chosen != rejected:
            first, second = sorted((chosen, rejected))
            votes.setdefault((prompt, first, second), Counter())[chosen == first] += 1
    again = {key: count for key, count in votes.items() if count.total() > 1}
    if not again:
        return None, ()
    if len(again) < JUDGED_AGAIN:
        return None, (f"{len(again):,} of the pairs occur more than once; a noise ceiling needs {JUDGED_AGAIN}",)
    notes = ()
    if all(len(count) == 1 for count in again.values()):
        notes = (
            "every repeated pair had the same judgement each time; if these are copies, they do not show a ceiling",
        )
    table = [(count[True], count[False]) for count in again.values()]
    return noise_ceiling(table, clusters=[key[0] for key in again], **settings), notes


def _trained_on(options: argparse.Namespace) -> tuple[str, ...]:
    """Return a note if the training record that `rmlab train` wrote beside the model names the same pairs."""
    try:
        record = json.loads((Path(options.model) / "training.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return ()
    trained_on = record.get("pairs") if isinstance(record, dict) else None
    if not isinstance(trained_on, str) or Path(trained_on).resolve() != Path(options.pairs).resolve():
        return ()
    return (f"the model was trained on a part of {options.pairs}, so these figures are too good; give other pairs",)


def _benchmark(
    pairs: PreferencePairs, layout: str, chosen: np.ndarray, rejected: np.ndarray, settings: dict[str, Any]
) -> tuple[RewardBenchScores | None, tuple[str, ...]]:
    """Return the scores of RewardBench 1 or 2 as their authors define them, or a note on why there are none."""
    try:
        if layout == REWARDBENCH.name:
            return rewardbench(chosen.astype(float) - rejected, pairs.groups, **settings), ()
        if layout == REWARDBENCH_2.name:
            return rewardbench2(*_responses(pairs, chosen, rejected), **settings), ()
    except ValueError as error:
        return None, (f"not scored as {layout}: {error}",)
    return None, ()


def _responses(
    pairs: PreferencePairs, chosen: np.ndarray, rejected: np.ndarray
) -> tuple[list[float], np.ndarray, list[str | None], list[str | None]]:
    """Return the score, correctness, item and subset of each response.

    Each correct response of an item is paired with each wrong one. So the correct ones are the distinct chosen texts of
    its pairs, and the wrong ones are those paired with the first of these.
    """
    distinct: dict[tuple[str | None, str | None], set[str]] = {}
    first: dict[tuple[str | None, str | None], str] = {}
    found: list[tuple[float, bool, str | None, str | None]] = []
    for i, (subset, item, text) in enumerate(zip(pairs.groups, pairs.items, pairs.texts("chosen"), strict=True)):
        known = distinct.setdefault((subset, item), set())
        if text not in known:
            known.add(text)
            found.append((float(chosen[i]), True, item, subset))
        if text == first.setdefault((subset, item), text):
            found.append((float(rejected[i]), False, item, subset))
    scores, correct, items, subsets = zip(*found, strict=True)
    return list(scores), np.array(correct), list(items), list(subsets)


def _made(options: argparse.Namespace, pairs: PreferencePairs, model: RewardModel) -> dict[str, str]:
    """Return how a report was made, so that it can be reproduced."""
    command = ["rmlab", "evaluate", str(options.model), options.pairs]
    for name in ("revision", "held_out", "max_length", "precision", "seed", "ceiling", "html"):
        if (value := getattr(options, name)) is not None:
            command += [f"--{name.replace('_', '-')}", str(value)]
    if options.skip_bad:
        command.append("--skip-bad")
    made = {"command": shlex.join(command), "read as": pairs.report.format, "token ids": str(model.convention)}
    made["the first text as it is read"] = shown(model, pairs[0].prompt, pairs[0].chosen)
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
