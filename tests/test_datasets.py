"""Data sets: counts, schema and balance of `everyday`, that no surface gives its labels away; the baseball season."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib import resources

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from rmlab.bradley_terry import fit_bradley_terry
from rmlab.data import check_pairs
from rmlab.datasets import dataset_card, everyday_notes, load_baseball, load_everyday

KINDS = (
    *("arithmetic", "complete", "concise", "factual", "hedges", "honest"),
    *("instruction", "on_topic", "ordered", "polite", "refusal", "safe"),
)
DATA = resources.files("rmlab.datasets") / "data"


@pytest.fixture(scope="module")
def everyday():
    return load_everyday()


@pytest.fixture(scope="module")
def notes():
    return everyday_notes()


# everyday: counts and schema


def test_everyday_has_at_least_30_pairs_of_each_of_twelve_kinds(everyday):
    kinds = Counter(everyday.groups)
    assert sorted(kinds) == list(KINDS)
    assert min(kinds.values()) >= 30


def test_every_line_of_everyday_has_the_columns_the_card_names_and_no_other():
    lines = (DATA / "everyday.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    columns = re.findall(r"\| `(\w+)` \|", dataset_card("everyday").partition("## Kinds")[0])
    assert all(list(record) == columns for record in records)
    texts = [text for record in records for text in record.values()]
    assert [text for text in texts if not isinstance(text, str) or not text or text != text.strip()] == []
    assert [record["id"] for record in records] == [f"everyday-{i + 1:03d}" for i in range(len(records))]


def test_reading_everyday_flags_nothing(everyday):
    report = everyday.report
    faults = ("n_ties", "n_empty", "n_equal", "n_empty_prompt", "n_prompts_differ", "n_duplicates", "n_contradictions")
    assert [getattr(report, fault) for fault in faults] == [0] * len(faults)


def test_notes_stand_in_the_order_of_the_pairs(everyday, notes):
    assert [note.kind for note in notes] == everyday.groups
    assert len({note.id for note in notes}) == len(everyday)


def test_difficulties_are_three_and_each_is_in_use(notes):
    counts = Counter(note.difficulty for note in notes)
    assert set(counts) == {"easy", "medium", "hard"}
    assert min(counts.values()) >= 0.1 * len(notes)


def test_every_why_is_one_sentence(notes):
    assert [note.why for note in notes if not re.fullmatch(r"[^\n]*[\w'\")%]\.", note.why)] == []
    assert [note.why for note in notes if re.search(r"[.?]\s+[A-Z]", note.why)] == []


def test_lengths_suit_reading_in_class(everyday):
    assert all(4 <= len(prompt.split()) <= 40 for prompt in everyday.texts("prompt"))
    words = [len(text.split()) for side in ("chosen", "rejected") for text in everyday.texts(side)]
    assert max(words) <= 80
    assert np.mean(np.array(words) >= 10) > 0.9


# everyday: no short cut to the label


def test_the_chosen_response_is_the_longer_one_about_half_of_the_time(everyday):
    longer = everyday.lengths("chosen") > everyday.lengths("rejected")
    kinds = np.array(everyday.groups)
    assert 0.45 <= longer.mean() <= 0.55
    shares = {kind: longer[kinds == kind].mean() for kind in np.unique(kinds)}
    assert {kind: share for kind, share in shares.items() if not 0.35 <= share <= 0.65} == {}


def response_texts(pairs):
    """Responses and labels, those of a pair side by side, and the number of its pair for each."""
    texts = [text for both in zip(pairs.texts("chosen"), pairs.texts("rejected"), strict=True) for text in both]
    return texts, np.tile([1, 0], len(pairs)), np.repeat(np.arange(len(pairs)), 2)


def held_out_accuracy(texts, labels, pair_of) -> float:
    """Accuracy of a bag of words and word pairs in five folds, the responses of a pair in one; mean of 3 shuffles."""
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(max_iter=1000))
    rng = np.random.default_rng(0)
    accuracies = []
    for _ in range(3):
        groups = rng.permutation(pair_of.max() + 1)[pair_of]
        predicted = cross_val_predict(model, texts, labels, groups=groups, cv=GroupKFold(5))
        accuracies.append((predicted == labels).mean())
    return float(np.mean(accuracies))


def test_words_alone_hardly_tell_chosen_from_rejected(everyday):
    assert held_out_accuracy(*response_texts(everyday)) <= 0.6


def test_that_bound_would_notice_a_telltale(everyday):
    texts, labels, pair_of = response_texts(everyday)
    marked = (labels == 1) & (pair_of % 4 > 0)  # three chosen responses of four
    texts = [f"Certainly. {text}" if mark else text for text, mark in zip(texts, marked, strict=True)]
    assert held_out_accuracy(texts, labels, pair_of) > 0.65


@pytest.mark.parametrize("sign", ["!", "?", ":", ";", "Sure", "Certainly", "I'm sorry", "As an AI", "1."])
def test_no_sign_stands_on_one_side_only(everyday, sign):
    chosen, rejected = (sum(sign in text for text in everyday.texts(side)) for side in ("chosen", "rejected"))
    assert abs(chosen - rejected) <= max(4, 0.08 * len(everyday))


# everyday: variety


@pytest.mark.parametrize("side", ["prompt", "chosen", "rejected"])
def test_no_two_texts_are_near_equal(everyday, side):
    texts = list(everyday.texts(side))
    vectors = TfidfVectorizer().fit_transform(texts)
    similarity = (vectors @ vectors.T).toarray()
    np.fill_diagonal(similarity, 0)
    near = np.argwhere(np.triu(similarity) > 0.7)
    assert [(texts[i], texts[j]) for i, j in near] == []


@pytest.mark.parametrize("side", ["prompt", "chosen", "rejected"])
def test_no_opening_is_worn_out(everyday, side):
    openings = Counter(" ".join(re.findall(r"[\w']+", text.lower())[:3]) for text in everyday.texts(side))
    assert {opening: n for opening, n in openings.items() if n > 5} == {}


def test_no_prompt_is_that_of_another_pair(everyday):
    check = check_pairs(everyday)
    assert check.n_prompts == len(everyday)
    assert check.near_equal_prompts.tolist() == []


# Cards


def test_the_card_of_everyday_says_where_it_comes_from_and_how_large_it_is(everyday):
    card = " ".join(dataset_card("everyday").split())
    assert f"{len(everyday)} pairs" in card
    assert "written for this project" in card
    assert "not collected from a crowd" in card
    for kind, n in Counter(everyday.groups).items():
        assert re.search(rf"\| `{kind}` \| {n} \|", card), kind


def test_the_card_of_baseball_names_its_source_and_its_columns():
    card = " ".join(dataset_card("baseball").split())
    assert "Agresti" in card
    assert "Categorical Data Analysis" in card
    header = (DATA / "baseball.csv").read_text(encoding="utf-8").splitlines()[0]
    assert re.findall(r"\| `(\w+)` \|", card) == header.split(",")


def test_an_unknown_card_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match=r"expected the name of a data set \(baseball, .*everyday\), got 'cricket'"):
        dataset_card("cricket")


# Baseball: Agresti's tables and what he fits to them

TEAMS = ("Baltimore", "Boston", "Cleveland", "Detroit", "Milwaukee", "New York", "Toronto")
WINS = np.array(  # of the row over the column, home and away together
    [
        [0, 1, 7, 4, 2, 3, 1],
        [12, 0, 7, 2, 6, 7, 6],
        [6, 6, 0, 4, 4, 6, 5],
        [9, 11, 9, 0, 6, 5, 7],
        [11, 7, 9, 7, 0, 7, 9],
        [10, 6, 7, 8, 6, 0, 6],
        [12, 7, 8, 6, 4, 7, 0],
    ]
)


def test_home_and_away_games_sum_to_the_table_of_wins():
    season = load_baseball()
    wins = np.zeros_like(WINS)
    for winner, loser in zip(season.winners, season.losers, strict=True):
        wins[TEAMS.index(winner), TEAMS.index(loser)] += 1
    np.testing.assert_array_equal(wins, WINS)
    assert len(season.winners) == len(season.losers) == len(season.first) == 273


def test_a_home_team_that_won_is_first():
    season = load_baseball()
    games = Counter(zip(season.winners, season.losers, season.first.tolist(), strict=True))
    assert set(season.first.tolist()) == {1, -1}
    # In Milwaukee, Milwaukee won 6 against Boston and lost 1; in Boston, Boston won 5 and lost 1.
    assert [games["Milwaukee", "Boston", first] for first in (1, -1)] == [6, 1]
    assert [games["Boston", "Milwaukee", first] for first in (1, -1)] == [5, 1]


def test_the_fit_gives_the_published_scores():
    season = load_baseball()
    fit = fit_bradley_terry(season.winners, season.losers).relative_to("Baltimore")
    assert fit.items == TEAMS
    np.testing.assert_allclose(
        fit.scores, [0, 1.10770, 0.68385, 1.43641, 1.58136, 1.24762, 1.29449], rtol=0, atol=5.1e-6
    )
    np.testing.assert_allclose(
        fit.standard_errors, [0, 0.33388, 0.33188, 0.33957, 0.34326, 0.33586, 0.33667], rtol=0, atol=5.1e-6
    )
    assert fit.log_loss == pytest.approx(0.6309457, abs=5e-8)


def test_the_fit_gives_the_published_home_effect():
    season = load_baseball()
    fit = fit_bradley_terry(season.winners, season.losers, first=season.first)
    assert fit.order_effect == pytest.approx(0.30226, abs=5e-6)
    assert fit.order_effect_standard_error == pytest.approx(0.13094, abs=5e-6)
