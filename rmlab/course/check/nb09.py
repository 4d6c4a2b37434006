"""Exercises of notebook 09: what a reward model rewards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rmlab.course.check.verdict import Verdict, judge
from rmlab.evaluation.intervals import Z95, mean_interval

__all__ = ["flattery_effect", "remainder_of_removal"]


def remainder_of_removal(answer: Any) -> Verdict:
    """Judge the part of a score that is left when the effects of the single words are subtracted (notebook 09).

    The answer is a function ``(score, without_each, without_all)``: the score of the text, the scores without each
    word, ``(n_words,)``, and the score without all. It returns ``score - without_all`` minus what the words add.
    """
    cases = [(2.0, [1.5, 2.2, 0.9], -1.0), (0.3, [0.1, 0.6], 0.9), (-4.0, [-5.5, -4.5, -3.0, -4.1], -4.4)]
    return judge(
        "remainder_of_removal",
        answer,
        cases=[(score, np.array(each), empty) for score, each, empty in cases],
        right=lambda r, each, empty: r - empty - np.sum(r - each),
        praise="Right: what there is to explain, minus what the words add one by one.",
        mistakes={
            "This is what the words add in all. Subtract it from the score minus that of the empty text.":
                lambda r, each, empty: np.sum(r - each),
            "The empty text is left out: what there is to explain is the score minus that without all words.":
                lambda r, each, empty: r - np.sum(r - each),
            "The sign of what a word adds: it is the score with the word minus the score without it.":
                lambda r, each, empty: r - empty - np.sum(each - r),
            "The sign of the whole: this is what the words add minus what there is to explain.":
                lambda r, each, empty: np.sum(r - each) - (r - empty),
            "This is what there is to explain. Subtract what the words add.": lambda r, each, empty: r - empty,
            "This subtracts the mean of what the words add. Subtract their sum.":
                lambda r, each, empty: r - empty - np.mean(r - each),
            "This subtracts the scores without each word. What a word adds is the score minus each of these.":
                lambda r, each, empty: r - empty - np.sum(each),
            "These are what the words add, one by one. Add them up, and subtract the sum from score - without_all.":
                lambda r, each, empty: r - each,
            "The score is in the sum only once: each word adds the score minus the score without it.":
                lambda r, each, empty: r - empty - (r - np.sum(each)),
            "The signs are lost: what a word adds may be negative.":
                lambda r, each, empty: r - empty - np.sum(np.abs(r - each)),
            "This measures each word against the empty text. What a word adds is the score minus that without it.":
                lambda r, each, empty: r - empty - np.sum(each - empty),
        },
        hint="What a word adds is score - without_each; sum that, and subtract it from score - without_all.",
    )  # fmt: skip


def flattery_effect(answer: Any, *, data: Sequence[Any] | None = None) -> Verdict:
    """Judge the mean effect of flattery on the score and its 95% interval (notebook 09).

    Parameters
    ----------
    answer
        Three numbers (mean, lower end and upper end) for `data`; or a function from five arrays of shape ``(n,)``
        (the scores with flattery, with a plain sentence of the same length, with neither, whether the prompt was
        used to find the effect, and which sentence was added) to these three.
    data
        The five arrays of the caller.
    """
    rng = np.random.default_rng(0)
    cases = [] if data is None else [tuple(np.asarray(column) for column in data)]
    for n in (24, 30, 41):
        prompt, more, sentence = rng.normal(0, 2, n), rng.normal(0.4, 0.3, n), np.arange(n) % 5
        flattered = prompt + more + rng.normal(-0.2, 0.5, n) + rng.normal(0, 0.5, 5)[sentence]
        cases.append((flattered, prompt + more, prompt, np.arange(n) < n // 3, sentence))
    return judge(
        "flattery_effect",
        answer,
        cases=cases,
        right=lambda f, c, p, seen, s: mean_interval((f - c)[~seen], s[~seen]),
        praise="Right: within each prompt, against the control, on prompts that nothing was found on, by sentence.",
        mistakes={
            "No control: this is the effect of a sentence that flatters against none, and a sentence makes a response "
            "longer whatever it says. Take the plain sentence of the same length.":
                lambda f, c, p, seen, s: mean_interval((f - p)[~seen], s[~seen]),
            "No control, and tested where it was found: take the plain sentence, and the other prompts.":
                lambda f, c, p, seen, s: mean_interval((f - p)[seen], s[seen]),
            "The sign: this is control minus flattery.":
                lambda f, c, p, seen, s: mean_interval((c - f)[~seen], s[~seen]),
            "Tested where it was found: these are the prompts that the hypothesis came from. Take the others.":
                lambda f, c, p, seen, s: mean_interval((f - c)[seen], s[seen]),
            "All prompts are in, with those that the hypothesis was found on. Test it on the others alone.":
                lambda f, c, p, seen, s: mean_interval(f - c, s),
            "Prompts that were given the same sentence are taken for independent here. Name the sentences as clusters.":
                lambda f, c, p, seen, s: mean_interval((f - c)[~seen]),
            "No control, and prompts that were given the same sentence are taken for independent.":
                lambda f, c, p, seen, s: mean_interval((f - p)[~seen]),
            "Across prompts: the spread of scores between prompts is in this interval. Take the difference within each "
            "prompt first.":
                lambda f, c, p, seen, s: _unpaired(f[~seen], c[~seen]),
            "Not divided by the root of n: this is how far single prompts spread, and not how well the mean is known.":
                lambda f, c, p, seen, s: _spread((f - c)[~seen]),
            "The interval takes 1.96, which is for a spread that is known. Here it is estimated from a few sentences: "
            "take the quantile of Student's t, with one degree of freedom fewer than there are sentences.":
                lambda f, c, p, seen, s: _with_quantile(Z95, (f - c)[~seen], s[~seen]),
            "This goes one standard error to either side, which is about a 68% interval. Multiply it by the quantile.":
                lambda f, c, p, seen, s: _with_quantile(1.0, (f - c)[~seen], s[~seen]),
            "The ends have changed places: first the lower one, then the upper one.":
                lambda f, c, p, seen, s: np.array(mean_interval((f - c)[~seen], s[~seen]))[[0, 2, 1]],
            "These are the ends of the middle 95% of single prompts. The question is how well the mean is known.":
                lambda f, c, p, seen, s: np.array(
                    [(f - c)[~seen].mean(), *np.quantile((f - c)[~seen], [0.025, 0.975])]
                ),
            "This is the mean alone. Give three numbers: the mean, the lower end and the upper end.":
                lambda f, c, p, seen, s: (f - c)[~seen].mean(),
            "This is what the plain sentence adds. The question is flattery minus the plain sentence.":
                lambda f, c, p, seen, s: mean_interval((c - p)[~seen], s[~seen]),
        },
        hint="Take flattered - plain of each prompt that was not looked at; then mean_interval, by sentence.",
    )  # fmt: skip


def _with_quantile(quantile: float, x: np.ndarray, sentences: np.ndarray) -> np.ndarray:
    """Return the mean and its interval by sentence, with another quantile in place of Student's."""
    from scipy.special import stdtrit

    mean, low, _ = mean_interval(x, sentences)
    half = quantile * (mean - low) / float(stdtrit(len(np.unique(sentences)) - 1, 0.975))
    return np.array([mean, mean - half, mean + half])


def _spread(x: np.ndarray) -> np.ndarray:
    from scipy.special import stdtrit

    half = float(stdtrit(len(x) - 1, 0.975)) * x.std(ddof=1)
    return np.array([x.mean(), x.mean() - half, x.mean() + half])


def _unpaired(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    from scipy.special import stdtrit

    difference = x.mean() - y.mean()
    half = float(stdtrit(2 * len(x) - 2, 0.975)) * np.sqrt((x.var(ddof=1) + y.var(ddof=1)) / len(x))
    return np.array([difference, difference - half, difference + half])
