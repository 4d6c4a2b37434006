"""Audits of robustness on simulated scores: how often an invariant model is flagged, and how often intervals cover."""

from collections.abc import Sequence

import numpy as np

from rmlab.audit.contests import Layout, lay_out
from rmlab.audit.shifts import measure
from rmlab.audit.transforms import Transform
from rmlab.data import PreferencePair


def simulated_layout(pairs: Sequence[PreferencePair], transforms: Sequence[Transform], seed: int = 0) -> Layout:
    """Return the layout that many simulated models share."""
    return lay_out(pairs, transforms, seed=seed)


def simulated_audits(
    layout: Layout, n: int, *, effect: float = 0.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score the texts at random `n` times, and audit each time.

    A text has a random score. Each change adds an effect with a true mean, and random parts for the prompt, for the
    sentence that it adds, and for the text. So shifts are correlated, as those of a real model are.

    Returns
    -------
    p values and q values, ``(n, n_changes)``, and whether the interval covers the true mean.
    """
    rng = np.random.default_rng(seed)
    prompts = np.unique([str(pair.prompt) for pair in layout.pairs], return_inverse=True)[1]
    after = [np.array([case.places[0] for case in series.cases]) for series in layout.series]
    before = [np.array([case.places[2] for case in series.cases]) for series in layout.series]
    sentences = [
        np.unique([case.change.sentence or "" for case in series.cases], return_inverse=True)[1]
        for series in layout.series
    ]
    of_pair = [prompts[[case.pair for case in series.cases]] for series in layout.series]
    p_values, q_values, covered = [], [], []
    for _ in range(n):
        scores = rng.normal(0, 0.3, len(layout.texts))
        for series, changed, unchanged, said, asked in zip(
            layout.series, after, before, sentences, of_pair, strict=True
        ):
            has_bank = series.cases[0].change.sentence is not None
            by_prompt = rng.normal(0, 0.3, prompts.max() + 1)[asked]
            by_sentence = rng.normal(0, 0.3, said.max() + 1)[said] if has_bank else 0.0
            # if several cases share a text, the last effect counts, so that each text keeps one score
            scores[changed] = scores[unchanged] + effect + by_prompt + by_sentence + rng.normal(0, 0.3, len(changed))
        shifts = measure(layout, scores)
        p_values.append([shift.p_value for shift in shifts])
        q_values.append([shift.q_value for shift in shifts])
        covered.append(
            [shift.interval is not None and shift.interval[0] <= effect <= shift.interval[1] for shift in shifts]
        )
    return np.array(p_values), np.array(q_values), np.array(covered)
