"""Answers to the exercises of notebook 09."""

import numpy as np
from scipy import stats

from rmlab.evaluation import mean_interval


def by_sentence(x, sentences, confidence=0.95):
    means = np.array([x[sentences == one].mean() for one in np.unique(sentences)])
    sizes = np.array([(sentences == one).sum() for one in np.unique(sentences)])
    share = sizes / len(x)
    error = np.sqrt((share**2 * (means - x.mean()) ** 2 / (1 - share)).sum())
    low, high = stats.t.interval(confidence, len(means) - 1, x.mean(), error)
    return x.mean(), low, high


def three(x):
    return np.mean(x), *stats.t.interval(0.95, len(x) - 1, np.mean(x), stats.sem(x))


def around(x, sentences, errors):
    mean, low, high = by_sentence(x, sentences)
    t = stats.t.ppf(0.975, len(set(sentences)) - 1)
    return mean, mean + (low - mean) * errors / t, mean + (high - mean) * errors / t


def of_prompts(f, c, p, seen, s):
    return [np.mean((f - c)[~seen]), *np.percentile((f - c)[~seen], [2.5, 97.5])]


def unpaired(f, c, p, seen, s):
    found = stats.ttest_ind(f[~seen], c[~seen])
    return [f[~seen].mean() - c[~seen].mean(), *found.confidence_interval()]


def spread(f, c, p, seen, s):
    x = (f - c)[~seen]
    half = stats.t.ppf(0.975, len(x) - 1) * x.std(ddof=1)
    return x.mean(), x.mean() - half, x.mean() + half


def in_reverse(f, c, p, seen, s):
    return mean_interval((f - c)[~seen][::-1], s[~seen][::-1])


RIGHT = {
    "remainder_of_removal": [
        lambda score, each, empty: score - empty - (score - each).sum(),
        lambda score, each, empty: score - empty - sum(score - one for one in each),
        lambda r, w, e: (1 - len(w)) * r - e + np.sum(w),
        2.0 + 1.0 - 1.4,
    ],
    "flattery_effect": [
        in_reverse,
        lambda f, c, p, seen, s: mean_interval((f - c)[~seen], s[~seen]),
        lambda f, c, p, seen, s: by_sentence((f - c)[~seen], s[~seen]),
    ],
}  # fmt: skip


WRONG = {
    "remainder_of_removal": [
        (lambda s, w, e: (s - w).sum(), "what the words add in all"),
        (lambda s, w, e: s - (s - w).sum(), "The empty text is left out"),
        (lambda s, w, e: s - e - (w - s).sum(), "The sign of what a word adds"),
        (lambda s, w, e: (s - w).sum() - s + e, "The sign of the whole"),
        (lambda s, w, e: s - e, "This is what there is to explain"),
        (lambda s, w, e: s - e - (s - w).mean(), "the mean of what the words add"),
        (lambda s, w, e: s - e - w.sum(), "This subtracts the scores without each word"),
        (lambda s, w, e: s - e - (w - e).sum(), "against the empty text"),
        (3.0, "This is what there is to explain"), (1.4, "what the words add in all"),
        (lambda s, w, e: s - w, "Add them up"), (lambda s, w, e: w.sum() - e, "only once"),
        (lambda s, w, e: s - e - abs(s - w).sum(), "signs are lost"), (lambda s, w, e: (s - e) / len(w), "too low"),
        (lambda s, w, e: s - e - (s - w), "in place of one number"), (lambda s, w, e: 0.0, "What a word adds is score"),
    ],
    "flattery_effect": [
        (lambda f, c, p, seen, s: by_sentence((f - p)[~seen], s[~seen]), "No control: this is the effect of a sent"),
        (lambda f, c, p, seen, s: by_sentence((f - p)[seen], s[seen]), "No control, and tested where it was found"),
        (lambda f, c, p, seen, s: three((f - p)[~seen]), "No control, and prompts that were given the same"),
        (lambda f, c, p, seen, s: by_sentence((c - f)[~seen], s[~seen]), "The sign: this is control minus flattery"),
        (lambda f, c, p, seen, s: by_sentence((f - c)[seen], s[seen]), "Tested where it was found"),
        (lambda f, c, p, seen, s: by_sentence(f - c, s), "All prompts are in"),
        (lambda f, c, p, seen, s: three((f - c)[~seen]), "taken for independent"),
        (unpaired, "Across prompts"), (spread, "Not divided by the root of n"),
        (lambda f, c, p, seen, s: around((f - c)[~seen], s[~seen], 1.959964), "takes 1.96"),
        (lambda f, c, p, seen, s: by_sentence((c - p)[~seen], s[~seen]), "what the plain sentence adds"),
        (lambda f, c, p, seen, s: (f - c)[~seen].mean(), "the mean alone"),
        (lambda f, c, p, seen, s: around((f - c)[~seen], s[~seen], 1.0), "one standard error"),
        (
            lambda f, c, p, seen, s: [by_sentence((f - c)[~seen], s[~seen])[i] for i in (0, 2, 1)],
            "changed places",
        ),
        (of_prompts, "middle 95% of single prompts"),
        (lambda f, c, p, seen, s: three((f - c)[~seen])[1:], "2 numbers in place of 3 numbers"),
        (lambda f, c, p, seen, s: np.zeros(3), "Take flattered - plain"),
    ],
}  # fmt: skip
