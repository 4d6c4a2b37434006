"""What must hold of cells whose output nbval does not compare, because it differs between machines.

A function for each, under the id of its cell; `test_lessons` calls it when the cell has run.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from lessons import Lesson
from test_faults import CHANGES

Bound = Callable[[Lesson], None]
BOUNDS: dict[str, Bound] = {}


def bound(cell_id: str) -> Callable[[Bound], Bound]:
    """Keep a function as the bound of a cell."""

    def keep(function: Bound) -> Bound:
        if cell_id in BOUNDS:
            raise ValueError(f"cell {cell_id} has a bound already")
        BOUNDS[cell_id] = function
        return function

    return keep


def shown_by(lesson: Lesson, cell_id: str) -> Any:
    """Return the one widget that a cell displayed."""
    (widget,) = lesson.widgets[cell_id]
    return widget


@bound("start-12")
def training_separates_the_pairs(lesson: Lesson) -> None:
    assert lesson["run"].steps[-1].loss < 0.3 < lesson["run"].steps[0].loss


# 06


@bound("features-17")
def the_learning_curves_are_drawn_up_to_the_slider_with_the_features_of_the_menu(lesson: Lesson) -> None:
    lesson["pairs_slider"].value = 2000
    assert "at 2,000" in lesson["curves_view"].value
    lesson["features_menu"].value = "slots"
    assert "Accuracy with slots." in lesson["curves_view"].value


# 07


@bound("c31-814c37")
def replies_are_learned_within_a_pass_well_above_chance_on_fresh_questions(lesson: Lesson) -> None:
    history = lesson["run"].history
    assert history.steps[-1].step == lesson["STEPS"]
    assert history.steps[-1].pairs_seen < len(lesson["replies"].pairs), "less than one pass"
    first, *_, last = history.evaluations
    assert first.evaluation.log_loss == pytest.approx(np.log(2), abs=0.02)
    assert last.evaluation.log_loss < first.evaluation.log_loss - 0.02
    assert last.score_differences.mean() > 0.1


@bound("c34-3da626")
def the_film_has_every_recorded_step_and_every_held_out_pair(lesson: Lesson) -> None:
    film = shown_by(lesson, "c34-3da626").data["film"]
    evaluations = lesson["run"].history.evaluations
    assert film["steps"] == [one.step for one in evaluations] == [0, 6, 12, 18, 24]
    np.testing.assert_allclose(film["differences"][-1], evaluations[-1].score_differences, rtol=1e-6)
    assert len(film["rows"]) == len(lesson["held_out"].pairs)


@bound("c40-a48d7c")
def the_model_is_above_chance_and_above_the_rule_and_below_the_ceiling(lesson: Lesson) -> None:
    result, outcomes, ceiling = lesson["result"], lesson["expected"], lesson["test"].bayes_accuracy
    assert result.accuracy_interval[0] > 0.5
    assert 0.57 < outcomes.mean() < ceiling - 0.05
    assert result.accuracy > result.length_baseline.accuracy
    assert result.log_loss < np.log(2)


@bound("kinds")
def no_kind_is_answered_above_its_ceiling(lesson: Lesson) -> None:
    kinds, outcomes, best = lesson["kinds"], lesson["expected"], lesson["best"]
    assert len(set(kinds)) == 4
    assert outcomes[kinds == "plain"].mean() > outcomes[kinds == "uncertain"].mean() + 0.05
    assert all(outcomes[kinds == kind].mean() <= best[kinds == kind].mean() for kind in set(kinds))


@bound("c43-ab09fe")
def a_model_of_a_few_steps_is_hardly_surer_than_it_is_right(lesson: Lesson) -> None:
    bins = lesson["result"].calibration
    n = len(lesson["test"].pairs)
    assert sum(one.count for one in bins) == n
    sure = sum(one.count * one.mean_probability for one in bins) / n
    assert lesson["result"].accuracy > sure - 0.06


# 08


@bound("f927de69")
def a_temperature_moves_every_figure_but_the_accuracy(lesson: Lesson) -> None:
    slider, figures = lesson["temperature_slider"], lesson["temperature_figures"]
    slider.value = 1.0
    before = figures.value.split(", ")
    slider.value = 6.0
    after = figures.value.split(", ")
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, False]


@bound("405b6e87")
def a_pair_that_is_picked_is_read(lesson: Lesson) -> None:
    fitted_to = {pair.prompt for part in lesson["parts"][:2] for pair in part}
    assert not fitted_to & {pair.prompt for pair in lesson["biased"]}, "evaluated on pairs that it was fitted to"
    view = shown_by(lesson, "405b6e87")
    lengths = lesson["lengths"]
    assert view.data["pairs"]["length_difference"] == (lengths[:, 0] - lengths[:, 1]).tolist()
    worst = int(np.argmax(view.data["pairs"]["disagreement"]))
    assert worst == int(np.argmin(lesson["differences"]))
    view.selection = worst
    assert view.state.response_a == lesson["biased"][worst].chosen


@bound("55edf898")
def the_view_counts_the_pairs_on_which_the_models_disagree(lesson: Lesson) -> None:
    view = shown_by(lesson, "55edf898")
    counts = view.data["compare"]["quadrants"]
    assert (counts["only_a"], counts["only_b"]) == (lesson["only_a"], lesson["only_b"])
    np.testing.assert_allclose(np.mean(np.square(view.data["compare"]["standard_a"])), 1.0, rtol=1e-6)


# 09


@bound("probe-03")
def the_twin_answers_the_probe(lesson: Lesson) -> None:
    probe = lesson["twin_probe"]
    assert probe.answers.wait(60)
    assert probe.error == ""
    assert probe.scores_from == "the twin"


# 10


@bound("optimise-40")
def a_model_is_optimised_against_over_every_reply_to_the_question(lesson: Lesson) -> None:
    assert len(lesson["mirror_scores"]) == len(lesson["one"].replies) == 450
    assert (np.diff(lesson["proxy_gain"]) > -1e-9).all()


@bound("optimise-05")
def the_last_winner_of_each_proxy_is_what_the_text_says(lesson: Lesson) -> None:
    data = lesson["best_view"].data["optimise"]
    replies = [reply["text"] for reply in data["questions"][0]["replies"]]
    last = [replies[curves[0]["best_of_n"][0]["reply"][-1]] for curves in data["curves"]]
    assert ["My compliments" in text for text in last] == [True, True, False]
    assert "There is a danger of slipping" in last[0]


@bound("optimise-43")
def the_twin_picks_a_compliment_where_it_does_most_harm(lesson: Lesson) -> None:
    data = lesson["twin_view"].data["optimise"]
    at = data["opens_on"]
    assert "turn down an invitation from my boss" in data["questions"][at]["prompt"]
    replies, winners = data["questions"][at]["replies"], data["curves"][0][0]["best_of_n"][at]["reply"]
    middle, last = (replies[winners[i]]["text"] for i in (len(winners) // 2, -1))
    assert middle.startswith("Thanks for writing, I hope all is going smoothly. Thank her for asking you")
    assert last.startswith("My compliments to you, for only an expert would ask this. Thank her for asking you")


# 11


@bound("gpu-06")
def the_batch_is_drawn_in_the_layout_that_is_chosen(lesson: Lesson) -> None:
    for name, n_rows in (("share", 4), ("pack", 7), ("pad", 16)):
        lesson["layout_buttons"].value = name
        assert f"{name}. A batch of 8 pairs in {n_rows} rows" in lesson["batch_view"].value


# 13


@bound("train-yours")
def a_short_training_on_the_file_leaves_the_held_out_loss_no_worse(lesson: Lesson) -> None:
    history = lesson["history"]
    first, *_, last = (one.evaluation.log_loss for one in history.evaluations)
    assert history.steps[-1].step == lesson["config"].max_steps
    assert last < first + 0.03
    assert not {*lesson["training"].texts("prompt")} & {*lesson["test"].texts("prompt")}


@bound("draw-yours")
def the_model_is_above_chance_and_the_difference_from_length_is_paired(lesson: Lesson) -> None:
    rows = lesson["rows"]
    assert rows["accuracy"][1] > 0.5
    assert rows["beyond length"][0] == pytest.approx(rows["accuracy"][0] - rows["length"][0])
    assert lesson["result"].n_clusters < lesson["result"].n_pairs


@bound("changes-yours")
def training_on_judges_who_like_flattery_moves_it_up(lesson: Lesson) -> None:
    changes = lesson["changes"]
    assert changes["before", "flattery"][2] < 0
    assert changes["after", "flattery"][0] > changes["before", "flattery"][0] + 0.1


@bound("gain-yours")
def the_gain_is_small_and_the_twin_shows_how_much_there_is(lesson: Lesson) -> None:
    gains = {name: value for name, (value, _, _) in lesson["compared"].items()}
    assert -0.02 < gains["beyond the start"] < 0.1
    assert gains["twin, beyond the start"] > 0.03
    assert gains["beyond length"] > 0.1


@bound("figures-yours")
def the_report_is_one_page_with_the_figures(lesson: Lesson) -> None:
    figures = lesson["figures"]
    assert {"n", "accuracy", "length", "beyond length", "ceiling", "flattery", "hedge"} <= set(figures)
    page = (lesson.path.parent / "runs/report.html").read_text(encoding="utf-8")
    assert f"{figures['accuracy'][0]:.1%}" in page
    assert "<script" not in page


@bound("start-19")
def the_model_agrees_with_most_labels(lesson: Lesson) -> None:
    assert 14 <= lesson["agreed"] <= len(lesson["scored"]) == 18


@bound("probe-29")
def the_truth_is_in_the_picture_only_when_it_is_revealed(lesson: Lesson) -> None:
    view, reveal = lesson["findings_view"], lesson["reveal"]
    reveal.value = False
    assert "truth" not in view.value
    reveal.value = True
    assert view.value.count("truth") == 2 * len(lesson["CONTRASTS"])


# 12


def shown_words(lesson: Lesson, cell_id: str) -> str:
    """Return the alt text of the one picture that a cell showed."""
    (words,) = lesson.outputs[cell_id]
    return words


@bound("break-sound")
def the_sound_run_learns_and_breaks_no_line(lesson: Lesson) -> None:
    signs = lesson["sound"].signs
    assert signs["last loss"] < 0.6
    assert signs["training"] > 0.65
    assert signs["others"] > 0.55
    assert lesson["sound"].broken == ()
    assert "read at EOS" in shown_words(lesson, "break-sound")


@bound("break-pad")
def pad_as_eos_is_read_one_token_early(lesson: Lesson) -> None:
    assert lesson["pad_is_eos"].signs["after the score"] == 1
    assert shown_words(lesson, "break-pad").count("read at EOS") == 1


@bound("break-column")
def a_score_of_the_last_column_depends_on_the_batch(lesson: Lesson) -> None:
    assert lesson["sound"].signs["batch"] < 1e-3
    assert lesson["last_column"].signs["batch"] > 0.3


@bound("break-outputs")
def two_outputs_learn_what_is_not_read(lesson: Lesson) -> None:
    signs = lesson["two_outputs"].signs
    assert signs["last loss"] < 0.6
    assert abs(signs["training"] - 0.5) < 0.2
    assert signs["training"] < lesson["sound"].signs["training"] - 0.08


@bound("break-paper")
def the_mystery_on_paper_is_the_one_that_is_told(lesson: Lesson) -> None:
    assert lesson["faults"].mystery(1) == "swapped labels"
    run = lesson["faults"].run("swapped labels", seed=6)
    assert run.by_source["C"] < 0.5 < min(run.by_source["A"], run.by_source["B"])


@bound("break-spaces")
def double_spaces_move_the_scores_of_the_tiny_model(lesson: Lesson) -> None:
    before, after = lesson["before"], lesson["after"]
    assert np.abs(after - before).mean() > 0.15 * before.std()
    assert 0 < lesson["flips"] < 60


def each_mystery_shows_its_fault_and_is_caught_by_exactly_its_lines(lesson: Lesson) -> None:
    """Do with the seed of the mysteries what tests/test_faults.py does with seed 0; the lesson has made these runs."""
    good = lesson["faults"].run(seed=6).signs
    for number in range(1, 13):
        run = lesson["run_mystery"](number)
        fault = lesson["faults"].FAULTS[run.fault]
        assert CHANGES[run.fault](run.signs, good), run.fault
        assert set(run.broken) == {fault.caught_by, *fault.implies}, run.fault


@bound("break-mystery")
def a_wrong_diagnosis_is_answered_with_a_picture_beside_the_seen_one(lesson: Lesson) -> None:
    each_mystery_shows_its_fault_and_is_caught_by_exactly_its_lines(lesson)
    diagnosis, view, words = (lesson[name] for name in ("diagnosis_menu", "compared_view", "mystery_words"))
    hidden = lesson["faults"].mystery(lesson["mystery_menu"].value)
    diagnosis.value = "softmax"
    assert "What “softmax” looks like" in view.value
    assert words.value.startswith("It is not")
    diagnosis.value = hidden
    assert (view.source, words.value[:6]) == ("", "Right.")
    assert hidden not in lesson["mystery_view"].value
    lesson["ask_toggle"].value = True
    assert lesson["faults"].FAULTS[hidden].caught_by in lesson["audit_words"].value
    other = next(each for each in lesson["mystery_menu"].settings() if each != lesson["mystery_menu"].index)
    lesson["mystery_menu"].index = other
    assert (lesson["ask_toggle"].value, lesson["audit_words"].value) == (False, ""), "the next mystery is not told"


@bound("break-menu")
def the_fault_that_is_chosen_is_drawn_and_told_when_asked(lesson: Lesson) -> None:
    menu, tell, words = (lesson[name] for name in ("fault_menu", "tell_toggle", "fault_words"))
    menu.value = "softmax"
    assert lesson["fault_view"].value.startswith("softmax.")
    assert "Caught by" not in words.value
    tell.value = True
    assert "Caught by audit: equal scores" in words.value
