"""What a session shows: the same again after a stop, sides drawn, one in ten pairs back and swapped, rules recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rmlab.data import PreferencePair, pair_ids
from rmlab.labels import (
    ByDisagreement,
    ByInformation,
    LabelStore,
    PlaceTakenError,
    Questions,
    Session,
    ask,
    import_pairs,
    traits_of,
)
from rmlab.labels.desk import Desk
from rmlab.labels.sessions import GAP, REPEAT
from rmlab.preference import preference_probability

PAIRS = [PreferencePair(f"question {i}", f"good {i}", f"bad {i}") for i in range(110)]
QUESTIONS = ask(PAIRS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LabelStore]:
    with LabelStore(tmp_path / "labels.db") as store:
        yield store


def judge(session: Session, verdict: str = "left", *, key: str | None = None) -> None:
    shown = session.showing()
    assert shown is not None
    key = key or f"{session.name}-{session.position}"
    session.judge(verdict, 1.0, key=key, position=session.position, showing=shown.number)  # type: ignore[arg-type]


def undo(session: Session) -> None:
    last = session.standing[-1]
    session.judge("undo", 0.5, key=f"undo-{session.position}", position=session.position, showing=last.showing)


def test_a_pair_and_its_twin_are_one_question() -> None:
    pair = PAIRS[0]
    twin = PreferencePair(pair.prompt, pair.rejected, pair.chosen)
    questions = ask([pair, twin, pair, PreferencePair("p", "same", "same"), PAIRS[1]])
    assert (len(questions), questions.n_repeated, questions.n_equal) == (2, 2, 1)
    assert questions.ids[0] == min(pair_ids(ask([one]).pairs)[0] for one in (pair, twin))
    for one in (ask([pair]), ask([twin])):
        assert one.ids == questions.ids[:1]
        assert one.shown(0, swapped=False) == ask([pair]).shown(0, swapped=False)
        assert one.shown(0, swapped=True)[1:] == one.shown(0, swapped=False)[:0:-1]
        first = one.shown(0, swapped=False)[1]
        assert (one.signs()[0] == 1) == (first == one.pairs[0].chosen)
    with pytest.raises(ValueError, match="none of the 1 pairs can be judged"):
        ask([PreferencePair("p", "same", "same")])


def test_it_goes_on_where_it_stopped_and_shows_the_same(store: LabelStore) -> None:
    session = Session(store, QUESTIONS, "Ann")
    for _ in range(15):
        judge(session)
    again = Session(store, QUESTIONS, "Ann")
    assert again.name == session.name
    assert again.showing() == session.showing()
    assert len(again.standing) == 15
    assert Session(store, QUESTIONS, "Bob").name != session.name


def test_sides_are_drawn_for_each_rater_and_recorded(store: LabelStore) -> None:
    sides: dict[str, list[bool]] = {}
    for rater in ("Ann", "Bob"):
        session = Session(store, QUESTIONS, rater, name=f"session-of-{rater}")
        while shown := session.showing():
            judge(session)
            assert session.entries[-1].swapped == shown.swapped
        first = {entry.pair: entry.swapped for entry in session.entries if entry.rule != REPEAT}
        sides[rater] = [first[name] for name in QUESTIONS.ids]
    for drawn in sides.values():
        assert 35 <= sum(drawn) <= 75  # four standard deviations
    assert 35 <= sum(a == b for a, b in zip(*sides.values(), strict=True)) <= 75


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_one_in_ten_comes_back_swapped(store: LabelStore, name: str) -> None:
    session = Session(store, QUESTIONS, "Ann", name=name)
    while session.showing():
        judge(session)
    assert Counter(Counter(entry.pair for entry in session.entries).values())[2] in (10, 11)
    assert len({entry.pair for entry in session.entries}) == len(QUESTIONS)
    first = {}
    for entry in session.entries:
        if entry.rule == REPEAT:
            assert entry.swapped != first[entry.pair].swapped
            assert entry.showing - first[entry.pair].showing > GAP
        else:
            first[entry.pair] = entry
    gaps = np.diff([entry.showing for entry in session.entries if entry.rule == REPEAT])
    assert len(set(gaps.tolist())) > 3, "at places that nobody can foresee"


def test_what_is_undone_is_shown_again_as_it_was(store: LabelStore) -> None:
    session = Session(store, QUESTIONS, "Ann")
    shown = []
    for _ in range(20):
        shown.append(session.showing())
        judge(session)
    undo(session)
    undo(session)
    assert [entry.verdict for entry in session.entries[-2:]] == ["undo", "undo"]
    assert len(session.standing) == 18
    assert session.showing() == shown[18]
    judge(session, "right")
    assert session.showing() == shown[19]
    judge(session, "tie")
    assert session.showing() not in shown
    assert Counter(entry.showing for entry in session.entries)[19] == 3, "nothing is overwritten"
    with pytest.raises(ValueError, match="only the last"):
        session.judge("undo", 0.0, key="x", position=session.position, showing=3)


def test_what_was_judged_in_another_tab_is_not_judged_twice(store: LabelStore) -> None:
    here, there = (Session(store, QUESTIONS, "Ann", name="one") for _ in range(2))
    judge(here, key="click")
    with pytest.raises(PlaceTakenError):
        judge(there, "right")
    assert there.entries == here.entries, "it has read what was judged"
    there.judge("left", 1.0, key="click", position=1, showing=1)  # the same click, sent again
    with pytest.raises(PlaceTakenError):  # an older page of one process
        there.judge("right", 1.0, key="late", position=1, showing=1)
    with pytest.raises(ValueError, match="showing 1 is not"):
        there.judge("right", 1.0, key="late", position=2, showing=1)
    assert store.count() == 1


def test_a_pair_that_vanished_is_counted_and_the_others_go_on(store: LabelStore) -> None:
    session = Session(store, QUESTIONS, "Ann", name="one")
    for _ in range(30):
        judge(session)
    undo(session)
    fewer = ask([pair for pair, name in zip(PAIRS, QUESTIONS.ids, strict=True) if name != session.entries[0].pair][:40])
    session = Session(store, fewer, "Ann", name="one")
    assert session.n_vanished >= 1
    while session.showing():
        judge(session)
    assert {entry.pair for entry in session.standing} >= set(fewer.ids)


def test_skipped_is_not_shown_again(store: LabelStore) -> None:
    few = ask(PAIRS[:4])
    session = Session(store, few, "Ann")
    for _ in range(4):
        judge(session, "skip")
    assert session.showing() is None


# Rules


def drawn(store: LabelStore, questions: Questions, rule: ByDisagreement | ByInformation, n: int) -> list[int]:
    session = Session(store, questions, "Ann", rule=rule, name="one")
    places = []
    for _ in range(n):
        shown = session.showing()
        assert shown is not None
        places.append(shown.place)
        judge(session)
        assert session.entries[-1].rule == rule.name
    return places


def test_the_pair_on_which_two_models_disagree_most_comes_first(store: LabelStore) -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, len(QUESTIONS)))
    one[:3], other[:3] = 9.0, 3.0  # far apart, but both certain
    gap = np.abs(preference_probability(one) - preference_probability(other))
    assert drawn(store, QUESTIONS, ByDisagreement(one, other), 5) == np.argsort(-gap)[:5].tolist()


def test_the_pair_that_says_most_comes_first(store: LabelStore) -> None:
    x = np.random.default_rng(1).normal(size=(len(QUESTIONS), 3))
    rule = ByInformation(x, prior_variance=2.0)
    (place,) = drawn(store, QUESTIONS, rule, 1)
    gains = [np.linalg.slogdet(np.eye(3) / 2 + 0.25 * np.outer(row, row))[1] for row in x]
    assert place == int(np.argmax(gains))
    # in every direction something is learned, where drawing by length alone would stay in one
    judged = [(p, 1) for p in range(20)]
    taken = [rule.draw(np.arange(20, 110), judged[:k], np.random.default_rng(0)) for k in range(20)]
    assert len(set(taken)) > 1


def test_labels_of_another_file_count_towards_no_goal_and_are_not_undone(store: LabelStore) -> None:
    others = ask([PreferencePair(f"other {i}", f"good {i}", f"bad {i}") for i in range(20)])
    first = Session(store, QUESTIONS, "Ann")
    judge(first)
    second = Session(store, others, "Ann")
    assert (second.known, second.n_vanished) == ([], 1)
    showing = second.showing()
    assert showing is not None
    with pytest.raises(ValueError, match="only the last judgement"):
        second.judge("undo", 0.0, key="u", position=second.position, showing=first.standing[0].showing)
    desk = Desk(store, others, traits_of(others), rule=None, goal=1)
    view = desk.view(desk.sit("Ann"))
    assert (view["judged"], view["undo"], view["vanished"]) == (0, None, 1)


def test_after_an_import_pairs_come_back_as_seldom_as_before(store: LabelStore) -> None:
    pairs = [PreferencePair(f"question {i}", f"good {i}", f"bad {i}", chosen_first=True) for i in range(300)]
    import_pairs(store, pairs[:200], rater="me")
    session = Session(store, ask(pairs), "me")
    for _ in range(33):
        judge(session)
    assert sum(entry.rule == REPEAT for entry in session.entries) <= 4
