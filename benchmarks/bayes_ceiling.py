"""How close a small decoder, trained from scratch on simulated texts, comes to the best that any model could do.

    python benchmarks/bayes_ceiling.py [--seeds 3] [--pairs 10000]

The texts of `rmlab.simulate` have a known reward, so the accuracy of a perfect model is known too. Accuracy is averaged
over the labels that could have been drawn: a pair counts with its true probability, which removes the labels' noise.
"""

import argparse
import time

from _targets import verdict

from rmlab.data import split_by_prompt
from rmlab.model import RewardModel
from rmlab.simulate import SimulatedTextPairs, expected_outcomes, simulate_text_pairs
from rmlab.training import TrainingConfig, train

MOST_SHORT = 3
"""Percentage points that the model may be below the best possible."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=10_000)
    options = parser.parse_args()
    print("seed  test pairs  accuracy  the best possible  points short  CPU seconds")
    for seed in range(options.seeds):
        started = time.process_time()
        train_pairs, test = split_by_prompt(simulate_text_pairs(options.pairs, seed=seed).pairs, fractions=(0.8, 0.2))
        model = RewardModel.from_pretrained("tiny-decoder", seed=seed, device="cpu")
        config = TrainingConfig(epochs=4, batch_size=32, learning_rate=2e-3, precision="fp32", seed=seed)
        train(model, train_pairs, config=config, progress=False)
        truth = SimulatedTextPairs(test)
        accuracy = expected_outcomes(model.score_differences(test), truth.score_differences).mean()
        best, seconds = truth.bayes_accuracy, time.process_time() - started
        short = 100 * (best - accuracy)
        row = f"{seed:4}  {len(test):10,}  {accuracy:8.3f}  {best:17.3f}  {short:12.1f}  {seconds:11.0f}"
        print(f"{row}  at most {MOST_SHORT} short: {verdict(short <= MOST_SHORT)}", flush=True)


if __name__ == "__main__":
    main()
