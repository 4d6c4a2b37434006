"""Measuring how good a reward model is: accuracy, log loss and calibration, from score differences of labelled pairs.

A pair is written (chosen, rejected), so every label is "chosen", and the score difference is all that is needed: it is
positive if the model agrees with the label, and its sigmoid is the probability that the model gave to that label. Most
figures come with a 95% interval. If several pairs share a prompt, name it in ``clusters``; otherwise the interval is
too narrow.

- `evaluate`: accuracy, log loss, Brier score, calibration, by group and by length;
- `fit_temperature`: fit a temperature on held-out pairs, for a report on others;
- `compare_models`: two models on the same pairs;
- `noise_ceiling`: the best that any model can reach when judges disagree;
- `learning_curve`: would more training pairs help?
- `rejection_curve`, `calibrate_spread`: is the model wrong where it says that it is unsure?
- `rewardbench`, `rewardbench2`: the scores as their authors define them.
"""

from rmlab.evaluation.accuracy import Accuracy, GroupAccuracy, LengthBin
from rmlab.evaluation.calibration import CalibrationBin, fit_temperature
from rmlab.evaluation.ceiling import NoiseCeiling, ceiling_from_agreement, noise_ceiling
from rmlab.evaluation.compare import Comparison, compare_models
from rmlab.evaluation.inputs import checked_differences
from rmlab.evaluation.intervals import mean_interval, wilson_interval
from rmlab.evaluation.learning_curve import LearningCurve, LearningCurvePoint, learning_curve
from rmlab.evaluation.metrics import Evaluation, evaluate
from rmlab.evaluation.rewardbench import BenchmarkScore, RewardBenchScores, rewardbench, rewardbench2
from rmlab.evaluation.uncertainty import RejectionCurve, SpreadBin, calibrate_spread, rejection_curve

__all__ = [
    "Accuracy",
    "BenchmarkScore",
    "CalibrationBin",
    "Comparison",
    "Evaluation",
    "GroupAccuracy",
    "LearningCurve",
    "LearningCurvePoint",
    "LengthBin",
    "NoiseCeiling",
    "RejectionCurve",
    "RewardBenchScores",
    "SpreadBin",
    "calibrate_spread",
    "ceiling_from_agreement",
    "checked_differences",
    "compare_models",
    "evaluate",
    "fit_temperature",
    "learning_curve",
    "mean_interval",
    "noise_ceiling",
    "rejection_curve",
    "rewardbench",
    "rewardbench2",
    "wilson_interval",
]
