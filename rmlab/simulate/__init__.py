"""Raters, comparisons and texts whose true reward is known, so that what is learned can be compared with the truth.

There are four simulators. Each takes a seed, and returns a frozen result that records its settings:

- `simulate_ratings`: raters rate items, each on their own scale;
- `simulate_comparisons`: comparisons between items of known score, ready for `rmlab.fit_bradley_terry`;
- `simulate_text_pairs`: preference pairs of short texts that must be read to be judged. The accuracy and the log loss
  of the best possible model are known, and counting words does no better than a coin;
- `rmlab.simulate.replies`: replies like an assistant's, with a judge whose every weight is known.
"""

from rmlab.simulate.raters import Rater, SimulatedComparisons, SimulatedRatings, simulate_comparisons, simulate_ratings
from rmlab.simulate.texts import TEXT_WORDS, SimulatedTextPairs, simulate_text_pairs, text_reward
from rmlab.simulate.truth import bayes_accuracy, bayes_log_loss, expected_outcomes

__all__ = [
    "TEXT_WORDS",
    "Rater",
    "SimulatedComparisons",
    "SimulatedRatings",
    "SimulatedTextPairs",
    "bayes_accuracy",
    "bayes_log_loss",
    "expected_outcomes",
    "simulate_comparisons",
    "simulate_ratings",
    "simulate_text_pairs",
    "text_reward",
]
