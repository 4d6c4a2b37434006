"""A simulated panel judges as it was told to; two camps are fitted apart; the dirty file is as dirty as it says."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from answers.nb13 import ACCURACY, LENGTH, TASTE

from rmlab.course import check
from rmlab.course.check.nb13 import EXAMPLE
from rmlab.course.dirty import FAULTS, clean_lines, dirty_lines, left_dirty, write_dirty_file
from rmlab.course.example_pairs import N_AGAIN, N_FAULTY, N_PAIRS, write_example_pairs
from rmlab.data import PreferencePair, check_pairs, read_pairs, trainable
from rmlab.labels import Camps, agreement, ask, fit_camps, fit_rewarded, simulate_panel, standing, traits_of
from rmlab.simulate.replies import FAIR, Judge, simulate_reply_pairs

QUESTIONS = ask(simulate_reply_pairs(300, seed=5).pairs)
TRAITS = traits_of(QUESTIONS)


def test_a_panel_judges_by_its_weights_and_sides() -> None:
    judges = [Judge("keen", {"flattery": 9.0}), Judge("left", {"flattery": 1e-9}, left_bias=2.0)]
    entries = simulate_panel(QUESTIONS, TRAITS, judges, n_judgements=300, seed=1)
    assert Counter(entry.rater for entry in entries) == {"keen": 300, "left": 300}
    flattery = TRAITS.differences[:, TRAITS.names.index("flattery")] * QUESTIONS.signs()
    keen = [e for e in entries if e.rater == "keen" and flattery[QUESTIONS.places[e.pair]]]
    right = [np.sign(flattery[QUESTIONS.places[e.pair]]) == e.preferred for e in keen]
    assert np.mean(right) > 0.99
    left = np.mean([entry.verdict == "left" for entry in entries if entry.rater == "left"])
    assert left == pytest.approx(1 / (1 + np.exp(-2)), abs=0.06)
    assert sum(entry.rule == "repeat" for entry in entries) == pytest.approx(600 / 11, abs=4)


def test_a_panel_is_the_same_again_and_another_with_another_seed() -> None:
    said = [[e.verdict for e in simulate_panel(QUESTIONS, TRAITS, [FAIR], seed=seed)] for seed in (3, 3, 4)]
    assert said[0] == said[1] != said[2]


def test_a_panel_has_no_reward_for_other_texts() -> None:
    questions = ask([PreferencePair("q", "a", "b")])
    with pytest.raises(ValueError, match="replies of the world"):
        simulate_panel(questions, traits_of(questions), [FAIR])


def test_camps_are_fitted_each_by_itself() -> None:
    plain = {**FAIR.weights, "flattery": -1.5}
    judges = [Judge(f"p{k}", plain) for k in range(6)] + [Judge(f"w{k}", {**plain, "flattery": 2.5}) for k in range(4)]
    entries = simulate_panel(QUESTIONS, TRAITS, judges, n_judgements=200, seed=0)
    camps = agreement(entries).camps
    assert camps is not None
    assert camps.clear
    fits = fit_camps(entries, camps, QUESTIONS, TRAITS.differences, TRAITS.names)
    place = TRAITS.names.index("flattery")
    for fit, wanted in zip(fits, (-1.5, 2.5), strict=True):
        assert fit.weights[place].lower <= wanted <= fit.weights[place].upper
    both = fit_rewarded(entries, QUESTIONS, TRAITS.differences, TRAITS.names)
    assert fits[0].weights[place].upper < both.weights[place].value < fits[1].weights[place].lower
    assert sum(fit.n_labels for fit in fits) == both.n_labels == len(standing(entries))


def test_a_camp_that_judged_nothing_of_this_is_refused() -> None:
    entries = simulate_panel(QUESTIONS, TRAITS, [FAIR], n_judgements=20)
    camps = Camps((("fair",), ("nobody",)), (0.1, 0.05, 0.2), 20, 0.01)
    with pytest.raises(ValueError, match="no judgement"):
        fit_camps(entries, camps, QUESTIONS, TRAITS.differences, TRAITS.names)


@pytest.mark.parametrize("seed", range(4))
def test_the_dirty_file_has_forty_lines_and_twenty_two_good_pairs(seed: int, tmp_path) -> None:
    lines = dirty_lines(seed)
    assert (len(lines), len(clean_lines(lines))) == (40, 22)
    counts = {fault: left_dirty(clean_lines(lines, leave=fault), lines)[fault] for fault in FAULTS}
    assert counts == {"tie": 2, "empty": 2, "equal": 2, "hasty": 3, "repeat": 5, "contradiction": 4}
    assert left_dirty(clean_lines(lines), lines) == {}
    write_dirty_file(tmp_path / "dirty.jsonl", seed)
    read = read_pairs(tmp_path / "dirty.jsonl")
    assert (len(read), int(read.tied.sum()), read.report.n_empty) == (40, 2, 2)


def test_a_report_without_a_ceiling_claims_nothing_of_it() -> None:
    figures = {name: ends for name, ends in EXAMPLE.items() if name != "ceiling"}
    said = [ACCURACY, "It is below the ceiling, at 0.72 (0.64 to 0.79).", TASTE]
    assert "comparison with the ceiling" in check.report_sentences(said, figures=figures).message
    assert check.report_sentences([ACCURACY, LENGTH, TASTE], figures=figures).passed


def test_the_example_file_has_its_faults_and_second_judgements(tmp_path) -> None:
    write_example_pairs(tmp_path / "runs" / "example.jsonl")
    pairs = read_pairs(tmp_path / "runs" / "example.jsonl")
    assert len(pairs) == N_PAIRS + N_AGAIN + sum(N_FAULTY.values())
    usable = trainable(pairs)
    assert list(usable.left_out.values()) == list(N_FAULTY.values())
    again = len(check_pairs(pairs.take(usable.indices)).repeated)
    assert 2 * N_AGAIN <= again < 2 * N_AGAIN + 40, "those of a second judge, and a few that were drawn twice"
