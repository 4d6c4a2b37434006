"""The world of replies: its texts hold together, its truth is exact, and what is drawn agrees with the exact sums."""

import dataclasses
import re
from collections import Counter
from difflib import SequenceMatcher
from itertools import combinations

import numpy as np
import pytest

from rmlab.datasets import dataset_card
from rmlab.evaluation import evaluate
from rmlab.preference import preference_probability
from rmlab.simulate import expected_outcomes
from rmlab.simulate.replies import (
    ATTRIBUTES,
    CONTRASTS,
    FAIR,
    FLATTERED,
    HURRIED,
    IMITATION,
    JUDGES,
    KINDS,
    PARTS,
    STRUCTURES,
    TIMID,
    Judge,
    ReplyPolicy,
    Structure,
    attributes,
    attributes_of_text,
    compose,
    expected_bayes_accuracy,
    load_questions,
    load_sentences,
    reply_contrast,
    reply_distribution,
    simulate_reply_pairs,
)
from rmlab.simulate.replies.structures import OPENINGS, available, structure_attributes
from rmlab.training import fit_linear_reward

BANKS = (*PARTS, "refusal")
QUESTIONS = load_questions()
EVERY_QUESTION = load_questions(further=True)


def _all_sentences(part):
    return [*load_sentences(part, further=True), *load_sentences(part, fresh=True)]


def question(kind):
    return next(one for one in load_questions(fresh=False) if one.kind == kind)


# Questions and sentences


def test_there_are_enough_questions_of_every_kind_in_both_halves():
    assert len(QUESTIONS) >= 240
    assert len({one.prompt for one in QUESTIONS}) == len(QUESTIONS)
    for fresh in (False, True):
        kinds = Counter(one.kind for one in load_questions(fresh=fresh))
        assert set(kinds) == set(KINDS)
        assert min(kinds.values()) >= 10
    assert len(load_questions(fresh=True)) >= 70


def test_the_further_texts_are_more_of_the_same_and_only_to_train_on():
    assert load_questions(fresh=True, further=True) == load_questions(fresh=True)
    assert load_questions(fresh=False, further=True)[: len(load_questions(fresh=False))] == load_questions(fresh=False)
    further = EVERY_QUESTION[len(load_questions(fresh=False)) : -len(load_questions(fresh=True))]
    assert len(further) > 1000
    assert {one.topic for one in further} == {one.topic for one in QUESTIONS}
    shares = [Counter(one.kind for one in questions) for questions in (further, QUESTIONS)]
    for kind in KINDS:
        assert shares[0][kind] / len(further) == pytest.approx(shares[1][kind] / len(QUESTIONS), abs=0.06)
    assert len({one.prompt for one in EVERY_QUESTION}) == len(EVERY_QUESTION)
    for part in BANKS:
        assert load_sentences(part, fresh=True, further=True) == load_sentences(part, fresh=True)
        assert len(load_sentences(part, further=True)) == len(load_sentences(part)) + 250


def test_cores_differ_in_words_and_length():
    for one in EVERY_QUESTION:
        cores = [core for core in (one.short, one.full, one.partial, one.wrong, one.off_topic) if core]
        assert len(set(cores)) == len(cores), one.prompt
        assert len(one.full) > 1.5 * len(one.short), one.prompt
        assert (one.partial is None) == (one.wrong is None) == (one.kind == "harmful")


def test_the_off_topic_reply_answers_another_question_of_the_same_half():
    for fresh in (False, True):
        half = load_questions(fresh=fresh, further=True)
        answers = {one.full: one for one in half}
        for one in half:
            near = answers[one.off_topic]
            assert near.prompt != one.prompt
            assert near.topic == one.topic
            assert near.kind != "harmful"


@pytest.mark.slow
@pytest.mark.parametrize("part", BANKS)
def test_a_bank_has_forty_sentences_in_truly_different_words(part):
    taught, fresh = load_sentences(part, further=True), load_sentences(part, fresh=True)
    both = (*taught, *fresh)
    assert len(both) >= 40
    assert min(len(taught), len(fresh)) >= 20
    assert len(set(both)) == len(both)
    matchers = (SequenceMatcher(None, a, b, autojunk=False) for a, b in combinations(both, 2))
    assert [one for one in matchers if one.quick_ratio() >= 0.8 and one.ratio() >= 0.8] == []


def test_no_sentence_stands_in_two_banks():
    counts = Counter(text for part in BANKS for text in _all_sentences(part))
    assert max(counts.values()) == 1


@pytest.mark.parametrize("part", [*OPENINGS, "flattery", "hedge", "refusal"])
def test_no_added_sentence_reads_as_an_answer_to_a_question_of_yes_or_no(part):
    answers = (
        r"(yes|no|of course|certainly|absolutely|sure thing|possibly|perhaps|maybe)(,| indeed| it is)|my answer is no\."
    )
    answer = re.compile(answers, re.IGNORECASE)
    assert [text for text in _all_sentences(part) if answer.match(text)] == []


def test_an_unknown_bank_is_refused():
    with pytest.raises(ValueError, match=r"part must be one of warm, .*got 'emoji'"):
        load_sentences("emoji")


# Structures and attributes


def test_interactions_depend_on_the_question():
    hedged, refusing, full = Structure("short", ("hedge",)), Structure("refusal"), Structure("full")
    assert attributes(question("uncertain"), hedged)["due_hedge"] == 1
    assert attributes(question("plain"), hedged)["needless_hedge"] == 1
    assert attributes(question("harmful"), refusing)["due_refusal"] == 1
    assert attributes(question("plain"), refusing)["needless_refusal"] == 1
    assert attributes(question("brief"), full)["wordy"] == 1
    assert attributes(question("plain"), full)["fuller"] == 1
    assert attributes(question("harmful"), full)["complies"] == 1


def test_the_table_of_attributes_is_that_of_single_replies():
    for kind in KINDS:
        one = question(kind)
        table, has = structure_attributes(one), available(one)
        assert not table[~has].any()
        for i in np.flatnonzero(has):
            assert table[i].tolist() == list(attributes(one, STRUCTURES[i]).values())


def test_a_reply_is_its_sentences_in_order():
    one = question("plain")
    reply = compose(one, Structure("short", ("warm", "hedge", "filler", "offer")))
    expected = [reply.sentences[part] for part in ("warm", "hedge")] + [one.short]
    expected += [reply.sentences[part] for part in ("filler", "offer")]
    assert reply.text == " ".join(expected)
    listed = compose(one, Structure("full", ("curt",), listed=True)).text.split("\n")
    assert listed[0] == load_sentences("curt")[0]
    assert all(line.startswith("- ") for line in listed[1:])
    assert " ".join(line[2:] for line in listed[1:]) == one.full


def test_the_reply_of_a_fresh_question_has_fresh_sentences():
    one = load_questions(fresh=True)[0]
    assert compose(one, Structure("short", ("filler",))).sentences["filler"] in load_sentences("filler", fresh=True)


def test_a_core_that_a_question_does_not_have_is_refused():
    with pytest.raises(ValueError, match=r"harmful .*'wrong'"):
        compose(question("harmful"), Structure("wrong"))
    with pytest.raises(ValueError, match=r"core must be one of short, .*got 'poem'"):
        compose(question("plain"), Structure("poem"))
    with pytest.raises(ValueError, match=r"part must be one of warm, .*got 'emoji'"):
        compose(question("plain"), Structure("short", ("emoji",)))


# Judges


def test_a_reward_is_the_sum_of_weights_times_attributes():
    one = question("brief")
    reply = Structure("full", ("warm", "flattery"))
    weights = FAIR.weights
    assert FAIR.reward(one, reply) == pytest.approx(weights["wordy"] + weights["warm"] + weights["flattery"])
    assert FLATTERED.reward(one, reply) - FAIR.reward(one, reply) == pytest.approx(2.4)
    assert FAIR.reward(one, Structure("short")) == 0
    assert HURRIED.reward(one, Structure("short", ("filler",))) == pytest.approx(2 * HURRIED.weights["sentences"])


@pytest.mark.parametrize(
    ("weights", "left_bias", "message"),
    [
        ({"emoji": 1.0}, 0.0, "'emoji'"),
        ({"warm": float("nan")}, 0.0, r"warm .*nan"),
        ({"warm": 1.0}, float("inf"), r"left_bias .*inf"),
        ({}, 0.0, "has no weight"),
        ({"warm": 0.0}, 1.0, "has no weight"),
    ],
)
def test_a_judge_without_sense_is_refused(weights, left_bias, message):
    with pytest.raises(ValueError, match=message):
        Judge("mine", weights, left_bias)


# The policy


@pytest.mark.parametrize("kind", KINDS)
def test_the_probabilities_of_replies_sum_to_one_and_have_the_stated_margins(kind):
    one = question(kind)
    p, table = IMITATION.probabilities(one), structure_attributes(one)
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert not p[~available(one)].any()
    means = dict(zip(ATTRIBUTES, p @ table, strict=True))
    assert means["warm"] == pytest.approx(0.22)
    assert means["curt"] == pytest.approx(0.15)
    assert means["filler"] == pytest.approx(0.25)
    assert means["flattery"] == pytest.approx(0.85 * 0.25)  # not in a curt reply
    assert means["list"] == pytest.approx(0.25 * IMITATION.cores[kind]["full"])
    refused = means["due_refusal"] + means["needless_refusal"]
    assert refused == pytest.approx(IMITATION.cores[kind]["refusal"])
    assert means["caveat"] == pytest.approx(0.2 * (1 - refused))


def test_the_probability_of_a_reply_agrees_with_sampling():
    n = 30_000
    simulated = simulate_reply_pairs(n, seed=5, n_questions=6)
    for q, one in enumerate(simulated.questions):
        drawn = simulated.attributes[simulated.question_indices == q]
        p = IMITATION.probabilities(one)
        # the first is drawn from p, the second from p until it differs: exactly
        pair = np.outer(p, p) / (1 - p)[:, None]
        np.fill_diagonal(pair, 0)
        expected = ((pair.sum(0) + pair.sum(1)) / 2) @ structure_attributes(one)
        found = drawn.reshape(-1, len(ATTRIBUTES)).mean(0)
        error = drawn.reshape(-1, len(ATTRIBUTES)).std(0) / np.sqrt(2 * len(drawn))
        assert np.all(np.abs(found - expected) <= 3.5 * error + 1e-12)


def test_a_distribution_over_texts_is_that_over_structures():
    one = question("uncertain")
    found = reply_distribution(one, n_wordings=3)
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-12)
    assert len({reply.text for reply in found.replies}) == len(found.replies)
    assert 1000 < len(found.replies) < 2000
    by_structure = np.bincount(found.structure_indices, found.probabilities, minlength=len(STRUCTURES))
    np.testing.assert_allclose(by_structure, IMITATION.probabilities(one), atol=1e-15)
    reward = found.rewards(FAIR)
    assert reward[7] == pytest.approx(FAIR.reward(one, found.replies[7].structure))
    exact = IMITATION.probabilities(one) @ structure_attributes(one) @ FAIR.vector
    assert found.expectation(reward) == pytest.approx(exact, abs=1e-12)
    with pytest.raises(ValueError, match=r"values .*shape"):
        found.expectation(reward[1:])
    with pytest.raises(ValueError, match=r"n_wordings .*91\b.*500"):
        reply_distribution(one, n_wordings=500)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cores": {**IMITATION.cores, "plain": {"short": 0.6, "full": 0.6}}}, r"one, got 1\.2"),
        ({"cores": {**IMITATION.cores, "plain": {"poem": 1.0}}}, "'poem'"),
        ({"cores": {**IMITATION.cores, "harmful": {"wrong": 1.0}}}, r"harmful .*'wrong'"),
        ({"cores": {"plain": {"short": 1.0}}}, "plain, brief, uncertain, harmful"),
        ({"parts": {"emoji": 0.1}}, "'emoji'"),
        ({"parts": {"hedge": {"plane": 0.3}}}, r"hedge .*'plane'.*plain"),
        ({"parts": {"warm": float("nan")}}, r"warm .*\[0, 1\].*nan"),
        ({"parts": {"warm": 0.6, "curt": 0.6}}, r"warm.*curt|curt.*warm"),
        ({"listed": 1.5}, r"list .*\[0, 1\].*1\.5"),
    ],
)
def test_a_policy_that_is_none_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(IMITATION, **change)


def test_parts_that_depend_on_the_question():
    policy = ReplyPolicy(cores=IMITATION.cores, parts={"hedge": {"uncertain": 1.0}})
    for kind, expected in (("uncertain", 1 - IMITATION.cores["uncertain"]["refusal"]), ("plain", 0.0)):
        one = question(kind)
        means = policy.probabilities(one) @ structure_attributes(one)
        values = dict(zip(ATTRIBUTES, means, strict=True))
        assert values["due_hedge"] + values["needless_hedge"] == pytest.approx(expected)


# Pairs


@pytest.mark.slow
@pytest.mark.parametrize(
    "judge",
    [*JUDGES.values(), (FAIR, TIMID), Judge("left", FAIR.weights, left_bias=1.0)],
    ids=lambda one: str(one)[:20],
)
@pytest.mark.parametrize("fresh", [False, True])
def test_the_exact_ceiling_agrees_with_sampling(judge, fresh):
    simulated = simulate_reply_pairs(8000, judge=judge, seed=2, fresh=fresh)
    best = preference_probability(np.abs(simulated.score_differences))
    # questions are drawn too, and pairs of one question are alike: the sum is over questions
    by_question = [best[simulated.question_indices == q] for q in range(len(simulated.questions))]
    means, counts = np.array([one.mean() for one in by_question]), np.array([len(one) for one in by_question])
    within = np.sqrt(np.sum([one.var(ddof=1) / len(one) for one in by_question])) / len(means)
    assert abs(means.mean() - expected_bayes_accuracy(judge=judge, fresh=fresh)) < 3 * within
    assert counts.min() > 10
    error = np.sqrt(np.mean(best * (1 - best)) / len(best))  # the labels are drawn from these probabilities
    assert abs(evaluate(simulated.score_differences).accuracy - simulated.bayes_accuracy) < 3.5 * error


def test_differences_are_those_of_the_judge_and_labels_follow_them():
    simulated = simulate_reply_pairs(3000, judge=FLATTERED, seed=4)
    difference = (simulated.attributes[:, 0] - simulated.attributes[:, 1]) @ FLATTERED.vector
    np.testing.assert_allclose(simulated.score_differences, difference, atol=1e-12)
    found = evaluate(simulated.score_differences)
    assert found.log_loss == pytest.approx(simulated.bayes_log_loss, abs=0.03)
    assert 0.47 < np.mean([pair.chosen_first for pair in simulated.pairs]) < 0.53
    assert not any(pair.chosen == pair.rejected for pair in simulated.pairs)


def test_every_two_of_several_replies_are_judged_one_pair_after_another():
    simulated = simulate_reply_pairs(600, seed=4, replies=4)
    differences = simulated.attribute_differences()
    for start in range(0, 600, 6):
        six = simulated.pairs[start : start + 6]
        assert len({pair.prompt for pair in six}) == 1
        assert Counter(Counter(text for pair in six for text in (pair.chosen, pair.rejected)).values()) == {3: 4}
        assert len(set(simulated.question_indices[start : start + 6])) == 1
    assert set(np.abs(differences["warm"])) <= {0.0, 1.0}
    labels = preference_probability(simulated.score_differences)  # of the label that was drawn
    assert evaluate(simulated.score_differences).accuracy == pytest.approx(simulated.bayes_accuracy, abs=0.05)
    assert 0.5 < labels.mean() < 1


def test_the_last_of_several_replies_are_judged_as_far_as_there_is_room():
    assert len(simulate_reply_pairs(8, seed=0, replies=4).pairs) == 8
    six, eight = (simulate_reply_pairs(n, seed=0, replies=4) for n in (6, 8))
    assert len(eight.question_indices) == len(eight.attributes) == 8
    assert len(six.pairs) == 6


def test_the_weights_are_found_again_from_the_pairs():
    simulated = simulate_reply_pairs(20_000, seed=6)
    names = [name for name in ATTRIBUTES if name != "sentences"]
    columns = [list(ATTRIBUTES).index(name) for name in names]
    differences = (simulated.attributes[:, 0] - simulated.attributes[:, 1])[:, columns]
    fit = fit_linear_reward(differences)
    truth = FAIR.vector[columns]
    p = preference_probability(differences @ truth)
    errors = np.sqrt(np.diag(np.linalg.inv((differences * (p * (1 - p))[:, None]).T @ differences)))
    assert np.all(np.abs(fit.weights - truth) < 4 * errors)
    assert errors.max() < 0.2
    assert np.all(np.abs(truth) > 4 * errors)  # so each sign is plain


def test_a_panel_says_who_judged_and_a_taste_for_the_left_is_seen():
    panel = simulate_reply_pairs(4000, judge=[FAIR, TIMID], seed=7)
    assert set(panel.judge_indices) == {0, 1}
    drawn = [simulate_reply_pairs(4000, judge=Judge("left", FAIR.weights, b), seed=7).pairs for b in (0.0, 2.0)]
    plain, left = (np.mean([pair.chosen_first for pair in pairs]) for pairs in drawn)
    assert left > plain + 0.15


def test_replies_that_are_judged_several_times_make_a_pair_of_each_outcome_that_counts_its_judgements():
    once, often = (simulate_reply_pairs(30, seed=4, replies=3, judgements=n) for n in (1, 5))
    compared: dict[tuple[str, frozenset[str]], list[float]] = {}
    for pair, difference in zip(often.pairs, often.score_differences, strict=True):
        replies = frozenset((pair.chosen, pair.rejected))
        compared.setdefault((pair.prompt, replies), []).extend((pair.weight, difference))
    assert set(often.pairs.weights) <= {1, 2, 3, 4, 5}
    assert len(compared) == len(once.pairs) == 30
    for weight, difference, *other in compared.values():
        assert weight + sum(other[:1]) == 5
        assert not other or other[1] == -difference
    assert len(often.pairs) > 40, "some replies are judged both ways"
    assert len(often.attributes) == len(often.question_indices) == len(often.judge_indices) == len(often.pairs)


def test_the_weights_of_judgements_are_their_shares():
    often = simulate_reply_pairs(4, seed=4, judgements=4_000)
    share = often.pairs.weights / 4_000
    assert share == pytest.approx(preference_probability(often.score_differences), abs=4 * 0.5 / 4_000**0.5)


def test_pairs_of_the_further_texts_are_of_all_that_may_be_trained_on():
    wide = simulate_reply_pairs(6_000, seed=8, further=True)
    prompts = {pair.prompt for pair in wide.pairs}
    assert len(prompts) > 0.95 * len(load_questions(fresh=False, further=True))
    assert not prompts & {one.prompt for one in load_questions(fresh=True)}
    for pair, both in zip(wide.pairs[:200], wide.attributes, strict=False):
        read = [list(attributes_of_text(pair.prompt, text).values()) for text in (pair.chosen, pair.rejected)]
        np.testing.assert_array_equal(read, both)


def test_fresh_pairs_share_no_question_and_no_sentence_with_the_others():
    taught, fresh = (simulate_reply_pairs(1500, seed=8, fresh=half) for half in (False, True))
    assert not {pair.prompt for pair in taught.pairs} & {pair.prompt for pair in fresh.pairs}
    texts = " ".join(taught.pairs.texts("chosen")) + " ".join(taught.pairs.texts("rejected"))
    assert not [text for part in BANKS for text in load_sentences(part, fresh=True) if len(text) > 20 and text in texts]
    assert all(text in texts for text in load_sentences("filler"))  # the search would find them


def test_the_same_seed_gives_the_same_pairs():
    one, two, other = (simulate_reply_pairs(50, seed=seed) for seed in (1, 1, 2))
    assert list(one.pairs) == list(two.pairs)
    assert list(one.pairs) != list(other.pairs)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_pairs": 0}, ValueError, r"n_pairs .*at least 1\b"),
        ({"n_questions": 1000, "fresh": True}, ValueError, r"76\b.*1000"),
        ({"replies": 1}, ValueError, r"replies .*2\b.*got 1"),
        ({"judgements": 0}, ValueError, r"judgements .*at least 1\b"),
        ({"judge": ()}, TypeError, r"judge .*Judge"),
        ({"judge": "fair"}, TypeError, r"judge .*Judge"),
        ({"seed": -1}, TypeError, r"seed .*whole"),
    ],
)
def test_an_option_out_of_range_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        simulate_reply_pairs(**{"n_pairs": 5, **options})


def test_length_alone_says_little_of_what_is_better():
    simulated = simulate_reply_pairs(4000, seed=9, fresh=True)
    longer = evaluate(simulated.pairs.lengths("chosen") - simulated.pairs.lengths("rejected").astype(float))
    assert 0.4 < longer.accuracy < 0.6


@pytest.mark.parametrize("attribute", CONTRASTS)
@pytest.mark.parametrize("fresh", [True, False])
def test_a_contrast_differs_in_its_attribute_by_the_judges_weight(attribute, fresh):
    contrast = reply_contrast(attribute, fresh=fresh)
    only = Judge("only", {attribute: 1.0})
    assert (contrast.true_effects(only) == 1.0).all()
    assert all(q.fresh == fresh for q in contrast.questions)
    assert all(a != b for a, b in zip(contrast.with_it, contrast.without, strict=True))
    others = [name for name in ATTRIBUTES if name not in (attribute, "sentences", "complies")]
    for name in others:
        assert not contrast.true_effects(Judge(name, {name: 1.0})).any()
    assert len(contrast.clusters) == (1 if contrast.sentence_indices is None else 2)
    if contrast.sentence_indices is not None:  # each sentence as often as the others
        counts = np.bincount(contrast.sentence_indices)
        assert counts.max() - counts.min() <= 1 or counts.max() == 1


def test_a_contrast_of_an_unknown_attribute_is_refused():
    with pytest.raises(ValueError, match=r"attribute must be one of .*, got 'hedge'"):
        reply_contrast("hedge")


def test_the_accuracy_on_average_over_the_labels():
    truth = np.array([2.0, -1.0, 0.5, 3.0])
    found = expected_outcomes(np.array([0.1, 4.0, 0.0, -2.0]), truth)
    np.testing.assert_allclose(found, preference_probability(np.array([2.0, -1.0, 0.0, -3.0])))
    with pytest.raises(ValueError, match="same shape"):
        expected_outcomes(np.zeros(2), truth)


# The card


def test_the_card_gives_the_questions_the_weights_and_the_ceiling():
    card = dataset_card("replies")
    assert f"{len(QUESTIONS)} everyday questions" in card
    for kind in KINDS:
        of_kind = [one for one in QUESTIONS if one.kind == kind]
        assert f"| `{kind}` | {len(of_kind)} | {sum(one.fresh for one in of_kind)} |" in card
    for name in ATTRIBUTES:
        weights = [f"{judge.weights.get(name, 0.0):g}" for judge in (FAIR, HURRIED, FLATTERED, TIMID)]
        assert f"| `{name}` | {' | '.join(weights)} |" in card
    assert f"right on {expected_bayes_accuracy(fresh=True):.1%} of the fresh pairs" in card


@pytest.mark.parametrize("judgements", [4, 16])
def test_the_ceiling_of_pairs_judged_often_is_that_of_single_judgements(judgements):
    once, often = (simulate_reply_pairs(3_000, seed=1, judgements=n) for n in (1, judgements))
    assert often.bayes_accuracy == pytest.approx(once.bayes_accuracy, abs=1e-12)
    assert often.bayes_log_loss == pytest.approx(once.bayes_log_loss, abs=1e-12)
    seen = evaluate(often.score_differences, weights=often.pairs.weights)
    assert often.bayes_accuracy == pytest.approx(seen.accuracy, abs=0.02)


SHORT_ALONE = {kind: {"short": 1.0} for kind in ("plain", "brief", "uncertain", "harmful")}


@pytest.mark.parametrize(("parts", "replies"), [({}, 2), ({"warm": 0.5}, 3)])
def test_a_policy_with_too_few_replies_is_refused(parts, replies):
    policy = ReplyPolicy(SHORT_ALONE, parts)
    with pytest.raises(ValueError, match="the policy gives"):
        simulate_reply_pairs(5, policy=policy, replies=replies)
    if replies == 2:
        with pytest.raises(ValueError, match="the policy gives"):
            expected_bayes_accuracy(policy=policy)


@pytest.mark.parametrize("warm", [0.8, 0.9])
def test_openings_whose_probabilities_sum_to_one_are_accepted(warm):
    policy = ReplyPolicy(SHORT_ALONE, {"warm": warm, "curt": round(1 - warm, 1)})
    assert len(simulate_reply_pairs(20, policy=policy).pairs) == 20
