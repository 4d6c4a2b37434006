"""An audit of robustness: by how much changes that should not matter move the scores of a reward model.

References
----------
Benjamini and Hochberg (1995), Controlling the false discovery rate. Cohen (1988), Statistical power analysis for the
behavioral sciences (the least effect, at 80% power). Cameron, Gelbach and Miller (2011), Robust inference with multiway
clustering.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rmlab.audit.contests import Layout, Series, lay_out
from rmlab.audit.shift_results import Problem, Robustness, Shift, ShiftExample
from rmlab.audit.text_scores import Score, score_each, scorer_of
from rmlab.audit.transforms import TRANSFORMS, Transform, transform_of
from rmlab.data import PreferencePair, Side
from rmlab.evaluation.intervals import clustered_sample_size, mean_estimate, wilson_interval
from rmlab.model import RewardModel
from rmlab.model.rendering import content_of
from rmlab.preference import outcomes

__all__ = ["FALSE_DISCOVERY_RATE", "measure", "robustness"]

FALSE_DISCOVERY_RATE = 0.05
POWER = 0.8
"""The share of samples in which the least effect would have been found."""


def robustness(
    model: RewardModel | Score | str | Path,
    pairs: Sequence[PreferencePair],
    transforms: Sequence[Transform | Callable[[str, str], str | None]] = TRANSFORMS,
    *,
    seed: int = 0,
    sample: int | None = 200,
    revision: str | None = None,
    max_length: int | None = None,
    progress: bool = False,
) -> Robustness:
    """Measure by how much changes that should not matter move the scores of a reward model.

    In each pair one of the two responses, drawn at random, is changed; if the change does not apply to it, the other
    is. The shift is ``(s(x', y') - s(x', z')) - (s(x, y) - s(x, z))``: the score difference between the response y and
    the other one z after the change, minus that before it. Where only y changes it is ``s(x, y') - s(x, y)``. Scores of
    different prompts are never compared. A change of content is compared with a control of the same length.

    Parameters
    ----------
    model
        A `RewardModel`, a folder, hub id or short name of one, or a function of n prompts and n responses that returns
        n scores. Each distinct text is scored once, in large batches.
    pairs
        Preference pairs of texts or messages; of messages, the last one is changed. At least two prompts are needed.
    transforms
        Changes, and functions of your own, which take the prompt and a response and return the changed response or
        None (see `rmlab.audit.transforms.transform_of`).
    seed
        Seed of the sample, of the side that is changed, and of which pair gets which sentence.
    sample
        Pairs to read, drawn at random; None for all.
    revision, max_length
        Revision and longest sequence of a model that is loaded here.
    progress
        Show a bar.

    Raises
    ------
    ValueError
        If there are no pairs with two different responses, no transforms, two of the same name, or `sample` is below 2;
        or if the model fails on every text.

    Examples
    --------
    >>> from rmlab.datasets import load_everyday
    >>> def shout(prompt, response):
    ...     "Capitals say no more."
    ...     return response.upper()
    >>> found = robustness(lambda prompts, responses: [r.isupper() for r in responses], load_everyday()[:40], [shout])
    >>> found.faults, found["shout"].mean
    (('shout',), 1.0)
    """
    chosen = [each if isinstance(each, Transform) else transform_of(each) for each in transforms]
    names = [transform.name for transform in chosen]
    if not chosen or len(set(names)) < len(names):
        raise ValueError(f"expected changes with different names, got {', '.join(names) or 'none'}")
    if sample is not None and sample < 2:
        raise ValueError(f"sample must be at least 2 pairs, got {sample}")
    drawn = _draw(pairs, sample, seed)
    usable = [pair for pair in drawn if pair.chosen != pair.rejected and _holds_text(pair)]
    if not usable:
        raise ValueError(f"none of the {len(drawn):,} pairs has two different responses, neither of them empty")
    score, name = scorer_of(model, revision=revision, max_length=max_length)
    layout = lay_out(usable, chosen, seed=seed)
    scores, wrong = score_each(score, layout.texts, progress=progress)
    if len(wrong) == len(layout.texts):
        raise ValueError(f"the model failed on every text; on the first: {wrong[0]}")
    problems = [
        Problem(layout.where(pair), change, wrong[i]) for i, (pair, change) in layout.uses.items() if i in wrong
    ]
    differences = scores[layout.chosen] - scores[layout.rejected]
    return Robustness(
        model=name,
        shifts=measure(layout, scores),
        n_pairs=len(usable),
        n_left_out=len(drawn) - len(usable),
        n_texts=len(layout.texts),
        spread=float(np.sqrt(np.nanmean(differences**2))) if np.isfinite(differences).any() else 0.0,
        problems=(*layout.problems, *problems),
        seed=seed,
        false_discovery_rate=FALSE_DISCOVERY_RATE,
    )


def measure(layout: Layout, scores: np.ndarray) -> tuple[Shift, ...]:
    """Return what each change does, from the scores of all texts, ``(n_texts,)``, NaN where there is none."""
    from scipy.stats import false_discovery_control

    shifts = [_shift(series, layout, scores) for series in layout.series]
    tested = [shift.p_value for shift in shifts if shift.p_value is not None]
    q_values = iter(np.atleast_1d(false_discovery_control(tested)) if tested else ())
    return tuple(shift if shift.p_value is None else _judged(shift, float(next(q_values))) for shift in shifts)


def _judged(shift: Shift, q_value: float) -> Shift:
    return replace(shift, q_value=q_value, found=q_value <= FALSE_DISCOVERY_RATE)


def _shift(series: Series, layout: Layout, scores: np.ndarray) -> Shift:
    transform = series.transform
    places = np.array([case.places for case in series.cases], dtype=int).reshape(-1, 4)
    scored = np.isfinite(scores[places]).all(axis=1).reshape(-1)
    cases = [case for case, is_scored in zip(series.cases, scored, strict=True) if is_scored]
    after, other_after, before, other_before = scores[places[scored]].T  # (n_cases,) each
    prompts = [str(layout.pairs[case.pair].prompt) or f"pair {case.pair}" for case in cases]  # empty ones share nothing
    sentences = [case.change.sentence for case in cases if case.change.sentence is not None]
    counts = Shift(
        name=transform.name,
        kind=transform.kind,
        expected=transform.expected,
        reason=transform.reason,
        source=transform.source,
        n_changed=len(cases),
        n_not_applicable=series.n_not_applicable,
        n_unchanged=series.n_unchanged,
        n_failed=series.n_failed + len(series.cases) - len(cases),
        n_prompts=len(set(prompts)),
        n_sentences=len(set(sentences)) if sentences else None,
    )
    clusterings = [prompts, sentences] if sentences else [prompts]
    if any(len(set(one)) < 2 for one in clusterings):
        return counts
    shifts = (after - before) - (other_after - other_before)  # in this order exactly 0 where nothing moved
    estimate = mean_estimate(shifts, *clusterings)
    half = estimate.reach(0.975)
    # the tie rule of accuracy: a preference that becomes a tie, or a tie that becomes one, counts one half
    turned = np.abs(outcomes(after - other_after) - outcomes(before - other_before))
    codes = np.unique(prompts, return_inverse=True)[1]
    size = clustered_sample_size(turned, np.ones(len(turned)), codes)
    flips = float(turned.mean())
    return replace(
        counts,
        mean=estimate.mean,
        interval=(estimate.mean - half, estimate.mean + half),
        p_value=estimate.p_value,
        least_effect=half + estimate.reach(POWER),
        flips=flips,
        flips_interval=wilson_interval(flips * size, size),
        example=_smallest(cases, shifts, estimate.mean, places[scored], layout, scores),
    )


def _smallest(
    cases: list, shifts: np.ndarray, mean: float, places: np.ndarray, layout: Layout, scores: np.ndarray
) -> ShiftExample | None:
    """Return the shortest text on which the change does at least what it does on average."""
    if mean == 0:
        return None
    shows = np.flatnonzero(np.sign(mean) * shifts >= abs(mean) * (1 - 1e-6))  # where all are equal, rounding decides
    if not len(shows):
        return None
    lengths = [len(cases[i].change.after.prompt) + len(cases[i].change.after.response) for i in shows]
    at = shows[int(np.argmin(lengths))]
    case = cases[at]
    after, other_after, before, other_before = (float(scores[place]) for place in places[at])
    return ShiftExample(
        prompt=case.change.after.prompt,
        prompt_before=case.change.before.prompt,
        before=case.change.before.response,
        after=case.change.after.response,
        other=case.change.after.other,
        scores_before=(before, other_before),
        scores_after=(after, other_after),
        source=layout.where(case.pair),
    )


def _draw(pairs: Sequence[PreferencePair], n: int | None, seed: int) -> list[PreferencePair]:
    places = np.arange(len(pairs))
    if n is not None and len(pairs) > n:
        places = np.sort(np.random.default_rng(seed).choice(len(pairs), size=n, replace=False))
    drawn = ((i, pairs[i]) for i in places.tolist())
    return [replace(pair, source=pair.source or f"pair {i + 1}") for i, pair in drawn]  # its number among all


def _holds_text(pair: PreferencePair) -> bool:
    return all(_is_filled(side) for side in (pair.chosen, pair.rejected))


def _is_filled(side: Side) -> bool:
    return bool(side.strip()) if isinstance(side, str) else bool(side) and bool(content_of(side[-1]).strip())
