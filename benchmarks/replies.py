"""What can be learned from the world of replies: a ladder of readers on fresh questions and fresh sentences.

    python benchmarks/replies.py ladder [--pairs 6000] [--test-pairs 3000] [--epochs 2]
    python benchmarks/replies.py speed               (10,000 pairs simulated)

Accuracy is on average over the labels: a pair counts by its true probability, so that the luck of the drawn labels is
left out. Intervals are 95%, clustered by question. "words" is a logistic regression on TF-IDF of words and word pairs
of the response; "words of both" adds every word of the prompt crossed with every word of the response.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from scipy import sparse, stats
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from rmlab.data import PreferencePairs
from rmlab.model import RewardModel
from rmlab.simulate import expected_outcomes
from rmlab.simulate.replies import SimulatedReplyPairs, simulate_reply_pairs
from rmlab.training import TrainingConfig, fit_head, train

Reader = Callable[[PreferencePairs, PreferencePairs], np.ndarray]
"""From training and test pairs to the score differences of the latter."""


def accuracy(differences: np.ndarray, simulated: SimulatedReplyPairs) -> str:
    """Return accuracy on average over the labels, with its interval, as text."""
    outcomes = expected_outcomes(differences, simulated.score_differences)
    mean, half = clustered_mean(outcomes, simulated.question_indices)
    return f"{mean:.3f} ({mean - half:.3f} to {mean + half:.3f})"


def longer(training: PreferencePairs, test: PreferencePairs) -> np.ndarray:
    del training
    return (test.lengths("chosen") - test.lengths("rejected")).astype(float)


def words(training: PreferencePairs, test: PreferencePairs) -> np.ndarray:
    vectorizer = TfidfVectorizer(ngram_range=(1, 2)).fit([*training.texts("chosen"), *training.texts("rejected")])
    return _by_features(training, test, lambda pairs, side: vectorizer.transform(pairs.texts(side)))


def words_of_both(training: PreferencePairs, test: PreferencePairs) -> np.ndarray:
    """Add to the words of the response each word of the prompt crossed with each of the response."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2)).fit([*training.texts("chosen"), *training.texts("rejected")])
    crossed = HashingVectorizer(n_features=2**20, analyzer=lambda tokens: tokens, alternate_sign=False)
    split = TfidfVectorizer().build_analyzer()

    def features(pairs: PreferencePairs, side: str) -> sparse.csr_matrix:
        asked, said = map(split, pairs.texts("prompt")), map(split, pairs.texts(side))
        both = ([f"{a} {b}" for a in set(q) for b in set(r)] for q, r in zip(asked, said, strict=True))
        return sparse.hstack([vectorizer.transform(pairs.texts(side)), crossed.transform(both)]).tocsr()

    return _by_features(training, test, features)


def _by_features(training: PreferencePairs, test: PreferencePairs, features: Callable) -> np.ndarray:
    """Fit a logistic regression to differences of features."""
    differences = features(training, "chosen") - features(training, "rejected")
    sign = np.where(np.arange(len(training)) % 2, 1.0, -1.0)  # a regression wants both labels
    model = LogisticRegression(fit_intercept=False, max_iter=1000).fit(
        differences.multiply(sign[:, None]).tocsr(), sign
    )
    return model.decision_function(features(test, "chosen") - features(test, "rejected"))


def frozen(training: PreferencePairs, test: PreferencePairs) -> np.ndarray:
    model = RewardModel.from_pretrained("minilm", device="cpu")
    fit_head(model, training, prior_variance=10.0)
    return model.score_differences(test)


def ladder(options: argparse.Namespace) -> None:
    """Print the accuracy of each reader on fresh questions and sentences, and the ceiling."""

    def fine_tuned(training: PreferencePairs, test: PreferencePairs) -> np.ndarray:
        model = RewardModel.from_pretrained("minilm", seed=0, device="cpu")
        config = TrainingConfig(epochs=options.epochs, batch_size=32, learning_rate=options.learning_rate, seed=0)
        train(model, training, config=config, progress=False)
        return model.score_differences(test)

    training = simulate_reply_pairs(options.pairs, seed=0)
    test = simulate_reply_pairs(options.test_pairs, seed=1, fresh=True)
    readers: dict[str, Reader] = {
        "length alone": longer,
        "words of the response": words,
        "words of both": words_of_both,
        "linear head on frozen minilm": frozen,
        "minilm fine-tuned": fine_tuned,
    }
    print(f"{options.pairs:,} training pairs, {len(test.pairs):,} test pairs on {len(test.questions)} fresh questions")
    print(f"{'reader':30} accuracy (95%)           seconds")
    for name, reader in readers.items():
        started = time.perf_counter()
        differences = reader(training.pairs, test.pairs)
        print(f"{name:30} {accuracy(differences, test)}   {time.perf_counter() - started:6.0f}", flush=True)
    print(f"{'ceiling':30} {test.bayes_accuracy:.3f}")


def speed(options: argparse.Namespace) -> None:
    """Print how long it takes to simulate 10,000 pairs."""
    del options
    started = time.perf_counter()
    simulate_reply_pairs(10_000)
    print(f"10,000 pairs simulated in {time.perf_counter() - started:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {one.__name__: one for one in (ladder, speed)}
    parser.add_argument("part", nargs="?", choices=parts, help="by default all of them, one after another")
    parser.add_argument("--pairs", type=int, default=6000)
    parser.add_argument("--test-pairs", type=int, default=3000)
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    options = parser.parse_args()
    for name in [options.part] if options.part else parts:
        print(f"-- {name}")
        parts[name](options)


if __name__ == "__main__":
    main()
