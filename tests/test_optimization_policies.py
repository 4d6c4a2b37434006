"""Policy gradients against the exact one, and PPO, GRPO and DPO against the closed form, on the world of replies."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

import rmlab
from rmlab.optimization import (
    CAREFUL_WRITERS,
    POLICY_METHODS,
    REPLY_FEATURES,
    ReplySpace,
    SoftmaxPolicy,
    clipped_gradient,
    clipped_surrogate,
    dpo_loss,
    fit_dpo,
    group_advantages,
    penalised_rewards,
    policy_gradient,
    policy_steps,
    reinforce_gradient,
    reply_space,
    score_replies,
)
from rmlab.simulate.replies import ATTRIBUTES, FAIR, FLATTERED, HURRIED, IMITATION, load_questions, reply_distribution

BETA = 0.5


def questions(per_kind: int):
    found: dict[str, list] = {}
    for question in load_questions(fresh=True):
        found.setdefault(question.kind, []).append(question)
    return [question for of_kind in found.values() for question in of_kind[:per_kind]]


@pytest.fixture(scope="module")
def distributions():
    return [reply_distribution(question, policy=IMITATION, n_wordings=1) for question in questions(1)]


@pytest.fixture(scope="module")
def space(distributions) -> ReplySpace:
    return reply_space(distributions)


@pytest.fixture(scope="module")
def rewards(distributions) -> np.ndarray:
    return np.concatenate(score_replies(FAIR, distributions))


@pytest.fixture(scope="module")
def policy(space) -> SoftmaxPolicy:
    """Some way from the reference, so that the penalty has a gradient."""
    return SoftmaxPolicy(space, np.random.default_rng(0).normal(scale=0.5, size=len(REPLY_FEATURES)))


def objective(policy: SoftmaxPolicy, rewards: np.ndarray, beta: float = BETA) -> float:
    return policy.expectation(rewards) - beta * policy.kl


def slope(value: Callable[[SoftmaxPolicy], float], policy: SoftmaxPolicy, step: float = 1e-5) -> np.ndarray:
    """Central differences of some value by every parameter."""
    found = np.zeros(len(policy.parameters))
    for i in range(len(found)):
        shift = step * np.eye(len(found))[i]
        high, low = (SoftmaxPolicy(policy.space, policy.parameters + sign * shift) for sign in (1, -1))
        found[i] = (value(high) - value(low)) / (2 * step)
    return found


def unbiased(estimate: Callable[[np.random.Generator], np.ndarray], exact: np.ndarray, repeats: int = 400) -> None:
    """Assert that the mean of repeats is within three standard errors of the exact gradient, along many directions.

    Single parameters would be many tests at once; of 20 random directions and the gradient's own none may be off by
    four, and nearly all are within three.
    """
    rng = np.random.default_rng(0)
    draws = np.array([estimate(rng) for _ in range(repeats)])
    directions = np.random.default_rng(1).normal(size=(20, len(exact)))
    directions = np.vstack([directions, exact]) / np.linalg.norm(np.vstack([directions, exact]), axis=1)[:, None]
    errors = (draws - exact) @ directions.T
    z = errors.mean(axis=0) / (errors.std(axis=0, ddof=1) / np.sqrt(repeats))
    assert np.mean(np.abs(z) < 3) >= 0.95, z
    assert np.abs(z[-1]) < 3, "along the gradient itself"
    assert np.linalg.norm(draws.mean(axis=0) - exact) < 0.25 * np.linalg.norm(exact), "too noisy to tell"


# the gradients


def test_the_policy_is_normalised_for_each_question_and_begins_at_the_reference(space, policy) -> None:
    np.testing.assert_allclose(np.add.reduceat(policy.probabilities, space.starts), 1)
    np.testing.assert_allclose(policy.log_ratios, np.log(policy.probabilities / space.reference), atol=1e-12)
    start = SoftmaxPolicy.reference(space)
    np.testing.assert_allclose(start.probabilities, space.reference)
    assert start.kl == pytest.approx(0, abs=1e-12)


def test_the_exact_gradient_is_the_slope_of_the_objective(policy, rewards) -> None:
    exact = policy_gradient(policy, rewards, beta=BETA)
    np.testing.assert_allclose(exact, slope(lambda one: objective(one, rewards), policy), atol=1e-8)


def test_draws_follow_the_policy(policy, space) -> None:
    drawn = policy.draw(100_000, 2, seed=0)
    assert (space.question_indices[drawn[:, 0]] == space.question_indices[drawn[:, 1]]).all(), (
        "a group has one question"
    )
    seen = np.bincount(drawn.ravel(), minlength=len(space.reference)) / drawn.size
    expected = policy.probabilities / space.n_questions
    probable = expected > 0.002
    np.testing.assert_allclose(seen[probable], expected[probable], rtol=0.15)


@pytest.mark.parametrize("baseline", [None, "mean", 7.0])
def test_reinforce_is_unbiased_whatever_the_baseline(policy, rewards, space, baseline) -> None:
    means = space.question_means(policy.probabilities, penalised_rewards(policy, rewards, beta=BETA))
    known = {None: None, "mean": means, 7.0: np.full(space.n_questions, 7.0)}[baseline]
    exact = policy_gradient(policy, rewards, beta=BETA)

    def estimate(rng: np.random.Generator) -> np.ndarray:
        return reinforce_gradient(policy, rewards, policy.draw(512, seed=rng), beta=BETA, baseline=known)

    unbiased(estimate, exact, repeats=2000 if baseline == 7.0 else 400)


def test_a_baseline_lowers_the_noise(policy, rewards, space) -> None:
    means = space.question_means(policy.probabilities, penalised_rewards(policy, rewards, beta=BETA))

    def spread(baseline: np.ndarray) -> float:
        rng = np.random.default_rng(0)
        draws = [
            reinforce_gradient(policy, rewards, policy.draw(64, seed=rng), beta=BETA, baseline=baseline)
            for _ in range(300)
        ]
        return float(np.var(draws, axis=0).sum())

    assert spread(means) < 0.1 * spread(means + 7)


def test_ppo_is_the_policy_gradient_where_the_policy_is_the_one_drawn_from(policy, rewards, space) -> None:
    penalised = penalised_rewards(policy, rewards, beta=BETA)
    means = space.question_means(policy.probabilities, penalised)

    def estimate(rng: np.random.Generator) -> np.ndarray:
        drawn = policy.draw(512, seed=rng)
        advantages = penalised[drawn] - means[space.question_indices[drawn]]
        return clipped_gradient(policy, drawn, advantages, drawn_from=policy)

    unbiased(estimate, policy_gradient(policy, rewards, beta=BETA))


def test_ppos_gradient_is_the_slope_of_its_clipped_surrogate(policy, space) -> None:
    before = SoftmaxPolicy.reference(space)
    drawn = before.draw(2000, seed=0)[:, 0]
    advantages = np.random.default_rng(1).normal(size=2000)

    def surrogate(one: SoftmaxPolicy) -> float:
        ratios = np.exp(one.log_ratios - before.log_ratios)[drawn]
        return float(clipped_surrogate(ratios, advantages, clip=0.2).mean())

    found = clipped_gradient(policy, drawn, advantages, drawn_from=before, clip=0.2)
    np.testing.assert_allclose(found, slope(surrogate, policy, 1e-7), atol=1e-6)
    unclipped = clipped_gradient(policy, drawn, advantages, drawn_from=before, clip=0.999999)
    assert np.abs(found - unclipped).max() > 1e-3, "nothing was clipped, so this says nothing"


def test_grpo_without_its_division_is_unbiased_even_in_pairs(policy, rewards) -> None:
    penalised = penalised_rewards(policy, rewards, beta=BETA)
    for size in (2, 8):

        def estimate(rng: np.random.Generator, size: int = size) -> np.ndarray:
            drawn = policy.draw(512 // size, size, seed=rng)
            advantages = group_advantages(penalised[drawn], standardise=False)
            return clipped_gradient(policy, drawn, advantages, drawn_from=policy)

        unbiased(estimate, policy_gradient(policy, rewards, beta=BETA))


def test_grpos_division_gives_the_gradient_of_rewards_in_units_of_their_spread(policy, rewards, space) -> None:
    penalised = penalised_rewards(policy, rewards, beta=BETA)
    means = space.question_means(policy.probabilities, penalised)
    spreads = np.sqrt(space.question_means(policy.probabilities, penalised**2) - means**2)
    # each question's part of the exact gradient, over the standard deviation of R at that question
    weights = policy.probabilities * (penalised - means[space.question_indices]) / spreads[space.question_indices]
    scaled = weights @ space.features / space.n_questions

    def estimate(rng: np.random.Generator) -> np.ndarray:
        drawn = policy.draw(8, 1000, seed=rng)  # groups so large that their spread is known
        return clipped_gradient(policy, drawn, group_advantages(penalised[drawn]), drawn_from=policy)

    rng = np.random.default_rng(0)
    mean = np.mean([estimate(rng) for _ in range(200)], axis=0)
    exact = policy_gradient(policy, rewards, beta=BETA)
    assert np.linalg.norm(mean - scaled) < 0.05 * np.linalg.norm(scaled)
    assert np.linalg.norm(mean - exact) > 0.2 * np.linalg.norm(exact), "it is not the gradient of the objective"


def test_equal_rewards_in_a_group_teach_nothing() -> None:
    assert not group_advantages(np.array([[1.0, 1.0, 1.0]])).any()


# whole runs


@pytest.mark.parametrize("method", POLICY_METHODS)
@pytest.mark.parametrize("judge", [FAIR, FLATTERED], ids=lambda judge: judge.name)
def test_every_method_reaches_the_closed_forms_reward_at_equal_kl(space, distributions, method, judge) -> None:
    rewards = np.concatenate(score_replies(judge, distributions))
    *_, last = policy_steps(space, rewards, method=method, beta=BETA, n_steps=200, seed=1)
    start = space.expectation(space.reference, rewards)
    best = space.expectation(space.optimal_at_kl(rewards, kl=last.kl), rewards)
    assert best >= last.reward - 1e-9
    assert (last.reward - start) / (best - start) > 0.99
    optimum, kl = space.optimal(rewards, beta=BETA)
    assert last.reward == pytest.approx(space.expectation(optimum, rewards), rel=0.01)
    assert last.kl == pytest.approx(kl, rel=0.03)


def test_a_linear_reward_has_its_optimum_among_the_softmax_policies(space, rewards) -> None:
    weights = np.linalg.lstsq(space.features, rewards, rcond=None)[0]
    np.testing.assert_allclose(space.features @ weights, rewards, atol=1e-9)  # FAIR can be written in these features
    policy = SoftmaxPolicy(space, weights / BETA)
    np.testing.assert_allclose(policy.probabilities, space.optimal(rewards, beta=BETA)[0], atol=1e-12)
    np.testing.assert_allclose(policy_gradient(policy, rewards, beta=BETA), 0, atol=1e-10)


def test_a_run_is_repeated_by_its_seed_and_stops_at_its_budget(space, rewards) -> None:
    runs = [list(policy_steps(space, rewards, beta=0.1, n_steps=30, seed=seed)) for seed in (3, 3, 4)]
    kls = [[step.kl for step in run] for run in runs]
    assert kls[0] == kls[1] != kls[2]
    assert [step.step for step in runs[0]] == list(range(31))
    stopped = list(policy_steps(space, rewards, beta=0.1, n_steps=30, seed=3, kl_budget=0.3))
    assert max(step.kl for step in stopped) <= 0.3 < kls[0][len(stopped)]


# DPO


def test_dpos_loss_is_the_preference_loss_and_serves_tensors() -> None:
    gaps = np.array([-2.0, 0.0, 3.0])
    np.testing.assert_array_equal(dpo_loss(gaps, beta=0.1), rmlab.preference_loss(0.1 * gaps))
    tensor = torch.tensor(gaps, requires_grad=True)
    dpo_loss(tensor, beta=0.1).sum().backward()
    np.testing.assert_allclose(tensor.grad, -0.1 * rmlab.preference_probability(-0.1 * gaps))


def every_pair(space: ReplySpace, rewards: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pairs drawn from the reference, each both ways, weighted by the true probability of that label."""
    drawn = SoftmaxPolicy.reference(space).draw(n, 2, seed=0)
    first, second = np.concatenate([drawn, drawn[:, ::-1]]).T
    return first, second, rmlab.preference_probability(rewards[first] - rewards[second])


@pytest.mark.parametrize("beta", [0.2, 1.0])
def test_dpo_reaches_the_optimal_policy_where_the_reward_is_realisable(space, rewards, beta) -> None:
    chosen, rejected, weights = every_pair(space, rewards, 20_000)
    fit = fit_dpo(space, chosen, rejected, beta=beta, weights=weights, prior_variance=1e4)
    optimum, kl = space.optimal(rewards, beta=beta)
    np.testing.assert_allclose(fit.policy.probabilities, optimum, atol=1e-3)
    assert fit.policy.kl == pytest.approx(kl, rel=1e-2)
    gaps = fit.beta * (fit.policy.log_ratios[chosen] - fit.policy.log_ratios[rejected])
    np.testing.assert_allclose(gaps, rewards[chosen] - rewards[rejected], atol=0.02)


def test_dpo_reaches_less_where_the_reward_is_not_realisable(space, distributions) -> None:
    # a taste for length counts the sentences of a core, which no weight for cores and kinds alone can say
    by_length = [one.attributes[:, list(ATTRIBUTES).index("sentences")] ** 2 / 10 for one in distributions]
    rewards = np.concatenate(by_length)
    chosen, rejected, weights = every_pair(space, rewards, 20_000)
    fit = fit_dpo(space, chosen, rejected, beta=1.0, weights=weights, prior_variance=1e4)
    optimum, _ = space.optimal(rewards, beta=1.0)
    assert np.abs(fit.policy.probabilities - optimum).max() > 0.02
    assert (
        fit.policy.expectation(rewards) - fit.policy.kl
        < space.expectation(optimum, rewards) - space.optimal(rewards, beta=1.0)[1]
    )


def test_dpo_on_drawn_labels_is_the_linear_reward_over_beta(space, rewards) -> None:
    from rmlab.training import fit_linear_reward

    drawn = SoftmaxPolicy.reference(space).draw(500, 2, seed=2)
    gaps = rewards[drawn[:, 0]] - rewards[drawn[:, 1]]
    wins = np.random.default_rng(0).random(500) < rmlab.preference_probability(gaps)
    chosen, rejected = np.where(wins, drawn.T, drawn[:, ::-1].T)
    fit = fit_dpo(space, chosen, rejected, beta=0.3, prior_variance=4.0)
    linear = fit_linear_reward(space.features[chosen] - space.features[rejected], prior_variance=4.0)
    np.testing.assert_allclose(0.3 * fit.policy.parameters, linear.weights, atol=1e-5)
    assert fit.log_loss == pytest.approx(linear.log_loss)


# what is refused


def test_options_that_mean_nothing_are_refused(space, rewards) -> None:
    start = SoftmaxPolicy.reference(space)
    some, other = np.array([0]), np.array([space.starts[1]])
    refused = [
        (lambda: policy_gradient(start, rewards, beta=0.0), "beta must be a finite number above 0"),
        (lambda: next(policy_steps(space, rewards, beta=0)), "beta must be a finite number above 0"),
        (lambda: next(policy_steps(space, rewards * np.nan, beta=1.0)), "rewards must be finite"),
        (lambda: next(policy_steps(space, rewards, beta=1.0, method="trpo")), "method must be one of exact"),
        (lambda: next(policy_steps(space, rewards, beta=1.0, kl_budget=0.0)), "kl_budget must be above 0"),
        (lambda: next(policy_steps(space, rewards, beta=1.0, method="grpo", batch_size=9)), "divide batch_size"),
        (lambda: next(policy_steps(space, rewards, beta=1.0, method="grpo", group_size=1)), "at least 2"),
        (lambda: next(policy_steps(space, rewards, beta=1.0, clip=1.5)), "clip must be between 0 and 1"),
        (lambda: group_advantages(np.zeros((4, 1))), "at least two replies"),
        (lambda: dpo_loss(0.5, beta=0), "beta must be a finite number above 0"),
        (lambda: fit_dpo(space, some, other, beta=1.0), "pair 0 has replies to two questions"),
        (lambda: fit_dpo(space, some, some[:0], beta=1.0), "one shape"),
        (lambda: fit_dpo(space, some, some + 1, beta=1.0, weights=[-1.0]), "weights must be at least 0"),
        (lambda: fit_dpo(space, some, some + 1, beta=1.0, prior_variance=0.0), "prior_variance must be a finite"),
        (lambda: space.optimal_at_kl(rewards, kl=1000.0), "kl must be above 0 and at most"),
        (lambda: reply_space([]), "distributions is empty"),
    ]
    for call, message in refused:
        with pytest.raises(ValueError, match=message):
            call()


def test_a_space_says_which_question_is_wrong() -> None:
    features = np.zeros((4, 1))
    for reference, starts, message in (
        ([0.5, 0.5, 1.0, 0.0], [0, 2], "reference of question 1: 1 of 2 replies have no probability"),
        ([0.5, 0.5, 0.5, 0.4], [0, 2], "reference of question 1 must sum to one"),
        ([0.5, 0.5, 0.5, 0.5], [0, 4], "starts must begin at 0 and rise"),
    ):
        with pytest.raises(ValueError, match=message):
            ReplySpace(np.array(reference), features, np.array(starts))


# scorers


def test_any_scorer_may_be_asked(distributions) -> None:
    def length(prompts: list[str], responses: list[str]) -> np.ndarray:
        return np.array([len(text) for text in responses])

    class Model:
        score = staticmethod(length)

    for scorer in (length, Model()):
        scores = score_replies(scorer, distributions)
        assert [len(one) for one in scores] == [len(one.replies) for one in distributions]
        assert scores[1][0] == len(distributions[1].replies[0].text)
    np.testing.assert_array_equal(score_replies(HURRIED, distributions)[0], distributions[0].rewards(HURRIED))


def test_a_scorer_that_gives_nan_for_some_replies_is_named_with_the_question(distributions) -> None:
    def broken(prompts: list[str], responses: list[str]) -> np.ndarray:
        return np.where([text.startswith("I ") for text in responses], np.nan, 0.0)

    with pytest.raises(ValueError, match=r"the scorer gave nan for [\d,]+ of [\d,]+ replies, the first to '") as caught:
        score_replies(broken, distributions)
    assert any(one.question.prompt[:20] in str(caught.value) for one in distributions)
    with pytest.raises(ValueError, match=r"one score for each of [\d,]+ replies, got \(1,\)"):
        score_replies(lambda prompts, responses: [0.0], distributions)


def test_features_say_what_a_reply_is_made_of_and_to_what_kind_of_question(distributions, space) -> None:
    for one, rows in zip(distributions, np.split(space.features, space.starts[1:]), strict=True):
        for reply, row in list(zip(one.replies, rows, strict=True))[::50]:
            names = {REPLY_FEATURES[i] for i in np.flatnonzero(row)}
            made_of = {reply.structure.core, *reply.structure.parts, *(["list"] if reply.structure.listed else [])}
            assert names == {f"{piece} | {one.question.kind}" for piece in made_of}


def test_the_careful_policy_begins_well_and_seldom_flatters() -> None:
    means = []
    for question in questions(3):
        careful = reply_distribution(question, policy=CAREFUL_WRITERS, n_wordings=1)
        imitation = reply_distribution(question, policy=IMITATION, n_wordings=1)
        assert careful.mean_attributes()["flattery"] < 0.011
        means.append([one.expectation(one.rewards(FAIR)) for one in (careful, imitation)])
    careful_mean, imitation_mean = np.mean(means, axis=0)
    assert careful_mean > 0.9 > 0 > imitation_mean
