"""What can be learned from `everyday` and from its length-biased twin: five-fold accuracy of four readers.

    python benchmarks/everyday.py [--epochs 2] [--skip-fine-tuning]

The folds divide the pairs (no two share a prompt). They are drawn once, and are the same for all readers. "longer"
looks at the lengths alone. "words" is a logistic regression on differences of TF-IDF of words and word pairs of each
response. "frozen" fits a linear head to the features of minilm; "fine-tuned" trains all of minilm. Intervals are
Wilson's, 95%. The folds share training pairs, so an interval describes these five models well, and a sixth model a
little less well.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from _readers import longer, words

from rmlab.data import PreferencePairs
from rmlab.datasets import load_everyday, load_everyday_biased
from rmlab.evaluation import evaluate
from rmlab.model import RewardModel
from rmlab.training import TrainingConfig, fit_linear_reward, prepare, train

FOLDS = 5


Fold = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""A function of the indices of training and test pairs that returns the score differences of the test pairs."""


def on_parts(reader: Callable[[PreferencePairs, PreferencePairs], np.ndarray]) -> Callable[[PreferencePairs], Fold]:
    """Turn a reader of pairs into a reader of indices."""
    return lambda pairs: lambda training, test: reader(pairs[training], pairs[test])


def frozen(pairs: PreferencePairs) -> Fold:
    model = RewardModel.from_pretrained("minilm", device="cpu")
    encoded = model.encode_pairs(pairs)  # once, since the backbone is the same in every fold
    chosen, rejected = (model.features(side) for side in (encoded.chosen, encoded.rejected))
    features = chosen - rejected
    return lambda training, test: fit_linear_reward(features[training], prior_variance=10.0).score_differences(
        features[test]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=float, default=2.0, help="of fine-tuning (default: 2)")
    parser.add_argument("--skip-fine-tuning", action="store_true", help="leave out the part that takes minutes")
    options = parser.parse_args()

    def fine_tuned(training: PreferencePairs, test: PreferencePairs) -> np.ndarray:
        """Train on one part and score the other."""
        model = RewardModel.from_pretrained("minilm", seed=0, device="cpu")
        train(model, prepare(model, training), config=TrainingConfig(epochs=options.epochs), progress=False)
        return model.score_differences(test)

    readers: dict[str, Callable[[PreferencePairs], Fold]] = {
        "longer": on_parts(longer), "words": on_parts(words), "frozen": frozen, "fine-tuned": on_parts(fine_tuned)
    }  # fmt: skip
    if options.skip_fine_tuning:
        del readers["fine-tuned"]
    sets = {"everyday": load_everyday(), "everyday_biased": load_everyday_biased()}
    fold_of = np.random.default_rng(0).permutation(len(sets["everyday"])) % FOLDS
    print(f"{'pairs':16} {'reader':11} accuracy (95%)        log loss   seconds")
    for name, pairs in sets.items():
        for reader, prepare_reader in readers.items():
            started = time.perf_counter()
            read, differences = prepare_reader(pairs), np.zeros(len(pairs))
            for fold in range(FOLDS):
                training, test = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
                differences[test] = read(training, test)
            found = evaluate(differences)
            low, high = found.accuracy_interval
            # the differences of "longer" are characters, not nats
            log_loss = "       " if reader == "longer" else f"{found.log_loss:7.3f}"
            interval = f"{found.accuracy:.3f} ({low:.3f} to {high:.3f})"
            print(f"{name:16} {reader:11} {interval}   {log_loss}   {time.perf_counter() - started:7.0f}", flush=True)


if __name__ == "__main__":
    main()
