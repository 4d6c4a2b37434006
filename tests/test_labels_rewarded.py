"""The reward of a rater, fitted to labels: known weights are covered, and more labels do what is promised."""

from __future__ import annotations

import numpy as np
import pytest

from rmlab.bradley_terry import fit_linear_reward
from rmlab.data import PreferencePair
from rmlab.labels import Judgement, Questions, ask, fit_rewarded, traits_of
from rmlab.labels.rewarded import LEFT, PRIOR_VARIANCE
from rmlab.labels.traits import COUNTED
from rmlab.preference import preference_probability
from rmlab.simulate.replies import ATTRIBUTES, FAIR, IMITATION, attributes_of_text, simulate_reply_pairs

WORLD = simulate_reply_pairs(1500, seed=5)
QUESTIONS = ask(WORLD.pairs)
TRAITS = traits_of(QUESTIONS)


def labels(rng: np.random.Generator, n: int, *, left_bias: float = 0.0, tie: float = 0.0) -> list[Judgement]:
    """Judgements of `FAIR` of n questions, with a taste for the left and a share of ties."""
    places = rng.choice(len(QUESTIONS), size=n, replace=False)
    difference = TRAITS.differences[places] @ FAIR.vector * QUESTIONS.signs()[places]
    entries = []
    for i, (place, d) in enumerate(zip(places, difference, strict=True), start=1):
        swapped = bool(rng.integers(2))
        left = rng.random() < preference_probability(float(-d if swapped else d) + left_bias)
        verdict = "tie" if rng.random() < tie else "left" if left else "right"
        entries.append(
            Judgement("s", i, f"k{i}", i, "Ann", QUESTIONS.ids[place], swapped, verdict, 1.0, "random", "2026-01-01")
        )
    return entries


@pytest.mark.parametrize("fresh", [False, True])
def test_attributes_are_read_from_the_words_of_a_reply(fresh: bool) -> None:
    world = simulate_reply_pairs(400, seed=6, fresh=fresh, policy=IMITATION)
    for pair, of_both in zip(world.pairs, world.attributes, strict=True):
        for text, wanted in zip((pair.chosen, pair.rejected), of_both, strict=True):
            assert attributes_of_text(str(pair.prompt), str(text)) == dict(zip(ATTRIBUTES, wanted, strict=True))


def test_what_is_not_of_the_world_has_no_attributes() -> None:
    pair = WORLD.pairs[0]
    assert attributes_of_text("What is this?", str(pair.chosen)) is None
    assert attributes_of_text(str(pair.prompt), f"{pair.chosen} And more of it.") is None


def test_of_other_texts_what_can_be_counted_is_compared() -> None:
    pair = PreferencePair("Name a tree.", "Is the oak a tree!", "1. Yes, 3 of them: oak, elm and ash\n- yew")
    traits = traits_of(ask([pair]))
    found = dict(zip(traits.names, traits.differences[0], strict=True))
    assert set(found) == set(COUNTED)
    assert (traits.of_the_world, found["list"], found["digits"]) == (False, -1, -1)
    assert (found["question"], found["exclamation"]) == (0, 1)
    assert found["length"] == pytest.approx(np.log2(6) - np.log2(11))
    assert found["own words"] == pytest.approx(3 / 5 - 1)


def test_forty_labels_give_wide_intervals_and_two_hundred_cover() -> None:
    """Each weight of each simulated reader counts: of those that something is known of, 93 to 97% are covered."""
    truth = dict(zip(ATTRIBUTES, FAIR.vector, strict=True)) | {LEFT: 0.4}
    rng = np.random.default_rng(0)
    widths = {}
    for n, n_readers, at_most in ((40, 100, 0.99), (200, 500, 0.97)):  # the prior makes few labels cautious
        covered, width = [], []
        for _ in range(n_readers):
            found = fit_rewarded(labels(rng, n, left_bias=0.4), QUESTIONS, TRAITS.differences, TRAITS.names)
            known = [one for one in found.weights if one.n_pairs]
            covered += [one.lower <= truth[one.attribute] <= one.upper for one in known]
            width.append(np.mean([one.upper - one.lower for one in known]))
        widths[n] = np.mean(width)
        assert 0.93 <= np.mean(covered) <= at_most, (n, np.mean(covered))
    assert widths[40] > 1.5 * widths[200]


def test_as_many_more_labels_as_it_says_halve_the_intervals() -> None:
    """On average over readers: one reader's draw ends between 0.37 and 0.57 of what it was."""
    rng, ratios = np.random.default_rng(1), []
    for _ in range(40):
        few = fit_rewarded(labels(rng, 150), QUESTIONS, TRAITS.differences, TRAITS.names)
        assert few.more_for_half is not None
        assert few.more_for_half > 3 * 150  # a prior has narrowed what few labels leave wide
        many = fit_rewarded(labels(rng, 150 + few.more_for_half), QUESTIONS, TRAITS.differences, TRAITS.names)
        ratios.append(np.mean((many.fit.standard_errors / few.fit.standard_errors)[few.n_differing > 0]))
    # Somewhat cautious: of an attribute that few pairs have shown, the rest of the pairs show more.
    assert 0.43 < np.mean(ratios) < 0.5
    flat = fit_rewarded(labels(rng, 900), QUESTIONS, TRAITS.differences, TRAITS.names, prior_variance=1e6)
    assert flat.more_for_half == pytest.approx(3 * 900, rel=0.02)


def test_a_tie_is_half_a_win_each_way() -> None:
    pair = PreferencePair("p", "a", "b")
    (name,), ones = ask([pair]).ids, np.ones((1, 1))
    entry = Judgement("s", 1, "k", 1, "Ann", name, False, "tie", 1.0, "random", "2026-01-01")
    found = fit_rewarded([entry], ask([pair]), ones, ["x"])
    np.testing.assert_allclose(found.fit.weights, 0, atol=1e-9)
    row = np.array([ask([pair]).signs()[0], 1.0])
    np.testing.assert_allclose(found.fit.information, 0.25 * np.outer(row, row))  # of one comparison, and no more
    assert found.n_ties == 1


def test_what_never_differs_keeps_its_prior_and_is_not_reported() -> None:
    x = np.column_stack([TRAITS.differences[:, 0], np.zeros(len(QUESTIONS))])
    found = fit_rewarded(labels(np.random.default_rng(2), 40), QUESTIONS, x, ["fuller", "nothing"])
    assert (found.weights[1].value, found.weights[1].n_pairs) == (0.0, 0)
    assert found.fit.standard_errors[1] == pytest.approx(np.sqrt(PRIOR_VARIANCE))
    assert "nothing" not in str(found)
    assert "fuller" in str(found)


def test_the_guess_of_a_click_is_calibrated() -> None:
    """The mean of the probabilities is the share of hits, and the log loss is below that of a coin."""
    rng = np.random.default_rng(3)
    p, hits = [], []
    for _ in range(30):
        entries = labels(rng, 220)
        found = fit_rewarded(entries[:200], QUESTIONS, TRAITS.differences, TRAITS.names)
        for entry in entries[200:]:
            place = QUESTIONS.places[entry.pair]
            left = found.probability_left(QUESTIONS.signs()[place] * TRAITS.differences[place], entry.swapped)
            p.append(max(left, 1 - left))
            hits.append((left > 0.5) == (entry.verdict == "left"))
    assert np.mean(hits) > 0.65
    assert abs(np.mean(p) - np.mean(hits)) < 0.06


def test_the_file_may_call_either_response_chosen() -> None:
    entries = labels(np.random.default_rng(4), 60)
    turned = ask([PreferencePair(p.prompt, p.rejected, p.chosen) for p in QUESTIONS.pairs])
    assert isinstance(turned, Questions)
    a = fit_rewarded(entries, QUESTIONS, TRAITS.differences, TRAITS.names)
    b = fit_rewarded(entries, turned, traits_of(turned).differences, TRAITS.names)
    np.testing.assert_allclose(a.fit.weights, b.fit.weights, atol=1e-8)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(n_questions, n_attributes\)"):
        fit_rewarded(labels(np.random.default_rng(0), 5), QUESTIONS, TRAITS.differences[:3], TRAITS.names)
    with pytest.raises(ValueError, match="no judgement"):
        fit_rewarded([], QUESTIONS, TRAITS.differences, TRAITS.names)
    for wrong in (np.array([0.0]), np.array([-1.0]), np.ones(2)):
        with pytest.raises(ValueError, match="multiplicities"):
            fit_linear_reward(np.ones((1, 1)), multiplicities=wrong)
    for wrong in (np.array([np.nan]), np.ones((1, 1)), np.ones(2), np.float64(1.0)):
        with pytest.raises(ValueError, match="margins"):
            fit_linear_reward(np.ones((1, 1)), margins=wrong)
