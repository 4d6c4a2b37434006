"""What the disagreement of several heads predicts, and what it costs, in the world of replies.

    python benchmarks/uncertainty.py [--pairs 840] [--heads 8] [--test 400] [--seeds 1]

minilm is trained in one pass with one head, and with several, on pairs of the fair judge with the same seed. Then both
are tested on pairs of fresh questions and sentences, whose true differences are known. The output has the accuracy of
both, the error by the spread of the heads, and the accuracy if the pairs with the largest spread are left out, compared
with leaving out those with the smallest difference. Seconds are CPU seconds.
"""

import argparse
import time

import numpy as np

from rmlab.evaluation import calibrate_spread, evaluate, rejection_curve
from rmlab.model import RewardModel
from rmlab.simulate.replies import FAIR, simulate_reply_pairs
from rmlab.training import TrainingConfig, train


def trained(n_heads: int, n_pairs: int, seed: int) -> tuple[RewardModel, float]:
    """Return minilm after one pass over the pairs, and the CPU seconds that it took."""
    model = RewardModel.from_pretrained("minilm", seed=seed, n_heads=n_heads, device="cpu")
    model.network.base_model.embeddings.requires_grad_(False)
    pairs = simulate_reply_pairs(n_pairs, judge=FAIR, seed=seed, replies=8).pairs
    config = TrainingConfig(batch_size=56, keep_together=True, learning_rate=3e-4, precision="fp32", seed=seed)
    started = time.process_time()
    train(model, pairs, config=config, progress=False)
    return model, time.process_time() - started


def main() -> None:
    """Train, score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=840)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--test", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    test = simulate_reply_pairs(options.test, judge=FAIR, seed=1000, fresh=True)
    for seed in range(options.seeds):
        single, seconds = trained(1, options.pairs, seed)
        several, seconds_several = trained(options.heads, options.pairs, seed)
        d, spread = several.score_differences(test.pairs, uncertainty=True)
        print(f"seed {seed}: {options.pairs} pairs; {seconds:.0f} s with one head, {seconds_several:.0f} s with "
              f"{options.heads} ({seconds_several / seconds:.2f} times)")  # fmt: skip
        clusters = list(test.pairs.texts("prompt"))
        for name, differences in (("one head", single.score_differences(test.pairs)), (f"{options.heads} heads", d)):
            found = evaluate(differences, clusters=clusters)
            low, high = found.accuracy_interval
            print(f"  {name}: accuracy {found.accuracy:.3f} ({low:.3f} to {high:.3f}), log loss {found.log_loss:.3f}")
        print("  spread (nats)   error   error/spread   accuracy            meant")
        for one in calibrate_spread(d, spread, true_differences=test.score_differences):
            low, high = one.accuracy_interval
            print(f"  {one.mean_spread:13.2f} {one.error:7.2f} {(one.error or 0) / one.mean_spread:14.1f}   "
                  f"{one.accuracy:.2f} ({low:.2f} to {high:.2f})  {one.mean_probability:8.2f}")  # fmt: skip
        orders = {
            "largest spread": spread, "smallest difference": -np.abs(d),
            "largest spread for its difference": spread / np.maximum(np.abs(d), 1e-9),
        }  # fmt: skip
        for name, order in orders.items():
            curve = rejection_curve(d, order)
            at = [int(np.argmin(np.abs(curve.share_kept - share))) for share in (1, 0.75, 0.5, 0.25)]
            kept = ", ".join(f"{curve.share_kept[i]:.0%}: {curve.accuracy[i]:.3f}" for i in at)
            print(f"  left out first: {name}: accuracy on the {kept}; gain {curve.gain:.2f} of 1")


if __name__ == "__main__":
    main()
