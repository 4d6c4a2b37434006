"""A world of replies: text that reads like an assistant's and has a known true reward.

Each everyday question has several core answers, to which parts can be added (a friendly opening, flattery, a hedge,
...). A judge has a weight in nats for each attribute of a reply, so the true reward is a sum that anyone can check. A
policy has a probability for each core and part, so expectations over replies are exact sums.

>>> from rmlab.simulate.replies import FAIR, simulate_reply_pairs
>>> simulated = simulate_reply_pairs(1000, judge=FAIR, seed=0)
>>> bool(0.75 < simulated.bayes_accuracy < 0.85)
True
"""

from rmlab.simulate.replies.contrasts import CONTRASTS, ReplyContrast, reply_contrast
from rmlab.simulate.replies.judges import FAIR, FLATTERED, HURRIED, JUDGES, TIMID, Judge
from rmlab.simulate.replies.parsing import attributes_of_text
from rmlab.simulate.replies.policy import IMITATION, ReplyDistribution, ReplyPolicy, reply_distribution
from rmlab.simulate.replies.questions import KINDS, PARTS, Question, load_questions, load_sentences
from rmlab.simulate.replies.structures import ATTRIBUTES, CORES, STRUCTURES, Reply, Structure, attributes, compose
from rmlab.simulate.replies.tournament import SimulatedReplyPairs, expected_bayes_accuracy, simulate_reply_pairs

__all__ = [
    "ATTRIBUTES",
    "CONTRASTS",
    "CORES",
    "FAIR",
    "FLATTERED",
    "HURRIED",
    "IMITATION",
    "JUDGES",
    "KINDS",
    "PARTS",
    "STRUCTURES",
    "TIMID",
    "Judge",
    "Question",
    "Reply",
    "ReplyContrast",
    "ReplyDistribution",
    "ReplyPolicy",
    "SimulatedReplyPairs",
    "Structure",
    "attributes",
    "attributes_of_text",
    "compose",
    "expected_bayes_accuracy",
    "load_questions",
    "load_sentences",
    "reply_contrast",
    "reply_distribution",
    "simulate_reply_pairs",
]
