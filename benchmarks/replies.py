"""What can be learned from the world of replies: a ladder of readers on fresh questions and fresh sentences.

    python benchmarks/replies.py ladder [--pairs 6000] [--test-pairs 3000] [--epochs 2]
    python benchmarks/replies.py attributes          (accuracy of the course's model by what differs in a pair)
    python benchmarks/replies.py probe               (effect of each part on the course's model and its twin)
    python benchmarks/replies.py live                (minilm trained for 45 seconds of one core, as in notebook 07)
    python benchmarks/replies.py speed               (10,000 pairs simulated; the course's model loaded)
    python benchmarks/replies.py everyday            (the course's model on everyday, by kind)

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
from rmlab.datasets import course_model, load_everyday
from rmlab.evaluation import evaluate
from rmlab.model import RewardModel
from rmlab.simulate import expected_outcomes
from rmlab.simulate.replies import (
    JUDGES,
    PARTS,
    SimulatedReplyPairs,
    Structure,
    compose,
    load_questions,
    load_sentences,
    simulate_reply_pairs,
)
from rmlab.training import TrainingConfig, fit_head, train

Reader = Callable[[PreferencePairs, PreferencePairs], np.ndarray]
"""From training and test pairs to the score differences of the latter."""


def clustered_mean(values: np.ndarray, clusters: np.ndarray) -> tuple[float, float]:
    """Return a mean and the half width of its 95% interval, where the values of a cluster are alike."""
    _, places = np.unique(clusters, return_inverse=True)
    sums = np.bincount(places, values - values.mean())
    n = len(sums)
    error = np.sqrt(n / (n - 1) * np.sum(sums**2)) / len(values)
    return float(values.mean()), float(stats.t.ppf(0.975, n - 1) * error)


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


def attributes(options: argparse.Namespace) -> None:
    """Print how often the course's model is right on pairs that differ in an attribute, and in nothing else."""
    test = simulate_reply_pairs(options.test_pairs, seed=1, fresh=True)
    differences = course_model().score_differences(test.pairs)
    print(f"the course's model on {len(test.pairs):,} fresh pairs: {accuracy(differences, test)}")
    print(f"ceiling {test.bayes_accuracy:.3f}; a pair counts for each attribute in which its responses differ\n")
    print(f"{'differs in':18}  pairs  accuracy  ceiling  short by")
    best = expected_outcomes(test.score_differences, test.score_differences)
    found = expected_outcomes(differences, test.score_differences)
    for name, difference in test.attribute_differences().items():
        rows = difference != 0
        if name != "sentences":
            a, b = found[rows].mean(), best[rows].mean()
            print(f"{name:18} {rows.sum():6,} {a:9.3f} {b:8.3f} {b - a:9.3f}")


def probe(options: argparse.Namespace) -> None:
    """Print the effect of each part on the scores of the course's model and its twin, beside the judges' weights."""
    del options
    for judge in ("fair", "flattered"):
        model = course_model(judge)
        print(f"trained on the judge {judge!r}: effect in nats (95%, clustered by question and by sentence), and truth")
        for name, (effects, questions, sentences) in part_effects(model).items():
            mean, half = two_way(effects, questions, sentences)
            truth = JUDGES[judge].weights.get(name, 0.0)
            print(f"  {name:18} {mean:+.2f} ({mean - half:+.2f} to {mean + half:+.2f})   truth {truth:+.1f}")


def part_effects(model: RewardModel) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Add each part to a right answer of each fresh question, each time in another sentence, and see scores change."""
    found: dict[str, tuple[list[float], list[int], list[int]]] = {}
    questions = load_questions(fresh=True)
    for part in (*PARTS, "refusal"):
        bank = load_sentences(part, fresh=True)
        asked, with_part, without, names, places = [], [], [], [], []
        for q, question in enumerate(questions):
            start = Structure("short" if question.kind == "brief" else "full")
            changed = Structure("refusal") if part == "refusal" else Structure(start.core, (part,))
            name = _attribute(part, question.kind)
            for k in range(3):  # three sentences a question, so that sentences and questions cross
                place = (3 * q + k) % len(bank)
                asked.append(question.prompt)
                with_part.append(compose(question, changed, {part: bank[place]}).text)
                without.append(compose(question, start).text)
                names.append((name, q))
                places.append(place)
        effects = model.score(asked, with_part) - model.score(asked, without)
        for effect, (name, q), place in zip(effects, names, places, strict=True):
            for column, value in zip(found.setdefault(name, ([], [], [])), (effect, q, place), strict=True):
                column.append(value)
    return {name: tuple(map(np.array, columns)) for name, columns in found.items()}  # type: ignore[misc]


def _attribute(part: str, kind: str) -> str:
    """Return the attribute that a part gives a reply."""
    if part == "hedge":
        return "due_hedge" if kind == "uncertain" else "needless_hedge"
    if part == "refusal":
        return "due_refusal" if kind == "harmful" else "needless_refusal"
    return part


def two_way(values: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> tuple[float, float]:
    """Return a mean and the half width of its 95% interval, clustered two ways (Cameron, Gelbach and Miller 2011)."""
    centred = values - values.mean()

    def part(clusters: np.ndarray) -> float:
        return float(np.sum(np.bincount(clusters, centred) ** 2)) / len(values) ** 2

    both = part(rows * (columns.max() + 1) + columns)
    variance = max(part(rows) + part(columns) - both, part(rows), part(columns))
    fewest = min(len(np.unique(rows)), len(np.unique(columns)))
    half = stats.t.ppf(0.975, fewest - 1) * np.sqrt(variance * fewest / (fewest - 1))
    return float(values.mean()), float(half)


def live(options: argparse.Namespace) -> None:
    """Train minilm for a few seconds of one core, with its lower layers frozen, and print the accuracy as it climbs."""
    training = simulate_reply_pairs(640, seed=0)
    test = simulate_reply_pairs(options.test_pairs, seed=1, fresh=True)
    model = RewardModel.from_pretrained("minilm", seed=0, device="cpu")
    started = time.process_time()
    train(model, training.pairs, config=TrainingConfig(epochs=1, learning_rate=2e-4, seed=0), progress=False)
    seconds = time.process_time() - started
    print(f"{seconds:.0f} CPU seconds: {accuracy(model.score_differences(test.pairs), test)} on fresh pairs")


def speed(options: argparse.Namespace) -> None:
    """Print how long it takes to simulate 10,000 pairs and to load the course's model."""
    del options
    for name, call in (("10,000 pairs", lambda: simulate_reply_pairs(10_000)), ("course_model()", course_model)):
        started = time.perf_counter()
        call()
        print(f"{name:16} {time.perf_counter() - started:.2f} s")


def everyday(options: argparse.Namespace) -> None:
    """Print the accuracy of the course's model on everyday, by kind."""
    del options
    pairs = load_everyday()
    found = evaluate(course_model().score_differences(pairs), groups=pairs.groups)
    for name, one in {"all": found, **found.groups}.items():
        low, high = one.accuracy_interval
        print(f"{name:12} {one.accuracy:.3f} ({low:.3f} to {high:.3f}), {one.n_pairs} pairs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {one.__name__: one for one in (ladder, attributes, probe, live, speed, everyday)}
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
