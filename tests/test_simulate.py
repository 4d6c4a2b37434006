"""Simulated truth: that it is what is claimed, and that it can be found again from what was drawn."""

import dataclasses
import re
from collections import Counter

import numpy as np
import pytest
from scipy import sparse, stats
from scipy.optimize import minimize

from rmlab.bradley_terry import fit_bradley_terry
from rmlab.data import PreferencePairs, split_by_prompt
from rmlab.preference import davidson_probabilities, preference_probability
from rmlab.simulate import (
    TEXT_WORDS,
    Rater,
    SimulatedTextPairs,
    bayes_accuracy,
    bayes_log_loss,
    simulate_comparisons,
    simulate_ratings,
    simulate_text_pairs,
    text_reward,
)

PROMPT = "Why should I take the small flat?"
RESPONSE = "The flat is not cheap and hardly loud, but quite clean and very dark."


@pytest.fixture(scope="module")
def texts() -> SimulatedTextPairs:
    return simulate_text_pairs(2000, seed=3)


@pytest.fixture(scope="module")
def parts(texts) -> tuple[PreferencePairs, PreferencePairs]:
    return split_by_prompt(texts.pairs, fractions=(0.7, 0.3), seed=0)


# Raters and ratings


def test_ratings_of_a_sure_rater_are_the_stated_line():
    rater = Rater(scale=2.0, offset=5.0, drift=-1.0, noise=0.0)
    ratings = simulate_ratings([0.0, 1.0, -3.0], rater, seed=0)
    expected = 5 + 2 * ratings.rewards[ratings.item_indices] - np.array([0.0, 0.5, 1.0])
    np.testing.assert_allclose(ratings.values, expected, rtol=1e-15)
    assert sorted(ratings.item_indices) == [0, 1, 2]


def test_scale_offset_drift_and_noise_are_found_again_by_least_squares():
    rewards = np.random.default_rng(0).normal(size=200)
    raters = (Rater(scale=0.5, offset=3, drift=1, noise=0.4), Rater(scale=2, offset=-1, drift=-2, noise=1.5))
    ratings = simulate_ratings(rewards, raters, seed=1, n_ratings=20_000)
    for who, rater in enumerate(raters):
        mine = ratings.rater_indices == who
        time = np.linspace(0, 1, 20_000)
        design = np.column_stack([rewards[ratings.item_indices[mine]], np.ones(20_000), time])
        (scale, offset, drift), (squares,), *_ = np.linalg.lstsq(design, ratings.values[mine], rcond=None)
        spread = np.sqrt(squares / (20_000 - 3))
        errors = spread * np.sqrt(np.diag(np.linalg.inv(design.T @ design)))
        truth = np.array([rater.scale, rater.offset, rater.drift])
        assert np.all(np.abs(np.array([scale, offset, drift]) - truth) < 4 * errors)
        assert spread == pytest.approx(rater.scale * rater.noise * np.pi / np.sqrt(6), rel=0.03)


def test_a_rater_goes_round_the_items_in_another_order_each_time():
    ratings = simulate_ratings(np.zeros(50), [Rater(), Rater()], seed=0, n_ratings=120)
    assert ratings.values.shape == ratings.rater_indices.shape == (240,)
    orders = ratings.item_indices.reshape(2, 120)
    assert set(Counter(orders[0]).values()) == {2, 3}
    assert not np.array_equal(orders[0, :50], orders[1, :50])
    assert not np.array_equal(orders[0, :50], orders[0, 50:100])


def test_a_comparison_is_the_difference_of_two_judgements():
    """The same noise in ratings and comparisons: which of two ratings is higher has the law of the comparison."""
    rater = Rater(noise=0.7, scale=3, offset=2)
    n, gap = 40_000, 0.9
    high, low = (simulate_ratings([reward], rater, seed=s, n_ratings=n).values for s, reward in ((0, gap), (1, 0.0)))
    p = preference_probability(gap / 0.7)
    assert np.mean(high > low) == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / n))
    compared = simulate_comparisons([gap, 0.0], seed=2, n_comparisons=n, raters=rater)
    assert np.mean(compared.winners == 0) == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / n))


# Comparisons


def test_scores_are_recovered_by_an_independent_fit_and_by_ours():
    truth = dict(zip("abcdef", [1.5, 0.8, 0.1, -0.2, -0.9, -1.3], strict=True))
    drawn = simulate_comparisons(truth, seed=5, n_comparisons=20_000)
    index = {item: i for i, item in enumerate(drawn.items)}
    design = np.zeros((20_000, 6))
    rows = np.arange(20_000)
    design[rows, [index[w] for w in drawn.winners]] = 1
    design[rows, [index[w] for w in drawn.losers]] = -1
    independent = minimize(lambda s: np.log1p(np.exp(-design @ s)).sum() + s.sum() ** 2, np.zeros(6)).x
    np.testing.assert_allclose(independent, list(truth.values()), atol=0.1)
    fit = fit_bradley_terry(drawn.winners, drawn.losers)
    z = (fit.scores - np.array(list(truth.values()))) / fit.standard_errors
    assert np.all(np.abs(z) < 4)


def test_ties_home_effect_and_position_bias_have_their_stated_shares():
    n = 60_000
    drawn = simulate_comparisons(
        {"x": 0.6, "y": 0.0},
        seed=1,
        n_comparisons=n,
        pairs=[("x", "y")],
        raters=Rater(position_bias=0.3),
        order_effect=0.2,
        tie_parameter=0.8,
    )
    expected = davidson_probabilities(0.6 + 0.3 + 0.2, 0.8)
    x_won = (drawn.winners == "x") & ~drawn.tied
    for share, p in zip((x_won.mean(), drawn.tied.mean(), (drawn.winners == "y").mean()), expected, strict=True):
        assert share == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / n))
    assert np.all((drawn.first == 1) == (drawn.winners == "x"))
    assert np.all(drawn.first[drawn.tied] == 1)
    np.testing.assert_allclose(np.unique(drawn.score_differences), [-1.1, 1.1])


def test_home_effect_and_ties_are_found_again_by_the_fit():
    drawn = simulate_comparisons(
        np.linspace(-1, 1, 5), seed=9, n_comparisons=30_000, order_effect=0.4, tie_parameter=0.5
    )
    fit = fit_bradley_terry(drawn.winners, drawn.losers, tied=drawn.tied, ties="davidson", first=drawn.first)
    assert fit.order_effect == pytest.approx(0.4, abs=0.06)
    assert fit.tie_parameter == pytest.approx(0.5, abs=0.03)
    np.testing.assert_allclose(fit.scores, drawn.scores, atol=0.08)


def test_who_is_first_is_drawn_and_order_does_not_favour_either():
    drawn = simulate_comparisons(np.zeros(10), seed=0, n_comparisons=20_000)
    smaller_won = drawn.winners < drawn.losers
    assert np.mean(smaller_won) == pytest.approx(0.5, abs=0.015)
    assert np.mean(smaller_won == (drawn.first == 1)) == pytest.approx(0.5, abs=0.015)  # the smaller label was first
    assert not drawn.tied.any()


def test_every_pair_once_by_default_and_given_pairs_in_their_order():
    drawn = simulate_comparisons(np.zeros(6), seed=0)
    met = {frozenset(pair) for pair in zip(drawn.winners.tolist(), drawn.losers.tolist(), strict=True)}
    assert len(met) == len(drawn.winners) == 15
    given = simulate_comparisons(
        {"a": 1, "b": 0, "c": 5}, seed=0, pairs=[("c", "a"), ("a", "b")], raters=Rater(noise=0)
    )
    assert given.winners.tolist() == ["c", "a"]
    assert given.first.tolist() == [1, 1]


def test_a_rater_without_noise_is_certain_unless_the_two_are_equal():
    drawn = simulate_comparisons([2, 1, 1], seed=0, n_comparisons=9000, raters=Rater(noise=0))
    best = (drawn.winners == 0) | (drawn.losers == 0)
    assert np.all(drawn.winners[best] == 0)
    assert np.mean(drawn.winners[~best] == 1) == pytest.approx(0.5, abs=0.04)


def test_noise_of_the_rater_who_judges_decides():
    raters = (Rater(noise=0.25), Rater(noise=4))
    drawn = simulate_comparisons([1.0, 0.0], seed=0, n_comparisons=20_000, raters=raters)
    for who, rater in enumerate(raters):
        share = np.mean(drawn.winners[drawn.rater_indices == who] == 0)
        assert share == pytest.approx(preference_probability(1 / rater.noise), abs=0.02)


def test_labels_of_any_kind_come_back_as_they_went_in():
    drawn = simulate_comparisons({("a", 1): 0.0, "b": 1.0, 3: 2.0}, seed=0)
    assert set(drawn.winners) | set(drawn.losers) == {("a", 1), "b", 3}
    assert simulate_comparisons([0.0, 1.0], seed=0).winners.dtype.kind == "i"
    assert simulate_comparisons({"p": 0.0, "q": 1.0}, seed=0).winners.dtype.kind == "U"


# The ceiling


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0])
def test_bayes_accuracy_and_log_loss_are_what_the_oracle_has_over_redrawn_labels(scale):
    rng = np.random.default_rng(0)
    d = rng.normal(scale=scale, size=2000)
    p = 1 / (1 + np.exp(-d))
    labels = rng.random((500, 2000)) < p
    accuracy, loss = np.mean(labels == (d > 0), axis=1), np.mean(-np.log(np.where(labels, p, 1 - p)), axis=1)
    for value, runs in ((bayes_accuracy(d), accuracy), (bayes_log_loss(d), loss)):
        assert value == pytest.approx(runs.mean(), abs=4 * runs.std() / np.sqrt(500))
    assert bayes_log_loss(d) == pytest.approx(stats.bernoulli.entropy(p).mean(), rel=1e-12)


def test_a_ceiling_does_not_depend_on_the_order_of_the_two_and_is_exact_at_the_ends():
    d = np.array([0.3, -2.0, 0.0])
    assert bayes_accuracy(d) == bayes_accuracy(-d)
    assert bayes_log_loss(d) == bayes_log_loss(-d)
    assert (bayes_accuracy(np.zeros(3)), bayes_log_loss(np.zeros(3))) == (0.5, pytest.approx(np.log(2), rel=1e-15))
    assert (bayes_accuracy(np.array([np.inf, -1e4])), bayes_log_loss(np.array([np.inf, -1e4]))) == (1.0, 0.0)


# Texts


def test_the_reward_is_counted_as_the_module_says():
    # not cheap -2, hardly loud +1; after "but", twice: quite clean +1, very dark -2
    assert text_reward(PROMPT, RESPONSE, nats_per_point=1.0) == -2 + 1 + 2 * (1 - 2)
    assert text_reward(PROMPT.replace("take", "avoid"), RESPONSE, nats_per_point=0.5) == 1.5
    for swapped, points in (
        ("The flat is not cheap and hardly warm, but quite clean and very quiet.", 3),
        ("The flat is very quiet and quite clean, but hardly warm and not cheap.", -3),
    ):
        assert text_reward(PROMPT, swapped, nats_per_point=1.0) == points


@pytest.mark.parametrize("seed", range(5))
def test_bayes_accuracy_lies_between_75_and_90_percent_and_the_oracle_meets_it(seed):
    part = simulate_text_pairs(1500, seed=seed)
    assert 0.75 < part.bayes_accuracy < 0.90
    d = part.score_differences
    assert np.mean(d > 0) == pytest.approx(part.bayes_accuracy, abs=4 * np.sqrt(0.25 / 1500))
    assert np.mean(np.log1p(np.exp(-d))) == pytest.approx(part.bayes_log_loss, abs=0.06)


def test_labels_follow_the_sigmoid_of_the_true_difference(texts):
    """Of the pairs whose rewards are this far apart, the better response is chosen as often as the sigmoid says."""
    d = texts.score_differences
    for gap in np.unique(np.abs(d).round(9)):
        at = np.isclose(np.abs(d), gap)
        p = 1 / (1 + np.exp(-gap))
        if at.sum() > 100:
            assert np.mean(d[at] > 0) == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / at.sum()))


def test_the_sharper_the_judge_the_higher_the_ceiling():
    blunt, sharp = (simulate_text_pairs(300, seed=0, nats_per_point=x) for x in (0.1, 1.0))
    assert blunt.bayes_accuracy < 0.7 < 0.9 < sharp.bayes_accuracy
    assert sharp.bayes_log_loss < blunt.bayes_log_loss


def test_the_two_responses_hold_the_same_words_and_none_is_used_twice(texts):
    words = [[Counter(re.findall(r"\w+", text)) for text in (pair.chosen, pair.rejected)] for pair in texts.pairs]
    assert all(chosen == rejected for chosen, rejected in words)
    responses = [text for pair in texts.pairs for text in (pair.chosen, pair.rejected)]
    assert len(set(responses)) == 4000
    assert np.all(texts.score_differences != 0)
    assert len(texts.pairs) == 2000


def test_the_vocabulary_is_complete_and_all_used(texts):
    found = {w for p in texts.pairs for t in (p.prompt, p.chosen, p.rejected) for w in re.findall(r"\w+|[^\w\s]", t)}
    assert found == {*TEXT_WORDS, "?", ",", "."}


@pytest.mark.parametrize(("n_words", "with_prompt"), [(1, False), (1, True), (2, True)])
def test_counting_words_stays_at_least_8_points_below_the_ceiling(parts, n_words, with_prompt):
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    train, test = parts
    shown = [[p.prompt * with_prompt + " " + text for p in train for text in (p.chosen, p.rejected)]]
    counter = CountVectorizer(ngram_range=(1, n_words), token_pattern=r"\w+").fit(shown[0])

    def features(part):
        sides = [counter.transform([p.prompt * with_prompt + " " + getattr(p, side) for p in part])
                 for side in ("chosen", "rejected")]  # fmt: skip
        return sparse.csr_matrix(sides[0] - sides[1], dtype=float)

    x, unseen = features(train), features(test)
    y = np.repeat([1, 0], x.shape[0])
    model = LogisticRegression(fit_intercept=False, C=0.1).fit(sparse.vstack([x, -x]), y)
    score = unseen @ model.coef_[0]
    accuracy = np.mean(score > 0) + np.mean(score == 0) / 2
    assert accuracy < SimulatedTextPairs(test).bayes_accuracy - 0.08
    if n_words == 1:
        assert accuracy == 0.5


def test_a_split_by_prompt_shares_no_text(parts):
    for name in ("prompt", "chosen", "rejected"):
        seen = [{getattr(pair, name) for pair in part} for part in parts]
        assert not seen[0] & seen[1]


def test_a_part_has_a_ceiling_of_its_own(texts):
    part = SimulatedTextPairs(texts.pairs[100:200], nats_per_point=texts.nats_per_point)
    np.testing.assert_array_equal(part.score_differences, texts.score_differences[100:200])


# Seeds, results, errors


DRAWS = {
    "ratings": lambda seed: simulate_ratings(np.arange(30.0), seed=seed).values,
    "comparisons": lambda seed: simulate_comparisons(np.zeros(30), seed=seed, tie_parameter=1.0).winners,
    "texts": lambda seed: [str(pair) for pair in simulate_text_pairs(20, seed=seed).pairs],
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_seed_settles_everything_whatever_the_global_state(draw):
    np.random.seed(1)  # noqa: NPY002 - the global state is what must not matter
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    once = draw(7)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    assert np.array_equal(once, draw(7))
    assert np.array_equal(once, draw(np.random.default_rng(7)))
    assert not np.array_equal(once, draw(8))


def test_results_are_frozen_and_carry_their_settings():
    rater = Rater(noise=2)
    comparisons = simulate_comparisons([0, 1], seed=4, raters=rater, order_effect=0.1, tie_parameter=0.2)
    assert (comparisons.seed, comparisons.raters, comparisons.order_effect) == (4, (rater,), 0.1)
    assert (comparisons.tie_parameter, comparisons.items, comparisons.scores.tolist()) == (0.2, (0, 1), [0, 1])
    ratings = simulate_ratings([0, 1], rater, seed=np.random.default_rng(0))
    assert (ratings.seed, ratings.raters) == (None, (rater,))
    texts = simulate_text_pairs(2, seed=4, nats_per_point=0.2)
    assert (texts.seed, texts.nats_per_point) == (4, 0.2)
    for result in (comparisons, ratings, texts, rater):
        with pytest.raises(dataclasses.FrozenInstanceError):
            result.seed = 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Rater(scale=0), ValueError, "scale must be above 0 (rating points for one unit of reward), got 0"),
        (lambda: Rater(noise=-1), ValueError, "noise must be at least 0 (in units of reward), got -1"),
        (lambda: Rater(drift=float("nan")), ValueError, "drift must be a finite number, got nan"),
        (
            lambda: simulate_ratings([1.0, np.inf], seed=0),
            ValueError,
            "rewards must be finite, got inf at position 1",
        ),
        (
            lambda: simulate_ratings([], seed=0),
            ValueError,
            "rewards must have shape (n_items,) with at least one item, got (0,)",
        ),
        (lambda: simulate_ratings([1.0], [], seed=0), TypeError, "raters must be a Rater or several, got none"),
        (lambda: simulate_ratings([1.0], [3], seed=0), TypeError, "raters must be a Rater or several, got int"),
        (
            lambda: simulate_ratings([1.0], seed=0, n_ratings=0),
            ValueError,
            "n_ratings must be a whole number of at least 1, got 0",
        ),
        (
            lambda: simulate_ratings([1.0], seed=None),
            TypeError,
            "seed must be a whole number from 0 or a numpy.random.Generator, got None",
        ),
        (lambda: simulate_comparisons([1.0], seed=0), ValueError, "scores must be of at least two items, got 1"),
        (
            lambda: simulate_comparisons([1.0, 2.0], seed=0, n_comparisons=True),
            ValueError,
            "n_comparisons must be a whole number of at least 1, got True",
        ),
        (
            lambda: simulate_comparisons([1.0, 2.0], seed=0, order_effect=np.inf),
            ValueError,
            "order_effect must be a finite number, got inf",
        ),
        (
            lambda: simulate_comparisons([1.0, 2.0], seed=0, tie_parameter=-1.0),
            ValueError,
            "tie_parameter must be at least 0, got -1.0",
        ),
        (
            lambda: simulate_comparisons({"a": 1.0, "b": 2.0}, seed=0, pairs=[("a", "b"), ("a", "c")]),
            ValueError,
            "pairs name 'c' at position 1, which has no score; give it one in scores",
        ),
        (
            lambda: simulate_comparisons({"a": 1.0, "b": 2.0}, seed=0, pairs=[("a", "a")]),
            ValueError,
            "pairs must each name two different items (first, second), got ('a', 'a') at position 0",
        ),
        (
            lambda: simulate_comparisons([1.0, 2.0], seed=0, pairs=[]),
            ValueError,
            "pairs must hold at least one pair (first, second), got none",
        ),
        (
            lambda: simulate_text_pairs(30_001, seed=0),
            ValueError,
            "n_pairs must be at most 30,000, as no response is used twice, got 30,001",
        ),
        (
            lambda: simulate_text_pairs(1, seed=0, nats_per_point=0.0),
            ValueError,
            "nats_per_point must be a finite number above 0, got 0.0",
        ),
        (
            lambda: text_reward("Why?", RESPONSE),
            ValueError,
            "prompt must read like 'Why should I take the small flat?', got 'Why?'",
        ),
        (
            lambda: text_reward(PROMPT, "It is nice."),
            ValueError,
            "response must read like 'The flat is very quiet and not cheap, but hardly warm and quite clean.', "
            "got 'It is nice.'",
        ),
    ],
)
def test_an_error_says_what_was_expected_and_what_came(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
