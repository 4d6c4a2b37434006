"""An audit of a training run: its split, its labels, its loss and its metric. The model has its own audit.

`audit_run` takes what is known of a run, and returns a table like that of `audit`. Each line is kept, broken (with what
shows it) or not applicable, mostly because what it needs was not given.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from rmlab.audit.audited_model import plain
from rmlab.audit.context import broken, kept, not_applicable
from rmlab.audit.results import CheckResult, CheckTable, Example, table_lines
from rmlab.data import PreferencePair
from rmlab.data.quality.near_duplicates import group_near_equal
from rmlab.evaluation import evaluate
from rmlab.printing import printable

__all__ = ["RunAudit", "audit_run"]

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Takes the scores of chosen and of rejected responses, ``(n,)`` each; returns their losses or the mean of these."""

Metric = Callable[[np.ndarray, np.ndarray], float]
"""Takes the scores of chosen and of rejected responses, ``(n_pairs,)`` each; returns one number."""

LARGEST = 1e4
"""How far, in nats, scores and their differences are driven to see whether a loss stays finite."""
LONGEST_STEP = 0.1
"""A step that moves the weights by more than this share of their norm destroys what they had learned."""
CONSTANTS = 10.0
"""Standard deviation of the constants added to the scores of each prompt, in standard deviations of the scores."""
MOVED = 1e-6
"""A metric that moves by more than this, or this share of itself, does not depend on differences alone."""

REMEDIES = {
    "parts apart": "split by prompt, near-equal prompts together: rmlab.split_by_prompt",
    "labels by source": "read ten pairs of that source, and swap its columns if they are the wrong way round",
    "finite loss": "compute -log sigmoid(difference) in a stable form: rmlab.preference_loss",
    "step size": "lower the learning rate, and warm it up; most runs do well with 0.001 to 0.01 of the weights a step",
    "prompt constant": "compare the two responses of each pair, and no others: rmlab.evaluate(chosen - rejected)",
}


@dataclass(frozen=True)
class RunAudit(CheckTable):
    """The results of `audit_run`; ``print`` shows a table."""

    results: tuple[CheckResult, ...]

    def __str__(self) -> str:
        return "\n".join(["audit of a training run", "", *table_lines(self.results)])


def audit_run(
    *,
    train: Sequence[PreferencePair] | None = None,
    test: Sequence[PreferencePair] | None = None,
    score_differences: Any = None,
    sources: Iterable[Hashable] | None = None,
    loss: Loss | None = None,
    losses: Any = None,
    update_ratios: Any = None,
    metric: Metric | None = None,
    scores: tuple[Any, Any] | None = None,
    prompts: Sequence[Hashable] | None = None,
    seed: int = 0,
) -> RunAudit:
    """Check what any run of reward training must keep: parts that share no prompt, a finite loss, and three more.

    Parameters
    ----------
    train, test
        The pairs trained on, and those that accuracy is reported on.
    score_differences, sources
        score(chosen) - score(rejected) of pairs that were not trained on, in nats, and the file or rater that each
        label came from; ``(n_pairs,)`` each.
    loss
        The loss as a function of two torch tensors: the scores of chosen and of rejected responses.
    losses
        The training loss of each step, in nats, ``(n_steps,)``.
    update_ratios
        The norm of the change of the weights in each step, divided by the norm of the weights, ``(n_steps,)``.
    metric, scores, prompts
        The reported metric, as a function of two arrays; the scores of the chosen and of the rejected responses to
        give it, ``(n_pairs,)`` each; and the prompt of each pair.
    seed
        Seed of the constants that are added to the scores of each prompt.

    Raises
    ------
    ValueError
        If nothing is given, or only part of what a line needs.
    """
    sources, prompts = _names(sources), _names(prompts)
    given = {
        "parts apart": _together(train=train, test=test),
        "labels by source": _together(score_differences=score_differences, sources=sources),
        "finite loss": loss is not None or losses is not None,
        "step size": update_ratios is not None,
        "prompt constant": _together(metric=metric, scores=scores, prompts=prompts),
    }
    if not any(given.values()):
        raise ValueError("expected something of the run to audit; give train and test, or losses")
    steps = None if losses is None else np.asarray(losses, dtype=float)
    run: dict[str, Callable[[], CheckResult]] = {
        "parts apart": lambda: _parts_apart(train or (), test or ()),
        "labels by source": lambda: _labels_by_source(np.asarray(score_differences, float), list(sources or ())),
        "finite loss": lambda: _finite_loss(loss, steps),
        "step size": lambda: _step_size(np.asarray(update_ratios, float)),
        "prompt constant": lambda: _prompt_constant(metric, scores, prompts or (), seed),  # pyright: ignore
    }
    results = (run[name]() if given[name] else not_applicable("what it needs was not given") for name in run)
    return RunAudit(
        tuple(replace(result, name=name, remedy=REMEDIES[name]) for name, result in zip(run, results, strict=True))
    )


def _names(names: Iterable[Hashable] | None) -> list[Hashable] | None:
    """Return names as a list, with None for NaN as in `evaluate`; None if they were not given."""
    return None if names is None else [None if isinstance(one, float) and one != one else one for one in names]


def _together(**needed: Any) -> bool:
    """Return whether these were given; raise if only some were."""
    missing = [name for name, value in needed.items() if value is None]
    if missing and len(missing) < len(needed):
        have = " and ".join(name for name in needed if name not in missing)
        raise ValueError(f"{have} goes with {' and '.join(missing)}; give all of them, or none")
    return not missing


def _parts_apart(train: Sequence[PreferencePair], test: Sequence[PreferencePair]) -> CheckResult:
    """Check that no test prompt, nor one near-equal to it, was trained on.

    A model remembers what was good about a prompt that it has seen. Accuracy on such pairs measures its memory.
    """
    asked = [[plain(pair.prompt) for pair in part] for part in (train, test)]
    groups = group_near_equal([*asked[0], *asked[1]])
    seen = np.isin(groups[len(asked[0]) :], groups[: len(asked[0])])
    found = f"{int(seen.sum()):,} of {len(seen):,} test pairs have a prompt that was trained on, or nearly so"
    if not seen.any():
        return kept(found)
    return broken(found, Example({"prompt": asked[1][int(seen.argmax())]}, {}))


def _labels_by_source(differences: np.ndarray, sources: list[Hashable]) -> CheckResult:
    """Check that no source disagrees with a model that agrees with the other sources.

    If one file has its two columns the other way round, the model is right on the other files, and therefore
    wrong on this one. The accuracy of all pairs together only looks a little low.
    """
    found = evaluate(differences, groups=sources)
    groups = found.groups or {}
    if len(groups) < 2:
        return not_applicable("there is one source only")
    shown = ", ".join(f"{printable(name)} {one.accuracy:.0%} of {one.n_pairs:,}" for name, one in groups.items())
    for name, one in groups.items():
        others = evaluate(differences[[source != name for source in sources]])
        if one.simultaneous_interval[1] < 0.5 < others.accuracy_interval[0]:
            return broken(
                f"the model is right on the other sources and wrong on {printable(name)}: {shown}",
                Example({"source": str(name)}, {"accuracy": one.accuracy, "of the others": others.accuracy}),
            )
    return kept(f"no source is clearly below one half: {shown}")


def _finite_loss(loss: Loss | None, steps: np.ndarray | None) -> CheckResult:
    """Check that the loss is a finite number at large scores and at large differences, and was one in every step.

    exp(89) is too large for float32. A logarithm of a quotient of exponentials then becomes infinite, and its gradient
    is not a number; after one such step no weight is a number.
    """
    if steps is not None and not np.isfinite(steps).all():
        step = int((~np.isfinite(steps)).argmax())
        return broken(f"the loss of step {step + 1} is {steps[step]}", Example({}, {"step": step + 1}))
    if loss is None:
        return kept(f"the losses of {len(np.asarray(steps)):,} steps are finite")
    for chosen, rejected in _extremes():
        scores = [torch.tensor([value], requires_grad=True) for value in (chosen, rejected)]
        value = loss(*scores).sum()
        slopes = torch.autograd.grad(value, scores)
        if not all(bool(torch.isfinite(one).all()) for one in (value, *slopes)):
            numbers = {"score of chosen": chosen, "of rejected": rejected, "loss": float(value.detach())}
            return broken("the loss, or its gradient, is not finite", Example({}, numbers))
    return kept(f"loss and gradient are finite at scores and differences up to {LARGEST:,.0f} nats")


def _extremes() -> Iterator[tuple[float, float]]:
    """Yield scores of chosen and rejected that go further and further from zero, together and apart."""
    for size in np.geomspace(1, LARGEST, num=25).tolist():
        yield from ((size, size), (-size, -size), (size, 0.0), (0.0, size))


def _step_size(ratios: np.ndarray) -> CheckResult:
    """Check that no step moves the weights by a large share of their norm.

    With too high a learning rate the first steps overwrite what the network had learned before. The loss jumps, and
    then stays at that of a coin: every response has nearly the same score.
    """
    largest = float(ratios.max())
    found = f"the longest of {len(ratios):,} steps moves the weights by {largest:.2g} of their norm"
    if largest <= LONGEST_STEP:
        return kept(found)
    return broken(found, Example({}, {"step": int(ratios.argmax()) + 1, "share of the norm": largest}))


def _prompt_constant(metric: Metric, scores: tuple[Any, Any], prompts: Sequence[Hashable], seed: int) -> CheckResult:
    """Check that the metric stays as it is when a constant is added to all scores of a prompt.

    Comparisons within prompts do not determine that constant, so it means nothing. A metric that compares the responses
    of different prompts, or takes the mean of scores, measures it all the same.
    """
    chosen, rejected = (np.asarray(side, dtype=float) for side in scores)
    number = {prompt: i for i, prompt in enumerate(dict.fromkeys(prompts))}
    spread = float(np.std(np.concatenate([chosen, rejected]))) or 1.0
    constants = CONSTANTS * spread * np.random.default_rng(seed).standard_normal(len(number))
    added = constants[[number[prompt] for prompt in prompts]]  # (n_pairs,)
    before, after = float(metric(chosen, rejected)), float(metric(chosen + added, rejected + added))
    found = f"with a constant added to the scores of each prompt the metric goes from {before:.3f} to {after:.3f}"
    if abs(after - before) <= MOVED * max(1.0, abs(before)):
        return kept(found)
    return broken(found, Example({}, {"before": before, "after": after}))
