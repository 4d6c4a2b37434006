"""What can be learned from the world of replies: a ladder of readers on fresh questions and fresh sentences.

    python benchmarks/replies.py ladder [--pairs 3000] [--test-pairs 2000] [--epochs 2] [--skip-fine-tuning]
    python benchmarks/replies.py speed

Accuracy is on average over the labels: a pair counts by its true probability, so that the luck of the drawn labels is
left out. Intervals are 95%, clustered by question. "words" is a logistic regression on TF-IDF of words and word pairs
of the response; "words of both" adds every word of the prompt crossed with every word of the response.
"""

import argparse
import time

import numpy as np
from _readers import Reader, longer, words, words_of_both

from rmlab.data import PreferencePairs
from rmlab.evaluation import mean_interval
from rmlab.model import RewardModel
from rmlab.simulate import expected_outcomes
from rmlab.simulate.replies import SimulatedReplyPairs, simulate_reply_pairs
from rmlab.training import TrainingConfig, fit_head, train


def accuracy(differences: np.ndarray, simulated: SimulatedReplyPairs) -> str:
    """Return accuracy on average over the labels, with its interval, as text."""
    outcomes = expected_outcomes(differences, simulated.score_differences)
    mean, low, high = mean_interval(outcomes, simulated.question_indices)
    return f"{mean:.3f} ({low:.3f} to {high:.3f})"


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
    if options.skip_fine_tuning:
        del readers["minilm fine-tuned"]
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
    parts = {"ladder": ladder, "speed": speed}
    parser.add_argument("part", nargs="?", choices=parts, help="by default both, one after the other")
    parser.add_argument("--pairs", type=int, default=3000)
    parser.add_argument("--test-pairs", type=int, default=2000)
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--skip-fine-tuning", action="store_true", help="leave out the part that takes minutes")
    options = parser.parse_args()
    for name in [options.part] if options.part else parts:
        print(f"-- {name}")
        parts[name](options)


if __name__ == "__main__":
    main()
