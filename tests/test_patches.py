"""A session of ratings and comparisons: what is asked, when it ends, and what is made of the answers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rmlab.course.patches import GREYS, PatchJudgements, PatchSession, judge_patches, simulate_patch_judgements
from rmlab.simulate import Rater

PERFECT = tuple((patch, patch + 1, 1.0) for patch in range(8))
PAIRS = tuple((b, a, 1.0) for a, b in itertools.combinations(range(8), 2))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def played(seconds_each: float = 2.0, **settings):
    """Play a session through, always with the right answer, and give it with what each part asked."""
    clock = Clock()
    session, asked = PatchSession(clock=clock, **settings), []
    while session.part < 4:
        asked.append([])
        session.start()
        while (question := session.question) is not None:
            asked[-1].append(question)
            clock.now += seconds_each
            session.answer(question[0] + 1 if len(question) == 1 else int(question[1] > question[0]))
    return session, asked


def test_every_part_has_the_same_clock():
    session, asked = played(seconds_each=2.0, seconds=30)
    assert [len(part) for part in asked] == [15, 15, 15, 15]
    assert session.judgements is not None
    assert session.judgements.seconds("ratings") == 2.0


@pytest.mark.parametrize("first", ["ratings", "comparisons"])
def test_ways_take_turns_and_either_may_come_first(first):
    session, asked = played(first=first)
    widths = [{len(question) for question in part} for part in asked]
    assert widths == ([{1}, {2}, {1}, {2}] if first == "ratings" else [{2}, {1}, {2}, {1}])
    assert session.judgements is not None
    assert len(session.judgements.ratings) == len(session.judgements.comparisons) == 2


def test_the_second_round_asks_the_same_pairs_with_the_sides_exchanged_in_another_order():
    _, asked = played(seconds=20)
    assert sorted(asked[3]) == sorted(pair[::-1] for pair in asked[1])
    assert [pair[::-1] for pair in asked[3]] != asked[1]


def test_a_quick_person_is_asked_all_pairs_before_any_again():
    _, asked = played(seconds_each=0.5, seconds=20)
    assert len({frozenset(pair) for pair in asked[1][:28]}) == 28
    assert len({frozenset(pair) for pair in asked[3][:28]}) == 28
    assert len(asked[1]) == 40


def test_right_answers_are_consistent_and_in_the_true_order():
    session, _ = played(seconds_each=0.5)
    said = session.judgements
    assert said is not None
    assert said.same_order() == (1, 1, 28)
    assert said.tau("ratings") == said.tau("comparisons") == pytest.approx(1)


def test_equal_ratings_leave_an_order_to_a_coin():
    flat = tuple((patch, 5, 1.0) for patch in range(8))
    assert PatchJudgements((PERFECT, flat), (PAIRS, PAIRS)).same_order() == (0.5, 1, 28)


def test_opposite_answers_are_counted_as_such():
    turned = tuple((b, a, 1.0) for a, b, _ in PAIRS)
    upside_down = tuple((patch, 8 - patch, 1.0) for patch in range(8))
    assert PatchJudgements((PERFECT, upside_down), (PAIRS, turned)).same_order() == (0, 0, 28)
    assert PatchJudgements((upside_down, upside_down), (turned, turned)).tau("comparisons") == pytest.approx(-1)


def test_only_pairs_that_were_judged_both_ways_and_twice_are_counted():
    assert PatchJudgements((PERFECT, PERFECT[:5]), (PAIRS, PAIRS[:9])).same_order()[2] == 4 + 2
    with pytest.raises(ValueError, match="give the rounds more time"):
        PatchJudgements((PERFECT, PERFECT), (PAIRS[:1], PAIRS[1:2])).same_order()


def test_what_is_written_is_read_again():
    said = simulate_patch_judgements(Rater(), seed=0)
    assert PatchJudgements.from_json(said.to_json()) == said
    assert "\n" not in said.to_json()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"ratings": [[], []]}',
        '{"ratings": [[]], "comparisons": [[], []]}',
        '{"ratings": [[[8, 1, 1.0]], []], "comparisons": [[], []]}',
        '{"ratings": [[["x"]], []], "comparisons": [[], []]}',
        '{"ratings": [[[1, 10, 1.0]], []], "comparisons": [[], []]}',
    ],
)
def test_another_text_is_refused(text):
    with pytest.raises(ValueError, match="expected "):
        PatchJudgements.from_json(text)


def test_less_noise_side_by_side_makes_comparisons_more_consistent():
    def shares(noise_side_by_side: float):
        people = [
            simulate_patch_judgements(Rater(noise=1.5), seed=seed, noise_side_by_side=noise_side_by_side)
            for seed in range(40)
        ]
        return np.mean([said.same_order() for said in people], axis=0)

    alike, surer = shares(1.0), shares(0.25)
    assert surer[1] - alike[1] > 0.1
    assert abs(surer[0] - alike[0]) < 0.05, "the ratings have the noise that they had"


def test_the_order_of_the_ratings_is_free_of_offset_and_scale_where_no_box_is_left():
    taus = [
        np.mean([simulate_patch_judgements(Rater(noise=0.5, **own), seed=s).tau("ratings") for s in range(20)])
        for own in ({}, {"offset": 1.0, "scale": 0.8})
    ]
    assert taus[0] == pytest.approx(taus[1], abs=0.05)


def test_a_session_refuses_what_it_cannot_take():
    session = PatchSession()
    with pytest.raises(ValueError, match="call start"):
        session.answer(1)
    session.start()
    with pytest.raises(ValueError, match="from 1 to 9, got 10"):
        session.answer(10)
    with pytest.raises(ValueError, match="seconds must be above 0"):
        PatchSession(seconds=0)
    with pytest.raises(ValueError, match="first must be"):
        PatchSession(first="texts")  # type: ignore[arg-type]
    done, _ = played()
    with pytest.raises(ValueError, match="the session is over"):
        done.start()


def test_the_widget_takes_a_person_through_all_four_parts():
    clock = Clock()
    session = PatchSession(seconds=3, clock=clock)
    view = judge_patches(session)
    for n, way in enumerate(session.parts):
        assert way in view.line
        assert view.greys == ()
        assert view.choices == ((f"Start part {n + 1} of 4", None, ""),)
        view.press(None)
        while session.part == n:
            question = session.question
            assert question is not None
            assert view.greys == tuple(GREYS[patch] for patch in question)
            assert view.choices == (
                tuple((str(i), i, str(i)) for i in range(1, 10))
                if len(question) == 1
                else (("left is lighter", 0, "ArrowLeft"), ("right is lighter", 1, "ArrowRight"))
            )
            clock.now += 1
            view.press(9 if len(question) == 1 else 1)
    assert "Done" in view.line
    assert view.choices == view.greys == ()
    said = session.judgements
    assert said is not None
    assert {rating for part in said.ratings for _, rating, _ in part} == {9}


def test_a_second_click_on_one_screen_is_no_answer_to_the_next():
    session = PatchSession()
    view = judge_patches(session)
    view.press(None)
    asked, click = session.question, {"screen": view.screen, "value": 9}
    view._handle_custom_msg(click, [])  # what the browser sends
    following = session.question
    assert following != asked
    view._handle_custom_msg(click, [])
    assert session.question == following
    view._handle_custom_msg({"screen": view.screen, "value": 9}, [])
    assert session.question != following
