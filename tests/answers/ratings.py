"""Answers to the exercise on ratings."""

import numpy as np
import pandas


def grouped(ratings, raters, how):
    return pandas.Series(ratings).groupby(raters).transform(how).to_numpy()


def by_loop(ratings, raters):
    out = ratings.copy()
    for one in set(raters.tolist()):
        out[raters == one] -= ratings[raters == one].mean()
    return out


def by_counts(ratings, raters):
    return ratings - (np.bincount(raters, ratings) / np.bincount(raters))[raters]


def by_list(ratings, raters):
    own = {k: [r for r, who in zip(ratings, raters, strict=True) if who == k] for k in raters.tolist()}
    return [float(r) - float(np.mean(own[int(who)])) for r, who in zip(ratings, raters, strict=True)]


def by_matrix(ratings, raters):
    same = raters[:, None] == raters
    return ratings - (same @ ratings) / same.sum(axis=1)


RIGHT = {"centred_ratings": [by_loop, by_counts, by_list, by_matrix, lambda y, who: y - grouped(y, who, "mean")]}

WRONG = {
    "centred_ratings": [
        (lambda y, who: y - y.mean(), "mean of all ratings"),
        (lambda y, who: grouped(y, who, "mean") - y, "The sign"),
        (lambda y, who: grouped(y, who, "mean"), "These are the raters' means"),
        (lambda y, who: y + grouped(y, who, "mean"), "This adds"),
        (lambda y, who: y / grouped(y, who, "mean"), "divides by the rater's mean"),
        (lambda y, who: by_matrix(y, who) / np.array([y[who == k].std() for k in who]), "also divided"),
        (lambda y, who: y / np.array([y[who == k].std() for k in who]), "leaves the offset in"),
        (lambda y, who: y - grouped(y, who, "min"), "lowest rating"),
        (lambda y, who: y - grouped(y, who, "max"), "highest rating"),
        (lambda y, who: y - grouped(y, who, "sum"), "the sum of the rater's"),
        (lambda y, who: y - grouped(y, who, "mean") + y.mean(), "added again"),
        (lambda y, who: np.concatenate([y[who == k] - y[who == k].mean() for k in set(who)]), "in another order"),
        (lambda y, who: y - grouped(y, who, "first"), "first rating"),
        (3.0, "Expected 6 numbers, or a function that gives them, and got 1."),
        (lambda y, who: y - grouped(y, who, "median"), "median"),
        (lambda y, who: y, "as they were"),
        (lambda y, who: [y[who == k].mean() for k in np.unique(who)], "each rater once"),
        (lambda y, who: y * 0, "find the mean of that rater's own ratings"),
    ]
}
