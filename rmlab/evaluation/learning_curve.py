"""`learning_curve` shows whether more training pairs would help."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rmlab.evaluation.inputs import check_bootstrap, checked_differences, codes_of, names_of
from rmlab.evaluation.intervals import bootstrap_sums, expanded_percentiles
from rmlab.preference import outcomes, preference_loss

__all__ = ["LearningCurve", "LearningCurvePoint", "learning_curve"]


@dataclass(frozen=True)
class LearningCurvePoint:
    """Results on the test part of models trained on one number of pairs, averaged over the repeats."""

    n_train: int
    accuracy: float
    accuracy_interval: tuple[float, float] | None
    """95%, by drawing test pairs (or clusters) with replacement: what another test part would show for the same models.
    The spread of `accuracies` shows what another training part would give. None for a single unit."""
    accuracies: tuple[float, ...]
    """The accuracy of each repeat."""
    log_loss: float
    log_loss_interval: tuple[float, float] | None
    log_losses: tuple[float, ...]


@dataclass(frozen=True)
class LearningCurve:
    """Accuracy and log loss on one test part against the number of training pairs."""

    points: tuple[LearningCurvePoint, ...]
    n_test: int
    n_bootstrap: int
    seed: int

    @classmethod
    def from_differences(
        cls,
        recorded: Mapping[int, Sequence[Any]],
        *,
        clusters: Iterable[Hashable] | None = None,
        n_bootstrap: int = 2000,
        seed: int = 0,
    ) -> LearningCurve:
        """Make a learning curve from recorded score differences.

        Parameters
        ----------
        recorded
            For each number of training pairs, the score differences of the test part from each repeat: a sequence of
            arrays ``(n_test,)``, always of the same test pairs in the same order.
        clusters
            What test pairs share, such as the prompt: hashable, ``(n_test,)``.
        n_bootstrap
            Draws of test pairs, or of clusters, at least 100; the same draws at every size.
        seed
            Seed of the draws.
        """
        if not recorded or not all(len(runs) for runs in recorded.values()):
            raise ValueError("recorded must hold at least one size, and at least one run of each")
        check_bootstrap(n_bootstrap)
        runs = {
            n: [checked_differences(d, name=f"recorded[{n}][{i}]") for i, d in enumerate(given)]
            for n, given in sorted(recorded.items())
        }
        sizes = {len(d) for given in runs.values() for d in given}
        if len(sizes) > 1:
            raise ValueError(f"every run must be of the same test pairs, got runs of {sorted(sizes)} pairs")
        (n_test,) = sizes
        codes = None
        if clusters is not None:
            codes, _ = codes_of(names_of("clusters", clusters, n_test, beside="pairs in the test part"))
        points = []
        for n, d in runs.items():
            outcome, loss = outcomes(np.stack(d)), preference_loss(np.stack(d))  # (n_repeats, n_test)
            values = np.stack([np.ones(n_test), outcome.mean(axis=0), loss.mean(axis=0)], axis=1)
            sums, n_units = bootstrap_sums(values, n_bootstrap=n_bootstrap, seed=seed, clusters=codes)
            ends = [expanded_percentiles(sums[:, i] / sums[:, 0], n_units) for i in (1, 2)]
            points.append(
                LearningCurvePoint(
                    n_train=int(n),
                    accuracy=float(outcome.mean()),
                    accuracy_interval=ends[0],
                    accuracies=tuple(outcome.mean(axis=1).tolist()),
                    log_loss=float(loss.mean()),
                    log_loss_interval=ends[1],
                    log_losses=tuple(loss.mean(axis=1).tolist()),
                )
            )
        return cls(tuple(points), n_test, n_bootstrap, seed)

    def to_dict(self) -> dict[str, Any]:
        """Return the curve in a form that JSON can hold."""
        return {**asdict(self), "points": [asdict(point) for point in self.points]}

    def __str__(self) -> str:
        lines = [f"on {self.n_test:,} test pairs", "training pairs  accuracy                  lowest and highest run"]
        for p in self.points:
            ends = "no interval" if p.accuracy_interval is None else "{:.3f} to {:.3f}".format(*p.accuracy_interval)
            lines.append(
                f"{p.n_train:>14,}  {p.accuracy:.3f} (95%: {ends})   {min(p.accuracies):.3f}, {max(p.accuracies):.3f}"
            )
        return "\n".join(lines)


def learning_curve(
    fit: Callable[[Any], Any],
    train: Any,
    *,
    sizes: Sequence[int],
    repeats: int = 3,
    clusters: Iterable[Hashable] | None = None,
    n_bootstrap: int = 2000,
    seed: int = 0,
) -> LearningCurve:
    """Train on subsets of growing size, and evaluate each model on the same test part.

    Within a repeat the subsets are nested: a larger one holds all smaller ones, so that the curve shows what more pairs
    add, and not which pairs were drawn.

    Parameters
    ----------
    fit
        Takes training pairs and returns the score differences of the test part, ``(n_test,)``.
    train
        Training pairs: a list, or anything that an array of positions can index, such as `PreferencePairs` or an array.
    sizes
        Numbers of training pairs.
    repeats
        Number of random orders of the training pairs.
    clusters
        What test pairs share, such as the prompt: hashable, ``(n_test,)``.
    n_bootstrap
        Draws for the intervals, at least 100.
    seed
        Seed of the orders and of the draws.

    Raises
    ------
    ValueError
        If a size is not from 1 to the number of training pairs, or a run gives differences of another shape.
    """
    n = len(train)
    wanted = sorted(set(sizes))
    if not wanted or wanted[0] < 1 or wanted[-1] > n:
        raise ValueError(f"sizes must be from 1 to the {n:,} training pairs, got {tuple(sizes)}")
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats!r}")
    check_bootstrap(n_bootstrap)
    names = None if clusters is None else list(clusters)
    n_test = None
    recorded: dict[int, list[Any]] = {size: [] for size in wanted}
    for repeat in range(repeats):
        order = np.random.default_rng([seed, repeat]).permutation(n)
        for size in wanted:
            part = [train[i] for i in order[:size]] if isinstance(train, list | tuple) else train[order[:size]]
            # each is checked at once: a fault of the first run need not cost the training of the others
            made = checked_differences(fit(part), name=f"recorded[{size}][{repeat}]")
            n_test = len(made) if n_test is None else n_test
            if len(made) != n_test:
                raise ValueError(f"every run must be of the same test pairs, got {n_test} and then {len(made)}")
            if names is not None:
                names_of("clusters", names, n_test, beside="pairs in the test part")
            recorded[size].append(made)
    return LearningCurve.from_differences(recorded, clusters=names, n_bootstrap=n_bootstrap, seed=seed)
