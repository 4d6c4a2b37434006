"""Preference pairs from the world of replies: two replies to a question, and a judge's choice between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from rmlab.data import PreferencePair, PreferencePairs
from rmlab.preference import preference_probability, score_difference_from_probability
from rmlab.simulate.raters import count, generator
from rmlab.simulate.replies.judges import FAIR, Judge
from rmlab.simulate.replies.policy import IMITATION, ReplyPolicy
from rmlab.simulate.replies.questions import PARTS, Question, load_questions, load_sentences
from rmlab.simulate.replies.structures import ATTRIBUTES, STRUCTURES, compose, structure_attributes
from rmlab.simulate.truth import KnownTruth

__all__ = ["SimulatedReplyPairs", "expected_bayes_accuracy", "simulate_reply_pairs"]


@dataclass(frozen=True, eq=False)
class SimulatedReplyPairs(KnownTruth):
    """Pairs of replies, and the truth about them. Arrays have one row for each pair, chosen side first."""

    pairs: PreferencePairs
    """The ``group`` of a pair is the kind of its question, and ``chosen_first`` says which side was on the left."""
    attributes: np.ndarray
    """Attributes of both sides, in the order of `ATTRIBUTES`; float64 array of shape ``(n_pairs, 2, n_attributes)``."""
    question_indices: np.ndarray
    """Place of the question in ``questions``; int array of shape ``(n_pairs,)``."""
    judge_indices: np.ndarray
    """Which of ``judges`` chose; int array of shape ``(n_pairs,)``."""
    questions: tuple[Question, ...]
    judges: tuple[Judge, ...]
    policy: ReplyPolicy
    seed: int | None
    """None if a generator was given."""

    @cached_property
    def score_differences(self) -> np.ndarray:
        """True log-odds that the chosen response is preferred, in nats; shape ``(n_pairs,)``.

        With one judge without a left bias this is the difference of the true rewards, negative where the label is
        unlucky. With several judges it is the log-odds for a judge drawn at random. A left bias is averaged over both
        sides, since a reward model sees neither who judged nor where a response was.
        """
        differences = self.attributes[:, 0] - self.attributes[:, 1]  # (n_pairs, n_attributes)
        return _log_odds(differences, self.judges).round(12)  # sums that differ only in their order are equal

    @property
    def label_counts(self) -> np.ndarray:
        """How many judgements each pair stands for: its weight; ``(n_pairs,)``."""
        return self.pairs.weights

    def attribute_differences(self) -> dict[str, np.ndarray]:
        """Return each attribute of chosen minus rejected; arrays of shape ``(n_pairs,)``."""
        return dict(zip(ATTRIBUTES, (self.attributes[:, 0] - self.attributes[:, 1]).T, strict=True))


def simulate_reply_pairs(
    n_pairs: int,
    *,
    judge: Judge | Sequence[Judge] = FAIR,
    policy: ReplyPolicy = IMITATION,
    seed: int | np.random.Generator = 0,
    fresh: bool = False,
    further: bool = False,
    n_questions: int | None = None,
    replies: int = 2,
    judgements: int = 1,
) -> SimulatedReplyPairs:
    """Draw questions, different replies to each, and a judge's choice between every two of them.

    Parameters
    ----------
    n_pairs
        The number of comparisons of two replies, at least 1. With one judgement each, every comparison is one pair.
    judge
        The judge; or a panel of several, from which one is drawn for each comparison.
    policy
        The policy that writes the replies. The two of a pair differ in more than wording.
    seed
        A whole number, or a NumPy generator to draw from.
    fresh
        Whether questions and sentences are those kept for testing.
    further
        Whether to draw from the further questions and sentences too (see `load_questions`). None of them is fresh.
    n_questions
        Use only this many questions, from the first; all by default.
    replies
        Replies to a question each time it is drawn, at least 2. Every two of them are judged, so four replies make six
        comparisons, one after another. (The last question makes only as many as `n_pairs` leaves room for.)
    judgements
        How often every two replies are judged, at least 1. Judgements that agree make one pair, and their number is its
        ``weight``. So two replies make one pair or, if judgements differ, two in succession.

    Raises
    ------
    ValueError, TypeError
        If an option is out of range, such as more questions than there are.
    """
    rng = generator(seed)
    n_pairs = count("n_pairs", n_pairs)
    judges = (judge,) if isinstance(judge, Judge) else tuple(judge)
    if not judges or not all(isinstance(one, Judge) for one in judges):
        raise TypeError(f"judge must be a Judge or several, got {judge!r}")
    questions = load_questions(fresh=fresh, further=further)
    if n_questions is not None:
        if count("n_questions", n_questions) > len(questions):
            kind = "fresh" if fresh else "training"
            raise ValueError(f"n_questions must be at most {len(questions)}, the {kind} questions, got {n_questions}")
        questions = questions[:n_questions]

    if count("replies", replies) < 2:
        raise ValueError(f"replies must be at least 2, got {replies}")

    sides = np.array(list(combinations(range(replies), 2)))  # (pairs of a set, 2): left and right
    n_sets = -(-n_pairs // len(sides))
    asked = rng.integers(len(questions), size=n_sets)
    structures = np.zeros((n_sets, replies), dtype=int)  # of STRUCTURES
    table = np.zeros((n_sets, replies, len(ATTRIBUTES)))
    for q in np.unique(asked):
        of_question = np.flatnonzero(asked == q)
        structures[of_question] = _different(rng, _enough(policy, questions[q], replies), len(of_question), replies)
        table[of_question] = structure_attributes(questions[q])[structures[of_question]]

    judge_indices = rng.integers(len(judges), size=n_pairs)
    weights = np.array([one.vector for one in judges])[judge_indices]  # (n_pairs, n_attributes)
    bias = np.array([one.left_bias for one in judges])[judge_indices]
    attributes = table[:, sides].reshape(-1, 2, len(ATTRIBUTES))[:n_pairs]
    difference = np.einsum("na,na->n", attributes[:, 0] - attributes[:, 1], weights) + bias
    n_judgements = count("judgements", judgements)
    won = rng.random((n_pairs, n_judgements)) < preference_probability(difference)[:, None]
    wins = np.stack([won.sum(axis=1), n_judgements - won.sum(axis=1)], axis=1)  # (n_pairs, 2): of left and of right
    compared, winner = np.nonzero(wins)  # one row for each that won at least once
    attributes = attributes[compared]
    attributes[winner == 1] = attributes[winner == 1][:, ::-1]

    banks = {part: load_sentences(part, fresh=fresh, further=further) for part in (*PARTS, "refusal")}
    spoken = {part: rng.integers(len(bank), size=(n_sets, replies)) for part, bank in banks.items()}
    texts: list[list[str]] = []
    for i, (q, drawn) in enumerate(zip(asked, structures, strict=True)):
        parts = ({part: bank[spoken[part][i, k]] for part, bank in banks.items()} for k in range(replies))
        texts.append([compose(questions[q], STRUCTURES[s], one).text for s, one in zip(drawn, parts, strict=True)])
    pairs: list[PreferencePair] = []
    for i, side in zip(compared, winner, strict=True):
        place, two = divmod(int(i), len(sides))
        question, chosen, rejected = questions[asked[place]], sides[two][side], sides[two][1 - side]
        said = question.prompt, texts[place][chosen], texts[place][rejected]
        n_wins, first = float(wins[i, side]), bool(side == 0)
        pairs.append(PreferencePair(*said, weight=n_wins, group=question.kind, chosen_first=first))
    asked = np.repeat(asked, len(sides))[compared]
    given = None if isinstance(seed, np.random.Generator) else int(seed)
    return SimulatedReplyPairs(
        PreferencePairs.from_list(pairs), attributes, asked, judge_indices[compared], questions, judges, policy, given
    )


def expected_bayes_accuracy(
    *,
    judge: Judge | Sequence[Judge] = FAIR,
    policy: ReplyPolicy = IMITATION,
    fresh: bool = False,
) -> float:
    """Return the exact accuracy of the best possible model on pairs that `simulate_reply_pairs` draws."""
    judges = (judge,) if isinstance(judge, Judge) else tuple(judge)
    total, questions = 0.0, load_questions(fresh=fresh)
    for question in questions:
        p = _enough(policy, question, 2)
        possible = np.flatnonzero(p)
        p, table = p[possible], structure_attributes(question)[possible]
        rewards = np.array([table @ one.vector for one in judges])  # (n_judges, n)
        right = np.zeros((len(p), len(p)))
        for values, one in zip(rewards, judges, strict=True):
            right += _side_averaged(values[:, None] - values[None, :], one.left_bias) / len(judges)
        weight = np.outer(p, p)
        np.fill_diagonal(weight, 0.0)  # the two replies of a pair are different
        # the second reply is drawn until it differs, so a first reply counts by its own probability
        weight *= (1 / (1 - p))[:, None]
        total += float((weight * np.maximum(right, 1 - right)).sum())
    return total / len(questions)


def _enough(policy: ReplyPolicy, question: Question, replies: int) -> np.ndarray:
    """Return the probability of each structure; raise ValueError if too few are possible for so many replies."""
    p = policy.probabilities(question)
    if (n := int(np.count_nonzero(p))) < replies:
        raise ValueError(
            f"the policy gives {n} replies to a {question.kind} question that differ in more than wording, and "
            f"{replies} are compared; give it further cores or parts for such questions, or ask for fewer replies"
        )
    return p


def _different(rng: np.random.Generator, probabilities: np.ndarray, n: int, k: int) -> np.ndarray:
    """Draw n sets of k structures, each drawn again until it differs from those before it; shape ``(n, k)``."""
    drawn = np.zeros((n, k), dtype=int)
    for place in range(k):
        drawn[:, place] = rng.choice(len(probabilities), size=n, p=probabilities)
        while (same := (drawn[:, :place] == drawn[:, [place]]).any(axis=1)).any():
            drawn[same, place] = rng.choice(len(probabilities), size=int(same.sum()), p=probabilities)
    return drawn


def _side_averaged(difference: np.ndarray, left_bias: float) -> np.ndarray:
    """Return the probability that the first is preferred if it is on the left as often as on the right."""
    if not left_bias:
        return preference_probability(difference)
    return (preference_probability(difference + left_bias) + preference_probability(difference - left_bias)) / 2


def _log_odds(attribute_differences: np.ndarray, judges: Sequence[Judge]) -> np.ndarray:
    """Return the log-odds that a judge drawn at random prefers the first; shape ``(n_pairs,)``."""
    if len(judges) == 1 and not judges[0].left_bias:
        return attribute_differences @ judges[0].vector
    shares = [_side_averaged(attribute_differences @ one.vector, one.left_bias) for one in judges]
    return score_difference_from_probability(np.mean(shares, axis=0))
