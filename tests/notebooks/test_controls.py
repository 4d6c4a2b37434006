"""What each control of a lesson shows, before and after it is used."""

import pytest
from lessons import NOTEBOOKS, Lesson


def test_a_guess_hides_the_curve_until_reveal() -> None:
    lesson = Lesson(NOTEBOOKS / "02_sigmoid.ipynb")
    lesson.run("sigmoid-03")
    view = lesson["guess_views"][2]
    assert "0.881" not in view.value
    lesson["reveal"].value = True
    assert "0.881 at 2" in view.value
    lesson["guess_sliders"][2].value = 0.66
    assert "0.66 at a difference of 2" in view.value


def test_adding_to_both_scores_leaves_the_probability() -> None:
    lesson = Lesson(NOTEBOOKS / "02_sigmoid.ipynb")
    lesson.run("sigmoid-11")
    state = lesson["two_scores"]
    assert not state.revealed
    before = state.probability
    state.scores = (101.0, 100.0)
    assert round(state.probability, 3) == round(before, 3) == 0.731
    state.reset()
    assert state.scores == (1.0, 0.0)


def test_steps_of_descent_move_the_scores_and_reset_goes_back() -> None:
    lesson = Lesson(NOTEBOOKS / "03_loss.ipynb")
    lesson.run("loss-18")
    view = lesson["pushes_view"]
    first = view.value
    assert "arrows of 0.95" in first
    lesson["presses"].value = 1
    assert "arrows of 0.75" in view.value
    lesson["presses"].value = 0
    assert view.value == first


@pytest.mark.slow
def test_a_season_is_drawn_with_its_own_scores() -> None:
    lesson = Lesson(NOTEBOOKS / "04_fit_scores.ipynb")
    lesson.run("fit-scores-16")
    lesson["season_slider"].value = 2
    milwaukee = lesson["seasons"][1].scores[lesson["milwaukee"]]
    assert "Season 2. Scores of 7 items" in lesson["season_view"].value
    assert f"Milwaukee {milwaukee:+.2f}" in lesson["season_view"].value


@pytest.mark.slow
def test_an_unbeaten_team_leaves_the_screen_and_a_prior_brings_it_back() -> None:
    lesson = Lesson(NOTEBOOKS / "04_fit_scores.ipynb")
    lesson.run("fit-scores-30")
    assert "(off the screen)" not in lesson["bars_view"].value
    lesson["steps_slider"].index = len(lesson["STEPS"]) - 1
    assert "(off the screen)" in lesson["bars_view"].value
    lesson["prior"].value = "1"
    assert "(off the screen)" not in lesson["bars_view"].value
    lesson["unbeaten"].value = "Baltimore"
    assert "Baltimore unbeaten, variance 1, after 10,000 steps" in lesson["bars_view"].value


@pytest.mark.slow
def test_the_path_opens_each_pair_and_the_judge_can_prefer_the_sloppy_answers() -> None:
    lesson = Lesson(NOTEBOOKS / "00_start.ipynb")
    lesson.run()
    state, menu, pairs = lesson["one_pair"], lesson["choose_pair"], lesson["pairs"]
    assert round(state.probability, 3) == 0.802
    other = next(i for i in lesson["scored"] if i != menu.value)
    menu.value = other
    assert (state.prompt, state.response_a) == (pairs[other].prompt, pairs[other].chosen)
    assert state.scores == tuple(lesson["scored"][other])
    assert lesson["reasons"][other][:20] in lesson["why"].value
    state.scores = (0.0, 9.0)
    state.reset()
    assert state.scores == tuple(lesson["scored"][other])

    view, (sloppy, careful) = lesson["reward_view"], lesson["by_comparisons"][6]
    assert f"{careful:+.2f} (1st)" in view.value
    lesson["judge"].value = "sloppy"
    assert f"{-sloppy:+.2f} (1st)" in view.value
    lesson["n_sloppy"].value = 0
    assert f"{lesson['by_share'][0, 1]:.3f} (1st)" in lesson["imitator_view"].value


def session_of_01(seconds: float) -> Lesson:
    """01 run to its end, after a session whose parts end with the first answer that comes later than this."""
    lesson = Lesson(NOTEBOOKS / "01_why_compare.ipynb")
    lesson.run("why-compare-05")
    session, screen = lesson["session"], lesson["screen"]
    now = [0.0]
    session._clock, session.seconds = (lambda: now[0]), seconds
    assert screen.choices, "a button to begin with"
    while session.part < len(session.parts):
        screen.press(None)
        while session.question is not None:
            now[0] += 1.0
            screen.press(1)
    assert not screen.choices, "nothing to press when all four parts are done"
    lesson.run()
    return lesson


@pytest.mark.slow
def test_a_whole_session_joins_the_table_and_the_class() -> None:
    lesson = session_of_01(30)
    assert lesson["people"]["you"] is lesson["yours"]
    assert "you " in lesson.outputs["why-compare-09"][0]
    assert "class of 21" in lesson.outputs["why-compare-11"][0]


@pytest.mark.slow
def test_a_session_too_short_to_compare_is_left_out() -> None:
    lesson = session_of_01(1)
    assert lesson["session"].judgements.n_pairs == 0
    assert lesson["yours"] is None
    assert not lesson.differences()
