"""Answers to the exercises on what a reward model rewards."""

import numpy as np
from scipy import stats


def three(x, confidence=0.95):
    low, high = stats.t.interval(confidence, len(x) - 1, np.mean(x), stats.sem(x))
    return np.mean(x), low, high


def around(x, errors):
    return x.mean(), x.mean() - errors * stats.sem(x), x.mean() + errors * stats.sem(x)


def of_prompts(f, c, p, seen):
    return [np.mean((f - c)[~seen]), *np.percentile((f - c)[~seen], [2.5, 97.5])]


def by_test(f, c, p, seen):
    found = stats.ttest_rel(f[~seen], c[~seen])
    return [found.statistic * stats.sem(f[~seen] - c[~seen]), *found.confidence_interval()]


def by_hand(f, c, p, seen):
    x = (f - c)[~seen]
    half = stats.t.ppf(0.975, x.size - 1) * x.std(ddof=1) / x.size**0.5
    return np.array([x.mean(), x.mean() - half, x.mean() + half])


def normal(f, c, p, seen):
    x = (f - c)[~seen]
    return x.mean(), x.mean() - 1.96 * stats.sem(x), x.mean() + 1.96 * stats.sem(x)


def unpaired(f, c, p, seen):
    found = stats.ttest_ind(f[~seen], c[~seen])
    return [f[~seen].mean() - c[~seen].mean(), *found.confidence_interval()]


def spread(f, c, p, seen):
    x = (f - c)[~seen]
    half = stats.t.ppf(0.975, len(x) - 1) * x.std(ddof=1)
    return x.mean(), x.mean() - half, x.mean() + half


RIGHT = {
    "remainder_of_removal": [
        lambda score, each, empty: score - empty - (score - each).sum(),
        lambda score, each, empty: score - empty - sum(score - one for one in each),
        lambda r, w, e: (1 - len(w)) * r - e + np.sum(w),
        2.0 + 1.0 - 1.4,
    ],
    "flattery_effect": [by_test, by_hand, lambda f, c, p, seen: three((f - c)[~seen])],
}
WRONG = {
    "remainder_of_removal": [
        (lambda s, w, e: (s - w).sum(), "what the words add in all"),
        (lambda s, w, e: s - (s - w).sum(), "The empty text is left out"),
        (lambda s, w, e: s - e - (w - s).sum(), "The sign of what a word adds"),
        (lambda s, w, e: (s - w).sum() - s + e, "The sign of the whole"),
        (lambda s, w, e: s - e, "This is what there is to explain"),
        (lambda s, w, e: s - e - (s - w).mean(), "the mean of what the words add"),
        (lambda s, w, e: s - e - w.sum(), "This takes away the scores without each word"),
        (lambda s, w, e: s - e - (w - e).sum(), "against the empty text"),
        (3.0, "This is what there is to explain"), (1.4, "what the words add in all"),
        (lambda s, w, e: s - w, "Add them up"), (lambda s, w, e: w.sum() - e, "only once"),
        (lambda s, w, e: s - e - abs(s - w).sum(), "signs are lost"), (lambda s, w, e: (s - e) / len(w), "too low"),
        (lambda s, w, e: s - e - (s - w), "in place of one number"), (lambda s, w, e: 0.0, "What a word adds is score"),
    ],
    "flattery_effect": [
        (lambda f, c, p, seen: three((f - p)[~seen]), "No control: this is the effect of a sentence"),
        (lambda f, c, p, seen: three((f - p)[seen]), "No control, and tested where it was found"),
        (lambda f, c, p, seen: three((c - f)[~seen]), "The sign: this is control minus flattery"),
        (lambda f, c, p, seen: three((f - c)[seen]), "Tested where it was found"),
        (lambda f, c, p, seen: three(f - c), "All prompts are in"),
        (unpaired, "Across prompts"), (spread, "Not divided by the root of n"), (normal, "takes 1.96"),
        (lambda f, c, p, seen: three((c - p)[~seen]), "what the plain sentence adds"),
        (lambda f, c, p, seen: (f - c)[~seen].mean(), "the mean alone"),
        (lambda f, c, p, seen: around((f - c)[~seen], 2.0), "takes 2 in place"),
        (lambda f, c, p, seen: around((f - c)[~seen], 1.0), "one standard error"),
        (lambda f, c, p, seen: three((f - c)[~seen], 0.9), "90% interval"),
        (lambda f, c, p, seen: [three((f - c)[~seen])[i] for i in (0, 2, 1)], "changed places"),
        (of_prompts, "middle 95% of single prompts"),
        (lambda f, c, p, seen: three((f - c)[~seen])[1:], "2 numbers in place of 3 numbers"),
        (lambda f, c, p, seen: np.zeros(3), "Take flattered - control"),
    ],
}  # fmt: skip
