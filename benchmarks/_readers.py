"""Readers of preference pairs without a network: each learns from training pairs and scores test pairs."""

from collections.abc import Callable

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from rmlab.data import PreferencePairs

Reader = Callable[[PreferencePairs, PreferencePairs], np.ndarray]
"""A function of training and test pairs that returns the score differences of the test pairs."""


def longer(training: PreferencePairs, test: PreferencePairs) -> np.ndarray:
    del training
    return (test.lengths("chosen") - test.lengths("rejected")).astype(float)


def words(training: PreferencePairs, test: PreferencePairs) -> np.ndarray:
    """Fit a logistic regression to TF-IDF of words and word pairs of the response."""
    vectorizer = _vectorizer(training)
    return _by_features(training, test, lambda pairs, side: vectorizer.transform(pairs.texts(side)))


def words_of_both(training: PreferencePairs, test: PreferencePairs) -> np.ndarray:
    """Do the same as `words`, with each word of the prompt crossed with each word of the response added."""
    vectorizer, split = _vectorizer(training), TfidfVectorizer().build_analyzer()
    crossed = HashingVectorizer(n_features=2**20, analyzer=lambda tokens: tokens, alternate_sign=False)

    def features(pairs: PreferencePairs, side: str) -> sparse.csr_matrix:
        asked, said = map(split, pairs.texts("prompt")), map(split, pairs.texts(side))
        both = ([f"{a} {b}" for a in set(q) for b in set(r)] for q, r in zip(asked, said, strict=True))
        return sparse.hstack([vectorizer.transform(pairs.texts(side)), crossed.transform(both)]).tocsr()

    return _by_features(training, test, features)


def _vectorizer(training: PreferencePairs) -> TfidfVectorizer:
    return TfidfVectorizer(ngram_range=(1, 2)).fit([*training.texts("chosen"), *training.texts("rejected")])


def _by_features(training: PreferencePairs, test: PreferencePairs, features: Callable) -> np.ndarray:
    """Fit a logistic regression to differences of features."""
    differences = features(training, "chosen") - features(training, "rejected")
    sign = np.where(np.arange(len(training)) % 2, 1.0, -1.0)  # a regression needs both labels
    model = LogisticRegression(fit_intercept=False, max_iter=1000).fit(
        differences.multiply(sign[:, None]).tocsr(), sign
    )
    return model.decision_function(features(test, "chosen") - features(test, "rejected"))
